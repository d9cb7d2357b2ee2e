//! The loss: information of samples under mixtures, on tensors.

use super::{FLOOR_WIDTH, MAX_LOG_SCALE, MIN_LOG_SCALE, SCALE_BITS};
use burn::tensor::Tensor;
use burn::tensor::activation::{log_sigmoid, log_softmax};

/// Information of samples under mixtures of `K` logistics discretised over `0..=maximum`, in bits.
///
/// With `s` a component's scale, `p = (x + 1/2 - mean) / s` and `m = (x - 1/2 - mean) / s`, its
/// share of `x` is `sigmoid(p) - sigmoid(m) = sigmoid(p) sigmoid(-m) (1 - exp(-1 / s))`: three
/// factors whose logarithms neither overflow nor cancel, however far the sample lies in a tail. The
/// outermost samples take the tails (arXiv:1701.05517, eq. 2), and every sample has the floor of
/// the coder's distribution, so that no length is infinite.
///
/// # Shapes
/// `x`: (N, 1, H, W); `logits`, `means` in samples, `log_scales` natural: (N, K, H, W); result:
/// (N, 1, H, W).
pub(crate) fn mixture_bits(
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

/// Natural logarithm of the share of integers `low..high` under mixtures of `K` logistics
/// discretised over `0..=65535`, of which the outermost take the tails, every integer with the
/// floor of the coder's distribution.
///
/// As in [`mixture_bits`], three factors that do not cancel; here the integers are any number.
///
/// # Shapes
/// `low`, `high`: (N, 1, H, W); the others (N, K, H, W); result: (N, 1, H, W).
pub(crate) fn log_share(
    low: Tensor<4>,
    high: Tensor<4>,
    logits: Tensor<4>,
    means: Tensor<4>,
    log_scales: Tensor<4>,
) -> Tensor<4> {
    let log_scales = log_scales.clamp(MIN_LOG_SCALE, MAX_LOG_SCALE);
    let inverse = log_scales.neg().exp();
    let below_all = high.clone().lower_elem(f32::from(u16::MAX) + 1.0).float();
    let above_none = low.clone().greater_elem(0.0).float();
    let upper = log_sigmoid((high.clone() - means.clone() - 0.5) * inverse.clone()) * below_all.clone();
    let lower = log_sigmoid((low.clone() - means - 0.5).neg() * inverse.clone()) * above_none.clone();
    let samples = high - low;
    let width = inverse * samples.clone();
    let small = width.clone().lower_elem(0.02);
    let series = width.clone().log() - width.clone() * 0.5;
    let direct = (width.clamp_min(0.01).neg().exp().neg() + 1.0).log();
    let between = direct.mask_where(small, series) * below_all * above_none;
    let shares = log_softmax(logits, 1) + upper + lower + between;
    let floor = f64::from(FLOOR_WIDTH) * (-f64::from(SCALE_BITS) * std::f64::consts::LN_2).exp();
    let floors = samples.log() + floor.ln();
    let largest = shares.clone().max_dim(1).detach().max_pair(floors.clone());
    let sum = (shares - largest.clone()).exp().sum_dim(1) + (floors - largest.clone()).exp();
    sum.log() + largest
}
