//! `noisefloor train` as a user meets it: killed, interrupted, resumed, misled.
#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const EXPERIMENT: &str = r#"
name = "tiny"
seed = 5
[net]
preset = "pixelcnnpp/tiny"
[data]
train = ["frames"]
hold_out = ["c"]
[tiles]
height_px = 12
width_px = 12
batch = 2
flips = "both"
[optimiser]
rule.adamax = {}
clip_norm = 1.0
ema_decay = 0.9
[schedule]
rate = 2e-3
[validation]
every_steps = 10
tiles_per_image = 2
[stop]
steps = 24
"#;

/// Three frames of pseudo-random noise and an experiment in a folder of their own.
fn work() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("frames")).unwrap();
    for (seed, name) in ["a", "b", "c"].iter().enumerate() {
        write_frame(&folder.path().join(format!("frames/{name}.npy")), seed, [24, 20]);
    }
    fs::write(folder.path().join("tiny.toml"), EXPERIMENT).unwrap();
    folder
}

fn write_frame(path: &Path, seed: usize, [height, width]: [usize; 2]) {
    let mut state = seed as u32 + 1;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (1000 + (state >> 26) + (state >> 12 & 63)) as u16
    };
    let samples: Vec<u8> = (0..height * width).flat_map(|_| noise().to_le_bytes()).collect();
    let head = format!("{{'descr': '<u2', 'fortran_order': False, 'shape': ({height}, {width}), }}");
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(format!("{head:<117}\n").bytes());
    bytes.extend(samples);
    fs::write(path, bytes).unwrap();
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_noisefloor"));
    command.current_dir(folder).args(["train", "tiny.toml"]).args(arguments);
    command.env("NOISEFLOOR_CACHE", folder.join("cache")).env("HF_HOME", folder.join("hf"));
    command.env_remove("NOISEFLOOR_LOG").stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn train(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

fn succeeds(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

/// The only folder in `output` with this ending, or without a dot if it is empty.
fn folder_of(output: &Path, ending: &str) -> PathBuf {
    let mut found = fs::read_dir(output).unwrap().map(|entry| entry.unwrap().path()).filter(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        if ending.is_empty() { !name.contains('.') } else { name.ends_with(ending) }
    });
    let first = found.next().unwrap();
    assert_eq!(found.next(), None);
    first
}

fn weights(output: &Path) -> Vec<u8> {
    fs::read(folder_of(output, "").join("weights.safetensors")).unwrap()
}

fn log_without_seconds(output: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder_of(output, ".run").join("train.csv")).unwrap();
    let cut = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        [&cells[..1], &cells[2..]].concat().join(",")
    };
    text.lines().map(cut).collect()
}

/// Waits until a run has written a row of its log.
fn wait_for_a_row(child: &mut Child, output: &Path) {
    let started = Instant::now();
    loop {
        let rows =
            || fs::read_to_string(folder_of(output, ".run").join("train.csv")).unwrap().lines().count();
        if output.is_dir() && fs::read_dir(output).unwrap().next().is_some() {
            let log = folder_of(output, ".run").join("train.csv");
            if log.is_file() && rows() > 1 {
                return;
            }
        }
        assert_eq!(child.try_wait().unwrap(), None, "it ended before it could be stopped");
        assert!(started.elapsed() < Duration::from_secs(300), "no row came");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_killed_run_goes_on_to_the_same_weights_and_log() {
    let work = work();
    let folder = work.path();
    succeeds(&train(folder, &["--output", "whole"]));
    let parts = folder.join("parts");
    let mut child = command(folder, &["--output", "parts", "--save-every", "0"]).spawn().unwrap();
    wait_for_a_row(&mut child, &parts);
    child.kill().unwrap();
    child.wait().unwrap();
    let again = train(folder, &["--output", "parts"]);
    let text = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(again.status.code() == Some(1) && text.contains("--resume"), "{text}");
    let text = succeeds(&train(folder, &["--output", "parts", "--resume"]));
    let step: u32 = text.split("going on at step ").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
    // The row of step 10 is written before the state of step 10 is.
    assert!((9..24).contains(&step), "{text}");
    assert!(weights(&parts) == weights(&folder.join("whole")), "the weights differ");
    assert_eq!(log_without_seconds(&parts), log_without_seconds(&folder.join("whole")));
    // A second process gives the same weights, another seed gives others.
    succeeds(&train(folder, &["--output", "again"]));
    assert!(weights(&folder.join("again")) == weights(&parts), "the weights differ");
    succeeds(&train(folder, &["--output", "other", "--set", "seed=6"]));
    assert!(weights(&folder.join("other")) != weights(&parts), "another seed, the same weights");
}

#[test]
fn a_set_larger_than_its_memory_gives_the_same_weights_however_often_it_is_killed() {
    let work = work();
    let folder = work.path();
    // Nine frames of 0.3 MB each, of which two are in memory at a time; and the same as a store.
    for seed in 3..12 {
        write_frame(&folder.join(format!("frames/d{seed:02}.npy")), seed, [400, 380]);
    }
    let pack = ["data", "pack", "frames", "store.parquet", "--size", "20"];
    let packed = Command::new(env!("CARGO_BIN_EXE_noisefloor")).args(pack).current_dir(folder).output();
    assert!(packed.unwrap().status.success());
    for (set, words) in
        [("frames", "a window of them is in memory"), ("store.parquet", "read from their store")]
    {
        let set = format!("data.train=['{set}']");
        let settings = ["--set", &set, "--set", "data.memory_mb=1", "--set", "data.draws_per_image=8"];
        let run = |more: &[&str]| command(folder, &[&settings[..], more].concat());
        let (whole, parts) = (format!("{words}-whole"), format!("{words}-parts"));
        let text = succeeds(&run(&["--output", &whole]).output().unwrap());
        assert!(text.contains(words) && text.contains("s for tiles"), "{text}");
        for pause_ms in [0, 40, 160] {
            let resume = ["--output", &parts, "--save-every", "0", "--resume"];
            let mut child = run(&resume).spawn().unwrap();
            if pause_ms == 0 {
                wait_for_a_row(&mut child, &folder.join(&parts));
            }
            std::thread::sleep(Duration::from_millis(pause_ms));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        succeeds(&run(&["--output", &parts, "--resume"]).output().unwrap());
        assert!(
            weights(&folder.join(&parts)) == weights(&folder.join(&whole)),
            "{words}: the weights differ"
        );
        let log = log_without_seconds(&folder.join(&parts));
        assert_eq!(log, log_without_seconds(&folder.join(&whole)), "{words}");
    }
}

#[test]
fn a_run_begins_with_a_checkpoint_and_says_so() {
    let work = work();
    let folder = work.path();
    let short = ["--set", "stop.steps=4"];
    succeeds(&train(folder, &[&short[..], &["--output", "first"]].concat()));
    let first = folder_of(&folder.join("first"), "");
    let from = ["--from", first.to_str().unwrap(), "--set", "data.train=['frames/a.npy', 'frames/c.npy']"];
    succeeds(&train(folder, &[&short[..], &from, &["--output", "second"]].concat()));
    let (name, second) =
        (first.file_name().unwrap().to_str().unwrap(), folder_of(&folder.join("second"), ""));
    assert_ne!(second.file_name(), first.file_name(), "the id depends on where it began");
    let card = fs::read_to_string(second.join("card.toml")).unwrap();
    assert!(
        card.contains(&format!("ancestry = [\"{name} (weights ")) && card.contains("4 steps on"),
        "{card}"
    );
    // A grandchild knows both.
    let from = ["--from", second.to_str().unwrap()];
    succeeds(&train(folder, &[&short[..], &from, &["--output", "third"]].concat()));
    let card = fs::read_to_string(folder_of(&folder.join("third"), "").join("card.toml")).unwrap();
    assert_eq!(card.matches("4 steps on").count(), 2, "{card}");
    // A learning rate of almost nothing leaves it what it was; a new net is another.
    let settings = ["schedule.rate=1e-30", "stop.steps=1", "optimiser.ema_decay=0.0"];
    let settings = settings.iter().flat_map(|setting| ["--set", setting]);
    let still: Vec<&str> = settings.chain(["--from", first.to_str().unwrap()]).collect();
    succeeds(&train(folder, &[&still[..], &["--output", "still"]].concat()));
    assert!(weights(&folder.join("still")) == weights(&folder.join("first")));
    for (more, words) in [
        (&["--from", "nowhere"][..], "nowhere"),
        (&["--from", first.to_str().unwrap(), "--set", "net.filters=9"], "another network"),
        (
            &["--set", &format!("from={{ checkpoint='x', weights_blake3='{}' }}", "1".repeat(64))],
            "checkpoints/x",
        ),
    ] {
        let ended = train(folder, &[&short[..], more, &["--output", "wrong"]].concat());
        let text = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(
            ended.status.code() == Some(1) && text.lines().count() == 1 && text.contains(words),
            "{text}"
        );
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_saves_its_state_and_says_so() {
    let work = work();
    let folder = work.path();
    let output = folder.join("out");
    let mut child = command(folder, &["--output", "out", "--set", "stop.steps=100000"]).spawn().unwrap();
    wait_for_a_row(&mut child, &output);
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let ended = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.code() == Some(130) && text.contains("interrupted at step"), "{text}");
    assert!(folder_of(&output, ".run").join("resume.state").is_file());
    assert!(folder_of(&output, ".run").join("experiment.toml").is_file());
}

#[cfg(unix)]
#[test]
fn an_interruption_ends_the_whole_queue() {
    let work = work();
    let folder = work.path();
    let long = ["tiny.toml", "--output", "out", "--set", "stop.steps=100000"];
    let mut child = command(folder, &long).spawn().unwrap();
    wait_for_a_row(&mut child, &folder.join("out"));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let ended = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.code() == Some(130) && text.contains("1 of 2 begun: interrupted at step"), "{text}");
}

#[test]
fn a_queue_leaves_finished_runs_alone_and_goes_on_after_a_failure() {
    let work = work();
    let folder = work.path();
    let other = |name: &str, settings: &str| {
        let text = format!("extends = 'tiny.toml'\nname = '{name}'\n{settings}");
        fs::write(folder.join(format!("{name}.toml")), text).unwrap();
    };
    other("wild", "[schedule]\nrate = 1e30");
    other("wrong", "[tiles]\nheigth_px = 3");
    other("last", "seed = 7");
    let queue = |more: &[&str]| train(folder, &[&["wild.toml", "wrong.toml", "last.toml"], more].concat());
    let text_of = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let short = ["--output", "out", "--set", "stop.steps=12"];
    let first = queue(&short);
    let text = text_of(&first);
    assert_eq!(first.status.code(), Some(1), "{text}");
    let line = |begin: &str, word: &str| text.lines().any(|l| l.starts_with(begin) && l.contains(word));
    assert!(line("wild.toml: ", "schedule.rate") && line("wrong.toml: ", "heigth_px"), "{text}");
    assert!(line("noisefloor: ", "2 of 4 experiments failed"), "{text}");
    let kept = |name: &str| {
        let found = fs::read_dir(folder.join("out")).unwrap().map(|entry| entry.unwrap().path());
        let mut found = found.filter(|path| {
            let folder = path.file_name().unwrap().to_str().unwrap();
            folder.starts_with(name) && !folder.ends_with(".run")
        });
        found.next()
    };
    let weights = |name: &str| kept(name).unwrap().join("weights.safetensors");
    assert!(kept("wild").is_none() && weights("tiny-").is_file() && weights("last-").is_file());
    let written = |name: &str| fs::metadata(weights(name)).unwrap().modified().unwrap();
    let before = (written("tiny-"), written("last-"));
    // Without the state, as where only checkpoints and logs were kept.
    fs::remove_file(kept("last-").unwrap().with_extension("run").join("resume.state")).unwrap();
    let text = text_of(&queue(&short));
    assert_eq!(text.matches("finished at step 12, left as it is").count(), 2, "{text}");
    assert_eq!(before, (written("tiny-"), written("last-")));
    // Other settings are another run.
    let text = text_of(&train(folder, &["last.toml", "--output", "out", "--set", "stop.steps=11"]));
    assert!(!text.contains("left as it is"), "{text}");
}

/// Whether the tested program has this class of device.
fn built_in(class: &str) -> bool {
    let features = [("vulkan", cfg!(feature = "vulkan")), ("cuda", cfg!(feature = "cuda"))];
    features.iter().any(|(name, built)| *built && class.contains(name))
}

#[test]
fn mistakes_are_told_in_one_line_that_names_the_setting() {
    let work = work();
    fs::create_dir(work.path().join("empty")).unwrap();
    for (setting, words) in [
        ("tiles.heigth_px=3", "heigth_px"),
        ("tiles.height_px=30", "lower tiles.height_px"),
        ("tiles.planes=2", "tiles.planes"),
        ("data.hold_out=['z']", "data.hold_out"),
        ("data.hold_out=['a','b','c']", "data.train"),
        ("data.train=['nowhere']", "nowhere"),
        ("net.filters=-1", "net"),
        ("net.preset='pixelcnnpp/huge'", "huge"),
        ("schedule.rate=1e30", "schedule.rate"),
        ("tiles.batch=16384 net.preset='pixelcnnpp/paper'", "GB are free; lower tiles.batch"),
        ("data.train=['empty']", "empty"),
        ("data.train=[{set='frames'}]", "weight = 1.0"),
        ("data.train=['lco@full-fit']", "No network here"),
        (
            "tiles.height_px=14 net.preset='idf/tiny'",
            "multiples of 8, for 3 levels; change the section tiles or net",
        ),
        (
            "tiles.width_px=13 net.preset='l3c/tiny'",
            "multiples of 4, for 2 scales; change the section tiles or net",
        ),
        ("device='vulkan'", "--features vulkan"),
        ("device='cuda'", "--features cuda, or use --device cpu"),
        ("seed", "key=value"),
    ] {
        if let Some((_, class)) = setting.split_once("device=").filter(|(_, class)| built_in(class)) {
            println!("SKIP {setting}: this program has {class}");
            continue;
        }
        let settings: Vec<&str> = setting.split(' ').flat_map(|setting| ["--set", setting]).collect();
        let ended = command(work.path(), &settings).env("HF_HUB_OFFLINE", "1").output().unwrap();
        let text = String::from_utf8_lossy(&ended.stderr).into_owned();
        let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("noisefloor: ")).collect();
        assert_eq!(ended.status.code(), Some(1), "{setting}: {text}");
        assert!(errors.len() == 1 && errors[0].contains(words), "{setting}: {text}");
        assert!(!text.contains("panicked"), "{setting}: {text}");
    }
    let ended = train(work.path(), &["--device", "tpu"]);
    assert_eq!(ended.status.code(), Some(2));
}
