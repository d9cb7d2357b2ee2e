//! A graph on pixels that become known one by one: each map keeps its last few rows, and a pixel of a map is computed
//! once, when the first map that needs it asks. The cost of a pixel does not depend on how many came before.

use super::graph::{Graph, Layer, Op};
use super::kernel::{Accumulate, Elementwise, What};
use super::whole::spread_taps;
use super::width::Width;

/// The last rows of one map for a batch of tiles: (rows kept, width, batch, channels).
#[derive(Debug, Default)]
struct Ring {
    height: usize,
    width: usize,
    channels: usize,
    kept: usize,
    values: Vec<f32>,
    /// Pixels known, in raster order.
    known: usize,
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
        let start = ((y % self.kept) * self.width + x) * size;
        start..start + size
    }
}

/// The maps of a graph for a batch of tiles of equal extents.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    graph: &'a Graph,
    batch: usize,
    rings: Vec<Ring>,
    /// The pixel being computed.
    sums: Vec<f32>,
    vectors: Width,
}

/// Rows that each map keeps, and its extents relative to the inputs.
fn layout(graph: &Graph, height: usize, width: usize) -> Vec<Ring> {
    let mut rings: Vec<Ring> = vec![];
    for node in &graph.nodes {
        let (height, width) = match &node.op {
            Op::Input => (height, width),
            Op::Conv(source, layer) => {
                let stride = layer.geometry.stride;
                (rings[*source].height.div_ceil(stride), rings[*source].width.div_ceil(stride))
            }
            Op::Spread(_, _, like) => (rings[*like].height, rings[*like].width),
            other => {
                let source = &rings[other.sources()[0]];
                (source.height, source.width)
            }
        };
        let channels = node.channels;
        rings.push(Ring { height, width, channels, kept: 2, ..Ring::default() });
        if let Op::Conv(source, layer) = &node.op {
            // From the first row of the kernel to the row that may be under way.
            let kept = layer.geometry.top + layer.geometry.stride + 1;
            rings[*source].kept = rings[*source].kept.max(kept);
        }
    }
    rings
}

impl<'a> Rows<'a> {
    /// Bytes that [`new`](Self::new) takes.
    pub(crate) fn bytes(graph: &Graph, batch: usize, height: usize, width: usize) -> u64 {
        let floats = |ring: &Ring| (ring.kept * ring.width * ring.channels) as u64 * batch as u64;
        layout(graph, height, width).iter().map(floats).sum::<u64>() * 4
    }

    /// No pixel is known.
    pub(crate) fn new(graph: &'a Graph, batch: usize, height: usize, width: usize) -> Self {
        let mut rings = layout(graph, height, width);
        for ring in &mut rings {
            ring.values = vec![0.0; ring.kept * ring.width * batch * ring.channels];
        }
        Self { graph, batch, rings, sums: vec![], vectors: Width::of_this_machine() }
    }

    /// The next pixel of input `place`, (batch, channels), to be filled in.
    pub(crate) fn next(&mut self, place: usize) -> &mut [f32] {
        let ring = &mut self.rings[place];
        let (y, x) = (ring.known / ring.width, ring.known % ring.width);
        ring.known += 1;
        let slot = ring.slot(y, x, self.batch);
        &mut ring.values[slot]
    }

    /// Result `index` at pixel (y, x), (batch, channels).
    ///
    /// # Panics
    /// If it needs a pixel of an input that is not known yet: the net is not causal.
    pub(crate) fn demand(&mut self, index: usize, y: usize, x: usize) -> &[f32] {
        let place = self.graph.outputs[index];
        self.ensure(place, y, x as isize);
        let range = self.rings[place].range(y, x, self.batch);
        &self.rings[place].values[range]
    }

    /// Computes map `place` up to row y, column x, where a column of -1 is the end of the row before.
    fn ensure(&mut self, place: usize, y: usize, x: isize) {
        let wanted = (y * self.rings[place].width).saturating_add_signed(x + 1);
        while self.rings[place].known < wanted {
            self.compute(place);
        }
    }

    /// Computes the next pixel of map `place`.
    fn compute(&mut self, place: usize) {
        let graph = self.graph;
        let width = self.rings[place].width;
        let (y, x) = (self.rings[place].known / width, self.rings[place].known % width);
        self.ready_sources(place, y, x);
        let mut sums = std::mem::take(&mut self.sums);
        sums.clear();
        match &graph.nodes[place].op {
            Op::Input => panic!("a net that needs pixel ({y}, {x}) of its input {place} before it is known"),
            Op::Conv(source, layer) => self.conv(*source, layer, y, x, &mut sums),
            Op::Spread(source, layer, _) => self.spread(*source, layer, y, x, &mut sums),
            Op::ConcatElu(source) => self.elementwise(*source, What::ConcatElu, place, y, x, &mut sums),
            Op::Elu(source) => self.elementwise(*source, What::Elu, place, y, x, &mut sums),
            Op::Relu(source) => self.elementwise(*source, What::Relu, place, y, x, &mut sums),
            Op::Gate(source) => self.elementwise(*source, What::Gate, place, y, x, &mut sums),
            Op::Plus(a, b) => {
                let [a, b] = [a, b].map(|&source| self.pixel(source, y, x));
                sums.extend(a.iter().zip(b).map(|(a, b)| a + b));
            }
            Op::Concat(sources) => {
                for tile in 0..self.batch {
                    for &source in sources {
                        let channels = self.rings[source].channels;
                        sums.extend_from_slice(&self.pixel(source, y, x)[tile * channels..][..channels]);
                    }
                }
            }
            Op::DepthToSpace(_) => unreachable!("no causal net has such a layer"),
        }
        let ring = &mut self.rings[place];
        let slot = ring.slot(y, x, self.batch);
        ring.values[slot].copy_from_slice(&sums);
        ring.known += 1;
        self.sums = sums;
    }

    /// Computes of the sources what pixel (y, x) of map `place` needs.
    fn ready_sources(&mut self, place: usize, y: usize, x: usize) {
        let graph = self.graph;
        match &graph.nodes[place].op {
            Op::Conv(source, layer) => {
                let [rows, columns] = layer.geometry.kernel;
                let (height, width) = (self.rings[*source].height, self.rings[*source].width);
                if let Some(row) = layer.geometry.row(y, rows - 1) {
                    let column = layer.geometry.column(x, columns - 1);
                    let column = column.map_or(-1, |column| column.min(width - 1) as isize);
                    self.ensure(*source, row.min(height - 1), column);
                }
            }
            Op::Spread(source, layer, _) => {
                let [rows, columns] = layer.geometry.kernel;
                let (height, width) = (self.rings[*source].height, self.rings[*source].width);
                for (row, _) in spread_taps(y, rows, 0, height) {
                    for (column, _) in spread_taps(x, columns, (columns - 1) / 2, width) {
                        self.ensure(*source, row, column as isize);
                    }
                }
            }
            other => other.sources().into_iter().for_each(|source| self.ensure(source, y, x as isize)),
        }
    }

    fn pixel(&self, place: usize, y: usize, x: usize) -> &[f32] {
        &self.rings[place].values[self.rings[place].range(y, x, self.batch)]
    }

    fn elementwise(&self, source: usize, what: What, place: usize, y: usize, x: usize, sums: &mut Vec<f32>) {
        sums.resize(self.batch * self.rings[place].channels, 0.0);
        let channels = self.rings[source].channels;
        Elementwise { to: sums, from: self.pixel(source, y, x), channels, what }.run(self.vectors);
    }

    fn conv(&self, source: usize, layer: &Layer, y: usize, x: usize, sums: &mut Vec<f32>) {
        let geometry = layer.geometry;
        let [rows, columns] = geometry.kernel;
        let (height, width) = (self.rings[source].height, self.rings[source].width);
        for _ in 0..self.batch {
            sums.extend_from_slice(&layer.bias);
        }
        for i in 0..rows {
            let Some(row) = geometry.row(y, i).filter(|&row| row < height) else { continue };
            for j in 0..columns {
                let Some(column) = geometry.column(x, j).filter(|&column| column < width) else { continue };
                self.accumulate(source, row, column, layer, (i, j), sums);
            }
        }
    }

    fn spread(&self, source: usize, layer: &Layer, y: usize, x: usize, sums: &mut Vec<f32>) {
        let [rows, columns] = layer.geometry.kernel;
        let (height, width) = (self.rings[source].height, self.rings[source].width);
        for _ in 0..self.batch {
            sums.extend_from_slice(&layer.bias);
        }
        for (row, i) in spread_taps(y, rows, 0, height) {
            for (column, j) in spread_taps(x, columns, (columns - 1) / 2, width) {
                self.accumulate(source, row, column, layer, (i, j), sums);
            }
        }
    }

    fn accumulate(
        &self,
        source: usize,
        y: usize,
        x: usize,
        layer: &Layer,
        (i, j): (usize, usize),
        sums: &mut [f32],
    ) {
        Accumulate {
            sums,
            x: self.pixel(source, y, x),
            stride: layer.inputs,
            weights: layer.tap(i, j),
            inputs: layer.inputs,
            outputs: layer.outputs,
        }
        .run(self.vectors);
    }
}
