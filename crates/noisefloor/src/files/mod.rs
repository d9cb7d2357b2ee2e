//! Files of the command line: what comes in, and how nothing is left half-written.

pub(crate) mod batch;
pub(crate) mod detector;
pub(crate) mod form;
pub(crate) mod input;
pub(crate) mod kinds;
pub(crate) mod output;
mod parts;
pub(crate) mod profile;
pub(crate) mod source;
pub(crate) mod walk;
