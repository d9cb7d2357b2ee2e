//! Between samples and nets: what a net is shown of samples, and the mixtures that its numbers mean.
//!
//! The numbers, plane by plane: K weights, K means, K scales, and for `Inputs::Robust` G weights of guesses; then K
//! ties for every pair of planes, in the order (1, 0), (2, 0), (2, 1), ... (section 2.2 of the paper, where planes are
//! the colours of a pixel). With `base` the weighted guess and `unit` the local scale,
//!
//! ```text
//! mean      = base + unit * (number + sum over earlier planes q of tanh(tie) * (x_q - base_q) / unit_q)
//! log scale = ln(unit) + number
//! ```
//!
//! The published mapping is the case base = unit = 32767.5.

use crate::error::Result;
use crate::heads::{Bell, mixture_bits};
use crate::math;
use crate::normal::Normal;
use crate::surroundings::{CONTEXT, GUESSES, Plane, SEEN, Surroundings};
use crate::tiles::{Tiles, tensor};
use crate::traverse::Tile;
use burn::tensor::Tensor;
use burn::tensor::activation::softmax;
use serde::{Deserialize, Serialize};

/// How samples enter a net, and what its numbers mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Inputs {
    /// As published: samples scaled to a fixed range.
    Published,
    /// In units of the tile's noise, compressed, with differences of neighbours; numbers relative to a causal guess.
    Robust,
}

/// The head of the samples.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SampleHead {
    pub(crate) planes: usize,
    /// Components of each mixture, K.
    pub(crate) mixtures: usize,
    pub(crate) inputs: Inputs,
}

/// Half the range of samples: base and unit of the published mapping.
const HALF: f32 = 32_767.5;

/// What the net is shown of tiles, and what its head needs of them.
pub(crate) struct Shown {
    /// (N, S, H, W)
    pub(crate) seen: Tensor<4>,
    /// (N, C, H, W)
    pub(crate) context: Option<Tensor<4>>,
    /// Raw samples, (N, P, H, W).
    samples: Tensor<4>,
    /// (N, P * G, H, W), in samples.
    guesses: Option<Tensor<4>>,
    /// (N, P, H, W), in samples.
    units: Option<Tensor<4>>,
}

impl SampleHead {
    /// Channels of the map of samples seen.
    pub(crate) fn seen_channels(self) -> usize {
        match self.inputs {
            Inputs::Published => self.planes + 1,
            Inputs::Robust => self.planes * SEEN,
        }
    }

    /// Channels of the map of context; 0 where there is none.
    pub(crate) fn context_channels(self) -> usize {
        match self.inputs {
            Inputs::Published => 0,
            Inputs::Robust => self.planes * CONTEXT,
        }
    }

    /// Numbers per plane: weights, means, scales, and weights of guesses.
    fn channels_of_plane(self) -> usize {
        3 * self.mixtures + if self.inputs == Inputs::Robust { GUESSES } else { 0 }
    }

    /// The same for all planes, and the ties between them.
    pub(crate) fn channels(self) -> usize {
        let pairs = self.planes * (self.planes - 1) / 2;
        self.planes * self.channels_of_plane() + pairs * self.mixtures
    }

    /// What is shown of raw samples (N, P, H, W).
    pub(crate) fn prepare(self, samples: Tensor<4>) -> Result<Shown> {
        let tiles = Tiles::of(&samples, self.planes)?;
        let device = samples.device();
        if self.inputs == Inputs::Published {
            let [n, _, h, w] = tiles.extents;
            let scaled = (samples.clone() - HALF) / HALF;
            let seen = Tensor::cat(vec![scaled, Tensor::ones([n, 1, h, w], &device)], 1);
            return Ok(Shown { seen, context: None, samples, guesses: None, units: None });
        }
        let [n, p, h, w] = tiles.extents;
        let pixels = h * w;
        let mut maps = [SEEN, CONTEXT, GUESSES, 1].map(|channels| vec![0.0_f32; n * p * channels * pixels]);
        for plane in 0..n * p {
            let plane_samples = tiles.plane(plane / p, plane % p);
            let view = Plane { samples: plane_samples, width: w, normal: Normal::of(plane_samples, w) };
            for pixel in 0..pixels {
                let (y, x) = (pixel / w, pixel % w);
                let around = view.surroundings(y, x);
                let rows: [&[f32]; 4] = [&view.seen(y, x), &around.context, &around.guesses, &[around.unit]];
                for (map, row) in maps.iter_mut().zip(rows) {
                    for (channel, &value) in row.iter().enumerate() {
                        map[(plane * row.len() + channel) * pixels + pixel] = value;
                    }
                }
            }
        }
        let [seen, context, guesses, units] = maps.map(|map| {
            let channels = map.len() / (n * pixels);
            tensor(map, [n, channels, h, w], &device)
        });
        Ok(Shown { seen, context: Some(context), samples, guesses: Some(guesses), units: Some(units) })
    }

    /// Information of every sample, (N, P, H, W), from the net's numbers (N, channels, H, W).
    pub(crate) fn bits(self, numbers: Tensor<4>, shown: &Shown) -> Tensor<4> {
        let (planes, k) = (self.planes, self.mixtures);
        let of_plane = self.channels_of_plane();
        let mut ties = planes * of_plane;
        let mut earlier: Vec<Tensor<4>> = vec![];
        let mut bits = vec![];
        for plane in 0..planes {
            let take = |first: usize, count: usize| numbers.clone().narrow(1, first, count);
            let first = plane * of_plane;
            let x = shown.samples.clone().narrow(1, plane, 1);
            let (base, unit) = match (&shown.guesses, &shown.units) {
                (Some(guesses), Some(units)) => {
                    let weights = softmax(take(first + 3 * k, GUESSES), 1);
                    let base = (weights * guesses.clone().narrow(1, plane * GUESSES, GUESSES)).sum_dim(1);
                    (base, units.clone().narrow(1, plane, 1))
                }
                _ => (x.full_like(HALF), x.full_like(HALF)),
            };
            let mut offsets = take(first + k, k);
            for residual in &earlier {
                offsets = offsets + take(ties, k).tanh() * residual.clone();
                ties += k;
            }
            let means = base.clone() + unit.clone() * offsets;
            let log_scales = unit.clone().log() + take(first + 2 * k, k);
            bits.push(mixture_bits(x.clone(), take(first, k), means, log_scales, 65_535.0));
            earlier.push((x - base) / unit);
        }
        Tensor::cat(bits, 1)
    }

    /// The mixture of one sample, from the net's numbers of its pixel.
    ///
    /// `earlier` holds the residuals `(x - base) / unit` of earlier planes; the present one's base and unit are returned.
    pub(crate) fn bells(
        self,
        numbers: &[f32],
        plane: usize,
        around: &Surroundings,
        earlier: &[f32],
        bells: &mut Vec<Bell>,
    ) -> (f32, f32) {
        let k = self.mixtures;
        let of_plane = self.channels_of_plane();
        let own = &numbers[plane * of_plane..][..of_plane];
        let (base, unit) = match self.inputs {
            Inputs::Published => (HALF, HALF),
            Inputs::Robust => (weighted(&own[3 * k..], &around.guesses), around.unit),
        };
        let log_unit = math::ln(f64::from(unit)) as f32;
        let ties = &numbers[self.planes * of_plane + plane * plane.saturating_sub(1) / 2 * k..];
        bells.clear();
        bells.extend((0..k).map(|i| {
            let tied =
                earlier.iter().zip(ties.chunks(k)).map(|(residual, tie)| math::tanh(tie[i]) * residual);
            let offset = tied.fold(own[k + i], |sum, term| sum + term);
            Bell { logit: own[i], mean: base + unit * offset, log_scale: log_unit + own[2 * k + i] }
        }));
        (base, unit)
    }

    /// What is shown of a known pixel of a tile.
    pub(crate) fn seen(self, tile: &Tile, y: usize, x: usize, seen: &mut [f32]) {
        if self.inputs == Inputs::Robust {
            for (plane, seen) in seen.chunks_exact_mut(SEEN).enumerate() {
                seen.copy_from_slice(&tile.plane(plane).seen(y, x));
            }
            return;
        }
        let (ones, planes) = seen.split_last_mut().expect("the map of ones is there");
        for (plane, value) in planes.iter_mut().enumerate() {
            *value = (f32::from(tile.sample(plane, y, x)) - HALF) / HALF;
        }
        *ones = 1.0;
    }
}

/// The guesses weighted by the softmax of `logits`.
fn weighted(logits: &[f32], guesses: &[f32]) -> f32 {
    let largest = logits.iter().copied().fold(f32::MIN, f32::max);
    let (mut sum, mut total) = (0.0, 0.0);
    for (logit, guess) in logits.iter().zip(guesses) {
        let weight = math::exp(logit - largest);
        sum += weight * guess;
        total += weight;
    }
    sum / total
}
