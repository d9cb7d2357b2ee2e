//! A graph evaluated on maps that are known as a whole.

use crate::graph::{Graph, Op};
use crate::kernel::{Accumulate, Activate, Activation, Tap};
use crate::layer::ConvLayer;
use crate::map::FeatureMap;
use crate::simd::instruction_set;
use crate::tokens;
use nf_simd::InstructionSet;

impl FeatureMap {
    fn activate(&self, activation: Activation, instructions: InstructionSet) -> Self {
        let channels = self.channels;
        let mut map = Self::zeros(self.height, self.width, activation.channels(channels));
        Activate { to: &mut map.values, from: &self.values, channels, activation }.run(instructions);
        map
    }
}

impl Graph {
    /// The results for these inputs.
    ///
    /// # Panics
    /// If the inputs are not those that the graph was recorded with.
    pub fn evaluate(&self, inputs: Vec<FeatureMap>) -> Vec<FeatureMap> {
        let instructions = instruction_set();
        let mut last_use = vec![0; self.nodes.len()];
        for (place, node) in self.nodes.iter().enumerate() {
            for &source in &node.sources {
                last_use[source] = place;
            }
        }
        for &output in &self.outputs {
            last_use[output] = self.nodes.len();
        }
        let mut maps: Vec<Option<FeatureMap>> = vec![None; self.nodes.len()];
        let mut inputs = inputs.into_iter();
        for (place, node) in self.nodes.iter().enumerate() {
            let map = |at: usize| maps[node.sources[at]].as_ref().expect("a map is kept until its last use");
            let result = match &node.op {
                Op::Input => {
                    let input = inputs.next().expect("as many inputs as recorded");
                    assert_eq!(input.channels, node.channels, "channels of an input");
                    input
                }
                Op::Conv(layer) => conv(map(0), layer, instructions),
                Op::ConvTranspose(layer) => {
                    conv_transpose(map(0), layer, map(1).height, map(1).width, instructions)
                }
                Op::Activation(activation) => map(0).activate(*activation, instructions),
                Op::Add => {
                    let mut sum = map(0).clone();
                    sum.values.iter_mut().zip(&map(1).values).for_each(|(a, b)| *a += b);
                    sum
                }
                Op::Concat => {
                    let parts: Vec<&FeatureMap> = (0..node.sources.len()).map(map).collect();
                    let mut all = FeatureMap::zeros(parts[0].height, parts[0].width, node.channels);
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
                Op::DepthToSpace => depth_to_space(map(0)),
                Op::Windows(windows) => {
                    let sources = windows.sources(map(0).height, map(0).width);
                    tokens::gathered(map(0), &sources, windows.size * windows.size)
                }
                Op::JoinWindows(windows) => {
                    let sources = windows.tokens(map(1).height, map(1).width);
                    tokens::gathered(map(0), &sources, map(1).width)
                }
                Op::Beside => tokens::beside(map(0), map(1)),
                Op::AddToRows(numbers) => {
                    let mut sum = map(0).clone();
                    sum.values.iter_mut().zip(numbers.iter().cycle()).for_each(|(a, b)| *a += b);
                    sum
                }
                Op::LayerNorm(norm) => tokens::normalised(map(0), &norm[0], &norm[1]),
                Op::Attention(heads) => tokens::attention([map(0), map(1), map(2)], *heads, instructions),
            };
            maps[place] = Some(result);
            for &source in &node.sources {
                if last_use[source] == place {
                    maps[source] = None;
                }
            }
        }
        self.outputs.iter().map(|&place| maps[place].clone().expect("outputs are kept")).collect()
    }
}

fn conv(from: &FeatureMap, layer: &ConvLayer, instructions: InstructionSet) -> FeatureMap {
    let ConvLayer { geometry, inputs, outputs, .. } = *layer;
    let (stride, [rows, columns]) = (geometry.stride, geometry.kernel);
    let mut map = FeatureMap::zeros(from.height.div_ceil(stride), from.width.div_ceil(stride), outputs);
    let width = map.width;
    // Output columns of which every tap lies inside: 0 <= stride * x + dilation * j - left < width
    // for all j.
    let first = geometry.left.div_ceil(stride).min(width);
    let reach = geometry.dilation * (columns - 1);
    let end = (from.width + geometry.left).saturating_sub(reach).div_ceil(stride).clamp(first, width);
    let mut taps = Vec::with_capacity(rows * columns);
    for (y, row_to) in map.values.chunks_exact_mut(width * outputs).enumerate() {
        // The columns at the edges one by one, each with the taps that it has.
        let edges = (0..first).chain(end..width).map(|x| x..x + 1);
        for span in edges.chain(std::iter::once(first..end).filter(|span| !span.is_empty())) {
            taps.clear();
            for i in 0..rows {
                let Some(row) = geometry.row(y, i).filter(|&row| row < from.height) else { continue };
                for j in 0..columns {
                    let column = geometry.column(span.start, j).filter(|&column| column < from.width);
                    let Some(column) = column else { continue };
                    let x = &from.values[(row * from.width + column) * inputs..];
                    taps.push(Tap { x, weights: layer.tap(i, j) });
                }
            }
            let to = &mut row_to[span.start * outputs..span.end * outputs];
            let bias = &layer.bias;
            Accumulate { to, bias, taps: &taps, stride: stride * inputs, inputs, outputs }.run(instructions);
        }
    }
    map
}

/// The taps of a transposed convolution that reach output pixel `at` of an axis: (source, tap),
/// with `crop` outputs cut off before.
pub(crate) fn transpose_taps(
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

fn conv_transpose(
    from: &FeatureMap,
    layer: &ConvLayer,
    height: usize,
    width: usize,
    instructions: InstructionSet,
) -> FeatureMap {
    let [rows, columns] = layer.geometry.kernel;
    let mut map = FeatureMap::zeros(height, width, layer.outputs);
    for (pixel, to) in map.values.chunks_exact_mut(layer.outputs).enumerate() {
        let taps = transpose_taps(pixel / width, rows, 0, from.height).flat_map(|(y, i)| {
            let columns = transpose_taps(pixel % width, columns, (columns - 1) / 2, from.width);
            columns.map(move |(x, j)| {
                let x = &from.values[(y * from.width + x) * layer.inputs..];
                Tap { x, weights: layer.tap(i, j) }
            })
        });
        let taps: Vec<Tap<'_>> = taps.collect();
        let (bias, inputs, outputs) = (&layer.bias, layer.inputs, layer.outputs);
        Accumulate { to, bias, taps: &taps, stride: 0, inputs, outputs }.run(instructions);
    }
    map
}

fn depth_to_space(from: &FeatureMap) -> FeatureMap {
    let channels = from.channels / 4;
    let mut map = FeatureMap::zeros(2 * from.height, 2 * from.width, channels);
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
