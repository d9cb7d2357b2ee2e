//! `noisefloor train` on a device: checkpoints that code, and what a machine without a driver says.
//!
//! `NOISEFLOOR_DEVICE` names a class that must be there, as in scripts/vulkan.sh; without it
//! nothing is asked of a device.
#![cfg(any(feature = "vulkan", feature = "wgpu", feature = "metal", feature = "cuda"))]
#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const HEIGHT: usize = 38;
const WIDTH: usize = 43;

const EXPERIMENT: &str = r#"
name = "device"
seed = 5
[net]
preset = "NET/tiny"
planes = PLANES
SETTINGS
[data]
train = ["frames"]
hold_out = ["c"]
[tiles]
planes = PLANES
height_px = 16
width_px = 16
batch = 2
flips = "both"
[optimiser]
rule.RULE = {}
clip_norm = 10.0
ema_decay = 0.8
[schedule]
rate = RATE
[validation]
every_steps = 2
tiles_per_image = 4
[stop]
steps = 4
"#;

/// Three files in the folder `frames`: noise of 5.2 bits on a slope, (planes, HEIGHT, WIDTH).
fn write_frames(folder: &Path, planes: usize) {
    fs::create_dir(folder.join("frames")).unwrap();
    for (seed, name) in ["a", "b", "c"].iter().enumerate() {
        let mut state = seed as u64 + 1;
        let samples = (0..planes * HEIGHT * WIDTH).flat_map(|at| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let noise: u64 = (0..4).map(|i| (state >> (32 + 8 * i)) & 15).sum();
            ((1000 + 3 * (at % WIDTH)) as u16 + noise as u16).to_le_bytes()
        });
        let shape = if planes == 1 { String::new() } else { format!("{planes}, ") };
        let head =
            format!("{{'descr': '<u2', 'fortran_order': False, 'shape': ({shape}{HEIGHT}, {WIDTH}), }}");
        let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        bytes.extend(format!("{head:<117}\n").bytes());
        bytes.extend(samples);
        fs::write(folder.join(format!("frames/{name}.npy")), bytes).unwrap();
    }
}

fn write_experiment(folder: &Path, net: &str, planes: usize, settings: &str, rule: &str, rate: f64) {
    let text = EXPERIMENT
        .replace("NET", net)
        .replace("PLANES", &planes.to_string())
        .replace("SETTINGS", settings)
        .replace("RULE", rule)
        .replace("RATE", &format!("{rate:?}"));
    fs::write(folder.join("device.toml"), text).unwrap();
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_noisefloor"));
    command.current_dir(folder).args(arguments).env_remove("NOISEFLOOR_LOG");
    command.env("NOISEFLOOR_CHECKPOINTS", folder.join("checkpoints"));
    command
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = told(&output);
    // A driver that crashes ends the process by a signal and leaves no text.
    assert!(output.status.success(), "{:?}: {}: {text}", command.get_args(), output.status);
    text
}

/// The only checkpoint.
fn checkpoint(folder: &Path) -> PathBuf {
    let entries = fs::read_dir(folder.join("checkpoints")).unwrap().map(|entry| entry.unwrap().path());
    let mut found = entries.filter(|path| path.join("card.toml").is_file());
    let first = found.next().unwrap();
    assert_eq!(found.next(), None);
    first
}

#[test]
fn a_net_trained_on_the_device_codes_frames() {
    let Ok(device) = std::env::var("NOISEFLOOR_DEVICE") else {
        println!("SKIP: NOISEFLOOR_DEVICE names no device");
        return;
    };
    // Every net with the optimiser of its published run.
    for (net, planes, settings, rule, rate) in [
        ("pixelcnnpp", 1, "", "adam", 2e-3),
        ("pixelcnnpp", 3, "inputs = \"published\"\ndropout = 0.5", "adam", 2e-4),
        ("idf", 1, "", "adamax", 1e-3),
        ("idf", 3, "", "adamax", 1e-3),
        ("l3c", 1, "", "rms-prop", 1e-3),
        ("l3c", 3, "", "rms-prop", 1e-3),
    ] {
        let work = tempfile::tempdir().unwrap();
        let folder = work.path();
        write_frames(folder, planes);
        write_experiment(folder, net, planes, settings, rule, rate);
        let started = Instant::now();
        let text = succeeds(&mut command(folder, &["train", "device.toml", "--device", &device]));
        let seconds = started.elapsed().as_secs_f64();
        assert!(text.contains("step 4, ") && text.contains(&device), "{text}");
        let checkpoint = checkpoint(folder);
        let card = fs::read_to_string(checkpoint.join("card.toml")).unwrap();
        let line = card.lines().find(|line| line.starts_with("device = ")).unwrap();
        assert!(line.starts_with(&format!("device = \"{device}")), "{line}");
        let log = fs::read_to_string(checkpoint.with_extension("run").join("train.csv")).unwrap();
        let bits: Vec<f64> =
            log.lines().skip(1).map(|row| row.split(',').nth(3).unwrap().parse().unwrap()).collect();
        assert!(bits.len() == 2 && bits.iter().all(|bits| bits.is_finite()), "{log}");
        // Whoever decodes needs no device.
        let id = checkpoint.file_name().unwrap().to_str().unwrap();
        let codec = format!("net:checkpoint={id},tile=16");
        succeeds(&mut command(folder, &["compress", "--codec", &codec, "frames/c.npy", "c.nfl"]));
        succeeds(without_a_driver(&mut command(folder, &["decompress", "c.nfl", "back.npy"])));
        let original = fs::read(folder.join("frames/c.npy")).unwrap();
        assert!(fs::read(folder.join("back.npy")).unwrap() == original, "{net}: another file came back");
        let coded = fs::metadata(folder.join("c.nfl")).unwrap().len() as f64;
        println!(
            "{device} {net}, {planes} planes, {rule}: validation {bits:.3?} bits per sample, 4 steps in {seconds:.1} s; {:.3} bits \
             per sample in the container",
            8.0 * coded / (planes * HEIGHT * WIDTH) as f64,
        );
        println!("{line}");
    }
}

#[test]
fn a_killed_run_goes_on_on_the_device() {
    let Ok(device) = std::env::var("NOISEFLOOR_DEVICE") else {
        println!("SKIP: NOISEFLOOR_DEVICE names no device");
        return;
    };
    let work = tempfile::tempdir().unwrap();
    let folder = work.path();
    write_frames(folder, 1);
    for rule in ["rms-prop", "adamax", "adam"] {
        write_experiment(folder, "l3c", 1, "", rule, 1e-3);
        let output = format!("l3c-{rule}");
        let arguments = ["train", "device.toml", "--device", &device, "--save-every", "0"];
        let long = ["--set", "stop.steps=12", "--set", "validation.every_steps=12", "--output", &output];
        let arguments = [&arguments[..], &long].concat();
        let mut child = command(folder, &arguments).stderr(Stdio::null()).spawn().unwrap();
        let state = || {
            let entries = fs::read_dir(folder.join(&output)).ok()?.map(|entry| entry.unwrap().path());
            entries.map(|path| path.join("resume.state")).find(|path| path.is_file())
        };
        while state().is_none() {
            assert_eq!(child.try_wait().unwrap(), None, "it ended before it could be stopped");
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let text = succeeds(&mut command(folder, &[&arguments[..], &["--resume"]].concat()));
        assert!(text.contains("going on at step ") && text.contains("step 12, "), "{text}");
        let from = text.split("going on at step ").nth(1).unwrap().lines().next().unwrap();
        println!("{device} l3c, {rule}: killed, and gone on at step {from} to step 12");
    }
}

/// No driver of Vulkan is found.
fn without_a_driver(command: &mut Command) -> &mut Command {
    command.env("VK_DRIVER_FILES", "/nonexistent").env("VK_ICD_FILENAMES", "/nonexistent")
}

#[cfg(feature = "vulkan")]
#[test]
fn without_a_driver_the_error_says_what_helps_and_auto_takes_the_processor() {
    let work = tempfile::tempdir().unwrap();
    let folder = work.path();
    write_frames(folder, 1);
    write_experiment(folder, "l3c", 1, "", "rms-prop", 1e-3);
    let train = |device: &str| command(folder, &["train", "device.toml", "--device", device]);
    // With the loader of the environment, and with the system's or none.
    for loader in [true, false] {
        let mut command = train("vulkan");
        if !loader {
            command.env_remove("LD_LIBRARY_PATH");
        }
        let output = without_a_driver(&mut command).output().unwrap();
        let text = told(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        for word in ["noisefloor: device vulkan", "install", "driver", "--device cpu"] {
            assert!(text.contains(word), "{word}: {text}");
        }
        println!("{}", text.trim());
    }
    assert!(!folder.join("checkpoints").exists(), "something was written");
    let text = succeeds(without_a_driver(&mut train("auto")));
    let line = text.lines().next().unwrap();
    assert!(line.starts_with("device auto: cpu (vulkan: "), "{text}");
    println!("{line}");
    let card = fs::read_to_string(checkpoint(folder).join("card.toml")).unwrap();
    assert!(card.contains("device = \"cpu"), "{card}");
    // A state of the processor is read back without a device, too.
    fs::remove_dir_all(checkpoint(folder)).unwrap();
    let text = succeeds(without_a_driver(train("cpu").arg("--resume")));
    assert!(text.contains("going on at step 4"), "{text}");
}
