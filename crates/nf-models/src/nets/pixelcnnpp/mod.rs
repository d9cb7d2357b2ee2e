//! PixelCNN++: Salimans, Karpathy, Chen, Kingma 2017, arXiv:1701.05517.
//!
//! Every sample is coded under a mixture of logistics whose parameters a net computes from the samples above and to the
//! left. Two streams of features run through the net: `u` at a pixel has seen the rows above it, `ul` also the pixels to
//! the left. Both pass gated residual blocks on the way to coarser resolutions and back (section 2.4, figure 2).
//!
//! ```text
//! seen ── 2x3, down ─────────────► u ─[block u]x R ─ halve ─ ... ─ ... ─ double ─[block u]x R+1 ─► (dropped)
//!      ├─ 1x3, down ─┐                   │ skip                                      │ skip
//!      ├─ 2x1, right ┴ sum ──────► ul ─[block ul]x R ─ halve ─ ... ─ ... ─ double ─[block ul]x R+1 ─ elu ─ 1x1 ─► head
//! context ── 1x1 ────┘                     every block of the way back also gets the block of the way there
//! ```
//!
//! Letters: N tiles, P planes, H rows, W columns, F filters, K mixture components, R blocks per stage.
//!
//! Ours beside the published mapping (`Inputs::Robust`): see the file `surroundings.rs` for what the net is shown; means
//! are offsets from a weighted guess, offsets and scales are in units of local noise.

mod code;

use crate::config::check_extents;
use crate::conv::{Conv, Geometry};
use crate::error::{Error, Result};
use crate::flow::{Flow, Observed};
use crate::heads::MAX_COMPONENTS;
use crate::nets::{Inputs, SampleHead};
use crate::random::Random;
pub(crate) use code::PixelCnnPpCoder;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

/// Extents of a PixelCNN++.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PixelCnnPpConfig {
    /// Planes of a tile, coded in order at every pixel.
    pub planes: usize,
    /// Features of each stream, F.
    pub filters: usize,
    /// Resolutions.
    pub stages: usize,
    /// Gated residual blocks per stage on the way there, R; on the way back one more after the first stage.
    pub blocks: usize,
    /// Components of each mixture, K.
    pub mixtures: usize,
    /// Probability that a feature is dropped in a block while training.
    pub dropout: f64,
    /// How samples enter.
    pub inputs: Inputs,
}

/// A gated residual block (section 2.4; van den Oord et al. 2016, arXiv:1606.05328): `x + a * sigmoid(b)`.
#[derive(Module, Debug)]
struct Block {
    first: Conv,
    /// From the other stream, or from the way there.
    skip: Option<Conv>,
    second: Conv,
    dropout: f64,
}

impl Block {
    fn new(
        filters: usize,
        skip: usize,
        geometry: Geometry,
        dropout: f64,
        random: &mut Random,
        device: &Device,
    ) -> Self {
        let f = filters;
        Self {
            first: Conv::normed(2 * f, f, geometry, random, device),
            skip: (skip > 0).then(|| Conv::normed(2 * skip * f, f, Geometry::centred(1), random, device)),
            second: Conv::normed(2 * f, 2 * f, geometry, random, device),
            dropout,
        }
    }

    fn forward<T: Flow>(&self, x: &T, other: Option<&T>) -> T {
        let mut inner = x.concat_elu().conv(&self.first);
        if let (Some(layer), Some(other)) = (&self.skip, other) {
            inner = inner.plus(&other.concat_elu().conv(layer));
        }
        x.plus(&inner.concat_elu().dropout(self.dropout).conv(&self.second).gate())
    }
}

/// The blocks of one stage, and the layers to the next.
#[derive(Module, Debug)]
struct Stage {
    u: Vec<Block>,
    ul: Vec<Block>,
    /// Halving on the way there, doubling on the way back; absent after the last stage.
    next: Option<[Conv; 2]>,
}

/// The net.
#[derive(Module, Debug)]
pub struct PixelCnnPp {
    u_first: Conv,
    ul_above: Conv,
    ul_left: Conv,
    ul_context: Option<Conv>,
    there: Vec<Stage>,
    back: Vec<Stage>,
    last: Conv,
    #[module(skip)]
    config: PixelCnnPpConfig,
}

impl PixelCnnPpConfig {
    pub(crate) fn check(&self) -> Result<()> {
        let checks = [
            ("planes", self.planes, 1, 6),
            ("filters", self.filters, 1, 4096),
            ("stages", self.stages, 1, 8),
            ("blocks", self.blocks, 1, 64),
            ("mixtures", self.mixtures, 1, MAX_COMPONENTS),
        ];
        check_extents(&checks)?;
        if !(0.0..1.0).contains(&self.dropout) {
            let expected = "at least 0 and below 1".into();
            return Err(Error::Config { field: "dropout", found: self.dropout.to_string(), expected });
        }
        Ok(())
    }

    pub(crate) fn head(&self) -> SampleHead {
        SampleHead { planes: self.planes, mixtures: self.mixtures, inputs: self.inputs }
    }

    /// A net with random weights; equal seeds give equal nets.
    pub fn init(&self, device: &Device, seed: u64) -> PixelCnnPp {
        let random = &mut Random::new(seed);
        let f = self.filters;
        let head = self.head();
        let (seen, context) = (head.seen_channels(), head.context_channels());
        let (down, right) = (Geometry::down(2, 3), Geometry::down_right(2, 2));
        let one = Geometry::centred(1);
        let mut stages = |back: bool| -> Vec<Stage> {
            (0..self.stages)
                .map(|stage| {
                    let blocks = self.blocks + usize::from(back && stage > 0);
                    let mut column = |skip, geometry| -> Vec<Block> {
                        (0..blocks)
                            .map(|_| Block::new(f, skip, geometry, self.dropout, random, device))
                            .collect()
                    };
                    let (u, ul) = if back {
                        (column(1, down), column(2, right))
                    } else {
                        (column(0, down), column(1, right))
                    };
                    let next = (stage + 1 < self.stages).then(|| {
                        [down, right].map(|geometry| Conv::normed(f, f, geometry.strided(2), random, device))
                    });
                    Stage { u, ul, next }
                })
                .collect()
        };
        let (there, back) = (stages(false), stages(true));
        let last = match self.inputs {
            Inputs::Robust => Conv::plain(f, head.channels(), one, 0.1, random, device),
            _ => Conv::normed(f, head.channels(), one, random, device),
        };
        PixelCnnPp {
            u_first: Conv::normed(seen, f, down.shifted(1, 0), random, device),
            ul_above: Conv::normed(seen, f, Geometry::down(1, 3).shifted(1, 0), random, device),
            ul_left: Conv::normed(seen, f, Geometry::down_right(2, 1).shifted(0, 1), random, device),
            ul_context: (context > 0).then(|| Conv::normed(context, f, one, random, device)),
            there,
            back,
            last,
            config: self.clone(),
        }
    }
}

impl PixelCnnPp {
    /// Its extents.
    pub fn config(&self) -> &PixelCnnPpConfig {
        &self.config
    }

    /// The signal flow.
    ///
    /// # Shapes
    /// `seen`: (N, S, H, W), of which a pixel's own are never read for its result; `context`: (N, C, H, W), made of pixels
    /// before each; result: the head's numbers, (N, channels, H, W).
    pub fn forward<T: Flow>(&self, seen: &T, context: Option<&T>) -> T {
        let mut u = seen.conv(&self.u_first);
        let mut ul = seen.conv(&self.ul_above).plus(&seen.conv(&self.ul_left));
        if let (Some(layer), Some(context)) = (&self.ul_context, context) {
            ul = ul.plus(&context.conv(layer));
        }
        let mut passed = vec![(u.clone(), ul.clone())];
        for stage in &self.there {
            for (block_u, block_ul) in stage.u.iter().zip(&stage.ul) {
                u = block_u.forward(&u, None);
                ul = block_ul.forward(&ul, Some(&u));
                passed.push((u.clone(), ul.clone()));
            }
            if let Some([halve_u, halve_ul]) = &stage.next {
                (u, ul) = (u.conv(halve_u), ul.conv(halve_ul));
                passed.push((u.clone(), ul.clone()));
            }
        }
        (u, ul) = passed.pop().expect("the first maps were passed");
        for stage in &self.back {
            for (block_u, block_ul) in stage.u.iter().zip(&stage.ul) {
                let (there_u, there_ul) = passed.pop().expect("as many blocks back as maps passed");
                u = block_u.forward(&u, Some(&there_u));
                ul = block_ul.forward(&ul, Some(&T::concat(&[u.clone(), there_ul])));
            }
            if let Some([double_u, double_ul]) = &stage.next {
                let like = &passed.last().expect("a finer stage was passed").0;
                (u, ul) = (u.spread(double_u, like), ul.spread(double_ul, like));
            }
        }
        debug_assert!(passed.is_empty());
        ul.elu().conv(&self.last)
    }

    /// Mean information per sample, in bits.
    ///
    /// # Shapes
    /// `tiles`: (N, P, H, W), raw samples; result: (1).
    ///
    /// # Errors
    /// [`Error::Tiles`] if the tiles have another number of planes.
    pub fn loss(&self, tiles: Tensor<4>) -> Result<Tensor<1>> {
        Ok(self.bits(tiles)?.mean() * self.config.head().parts() as f64)
    }

    /// Information of every symbol, in bits; symbols are samples, or their bytes.
    ///
    /// # Shapes
    /// (N, P, H, W) to (N, S, H, W).
    ///
    /// # Errors
    /// As [`loss`](Self::loss).
    pub fn bits(&self, tiles: Tensor<4>) -> Result<Tensor<4>> {
        let inputs = self.config.head().prepare(tiles)?;
        let numbers = self.forward(&inputs.seen, inputs.context.as_ref());
        Ok(self.config.head().bits(numbers, &inputs))
    }

    pub(crate) fn observe(self, tiles: Tensor<4>) -> Result<Self> {
        let inputs = self.config.head().prepare(tiles)?;
        let seen = Observed::new(inputs.seen);
        let context = inputs.context.map(|context| seen.with(context));
        self.forward(&seen, context.as_ref());
        Ok(seen.initialise(self))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]
mod tests;
