//! The bound on the bits of samples, as a sum of its parts.
//!
//! With `f` the samples as the model sees them and `g` the schedule:
//!
//! - prior: `1/2 sum(alpha_1^2 f^2 + sigma_1^2 - ln sigma_1^2 - 1)`
//! - a step from `t` to `s < t`, `r = exp(g_t - g_s)`, `e` the error of the noise: with the
//!   published variances `(r - 1) e^2 / 2`; with variances `exp(v)` times as large
//!   `(v - 1 + exp(-v) (1 + (r - 1) e^2)) / 2`
//! - reconstruction: `-ln p(x | z_0)`
//!
//! Every step of a deterministic bound is summed up, under noise that depends on the number of the
//! step alone.

use super::net::{Said, Trained};
use crate::error::Result;
use crate::input_mode::InputMode;
use crate::mixture::loss::mixture_bits;
use crate::network::Trainable;
use crate::random::Random;
use crate::tensor::host_tiles::{HostTiles, tensor};
use crate::tensor::total;
use crate::tile_stats::TileStats;
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Distribution, Tensor};

/// Values on either side of the nearest over which a reconstruction is normalised; beyond them lies
/// nothing as long as the clean end is below eight steps.
const WINDOW: i32 = 64;

/// Parts of a bound, in bits per sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VdmBound {
    /// What the noisiest latent costs.
    pub prior_bits: f64,
    /// What the steps cost.
    pub diffusion_bits: f64,
    /// What the samples cost, given the cleanest latent.
    pub reconstruction_bits: f64,
}

impl VdmBound {
    /// Their sum.
    pub fn bits(&self) -> f64 {
        self.prior_bits + self.diffusion_bits + self.reconstruction_bits
    }
}

/// What the model sees of tiles.
struct Seen {
    /// (N, C, H, W)
    f: Tensor<4>,
    /// Values of the channels, (N, C, H, W).
    values: Tensor<4>,
    /// Median and noise scale of the tiles, (N, 1, 1, 1), where latents stop at the noise.
    units: Option<[Tensor<4>; 2]>,
}

/// Noise for one step: the same numbers on every device.
fn noise(seed: u64, extents: [usize; 4], device: &Device) -> Tensor<4> {
    let mut random = Random::new(seed ^ 0x6A09_E667_F3BC_C909);
    let count: usize = extents.iter().product();
    let mut values = Vec::with_capacity(count + 1);
    while values.len() < count {
        // Box and Muller 1958.
        let mut uniform = || (random.next() >> 11) as f64 / (1_u64 << 53) as f64;
        let radius = (-2.0 * (1.0 - uniform()).ln()).sqrt();
        let angle = std::f64::consts::TAU * uniform();
        values.extend([(radius * angle.cos()) as f32, (radius * angle.sin()) as f32]);
    }
    values.truncate(count);
    tensor(values, extents, device)
}

/// `sigma^2` and `alpha^2` at `g`.
fn squares(g: Tensor<4>) -> [Tensor<4>; 2] {
    [sigmoid(g.clone()), sigmoid(g.neg())]
}

impl Trained {
    /// What the model sees of raw samples (N, 1, H, W).
    fn see(&self, samples: Tensor<4>) -> Result<Seen> {
        let host = HostTiles::of(&samples, 1)?;
        let [n, _, h, w] = host.extents;
        let device = samples.device();
        let centred = |values: Tensor<4>, count: f64| (values + 0.5) * (2.0 / count) - 1.0;
        Ok(match self.config.inputs {
            InputMode::NoiseNormalised => {
                let stats = (0..n).map(|n| TileStats::of(host.plane(n, 0), w)).collect::<Vec<_>>();
                let of =
                    |of: fn(&TileStats) -> f32| tensor(stats.iter().map(of).collect(), [n, 1, 1, 1], &device);
                let units = [of(|own| f32::from(own.median)), of(|own| own.noise_scale())];
                let f = (samples.clone() - units[0].clone()) / units[1].clone();
                Seen { f: f.asinh(), values: samples, units: Some(units) }
            }
            InputMode::BytesMsb | InputMode::BytesLsb => {
                let byte = |shift: u32| {
                    let values =
                        (0..n).flat_map(|n| host.plane(n, 0)).map(|&x| f32::from((x >> shift) & 255));
                    tensor(values.collect(), [n, 1, h, w], &device)
                };
                let values = Tensor::cat(vec![byte(8), byte(0)], 1);
                Seen { f: centred(values.clone(), 256.0), values, units: None }
            }
            InputMode::Scaled => Seen { f: centred(samples.clone(), 65_536.0), values: samples, units: None },
        })
    }

    /// The schedule at a time.
    fn g(&self, time: Tensor<4>) -> Tensor<4> {
        let ends = self.ends.val();
        let [first, last] = [0, 1].map(|at| ends.clone().narrow(0, at, 1).reshape([1, 1, 1, 1]));
        first.clone() + time * (last - first)
    }

    /// Nats of the prior, summed up.
    fn prior_nats(&self, seen: &Seen) -> Tensor<1> {
        let [sigma, alpha] = squares(self.g(Tensor::ones([1, 1, 1, 1], &seen.f.device())));
        let f = seen.f.clone();
        total((f.square() * alpha + sigma.clone() - sigma.log() - 1.0) * 0.5)
    }

    /// What the network says of latents of tiles at times (N, 1, 1, 1).
    fn look(&self, seen: &Seen, time: &Tensor<4>, eps: &Tensor<4>) -> Said {
        let n = seen.f.dims()[0];
        let [sigma, alpha] = squares(self.g(time.clone()));
        let z = seen.f.clone() * alpha.sqrt() + eps.clone() * sigma.sqrt();
        self.say(z, time.clone().reshape([n]))
    }

    /// Nats of steps of length `1 / steps` that begin at times (N, 1, 1, 1), (N, C, H, W); per unit
    /// of time in the limit of infinitely many.
    fn step_nats(&self, seen: &Seen, time: Tensor<4>, steps: usize, eps: &Tensor<4>) -> Tensor<4> {
        let said = self.look(seen, &time, eps);
        let error = (said.noise - eps.clone()).square();
        if steps == 0 {
            let ends = self.ends.val();
            let slope = ends.clone().narrow(0, 1, 1) - ends.narrow(0, 0, 1);
            return error * slope.reshape([1, 1, 1, 1]) * 0.5;
        }
        let before = self.g(time.clone() - 1.0 / steps as f64);
        let gain = (self.g(time) - before).exp() - 1.0;
        match said.log_variances {
            None => error * gain * 0.5,
            Some(v) => ((error * gain + 1.0) * v.clone().neg().exp() + v - 1.0) * 0.5,
        }
    }

    /// Nats of the samples given the cleanest latents, (N, C, H, W).
    fn reconstruction_nats(&self, seen: &Seen, eps: &Tensor<4>) -> Tensor<4> {
        let device = seen.f.device();
        let n = seen.f.dims()[0];
        let time = Tensor::zeros([n, 1, 1, 1], &device);
        let g = self.g(Tensor::zeros([1, 1, 1, 1], &device));
        let spread = (g.clone() * 0.5).exp();
        let Some([median, scale]) = &seen.units else {
            // In steps of a channel's values.
            let steps = spread * (self.config.values() / 2.0);
            let shift = eps.clone() * steps.clone();
            return reconstruction(&seen.values, &shift, &steps, self.config.values());
        };
        let said = self.look(seen, &time, eps);
        let k = self.config.mixtures;
        let outputs = said.mixtures.expect("a model that stops at the noise has mixtures");
        let take = |part: usize| outputs.clone().narrow(1, part * k, k);
        let clean = (seen.f.clone() + eps.clone() * spread).clamp(-13.0, 13.0);
        let base = clean.clone().sinh() * scale.clone() + median.clone();
        let unit = clean.cosh() * scale.clone();
        let means = base + unit.clone() * take(1);
        let log_scales = unit.log() + take(2);
        mixture_bits(seen.values.clone(), take(0), means, log_scales, f32::from(u16::MAX))
            * std::f64::consts::LN_2
    }

    /// The bound of tiles in so many steps: the sum of all of them, the same at every call.
    ///
    /// # Shapes
    /// (N, 1, H, W), raw samples.
    ///
    /// # Errors
    /// As [`loss`](Trainable::loss).
    pub fn bound(&self, tiles: Tensor<4>, steps: usize) -> Result<VdmBound> {
        self.bound_with(tiles, steps, 0)
    }

    /// The same under noise of another seed, a multiple of `2^32`.
    pub(super) fn bound_with(&self, tiles: Tensor<4>, steps: usize, seed: u64) -> Result<VdmBound> {
        let seen = self.see(tiles)?;
        let (extents, device) = (seen.f.dims(), seen.f.device());
        let [n, _, h, w] = extents;
        let bits = |nats: Tensor<1>| {
            f64::from(nats.into_scalar::<f32>()) * std::f64::consts::LOG2_E / (n * h * w) as f64
        };
        let mut diffusion_bits = 0.0;
        for step in 1..=steps {
            let time = Tensor::full([n, 1, 1, 1], step as f64 / steps as f64, &device);
            let nats = self.step_nats(&seen, time, steps, &noise(seed + step as u64, extents, &device));
            diffusion_bits += bits(total(nats));
        }
        Ok(VdmBound {
            prior_bits: bits(self.prior_nats(&seen)),
            diffusion_bits,
            reconstruction_bits: bits(total(self.reconstruction_nats(&seen, &noise(seed, extents, &device)))),
        })
    }
}

/// `-ln p(x | z_0)` of values that have become `x + shift`, under Gaussians of deviation `steps`.
fn reconstruction(x: &Tensor<4>, shift: &Tensor<4>, steps: &Tensor<4>, values: f64) -> Tensor<4> {
    let seen = x.clone() + shift.clone();
    let nearest = seen.clone().round().clamp(0.0, values - 1.0);
    let exponent = |v: Tensor<4>| ((seen.clone() - v) / steps.clone()).square() * -0.5;
    let own = exponent(x.clone());
    let mut sum = x.zeros_like();
    for offset in -WINDOW..=WINDOW {
        let v = nearest.clone() + f64::from(offset);
        let inside = v.clone().greater_equal_elem(0.0).float() * v.clone().lower_elem(values).float();
        sum = sum + exponent(v).exp() * inside;
    }
    sum.log() - own
}

impl Trainable for Trained {
    /// Where gradients are wanted, one time per tile is drawn, spread evenly over the batch; else
    /// the bound of `bound_steps` steps.
    fn loss(&self, tiles: Tensor<4>) -> Result<Tensor<1>> {
        if !tiles.device().is_autodiff() {
            let bound = self.bound(tiles.clone(), self.config.bound_steps)?;
            return Ok(Tensor::full([1], bound.bits(), &tiles.device()));
        }
        let seen = self.see(tiles)?;
        let device = seen.f.device();
        let [n, _, h, w] = seen.f.dims();
        let first: f64 =
            Tensor::<1>::random([1], Distribution::Uniform(0.0, 1.0), &device).into_scalar::<f32>().into();
        let steps = self.config.steps;
        let times = (0..n).map(|i| {
            let time = (first + i as f64 / n as f64).fract();
            let time = if steps == 0 { time } else { ((time * steps as f64).floor() + 1.0) / steps as f64 };
            time as f32
        });
        let times = tensor(times.collect(), [n, 1, 1, 1], &device);
        let eps = seen.f.random_like(Distribution::Normal(0.0, 1.0));
        let other = seen.f.random_like(Distribution::Normal(0.0, 1.0));
        let steps_nats = total(self.step_nats(&seen, times, steps, &eps)) * steps.max(1) as f64;
        let nats = self.prior_nats(&seen) + steps_nats + total(self.reconstruction_nats(&seen, &other));
        Ok(nats * (std::f64::consts::LOG2_E / (n * h * w) as f64))
    }
}
