//! Where the samples of a tile come from.

use super::lanes::Lanes;
use crate::Error;

/// Where the samples of a tile come from.
pub(crate) enum Source<'a> {
    /// 8.1: they are read.
    Coded(Lanes<'a>),
    /// 19.10: they are known, row by row.
    Known(&'a [u16]),
}

impl Source<'_> {
    /// The known sample at a place, row by row.
    pub(crate) fn known(&self, place: usize) -> Option<u16> {
        match self {
            Self::Coded(_) => None,
            Self::Known(samples) => Some(samples[place]),
        }
    }

    /// `x mod 2^n` of the state `x` of a lane; 0 of known samples.
    pub(crate) fn point(&self, lane: usize, n: u32) -> i64 {
        match self {
            Self::Coded(lanes) => lanes.point(lane, n),
            Self::Known(_) => 0,
        }
    }

    /// 8.21, where samples are read.
    pub(crate) fn advance(&mut self, lane: usize, start: i64, end: i64, n: u32) -> Result<(), Error> {
        match self {
            Self::Coded(lanes) => lanes.advance(lane, start, end, n),
            Self::Known(_) => Ok(()),
        }
    }

    /// An error unless all pixels were read.
    pub(crate) fn end(&self) -> Result<(), Error> {
        match self {
            Self::Coded(lanes) => lanes.end(),
            Self::Known(_) => Ok(()),
        }
    }
}
