//! What training relies on.
#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Tensor, TensorData};
use nf_models::{Checkpoint, ModelCard, NETS, Net, NetConfig, Trainable};

fn tiles(n: usize, planes: usize, size: usize, device: &Device) -> Tensor<4> {
    let mut state = 1_u64;
    let noise = |state: &mut u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (0..4).map(|i| (*state >> (32 + 8 * i) & 255) as f32).sum::<f32>() / 20.0
    };
    let values: Vec<f32> =
        (0..n * planes * size * size).map(|_| (1000.0 + noise(&mut state)).floor()).collect();
    Tensor::from_data(TensorData::new(values, [n, planes, size, size]), device)
}

fn loss_of(net: &Net, tiles: Tensor<4>) -> f32 {
    net.loss(tiles).unwrap().into_scalar::<f32>()
}

/// A tile of 16 x 16 samples: a slope and noise of a known distribution, and its information under
/// that distribution, in bits per sample.
fn slope(device: &Device) -> (Tensor<4>, f32) {
    // Shares of the offsets 0 to 4 among 16: binomial.
    let shares = [1.0_f32, 4.0, 6.0, 4.0, 1.0];
    let mut state = 5_u64;
    let mut bits = 0.0;
    let mut sample = |at: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let offset = (state >> 60).count_ones() as usize;
        bits += (16.0 / shares[offset]).log2();
        (3000 + 5 * (at / 16) + 2 * (at % 16) + offset) as f32
    };
    let values: Vec<f32> = (0..256).map(&mut sample).collect();
    (Tensor::from_data(TensorData::new(values, [1, 1, 16, 16]), device), bits / 256.0)
}

#[test]
fn training_reaches_the_entropy_of_one_tile() {
    let device = Device::flex().autodiff();
    let (tile, entropy) = slope(&device);
    assert!((entropy - 2.03).abs() < 0.1, "{entropy}");
    for &name in NETS {
        let mut net = NetConfig::preset(name, "tiny")
            .unwrap()
            .init(&device, 7)
            .unwrap()
            .data_dependent_init(tile.clone())
            .unwrap();
        let mut optimiser = AdamConfig::new().init();
        let before = loss_of(&net, tile.clone());
        let mut after = before;
        let mut steps = 0;
        // All of them may memorise the tile, PixelCNN++ after 50 steps, the others after 70.
        while after > entropy && steps < 800 {
            let loss = net.loss(tile.clone()).unwrap();
            after = loss.clone().into_scalar::<f32>();
            let gradients = GradientsParams::from_grads(loss.backward(), &net);
            net = optimiser.step(0.01, net, gradients);
            steps += 1;
        }
        println!("{name}: {before} to {after} bits in {steps} steps, entropy {entropy}");
        assert!(
            before > 2.0 * entropy && after <= entropy,
            "{name}: {before} to {after} bits, entropy {entropy}"
        );
    }
}

/// Loss before and after 12 steps.
fn short_run(name: &str) -> (f32, f32) {
    let device = Device::flex().autodiff();
    let tiles = tiles(2, 1, 16, &device);
    let config = NetConfig::preset(name, "tiny").unwrap();
    let mut net = config.init(&device, 7).unwrap().data_dependent_init(tiles.clone()).unwrap();
    let mut optimiser = AdamConfig::new().init();
    let before = loss_of(&net, tiles.clone());
    for _ in 0..12 {
        let gradients = net.loss(tiles.clone()).unwrap().backward();
        let gradients = GradientsParams::from_grads(gradients, &net);
        net = optimiser.step(0.01, net, gradients);
    }
    (before, loss_of(&net, tiles))
}

#[test]
fn training_reduces_loss() {
    for &name in NETS {
        let (before, after) = short_run(name);
        assert!(before.is_finite() && after < before - 0.02, "{name}: {before} to {after} bits");
    }
}

#[test]
fn training_is_deterministic() {
    for &name in NETS {
        assert_eq!(short_run(name), short_run(name), "{name}");
    }
}

#[test]
fn checkpoints_round_trip_and_damage_is_an_error() {
    let device = Device::flex();
    let folder = tempfile::tempdir().unwrap();
    for &name in NETS {
        let dir = folder.path().join(name);
        let net = NetConfig::preset(name, "tiny").unwrap().init(&device, 3).unwrap();
        Checkpoint::save(&dir, &net, ModelCard::default()).unwrap();
        let digest = Checkpoint::save(&dir, &net, ModelCard::default()).unwrap();
        let loaded = Checkpoint::load(&dir).unwrap();
        assert_eq!((loaded.digest, loaded.card.parameters), (digest, net.num_params() as u64));
        assert_eq!(loaded.parameters, loaded.card.parameters);
        let tiles = tiles(1, 1, 8, &device);
        let loaded = Checkpoint::load_net(&dir, &device).unwrap();
        let (back, own) = (loss_of(&loaded, tiles.clone()), loss_of(&net, tiles.clone()));
        // The mixtures of row nets are stored in 1/4096.
        let most = if name == "rownet" { 0.001 } else { 0.0 };
        assert!((back - own).abs() <= most, "{name}: {back}, before {own}");
        let again = dir.join("again");
        Checkpoint::save(&again, &loaded, ModelCard::default()).unwrap();
        let again = loss_of(&Checkpoint::load_net(&again, &device).unwrap(), tiles);
        assert!((again - back).abs() <= most / 100.0, "{name}: {again}, before {back}");

        let weights = dir.join("weights.safetensors");
        let mut bytes = std::fs::read(&weights).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&weights, bytes).unwrap();
        let text = Checkpoint::load(&dir).unwrap_err().to_string();
        assert!(text.contains("weights.safetensors") && text.contains("BLAKE3"), "{text}");
        std::fs::remove_file(&weights).unwrap();
        assert!(Checkpoint::load(&dir).unwrap_err().to_string().contains("weights.safetensors"));
        std::fs::write(&weights, "").unwrap();
        std::fs::write(dir.join("card.toml"), "data = 3").unwrap();
        assert!(Checkpoint::load(&dir).unwrap_err().to_string().contains("card.toml"));
    }
    let text = Checkpoint::load(&folder.path().join("none")).unwrap_err().to_string();
    assert!(text.contains("no such folder"), "{text}");
}

#[test]
fn wrong_tiles_and_presets_are_errors() {
    let device = Device::flex();
    let net = NetConfig::preset("pixelcnnpp", "tiny").unwrap().init(&device, 3).unwrap();
    let text = net.loss(tiles(1, 3, 8, &device)).unwrap_err().to_string();
    assert!(text.contains("[1, 3, 8, 8]") && text.contains("1 planes"), "{text}");
    let text = net.loss(tiles(1, 1, 8, &device) - 5000.0).unwrap_err().to_string();
    assert!(text.contains("0..=65535"), "{text}");
    assert!(NetConfig::preset("pixelcnnpp", "vast").unwrap_err().to_string().contains("small"));
}

#[test]
fn published_networks_have_the_published_number_of_parameters() {
    // Layer by layer from the papers; trained parameters, without permutations. Differences: the
    // last latents of IDF have a mixture per channel instead of one per channel and pixel; the
    // input layers of L3C are left out.
    for (name, planes, millions) in
        [("idf", 1, 54.1), ("idf", 3, 58.5), ("l3c", 1, 4.99), ("l3c", 2, 5.00), ("pixelcnnpp", 1, 53.7)]
    {
        let config = NetConfig::preset(name, "paper").unwrap().with_planes(planes);
        let found = config.init(&Device::flex(), 0).unwrap().num_params() as f64 / 1e6;
        assert!((found - millions).abs() < 0.006 * millions, "{name}, {planes} planes: {found} million");
    }
}
