//! Reporting: finished runs of `nf-bench` as tables, charts and pages.
//!
//! - [`summary`]: rows pooled into rates, as `docs/methodology.md` defines them; [`statistics`]:
//!   how far a pooled rate would move with other images, fitted lines, rank correlation.
//! - [`names`]: short names of codecs where there is little room.
//! - [`tables`]: the summary for a terminal and as Markdown; [`table`]: cells in rows; [`splice`]:
//!   a table inside another document.
//! - [`report`]: runs as a page with plots; [`limit`]: frames held against the noise floor, and
//!   their page.
//! - `document`: what a page is made of; `html` and `markdown` write it, `save` puts it into a
//!   folder.
//! - `sections`: from a run to the sections of its page; `charts`: from summaries to plots;
//!   `pictures`: pixels, bits and residuals of a frame; `draw`: drawing them as SVG.
//! - [`published`]: figures of others.
//! - `escape`: text from outside in HTML, Markdown, CSV and on a terminal.
#![forbid(unsafe_code)]

mod charts;
mod document;
mod draw;
mod error;
mod escape;
mod html;
pub mod limit;
mod markdown;
pub mod names;
mod pictures;
pub mod published;
pub mod report;
mod save;
mod sections;
mod slug;
mod sources;
pub mod splice;
pub mod statistics;
pub mod summary;
pub mod table;
pub mod tables;

pub use error::{Error, Result};
pub use escape::printable;
