//! Measuring lossless codecs on raw frames, without knowing a single one of them.
//!
//! In: a [`Suite`] (a question, datasets, codecs), a [`Registry`](nf_codec::Registry), and a way to open
//! [datasets](nf_data::Dataset).
//!
//! - [`suite`]: the TOML file that states a comparison.
//! - `forms`: the same pixels as planes, differences, bytes or patches.
//! - [`run()`]: the loop over images and codecs; [`progress`] shows it to people.
//! - `measure`: one codec on one image: verify, then time; `memory` for its peak; `reuse`: not again what was measured already.
//!
//! Out: a folder that is never overwritten.
//!
//! - [`measurement`]: one row, and the file of rows.
//! - [`folder`], [`machine`]: where rows are kept, and what they were measured on.
//! - [`summary`]: rows pooled into rates, as `docs/methodology.md` defines them.
//! - [`bootstrap`]: how far a pooled rate would move with other images.
//! - [`analysis`]: what a suite asks for beyond its tables; [`analysis::sigma`], estimators of noise.
//! - [`report`]: runs as a page for people, with plots.
//! - [`limit`]: how far a frame is from the noise floor.
//! - [`table`], [`splice`]: the summary for a terminal, and inside another document.
//! - [`ledger`]: the sizes that must not change unnoticed.
//!
//! - [`Error`]: what can go wrong, naming the file at fault.
// `memory` declares one foreign function; everything else is safe.
#![deny(unsafe_code)]

pub mod analysis;
pub mod bootstrap;
mod error;
pub mod folder;
mod forms;
pub mod ledger;
pub mod limit;
pub mod machine;
mod measure;
pub mod measurement;
mod memory;
pub mod progress;
pub mod published;
pub mod report;
mod reuse;
pub mod run;
pub mod splice;
pub mod suite;
pub mod summary;
pub mod table;

pub use error::{Error, Result};
pub use machine::Build;
pub use measurement::Measurement;
pub use progress::{Progress, Quiet, Reporter};
pub use run::{Opener, Run, RunOptions, read, resume, run};
pub use suite::{Analysis, DatasetChoice, Form, Suite};
