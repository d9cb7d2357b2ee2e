//! Where the answers of decisions come from.

use super::coder::Coder;
use crate::Error;

/// Where the answers of decisions come from.
pub(crate) enum Source<'a> {
    /// 18: they are read.
    Coded(Coder<'a>),
    /// format-floor.md, 19.9: they are known, for all samples and for the current one.
    Known(&'a [u16], i64),
}

impl Source<'_> {
    /// The decisions of the pixel `place` (row by row) follow.
    pub(crate) fn start_pixel(&mut self, place: usize) {
        if let Self::Known(samples, sample) = self {
            *sample = samples[place].into();
        }
    }

    /// Whether the sample is at least `middle`, which has the probability `q`.
    pub(crate) fn decide(&mut self, q: f32, middle: i64) -> Result<bool, Error> {
        match self {
            Self::Coded(coder) => coder.decide(q),
            Self::Known(_, sample) => Ok(*sample >= middle),
        }
    }

    /// 18.3: an error unless all bytes were read.
    pub(crate) fn end(&self) -> Result<(), Error> {
        match self {
            Self::Coded(coder) => coder.end(),
            Self::Known(..) => Ok(()),
        }
    }
}
