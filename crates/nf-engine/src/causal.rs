//! A graph evaluated on pixels that become known one by one: each map keeps its last few rows, and
//! a pixel of a map is computed once, when the first map that needs it asks. The cost of a pixel
//! does not depend on how many came before.

use crate::graph::{Graph, Op};
use crate::kernel::{Accumulate, Activate, Sum, Tap};
use crate::layer::ConvLayer;
use crate::simd::instruction_set;
use crate::whole::transpose_taps;
use nf_simd::InstructionSet;

/// Most taps of a causal layer's kernel.
const MAX_TAPS: usize = 9;

/// The last rows of one map for a batch of tiles: (rows kept, width, batch, channels).
#[derive(Debug, Default)]
struct Ring {
    height: usize,
    width: usize,
    channels: usize,
    /// A power of two.
    kept: usize,
    values: Vec<f32>,
    /// Pixels known, in raster order.
    known: usize,
    /// Row and column of the next one.
    next: (usize, usize),
}

impl Ring {
    /// Range of a pixel's values, (batch, channels).
    fn range(&self, y: usize, x: usize, batch: usize) -> std::ops::Range<usize> {
        debug_assert!(y * self.width + x < self.known, "pixel ({y}, {x}) is not known yet");
        debug_assert!(y + self.kept > (self.known - 1) / self.width, "row {y} is gone");
        self.slot(y, x, batch)
    }

    fn slot(&self, y: usize, x: usize, batch: usize) -> std::ops::Range<usize> {
        let size = batch * self.channels;
        let start = ((y & (self.kept - 1)) * self.width + x) * size;
        start..start + size
    }

    /// Range of the next pixel's values, which counts as known from now on.
    fn advance(&mut self, batch: usize) -> std::ops::Range<usize> {
        let (y, x) = self.next;
        self.known += 1;
        self.next = if x + 1 == self.width { (y + 1, 0) } else { (y, x + 1) };
        self.slot(y, x, batch)
    }
}

/// The maps of a graph for a batch of tiles of equal extents.
#[derive(Debug)]
pub struct CausalEvaluator<'a> {
    graph: &'a Graph,
    batch: usize,
    rings: Vec<Ring>,
    instructions: InstructionSet,
}

/// Rows that each map keeps, and its extents relative to the inputs.
fn layout(graph: &Graph, height: usize, width: usize) -> Vec<Ring> {
    let mut rings: Vec<Ring> = vec![];
    for node in &graph.nodes {
        let extents = |source: usize| (rings[source].height, rings[source].width);
        let (height, width) = match &node.op {
            Op::Input => (height, width),
            Op::Conv(layer) => {
                let (height, width) = extents(node.sources[0]);
                (height.div_ceil(layer.geometry.stride), width.div_ceil(layer.geometry.stride))
            }
            Op::ConvTranspose(_) => extents(node.sources[1]),
            _ => extents(node.sources[0]),
        };
        let channels = node.channels;
        rings.push(Ring { height, width, channels, kept: 2, ..Ring::default() });
        if let Op::Conv(layer) = &node.op {
            // From the first row of the kernel to the row that may be under way.
            let kept = (layer.geometry.top + layer.geometry.stride + 1).next_power_of_two();
            let source = &mut rings[node.sources[0]];
            source.kept = source.kept.max(kept);
        }
    }
    rings
}

impl<'a> CausalEvaluator<'a> {
    /// Bytes that [`new`](Self::new) allocates for maps of a batch of so many tiles.
    pub fn memory_bytes(graph: &Graph, batch: usize, height: usize, width: usize) -> u64 {
        let floats = |ring: &Ring| (ring.kept * ring.width * ring.channels) as u64 * batch as u64;
        layout(graph, height, width).iter().map(floats).sum::<u64>() * 4
    }

    /// An evaluator to which no pixel is known yet.
    pub fn new(graph: &'a Graph, batch: usize, height: usize, width: usize) -> Self {
        let mut rings = layout(graph, height, width);
        for ring in &mut rings {
            ring.values = vec![0.0; ring.kept * ring.width * batch * ring.channels];
        }
        Self { graph, batch, rings, instructions: instruction_set() }
    }

    /// The next pixel of input `place`, (batch, channels), to be filled in.
    pub fn next_pixel(&mut self, place: usize) -> &mut [f32] {
        let ring = &mut self.rings[place];
        let slot = ring.advance(self.batch);
        &mut ring.values[slot]
    }

    /// Result `index` at pixel (y, x), (batch, channels).
    ///
    /// # Panics
    /// If it needs a pixel of an input that is not known yet: the network is not causal.
    pub fn output(&mut self, index: usize, y: usize, x: usize) -> &[f32] {
        let place = self.graph.outputs[index];
        self.ensure(place, y, x as isize);
        let range = self.rings[place].range(y, x, self.batch);
        &self.rings[place].values[range]
    }

    /// Computes map `place` up to row y, column x, where a column of -1 is the end of the row
    /// before.
    fn ensure(&mut self, place: usize, y: usize, x: isize) {
        let wanted = (y * self.rings[place].width).saturating_add_signed(x + 1);
        while self.rings[place].known < wanted {
            self.compute(place);
        }
    }

    /// Computes the next pixel of map `place`.
    fn compute(&mut self, place: usize) {
        let graph = self.graph;
        let node = &graph.nodes[place];
        let (y, x) = self.rings[place].next;
        self.ready_sources(place, y, x);
        // No map is a source of itself.
        let mut values = std::mem::take(&mut self.rings[place].values);
        let to = &mut values[self.rings[place].advance(self.batch)];
        match &node.op {
            Op::Input => {
                panic!("a network that needs pixel ({y}, {x}) of its input {place} before it is known")
            }
            Op::Conv(layer) => self.conv(node.sources[0], layer, y, x, to),
            Op::ConvTranspose(layer) => self.conv_transpose(node.sources[0], layer, y, x, to),
            Op::Activation(activation) => {
                let (from, channels) =
                    (self.pixel(node.sources[0], y, x), self.rings[node.sources[0]].channels);
                Activate { to, from, channels, activation: *activation }.run(self.instructions);
            }
            Op::Add => {
                let [a, b] = [0, 1].map(|source| self.pixel(node.sources[source], y, x));
                Sum { to, a, b }.run(self.instructions);
            }
            Op::Concat => {
                let mut to = to;
                for tile in 0..self.batch {
                    for &source in &node.sources {
                        let channels = self.rings[source].channels;
                        let (own, rest) = to.split_at_mut(channels);
                        own.copy_from_slice(&self.pixel(source, y, x)[tile * channels..][..channels]);
                        to = rest;
                    }
                }
            }
            Op::DepthToSpace
            | Op::Windows(_)
            | Op::JoinWindows(_)
            | Op::Beside
            | Op::AddToRows(_)
            | Op::LayerNorm(_)
            | Op::Attention(_) => unreachable!("no causal net has such a layer"),
        }
        self.rings[place].values = values;
    }

    /// Computes of the sources what pixel (y, x) of map `place` needs.
    fn ready_sources(&mut self, place: usize, y: usize, x: usize) {
        let graph = self.graph;
        let node = &graph.nodes[place];
        match &node.op {
            Op::Conv(layer) => {
                let source = node.sources[0];
                let [rows, columns] = layer.geometry.kernel;
                let (height, width) = (self.rings[source].height, self.rings[source].width);
                if let Some(row) = layer.geometry.row(y, rows - 1) {
                    let column = layer.geometry.column(x, columns - 1);
                    let column = column.map_or(-1, |column| column.min(width - 1) as isize);
                    self.ensure(source, row.min(height - 1), column);
                }
            }
            Op::ConvTranspose(layer) => {
                let source = node.sources[0];
                let [rows, columns] = layer.geometry.kernel;
                let (height, width) = (self.rings[source].height, self.rings[source].width);
                for (row, _) in transpose_taps(y, rows, 0, height) {
                    for (column, _) in transpose_taps(x, columns, (columns - 1) / 2, width) {
                        self.ensure(source, row, column as isize);
                    }
                }
            }
            _ => node.sources.iter().for_each(|&source| self.ensure(source, y, x as isize)),
        }
    }

    fn pixel(&self, place: usize, y: usize, x: usize) -> &[f32] {
        &self.rings[place].values[self.rings[place].range(y, x, self.batch)]
    }

    fn conv(&self, source: usize, layer: &ConvLayer, y: usize, x: usize, to: &mut [f32]) {
        let geometry = layer.geometry;
        let [rows, columns] = geometry.kernel;
        let (height, width) = (self.rings[source].height, self.rings[source].width);
        let rows = (0..rows).filter_map(|i| Some((geometry.row(y, i).filter(|&row| row < height)?, i)));
        let taps = rows.flat_map(|row| {
            let column = |j| geometry.column(x, j).filter(|&column| column < width);
            (0..columns).filter_map(move |j| Some((row, (column(j)?, j))))
        });
        self.accumulate(source, layer, taps, to);
    }

    fn conv_transpose(&self, source: usize, layer: &ConvLayer, y: usize, x: usize, to: &mut [f32]) {
        let [rows, columns] = layer.geometry.kernel;
        let (height, width) = (self.rings[source].height, self.rings[source].width);
        let taps = transpose_taps(y, rows, 0, height).flat_map(|row| {
            transpose_taps(x, columns, (columns - 1) / 2, width).map(move |column| (row, column))
        });
        self.accumulate(source, layer, taps, to);
    }

    /// Bias and taps, each a row and a column of the source with the row and the column of the
    /// kernel.
    fn accumulate(
        &self,
        source: usize,
        layer: &ConvLayer,
        places: impl Iterator<Item = ((usize, usize), (usize, usize))>,
        to: &mut [f32],
    ) {
        let mut taps = [Tap::default(); MAX_TAPS];
        let mut count = 0;
        for ((y, i), (x, j)) in places {
            taps[count] = Tap { x: self.pixel(source, y, x), weights: layer.tap(i, j) };
            count += 1;
        }
        let (inputs, outputs) = (layer.inputs, layer.outputs);
        let (bias, taps) = (&layer.bias, &taps[..count]);
        Accumulate { to, bias, taps, stride: inputs, inputs, outputs }.run(self.instructions);
    }
}
