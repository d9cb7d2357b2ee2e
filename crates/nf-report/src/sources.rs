//! What a report needs besides the rows of its runs.

use crate::names::Experiments;
use nf_bench::{ArrayRegistry, Opener};
use nf_codec::{Registry, Spec};

/// How a report is made.
#[derive(Clone, Debug)]
pub struct ReportOptions {
    /// Frames shown of every run, at most; none where the data are absent.
    pub frames: usize,
    /// The codec whose sizes of blocks show where the bits go.
    pub map_codec: Spec,
    /// The command line, repeated at the end.
    pub command: String,
}

/// What a report needs besides the rows of its runs: codecs and pixels.
pub struct Sources<'a> {
    /// The codecs.
    pub registry: &'a Registry,
    /// Those with a loss of their own.
    pub array_codecs: &'a ArrayRegistry,
    /// Where datasets are found; what is missing is left out with a remark.
    pub open: &'a Opener<'a>,
    /// The log of a checkpoint's training (CSV: `step`, and columns in bits), if it is at hand.
    pub training: &'a dyn Fn(&str) -> Option<String>,
    /// The experiment (TOML) behind a checkpoint, if it is at hand.
    pub experiment: &'a Experiments<'a>,
}
