//! Devices against the processor: every net's size of tiles, its gradients, and a few steps of a
//! run.
//!
//! Without a device feature there is nothing to compare. `NOISEFLOOR_DEVICE` names a class that
//! must be there; otherwise a class that does not open is skipped, visibly.
#![cfg(any(feature = "vulkan", feature = "wgpu", feature = "metal", feature = "cuda"))]
#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use nf_image::{Image16, Shape};
use nf_models::{InputMode, NETS, Net, NetConfig, Trainable};
use nf_train::{DeviceClass, End, Experiment, Frame, Frames, Session, Silent};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// The devices that this program was built with and that answer.
fn devices() -> Vec<(DeviceClass, Device)> {
    let required = std::env::var("NOISEFLOOR_DEVICE").ok();
    let classes = [DeviceClass::Vulkan, DeviceClass::Wgpu, DeviceClass::Metal, DeviceClass::Cuda];
    let built_in = classes.into_iter().filter(|class| class.is_built_in());
    let opened = built_in.filter_map(|class| match class.open() {
        Ok(device) => Some((class, device)),
        Err(error) if required.as_deref() == Some(class.name()) => panic!("{error}"),
        Err(error) => {
            println!("SKIP {}: {error}", class.name());
            None
        }
    });
    opened.collect()
}

/// Noise around slopes of several levels, (n, planes, size, size).
fn tiles(n: usize, planes: usize, size: usize, device: &Device) -> Tensor<4> {
    let mut state = 1_u64;
    let sample = |at: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let noise = (0..4).map(|i| (state >> (32 + 8 * i) & 63) as f32).sum::<f32>();
        let level = [300.0, 5000.0, 40_000.0][at / (size * size) % 3];
        level + 3.0 * (at % size) as f32 + noise
    };
    let values: Vec<f32> = (0..n * planes * size * size).map(sample).collect();
    Tensor::from_data(TensorData::new(values, [n, planes, size, size]), device)
}

fn configurations() -> Vec<NetConfig> {
    let tiny = |net| NetConfig::preset(net, "tiny").unwrap();
    let mut all: Vec<NetConfig> = NETS.iter().flat_map(|net| [tiny(net), tiny(net).with_planes(3)]).collect();
    // A row net has one plane and one way of inputs.
    all.retain(|config| config.check().is_ok());
    all.extend(NETS.iter().filter_map(|net| tiny(net).with_inputs(InputMode::Scaled).ok()));
    all.push(tiny("l3c").with_inputs(InputMode::BytesMsb).unwrap());
    all
}

/// All numbers of all gradients, in the order of the net's parameters.
struct Collect {
    gradients: GradientsParams,
    numbers: Vec<f32>,
}

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            self.numbers.extend(gradient.into_data().try_to_vec::<f32>().unwrap());
        }
    }
}

/// The loss in bits per sample, and its gradient.
fn loss_and_gradient(config: &NetConfig, device: &Device) -> (f32, Vec<f32>) {
    let device = device.clone().autodiff();
    let tiles = tiles(2, config.planes(), 16, &device);
    let net = config.init(&device, 7).unwrap().data_dependent_init(tiles.clone()).unwrap();
    let loss = net.loss(tiles).unwrap();
    let bits = loss.clone().into_scalar::<f32>();
    let gradients = GradientsParams::from_grads(loss.backward(), &net);
    let mut collect = Collect { gradients, numbers: vec![] };
    net.visit(&mut collect);
    (bits, collect.numbers)
}

#[test]
fn losses_and_gradients_match_the_processor() {
    for (class, device) in devices() {
        for config in configurations() {
            let (name, planes) = (config.name(), config.planes());
            let (wanted_bits, wanted) = loss_and_gradient(&config, &Device::flex());
            let started = Instant::now();
            let (bits, found) = loss_and_gradient(&config, &device);
            let seconds = started.elapsed().as_secs_f64();
            let norm = |numbers: &[f32]| numbers.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
            let apart: Vec<f32> = found.iter().zip(&wanted).map(|(a, b)| a - b).collect();
            let apart = norm(&apart) / norm(&wanted);
            println!(
                "{} {name}, {planes} planes: {bits:.5} bits against {wanted_bits:.5}, gradients of {} numbers \
                 {apart:.1e} apart, {seconds:.1} s",
                class.name(),
                found.len(),
            );
            assert!((bits / wanted_bits - 1.0).abs() < 1e-4, "{name}: {bits} bits against {wanted_bits}");
            assert!(found.len() == wanted.len() && apart < 1e-2, "{name}: gradients {apart} apart");
        }
    }
}

const EXPERIMENT: &str = r#"
    name = "device"
    seed = 3
    [data]
    train = ["none"]
    hold_out = ["frame-3"]
    [tiles]
    height_px = 16
    width_px = 16
    batch = 4
    [optimiser]
    rule.adamax = {}
    clip_norm = 10.0
    ema_decay = 0.9
    [schedule]
    rate = 0.01
    [validation]
    every_steps = 4
    tiles_per_image = 2
    [stop]
    steps = 8
    [net]
    preset = "PRESET"
"#;

fn frames(experiment: &Experiment) -> Frames {
    let frame = |seed: usize| Frame {
        name: format!("frame-{seed}"),
        image: Image16::from_fn(Shape::frame(40, 36), |_, r, c| {
            (300 + 2 * c + (r * 7 + c * 13 + seed * (r ^ c)) % 37) as u16
        }),
    };
    Frames::in_memory(vec![frame(1), frame(2)], &[frame(3)], experiment).unwrap()
}

/// Best validation of a run of eight steps, in bits per sample.
fn train(preset: &str, device: Device) -> f64 {
    let experiment = Experiment::parse("device.toml", &EXPERIMENT.replace("PRESET", preset), &[]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let net = experiment.net.init(&device.clone().autodiff(), experiment.seed).unwrap();
    let session = Session {
        experiment: &experiment,
        frames: &frames(&experiment),
        device,
        output: folder.path(),
        resume: false,
        save_every: Duration::from_secs(3600),
        interrupted: &AtomicBool::new(false),
    };
    let (position, end) = session.learn(net, &mut Silent, &mut |_: &Net, _| Ok(())).unwrap();
    assert_eq!((position.step, end), (8, End::Steps));
    position.best_bits.unwrap()
}

#[test]
fn training_matches_the_processor() {
    for (class, device) in devices() {
        for net in NETS {
            let preset = format!("{net}/tiny");
            let wanted = train(&preset, Device::flex());
            let started = Instant::now();
            let found = train(&preset, device.clone());
            let seconds = started.elapsed().as_secs_f64();
            println!(
                "{} {preset}: {found:.4} bits against {wanted:.4} after 8 steps, {seconds:.1} s",
                class.name()
            );
            assert!((found / wanted - 1.0).abs() < 0.01, "{preset}: {found} bits against {wanted}");
        }
    }
}
