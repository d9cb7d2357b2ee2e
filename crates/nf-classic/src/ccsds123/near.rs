//! Near-lossless compression: the quantiser and the sample representatives of CCSDS 123.0-B-2,
//! sections 4.8 and 4.9.
//!
//! A residual becomes the index of a bin as wide as twice the largest error and one, and the sample
//! the centre of that bin. What later predictions see is the sample representative, which may lie
//! between that centre and the prediction.

use super::predictor::{Known, Prediction, WEIGHT_BITS};

/// Limits on the error of a sample, and the sample representatives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Near {
    /// Largest error (absolute error limit a, 0..=65535).
    pub(crate) abs: Option<u16>,
    /// Largest error as a share of the predicted sample, in units of 2^-16 (relative error limit
    /// r).
    pub(crate) rel: Option<u16>,
    /// How far representatives are drawn to the prediction (damping phi, below 2^resolution).
    pub(crate) damping: u8,
    /// How far centres are drawn to the prediction (offset psi, below 2^resolution).
    pub(crate) offset: u8,
    /// Bits of both (Theta, 0..=4).
    pub(crate) resolution: u8,
}

impl Near {
    /// The largest error of a sample (4.8.2).
    fn most(self, prediction: Prediction) -> i32 {
        let relative = |limit: u16| ((i64::from(limit) * i64::from(prediction.value())) >> 16) as i32;
        match (self.abs, self.rel) {
            (Some(limit), Some(share)) => i32::from(limit).min(relative(share)),
            (Some(limit), None) => i32::from(limit),
            (None, Some(share)) => relative(share),
            (None, None) => 0,
        }
    }

    /// The index of a sample as a number (4.8.1, 4.11), and what becomes of the sample.
    pub(super) fn map(self, prediction: Prediction, sample: u16) -> (u32, Known) {
        let most = self.most(prediction);
        let residual = i32::from(sample) - prediction.value();
        let size = (residual.abs() + most) / (2 * most + 1);
        let index = if residual < 0 { -size } else { size };
        let (below, above) = rooms(prediction, most);
        let room = below.min(above);
        let second = if prediction.is_even() { index >= 0 } else { index <= 0 };
        let mapped = if size > room { size + room } else { 2 * size - i32::from(!second) };
        (mapped as u32, self.known(prediction, index, most))
    }

    /// What the sample became whose index is this number.
    pub(super) fn unmap(self, prediction: Prediction, mapped: u32) -> Known {
        let most = self.most(prediction);
        let (below, above) = rooms(prediction, most);
        let (room, mapped) = (below.min(above), mapped as i32);
        let index = if mapped > 2 * room {
            if below <= above { mapped - room } else { room - mapped }
        } else {
            let size = (mapped + 1) >> 1;
            if (mapped & 1 == 0) == prediction.is_even() { size } else { -size }
        };
        self.known(prediction, index, most)
    }

    /// Centre of the bin and sample representative (4.9).
    fn known(self, prediction: Prediction, index: i32, most: i32) -> Known {
        let all = i64::from(u16::MAX);
        let step = 2 * i64::from(most) + 1;
        let centre = (i64::from(prediction.value()) + i64::from(index) * step).clamp(0, all);
        let [damping, offset, resolution] = [self.damping, self.offset, self.resolution].map(i64::from);
        let drawn =
            (i64::from(index.signum()) * i64::from(most) * offset) << (i64::from(WEIGHT_BITS) - resolution);
        let own = 4 * ((1 << resolution) - damping) * ((centre << WEIGHT_BITS) - drawn);
        let doubled = (own + damping * prediction.high() - (damping << (WEIGHT_BITS + 1)))
            >> (i64::from(WEIGHT_BITS) + resolution + 1);
        Known { centre: centre as u16, representative: ((doubled + 1) >> 1).clamp(0, all) as u16 }
    }
}

/// Bins below and above that of the prediction (the two sides of theta, 4.11).
fn rooms(prediction: Prediction, most: i32) -> (i32, i32) {
    let bins = |distance: i32| (distance + most) / (2 * most + 1);
    (bins(prediction.value()), bins(i32::from(u16::MAX) - prediction.value()))
}
