//! Adamax: Adam with the infinity norm (Kingma & Ba, arXiv 1412.6980, algorithm 2).

use burn::optim::{LearningRate, Optimizer, RecordState, StateSink, StateSource};
use burn::store::burn_pack::Scalar;
use burn::tensor::{Device, Tensor};

/// The rule, with the paper's names:
///
/// ```text
/// m_t = beta_1 m_(t-1) + (1 - beta_1) g_t
/// u_t = max(beta_2 u_(t-1), |g_t|)
/// w_t = w_(t-1) - rate / (1 - beta_1^t) * m_t / (u_t + epsilon)
/// ```
///
/// `epsilon` is no part of the paper; it keeps a parameter that never had a gradient at rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adamax {
    /// Decay of the first moment.
    pub beta_1: f64,
    /// Decay of the infinity norm.
    pub beta_2: f64,
    /// Added to the infinity norm.
    pub epsilon: f64,
}

/// What is remembered of one parameter.
#[derive(Clone, Debug)]
pub struct AdamaxState<const D: usize> {
    /// Steps taken, t.
    steps: usize,
    /// First moment, m.
    moment: Tensor<D>,
    /// Exponentially weighted infinity norm, u.
    norm: Tensor<D>,
}

impl Optimizer for Adamax {
    type State<const D: usize> = AdamaxState<D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        weights: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<AdamaxState<D>>,
    ) -> (Tensor<D>, Option<AdamaxState<D>>) {
        let fresh = gradient.clone().mul_scalar(1.0 - self.beta_1);
        let state = match state {
            None => AdamaxState { steps: 1, moment: fresh, norm: gradient.abs() },
            Some(last) => AdamaxState {
                steps: last.steps + 1,
                moment: last.moment.mul_scalar(self.beta_1) + fresh,
                norm: last.norm.mul_scalar(self.beta_2).max_pair(gradient.abs()),
            },
        };
        let exponent = i32::try_from(state.steps).unwrap_or(i32::MAX);
        let rate = rate / (1.0 - self.beta_1.powi(exponent));
        let direction = state.moment.clone() / state.norm.clone().add_scalar(self.epsilon);
        (weights - direction.mul_scalar(rate), Some(state))
    }

    fn to_device<const D: usize>(state: AdamaxState<D>, device: &Device) -> AdamaxState<D> {
        AdamaxState {
            steps: state.steps,
            moment: state.moment.to_device(device),
            norm: state.norm.to_device(device),
        }
    }
}

impl<const D: usize> RecordState for AdamaxState<D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        out.push_scalar(prefix, "steps", Scalar::from(self.steps));
        out.push_tensor(prefix, "moment", self.moment.clone().into_data());
        out.push_tensor(prefix, "norm", self.norm.clone().into_data());
    }

    fn state_unflatten(prefix: &str, source: &mut StateSource, device: &Device) -> Option<Self> {
        Some(Self {
            steps: usize::try_from(source.take_scalar(prefix, "steps")?).ok()?,
            moment: Tensor::from_data(source.take_tensor(prefix, "moment")?, device),
            norm: Tensor::from_data(source.take_tensor(prefix, "norm")?, device),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_follow_the_formula() {
        let device = Device::flex();
        let rule = Adamax { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7 };
        let gradients = [[0.5f64, -2.0, 0.0], [-0.1, -1.0, 0.0], [3.0, 0.25, 0.0], [0.0, 0.125, 1e-3]];
        let rate = 0.01;
        // The formula in plain numbers.
        let mut expected = [1.0f64, -1.0, 0.5];
        let (mut m, mut u) = ([0.0f64; 3], [0.0f64; 3]);
        let mut weights = Tensor::<1>::from_floats([1.0, -1.0, 0.5], &device);
        let mut state = None;
        for (t, g) in gradients.iter().enumerate() {
            for i in 0..3 {
                m[i] = 0.9 * m[i] + 0.1 * g[i];
                u[i] = (0.999 * u[i]).max(g[i].abs());
                expected[i] -= rate / (1.0 - 0.9f64.powi(t as i32 + 1)) * m[i] / (u[i] + 1e-7);
            }
            let gradient = Tensor::from_floats([g[0] as f32, g[1] as f32, g[2] as f32], &device);
            (weights, state) = rule.step(rate, weights, gradient, state);
            let found: Vec<f32> = weights.clone().into_data().iter().collect();
            for (found, expected) in found.iter().zip(expected) {
                assert!((f64::from(*found) - expected).abs() < 1e-6, "step {t}: {found} is not {expected}");
            }
        }
    }

    #[test]
    fn the_first_step_has_the_length_of_the_rate_whatever_the_gradient() {
        let rule = Adamax { beta_1: 0.9, beta_2: 0.999, epsilon: 0.0 };
        for gradient in [1e-6f32, 1.0, -1e6] {
            let zero = Tensor::<1>::zeros([1], &Device::flex());
            let gradient_tensor = Tensor::from_floats([gradient], &Device::flex());
            let (moved, _) = rule.step(0.25, zero, gradient_tensor, None);
            let moved: Vec<f32> = moved.into_data().iter().collect();
            assert!((moved[0] + 0.25 * gradient.signum()).abs() < 1e-6, "{moved:?}");
        }
    }
}
