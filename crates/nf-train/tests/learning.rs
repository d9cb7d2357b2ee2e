//! Runs of a five-line model: determinism, resuming, and errors.
#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use burn::module::{Module, Param};
use burn::nn::{Dropout, DropoutConfig};
use burn::tensor::{Device, Tensor};
use nf_image::{Image16, Shape};
use nf_models::Trainable;
use nf_train::{End, Error, Experiment, Frame, Frames, Observer, Position, Result, Session, Silent};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

/// A Laplace distribution of width `exp(scale)` around a weighted sum of two neighbours, with some
/// dropout.
#[derive(Module, Debug)]
struct Tiny {
    weights: Param<Tensor<1>>,
    scale: Param<Tensor<1>>,
    dropout: Dropout,
}

impl Tiny {
    fn new(device: &Device) -> Self {
        Self {
            weights: Param::from_tensor(Tensor::from_floats([0.1, 0.2], device)),
            scale: Param::from_tensor(Tensor::from_floats([5.0], device)),
            dropout: DropoutConfig::new(0.1).init(),
        }
    }
}

impl Trainable for Tiny {
    fn loss(&self, tiles: Tensor<4>) -> nf_models::Result<Tensor<1>> {
        let [n, _, height, width] = tiles.dims();
        let cut = |r, c| tiles.clone().slice([0..n, 0..1, r..r + height - 1, c..c + width - 1]);
        let weight = |i: usize| self.weights.val().narrow(0, i, 1).reshape([1, 1, 1, 1]);
        let expected = self.dropout.forward(cut(0, 1) * weight(0) + cut(1, 0) * weight(1));
        let distance = (cut(1, 1) - expected).abs().mean();
        Ok((distance / self.scale.val().exp() + self.scale.val() + 2f32.ln()) / 2f32.ln())
    }

    fn draws(&self) -> bool {
        self.dropout.prob > 0.0
    }
}

/// The device's generator is one for the whole process, so that runs of one process must not mix.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn frames(experiment: &Experiment) -> Frames {
    let image = |seed: usize| {
        Image16::from_fn(Shape::frame(24, 20), |_, r, c| {
            (300 + (r * 7 + c * 13 + seed * (r ^ c)) % 37) as u16
        })
    };
    let frame = |seed| Frame { name: format!("frame-{seed}"), image: image(seed) };
    Frames::in_memory(vec![frame(1), frame(2)], &[frame(3)], experiment).unwrap()
}

fn experiment(assignments: &[&str]) -> Experiment {
    let text = r#"
        name = "tiny"
        seed = 3
        [data]
        train = ["none"]
        hold_out = ["frame-3"]
        [tiles]
        height_px = 8
        width_px = 8
        batch = 4
        flips = "both"
        [optimiser]
        rule.adamax = {}
        clip_norm = 10.0
        ema_decay = 0.9
        [schedule]
        rate = 0.02
        warm_up_steps = 5
        decay.cosine = { steps = 60 }
        [validation]
        every_steps = 8
        tiles_per_image = 3
        [stop]
        steps = 40
        [net]
        preset = "pixelcnnpp/tiny"
    "#;
    let assignments: Vec<String> = assignments.iter().map(|&text| text.to_owned()).collect();
    Experiment::parse("tiny.toml", text, &assignments).unwrap()
}

/// Interrupts the run after a step, if told.
struct After<'a> {
    step: u64,
    flag: &'a AtomicBool,
}

impl Observer for After<'_> {
    fn step(&mut self, position: &Position, bits: f64) {
        assert!(bits.is_finite());
        if position.step == self.step {
            self.flag.store(true, Ordering::Relaxed);
        }
    }
}

/// Runs to the end or to an interruption; gives back what was kept last.
fn run(
    experiment: &Experiment,
    output: &Path,
    resume: bool,
    interrupt_after: u64,
) -> Result<(Position, End, Vec<f32>)> {
    run_net(Tiny::new(&Device::flex().autodiff()), experiment, output, resume, interrupt_after)
}

fn run_net(
    net: Tiny,
    experiment: &Experiment,
    output: &Path,
    resume: bool,
    interrupt_after: u64,
) -> Result<(Position, End, Vec<f32>)> {
    let interrupted = AtomicBool::new(false);
    let session = Session {
        experiment,
        frames: &frames(experiment),
        device: Device::flex(),
        output,
        resume,
        save_every: Duration::from_secs(3600),
        interrupted: &interrupted,
    };
    let mut kept = vec![];
    let mut observer = After { step: interrupt_after, flag: &interrupted };
    let (position, end) = session.learn(net, &mut observer, &mut |net: &Tiny, _| {
        kept = net.weights.val().into_data().iter().collect();
        kept.extend(net.scale.val().into_data().iter::<f32>());
        Ok(())
    })?;
    Ok((position, end, kept))
}

fn csv_without_seconds(output: &Path) -> Vec<String> {
    let text = fs::read_to_string(output.join("train.csv")).unwrap();
    let cut = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        [&cells[..1], &cells[2..]].concat().join(",")
    };
    text.lines().map(cut).collect()
}

#[test]
fn weights_depend_on_the_seed() {
    let _one = one_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str, assignments: &[&str]| {
        run(&experiment(assignments), &folder.path().join(name), false, 0).unwrap().2
    };
    let first = of("a", &[]);
    assert_eq!(first, of("b", &[]));
    assert_ne!(first, of("c", &["seed=4"]));
    let average = Tiny::new(&Device::flex()).weights.val().into_data();
    assert_ne!(first[..2], average.iter::<f32>().collect::<Vec<_>>()[..], "it learned something");
}

#[test]
fn parts_of_a_step_give_the_same_weights_on_any_number_of_threads() {
    let _one = one_at_a_time();
    let [whole, parts] = [&[][..], &["tiles.parts=3"]].map(experiment);
    assert_ne!(whole.id(), parts.id());
    let weights = |experiment: &Experiment, dropout: f64, threads: usize| {
        let mut net = Tiny::new(&Device::flex().autodiff());
        net.dropout = DropoutConfig::new(dropout).init();
        let folder = tempfile::tempdir().unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run_net(net, experiment, folder.path(), false, 0)).unwrap().2
    };
    let [one, other] = [&whole, &parts].map(|experiment| weights(experiment, 0.0, 1));
    // Parts of two, one and one tiles: their losses are weighed, and gradients rounded elsewhere.
    assert_ne!(one, other);
    for (a, b) in one.iter().zip(&other) {
        assert!((a - b).abs() < 1e-3, "{one:?} {other:?}");
    }
    assert_eq!(other, weights(&parts, 0.0, 4));
    // What a network draws does not depend on threads either.
    assert_eq!(weights(&parts, 0.1, 1), weights(&parts, 0.1, 4));
}

#[test]
fn a_resumed_run_ends_with_the_same_weights_and_log() {
    let _one = one_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    for rule in ["adamax", "adam", "rms-prop"] {
        let experiment = experiment(&[&format!("optimiser.rule={{ {rule} = {{}} }}")]);
        let (whole, parts) = (folder.path().join(rule), folder.path().join(format!("{rule}-parts")));
        let expected = run(&experiment, &whole, false, 0).unwrap();
        assert_eq!((expected.0.step, expected.1), (40, End::Steps));
        let (position, end, _) = run(&experiment, &parts, false, 13).unwrap();
        assert_eq!((position.step, end), (13, End::Interrupted));
        let (_, end, _) = run(&experiment, &parts, true, 14).unwrap();
        assert_eq!(end, End::Interrupted);
        let found = run(&experiment, &parts, true, 0).unwrap();
        assert_eq!((found.0.step, found.0.best_step, found.1), (40, expected.0.best_step, End::Steps));
        assert_eq!(found.2, expected.2, "{rule}");
        assert_eq!(csv_without_seconds(&parts), csv_without_seconds(&whole), "{rule}");
        // Nothing is left to do.
        assert_eq!(run(&experiment, &parts, true, 0).unwrap().0.step, 40);
    }
}

#[test]
fn a_folder_in_use_is_not_overwritten() {
    let _one = one_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let first = experiment(&[]);
    run(&first, folder.path(), false, 5).unwrap();
    let again = run(&first, folder.path(), false, 0).unwrap_err().to_string();
    assert!(again.contains("step 5") && again.contains("--resume"), "{again}");
    let other = experiment(&["seed=9"]);
    let other = run(&other, folder.path(), true, 0).unwrap_err().to_string();
    assert!(other.contains("belongs to the experiment tiny-"), "{other}");
    let state = folder.path().join("resume.state");
    let mut bytes = fs::read(&state).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&state, &bytes).unwrap();
    let damaged = run(&first, folder.path(), true, 0).unwrap_err().to_string();
    assert!(damaged.contains("damaged"), "{damaged}");
    for length in [0, 7, 12, 40, last] {
        fs::write(&state, &bytes[..length]).unwrap();
        assert!(matches!(run(&first, folder.path(), true, 0), Err(Error::State { .. })), "{length}");
    }
}

#[test]
fn patience_and_minutes_end_a_run() {
    let _one = one_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    // A rate this small changes nothing that single precision shows, so no validation is a new
    // best.
    let stuck = experiment(&["stop.patience=2", "schedule.rate=1e-30"]);
    let (position, end, _) = run(&stuck, &folder.path().join("a"), false, 0).unwrap();
    assert_eq!((position.step, position.best_step, end), (24, 8, End::Patience));
    let short = experiment(&["stop.minutes=1e-9"]);
    let (position, end, _) = run(&short, &folder.path().join("b"), false, 0).unwrap();
    assert_eq!((position.step, end), (1, End::Minutes));
}

#[test]
fn errors_name_a_setting() {
    let _one = one_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let frame = || {
        let image = Image16::from_fn(Shape::frame(24, 20), |_, r, c| (r * c) as u16);
        Frame { name: "frame".to_owned(), image }
    };
    let error = |train: Vec<Frame>, validation: &[Frame], assignments: &[&str]| {
        Frames::in_memory(train, validation, &experiment(assignments)).err().unwrap().to_string()
    };
    let both = |assignments: &[&str]| error(vec![frame()], &[frame()], assignments);
    assert!(both(&["tiles.height_px=25"]).contains("tiles.height_px"));
    assert!(both(&["validation.width_px=21"]).contains("validation.width_px"));
    assert!(both(&["tiles.planes=2"]).contains("tiles.planes"));
    assert!(error(vec![], &[frame()], &[]).contains("data.train: no image is left"));
    assert!(error(vec![frame()], &[], &[]).contains("hold_out or validation"));
    let diverging = experiment(&["schedule.rate=1e30", "optimiser.ema_decay=0.0"]);
    let diverged = run(&diverging, folder.path(), false, 0).unwrap_err();
    assert!(matches!(diverged, Error::Diverged { .. }), "{diverged}");
    assert!(diverged.to_string().contains("schedule.rate (now"), "{diverged}");
}

/// A model that fails in one way, from its third loss on.
#[derive(Module, Debug)]
struct Failing {
    tiny: Tiny,
    #[module(skip)]
    fault: &'static str,
    #[module(skip)]
    losses: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

impl Trainable for Failing {
    fn loss(&self, tiles: Tensor<4>) -> nf_models::Result<Tensor<1>> {
        let loss = self.tiny.loss(tiles)?;
        if self.losses.fetch_add(1, Ordering::Relaxed) < 2 {
            return Ok(loss);
        }
        match self.fault {
            "memory" => panic!("can not allocate\n 8589934592 bytes on the device"),
            "shapes" => Err(nf_models::Error::Tiles {
                found: vec![4, 1, 8, 8],
                expected: "multiples of 16".to_owned(),
            }),
            "no number" => Ok(loss * f32::NAN),
            other => panic!("no fault {other}"),
        }
    }
}

#[test]
fn a_failing_model_or_device_ends_the_run_with_advice() {
    let _one = one_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let fail = |fault: &'static str, assignments: &[&str]| {
        let experiment = experiment(assignments);
        let frames = frames(&experiment);
        let output = folder.path().join(format!("{fault}-{}", assignments.len()));
        let session = Session {
            experiment: &experiment,
            frames: &frames,
            device: Device::flex(),
            output: &output,
            resume: false,
            save_every: Duration::from_secs(3600),
            interrupted: &AtomicBool::new(false),
        };
        let net = Failing { tiny: Tiny::new(&Device::flex().autodiff()), fault, losses: Default::default() };
        session.learn(net, &mut Silent, &mut |_: &Failing, _| Ok(())).unwrap_err()
    };
    let memory = fail("memory", &[]);
    assert!(matches!(memory, Error::Device { step: 3, .. }), "{memory}");
    let text = memory.to_string();
    assert!(text.contains("can not allocate 8589934592 bytes") && text.contains("tiles.batch"), "{text}");
    // The same while validating, which comes after the second step.
    let text = fail("memory", &["validation.every_steps=2"]).to_string();
    assert!(text.contains("at step 2") && text.contains("tiles.batch"), "{text}");
    let shapes = fail("shapes", &[]).to_string();
    assert!(shapes.contains("[4, 1, 8, 8]") && shapes.contains("section tiles or net"), "{shapes}");
    let clipped = fail("no number", &[]).to_string();
    assert!(
        clipped.contains("is NaN at step 3") && clipped.contains("lower schedule.rate (now "),
        "{clipped}"
    );
    assert!(!clipped.contains("set optimiser.clip_norm"), "it is set: {clipped}");
}
