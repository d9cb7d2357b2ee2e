//! Nets as codecs: real streams of tiny nets.
#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use burn::tensor::{Device, Tensor, TensorData};
use nf_codec::kit::{Effort, check};
use nf_codec::{Codec, Error, Limits, Spec};
use nf_image::{Image16, Shape};
use nf_models::{Card, Checkpoint, ENTRY, Inputs, NETS, NetCodec, NetConfig};
use std::path::{Path, PathBuf};

/// A frame with a gradient, noise, a star, a hot and a dead pixel.
fn frame(planes: usize, height: usize, width: usize) -> Image16 {
    let mut state = 7_u64;
    Image16::from_fn(Shape::new(planes, height, width), |plane, y, x| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let noise = (0..4).map(|i| (state >> (32 + 8 * i)) & 15).sum::<u64>();
        let (dy, dx) = (y as f64 - 11.0, x as f64 - 20.0);
        let star = 4000.0 * (-(dy * dy + dx * dx) / 6.0).exp();
        match (y, x) {
            (5, 3) => 65_535,
            (6, 30) => 0,
            _ => (900 + 50 * plane + 2 * y + noise as usize + star as usize) as u16,
        }
    })
}

fn tensor(image: &Image16, device: &Device) -> Tensor<4> {
    let Shape { planes, height, width } = image.shape();
    let values: Vec<f32> = image.samples().iter().map(|&sample| f32::from(sample)).collect();
    Tensor::from_data(TensorData::new(values, [1, planes, height, width]), device)
}

fn save(dir: &Path, config: &NetConfig, seed: u64) {
    let device = Device::flex();
    let image = frame(config.planes(), 24, 32);
    let net = config.init(&device, seed).unwrap().observe(tensor(&image, &device)).unwrap();
    let card = Card {
        data: "a made frame".into(),
        split: "none".into(),
        validation_bits_per_sample: 0.0,
        steps: 0,
        training_time_s: 0.0,
        device: "flex".into(),
        parameters: 0,
        weights_blake3: String::new(),
        net: None,
    };
    Checkpoint::save(dir, &net, card).unwrap();
}

/// A folder of this test's own.
fn folder(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("nf-models-{name}-{}", std::process::id()))
}

fn codec(dir: &Path, tile: usize) -> NetCodec {
    let checkpoint = Checkpoint::load(dir, &Device::flex()).unwrap();
    NetCodec::new(&checkpoint, dir.display().to_string(), tile)
}

#[test]
fn odd_frames_come_back_and_streams_are_near_their_ideal_size() {
    let folder = folder("round-trip");
    for net in NETS {
        for planes in [1, 3] {
            let config = NetConfig::preset(net, "tiny").unwrap().with_planes(planes);
            let dir = folder.join(format!("{net}-{planes}"));
            save(&dir, &config, 1);
            let image = frame(planes, 45, 37);
            let bytes = codec(&dir, 16).encode(&image).unwrap();
            // The decoder learns tile extents from the stream.
            let decoded = codec(&dir, 128).decode(&bytes, image.shape(), &Limits::default()).unwrap();
            assert!(decoded.samples() == image.samples(), "{net}, {planes} planes");
            let ideal = codec(&dir, 16).ideal_bits(&image).unwrap().unwrap();
            // Beside the samples: the head, and 3 bytes a plane for 9 tiles in 4 batches of a length and a stream.
            let around = 8.0 * (39.0 + 9.0 * 3.0 * planes as f64 + 4.0 * 4.0);
            let real = 8.0 * bytes.len() as f64 - around;
            assert!(real <= 1.001 * ideal + 4.0 * 64.0, "{net}: {real} bits, ideally {ideal}");
            assert!(ideal < 14.0 * image.samples().len() as f64, "{net}: {ideal} bits");
        }
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn committed_weights_write_what_they_weigh() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../checkpoints");
    let folders = std::fs::read_dir(committed).unwrap().map(|entry| entry.unwrap().path());
    let mut small = 0;
    for dir in folders.filter(|dir| dir.join("card.toml").is_file()) {
        let id = dir.file_name().unwrap().to_str().unwrap().to_owned();
        let planes = Checkpoint::load(&dir, &Device::flex()).unwrap().net.config().planes();
        let image = frame(planes, 77, 93);
        let codec = codec(&dir, 64);
        let bytes = codec.encode(&image).unwrap();
        let decoded = codec.decode(&bytes, image.shape(), &Limits::default()).unwrap();
        assert!(decoded.samples() == image.samples(), "{id}");
        // Four tiles, no two of one shape: beside the samples a head, a length and a stream for each.
        let around = 8.0 * (39.0 + 4.0 * (4.0 + 3.0 * planes as f64));
        let real = 8.0 * bytes.len() as f64 - around;
        let ideal = codec.ideal_bits(&image).unwrap().unwrap();
        assert!(real >= 0.999 * ideal && real <= 1.001 * ideal + 4.0 * 64.0, "{id}: {real} bits, {ideal}");
        small += usize::from(id.contains("-small-real-"));
    }
    assert!(small >= NETS.len(), "weights of {small} small nets");
}

#[test]
fn published_mappings_and_bytes_come_back() {
    let folder = folder("mappings");
    for net in NETS {
        for (inputs, planes) in [(Inputs::Published, 1), (Inputs::MsbFirst, 1), (Inputs::LsbFirst, 2)] {
            let config = NetConfig::preset(net, "tiny").unwrap().with_planes(planes);
            let Ok(config) = config.with_inputs(inputs) else {
                assert!(net == "idf" && inputs != Inputs::Published);
                continue;
            };
            let dir = folder.join(format!("{net}-{inputs:?}"));
            save(&dir, &config, 1);
            let image = frame(planes, 24, 32);
            let bytes = codec(&dir, 32).encode(&image).unwrap();
            let decoded = codec(&dir, 32).decode(&bytes, image.shape(), &Limits::default()).unwrap();
            assert!(decoded.samples() == image.samples(), "{net}, {inputs:?}");
        }
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_size_in_training_is_the_size_in_coding() {
    let folder = folder("sizes");
    for net in NETS {
        let config = NetConfig::preset(net, "tiny").unwrap();
        let dir = folder.join(net);
        save(&dir, &config, 1);
        let image = frame(1, 24, 32);
        let device = Device::flex();
        let checkpoint = Checkpoint::load(&dir, &device).unwrap();
        let loss = checkpoint.net.loss(tensor(&image, &device)).unwrap().into_scalar::<f32>();
        let coded = codec(&dir, 32).ideal_bits(&image).unwrap().unwrap() / image.samples().len() as f64;
        assert!((coded - f64::from(loss)).abs() < 0.01, "{net}: {coded} bits in coding, {loss} in training");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn other_weights_and_cut_streams_are_refused() {
    let folder = folder("refused");
    let config = NetConfig::preset("pixelcnnpp", "tiny").unwrap();
    save(&folder.join("a"), &config, 1);
    save(&folder.join("b"), &config, 2);
    let image = frame(1, 20, 20);
    let (a, b) = (codec(&folder.join("a"), 16), codec(&folder.join("b"), 16));
    let bytes = a.encode(&image).unwrap();
    let decode = |codec: &NetCodec, bytes: &[u8]| codec.decode(bytes, image.shape(), &Limits::default());
    let error = decode(&b, &bytes).unwrap_err();
    assert!(matches!(error, Error::Mismatch { .. }) && error.to_string().contains("BLAKE3"), "{error}");
    assert!(decode(&a, &bytes[..bytes.len() / 2]).is_err());
    let mut arithmetic = bytes.clone();
    arithmetic[32] += 1;
    assert!(decode(&a, &arithmetic).unwrap_err().to_string().contains("arithmetic"));
    assert_eq!(decode(&a, &bytes).unwrap().samples(), image.samples());
    let spec: Spec = "net:checkpoint=no-such-thing".parse().unwrap();
    let text = (ENTRY.build)(&spec).err().unwrap().to_string();
    assert!(text.contains("no such folder"), "{text}");
    assert!((ENTRY.build)(&Spec::new("net")).err().unwrap().to_string().contains("checkpoint=ID"));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_model_states_its_own_size_and_work() {
    let folder = folder("model");
    // Weights of every layer by the share of samples that it runs for, counted by hand from the extents.
    let by_hand = [("pixelcnnpp", 15_224.0), ("idf", 2_098.687_5), ("l3c", 4_025.0)];
    for (net, macs_per_px) in by_hand {
        for planes in [1, 2] {
            let dir = folder.join(format!("{net}-{planes}"));
            save(&dir, &NetConfig::preset(net, "tiny").unwrap().with_planes(planes), 1);
            let model = codec(&dir, 16).model().unwrap();
            let card = Checkpoint::load(&dir, &Device::flex()).unwrap().card;
            assert_eq!(model.parameters, card.parameters, "{net}");
            assert!(
                4 * model.parameters < model.bytes && model.bytes < 4 * model.parameters + 40_000,
                "{net}"
            );
            if planes == 1 {
                assert_eq!(model.macs_per_px, macs_per_px, "{net}");
            } else {
                // Layers between features serve both planes.
                let share = model.macs_per_px / macs_per_px;
                assert!((0.5..2.0).contains(&share), "{net}: {share}");
            }
        }
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn nets_conform() {
    let folder = folder("kit");
    for net in NETS {
        let dir = folder.join(net);
        save(&dir, &NetConfig::preset(net, "tiny").unwrap(), 1);
        let spec = Spec::new("net").with("checkpoint", dir.display().to_string(), String::new());
        check(&spec, &|spec| (ENTRY.build)(spec), Effort { mutations: 100, ..Effort::default() });
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn laws_are_those_that_samples_are_coded_under() {
    let folder = folder("laws");
    let mut state = 9_u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    for net in NETS {
        let dir = folder.join(net);
        save(&dir, &NetConfig::preset(net, "tiny").unwrap(), 1);
        let codec = codec(&dir, 16);
        // Tiles of four extents, several of one in a batch.
        let image = frame(1, 45, 37);
        let Some(laws) = codec.laws(&image, &mut uniform) else {
            assert_ne!(net, "pixelcnnpp");
            continue;
        };
        assert_eq!(net, "pixelcnnpp", "the others code numbers that are no samples");
        let bits: f64 = laws.pixel_bits.iter().map(|&bits| f64::from(bits)).sum();
        let ideal = codec.ideal_bits(&image).unwrap().unwrap();
        assert!((bits - ideal).abs() < 1e-5 * ideal, "{bits} {ideal}");
        // A law whose mass below a pixel is almost one has gone wrong only if it is so everywhere.
        let middle = laws.intervals.iter().map(|[a, b]| f64::from(a + b) / 2.0).sum::<f64>() / 1665.0;
        assert!((0.3..0.7).contains(&middle), "{middle}");
        assert!(laws.twin_bits > 0.0 && laws.twin.iter().any(|&drawn| drawn != laws.twin[0]));
        assert_eq!(codec.laws(&frame(3, 16, 16), &mut uniform), None);
    }
    std::fs::remove_dir_all(folder).unwrap();
}
