//! Where no pixel tells anything of another, stages cost nothing: white noise within 0.01 bit of
//! its entropy, for every list of stages.
#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Tensor, TensorData};
use nf_models::{NetConfig, Trainable, VdmConfig};

const SIGMA: f64 = 8.0;
const LEVEL: f64 = 1000.0;
const SIDE: usize = 32;

/// Rounded normal noise (Box and Muller 1958), and its mean information in bits under its own
/// distribution.
fn noise(tiles: usize, state: &mut u64, device: &Device) -> (Tensor<4>, f64) {
    let mut uniform = || {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((*state >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    };
    let count = tiles * SIDE * SIDE;
    let samples: Vec<f64> = (0..count)
        .map(|_| {
            let radius = (-2.0 * uniform().ln()).sqrt();
            (LEVEL + SIGMA * radius * (std::f64::consts::TAU * uniform()).cos()).round()
        })
        .collect();
    // Steps are an eighth of a deviation, over which the density is as good as flat.
    let bits = |x: &f64| {
        let deviations = (x - LEVEL) / SIGMA;
        (SIGMA * std::f64::consts::TAU.sqrt()).log2()
            + 0.5 * deviations * deviations * std::f64::consts::LOG2_E
    };
    let entropy = samples.iter().map(bits).sum::<f64>() / count as f64;
    let values: Vec<f32> = samples.iter().map(|&x| x as f32).collect();
    (Tensor::from_data(TensorData::new(values, [tiles, 1, SIDE, SIDE]), device), entropy)
}

#[test]
fn every_stage_list_reaches_the_entropy_of_white_noise() {
    let device = Device::flex().autodiff();
    for widths in [&[][..], &[4, 2, 0], &[5, 1]] {
        let mut config = NetConfig::preset("vdm", "tiny").unwrap();
        if let NetConfig::Vdm(VdmConfig::Interval(interval)) = &mut config {
            interval.widths_log2 = widths.to_vec();
            interval.levels = 5;
            interval.mixtures = 4;
        }
        let mut net = config.init(&device, 3).unwrap();
        let mut optimiser = AdamConfig::new().init();
        let mut state = 9;
        let steps = 400;
        for step in 0..steps {
            let (tiles, _) = noise(4, &mut state, &device);
            let gradients = net.loss(tiles).unwrap().backward();
            let gradients = GradientsParams::from_grads(gradients, &net);
            let rate = 1e-2 * 0.5 * (1.0 + (std::f64::consts::PI * f64::from(step) / f64::from(steps)).cos());
            net = optimiser.step(rate, net, gradients);
        }
        // Of tiles that it has not seen; the first pixel of each costs what a level costs.
        let (tiles, entropy) = noise(64, &mut state, &device);
        let bits = f64::from(net.loss(tiles.inner()).unwrap().into_scalar::<f32>());
        println!("{widths:?}: {bits:.4} bits, the noise {entropy:.4}");
        assert!(bits - entropy < 0.01, "{widths:?}: {bits} bits, the noise {entropy}");
    }
}
