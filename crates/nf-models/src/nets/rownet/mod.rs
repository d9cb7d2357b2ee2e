//! A net in integers only: the same bits on every machine, a whole half row at once.
//!
//! Of every row the even columns are coded first, then the odd ones. No pixel of a half row depends
//! on another one of it: the even half is predicted from the rows above, the odd half also from its
//! neighbours in the row. Between samples and coder there are integers only: weights of 8 bits,
//! activations of 8, sums of 32, shifts in place of divisions.
//!
//! ```text
//! 32 neighbours, less a robust centre, in units of the local activity ─┬─[hidden]─► location
//! activity, range, level, what was cut off ────────────────────────────┘               │
//! residuals of neighbours and of the column, their sizes, the same ──[hidden]─► correction, scale, shape
//!                                                                                   │
//!                                           table of the scale, the shape and the phase of the location
//! ```
//!
//! Samples are coded by table rANS, as bins with raw low bits. See `docs/rownet.md`.
//!
//! Names of parameters in files of weights must not change.
// Loops over several arrays at one index are what compilers turn into wide registers.
#![allow(clippy::needless_range_loop, clippy::manual_clamp)]

mod calibration;
mod coder;
#[cfg(feature = "gpu")]
mod gpu;
mod inputs;
#[cfg(feature = "train")]
mod loss;
mod net;
mod parts;
mod place;
mod rows;
mod symbols;
mod tables;
#[cfg(test)]
mod tests;
mod units;
mod updates;

use crate::error::Result;
use crate::input_mode::InputMode;
use crate::network::{Network, check_extents, check_robust, wrong};
use crate::tile_model::TileModel;
use crate::weights::Weights;
use net::RowNet;
use serde::{Deserialize, Serialize};

#[cfg(feature = "train")]
pub(super) use loss::Trained;

/// Extents of a row net.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowNetConfig {
    /// Planes of a tile: 1.
    pub planes: usize,
    /// How samples enter: [`InputMode::NoiseNormalised`].
    pub inputs: InputMode,
    /// Activations of the hidden layer of each stage: an even number.
    pub hidden: usize,
}

impl Network for RowNetConfig {
    fn preset(size: &str) -> Option<Self> {
        let hidden = match size {
            "large" => 64,
            "small" => 32,
            "tiny" => 8,
            _ => return None,
        };
        Some(Self { planes: 1, inputs: InputMode::NoiseNormalised, hidden })
    }

    fn planes(&self) -> usize {
        self.planes
    }

    fn tiles_mut(&mut self) -> (&mut usize, &mut InputMode) {
        (&mut self.planes, &mut self.inputs)
    }

    fn check(&self) -> Result<()> {
        check_extents(&[("planes", self.planes, 1, 1), ("hidden", self.hidden, 2, 256)])?;
        if !self.hidden.is_multiple_of(2) {
            return Err(wrong("hidden", self.hidden, "an even number"));
        }
        check_robust(self.inputs)
    }

    #[cfg(feature = "train")]
    fn stored(&self, weights: Weights) -> Weights {
        loss::stored(weights)
    }

    #[cfg(feature = "train")]
    fn restored(&self, weights: Weights) -> Weights {
        loss::restored(weights)
    }

    fn tile_model(&self, weights: &mut Weights) -> Result<Box<dyn TileModel>, String> {
        Ok(Box::new(RowNet::read(self.hidden, weights)?))
    }
}
