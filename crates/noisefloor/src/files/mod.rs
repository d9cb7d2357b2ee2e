//! Files of the command line: what comes in, and how nothing is left half-written.

pub(crate) mod batch;
pub(crate) mod disk;
pub(crate) mod form;
pub(crate) mod input;
pub(crate) mod output;
pub(crate) mod profile;
pub(crate) mod source;

pub(crate) use nf_archive::kinds;
