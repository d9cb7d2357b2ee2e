//! A net's signal flow as a list.

use crate::conv::{Conv, Geometry};
use crate::flow::Flow;
use std::cell::RefCell;
use std::rc::Rc;

/// A layer's numbers.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) geometry: Geometry,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// (rows, columns, in, out)
    pub(super) weights: Vec<f32>,
    /// (out)
    pub(super) bias: Vec<f32>,
}

impl Layer {
    fn of(layer: &Conv) -> Self {
        let [outputs, inputs] = layer.channels();
        let (weights, bias) = layer.numbers();
        Self { geometry: layer.geometry(), inputs, outputs, weights, bias }
    }

    /// Weights of tap (i, j), (in, out).
    pub(super) fn tap(&self, i: usize, j: usize) -> &[f32] {
        let size = self.inputs * self.outputs;
        &self.weights[(i * self.geometry.kernel[1] + j) * size..][..size]
    }
}

/// How a map comes from maps before it, which are named by their places in the list.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Input,
    Conv(usize, Layer),
    /// Source, layer, and the map whose extents it takes.
    Spread(usize, Layer, usize),
    ConcatElu(usize),
    Elu(usize),
    Relu(usize),
    Gate(usize),
    Plus(usize, usize),
    Concat(Vec<usize>),
    DepthToSpace(usize),
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) op: Op,
    pub(super) channels: usize,
}

/// Maps in an order in which each needs only those before it. The first ones are the inputs.
#[derive(Clone, Debug)]
pub(crate) struct Graph {
    pub(super) nodes: Vec<Node>,
    /// Places of the results.
    pub(super) outputs: Vec<usize>,
}

impl Graph {
    /// The graph of what `flow` does with inputs of so many channels.
    pub(crate) fn record(inputs: &[usize], flow: impl FnOnce(&[Recorded]) -> Vec<Recorded>) -> Self {
        let nodes: Vec<Node> = inputs.iter().map(|&channels| Node { op: Op::Input, channels }).collect();
        let tape = Rc::new(RefCell::new(nodes));
        let maps: Vec<Recorded> =
            (0..inputs.len()).map(|place| Recorded { tape: Rc::clone(&tape), place }).collect();
        let outputs = flow(&maps).into_iter().map(|map| map.place).collect();
        let nodes = tape.borrow().clone();
        Self { nodes, outputs }
    }

    /// Multiplications, each with its addition, of all layers for inputs of many pixels, per pixel of the inputs.
    pub(crate) fn macs_per_px(&self) -> f64 {
        // Pixels of every map per pixel of the inputs.
        let mut areas: Vec<f64> = vec![];
        let mut macs = 0.0;
        for node in &self.nodes {
            let weights = |layer: &Layer| layer.weights.len() as f64;
            let area = match &node.op {
                Op::Input => 1.0,
                Op::Conv(source, layer) => {
                    let area = areas[*source] / (layer.geometry.stride * layer.geometry.stride) as f64;
                    macs += area * weights(layer);
                    area
                }
                // Every pixel of the source meets every weight once.
                Op::Spread(source, layer, like) => {
                    macs += areas[*source] * weights(layer);
                    areas[*like]
                }
                Op::DepthToSpace(source) => 4.0 * areas[*source],
                other => areas[other.sources()[0]],
            };
            areas.push(area);
        }
        macs
    }

    /// Channels of result `index`.
    pub(crate) fn channels(&self, index: usize) -> usize {
        self.nodes[self.outputs[index]].channels
    }
}

/// A map that only remembers where it comes from.
#[derive(Clone)]
pub(crate) struct Recorded {
    tape: Rc<RefCell<Vec<Node>>>,
    place: usize,
}

impl Recorded {
    fn channels(&self) -> usize {
        self.tape.borrow()[self.place].channels
    }

    fn push(&self, op: Op, channels: usize) -> Self {
        let mut tape = self.tape.borrow_mut();
        tape.push(Node { op, channels });
        Self { tape: Rc::clone(&self.tape), place: tape.len() - 1 }
    }
}

impl Flow for Recorded {
    fn conv(&self, layer: &Conv) -> Self {
        self.push(Op::Conv(self.place, Layer::of(layer)), layer.channels()[0])
    }

    fn spread(&self, layer: &Conv, like: &Self) -> Self {
        self.push(Op::Spread(self.place, Layer::of(layer), like.place), layer.channels()[0])
    }

    fn concat_elu(&self) -> Self {
        self.push(Op::ConcatElu(self.place), 2 * self.channels())
    }

    fn elu(&self) -> Self {
        self.push(Op::Elu(self.place), self.channels())
    }

    fn relu(&self) -> Self {
        self.push(Op::Relu(self.place), self.channels())
    }

    fn gate(&self) -> Self {
        self.push(Op::Gate(self.place), self.channels() / 2)
    }

    fn plus(&self, other: &Self) -> Self {
        self.push(Op::Plus(self.place, other.place), self.channels())
    }

    fn concat(parts: &[Self]) -> Self {
        let channels = parts.iter().map(Self::channels).sum();
        parts[0].push(Op::Concat(parts.iter().map(|part| part.place).collect()), channels)
    }

    fn depth_to_space(&self) -> Self {
        self.push(Op::DepthToSpace(self.place), self.channels() / 4)
    }
}
