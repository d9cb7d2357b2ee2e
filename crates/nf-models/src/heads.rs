//! Mixtures of logistics over integer samples: the loss, and the law that the coder uses.
//!
//! This is the one place where the numbers of a net become integer probabilities.

use burn::tensor::Tensor;
use burn::tensor::activation::{log_sigmoid, log_softmax};
use nf_entropy::SymbolCoder;
use nf_entropy::laws::{Component, Logistic, Mixture, SCALE_ONE, SCALE_STEPS_PER_OCTAVE, SCALES};

/// Least natural logarithm of a scale, in samples: the finest step of the coder's laws, 2^-5.
const MIN_LOG_SCALE: f64 = -5.0 * std::f64::consts::LN_2;

/// Largest natural logarithm of a scale, in samples: 2^15.
const MAX_LOG_SCALE: f64 = 15.0 * std::f64::consts::LN_2;

/// Base-2 logarithm of the points of a law.
const SCALE_BITS: u32 = 30;

/// Width that every sample keeps.
const FLOOR_WIDTH: u32 = 1;

/// Most components that a law can have.
pub const MAX_COMPONENTS: usize = 12;

/// Information of samples under mixtures of `K` logistics discretised over `0..=maximum`, in bits.
///
/// With `s` a component's scale, `p = (x + 1/2 - mean) / s` and `m = (x - 1/2 - mean) / s`, its share of `x` is
/// `sigmoid(p) - sigmoid(m) = sigmoid(p) sigmoid(-m) (1 - exp(-1 / s))`: three factors whose logarithms neither
/// overflow nor cancel, however far the sample lies in a tail. The outermost samples take the tails (arXiv:1701.05517,
/// eq. 2), and every sample has the floor of the coder's law, so that no length is infinite.
///
/// # Shapes
/// `x`: (N, 1, H, W); `logits`, `means` in samples, `log_scales` natural: (N, K, H, W); result: (N, 1, H, W).
pub fn mixture_bits(
    x: Tensor<4>,
    logits: Tensor<4>,
    means: Tensor<4>,
    log_scales: Tensor<4>,
    maximum: f32,
) -> Tensor<4> {
    let log_scales = log_scales.clamp(MIN_LOG_SCALE, MAX_LOG_SCALE);
    let inverse = log_scales.clone().neg().exp();
    let distance = x.clone() - means;
    let below_maximum = x.clone().lower_elem(maximum).float();
    let above_zero = x.greater_elem(0.0).float();
    let upper = log_sigmoid((distance.clone() + 0.5) * inverse.clone()) * below_maximum.clone();
    let lower = log_sigmoid((distance - 0.5).neg() * inverse.clone()) * above_zero.clone();
    // log(1 - exp(-t)) with t = 1 / s: by series where 1 - exp(-t) would cancel.
    let small = inverse.clone().lower_elem(0.02);
    let series = log_scales.neg() - inverse.clone() * 0.5;
    let direct = (inverse.clone().clamp_min(0.01).neg().exp().neg() + 1.0).log();
    let between = direct.mask_where(small, series) * below_maximum * above_zero;
    let shares = log_softmax(logits, 1) + upper + lower + between;
    // log(sum of shares + floor), around the largest term.
    let floor = f64::from(FLOOR_WIDTH) * (-f64::from(SCALE_BITS) * std::f64::consts::LN_2).exp();
    let largest = shares.clone().max_dim(1).detach().clamp_min(floor.ln());
    let sum = (shares - largest.clone()).exp().sum_dim(1) + (largest.clone().neg() + floor.ln()).exp();
    (sum.log() + largest) * (-std::f64::consts::LOG2_E)
}

/// One logistic as a net gives it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Bell {
    /// Weight before normalisation, natural logarithm.
    pub logit: f32,
    /// Centre, in samples.
    pub mean: f32,
    /// Scale in samples, natural logarithm.
    pub log_scale: f32,
}

/// The integer law of at most `K` bells: means to 1/256 sample, scales to 1/32 octave, weights to 2^-16.
///
/// Multiplications, additions and roundings of single numbers in a fixed order, so that equal bells give equal
/// laws on every machine. Numbers that are not finite count as zero.
fn law<const K: usize>(bells: &[Bell]) -> Mixture<Logistic, K> {
    let finite = |value: f32| if value.is_finite() { value } else { 0.0 };
    let largest = bells.iter().map(|bell| finite(bell.logit)).fold(f32::MIN, f32::max);
    let mut components = [Component { mean: 0, scale: SCALE_ONE, weight: 0 }; K];
    for (component, bell) in components.iter_mut().zip(bells) {
        let steps = f32::from(SCALE_STEPS_PER_OCTAVE) * std::f32::consts::LOG2_E;
        let scale = (finite(bell.log_scale) * steps).round() + f32::from(SCALE_ONE);
        *component = Component {
            mean: (finite(bell.mean) * 256.0).round() as i32,
            scale: scale.clamp(0.0, f32::from(SCALES - 1)) as u16,
            weight: (crate::math::exp(finite(bell.logit) - largest) * 65_535.0) as u16,
        };
    }
    Mixture::new(&components, SCALE_BITS, FLOOR_WIDTH)
        .expect("the largest weight is 65535, the scales are clamped")
}

/// Codes a sample of `0..=65535` under the mixture of these bells.
///
/// # Errors
/// What the coder says.
///
/// # Panics
/// If there are more than [`MAX_COMPONENTS`] bells, or none.
pub(crate) fn code_mixture(
    coder: &mut impl SymbolCoder,
    sample: &mut u32,
    bells: &[Bell],
) -> nf_entropy::Result<()> {
    match bells.len() {
        1..=4 => coder.code(sample, &law::<4>(bells)),
        5..=8 => coder.code(sample, &law::<8>(bells)),
        9..=MAX_COMPONENTS => coder.code(sample, &law::<MAX_COMPONENTS>(bells)),
        other => panic!("{other} bells in a mixture"),
    }
}
