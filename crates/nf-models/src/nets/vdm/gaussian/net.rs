//! The network that says what the noise is.

use super::VdmGaussianConfig;
use crate::input_mode::InputMode;
use crate::network::TrainableNetwork;
use crate::parameters::{ConvSpec, Initial, ParameterSource};
use crate::tensor::{Conv, RandomParameters};
use crate::tensor_like::TensorLike;
use burn::module::{Module, Param};
use burn::tensor::activation::{silu, softmax};
use burn::tensor::{Device, Tensor, TensorData};
use nf_engine::Geometry;

/// Exponents of the sines of a channel of so many values: periods of two and of one of its steps.
fn exponents(values: f64) -> [f64; 2] {
    [values.log2() - 2.0, values.log2() - 1.0]
}

/// Normalised groups of channels, with a gain and a bias each.
#[derive(Module, Debug)]
struct GroupNorm {
    gain: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
    #[module(skip)]
    groups: usize,
}

impl GroupNorm {
    fn new(source: &mut RandomParameters<'_>, channels: usize, groups: usize) -> Result<Self, String> {
        let gain = source.array("gain", [channels], Initial::Values(vec![1.0; channels]))?;
        let bias = source.array("bias", [channels], Initial::Values(vec![0.0; channels]))?;
        Ok(Self { gain, bias, groups })
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [n, c, h, w] = x.dims();
        let grouped = x.reshape([n, self.groups, c / self.groups * h * w]);
        let centred = grouped.clone() - grouped.mean_dim(2);
        let variance = centred.clone().square().mean_dim(2);
        let x = (centred / (variance + 1e-6).sqrt()).reshape([n, c, h, w]);
        let along = |own: &Param<Tensor<1>>| own.val().reshape([1, c, 1, 1]);
        x * along(&self.gain) + along(&self.bias)
    }
}

/// A residual block that is told the time.
#[derive(Module, Debug)]
struct Block {
    before: GroupNorm,
    first: Conv,
    time: Conv,
    between: GroupNorm,
    second: Conv,
    /// Where channels become fewer.
    shortcut: Option<Conv>,
}

impl Block {
    fn new(
        source: &mut RandomParameters<'_>,
        inputs: usize,
        config: &VdmGaussianConfig,
    ) -> Result<Self, String> {
        let (f, one, three) = (config.filters, Geometry::centred(1), Geometry::centred(3));
        let plain = ConvSpec::plain;
        Ok(Self {
            before: GroupNorm::new(source, inputs, config.groups)?,
            first: source.conv("first", plain(inputs, f, three, 1.0))?,
            time: source.conv("time", plain(4 * f, f, one, 0.0))?,
            between: GroupNorm::new(source, f, config.groups)?,
            second: source.conv("second", plain(f, f, three, 0.0))?,
            shortcut: match inputs == f {
                true => None,
                false => Some(source.conv("shortcut", plain(inputs, f, one, 1.0))?),
            },
        })
    }

    fn forward(&self, x: Tensor<4>, time: &Tensor<4>, dropout: f64) -> Tensor<4> {
        let inner = self.first.forward(silu(self.before.forward(x.clone())));
        let inner = silu(self.between.forward(inner + self.time.forward(time.clone())));
        let inner = self.second.forward(inner.dropout(dropout));
        self.shortcut.as_ref().map_or_else(|| x.clone(), |layer| layer.forward(x.clone())) + inner
    }
}

/// Every pixel looks at all others; one head.
#[derive(Module, Debug)]
struct Attention {
    before: GroupNorm,
    query: Conv,
    key: Conv,
    value: Conv,
    out: Conv,
}

impl Attention {
    fn new(source: &mut RandomParameters<'_>, config: &VdmGaussianConfig) -> Result<Self, String> {
        let mut conv = |name, gain| {
            source.conv(name, ConvSpec::plain(config.filters, config.filters, Geometry::centred(1), gain))
        };
        let (query, key, value) = (conv("query", 1.0)?, conv("key", 1.0)?, conv("value", 1.0)?);
        let out = conv("out", 0.0)?;
        Ok(Self { before: GroupNorm::new(source, config.filters, config.groups)?, query, key, value, out })
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [n, c, h, w] = x.dims();
        let y = self.before.forward(x.clone());
        let of = |layer: &Conv| layer.forward(y.clone()).reshape([n, c, h * w]);
        let (query, key, value) = (of(&self.query), of(&self.key), of(&self.value));
        let weights = softmax(query.swap_dims(1, 2).matmul(key) / (c as f64).sqrt(), 2);
        let seen = value.matmul(weights.swap_dims(1, 2)).reshape([n, c, h, w]);
        x + self.out.forward(seen)
    }
}

/// The model as a module.
#[derive(Module, Debug)]
pub struct VdmGaussian {
    /// Ends of the schedule: `g_0` and `g_1`.
    pub(super) ends: Param<Tensor<1>>,
    time: [Conv; 2],
    first: Conv,
    there: Vec<Block>,
    middle: [Block; 2],
    attention: Option<Attention>,
    back: Vec<Block>,
    normal: GroupNorm,
    /// To the noise, and, where they are learned, to variances.
    last: Conv,
    /// To mixtures of integers, where the latents stop at the noise.
    mixtures: Option<Conv>,
    #[module(skip)]
    pub(super) config: VdmGaussianConfig,
}

pub(crate) type Trained = VdmGaussian;

/// What the network says of latents.
pub(super) struct Said {
    /// The noise, (N, C, H, W).
    pub(super) noise: Tensor<4>,
    /// Logarithm of reverse variances over the published ones, where they are learned.
    pub(super) log_variances: Option<Tensor<4>>,
    /// Parameters of mixtures, (N, 3 K, H, W).
    pub(super) mixtures: Option<Tensor<4>>,
}

impl TrainableNetwork for VdmGaussianConfig {
    type Module = Trained;

    const COPIES_OF_MAPS: f64 = 4.0;

    fn init(&self, device: &Device, seed: u64) -> Trained {
        RandomParameters::new(device, seed).give(|source| self.build(source))
    }
}

impl VdmGaussianConfig {
    /// Channels of the latents.
    pub(super) fn channels(&self) -> usize {
        if self.inputs == InputMode::BytesMsb { 2 } else { 1 }
    }

    /// Values of a channel.
    pub(super) fn values(&self) -> f64 {
        if self.inputs == InputMode::BytesMsb { 256.0 } else { 65_536.0 }
    }

    /// Ends of a new schedule: published ones for bytes, as much finer for 16 bits as their step
    /// is; and from a few sigmas of the noise to where nothing is left of the brightest pixel.
    fn first_ends(&self) -> [f32; 2] {
        match self.inputs {
            InputMode::NoiseNormalised => [2.0, 6.0],
            InputMode::Scaled => [-24.4, 5.0],
            _ => [-13.3, 5.0],
        }
    }

    fn build(&self, source: &mut RandomParameters<'_>) -> Result<Trained, String> {
        let (f, c) = (self.filters, self.channels());
        let (one, three) = (Geometry::centred(1), Geometry::centred(3));
        let inputs = if self.lattice { 5 * c } else { c };
        let outputs = if self.learned_variances { 2 * c } else { c };
        let ends = source.array("ends", [2], Initial::Values(self.first_ends().to_vec()))?;
        let time = [
            source.conv("time.0", ConvSpec::plain(f, 4 * f, one, 1.0))?,
            source.conv("time.1", ConvSpec::plain(4 * f, 4 * f, one, 1.0))?,
        ];
        let first = source.conv("first", ConvSpec::plain(inputs, f, three, 1.0))?;
        let there = (0..self.blocks).map(|_| Block::new(source, f, self)).collect::<Result<_, _>>()?;
        let middle = [Block::new(source, f, self)?, Block::new(source, f, self)?];
        let attention = self.attention.then(|| Attention::new(source, self)).transpose()?;
        let back = (0..=self.blocks).map(|_| Block::new(source, 2 * f, self)).collect::<Result<_, _>>()?;
        let normal = GroupNorm::new(source, f, self.groups)?;
        let last = source.conv("last", ConvSpec::plain(f, outputs, three, 0.0))?;
        let mixtures = match self.inputs {
            InputMode::NoiseNormalised => {
                Some(source.conv("mixtures", ConvSpec::plain(f, 3 * self.mixtures, one, 0.1))?)
            }
            _ => None,
        };
        let config = self.clone();
        Ok(Trained { ends, time, first, there, middle, attention, back, normal, last, mixtures, config })
    }
}

impl VdmGaussian {
    /// Its extents.
    pub fn config(&self) -> &VdmGaussianConfig {
        &self.config
    }

    /// Where its weights are.
    pub(super) fn device(&self) -> Device {
        self.ends.val().device()
    }

    /// What the network says of latents `z`, (N, C, H, W), at times whose place between the ends of
    /// the schedule is `place`, (N) of 0 to 1.
    pub(super) fn say(&self, z: Tensor<4>, place: Tensor<1>) -> Said {
        let c = self.config.channels();
        let dropout = if self.config.blocks >= 32 { 0.1 } else { 0.0 };
        let time = self.embed(place);
        let mut x = self.first.forward(self.seen(&z));
        let mut passed = vec![x.clone()];
        for block in &self.there {
            x = block.forward(x, &time, dropout);
            passed.push(x.clone());
        }
        x = self.middle[0].forward(x, &time, dropout);
        if let Some(attention) = &self.attention {
            x = attention.forward(x);
        }
        x = self.middle[1].forward(x, &time, dropout);
        for block in &self.back {
            let skipped = passed.pop().expect("one more block than on the way down");
            x = block.forward(Tensor::cat(vec![x, skipped], 1), &time, dropout);
        }
        let x = silu(self.normal.forward(x));
        let out = self.last.forward(x.clone());
        Said {
            noise: z + out.clone().narrow(1, 0, c),
            log_variances: self.config.learned_variances.then(|| out.narrow(1, c, c)),
            mixtures: self.mixtures.as_ref().map(|layer| layer.forward(x)),
        }
    }

    /// Latents, and sines of them where the network sees the lattice.
    fn seen(&self, z: &Tensor<4>) -> Tensor<4> {
        if !self.config.lattice {
            return z.clone();
        }
        let waves = exponents(self.config.values()).map(|exponent| {
            let phase = z.clone() * (std::f64::consts::TAU * exponent.exp2());
            [phase.clone().sin(), phase.cos()]
        });
        let [[a, b], [c, d]] = waves;
        Tensor::cat(vec![z.clone(), a, b, c, d], 1)
    }

    /// Sinusoids of the time, through two layers: (N, 4 F, 1, 1).
    fn embed(&self, place: Tensor<1>) -> Tensor<4> {
        let f = self.config.filters;
        let half = f / 2;
        let n = place.dims()[0];
        let rates: Vec<f32> = (0..half)
            .map(|i| (-(10_000_f64.ln()) * i as f64 / (half.max(2) - 1) as f64).exp() as f32)
            .collect();
        let rates = Tensor::<1>::from_data(TensorData::new(rates, [half]), &place.device());
        let phases = (place * 1000.0).reshape([n, 1]) * rates.reshape([1, half]);
        let waves = Tensor::cat(vec![phases.clone().sin(), phases.cos()], 1).reshape([n, f, 1, 1]);
        silu(self.time[1].forward(silu(self.time[0].forward(waves))))
    }
}
