//! Mixtures of logistics over integer samples: the loss, and the law that the coder uses.
//!
//! This is the one place where the numbers of a net become integer probabilities.

use crate::math::{exp, sigmoid};
use burn::tensor::Tensor;
use burn::tensor::activation::{log_sigmoid, log_softmax};
use nf_entropy::SymbolCoder;
use nf_entropy::laws::{
    Categorical, Component, Logistic, Mixture, SCALE_ONE, SCALE_STEPS_PER_OCTAVE, SCALES,
};

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
            weight: (exp(finite(bell.logit) - largest) * 65_535.0) as u16,
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

/// Codes a level of `0..levels` under the mixture of these bells; the outermost levels take the tails.
///
/// # Errors
/// What the coder says.
pub(crate) fn code_level(
    coder: &mut impl SymbolCoder,
    level: &mut u32,
    bells: &[Bell],
    levels: usize,
) -> nf_entropy::Result<()> {
    let finite = |value: f32| if value.is_finite() { value } else { 0.0 };
    let largest = bells.iter().map(|bell| finite(bell.logit)).fold(f32::MIN, f32::max);
    let parts = bells.iter().map(|bell| {
        let weight = exp(finite(bell.logit) - largest);
        let log_scale = finite(bell.log_scale).clamp(MIN_LOG_SCALE as f32, MAX_LOG_SCALE as f32);
        (weight, finite(bell.mean), exp(-log_scale))
    });
    let parts: Vec<(f32, f32, f32)> = parts.collect();
    let total: f32 = parts.iter().map(|part| part.0).sum();
    // Every level keeps one point; the others are shared by the mixture's cumulative law.
    let points = (1 << LEVEL_SCALE_BITS) - levels as u32;
    let mut before = 0;
    let widths: Vec<u32> = (1..=levels)
        .map(|end| {
            let edge = end as f32 - 0.5;
            let sum: f32 = parts.iter().map(|(w, mean, inverse)| w * sigmoid((edge - mean) * inverse)).sum();
            let below = if end == levels {
                points
            } else {
                ((sum / total * points as f32) as u32).clamp(before, points)
            };
            let width = below - before + 1;
            before = below;
            width
        })
        .collect();
    coder.code(level, &Categorical::new(&widths, LEVEL_SCALE_BITS)?)
}

/// Base-2 logarithm of the points of a law of levels.
const LEVEL_SCALE_BITS: u32 = 22;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};
    use nf_entropy::Distribution;

    /// Three bells: a fine one near the lower edge, a wide one, one beyond the upper edge.
    fn bells() -> [Bell; 3] {
        [
            Bell { logit: 0.3, mean: 3.3, log_scale: -1.0 },
            Bell { logit: -0.2, mean: 30_000.4, log_scale: 7.0 },
            Bell { logit: 0.1, mean: 66_000.0, log_scale: 5.5 },
        ]
    }

    fn map(values: &[f32], device: &Device) -> Tensor<4> {
        Tensor::from_data(TensorData::new(values.to_vec(), [1, values.len(), 1, 1]), device)
    }

    /// Information of samples under the bells, in bits.
    fn bits(samples: &[f32], bells: &[Bell], maximum: f32) -> Vec<f32> {
        let device = Device::flex();
        let x = map(samples, &device).swap_dims(1, 3);
        let over = |of: fn(&Bell) -> f32| {
            let values: Vec<f32> = bells.iter().map(of).collect();
            map(&values, &device).expand([1, bells.len(), 1, samples.len()])
        };
        let bits = mixture_bits(x, over(|b| b.logit), over(|b| b.mean), over(|b| b.log_scale), maximum);
        bits.into_data().try_to_vec::<f32>().unwrap()
    }

    /// The same in double precision, by the definition.
    fn bits_by_definition(x: f64, bells: &[Bell], maximum: f64) -> f64 {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let total: f64 = bells.iter().map(|bell| f64::from(bell.logit).exp()).sum();
        let shares = bells.iter().map(|bell| {
            let scale = f64::from(bell.log_scale).clamp(MIN_LOG_SCALE, MAX_LOG_SCALE).exp();
            let edge = |shift: f64| (x + shift - f64::from(bell.mean)) / scale;
            let (lower, upper) = (edge(-0.5), edge(0.5));
            let share = match (x > 0.0, x < maximum) {
                (false, _) => sigmoid(upper),
                (_, false) => sigmoid(-lower),
                // The smaller tails, whose difference does not cancel.
                _ if lower > 0.0 => sigmoid(-lower) - sigmoid(-upper),
                _ => sigmoid(upper) - sigmoid(lower),
            };
            f64::from(bell.logit).exp() / total * share
        });
        let floor = f64::from(FLOOR_WIDTH) / f64::from(1_u32 << SCALE_BITS);
        -(shares.sum::<f64>() + floor).log2()
    }

    fn sum_of_probabilities(bells: &[Bell], maximum: u16) -> f64 {
        let samples: Vec<f32> = (0..=maximum).map(f32::from).collect();
        let bits = bits(&samples, bells, f32::from(maximum));
        bits.iter().map(|&bits| (-f64::from(bits)).exp2()).sum()
    }

    #[test]
    fn probabilities_of_all_samples_sum_to_one() {
        // The floor of each sample is on top, as an upper bound of the coder's law.
        let floors = 65_536.0 * f64::from(FLOOR_WIDTH) / f64::from(1_u32 << SCALE_BITS);
        let sum = sum_of_probabilities(&bells(), u16::MAX);
        assert!((sum - floors - 1.0).abs() < 2e-4, "{sum}");
        // All at one edge, beyond it, between two samples, and wider than the range.
        for (mean, log_scale) in
            [(0.0, -3.4), (65_535.0, 0.0), (-900.0, 5.0), (70_000.0, 2.0), (12.5, -3.4), (30_000.0, 10.3)]
        {
            let sum = sum_of_probabilities(&[Bell { logit: 0.0, mean, log_scale }], u16::MAX);
            assert!((sum - floors - 1.0).abs() < 2e-4, "mean {mean}, scale e^{log_scale}: {sum}");
        }
        let few = [
            Bell { logit: 0.0, mean: 11.0, log_scale: 1.5 },
            Bell { logit: 1.0, mean: -3.0, log_scale: 0.2 },
        ];
        let sum = sum_of_probabilities(&few, 24);
        assert!((sum - 1.0).abs() < 1e-5, "{sum}");
    }

    #[test]
    fn laws_of_the_coder_share_out_every_point_once() {
        let alone = |mean, log_scale| [Bell { logit: 0.0, mean, log_scale }; 3];
        for bells in [bells(), alone(0.0, -3.4), alone(65_535.0, 0.0), alone(1e9, 2.0), alone(12.5, 10.3)] {
            let law = law::<4>(&bells);
            let mut next = 0;
            for x in 0..=65_535 {
                let interval = law.interval(x).unwrap();
                assert!(interval.start == next && interval.width >= FLOOR_WIDTH, "{bells:?}, sample {x}");
                next += interval.width;
            }
            assert_eq!(next, 1 << SCALE_BITS);
            assert_eq!(law.interval(65_536), None);
        }
    }

    #[test]
    fn bits_are_those_of_the_definition() {
        for (x, bits) in [0.0_f32, 1.0, 3.0, 4.0, 9.0, 41.0, 29_000.0, 30_000.0, 65_534.0, 65_535.0]
            .map(|x| (x, bits(&[x], &bells(), 65_535.0)[0]))
        {
            let wanted = bits_by_definition(f64::from(x), &bells(), 65_535.0);
            assert!((f64::from(bits) - wanted).abs() < 1e-4 * wanted, "{x}: {bits}, by definition {wanted}");
        }
    }

    #[test]
    fn training_and_coding_agree_on_every_sample() {
        let law = law::<4>(&bells());
        let samples = [0, 1, 2, 3, 4, 5, 40, 400, 25_000, 30_000, 40_000, 65_534, 65_535];
        let values = samples.map(|x| x as f32);
        for (x, trained) in samples.into_iter().zip(bits(&values, &bells(), 65_535.0)) {
            // A scale is rounded by up to 1.1 %, which shows ten scales away.
            let coded = law.interval(x).unwrap().information_bits(SCALE_BITS);
            assert!(
                (coded - f64::from(trained)).abs() < 0.1,
                "{x}: {coded} in coding, {trained} in training"
            );
        }
    }

    #[test]
    fn gradients_are_the_slopes_of_the_definition() {
        let device = Device::flex().autodiff();
        let few = [
            Bell { logit: 0.5, mean: 11.2, log_scale: 1.5 },
            Bell { logit: -0.1, mean: 20.0, log_scale: -0.5 },
            Bell { logit: 0.2, mean: -3.0, log_scale: 0.2 },
        ];
        let wide =
            [0.0_f32, 1.0, 2.0, 5.0, 9.0, 29_000.0, 64_000.0, 65_535.0].map(|x| (x, bells(), 65_535.0));
        for (x, own, maximum) in wide.into_iter().chain([0.0, 3.0, 19.0, 24.0].map(|x| (x, few, 24.0))) {
            let parameters = [own.map(|b| b.logit), own.map(|b| b.mean), own.map(|b| b.log_scale)];
            let tensors = parameters.map(|values| map(&values, &device).require_grad());
            let [logits, means, log_scales] = tensors.clone();
            let loss = mixture_bits(map(&[x], &device), logits, means, log_scales, maximum).sum();
            let gradients = loss.backward();
            for (which, tensor) in tensors.iter().enumerate() {
                let gradient = tensor.grad(&gradients).unwrap().into_data().try_to_vec::<f32>().unwrap();
                for k in 0..3 {
                    // A mean is as coarse as its bell is wide, and as single precision is far from zero.
                    let unit = if which == 1 { own[k].log_scale.exp() } else { 1.0 };
                    let step = if which == 1 { (0.01 * unit).max(2e-7 * own[k].mean.abs()) } else { 0.01 };
                    let at = |step: f32| {
                        let mut moved = own;
                        let number = match which {
                            0 => &mut moved[k].logit,
                            1 => &mut moved[k].mean,
                            _ => &mut moved[k].log_scale,
                        };
                        *number += step;
                        (f64::from(*number), bits_by_definition(f64::from(x), &moved, f64::from(maximum)))
                    };
                    let ((right, above), (left, below)) = (at(step), at(-step));
                    let slope = (above - below) / (right - left) * f64::from(unit);
                    let found = f64::from(gradient[k] * unit);
                    assert!(
                        (slope - found).abs() < 2e-4 + 1e-3 * slope.abs(),
                        "x {x}, parameter {which} of bell {k}: {found} against {slope}"
                    );
                }
            }
        }
    }

    #[test]
    fn no_length_is_infinite_and_wild_numbers_make_laws() {
        for x in [0.0, 65_535.0] {
            let far = [Bell { logit: 0.0, mean: 65_535.0 - x, log_scale: -9.0 }];
            let bits = bits(&[x], &far, 65_535.0)[0];
            assert!((29.0..31.0).contains(&bits), "{bits}");
        }
        let wild = Bell { logit: f32::NAN, mean: f32::INFINITY, log_scale: f32::NEG_INFINITY };
        assert!(law::<4>(&[wild, Bell { logit: 1e30, mean: -1e30, log_scale: 1e30 }]).interval(7).is_some());
    }
}
