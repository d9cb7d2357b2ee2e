//! Many files, each with an output of its own: the grammar that all verbs which write files share.
//!
//! - [`Files`]: the arguments. Names, patterns and folders in; one output for each file.
//! - [`expand`]: the files that are meant; [`DataInputs`]: the same where datasets may be named
//!   too.
//! - [`plan`]: the output of each. Every name is checked before the first file is written: two
//!   inputs never share one, and no input is an output.
//! - [`each`]: the work, with progress, results and proofs of deletion, going on where a file
//!   fails.

mod args;
mod data;
mod each;
mod expand;
mod pattern;
mod plan;
mod progress;

pub(crate) use args::{Files, Inputs, refuse};
pub(crate) use data::{DataInputs, Meant};
pub(crate) use each::{Done, Job};
pub(crate) use plan::Rules;
pub(crate) use progress::Progress;
