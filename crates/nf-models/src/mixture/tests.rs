//! The loss and the integer distributions against the definition, and against each other.

use super::loss::mixture_bits;
use super::*;
use burn::tensor::{Device, Tensor, TensorData};

/// Three components: a narrow one near the lower edge, a wide one, one beyond the upper edge.
fn components() -> [LogisticParams; 3] {
    [
        LogisticParams { logit: 0.3, mean: 3.3, log_scale: -1.0 },
        LogisticParams { logit: -0.2, mean: 30_000.4, log_scale: 7.0 },
        LogisticParams { logit: 0.1, mean: 66_000.0, log_scale: 5.5 },
    ]
}

fn map(values: &[f32], device: &Device) -> Tensor<4> {
    Tensor::from_data(TensorData::new(values.to_vec(), [1, values.len(), 1, 1]), device)
}

/// Information of samples under the components, in bits.
fn bits(samples: &[f32], components: &[LogisticParams], maximum: f32) -> Vec<f32> {
    let device = Device::flex();
    let x = map(samples, &device).swap_dims(1, 3);
    let over = |of: fn(&LogisticParams) -> f32| {
        let values: Vec<f32> = components.iter().map(of).collect();
        map(&values, &device).expand([1, components.len(), 1, samples.len()])
    };
    let bits = mixture_bits(x, over(|b| b.logit), over(|b| b.mean), over(|b| b.log_scale), maximum);
    bits.into_data().try_to_vec::<f32>().unwrap()
}

/// The same in double precision, by the definition.
fn bits_by_definition(x: f64, components: &[LogisticParams], maximum: f64) -> f64 {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let total: f64 = components.iter().map(|own| f64::from(own.logit).exp()).sum();
    let shares = components.iter().map(|own| {
        let scale = f64::from(own.log_scale).clamp(MIN_LOG_SCALE, MAX_LOG_SCALE).exp();
        let edge = |shift: f64| (x + shift - f64::from(own.mean)) / scale;
        let (lower, upper) = (edge(-0.5), edge(0.5));
        let share = match (x > 0.0, x < maximum) {
            (false, _) => sigmoid(upper),
            (_, false) => sigmoid(-lower),
            // The smaller tails, whose difference does not cancel.
            _ if lower > 0.0 => sigmoid(-lower) - sigmoid(-upper),
            _ => sigmoid(upper) - sigmoid(lower),
        };
        f64::from(own.logit).exp() / total * share
    });
    let floor = f64::from(FLOOR_WIDTH) / f64::from(1_u32 << SCALE_BITS);
    -(shares.sum::<f64>() + floor).log2()
}

fn sum_of_probabilities(components: &[LogisticParams], maximum: u16) -> f64 {
    let samples: Vec<f32> = (0..=maximum).map(f32::from).collect();
    let bits = bits(&samples, components, f32::from(maximum));
    bits.iter().map(|&bits| (-f64::from(bits)).exp2()).sum()
}

#[test]
fn probabilities_sum_to_one() {
    // The floor of each sample is on top, as an upper bound of the coder's distribution.
    let floors = 65_536.0 * f64::from(FLOOR_WIDTH) / f64::from(1_u32 << SCALE_BITS);
    let sum = sum_of_probabilities(&components(), u16::MAX);
    assert!((sum - floors - 1.0).abs() < 2e-4, "{sum}");
    // All at one edge, beyond it, between two samples, and wider than the range.
    for (mean, log_scale) in
        [(0.0, -3.4), (65_535.0, 0.0), (-900.0, 5.0), (70_000.0, 2.0), (12.5, -3.4), (30_000.0, 10.3)]
    {
        let sum = sum_of_probabilities(&[LogisticParams { logit: 0.0, mean, log_scale }], u16::MAX);
        assert!((sum - floors - 1.0).abs() < 2e-4, "mean {mean}, scale e^{log_scale}: {sum}");
    }
    let few = [
        LogisticParams { logit: 0.0, mean: 11.0, log_scale: 1.5 },
        LogisticParams { logit: 1.0, mean: -3.0, log_scale: 0.2 },
    ];
    let sum = sum_of_probabilities(&few, 24);
    assert!((sum - 1.0).abs() < 1e-5, "{sum}");
}

#[test]
fn intervals_of_the_coder_tile_the_scale() {
    let alone = |mean, log_scale| [LogisticParams { logit: 0.0, mean, log_scale }; 3];
    for components in
        [components(), alone(0.0, -3.4), alone(65_535.0, 0.0), alone(1e9, 2.0), alone(12.5, 10.3)]
    {
        let distribution = integer_mixture::<4>(&components);
        let mut next = 0;
        for x in 0..=65_535 {
            let interval = distribution.interval(x).unwrap();
            assert!(interval.start == next && interval.width >= FLOOR_WIDTH, "{components:?}, sample {x}");
            next += interval.width;
        }
        assert_eq!(next, 1 << SCALE_BITS);
        assert_eq!(distribution.interval(65_536), None);
    }
}

#[test]
fn loss_matches_the_definition() {
    for (x, bits) in [0.0_f32, 1.0, 3.0, 4.0, 9.0, 41.0, 29_000.0, 30_000.0, 65_534.0, 65_535.0]
        .map(|x| (x, bits(&[x], &components(), 65_535.0)[0]))
    {
        let wanted = bits_by_definition(f64::from(x), &components(), 65_535.0);
        assert!((f64::from(bits) - wanted).abs() < 1e-4 * wanted, "{x}: {bits}, by definition {wanted}");
    }
}

#[test]
fn loss_matches_the_coder() {
    let distribution = integer_mixture::<4>(&components());
    let samples = [0, 1, 2, 3, 4, 5, 40, 400, 25_000, 30_000, 40_000, 65_534, 65_535];
    let values = samples.map(|x| x as f32);
    for (x, trained) in samples.into_iter().zip(bits(&values, &components(), 65_535.0)) {
        // A scale is rounded by up to 1.1 %, which shows ten scales away.
        let coded = distribution.interval(x).unwrap().information_bits(SCALE_BITS);
        assert!((coded - f64::from(trained)).abs() < 0.1, "{x}: {coded} in coding, {trained} in training");
    }
}

#[test]
fn gradients_match_finite_differences() {
    let device = Device::flex().autodiff();
    let few = [
        LogisticParams { logit: 0.5, mean: 11.2, log_scale: 1.5 },
        LogisticParams { logit: -0.1, mean: 20.0, log_scale: -0.5 },
        LogisticParams { logit: 0.2, mean: -3.0, log_scale: 0.2 },
    ];
    let wide =
        [0.0_f32, 1.0, 2.0, 5.0, 9.0, 29_000.0, 64_000.0, 65_535.0].map(|x| (x, components(), 65_535.0));
    for (x, own, maximum) in wide.into_iter().chain([0.0, 3.0, 19.0, 24.0].map(|x| (x, few, 24.0))) {
        let parameters = [own.map(|b| b.logit), own.map(|b| b.mean), own.map(|b| b.log_scale)];
        let tensors = parameters.map(|values| map(&values, &device).require_grad());
        let [logits, means, log_scales] = tensors.clone();
        let loss = mixture_bits(map(&[x], &device), logits, means, log_scales, maximum).sum();
        let gradients = loss.backward();
        for (which, tensor) in tensors.iter().enumerate() {
            let gradient = tensor.grad(&gradients).unwrap().into_data().try_to_vec::<f32>().unwrap();
            for k in 0..3 {
                // A mean is as coarse as its component is wide, and as single precision is far from
                // zero.
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
                    "x {x}, parameter {which} of component {k}: {found} against {slope}"
                );
            }
        }
    }
}

#[test]
fn extreme_parameters_give_finite_lengths() {
    for x in [0.0, 65_535.0] {
        let far = [LogisticParams { logit: 0.0, mean: 65_535.0 - x, log_scale: -9.0 }];
        let bits = bits(&[x], &far, 65_535.0)[0];
        assert!((29.0..31.0).contains(&bits), "{bits}");
    }
    let wild = LogisticParams { logit: f32::NAN, mean: f32::INFINITY, log_scale: f32::NEG_INFINITY };
    assert!(
        integer_mixture::<4>(&[wild, LogisticParams { logit: 1e30, mean: -1e30, log_scale: 1e30 }])
            .interval(7)
            .is_some()
    );
}

#[test]
fn intervals_of_levels_tile_the_scale() {
    let [narrow, wide, high] = components();
    let far = LogisticParams { mean: -1e9, ..narrow };
    let undefined = LogisticParams { logit: f32::NAN, mean: f32::INFINITY, log_scale: f32::NAN };
    for (levels, components) in
        [(2, [narrow; 3]), (9, [far; 3]), (25, [narrow, wide, high]), (256, [undefined, wide, narrow])]
    {
        let distribution = LevelDistribution::new(&components, levels);
        let mut next = 0;
        for level in 0..levels as u32 {
            let interval = distribution.interval(level).unwrap();
            assert!(interval.start == next && interval.width >= 1, "{components:?}, level {level}");
            for point in [interval.start, interval.start + interval.width - 1] {
                assert_eq!(distribution.locate(point), (level, interval));
            }
            next += interval.width;
        }
        assert_eq!(next, 1 << LEVEL_SCALE_BITS);
        assert_eq!(distribution.interval(levels as u32), None);
    }
}
