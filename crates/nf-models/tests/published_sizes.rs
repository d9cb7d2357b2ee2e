//! The largest published networks take steps of training, on tiles as small as they allow.
//!
//! ```sh
//! cargo test --release --locked --workspace --test published_sizes -- --ignored --nocapture
//! ```
#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Tensor, TensorData};
use nf_models::{NetConfig, Trainable};

/// Losses before each of three steps of Adam, whose noise is the same each time, and millions of
/// parameters.
fn first_losses(family: &str, planes: usize, side_px: usize, rate: f64) -> (Vec<f32>, f64) {
    let device = Device::flex().autodiff();
    let config = NetConfig::preset(family, "paper").unwrap().with_planes(planes);
    let mut net = config.init(&device, 1).unwrap();
    let count = planes * side_px * side_px;
    let samples: Vec<f32> = (0..count).map(|at| 1000.0 + (at * at % 37) as f32).collect();
    let tile = Tensor::<4>::from_data(TensorData::new(samples, [1, planes, side_px, side_px]), &device);
    let mut optimiser = AdamConfig::new().init();
    let mut losses = vec![];
    for step in 1..=3 {
        device.seed(1);
        let loss = net.loss(tile.clone()).unwrap();
        losses.push(loss.clone().into_scalar::<f32>());
        println!("{family}, before step {step}: loss {}", losses[losses.len() - 1]);
        let gradients = GradientsParams::from_grads(loss.backward(), &net);
        net = optimiser.step(rate, net, gradients);
    }
    (losses, net.num_params() as f64 / 1e6)
}

fn check((losses, millions): (Vec<f32>, f64), published_millions: f64) {
    assert!((millions / published_millions - 1.0).abs() < 0.01, "{millions} million parameters");
    assert!(losses.iter().all(|loss| loss.is_finite()), "{losses:?}");
    assert!(losses[2] < losses[0], "{losses:?}");
}

#[test]
fn vdm_of_the_published_size_learns() {
    check(first_losses("vdm", 1, 8, 2e-4), 30.6);
}

#[test]
#[ignore = "225 million parameters, 4 GB"]
fn terracodec_of_the_published_size_learns() {
    check(first_losses("tec", 2, 32, 1e-5), 225.0);
}
