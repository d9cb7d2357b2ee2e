//! Optimisers whose recorded states are read back without a device.

use burn::optim::{LearningRate, Optimizer, RecordState, StateSink, StateSource};
use burn::tensor::{Device, Tensor};

/// The rule `O`, whose recorded states are read into the processor's memory; a step moves them to
/// the device of the weights.
///
/// Burn reads them onto its default device. In a program built for GPUs that is a GPU even where
/// none is used, and where there is none Burn panics.
#[derive(Clone, Copy, Debug)]
pub(super) struct OnProcessor<O>(pub(super) O);

/// What the rule remembers of one parameter.
#[derive(Clone)]
pub(super) struct Remembered<S>(S);

impl<O: Optimizer> Optimizer for OnProcessor<O> {
    type State<const D: usize> = Remembered<O::State<D>>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        weights: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let (weights, state) = self.0.step(rate, weights, gradient, state.map(|state| state.0));
        (weights, state.map(Remembered))
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
        Remembered(O::to_device(state.0, device))
    }
}

impl<S: RecordState> RecordState for Remembered<S> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        self.0.state_flatten(prefix, out);
    }

    fn state_unflatten(prefix: &str, source: &mut StateSource, _default: &Device) -> Option<Self> {
        S::state_unflatten(prefix, source, &Device::flex()).map(Self)
    }
}
