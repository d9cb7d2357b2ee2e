//! A network's forward pass as a list of operations.

use crate::kernel::Activation;
use crate::layer::ConvLayer;
use crate::tokens::Windows;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// How a map is computed from its sources.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Input,
    Conv(Arc<ConvLayer>),
    /// The second source is the map whose extents the result takes.
    ConvTranspose(Arc<ConvLayer>),
    Activation(Activation),
    Add,
    Concat,
    DepthToSpace,
    /// Windows as rows of tokens.
    Windows(Windows),
    /// Rows of tokens, whose windows tile the map that the second source is as large as.
    JoinWindows(Windows),
    /// Both sources' columns.
    Beside,
    /// The same numbers added to every row, (columns, channels).
    AddToRows(Arc<Vec<f32>>),
    /// Gain and bias.
    LayerNorm(Arc<[Vec<f32>; 2]>),
    /// Of queries, keys and values, with so many heads.
    Attention(usize),
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) op: Op,
    /// Maps before it, by their places in the list.
    pub(crate) sources: Vec<usize>,
    pub(crate) channels: usize,
}

/// Maps in an order in which each needs only those before it. The first ones are the inputs.
#[derive(Clone, Debug)]
pub struct Graph {
    pub(crate) nodes: Vec<Node>,
    /// Places of the results.
    pub(crate) outputs: Vec<usize>,
}

impl Graph {
    /// The graph of what `forward` does with inputs of so many channels.
    pub fn record(
        input_channels: &[usize],
        forward: impl FnOnce(&[SymbolicMap]) -> Vec<SymbolicMap>,
    ) -> Self {
        let input = |&channels: &usize| Node { op: Op::Input, sources: vec![], channels };
        let nodes = Rc::new(RefCell::new(input_channels.iter().map(input).collect::<Vec<_>>()));
        let map = |place| SymbolicMap { nodes: Rc::clone(&nodes), place };
        let maps: Vec<SymbolicMap> = (0..input_channels.len()).map(map).collect();
        let outputs = forward(&maps).into_iter().map(|map| map.place).collect();
        let nodes = nodes.borrow().clone();
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
                Op::ConvTranspose(_) => areas[node.sources[1]],
                Op::DepthToSpace => 4.0 * areas[node.sources[0]],
                Op::Windows(Windows { size, stride }) => {
                    areas[node.sources[0]] * (size * size) as f64 / (stride * stride) as f64
                }
                Op::JoinWindows(_) => areas[node.sources[1]],
                Op::Beside => areas[node.sources[0]] + areas[node.sources[1]],
                Op::Activation(_)
                | Op::Add
                | Op::Concat
                | Op::AddToRows(_)
                | Op::LayerNorm(_)
                | Op::Attention(_) => areas[node.sources[0]],
            });
        }
        areas
    }

    /// Columns of every map of tokens; 0 of other maps.
    fn columns(&self) -> Vec<usize> {
        let mut columns = vec![];
        for node in &self.nodes {
            columns.push(match &node.op {
                Op::Input | Op::JoinWindows(_) => 0,
                Op::Windows(windows) => windows.size * windows.size,
                Op::Beside => columns[node.sources[0]] + columns[node.sources[1]],
                _ => columns[node.sources[0]],
            });
        }
        columns
    }

    /// Multiplications, each with its addition, of all layers for inputs of many pixels, per pixel
    /// of the inputs.
    pub fn macs_per_px(&self) -> f64 {
        let (areas, columns) = (self.areas(), self.columns());
        let macs = self.nodes.iter().zip(&areas).map(|(node, area)| match &node.op {
            Op::Conv(layer) => area * layer.products() as f64,
            // Every pixel of the source meets every weight once.
            Op::ConvTranspose(layer) => areas[node.sources[0]] * layer.products() as f64,
            // Every query meets every key and every value of its row.
            Op::Attention(_) => area * (2 * columns[node.sources[1]] * node.channels) as f64,
            _ => 0.0,
        });
        macs.sum()
    }

    /// Values of all maps together, per pixel of the inputs.
    pub fn values_per_px(&self) -> f64 {
        let values = |(node, area): (&Node, f64)| node.channels as f64 * area;
        self.nodes.iter().zip(self.areas()).map(values).sum()
    }

    /// Channels of result `index`.
    pub fn channels(&self, index: usize) -> usize {
        self.nodes[self.outputs[index]].channels
    }
}

/// A map of a graph that is being recorded: it knows how it is computed, and has no values.
#[derive(Clone)]
pub struct SymbolicMap {
    nodes: Rc<RefCell<Vec<Node>>>,
    place: usize,
}

impl SymbolicMap {
    fn channels(&self) -> usize {
        self.nodes.borrow()[self.place].channels
    }

    fn push(&self, op: Op, sources: Vec<usize>, channels: usize) -> Self {
        let mut nodes = self.nodes.borrow_mut();
        nodes.push(Node { op, sources, channels });
        Self { nodes: Rc::clone(&self.nodes), place: nodes.len() - 1 }
    }

    /// The activation of this map; where several layers ask for the same, they share one.
    fn activation(&self, activation: Activation) -> Self {
        let made = self.nodes.borrow().iter().position(|node| {
            matches!(node.op, Op::Activation(made) if made == activation) && node.sources == [self.place]
        });
        match made {
            Some(place) => Self { nodes: Rc::clone(&self.nodes), place },
            None => {
                let channels = activation.channels(self.channels());
                self.push(Op::Activation(activation), vec![self.place], channels)
            }
        }
    }

    /// The convolution `layer` of this map.
    pub fn conv(&self, layer: &Arc<ConvLayer>) -> Self {
        self.push(Op::Conv(Arc::clone(layer)), vec![self.place], layer.outputs)
    }

    /// The transposed convolution `layer` of stride 2, with the extents of `like`: input pixel
    /// `(Y, X)` reaches the output pixels `(2 Y + i, 2 X + j - (columns - 1) / 2)`.
    pub fn conv_transpose(&self, layer: &Arc<ConvLayer>, like: &Self) -> Self {
        let sources = vec![self.place, like.place];
        self.push(Op::ConvTranspose(Arc::clone(layer)), sources, layer.outputs)
    }

    /// `[elu(x), elu(-x)]`, twice the channels.
    pub fn concat_elu(&self) -> Self {
        self.activation(Activation::ConcatElu)
    }

    /// `x` where positive, else `exp(x) - 1`.
    pub fn elu(&self) -> Self {
        self.activation(Activation::Elu)
    }

    /// `max(x, 0)`.
    pub fn relu(&self) -> Self {
        self.activation(Activation::Relu)
    }

    /// `a * sigmoid(b)` for the two halves `[a, b]` of the channels.
    pub fn gate(&self) -> Self {
        self.activation(Activation::Gate)
    }

    /// Elementwise sum.
    pub fn add(&self, other: &Self) -> Self {
        self.push(Op::Add, vec![self.place, other.place], self.channels())
    }

    /// Channels of all parts, in order.
    ///
    /// # Panics
    /// If there are none.
    pub fn concat(parts: &[Self]) -> Self {
        let channels = parts.iter().map(Self::channels).sum();
        parts[0].push(Op::Concat, parts.iter().map(|part| part.place).collect(), channels)
    }

    /// `(4 C, H, W)` to `(C, 2 H, 2 W)`: channel `4 c + 2 i + j` becomes pixel
    /// `(2 y + i, 2 x + j)` of channel `c`.
    pub fn depth_to_space(&self) -> Self {
        self.push(Op::DepthToSpace, vec![self.place], self.channels() / 4)
    }

    /// Windows as rows of tokens: `(C, H, W)` to `(C, windows, tokens)`.
    pub fn windows(&self, windows: Windows) -> Self {
        self.push(Op::Windows(windows), vec![self.place], self.channels())
    }

    /// Rows of tokens as a map with the extents of `like`, which these windows tile.
    pub fn join_windows(&self, windows: Windows, like: &Self) -> Self {
        self.push(Op::JoinWindows(windows), vec![self.place, like.place], self.channels())
    }

    /// The columns of both maps side by side.
    pub fn beside(&self, other: &Self) -> Self {
        self.push(Op::Beside, vec![self.place, other.place], self.channels())
    }

    /// The same numbers added to every row, (columns, channels).
    pub fn add_to_rows(&self, numbers: Vec<f32>) -> Self {
        self.push(Op::AddToRows(Arc::new(numbers)), vec![self.place], self.channels())
    }

    /// Layer normalisation, with gain and bias of every channel.
    pub fn layer_norm(&self, gain: Vec<f32>, bias: Vec<f32>) -> Self {
        self.push(Op::LayerNorm(Arc::new([gain, bias])), vec![self.place], self.channels())
    }

    /// Attention of these tokens to the keys and values of their row, with so many heads, of which
    /// the channels are a multiple.
    pub fn attention(&self, keys: &Self, values: &Self, heads: usize) -> Self {
        let sources = vec![self.place, keys.place, values.place];
        self.push(Op::Attention(heads), sources, self.channels())
    }

    /// `x * sigmoid(1.702 x)`, an approximation of GELU (Hendrycks, Gimpel 2016, arXiv:1606.08415).
    pub fn gelu(&self) -> Self {
        self.activation(Activation::Gelu)
    }
}
