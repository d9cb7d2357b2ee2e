//! The flow on integers, for coding: forth and back by the same nets in fixed-order arithmetic.

use super::flow::{location, scale};
use super::{CENTRE, Dense, Idf, IdfConfig};
use crate::engine::whole::Map;
use crate::engine::{Graph, Recorded};
use crate::heads::{Bell, code_mixture};
use crate::math;
use crate::nets::Inputs;
use crate::nets::margin::code_in_steps;
use crate::traverse::{Tile, TileCoder};
use nf_entropy::{Result, SymbolCoder};

/// Integers of one tile, (height, width, channels), each in -32768..=32767.
#[derive(Clone, Debug, PartialEq)]
struct Latents {
    height: usize,
    width: usize,
    channels: usize,
    values: Vec<i32>,
}

/// The residue modulo 2^16 around zero.
fn wrap(value: i32) -> i32 {
    i32::from(value as i16)
}

#[derive(Clone, Debug)]
struct Coupling {
    order: Vec<usize>,
    net: Graph,
}

#[derive(Clone, Debug)]
struct Level {
    flows: Vec<Coupling>,
    split: Vec<Graph>,
}

/// The flow made ready for coding.
#[derive(Clone, Debug)]
pub(crate) struct IdfCoder {
    config: IdfConfig,
    levels: Vec<Level>,
    /// (3, K, C)
    prior: Vec<f32>,
}

fn record(net: &Dense, inputs: usize, conditions: usize) -> Graph {
    Graph::record(&[inputs + conditions, inputs], |maps: &[Recorded]| vec![net.forward(&maps[0], &maps[1])])
}

impl Latents {
    /// `(h, w, C)` to `(h / 2, w / 2, 4 C)`.
    fn squeeze(&self) -> Self {
        let (height, width, channels) = (self.height / 2, self.width / 2, 4 * self.channels);
        let mut to = Self { height, width, channels, values: vec![0; self.values.len()] };
        to.each_pair(self.width, |squeezed, at| squeezed[at.0] = self.values[at.1]);
        to
    }

    fn unsqueeze(&self) -> Self {
        let (height, width, channels) = (2 * self.height, 2 * self.width, self.channels / 4);
        let mut to = Self { height, width, channels, values: vec![0; self.values.len()] };
        let mut from = self.clone();
        from.each_pair(width, |squeezed, at| to.values[at.1] = squeezed[at.0]);
        to
    }

    /// Places of the same value in these squeezed latents and in unsqueezed ones of `width` columns.
    fn each_pair(&mut self, width: usize, mut act: impl FnMut(&mut [i32], (usize, usize))) {
        for place in 0..self.values.len() {
            let (pixel, k) = (place / self.channels, place % self.channels);
            let (y, x) = (pixel / self.width, pixel % self.width);
            let (c, i, j) = (k / 4, k / 2 % 2, k % 2);
            let other = ((2 * y + i) * width + 2 * x + j) * (self.channels / 4) + c;
            act(&mut self.values, (place, other));
        }
    }

    /// Channels in another order: channel c becomes what channel `order[c]` was.
    fn permute(&mut self, order: &[usize]) {
        let mut pixel = vec![0; self.channels];
        for values in self.values.chunks_exact_mut(self.channels) {
            pixel.copy_from_slice(values);
            values.iter_mut().zip(order).for_each(|(value, &from)| *value = pixel[from]);
        }
    }

    fn unpermute(&mut self, order: &[usize]) {
        let mut pixel = vec![0; self.channels];
        for values in self.values.chunks_exact_mut(self.channels) {
            pixel.copy_from_slice(values);
            order.iter().zip(&pixel).for_each(|(&to, &value)| values[to] = value);
        }
    }

    /// The first `kept` channels, and the others.
    fn split(&self, kept: usize) -> [Self; 2] {
        let part = |range: std::ops::Range<usize>| Self {
            channels: range.len(),
            values: self
                .values
                .chunks_exact(self.channels)
                .flat_map(|pixel| pixel[range.clone()].to_vec())
                .collect(),
            ..*self
        };
        [part(0..kept), part(kept..self.channels)]
    }

    fn join(&self, other: &Self) -> Self {
        let pixels = self.values.chunks_exact(self.channels).zip(other.values.chunks_exact(other.channels));
        let values = pixels.flat_map(|(a, b)| a.iter().chain(b).copied().collect::<Vec<_>>()).collect();
        Self { channels: self.channels + other.channels, values, ..*self }
    }

    /// How much they vary around each place; see `Scaled::spread`.
    fn spread(&self, smooth: usize, scale: f32) -> Vec<f32> {
        let inverse = 1.0 / scale;
        let at = |y: usize, x: usize| &self.values[(y * self.width + x) * self.channels..][..self.channels];
        let size = |value: i32| math::asinh(value.abs() as f32 * inverse);
        let places = (0..self.height * self.width).map(|place| (place / self.width, place % self.width));
        let mean_size = |(y, x): (usize, usize)| {
            let own = at(y, x);
            let (above, before) = (at(y.saturating_sub(1), x), at(y, x.saturating_sub(1)));
            let first = self.channels - smooth;
            let steps = (first..self.channels).map(|c| size(own[c] - above[c]) + size(own[c] - before[c]));
            let sum = steps.fold(0.0, |sum, steps| sum + steps);
            own[..first].iter().fold(sum, |sum, &z| sum + size(z)) / (smooth + self.channels) as f32
        };
        let sizes: Vec<f32> = places.clone().map(mean_size).collect();
        let around = |(y, x): (usize, usize)| {
            let (rows, columns) = (y.saturating_sub(1)..=y + 1, x.saturating_sub(1)..=x + 1);
            let (mut sum, mut count) = (0.0_f32, 0.0_f32);
            for row in rows.filter(|&row| row < self.height) {
                for column in columns.clone().filter(|&column| column < self.width) {
                    sum += sizes[row * self.width + column];
                    count += 1.0;
                }
            }
            sum / count
        };
        places.map(around).collect()
    }

    fn blank(height: usize, width: usize, channels: usize) -> Self {
        Self { height, width, channels, values: vec![0; height * width * channels] }
    }
}

impl IdfCoder {
    pub(crate) fn new(net: &Idf) -> Self {
        let config = net.config.clone();
        let levels = net.levels.iter().enumerate().map(|(level, own)| {
            let channels = config.channels(level);
            let group = config.group(level);
            let flows = own.flows.iter().map(|flow| Coupling {
                order: flow.order().into_iter().map(|channel| channel as usize).collect(),
                net: record(&flow.net, channels - channels / 4, config.conditions(false)),
            });
            let split = own.split.iter().zip(1..);
            let split = split.map(|(net, known)| record(net, known * group, config.conditions(true)));
            Level { flows: flows.collect(), split: split.collect() }
        });
        let levels = levels.collect();
        let prior = net.prior.val().into_data().try_to_vec::<f32>().expect("parameters are f32");
        Self { config, levels, prior }
    }

    /// Bytes of memory for one tile.
    pub(crate) fn memory_bytes(&self, height: usize, width: usize) -> u64 {
        let channels = self.config.channels(self.config.levels) + 2 * self.config.growth;
        (height * width) as u64 * channels as u64 * 8
    }

    /// Multiplications to decode one sample.
    pub(crate) fn macs_per_px(&self) -> f64 {
        self.per_px(Graph::macs_per_px) / self.config.planes as f64
    }

    /// Values of all maps per pixel.
    pub(crate) fn values_per_px(&self) -> f64 {
        self.per_px(Graph::values_per_px)
    }

    /// The sum over every coupling and every prior, each at a quarter of the pixels of the one before.
    fn per_px(&self, of: impl Fn(&Graph) -> f64) -> f64 {
        let levels = self.levels.iter().zip(1..).map(|(level, halvings)| {
            let nets = level.flows.iter().map(|flow| &flow.net).chain(&level.split);
            nets.map(&of).sum::<f64>() / f64::from(1 << (2 * halvings))
        });
        levels.sum()
    }

    /// What a net says of some latents, in units of `scale`, that vary by `spread`.
    fn numbers(&self, net: &Graph, latents: &Latents, spread: Option<&[f32]>, scale: f32) -> Map {
        let mut divided = Map::zeros(latents.height, latents.width, latents.channels);
        let inverse = 1.0 / scale;
        divided.values.iter_mut().zip(&latents.values).for_each(|(to, &z)| *to = z as f32 * inverse);
        let mut shown = divided.clone();
        if self.config.inputs == Inputs::Robust {
            let channels = latents.channels + self.config.conditions(spread.is_some());
            shown = Map::zeros(latents.height, latents.width, channels);
            let pixels = shown.values.chunks_exact_mut(channels);
            for (place, (to, from)) in pixels.zip(divided.values.chunks_exact(latents.channels)).enumerate() {
                to.iter_mut().zip(from).for_each(|(to, &z)| *to = math::asinh(z));
                to[latents.channels] = inverse;
                if let Some(spread) = spread {
                    to[latents.channels + 1] = spread[place];
                }
            }
        }
        net.run(vec![shown, divided]).remove(0)
    }

    /// Adds (`sign` 1) or subtracts (-1) what the coupling's net predicts.
    fn couple(&self, flow: &Coupling, latents: &Latents, scale: f32, sign: i32) -> Latents {
        let [fixed, mut moved] = latents.split(latents.channels - latents.channels / 4);
        let numbers = self.numbers(&flow.net, &fixed, None, scale);
        for (z, &number) in moved.values.iter_mut().zip(&numbers.values) {
            let shift = (number * scale + 0.5).floor();
            // A prediction beyond all integers of the flow, or no number, counts as the nearest, or as zero.
            let shift = shift.clamp(-65_536.0, 65_536.0) as i32;
            *z = wrap(*z + sign * shift);
        }
        fixed.join(&moved)
    }

    /// The groups that leave, level by level in the order of coding, and the last latents.
    fn forth(&self, x: Latents, scale: f32) -> (Vec<Vec<Latents>>, Latents) {
        let mut z = x;
        let mut left = vec![];
        for (index, level) in self.levels.iter().enumerate() {
            z = z.squeeze();
            for flow in &level.flows {
                z.permute(&flow.order);
                z = self.couple(flow, &z, scale, 1);
            }
            let mut groups = vec![];
            for _ in &level.split {
                let [group, rest] = z.split(self.config.group(index));
                groups.insert(0, group);
                z = rest;
            }
            left.push(groups);
        }
        (left, z)
    }

    fn back(&self, level: &Level, mut z: Latents, scale: f32) -> Latents {
        for flow in level.flows.iter().rev() {
            z = self.couple(flow, &z, scale, -1);
            z.unpermute(&flow.order);
        }
        z.unsqueeze()
    }

    /// Codes tiles one after the other: the last latents, then those of the splits from the last to the first, then the
    /// rows and columns that are no multiple of the flow's step.
    pub(crate) fn code(&self, coder: &mut impl TileCoder, tiles: &mut [Tile]) -> Result<()> {
        code_in_steps(coder, tiles, 1 << self.config.levels, |coder, tile, height, width| {
            self.code_box(coder, tile, height, width)
        })
    }

    fn code_box(
        &self,
        coder: &mut impl SymbolCoder,
        tile: &mut Tile,
        height: usize,
        width: usize,
    ) -> Result<()> {
        let planes = self.config.planes;
        let scale = scale(&self.config, &tile.normals);
        let log_scale = math::ln(f64::from(scale)) as f32;
        let locations: Vec<i32> = tile.normals.iter().map(|&n| location(&self.config, n) as i32).collect();
        let mut x = Latents::blank(height, width, planes);
        let (mut left, mut z) = if tile.known {
            for (place, value) in x.values.iter_mut().enumerate() {
                let (pixel, plane) = (place / planes, place % planes);
                let sample = i32::from(tile.sample(plane, pixel / width, pixel % width));
                *value = wrap(sample - locations[plane]);
            }
            self.forth(x, scale)
        } else {
            let blank = |level: usize, channels: usize| {
                Latents::blank(height >> (level + 1), width >> (level + 1), channels)
            };
            let groups = (0..self.levels.len())
                .map(|level| vec![blank(level, self.config.group(level)); self.config.groups(level)]);
            (groups.collect(), blank(self.levels.len() - 1, self.config.last()))
        };
        for values in z.values.chunks_exact_mut(z.channels) {
            code_latents(coder, values, &self.prior, self.config.mixtures, (scale, log_scale))?;
        }
        for (level, own) in self.levels.iter().enumerate().rev() {
            for (net, leaving) in own.split.iter().zip(&mut left[level]) {
                self.code_split(coder, net, &z, leaving, (scale, log_scale))?;
                z = leaving.join(&z);
            }
            z = self.back(own, z, scale);
        }
        for (place, &value) in z.values.iter().enumerate() {
            let (pixel, plane) = (place / planes, place % planes);
            *tile.sample_mut(plane, pixel / width, pixel % width) = (value + locations[plane]) as u16;
        }
        Ok(())
    }

    fn code_split(
        &self,
        coder: &mut impl SymbolCoder,
        net: &Graph,
        staying: &Latents,
        leaving: &mut Latents,
        (scale, log_scale): (f32, f32),
    ) -> Result<()> {
        let robust = self.config.inputs == Inputs::Robust;
        let spread = robust.then(|| staying.spread(leaving.channels, scale));
        let numbers = self.numbers(net, staying, spread.as_deref(), scale);
        let k = self.config.split_mixtures();
        let pixels = leaving.values.chunks_exact_mut(leaving.channels);
        for (place, (values, numbers)) in
            pixels.zip(numbers.values.chunks_exact(numbers.channels)).enumerate()
        {
            let spread = spread.as_ref().map_or(0.0, |spread| spread[place]);
            code_latents(coder, values, numbers, k, (scale, log_scale + spread))?;
        }
        Ok(())
    }
}

/// Codes the latents of one pixel under their numbers, which are in the order that `latent_bits` has.
fn code_latents(
    coder: &mut impl SymbolCoder,
    values: &mut [i32],
    numbers: &[f32],
    k: usize,
    (scale, log_scale): (f32, f32),
) -> Result<()> {
    let channels = values.len();
    let parts = numbers.len() / (k * channels);
    let mut bells = Vec::with_capacity(k);
    for (channel, value) in values.iter_mut().enumerate() {
        let number = |part: usize, i: usize| numbers[(part * k + i) * channels + channel];
        bells.clear();
        bells.extend((0..k).map(|i| Bell {
            logit: if parts > 2 { number(0, i) } else { 0.0 },
            mean: number(parts - 2, i) * scale + CENTRE,
            log_scale: number(parts - 1, i) + log_scale,
        }));
        let mut symbol = (*value + CENTRE as i32) as u32;
        code_mixture(coder, &mut symbol, &bells)?;
        *value = symbol as i32 - CENTRE as i32;
    }
    Ok(())
}
