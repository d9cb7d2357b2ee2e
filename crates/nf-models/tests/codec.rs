//! Networks as codecs: real streams of tiny networks.
#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use burn::tensor::{Device, Tensor, TensorData};
use nf_codec::conformance::{Effort, check};
use nf_codec::{Codec, Error, Limits, Spec};
use nf_image::{Image16, Shape};
use nf_models::{Checkpoint, ENTRY, InputMode, ModelCard, NETS, NetCodec, NetConfig, Trainable};
use std::path::Path;

/// Networks of single planes, whose samples enter in one way.
const ONE_PLANE: [&str; 2] = ["rownet", "vdm"];

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
    let net = config.init(&device, seed).unwrap().data_dependent_init(tensor(&image, &device)).unwrap();
    Checkpoint::save(dir, &net, ModelCard::default()).unwrap();
}

fn codec(dir: &Path, tile: usize) -> NetCodec {
    let checkpoint = Checkpoint::load(dir).unwrap();
    NetCodec::new(checkpoint, dir.display().to_string(), tile)
}

#[test]
fn odd_frames_round_trip_near_the_ideal_size() {
    let folder = tempfile::tempdir().unwrap();
    for &net in NETS {
        for planes in [1, 3] {
            let config = NetConfig::preset(net, "tiny").unwrap().with_planes(planes);
            if config.check().is_err() {
                assert!(ONE_PLANE.contains(&net) && planes == 3);
                continue;
            }
            let dir = folder.path().join(format!("{net}-{planes}"));
            save(&dir, &config, 1);
            let image = frame(planes, 45, 37);
            let bytes = codec(&dir, 16).encode(&image).unwrap();
            // The decoder reads tile extents from the stream.
            let decoded = codec(&dir, 128).decode(&bytes, image.shape(), &Limits::default()).unwrap();
            assert!(decoded.samples() == image.samples(), "{net}, {planes} planes");
            let ideal = codec(&dir, 16).ideal_bits(&image).unwrap().unwrap();
            // Beside the samples: the head, and 3 bytes a plane for 9 tiles in 4 batches of a
            // length and a stream. Each tile of a row net also has its kind, two lengths, and more
            // states of the coder; the head is shorter.
            let row_net = if net == "rownet" { 9.0 * (1.0 + 4.0 + 4.0 + 8.0) } else { 0.0 };
            // Each of the three stages of diffusion has a digest, lengths and streams of its own.
            let stages = if net == "vdm" { 3.0 * 8.0 + 2.0 * 4.0 * (4.0 + 8.0) } else { 0.0 };
            let around = 8.0 * (39.0 + 9.0 * 3.0 * planes as f64 + 4.0 * 4.0 + row_net + stages);
            let real = 8.0 * bytes.len() as f64 - around;
            assert!(real <= 1.001 * ideal + 4.0 * 64.0, "{net}: {real} bits, ideally {ideal}");
            assert!(ideal < 14.0 * image.samples().len() as f64, "{net}: {ideal} bits");
        }
    }
}

#[test]
fn every_input_mode_round_trips() {
    let folder = tempfile::tempdir().unwrap();
    for &net in NETS {
        for (inputs, planes) in [(InputMode::Scaled, 1), (InputMode::BytesMsb, 1), (InputMode::BytesLsb, 2)] {
            let config = NetConfig::preset(net, "tiny").unwrap().with_planes(planes);
            let Ok(config) = config.with_inputs(inputs) else {
                assert!(
                    ONE_PLANE.contains(&net) || net == "tec" || net == "idf" && inputs != InputMode::Scaled
                );
                continue;
            };
            let dir = folder.path().join(format!("{net}-{inputs:?}"));
            save(&dir, &config, 1);
            let image = frame(planes, 24, 32);
            let bytes = codec(&dir, 32).encode(&image).unwrap();
            let decoded = codec(&dir, 32).decode(&bytes, image.shape(), &Limits::default()).unwrap();
            assert!(decoded.samples() == image.samples(), "{net}, {inputs:?}");
        }
    }
}

#[test]
fn loss_equals_the_ideal_size() {
    let folder = tempfile::tempdir().unwrap();
    for &net in NETS {
        let config = NetConfig::preset(net, "tiny").unwrap();
        let dir = folder.path().join(net);
        save(&dir, &config, 1);
        let image = frame(1, 24, 32);
        let device = Device::flex();
        let net_loaded = Checkpoint::load_net(&dir, &device).unwrap();
        let loss_of = |image: &Image16| {
            f64::from(net_loaded.loss(tensor(image, &device)).unwrap().into_scalar::<f32>())
        };
        let mut loss = loss_of(&image);
        if net == "rownet" {
            // It is coded by columns where that is smaller.
            loss = loss.min(loss_of(&Image16::from_fn(Shape::frame(32, 24), |_, y, x| image.row(0, x)[y])));
        }
        let coded = codec(&dir, 32).ideal_bits(&image).unwrap().unwrap() / image.samples().len() as f64;
        assert!((coded - loss).abs() < 0.01, "{net}: {coded} bits in coding, {loss} in training");
    }
}

#[test]
fn other_weights_and_truncated_streams_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let config = NetConfig::preset("pixelcnnpp", "tiny").unwrap();
    save(&folder.path().join("a"), &config, 1);
    save(&folder.path().join("b"), &config, 2);
    let image = frame(1, 20, 20);
    let (a, b) = (codec(&folder.path().join("a"), 16), codec(&folder.path().join("b"), 16));
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
}

#[test]
fn model_states_size_and_work() {
    let folder = tempfile::tempdir().unwrap();
    // Weights of every layer by the share of samples that it runs for, counted by hand from the
    // extents.
    let by_hand = [
        ("pixelcnnpp", 15_224.0),
        ("idf", 2_098.687_5),
        ("l3c", 4_025.0),
        ("rownet", 1_014.0),
        ("tec", 15_224.0),
        ("vdm", 2_830.625),
    ];
    for (net, macs_per_px) in by_hand {
        for planes in [1, 2] {
            if NetConfig::preset(net, "tiny").unwrap().with_planes(planes).check().is_err() {
                continue;
            }
            let dir = folder.path().join(format!("{net}-{planes}"));
            save(&dir, &NetConfig::preset(net, "tiny").unwrap().with_planes(planes), 1);
            let model = codec(&dir, 16).model().unwrap();
            let card = Checkpoint::load(&dir).unwrap().card;
            assert_eq!(model.parameters, card.parameters, "{net}");
            // Those of a row net are integers of 16 bits.
            let parameter_bytes = if net == "rownet" { 2 } else { 4 };
            let bytes = parameter_bytes * model.parameters;
            assert!(bytes < model.bytes && model.bytes < bytes + 40_000, "{net}");
            if planes == 1 {
                assert_eq!(model.macs_per_px, macs_per_px, "{net}");
            } else {
                // Layers between features serve both planes.
                let share = model.macs_per_px / macs_per_px;
                assert!((0.5..2.0).contains(&share), "{net}: {share}");
            }
        }
    }
}

#[test]
fn networks_conform() {
    let folder = tempfile::tempdir().unwrap();
    for &net in NETS {
        let dir = folder.path().join(net);
        save(&dir, &NetConfig::preset(net, "tiny").unwrap(), 1);
        let spec = Spec::new("net").with("checkpoint", dir.display().to_string(), String::new());
        check(&spec, &|spec| (ENTRY.build)(spec), Effort { mutations: 100, ..Effort::default() });
    }
}

#[test]
fn traces_match_the_coder() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = 9_u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    for &net in NETS {
        let dir = folder.path().join(net);
        save(&dir, &NetConfig::preset(net, "tiny").unwrap(), 1);
        let codec = codec(&dir, 16);
        // Tiles of four extents, several of one in a batch.
        let image = frame(1, 45, 37);
        let Some(trace) = codec.trace(&image, &mut uniform) else {
            assert_ne!(net, "pixelcnnpp");
            continue;
        };
        assert_eq!(net, "pixelcnnpp", "the others code numbers that are no samples");
        let bits: f64 = trace.pixel_bits.iter().map(|&bits| f64::from(bits)).sum();
        let ideal = codec.ideal_bits(&image).unwrap().unwrap();
        assert!((bits - ideal).abs() < 1e-5 * ideal, "{bits} {ideal}");
        // Intervals of single pixels may lie anywhere, those of all pixels may not.
        let middle = trace.pit_intervals.iter().map(|[a, b]| f64::from(a + b) / 2.0).sum::<f64>() / 1665.0;
        assert!((0.3..0.7).contains(&middle), "{middle}");
        assert!(trace.sample_bits > 0.0 && trace.sample.iter().any(|&drawn| drawn != trace.sample[0]));
        assert_eq!(codec.trace(&frame(3, 16, 16), &mut uniform), None);
    }
}
