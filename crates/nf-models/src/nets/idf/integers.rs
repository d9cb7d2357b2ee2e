//! The numbers of one tile, for the coder: integers, and networks in fixed-order arithmetic.

use super::flow::{Arithmetic, Inverse};
use nf_engine::{FeatureMap, Graph, math};

/// Integers of one tile, (height, width, channels), each in -32768..=32767.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Integers {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
    pub(super) values: Vec<i32>,
}

/// The residue modulo 2^16 around zero.
pub(super) fn wrap(value: i32) -> i32 {
    i32::from(value as i16)
}

impl Integers {
    pub(super) fn zeros(height: usize, width: usize, channels: usize) -> Self {
        Self { height, width, channels, values: vec![0; height * width * channels] }
    }

    fn pixel(&self, y: usize, x: usize) -> &[i32] {
        &self.values[(y * self.width + x) * self.channels..][..self.channels]
    }

    /// Where each value lies before the squeeze of a map of `width` columns that gave these.
    fn unsqueezed_places(&self, width: usize) -> impl Iterator<Item = usize> + use<> {
        let (own_width, channels, places) = (self.width, self.channels, self.values.len());
        (0..places).map(move |place| {
            let (pixel, k) = (place / channels, place % channels);
            let (y, x) = (pixel / own_width, pixel % own_width);
            let (c, i, j) = (k / 4, k / 2 % 2, k % 2);
            ((2 * y + i) * width + 2 * x + j) * (channels / 4) + c
        })
    }
}

/// Arithmetic on the integers of one tile.
pub(super) struct TileArithmetic {
    /// The unit in which networks see latents, in samples.
    pub(super) scale: f32,
    pub(super) noise_normalised: bool,
}

impl TileArithmetic {
    /// What a network says of some latents whose local scales are given, if it sees these.
    pub(super) fn outputs(&self, net: &Graph, latents: &Integers, local: Option<&[f32]>) -> FeatureMap {
        let Integers { height, width, channels, .. } = *latents;
        let mut divided = FeatureMap::zeros(height, width, channels);
        let inverse = 1.0 / self.scale;
        let values = divided.values.iter_mut().zip(&latents.values);
        values.for_each(|(to, &z)| *to = z as f32 * inverse);
        let mut inputs = divided.clone();
        if self.noise_normalised {
            let more = channels + 1 + usize::from(local.is_some());
            inputs = FeatureMap::zeros(height, width, more);
            let pixels = inputs.values.chunks_exact_mut(more);
            for (place, (to, from)) in pixels.zip(divided.values.chunks_exact(channels)).enumerate() {
                to.iter_mut().zip(from).for_each(|(to, &z)| *to = math::asinh(z));
                to[channels] = inverse;
                if let Some(local) = local {
                    to[channels + 1] = local[place];
                }
            }
        }
        net.evaluate(vec![inputs, divided]).remove(0)
    }

    /// How much latents vary around each place; see `TensorArithmetic::local_log_scales`.
    pub(super) fn local_log_scales(&self, latents: &Integers, smooth: usize) -> Vec<f32> {
        let Integers { height, width, channels, .. } = *latents;
        let inverse = 1.0 / self.scale;
        let size = |value: i32| math::asinh(value.abs() as f32 * inverse);
        let places = (0..height * width).map(|place| (place / width, place % width));
        let mean_size = |(y, x): (usize, usize)| {
            let own = latents.pixel(y, x);
            let above = latents.pixel(y.saturating_sub(1), x);
            let before = latents.pixel(y, x.saturating_sub(1));
            let first = channels - smooth;
            let steps = (first..channels).map(|c| size(own[c] - above[c]) + size(own[c] - before[c]));
            let sum = steps.fold(0.0, |sum, steps| sum + steps);
            own[..first].iter().fold(sum, |sum, &z| sum + size(z)) / (smooth + channels) as f32
        };
        let sizes: Vec<f32> = places.clone().map(mean_size).collect();
        let around = |(y, x): (usize, usize)| {
            let (rows, columns) = (y.saturating_sub(1)..=y + 1, x.saturating_sub(1)..=x + 1);
            let (mut sum, mut count) = (0.0_f32, 0.0_f32);
            for row in rows.filter(|&row| row < height) {
                for column in columns.clone().filter(|&column| column < width) {
                    sum += sizes[row * width + column];
                    count += 1.0;
                }
            }
            sum / count
        };
        places.map(around).collect()
    }

    /// Adds (`sign` 1) or subtracts (-1) a prediction.
    fn shift(&self, mut moved: Integers, net: &Graph, fixed: &Integers, sign: i32) -> Integers {
        let outputs = self.outputs(net, fixed, None);
        for (z, &output) in moved.values.iter_mut().zip(&outputs.values) {
            let shift = (output * self.scale + 0.5).floor();
            // A prediction beyond all integers of the flow, or no number, counts as the nearest, or
            // as zero.
            let shift = shift.clamp(-65_536.0, 65_536.0) as i32;
            *z = wrap(*z + sign * shift);
        }
        moved
    }
}

impl Arithmetic for TileArithmetic {
    type Latents = Integers;
    type Order = Vec<usize>;
    type Net = Graph;

    fn channels(&self, latents: &Integers) -> usize {
        latents.channels
    }

    fn squeeze(&self, latents: Integers) -> Integers {
        let (height, width) = (latents.height / 2, latents.width / 2);
        let mut to = Integers::zeros(height, width, 4 * latents.channels);
        let places = to.unsqueezed_places(latents.width);
        to.values.iter_mut().zip(places).for_each(|(to, place)| *to = latents.values[place]);
        to
    }

    fn permute(&self, mut latents: Integers, order: &Vec<usize>) -> Integers {
        let mut pixel = vec![0; latents.channels];
        for values in latents.values.chunks_exact_mut(latents.channels) {
            pixel.copy_from_slice(values);
            values.iter_mut().zip(order).for_each(|(value, &from)| *value = pixel[from]);
        }
        latents
    }

    fn part(&self, latents: &Integers, first: usize, count: usize) -> Integers {
        let Integers { height, width, channels, .. } = *latents;
        let mut values = Vec::with_capacity(height * width * count);
        for pixel in latents.values.chunks_exact(channels) {
            values.extend_from_slice(&pixel[first..first + count]);
        }
        Integers { height, width, channels: count, values }
    }

    fn join(&self, first: Integers, second: Integers) -> Integers {
        let channels = first.channels + second.channels;
        let mut values = Vec::with_capacity(first.height * first.width * channels);
        let pixels = first.values.chunks_exact(first.channels);
        for (a, b) in pixels.zip(second.values.chunks_exact(second.channels)) {
            values.extend_from_slice(a);
            values.extend_from_slice(b);
        }
        Integers { channels, values, ..first }
    }

    fn add_prediction(&self, moved: Integers, net: &Graph, fixed: &Integers) -> Integers {
        self.shift(moved, net, fixed, 1)
    }
}

impl Inverse for TileArithmetic {
    fn unsqueeze(&self, latents: Integers) -> Integers {
        let (height, width) = (2 * latents.height, 2 * latents.width);
        let mut to = Integers::zeros(height, width, latents.channels / 4);
        let places = latents.unsqueezed_places(width);
        latents.values.iter().zip(places).for_each(|(&value, place)| to.values[place] = value);
        to
    }

    fn unpermute(&self, mut latents: Integers, order: &Vec<usize>) -> Integers {
        let mut pixel = vec![0; latents.channels];
        for values in latents.values.chunks_exact_mut(latents.channels) {
            pixel.copy_from_slice(values);
            order.iter().zip(&pixel).for_each(|(&to, &value)| values[to] = value);
        }
        latents
    }

    fn subtract_prediction(&self, moved: Integers, net: &Graph, fixed: &Integers) -> Integers {
        self.shift(moved, net, fixed, -1)
    }
}
