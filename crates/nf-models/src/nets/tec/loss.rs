//! Temporal context on tensors, for training.

use super::earlier::{EARLIER_CHANNELS, Earlier, Guesses, LATER_CONTEXT, LATER_FEATURES, LATER_GUESSES};
use super::{Later, Tec, TecConfig};
use crate::error::Result;
use crate::input_mode::InputMode;
use crate::mixture::loss::mixture_bits;
use crate::nets::SampleHead;
use crate::network::{Trainable, TrainableNetwork};
use crate::tensor::host_tiles::{HostTiles, put, tensor};
use crate::tensor::{Conv, Normalising, RandomParameters};
use crate::tensor_like::TensorLike;
use crate::tile::Tile;
use burn::module::Param;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};

/// The network as a module.
pub(crate) type Trained = Tec<Conv, Param<Tensor<1>>>;

impl TrainableNetwork for TecConfig {
    type Module = Trained;

    const COPIES_OF_MAPS: f64 = 4.0;

    fn init(&self, device: &Device, seed: u64) -> Trained {
        RandomParameters::new(device, seed).give(|source| self.build(source))
    }
}

impl TecConfig {
    /// The head of single planes.
    fn head(&self) -> SampleHead {
        SampleHead { planes: 1, mixtures: self.mixtures, inputs: InputMode::NoiseNormalised }
    }
}

/// What the networks see of later planes, M = N (P - 1) of them.
pub(super) struct LaterInputs {
    /// (M, C, H, W) each.
    earlier: Tensor<4>,
    features: Tensor<4>,
    context: Tensor<4>,
    guesses: Tensor<4>,
    log_weights: Tensor<4>,
    scales: Tensor<4>,
    samples: Tensor<4>,
}

impl LaterInputs {
    /// Of raw samples (N, P, H, W).
    fn of(samples: &Tensor<4>, planes: usize) -> Result<Self> {
        let tiles = HostTiles::of(samples, planes)?;
        let [n, _, h, w] = tiles.extents;
        let (pixels, later) = (h * w, n * (planes - 1));
        let channels = [EARLIER_CHANNELS, LATER_FEATURES, LATER_CONTEXT, LATER_GUESSES, LATER_GUESSES, 1, 1];
        let mut maps = channels.map(|channels| vec![0.0_f32; later * channels * pixels]);
        let mut features = [0.0; LATER_FEATURES];
        let mut context = [0.0; LATER_CONTEXT];
        for index in 0..later {
            let plane = 1 + index % (planes - 1);
            let own = index / (planes - 1) * planes * pixels;
            let tile = Tile::known(h, w, tiles.samples[own..][..planes * pixels].to_vec());
            let earlier = Earlier::new(&tile, plane, Earlier::scale_step(&tile, plane));
            let seen = earlier.inputs(&tile).values;
            for (pixel, seen) in seen.chunks_exact(EARLIER_CHANNELS).enumerate() {
                let at = (pixel / w, pixel % w);
                let guesses = earlier.context(&tile, at, &mut context);
                earlier.features(&tile, at, &mut features);
                let sample = f32::from(tile.sample(plane, at.0, at.1));
                let Guesses { values, log_weights, scale } = guesses;
                let rows: [&[f32]; 7] =
                    [seen, &features, &context, &values, &log_weights, &[scale], &[sample]];
                for (map, row) in maps.iter_mut().zip(rows) {
                    put(map, row, [index, 0, row.len()], [pixel, pixels]);
                }
            }
        }
        let device = samples.device();
        let [earlier, features, context, guesses, log_weights, scales, samples] = maps.map(|map| {
            let channels = map.len() / (later * pixels);
            tensor(map, [later, channels, h, w], &device)
        });
        Ok(Self { earlier, features, context, guesses, log_weights, scales, samples })
    }

    /// Information of the samples, (M, 1, H, W), from the network's outputs.
    fn bits(&self, outputs: Tensor<4>, k: usize) -> Tensor<4> {
        let take = |first: usize, count: usize| outputs.clone().narrow(1, first, count);
        let weights = softmax(take(3 * k, LATER_GUESSES) + self.log_weights.clone(), 1);
        let base = (weights * self.guesses.clone()).sum_dim(1);
        let means = base + self.scales.clone() * take(k, k);
        let log_scales = self.scales.clone().log() + take(2 * k, k);
        mixture_bits(self.samples.clone(), take(0, k), means, log_scales, f32::from(u16::MAX))
    }
}

impl Later<Conv, Param<Tensor<1>>> {
    fn outputs<T: TensorLike<Conv = Conv, Vector = Param<Tensor<1>>>>(
        &self,
        earlier: &T,
        features: &T,
        context: &T,
    ) -> T {
        let context = T::concat(&[context.clone(), self.context.forward(earlier)]);
        self.samples.forward(features, Some(&context))
    }
}

impl Trained {
    /// Its extents.
    pub fn config(&self) -> &TecConfig {
        &self.config
    }

    /// Information of every sample of the first planes, (N, 1, H, W), by the network of single
    /// planes.
    fn first_bits(&self, tiles: &Tensor<4>) -> Result<Tensor<4>> {
        let inputs = self.config.head().prepare(tiles.clone().narrow(1, 0, 1))?;
        let outputs = self.single.forward(&inputs.features, inputs.context.as_ref());
        Ok(self.config.head().bits(outputs, &inputs))
    }

    /// Information of every sample of later planes, (N (P - 1), 1, H, W), with context; `None` if
    /// there are no such planes.
    pub(super) fn later_bits(&self, tiles: &Tensor<4>) -> Result<Option<Tensor<4>>> {
        let Some(later) = &self.later else { return Ok(None) };
        let inputs = LaterInputs::of(tiles, self.config.planes)?;
        let outputs = later.outputs(&inputs.earlier, &inputs.features, &inputs.context);
        Ok(Some(inputs.bits(outputs, self.config.mixtures)))
    }
}

impl Trainable for Trained {
    /// Every later plane with context, whether it pays or not.
    fn loss(&self, tiles: Tensor<4>) -> Result<Tensor<1>> {
        HostTiles::of(&tiles, self.config.planes)?;
        let first = self.first_bits(&tiles)?.mean();
        let planes = self.config.planes as f64;
        Ok(match self.later_bits(&tiles)? {
            Some(later) => (first + later.mean() * (planes - 1.0)) / planes,
            None => first,
        })
    }

    fn data_dependent_init(self, tiles: Tensor<4>) -> Result<Self> {
        HostTiles::of(&tiles, self.config.planes)?;
        let inputs = self.config.head().prepare(tiles.clone().narrow(1, 0, 1))?;
        let features = Normalising::new(inputs.features);
        let context = inputs.context.map(|context| features.with(context));
        self.single.forward(&features, context.as_ref());
        if let Some(later) = &self.later {
            let inputs = LaterInputs::of(&tiles, self.config.planes)?;
            let [earlier, own, context] =
                [inputs.earlier, inputs.features, inputs.context].map(|map| features.with(map));
            later.outputs(&earlier, &own, &context);
        }
        Ok(features.initialise(self))
    }
}
