//! Streams that decode in stages.

use crate::{Limits, Result};
use nf_image::{Image16, Shape};

/// What a stream says of one of its stages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// Bytes of the stream up to its end.
    pub end_bytes: usize,
    /// After it no sample is further from its original than this; 0 after the last stage.
    pub bound_dn: u32,
    /// The same in the noise scales that the codec itself measured.
    pub bound_sigma: f64,
}

impl Stage {
    /// The same stage of no stream at all.
    pub(crate) fn of_none(self) -> Self {
        Self { end_bytes: 0, bound_dn: 0, bound_sigma: 0.0 }
    }

    /// Adds another stream: bytes are summed up, the larger bound holds for both.
    pub(crate) fn add(&mut self, other: &Self) {
        self.end_bytes += other.end_bytes;
        self.bound_dn = self.bound_dn.max(other.bound_dn);
        self.bound_sigma = self.bound_sigma.max(other.bound_sigma);
    }
}

/// A codec whose streams tell ever more of every sample: each beginning of a stream that ends with
/// a stage is a stream of its own.
///
/// # What implementers promise
///
/// 1. The samples of `decode_stage` are within the bound of that stage; those of the last one are
///    the samples that were encoded.
/// 2. `decode_stage` needs no byte of the stream beyond the end of the stage, and gives the same
///    samples whatever follows.
/// 3. Damage before that end is an error, or gives a wrong image, as with
///    [`Codec::decode`](crate::Codec::decode).
pub trait Staged {
    /// The stages that are there in full, in order.
    ///
    /// # Errors
    /// If the bytes are not the beginning of a stream, or not even the first stage is there.
    fn stages(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Vec<Stage>>;

    /// What is known of all samples after a stage, counted from 0.
    ///
    /// # Errors
    /// As [`Codec::decode`](crate::Codec::decode), and if the stage is not there in full.
    fn decode_stage(&self, bytes: &[u8], shape: Shape, stage: usize, limits: &Limits) -> Result<Image16>;
}
