//! Between samples and nets: what a net is shown of samples, and the mixtures that its numbers mean.
//!
//! A pixel has S symbols: the samples of its P planes, or their bytes. The numbers, symbol by symbol: K weights, K means,
//! K scales, and for `Inputs::Robust` G weights of guesses; then K ties for every pair of symbols, in the order (1, 0),
//! (2, 0), (2, 1), ... (section 2.2 of arXiv:1701.05517, where symbols are the colours of a pixel). With `base` the
//! weighted guess and `unit` the local scale,
//!
//! ```text
//! mean      = base + unit * (number + sum over earlier symbols q of tanh(tie) * (x_q - base_q) / unit_q)
//! log scale = ln(unit) + number
//! ```
//!
//! The published mappings are the case base = unit = half of the range.

use crate::error::Result;
use crate::heads::{Bell, code_level, code_mixture, mixture_bits};
use crate::math;
use crate::normal::Normal;
use crate::surroundings::{CONTEXT, GUESSES, Plane, SEEN, Surroundings};
use crate::tiles::{Tiles, tensor};
use crate::traverse::Tile;
use burn::tensor::Tensor;
use burn::tensor::activation::softmax;
use nf_entropy::SymbolCoder;
use serde::{Deserialize, Serialize};

/// How samples enter a net, and what its numbers mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Inputs {
    /// As published: samples scaled to a fixed range.
    Published,
    /// As published for bytes: every sample is two symbols of `0..=255`, the more significant byte first.
    MsbFirst,
    /// The same, the less significant byte first.
    LsbFirst,
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

/// What the net is shown of tiles, and what its head needs of them.
pub(crate) struct Shown {
    /// (N, S, H, W)
    pub(crate) seen: Tensor<4>,
    /// (N, C, H, W)
    pub(crate) context: Option<Tensor<4>>,
    /// Raw samples, or their bytes: (N, S, H, W).
    symbols: Tensor<4>,
    /// (N, P * G, H, W), in samples.
    guesses: Option<Tensor<4>>,
    /// (N, P, H, W), in samples.
    units: Option<Tensor<4>>,
}

impl SampleHead {
    /// Symbols per sample: one, or two bytes.
    pub(crate) fn parts(self) -> usize {
        match self.inputs {
            Inputs::Published | Inputs::Robust => 1,
            Inputs::MsbFirst | Inputs::LsbFirst => 2,
        }
    }

    /// Symbols per pixel, S.
    pub(crate) fn symbols(self) -> usize {
        self.planes * self.parts()
    }

    /// Largest symbol.
    fn maximum(self) -> u16 {
        if self.parts() == 1 { u16::MAX } else { 255 }
    }

    /// Half of the range of symbols: base and unit of the published mappings.
    fn half(self) -> f32 {
        f32::from(self.maximum()) / 2.0
    }

    /// Bits below symbol `index` of a pixel in its sample.
    fn shift(self, index: usize) -> u32 {
        match (self.inputs, index % 2) {
            (Inputs::MsbFirst, 0) | (Inputs::LsbFirst, 1) => 8,
            _ => 0,
        }
    }

    /// Symbol `index` of a pixel, from its sample.
    fn symbol(self, sample: u16, index: usize) -> u16 {
        (sample >> self.shift(index)) & self.maximum()
    }

    /// Channels of the map of samples seen.
    pub(crate) fn seen_channels(self) -> usize {
        match self.inputs {
            Inputs::Robust => self.planes * SEEN,
            _ => self.symbols() + 1,
        }
    }

    /// Channels of the map of context; 0 where there is none.
    pub(crate) fn context_channels(self) -> usize {
        match self.inputs {
            Inputs::Robust => self.planes * CONTEXT,
            _ => 0,
        }
    }

    /// Numbers per symbol: weights, means, scales, and weights of guesses.
    fn channels_of_symbol(self) -> usize {
        3 * self.mixtures + if self.inputs == Inputs::Robust { GUESSES } else { 0 }
    }

    /// The same for all symbols of a pixel, and the ties between them.
    pub(crate) fn channels(self) -> usize {
        let symbols = self.symbols();
        symbols * self.channels_of_symbol() + symbols * (symbols - 1) / 2 * self.mixtures
    }

    /// What is shown of raw samples (N, P, H, W).
    pub(crate) fn prepare(self, samples: Tensor<4>) -> Result<Shown> {
        let tiles = Tiles::of(&samples, self.planes)?;
        let device = samples.device();
        let [n, p, h, w] = tiles.extents;
        let pixels = h * w;
        if self.inputs != Inputs::Robust {
            let symbols = if self.parts() == 1 {
                samples
            } else {
                tensor(self.split(&tiles), [n, 2 * p, h, w], &device)
            };
            let scaled = (symbols.clone() - self.half()) / self.half();
            let seen = Tensor::cat(vec![scaled, Tensor::ones([n, 1, h, w], &device)], 1);
            return Ok(Shown { seen, context: None, symbols, guesses: None, units: None });
        }
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
        let (context, guesses, units) = (Some(context), Some(guesses), Some(units));
        Ok(Shown { seen, context, symbols: samples, guesses, units })
    }

    /// The symbols of all samples: (N, S, H, W).
    fn split(self, tiles: &Tiles) -> Vec<f32> {
        let [n, planes, _, _] = tiles.extents;
        let planes = (0..n * planes).map(|plane| tiles.plane(plane / planes, plane % planes));
        let parts = planes.flat_map(|plane| (0..self.parts()).map(move |part| (plane, part)));
        parts.flat_map(|(plane, part)| plane.iter().map(move |&x| f32::from(self.symbol(x, part)))).collect()
    }

    /// Information of every symbol, (N, S, H, W), from the net's numbers (N, channels, H, W).
    pub(crate) fn bits(self, numbers: Tensor<4>, shown: &Shown) -> Tensor<4> {
        let (symbols, k) = (self.symbols(), self.mixtures);
        let of_symbol = self.channels_of_symbol();
        let mut ties = symbols * of_symbol;
        let mut earlier: Vec<Tensor<4>> = vec![];
        let mut bits = vec![];
        for symbol in 0..symbols {
            let take = |first: usize, count: usize| numbers.clone().narrow(1, first, count);
            let first = symbol * of_symbol;
            let x = shown.symbols.clone().narrow(1, symbol, 1);
            let (base, unit) = match (&shown.guesses, &shown.units) {
                (Some(guesses), Some(units)) => {
                    let weights = softmax(take(first + 3 * k, GUESSES), 1);
                    let base = (weights * guesses.clone().narrow(1, symbol * GUESSES, GUESSES)).sum_dim(1);
                    (base, units.clone().narrow(1, symbol, 1))
                }
                _ => (x.full_like(self.half()), x.full_like(self.half())),
            };
            let mut offsets = take(first + k, k);
            for residual in &earlier {
                offsets = offsets + take(ties, k).tanh() * residual.clone();
                ties += k;
            }
            let means = base.clone() + unit.clone() * offsets;
            let log_scales = unit.clone().log() + take(first + 2 * k, k);
            bits.push(mixture_bits(x.clone(), take(first, k), means, log_scales, f32::from(self.maximum())));
            earlier.push((x - base) / unit);
        }
        Tensor::cat(bits, 1)
    }

    /// The mixture of one symbol, from the net's numbers of its pixel.
    ///
    /// `earlier` holds the residuals `(x - base) / unit` of earlier symbols; the present one's base and unit are returned.
    fn bells(
        self,
        numbers: &[f32],
        symbol: usize,
        around: &Surroundings,
        earlier: &[f32],
        bells: &mut Vec<Bell>,
    ) -> (f32, f32) {
        let k = self.mixtures;
        let of_symbol = self.channels_of_symbol();
        let own = &numbers[symbol * of_symbol..][..of_symbol];
        let (base, unit) = match self.inputs {
            Inputs::Robust => (weighted(&own[3 * k..], &around.guesses), around.unit),
            _ => (self.half(), self.half()),
        };
        let log_unit = math::ln(f64::from(unit)) as f32;
        let ties = &numbers[self.symbols() * of_symbol + symbol * symbol.saturating_sub(1) / 2 * k..];
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
        let (ones, symbols) = seen.split_last_mut().expect("the map of ones is there");
        for (index, value) in symbols.iter_mut().enumerate() {
            let symbol = self.symbol(tile.sample(index / self.parts(), y, x), index);
            *value = (f32::from(symbol) - self.half()) / self.half();
        }
        *ones = 1.0;
    }

    /// Codes all samples of pixel (y, x), whose planes have these surroundings, under the net's numbers.
    pub(crate) fn code_pixel(
        self,
        coder: &mut impl SymbolCoder,
        tile: &mut Tile,
        (y, x): (usize, usize),
        numbers: &[f32],
        around: &[Surroundings],
    ) -> nf_entropy::Result<()> {
        let mut bells = Vec::with_capacity(self.mixtures);
        let mut earlier = Vec::with_capacity(self.symbols());
        for index in 0..self.symbols() {
            let plane = index / self.parts();
            let (base, unit) = self.bells(numbers, index, &around[plane], &earlier, &mut bells);
            let sample = tile.sample_mut(plane, y, x);
            let mut symbol = u32::from(self.symbol(*sample, index));
            if self.parts() == 1 {
                code_mixture(coder, &mut symbol, &bells)?;
            } else {
                code_level(coder, &mut symbol, &bells, usize::from(self.maximum()) + 1)?;
            }
            let shift = self.shift(index);
            *sample = (*sample & !(self.maximum() << shift)) | ((symbol as u16) << shift);
            earlier.push((symbol as f32 - base) / unit);
        }
        Ok(())
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
