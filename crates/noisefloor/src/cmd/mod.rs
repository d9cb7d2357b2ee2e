//! One file per verb.

pub(crate) mod archive;
pub(crate) mod bench;
pub(crate) mod bound;
pub(crate) mod codecs;
pub(crate) mod compress;
pub(crate) mod data;
pub(crate) mod decompress;
pub(crate) mod fits;
pub(crate) mod info;
mod level;
pub(crate) mod limit;
pub(crate) mod manual;
pub(crate) mod profile;
pub(crate) mod report;
mod salvage;
mod stages;
pub(crate) mod test;
#[cfg_attr(not(feature = "train"), path = "no_train.rs")]
pub(crate) mod train;
pub(crate) mod truncate;
