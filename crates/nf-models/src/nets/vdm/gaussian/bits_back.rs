//! The bound as bytes: bits-back coding with the latents that stop at the noise.
//!
//! Latents are drawn by popping them from a [`Stack`], so that a decoder, which pushes them back,
//! loses nothing (arXiv:1901.04866), in the order of a Markov chain (arXiv:1905.06845): what is
//! drawn before anything is pushed is `z_0` alone.
//!
//! ```text
//! pop z_0 | x;  push x | z_0;  for i = 1 .. T: pop z_i | z_(i-1), push z_(i-1) | z_i;  push z_T
//! ```
//!
//! Latents lie on a lattice of a quarter of the cleanest one's noise. Tiles follow one another on
//! one stack, so that only the first one pays for bits that are not there yet; a decoder needs the
//! last one first and all of them, and a damaged byte costs everything before it. The network is
//! evaluated by the tensor library, whose results differ between machines: a stream is read by the
//! program that wrote it, on the machine that wrote it.

use super::VdmGaussian;
use super::normal::{Normal, POINTS};
use crate::input_mode::InputMode;
use crate::mixture::{LogisticParams, MixtureParams};
use crate::tensor::host_tiles::tensor;
use crate::tile_model::TileCoder;
use crate::tile_stats::TileStats;
use burn::tensor::Tensor;
use nf_entropy::{Distribution, Error, Result, Stack};
use nf_image::{Grid, Image16, Shape, TileBox};

const WHAT: &str = "bits-back stream";

/// Points of the lattice per deviation of the cleanest latent's noise.
const POINTS_PER_DEVIATION: f64 = 4.0;

/// A coder of bits-back streams.
#[derive(Clone, Debug)]
pub struct VdmBitsBack {
    net: VdmGaussian,
    steps: usize,
    tile_px: usize,
    /// The schedule at the ends of the steps.
    g: Vec<f64>,
    spacing: f64,
}

struct Push<'a>(&'a mut Stack);

struct Pop<'a>(&'a mut Stack);

impl TileCoder for Push<'_> {
    fn code(&mut self, symbol: &mut u32, distribution: &dyn Distribution) -> Result<()> {
        self.0.push(*symbol, distribution)
    }
}

impl TileCoder for Pop<'_> {
    fn code(&mut self, symbol: &mut u32, distribution: &dyn Distribution) -> Result<()> {
        *symbol = self.0.pop(distribution)?;
        Ok(())
    }
}

fn corrupt(reason: impl Into<String>) -> Error {
    Error::Corrupt { what: WHAT, reason: reason.into() }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `alpha^2` and `sigma^2` at `g`.
fn squares(g: f64) -> [f64; 2] {
    [sigmoid(-g), sigmoid(g)]
}

/// A tile on its way: extents, and its unit.
#[derive(Clone, Copy)]
struct Tile {
    height: usize,
    width: usize,
    stats: TileStats,
}

impl VdmBitsBack {
    /// Of a network, so many steps, and tiles of so many pixels.
    ///
    /// # Errors
    /// If its latents do not stop at the noise, or it has no steps or no tiles.
    pub fn new(net: VdmGaussian, steps: usize, tile_px: usize) -> Result<Self, String> {
        if net.config.inputs != InputMode::NoiseNormalised {
            return Err("expected a net whose latents stop at the noise, inputs = 'robust'".into());
        }
        if steps == 0 || tile_px == 0 {
            return Err(format!("expected at least one step and tiles of a pixel, not {steps}, {tile_px}"));
        }
        let ends = net.ends.val().into_data().try_to_vec::<f32>();
        let ends = ends.map_err(|error| format!("{error:?}"))?;
        let [first, last] = [0, 1].map(|at| f64::from(ends[at]));
        let g: Vec<f64> =
            (0..=steps).map(|step| first + (last - first) * step as f64 / steps as f64).collect();
        let spacing = squares(g[0])[1].sqrt() / POINTS_PER_DEVIATION;
        Ok(Self { net, steps, tile_px, g, spacing })
    }

    fn boxes(&self, shape: Shape) -> Vec<TileBox> {
        Grid::new(shape, Shape::new(1, self.tile_px, self.tile_px)).boxes().collect()
    }

    /// The stream of an image, and how many of its bits were made up to begin with.
    ///
    /// # Errors
    /// If a coder fails, which would be a fault of this program.
    pub fn encode(&self, image: &Image16) -> Result<(Vec<u8>, u64)> {
        let boxes = self.boxes(image.shape());
        let (mut stack, mut heads) = (Stack::new(), vec![]);
        for tile in &boxes {
            let cut = image.crop(tile.planes.clone(), tile.rows.clone(), tile.columns.clone());
            let (height, width) = (tile.rows.len(), tile.columns.len());
            let stats = TileStats::of(cut.samples(), width);
            heads.extend(stats.to_bytes());
            self.push_tile(&mut stack, cut.samples(), Tile { height, width, stats })?;
        }
        let initial_bits = stack.initial_bits();
        heads.extend(stack.to_bytes());
        Ok((heads, initial_bits))
    }

    /// The image of a stream.
    ///
    /// # Errors
    /// If the bytes are not what [`VdmBitsBack::encode`] gives for such an image.
    pub fn decode(&self, bytes: &[u8], shape: Shape) -> Result<Image16> {
        let boxes = self.boxes(shape);
        let heads = boxes.len() * TileStats::BYTES;
        let (heads, rest) = bytes.split_at_checked(heads).ok_or(Error::Truncated { what: WHAT })?;
        let mut stack = Stack::from_bytes(rest)?;
        let mut image = Image16::zeros(shape);
        for (tile, head) in boxes.iter().zip(heads.chunks_exact(TileStats::BYTES)).rev() {
            let stats = TileStats::from_bytes([head[0], head[1], head[2]])
                .ok_or_else(|| corrupt("a noise scale above 2^13"))?;
            let (height, width) = (tile.rows.len(), tile.columns.len());
            let samples = self.pop_tile(&mut stack, Tile { height, width, stats })?;
            let cut = Image16::new(Shape::frame(height, width), samples)
                .map_err(|error| corrupt(error.to_string()))?;
            image.paste(&cut, tile.planes.start, tile.rows.start, tile.columns.start);
        }
        stack.finish()?;
        Ok(image)
    }

    fn push_tile(&self, stack: &mut Stack, samples: &[u16], tile: Tile) -> Result<()> {
        let mut z = vec![];
        for &sample in samples {
            z.push(stack.pop(&self.cleanest(sample, tile))?);
        }
        for (mixture, &sample) in self.mixtures(&z, tile).iter().zip(samples).rev() {
            mixture.code_sample(&mut Push(stack), &mut u32::from(sample))?;
        }
        for step in 1..=self.steps {
            let mut noisier = vec![];
            for &point in &z {
                noisier.push(stack.pop(&self.noisier(step, point))?);
            }
            for (normal, &point) in self.cleaner(step, &noisier, tile).iter().zip(&z).rev() {
                stack.push(point, normal)?;
            }
            z = noisier;
        }
        z.iter().rev().try_for_each(|&point| stack.push(point, &self.noisiest()))
    }

    fn pop_tile(&self, stack: &mut Stack, tile: Tile) -> Result<Vec<u16>> {
        let mut z = vec![];
        for _ in 0..tile.height * tile.width {
            z.push(stack.pop(&self.noisiest())?);
        }
        for step in (1..=self.steps).rev() {
            let mut cleaner = vec![];
            for normal in self.cleaner(step, &z, tile) {
                cleaner.push(stack.pop(&normal)?);
            }
            for (&from, &point) in cleaner.iter().zip(&z).rev() {
                stack.push(point, &self.noisier(step, from))?;
            }
            z = cleaner;
        }
        let mut samples = vec![];
        for mixture in self.mixtures(&z, tile) {
            let mut symbol = 0;
            mixture.code_sample(&mut Pop(stack), &mut symbol)?;
            samples.push(symbol as u16);
        }
        for (&sample, &point) in samples.iter().zip(&z).rev() {
            stack.push(point, &self.cleanest(sample, tile))?;
        }
        Ok(samples)
    }

    /// The value of a point of the lattice.
    fn value(&self, point: u32) -> f64 {
        (f64::from(point) - f64::from(POINTS / 2)) * self.spacing
    }

    fn normal(&self, mean: f64, variance: f64) -> Normal {
        Normal::new(mean / self.spacing, variance.sqrt() / self.spacing)
    }

    /// `q(z_0 | x)`.
    fn cleanest(&self, sample: u16, tile: Tile) -> Normal {
        let scale = f64::from(tile.stats.noise_scale());
        let f = ((f64::from(sample) - f64::from(tile.stats.median)) / scale).asinh();
        let [alpha, sigma] = squares(self.g[0]);
        self.normal(alpha.sqrt() * f, sigma)
    }

    /// `q(z_i | z_(i-1))`.
    fn noisier(&self, step: usize, point: u32) -> Normal {
        let [[alpha_s, sigma_s], [alpha_t, sigma_t]] = [step - 1, step].map(|at| squares(self.g[at]));
        let kept = alpha_t / alpha_s;
        self.normal(kept.sqrt() * self.value(point), sigma_t - kept * sigma_s)
    }

    /// `p(z_T)`.
    fn noisiest(&self) -> Normal {
        self.normal(0.0, 1.0)
    }

    /// Latents as the network takes them, and their time.
    fn say(&self, points: &[u32], tile: Tile, step: usize) -> super::net::Said {
        let device = self.net.device();
        let values = points.iter().map(|&point| self.value(point) as f32).collect();
        let z = tensor(values, [1, 1, tile.height, tile.width], &device);
        let time = step as f32 / self.steps as f32;
        self.net.say(z, Tensor::from_data([time], &device))
    }

    /// `p(z_(i-1) | z_i)` of all latents of a tile.
    fn cleaner(&self, step: usize, points: &[u32], tile: Tile) -> Vec<Normal> {
        let said = self.say(points, tile, step);
        let (noise, spread) = (values(said.noise), said.log_variances.map(values));
        let [[alpha_s, sigma_s], [alpha_t, sigma_t]] = [step - 1, step].map(|at| squares(self.g[at]));
        let added = sigma_t - alpha_t / alpha_s * sigma_s;
        let normal = |(at, (&point, noise)): (usize, (&u32, &f32))| {
            let z = self.value(point);
            let f = (z - sigma_t.sqrt() * f64::from(*noise)) / alpha_t.sqrt();
            let mean =
                (alpha_t / alpha_s).sqrt() * sigma_s / sigma_t * z + alpha_s.sqrt() * added / sigma_t * f;
            let wider = spread.as_ref().map_or(1.0, |spread| f64::from(spread[at]).exp());
            self.normal(mean, added * sigma_s / sigma_t * wider)
        };
        points.iter().zip(&noise).enumerate().map(normal).collect()
    }

    /// `p(x | z_0)` of all samples of a tile.
    fn mixtures(&self, points: &[u32], tile: Tile) -> Vec<MixtureParams> {
        let outputs = self.say(points, tile, 0).mixtures.map(values).unwrap_or_default();
        let (k, pixels) = (self.net.config.mixtures, points.len());
        let scale = f64::from(tile.stats.noise_scale());
        let alpha = squares(self.g[0])[0].sqrt();
        let mixture = |(at, &point): (usize, &u32)| {
            let clean = (self.value(point) / alpha).clamp(-13.0, 13.0);
            let base = clean.sinh() * scale + f64::from(tile.stats.median);
            let unit = clean.cosh() * scale;
            let output = |channel: usize| outputs.get(channel * pixels + at).copied().unwrap_or(0.0);
            MixtureParams::from_fn(k, |i| LogisticParams {
                logit: output(i),
                mean: (base + unit * f64::from(output(k + i))) as f32,
                log_scale: unit.ln() as f32 + output(2 * k + i),
            })
        };
        points.iter().enumerate().map(mixture).collect()
    }
}

/// The values of a map, in order.
fn values(map: Tensor<4>) -> Vec<f32> {
    map.into_data().try_to_vec::<f32>().unwrap_or_default()
}
