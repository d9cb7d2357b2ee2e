//! Measuring lossless codecs on raw frames, without knowing any of them by name.
//!
//! In: a [`Suite`] (a question, datasets, codecs), a [`Registry`](nf_codec::Registry), and a way to
//! open [datasets](nf_data::Dataset).
//!
//! - [`suite`]: the TOML file that states a comparison.
//! - `transforms`: the same pixels as planes, differences, bytes or patches.
//! - [`run()`]: the loop over images and codecs; an [`Observer`] sees what happens.
//! - `candidates`: the codecs that a suite asks for; [`estimate`]: what models say that images
//!   would cost, which is no size.
//! - `moments`: what an error is like; `sky`: a sky whose stars are known.
//! - `measure`: one codec on one image: verify, then time; `memory` for its peak; `reuse`: rows of
//!   earlier runs instead of new ones.
//!
//! Out: a folder that is never overwritten.
//!
//! - [`measurement`]: one row; [`row_file`]: the file of rows.
//! - [`folder`], [`machine`]: where rows are kept, and what they were measured on; [`files`]: files
//!   that are never seen half-written.
//! - [`errors`], [`photometry`]: what bounds do to samples, and to stars of a simulated sky.
//! - [`profiles`]: profiles of detectors, built from frames that are not measured.
//! - [`totals`]: sums over rows; [`ledger`]: the sizes that must not change unnoticed.
//!
//! - [`Error`]: what can go wrong, naming the file at fault.
// `memory` declares one foreign function; everything else is safe.
#![deny(unsafe_code)]

mod candidates;
mod error;
pub mod errors;
pub mod estimate;
pub mod files;
pub mod folder;
pub mod ledger;
pub mod machine;
mod measure;
pub mod measurement;
mod memory;
mod moments;
pub mod observer;
pub mod photometry;
pub mod profiles;
mod reuse;
pub mod row_file;
pub mod run;
mod sky;
pub mod suite;
pub mod totals;
mod transforms;

pub use error::{Error, Result};
pub use estimate::{Estimator, Estimators};
pub use machine::Build;
pub use measure::CodecFacts;
pub use measurement::{ESTIMATE, Measurement, ORACLE, Status};
pub use nf_bounded::ArrayRegistry;
pub use observer::{Observer, Silent};
pub use run::{Run, RunOptions, read, resume, run};
pub use suite::{Analysis, DatasetChoice, Suite, Transform};
pub use transforms::{Opener, open_transformed};
