//! The published size, and bounds whose sums are known.

use super::*;
use crate::network::{Trainable, TrainableNetwork};
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

fn tiles(values: impl Iterator<Item = f32>, size: usize) -> Tensor<4> {
    let values: Vec<f32> = values.take(size * size).collect();
    Tensor::from_data(TensorData::new(values, [1, 1, size, size]), &Device::flex())
}

#[test]
fn the_published_network_has_its_size() {
    let config = VdmGaussianConfig::preset("paper").unwrap();
    for inputs in [InputMode::BytesMsb, InputMode::Scaled] {
        let config = VdmGaussianConfig { inputs, ..config.clone() };
        config.check().unwrap();
        let millions = config.init(&Device::flex(), 0).num_params() as f64 / 1e6;
        assert!((millions - 30.6).abs() < 0.1, "{millions} million");
    }
}

/// A new network says that latents are noise: the bound of a step is then a sum of squares of
/// latents, which is known but for the noise.
#[test]
fn the_bound_of_a_new_network_is_the_closed_sum() {
    let mut state = 1_u64;
    let samples = std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 48) as f32
    });
    let tile = tiles(samples, 32);
    let preset = VdmGaussianConfig::preset("gaussian-tiny").unwrap();
    let config = VdmGaussianConfig { inputs: InputMode::Scaled, learned_variances: false, ..preset };
    let net = config.init(&Device::flex(), 0);
    let (g, steps) = (config_ends(&config), 8);
    let f: Vec<f64> = tile
        .clone()
        .into_data()
        .try_to_vec::<f32>()
        .unwrap()
        .into_iter()
        .map(|x| (f64::from(x) + 0.5) * 2.0 / 65_536.0 - 1.0)
        .collect();
    let square = f.iter().map(|f| f * f).sum::<f64>() / f.len() as f64;
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let at = |step: usize| g[0] + (g[1] - g[0]) * step as f64 / steps as f64;
    // e = z - eps, z = alpha f + sigma eps.
    let diffusion: f64 = (1..=steps)
        .map(|step| {
            let (alpha, sigma) = (sigmoid(-at(step)).sqrt(), sigmoid(at(step)).sqrt());
            let error = alpha * alpha * square + (1.0 - sigma) * (1.0 - sigma);
            0.5 * ((at(step) - at(step - 1)).exp() - 1.0) * error
        })
        .sum();
    let prior = 0.5 * (sigmoid(-g[1]) * square + sigmoid(g[1]) - sigmoid(g[1]).ln() - 1.0);
    let bound = net.bound(tile, steps).unwrap();
    let nats = |bits: f64| bits * std::f64::consts::LN_2;
    assert!((nats(bound.prior_bits) - prior).abs() < 1e-4, "{bound:?}, {prior}");
    let share = nats(bound.diffusion_bits) / diffusion;
    assert!((share - 1.0).abs() < 0.05, "{bound:?}, {diffusion}");
    // Six deviations from value to value: nothing is left to say.
    assert!(bound.reconstruction_bits.abs() < 0.01, "{bound:?}");
}

fn config_ends(config: &VdmGaussianConfig) -> [f64; 2] {
    match config.inputs {
        InputMode::Scaled => [-24.4, 5.0],
        _ => [-13.3, 5.0],
    }
}

#[test]
fn a_few_steps_reduce_every_kind_of_bound() {
    use burn::optim::{AdamConfig, GradientsParams};
    let device = Device::flex().autodiff();
    let preset = VdmGaussianConfig::preset("gaussian-tiny").unwrap();
    let published =
        VdmGaussianConfig { learned_variances: false, steps: 0, bound_steps: 16, ..preset.clone() };
    let configs = [
        VdmGaussianConfig { inputs: InputMode::Scaled, lattice: true, ..published.clone() },
        VdmGaussianConfig { inputs: InputMode::BytesMsb, lattice: true, ..published.clone() },
        VdmGaussianConfig { inputs: InputMode::BytesMsb, attention: true, ..published },
        preset,
    ];
    for config in configs {
        config.check().unwrap();
        let mut state = 1_u64;
        let samples: Vec<f32> = (0..256)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                1000.0 + (state >> 59) as f32
            })
            .collect();
        let tile = Tensor::from_data(TensorData::new(samples, [1, 1, 16, 16]), &device);
        let mut net = config.init(&device, 2);
        let bound = |net: &net::VdmGaussian| {
            let tile = tile.clone().inner();
            f64::from(net.valid().loss(tile).unwrap().into_scalar::<f32>())
        };
        let before = bound(&net);
        assert_eq!(before, bound(&net));
        let mut optimiser = AdamConfig::new().init();
        for step in 0..30 {
            device.seed(step);
            let gradients = net.loss(tile.clone()).unwrap().backward();
            let gradients = GradientsParams::from_grads(gradients, &net);
            net = optimiser.step(3e-3, net, gradients);
        }
        let after = bound(&net);
        assert!(before.is_finite() && after < before - 0.2, "{config:?}: {before} to {after} bits");
    }
}

/// All tiles of an image, of every extent, count by their pixels; some of them are a part of it.
#[test]
fn an_estimate_is_the_mean_of_bounds() {
    use nf_image::{Image16, Shape};
    let image = Image16::from_fn(Shape::new(2, 20, 24), |plane, y, x| {
        (1000 + 50 * plane + 7 * ((x * 31 + y * 17) % 13)) as u16
    });
    let config = VdmGaussianConfig::preset("gaussian-tiny").unwrap();
    let net = config.init(&Device::flex(), 3);
    let options = VdmEstimateOptions { steps: 2, tile_px: 16, tiles: 0 };
    let all = net.estimate(&image, &options).unwrap();
    assert_eq!((all.tiles, all.all_tiles), (8, 8));
    assert!((all.unit_bits - 8.0 * 24.0 / 960.0).abs() < 1e-9);
    assert_eq!(all, net.estimate(&image, &options).unwrap());
    // One plane as one tile is the bound of that tile.
    let plane = image.crop(0..1, 0..20, 0..24);
    let samples: Vec<f32> = plane.samples().iter().map(|&x| f32::from(x)).collect();
    let tile = Tensor::from_data(TensorData::new(samples, [1, 1, 20, 24]), &Device::flex());
    let whole = net.estimate(&plane, &VdmEstimateOptions { tile_px: 64, ..options }).unwrap();
    let bound = net.bound(tile, 2).unwrap();
    assert!((whole.bits() - whole.unit_bits - bound.bits()).abs() < 1e-6);
    let some = net.estimate(&image, &VdmEstimateOptions { tiles: 3, ..options }).unwrap();
    assert_eq!((some.tiles, some.all_tiles), (3, 8));
    assert!((some.bits() / all.bits() - 1.0).abs() < 0.5);
}

/// An image with its ends of the range, for bits-back streams.
fn image_for_bits_back() -> nf_image::Image16 {
    let mut random = crate::random::Random::new(5);
    nf_image::Image16::from_fn(nf_image::Shape::new(1, 64, 80), |_, y, x| match (y, x) {
        (3, 4) => 65_535,
        (5, 6) => 0,
        _ => (1000.0 + 8.0 * random.normal()).round() as u16,
    })
}

/// Bits-back streams come back, and damage is an error or another image.
#[test]
fn bits_back_streams_come_back() {
    let image = image_for_bits_back();
    let config = VdmGaussianConfig::preset("gaussian-tiny").unwrap();
    let coder = VdmBitsBack::new(config.init(&Device::flex(), 3), 4, 32).unwrap();
    let (bytes, initial_bits) = coder.encode(&image).unwrap();
    assert!(initial_bits > 0);
    let decoded = coder.decode(&bytes, image.shape()).unwrap();
    assert!(decoded.samples() == image.samples());
    for at in [0, 20, bytes.len() / 2, bytes.len() - 1] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x55;
        let other = coder.decode(&damaged, image.shape());
        assert!(other.is_err() || other.unwrap().samples() != image.samples());
    }
    for kept in [0, 5, 30, bytes.len() / 2] {
        assert!(coder.decode(&bytes[..kept], image.shape()).is_err());
    }
    let blind = VdmGaussianConfig { inputs: InputMode::Scaled, learned_variances: false, ..config };
    assert!(VdmBitsBack::new(blind.init(&Device::flex(), 0), 4, 32).is_err());
}

/// Without the bits that it begins with, a stream is as long as the bound.
#[test]
fn bits_back_is_the_bound_as_bytes() {
    let image = image_for_bits_back();
    let net = VdmGaussianConfig::preset("gaussian-tiny").unwrap().init(&Device::flex(), 3);
    let (bytes, initial_bits) = VdmBitsBack::new(net.clone(), 4, 32).unwrap().encode(&image).unwrap();
    let options = VdmEstimateOptions { steps: 4, tile_px: 32, tiles: 0 };
    let bound = net.estimate(&image, &options).unwrap().bits();
    let bits = (8.0 * bytes.len() as f64 - initial_bits as f64) / image.samples().len() as f64;
    assert!((bits / bound - 1.0).abs() < 0.02, "{bits} bits per sample, bound {bound}");
}
