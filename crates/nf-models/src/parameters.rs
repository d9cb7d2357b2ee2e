//! What networks are built from: layers with names.
//!
//! A network says once which layers it has. New networks get random layers for training, trained
//! ones get theirs from a file, as tensors or as plain numbers.

use nf_engine::Geometry;

/// A convolution that a network asks for.
#[derive(Clone, Debug)]
pub(crate) struct ConvSpec {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) geometry: Geometry,
    pub(crate) weight_normalised: bool,
    /// Standard deviation of new weights, times the root of the number of inputs of an output.
    pub(crate) gain: f32,
    /// New weights in place of random ones, (out, in, rows, columns).
    pub(crate) weights: Option<Vec<f32>>,
    /// New biases in place of zeros, (out).
    pub(crate) bias: Option<Vec<f32>>,
}

impl ConvSpec {
    /// A layer without weight normalisation.
    pub(crate) fn plain(inputs: usize, outputs: usize, geometry: Geometry, gain: f32) -> Self {
        let (weights, bias) = (None, None);
        Self { inputs, outputs, geometry, weight_normalised: false, gain, weights, bias }
    }

    /// A layer with weight normalisation; new weights have length 1.
    pub(crate) fn normalised(inputs: usize, outputs: usize, geometry: Geometry) -> Self {
        Self { weight_normalised: true, ..Self::plain(inputs, outputs, geometry, 1.0) }
    }
}

/// The numbers of a new parameter that is no layer.
pub(crate) enum Initial {
    /// These.
    Values(Vec<f32>),
    /// Random ones of mean 0.
    Normal {
        /// Standard deviation.
        deviation: f32,
    },
}

/// The order of channels in a new network.
pub(crate) enum Order {
    /// This one.
    Given(Vec<usize>),
    /// Any.
    Random,
}

/// Where a network gets its parameters from. `path` is the name under which a file keeps them.
///
/// Random numbers are drawn in the order of the calls, so that equal seeds give equal networks:
/// the order in which a network asks must not change.
pub(crate) trait ParameterSource {
    /// A convolution.
    type Conv;
    /// Numbers that are no layer.
    type Array<const D: usize>;
    /// An order of channels.
    type Permutation;

    /// A convolution.
    ///
    /// # Errors
    /// What a file has instead.
    fn conv(&mut self, path: &str, spec: ConvSpec) -> Result<Self::Conv, String>;

    /// Numbers of this shape.
    ///
    /// # Errors
    /// What a file has instead.
    fn array<const D: usize>(
        &mut self,
        path: &str,
        shape: [usize; D],
        initial: Initial,
    ) -> Result<Self::Array<D>, String>;

    /// An order of so many channels.
    ///
    /// # Errors
    /// What a file has instead.
    fn permutation(&mut self, path: &str, channels: usize, order: Order)
    -> Result<Self::Permutation, String>;
}

/// The parameters of a part of a network: names begin with the part's.
pub(crate) struct Part<'a, S> {
    pub(crate) source: &'a mut S,
    pub(crate) name: &'static str,
}

impl<S: ParameterSource> ParameterSource for Part<'_, S> {
    type Conv = S::Conv;
    type Array<const D: usize> = S::Array<D>;
    type Permutation = S::Permutation;

    fn conv(&mut self, path: &str, spec: ConvSpec) -> Result<S::Conv, String> {
        self.source.conv(&format!("{}.{path}", self.name), spec)
    }

    fn array<const D: usize>(
        &mut self,
        path: &str,
        shape: [usize; D],
        initial: Initial,
    ) -> Result<S::Array<D>, String> {
        self.source.array(&format!("{}.{path}", self.name), shape, initial)
    }

    fn permutation(&mut self, path: &str, channels: usize, order: Order) -> Result<S::Permutation, String> {
        self.source.permutation(&format!("{}.{path}", self.name), channels, order)
    }
}
