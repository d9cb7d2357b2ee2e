//! A net's signal flow as a list.

use super::kernel::What;
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

/// How a map comes from its sources.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Input,
    Conv(Layer),
    /// The second source is the map whose extents it takes.
    Spread(Layer),
    Elementwise(What),
    Plus,
    Concat,
    DepthToSpace,
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) op: Op,
    /// Maps before it, by their places in the list.
    pub(super) sources: Vec<usize>,
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
        let nodes: Vec<Node> =
            inputs.iter().map(|&channels| Node { op: Op::Input, sources: vec![], channels }).collect();
        let tape = Rc::new(RefCell::new(nodes));
        let maps: Vec<Recorded> =
            (0..inputs.len()).map(|place| Recorded { tape: Rc::clone(&tape), place }).collect();
        let outputs = flow(&maps).into_iter().map(|map| map.place).collect();
        let nodes = tape.borrow().clone();
        Self { nodes, outputs }
    }

    /// Pixels of every map per pixel of the inputs, for inputs of many pixels.
    fn areas(&self) -> Vec<f64> {
        let mut areas: Vec<f64> = vec![];
        for node in &self.nodes {
            areas.push(match &node.op {
                Op::Input => 1.0,
                Op::Conv(layer) => {
                    areas[node.sources[0]] / (layer.geometry.stride * layer.geometry.stride) as f64
                }
                Op::Spread(_) => areas[node.sources[1]],
                Op::DepthToSpace => 4.0 * areas[node.sources[0]],
                Op::Elementwise(_) | Op::Plus | Op::Concat => areas[node.sources[0]],
            });
        }
        areas
    }

    /// Multiplications, each with its addition, of all layers for inputs of many pixels, per pixel of the inputs.
    pub(crate) fn macs_per_px(&self) -> f64 {
        let areas = self.areas();
        let macs = self.nodes.iter().zip(&areas).map(|(node, area)| match &node.op {
            Op::Conv(layer) => area * layer.weights.len() as f64,
            // Every pixel of the source meets every weight once.
            Op::Spread(layer) => areas[node.sources[0]] * layer.weights.len() as f64,
            _ => 0.0,
        });
        macs.sum()
    }

    /// Values of all maps together, per pixel of the inputs.
    pub(crate) fn values_per_px(&self) -> f64 {
        self.nodes.iter().zip(self.areas()).map(|(node, area)| node.channels as f64 * area).sum()
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

    fn push(&self, op: Op, sources: Vec<usize>, channels: usize) -> Self {
        let mut tape = self.tape.borrow_mut();
        tape.push(Node { op, sources, channels });
        Self { tape: Rc::clone(&self.tape), place: tape.len() - 1 }
    }

    /// The map that `what` makes of this one; where several layers ask for it, they share one.
    fn elementwise(&self, what: What) -> Self {
        let made = self.tape.borrow().iter().position(|node| {
            matches!(node.op, Op::Elementwise(made) if made == what) && node.sources == [self.place]
        });
        match made {
            Some(place) => Self { tape: Rc::clone(&self.tape), place },
            None => self.push(Op::Elementwise(what), vec![self.place], what.channels(self.channels())),
        }
    }
}

impl Flow for Recorded {
    fn conv(&self, layer: &Conv) -> Self {
        self.push(Op::Conv(Layer::of(layer)), vec![self.place], layer.channels()[0])
    }

    fn spread(&self, layer: &Conv, like: &Self) -> Self {
        self.push(Op::Spread(Layer::of(layer)), vec![self.place, like.place], layer.channels()[0])
    }

    fn concat_elu(&self) -> Self {
        self.elementwise(What::ConcatElu)
    }

    fn elu(&self) -> Self {
        self.elementwise(What::Elu)
    }

    fn relu(&self) -> Self {
        self.elementwise(What::Relu)
    }

    fn gate(&self) -> Self {
        self.elementwise(What::Gate)
    }

    fn plus(&self, other: &Self) -> Self {
        self.push(Op::Plus, vec![self.place, other.place], self.channels())
    }

    fn concat(parts: &[Self]) -> Self {
        let channels = parts.iter().map(Self::channels).sum();
        parts[0].push(Op::Concat, parts.iter().map(|part| part.place).collect(), channels)
    }

    fn depth_to_space(&self) -> Self {
        self.push(Op::DepthToSpace, vec![self.place], self.channels() / 4)
    }
}
