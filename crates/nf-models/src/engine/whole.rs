//! A graph on maps that are known as a whole.

use super::graph::{Graph, Layer, Op};
use super::kernel::{Accumulate, Elementwise, What};
use super::width::Width;

/// A map of features of one tile: (height, width, channels).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Map {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
    pub(crate) values: Vec<f32>,
}

impl Map {
    /// A map of zeros.
    pub(crate) fn zeros(height: usize, width: usize, channels: usize) -> Self {
        Self { height, width, channels, values: vec![0.0; height * width * channels] }
    }

    fn elementwise(&self, channels: usize, what: What, vectors: Width) -> Self {
        let mut map = Self::zeros(self.height, self.width, channels);
        Elementwise { to: &mut map.values, from: &self.values, channels: self.channels, what }.run(vectors);
        map
    }
}

impl Graph {
    /// The results for these inputs.
    ///
    /// # Panics
    /// If the inputs are not those that the graph was recorded with.
    pub(crate) fn run(&self, inputs: Vec<Map>) -> Vec<Map> {
        let vectors = Width::of_this_machine();
        let mut last_use = vec![0; self.nodes.len()];
        for (place, node) in self.nodes.iter().enumerate() {
            for source in node.op.sources() {
                last_use[source] = place;
            }
        }
        for &output in &self.outputs {
            last_use[output] = self.nodes.len();
        }
        let mut maps: Vec<Option<Map>> = vec![None; self.nodes.len()];
        let mut inputs = inputs.into_iter();
        for (place, node) in self.nodes.iter().enumerate() {
            let map = |source: usize| maps[source].as_ref().expect("a map is kept until its last use");
            let result = match &node.op {
                Op::Input => {
                    let input = inputs.next().expect("as many inputs as recorded");
                    assert_eq!(input.channels, node.channels, "channels of an input");
                    input
                }
                Op::Conv(source, layer) => conv(map(*source), layer, vectors),
                Op::Spread(source, layer, like) => {
                    let (height, width) = (map(*like).height, map(*like).width);
                    spread(map(*source), layer, height, width, vectors)
                }
                Op::ConcatElu(source) => map(*source).elementwise(node.channels, What::ConcatElu, vectors),
                Op::Elu(source) => map(*source).elementwise(node.channels, What::Elu, vectors),
                Op::Relu(source) => map(*source).elementwise(node.channels, What::Relu, vectors),
                Op::Gate(source) => map(*source).elementwise(node.channels, What::Gate, vectors),
                Op::Plus(a, b) => {
                    let mut sum = map(*a).clone();
                    sum.values.iter_mut().zip(&map(*b).values).for_each(|(a, b)| *a += b);
                    sum
                }
                Op::Concat(sources) => {
                    let parts: Vec<&Map> = sources.iter().map(|&source| map(source)).collect();
                    let mut all = Map::zeros(parts[0].height, parts[0].width, node.channels);
                    for (pixel, to) in all.values.chunks_exact_mut(node.channels).enumerate() {
                        let mut start = 0;
                        for part in &parts {
                            let from = &part.values[pixel * part.channels..][..part.channels];
                            to[start..start + part.channels].copy_from_slice(from);
                            start += part.channels;
                        }
                    }
                    all
                }
                Op::DepthToSpace(source) => depth_to_space(map(*source)),
            };
            maps[place] = Some(result);
            for source in node.op.sources() {
                if last_use[source] == place {
                    maps[source] = None;
                }
            }
        }
        self.outputs.iter().map(|&place| maps[place].clone().expect("outputs are kept")).collect()
    }
}

impl Op {
    pub(super) fn sources(&self) -> Vec<usize> {
        match self {
            Self::Input => vec![],
            Self::Conv(a, _) | Self::ConcatElu(a) | Self::Elu(a) | Self::Relu(a) => vec![*a],
            Self::Gate(a) | Self::DepthToSpace(a) => vec![*a],
            Self::Plus(a, b) | Self::Spread(a, _, b) => vec![*a, *b],
            Self::Concat(all) => all.clone(),
        }
    }
}

fn conv(from: &Map, layer: &Layer, vectors: Width) -> Map {
    let geometry = layer.geometry;
    let (stride, dilation) = (geometry.stride, geometry.dilation);
    let mut map = Map::zeros(from.height.div_ceil(stride), from.width.div_ceil(stride), layer.outputs);
    let width = map.width;
    for (y, sums) in map.values.chunks_exact_mut(width * layer.outputs).enumerate() {
        sums.chunks_exact_mut(layer.outputs).for_each(|pixel| pixel.copy_from_slice(&layer.bias));
        for i in 0..geometry.kernel[0] {
            let Some(row) = geometry.row(y, i).filter(|&row| row < from.height) else { continue };
            for j in 0..geometry.kernel[1] {
                // Output columns whose tap lies inside: 0 <= stride * x + dilation * j - left < width.
                let shift = dilation * j;
                let first = geometry.left.saturating_sub(shift).div_ceil(stride);
                let end = (from.width + geometry.left).saturating_sub(shift).div_ceil(stride).min(width);
                if first >= end {
                    continue;
                }
                let start = row * from.width + stride * first + shift - geometry.left;
                Accumulate {
                    sums: &mut sums[first * layer.outputs..end * layer.outputs],
                    x: &from.values[start * layer.inputs..],
                    stride: stride * layer.inputs,
                    weights: layer.tap(i, j),
                    inputs: layer.inputs,
                    outputs: layer.outputs,
                }
                .run(vectors);
            }
        }
    }
    map
}

/// The taps that spread a pixel to output pixel `at` of an axis: (source, tap), `crop` outputs cut off before.
pub(super) fn spread_taps(
    at: usize,
    kernel: usize,
    crop: usize,
    extent: usize,
) -> impl Iterator<Item = (usize, usize)> {
    // 2 * source + tap = at + crop
    (0..kernel).filter_map(move |tap| {
        let twice = (at + crop).checked_sub(tap)?;
        (twice % 2 == 0 && twice / 2 < extent).then_some((twice / 2, tap))
    })
}

fn spread(from: &Map, layer: &Layer, height: usize, width: usize, vectors: Width) -> Map {
    let [rows, columns] = layer.geometry.kernel;
    let mut map = Map::zeros(height, width, layer.outputs);
    for (pixel, sums) in map.values.chunks_exact_mut(layer.outputs).enumerate() {
        sums.copy_from_slice(&layer.bias);
        for (y, i) in spread_taps(pixel / width, rows, 0, from.height) {
            for (x, j) in spread_taps(pixel % width, columns, (columns - 1) / 2, from.width) {
                Accumulate {
                    sums: &mut *sums,
                    x: &from.values[(y * from.width + x) * layer.inputs..],
                    stride: 0,
                    weights: layer.tap(i, j),
                    inputs: layer.inputs,
                    outputs: layer.outputs,
                }
                .run(vectors);
            }
        }
    }
    map
}

fn depth_to_space(from: &Map) -> Map {
    let channels = from.channels / 4;
    let mut map = Map::zeros(2 * from.height, 2 * from.width, channels);
    let width = map.width;
    for (pixel, values) in from.values.chunks_exact(from.channels).enumerate() {
        let (y, x) = (pixel / from.width, pixel % from.width);
        for (k, &value) in values.iter().enumerate() {
            let (c, i, j) = (k / 4, k / 2 % 2, k % 2);
            map.values[((2 * y + i) * width + 2 * x + j) * channels + c] = value;
        }
    }
    map
}
