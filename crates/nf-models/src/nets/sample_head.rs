//! Between samples and networks: the features that a network sees of samples, and the mixtures that
//! its outputs mean; on tensors for the loss, pixel by pixel for the coder.
//!
//! A pixel has S symbols: the samples of its P planes, or their bytes. The outputs, symbol by
//! symbol: K weights, K means, K scales, and with `InputMode::NoiseNormalised` weights of the
//! predictors; then K coupling coefficients for every pair of symbols, in the order (1, 0), (2, 0),
//! (2, 1), ... (section 2.2 of arXiv:1701.05517, where symbols are the colours of a pixel). With
//! `base` the weighted prediction and `scale` the local scale,
//!
//! ```text
//! mean      = base + scale * (output + sum over earlier symbols q of
//!                                      tanh(coupling) * (x_q - base_q) / scale_q)
//! log scale = ln(scale) + output
//! ```
//!
//! The published mappings are the case base = scale = half of the range.

use crate::context::{CONTEXT_FEATURES, CausalContext, PIXEL_FEATURES, PREDICTORS};
use crate::input_mode::InputMode;
use crate::mixture::{LogisticParams, MixtureParams};
use crate::tile::Tile;
use crate::tile_model::TileCoder;
use nf_engine::math;

#[cfg(feature = "train")]
use crate::{
    context::Plane,
    error::Result,
    mixture::loss::mixture_bits,
    tensor::host_tiles::{HostTiles, put, tensor},
    tile_stats::TileStats,
};
#[cfg(feature = "train")]
use burn::tensor::{Tensor, activation::softmax};

/// Most planes of a tile.
pub(crate) const MAX_PLANES: usize = 6;

/// Most symbols of a pixel.
const MAX_SYMBOLS: usize = 2 * MAX_PLANES;

/// The head of the samples.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SampleHead {
    pub(crate) planes: usize,
    /// Components of each mixture, K.
    pub(crate) mixtures: usize,
    pub(crate) inputs: InputMode,
}

impl SampleHead {
    /// Symbols per sample: one, or two bytes.
    pub(crate) fn parts(self) -> usize {
        match self.inputs {
            InputMode::Scaled | InputMode::NoiseNormalised => 1,
            InputMode::BytesMsb | InputMode::BytesLsb => 2,
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

    /// Half of the range of symbols: base and scale of the published mappings.
    fn half(self) -> f32 {
        f32::from(self.maximum()) / 2.0
    }

    /// Bits below symbol `index` of a pixel in its sample.
    fn shift(self, index: usize) -> u32 {
        match (self.inputs, index % 2) {
            (InputMode::BytesMsb, 0) | (InputMode::BytesLsb, 1) => 8,
            _ => 0,
        }
    }

    /// Symbol `index` of a pixel, from its sample.
    fn symbol(self, sample: u16, index: usize) -> u16 {
        (sample >> self.shift(index)) & self.maximum()
    }

    /// Channels of the map of pixel features.
    pub(crate) fn feature_channels(self) -> usize {
        match self.inputs {
            InputMode::NoiseNormalised => self.planes * PIXEL_FEATURES,
            _ => self.symbols() + 1,
        }
    }

    /// Channels of the map of context; 0 where there is none.
    pub(crate) fn context_channels(self) -> usize {
        match self.inputs {
            InputMode::NoiseNormalised => self.planes * CONTEXT_FEATURES,
            _ => 0,
        }
    }

    /// Outputs per symbol: weights, means, scales, and weights of predictors.
    fn channels_of_symbol(self) -> usize {
        3 * self.mixtures + if self.inputs == InputMode::NoiseNormalised { PREDICTORS } else { 0 }
    }

    /// The same for all symbols of a pixel, and the couplings between them.
    pub(crate) fn channels(self) -> usize {
        let symbols = self.symbols();
        symbols * self.channels_of_symbol() + symbols * (symbols - 1) / 2 * self.mixtures
    }

    /// The mixture of one symbol, from the outputs at its pixel, with its base and scale.
    ///
    /// `earlier` holds the residuals `(x - base) / scale` of earlier symbols.
    fn mixture(
        self,
        outputs: &[f32],
        symbol: usize,
        context: &CausalContext,
        earlier: &[f32],
    ) -> (MixtureParams, f32, f32) {
        let k = self.mixtures;
        let of_symbol = self.channels_of_symbol();
        let own = &outputs[symbol * of_symbol..][..of_symbol];
        let (base, scale) = match self.inputs {
            InputMode::NoiseNormalised => (weighted(&own[3 * k..], &context.predictors), context.local_scale),
            _ => (self.half(), self.half()),
        };
        let couplings = &outputs[self.symbols() * of_symbol + symbol * symbol.saturating_sub(1) / 2 * k..];
        let params = mixture_near(own, k, base, scale, |i| {
            let coupled = earlier
                .iter()
                .zip(couplings.chunks(k))
                .map(|(residual, coupling)| math::tanh(coupling[i]) * residual);
            coupled.fold(own[k + i], |sum, term| sum + term)
        });
        (params, base, scale)
    }

    /// The features of a known pixel of a tile.
    pub(crate) fn features(self, tile: &Tile, y: usize, x: usize, features: &mut [f32]) {
        if self.inputs == InputMode::NoiseNormalised {
            for (plane, features) in features.chunks_exact_mut(PIXEL_FEATURES).enumerate() {
                features.copy_from_slice(&tile.plane(plane).pixel_features(y, x));
            }
            return;
        }
        let (ones, symbols) = features.split_last_mut().expect("the map of ones is there");
        for (index, value) in symbols.iter_mut().enumerate() {
            let symbol = self.symbol(tile.sample(index / self.parts(), y, x), index);
            *value = (f32::from(symbol) - self.half()) / self.half();
        }
        *ones = 1.0;
    }

    /// Codes all samples of pixel (y, x), whose planes have these contexts, under the network's
    /// outputs.
    pub(crate) fn code_pixel(
        self,
        coder: &mut dyn TileCoder,
        tile: &mut Tile,
        (y, x): (usize, usize),
        outputs: &[f32],
        contexts: &[CausalContext],
    ) -> nf_entropy::Result<()> {
        let mut residuals = [0.0; MAX_SYMBOLS];
        for index in 0..self.symbols() {
            let plane = index / self.parts();
            let earlier = &residuals[..index];
            let (mixture, base, scale) = self.mixture(outputs, index, &contexts[plane], earlier);
            let sample = tile.sample_mut(plane, y, x);
            let mut symbol = u32::from(self.symbol(*sample, index));
            if self.parts() == 1 {
                mixture.code_sample(coder, &mut symbol)?;
            } else {
                mixture.code_level(coder, &mut symbol, usize::from(self.maximum()) + 1)?;
            }
            let shift = self.shift(index);
            *sample = (*sample & !(self.maximum() << shift)) | ((symbol as u16) << shift);
            residuals[index] = (symbol as f32 - base) / scale;
        }
        Ok(())
    }
}

/// The mixture of `k` logistics of a symbol's own outputs, with the means
/// `base + scale * offset(i)`.
pub(crate) fn mixture_near(
    own: &[f32],
    k: usize,
    base: f32,
    scale: f32,
    offset: impl Fn(usize) -> f32,
) -> MixtureParams {
    let log_scale = math::ln(f64::from(scale)) as f32;
    MixtureParams::from_fn(k, |i| LogisticParams {
        logit: own[i],
        mean: base + scale * offset(i),
        log_scale: log_scale + own[2 * k + i],
    })
}

/// The predictors weighted by the softmax of `logits`.
pub(crate) fn weighted(logits: &[f32], predictors: &[f32]) -> f32 {
    let largest = logits.iter().copied().fold(f32::MIN, f32::max);
    let (mut sum, mut total) = (0.0, 0.0);
    for (logit, predictor) in logits.iter().zip(predictors) {
        let weight = math::exp(logit - largest);
        sum += weight * predictor;
        total += weight;
    }
    sum / total
}

/// What the network sees of tiles, and what the loss of its head needs of them.
#[cfg(feature = "train")]
pub(crate) struct HeadInputs {
    /// (N, S, H, W)
    pub(crate) features: Tensor<4>,
    /// (N, C, H, W)
    pub(crate) context: Option<Tensor<4>>,
    /// Raw samples, or their bytes: (N, S, H, W).
    symbols: Tensor<4>,
    /// (N, P * G, H, W), in samples.
    predictors: Option<Tensor<4>>,
    /// (N, P, H, W), in samples.
    local_scales: Option<Tensor<4>>,
}

#[cfg(feature = "train")]
impl SampleHead {
    /// What the network sees of raw samples (N, P, H, W).
    pub(crate) fn prepare(self, samples: Tensor<4>) -> Result<HeadInputs> {
        let tiles = HostTiles::of(&samples, self.planes)?;
        let device = samples.device();
        let [n, p, h, w] = tiles.extents;
        let pixels = h * w;
        if self.inputs != InputMode::NoiseNormalised {
            let symbols = if self.parts() == 1 {
                samples
            } else {
                tensor(self.split(&tiles), [n, 2 * p, h, w], &device)
            };
            let scaled = (symbols.clone() - self.half()) / self.half();
            let features = Tensor::cat(vec![scaled, Tensor::ones([n, 1, h, w], &device)], 1);
            let (context, predictors, local_scales) = (None, None, None);
            return Ok(HeadInputs { features, context, symbols, predictors, local_scales });
        }
        let channels = [PIXEL_FEATURES, CONTEXT_FEATURES, PREDICTORS, 1];
        let mut maps = channels.map(|channels| vec![0.0_f32; n * p * channels * pixels]);
        for plane in 0..n * p {
            let samples = tiles.plane(plane / p, plane % p);
            let view = Plane { samples, width: w, stats: TileStats::of(samples, w) };
            for pixel in 0..pixels {
                let (y, x) = (pixel / w, pixel % w);
                let own = view.pixel_features(y, x);
                let CausalContext { features, predictors, local_scale } = view.context(y, x);
                let rows: [&[f32]; 4] = [&own, &features, &predictors, &[local_scale]];
                for (map, row) in maps.iter_mut().zip(rows) {
                    put(map, row, [plane, 0, row.len()], [pixel, pixels]);
                }
            }
        }
        let [features, context, predictors, local_scales] = maps.map(|map| {
            let channels = map.len() / (n * pixels);
            tensor(map, [n, channels, h, w], &device)
        });
        let (context, predictors) = (Some(context), Some(predictors));
        let local_scales = Some(local_scales);
        Ok(HeadInputs { features, context, symbols: samples, predictors, local_scales })
    }

    /// The symbols of all samples: (N, S, H, W).
    fn split(self, tiles: &HostTiles) -> Vec<f32> {
        let [n, planes, _, _] = tiles.extents;
        let planes = (0..n * planes).map(|plane| tiles.plane(plane / planes, plane % planes));
        let parts = planes.flat_map(|plane| (0..self.parts()).map(move |part| (plane, part)));
        let values = parts
            .flat_map(|(plane, part)| plane.iter().map(move |&sample| f32::from(self.symbol(sample, part))));
        values.collect()
    }

    /// Information of every symbol, (N, S, H, W), from the network's outputs (N, channels, H, W).
    pub(crate) fn bits(self, outputs: Tensor<4>, inputs: &HeadInputs) -> Tensor<4> {
        let (symbols, k) = (self.symbols(), self.mixtures);
        let of_symbol = self.channels_of_symbol();
        let mut couplings = symbols * of_symbol;
        let mut earlier: Vec<Tensor<4>> = vec![];
        let mut bits = vec![];
        for symbol in 0..symbols {
            let take = |first: usize, count: usize| outputs.clone().narrow(1, first, count);
            let first = symbol * of_symbol;
            let x = inputs.symbols.clone().narrow(1, symbol, 1);
            let (base, scale) = match (&inputs.predictors, &inputs.local_scales) {
                (Some(predictors), Some(local_scales)) => {
                    let weights = softmax(take(first + 3 * k, PREDICTORS), 1);
                    let own = predictors.clone().narrow(1, symbol * PREDICTORS, PREDICTORS);
                    ((weights * own).sum_dim(1), local_scales.clone().narrow(1, symbol, 1))
                }
                _ => (x.full_like(self.half()), x.full_like(self.half())),
            };
            let mut offsets = take(first + k, k);
            for residual in &earlier {
                offsets = offsets + take(couplings, k).tanh() * residual.clone();
                couplings += k;
            }
            let means = base.clone() + scale.clone() * offsets;
            let log_scales = scale.clone().log() + take(first + 2 * k, k);
            let maximum = f32::from(self.maximum());
            bits.push(mixture_bits(x.clone(), take(first, k), means, log_scales, maximum));
            earlier.push((x - base) / scale);
        }
        Tensor::cat(bits, 1)
    }
}
