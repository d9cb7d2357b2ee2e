//! Detector profiles as a user meets them.
#![allow(clippy::unwrap_used, reason = "a test may stop where its premise fails")]

use nf_fits::FitsWriter;
use nf_image::testing::{Rng, noise};
use nf_image::{Image16, Shape};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

mod archives;
mod choice;
mod embedded;
mod measured;
mod packed;

const SHAPE: Shape = Shape::frame(60, 80);

/// A frame of a detector whose pixels differ by up to 400 DN.
fn frame(seed: u64) -> Image16 {
    let mut pattern = Rng::new(1);
    let mut image = noise(SHAPE, 500.0, 4.0, 100 + seed);
    image.samples_mut().iter_mut().for_each(|sample| *sample += pattern.below(400) as u16);
    image
}

fn write(folder: &Path, name: &str, image: &Image16) {
    let mut writer = FitsWriter::new(Vec::new());
    writer.image(image, None).unwrap();
    fs::write(folder.join(name), writer.into_inner()).unwrap();
}

fn run(folder: &Path, line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_noisefloor"));
    command.args(line.split(' ')).current_dir(folder).env_remove("NOISEFLOOR_PROFILES").output().unwrap()
}

fn succeeds(folder: &Path, line: &str) -> String {
    let output = run(folder, line);
    let text = String::from_utf8([&output.stdout[..], &output.stderr[..]].concat()).unwrap();
    assert!(output.status.success(), "{line}: {text}");
    text
}

fn fails(folder: &Path, line: &str, words: &[&str]) {
    let output = run(folder, line);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{line}: {text}");
    assert!(words.iter().all(|word| text.contains(word)), "{line}: {text}");
    assert_eq!(text.trim_end().lines().count(), 1, "{line}: {text}");
}

/// A folder with frames 0 to 5, the profile of the first five, and frame 5 coded with and without.
fn night() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    (0..6).for_each(|seed| write(folder.path(), &format!("f{seed}.fits"), &frame(seed)));
    let at = folder.path();
    let said = succeeds(at, "profile build -o camera.nfp f0.fits f1.fits f2.fits f3.fits f4.fits");
    assert!(said.contains("profile camera.") && said.contains("1 map of 5 frames"), "{said}");
    succeeds(at, "compress --profile camera.nfp f5.fits -o with.nfl");
    succeeds(at, "compress f5.fits -o without.nfl");
    folder
}

#[test]
fn frames_are_smaller_and_come_back_byte_for_byte() {
    let folder = night();
    let at = folder.path();
    let size = |name: &str| fs::metadata(at.join(name)).unwrap().len();
    assert!(size("with.nfl") * 10 < size("without.nfl") * 7);
    succeeds(at, "decompress with.nfl -o back.fits");
    assert!(fs::read(at.join("back.fits")).unwrap() == fs::read(at.join("f5.fits")).unwrap());
    succeeds(at, "test with.nfl");
    let info = succeeds(at, "profile info --json camera.nfp");
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    let id = info["id"].as_str().unwrap().to_owned();
    assert!(succeeds(at, "info with.nfl").contains(&id));
    assert_eq!((info["frames"].as_u64(), info["maps"][0]["frames"].as_u64()), (Some(5), Some(5)));
    succeeds(at, "profile update camera.nfp -o next.nfp f5.fits");
    assert!(succeeds(at, "profile info next.nfp").contains("6 frames"));
}

#[test]
fn a_lost_profile_is_asked_for_by_name() {
    let folder = night();
    let away = tempfile::tempdir().unwrap();
    fs::copy(folder.path().join("with.nfl"), away.path().join("with.nfl")).unwrap();
    fails(away.path(), "decompress with.nfl -o back.fits", &["with.nfl", "camera.", "--profile"]);
    assert!(!away.path().join("back.fits").exists());
    let profile = folder.path().join("camera.nfp");
    let profile = profile.to_str().unwrap();
    succeeds(away.path(), &format!("decompress --profile {profile} with.nfl -o back.fits"));
    succeeds(away.path(), &format!("test --profile {profile} with.nfl"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_noisefloor"));
    command.args(["decompress", "with.nfl", "-o", "again.fits"]).current_dir(away.path());
    assert!(command.env("NOISEFLOOR_PROFILES", folder.path()).output().unwrap().status.success());
    assert!(
        fs::read(away.path().join("again.fits")).unwrap() == fs::read(folder.path().join("f5.fits")).unwrap()
    );
}

/// A frame whose header states an instrument.
fn write_of(folder: &Path, name: &str, seed: u64, instrument: &str) {
    write_of_image(folder, name, &frame(seed), instrument);
}

fn write_of_image(folder: &Path, name: &str, image: &Image16, instrument: &str) {
    write(folder, name, image);
    let mut bytes = fs::read(folder.join(name)).unwrap();
    let end = bytes.chunks(80).position(|card| card.starts_with(b"END ")).unwrap() * 80;
    let cards = format!("{:<80}{:<80}", format!("INSTRUME= '{instrument}'"), "END");
    bytes[end..end + 160].copy_from_slice(cards.as_bytes());
    fs::write(folder.join(name), bytes).unwrap();
}

#[test]
fn keywords_are_those_that_all_frames_share() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for (seed, instrument) in [(0, "one"), (1, "two"), (2, "two"), (3, "two")] {
        write_of(at, &format!("f{seed}.fits"), seed, instrument);
    }
    let detector = |name: &str| -> serde_json::Value {
        serde_json::from_str(&succeeds(at, &format!("profile info --json {name}"))).unwrap()
    };
    succeeds(at, "profile build -o two.nfp f1.fits f2.fits f3.fits");
    assert_eq!(detector("two.nfp")["detector"]["INSTRUME"], "two");
    succeeds(at, "profile build -o mixed.nfp f0.fits f1.fits f2.fits f3.fits");
    assert!(detector("mixed.nfp")["detector"].as_object().unwrap().is_empty());
}

#[test]
fn biases_and_flats_tell_gain_and_noise() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let shape = Shape::frame(200, 220);
    let exposure = |kind: &str, seed: u64, light: f64| {
        // Two electrons per DN.
        let image = noise(shape, 1000.0 + light, (16.0 + light / 2.0).sqrt(), seed);
        write(at, &format!("{kind}{seed}.fits"), &image);
        let path = at.join(format!("{kind}{seed}.fits"));
        let mut bytes = fs::read(&path).unwrap();
        let end = bytes.chunks(80).position(|card| card.starts_with(b"END ")).unwrap() * 80;
        let cards = format!("{:<80}{:<80}", format!("IMAGETYP= '{kind}'"), "END");
        bytes[end..end + 160].copy_from_slice(cards.as_bytes());
        fs::write(path, bytes).unwrap();
    };
    (0..3).for_each(|seed| exposure("bias", seed, 0.0));
    (3..5).for_each(|seed| exposure("flat", seed, 20_000.0));
    succeeds(at, "profile build -o c.nfp bias0.fits bias1.fits bias2.fits flat3.fits flat4.fits");
    let facts: serde_json::Value = serde_json::from_str(&succeeds(at, "profile info --json c.nfp")).unwrap();
    let amplifier = &facts["amplifiers"][0];
    let near = |field: &str, truth: f64| {
        let found = amplifier[field].as_f64().unwrap();
        assert!((found / truth - 1.0).abs() < 0.05, "{field}: {found}, expected {truth}");
    };
    near("gain_electrons_per_dn", 2.0);
    near("read_noise_dn", 4.0);
    near("read_noise_electrons", 8.0);
    near("offset_dn", 1000.0);
    assert_eq!(facts["defects"][0]["kind"], "hot");
    let words = succeeds(at, "profile info c.nfp");
    assert!(words.contains("e-/DN") && words.contains("0 hot pixels"), "{words}");
    // An update keeps what its frames do not tell.
    succeeds(at, "profile update c.nfp -o d.nfp flat3.fits");
    assert!(succeeds(at, "profile info d.nfp").contains("e-/DN"));
}

#[test]
fn frames_are_never_replaced_by_their_profile() {
    let folder = night();
    let at = folder.path();
    let before = fs::read(at.join("f0.fits")).unwrap();
    fails(at, "profile build -f -o f0.fits f0.fits f1.fits", &["f0.fits", "same file"]);
    assert!(fs::read(at.join("f0.fits")).unwrap() == before);
}

#[test]
fn what_makes_no_sense_is_told() {
    let folder = night();
    let at = folder.path();
    fails(at, "profile build -o camera.nfp f0.fits f1.fits", &["camera.nfp", "exists"]);
    fails(at, "profile build -o none.nfp missing.fits", &["missing.fits"]);
    fails(at, "profile info f0.fits", &["f0.fits", ".nfp"]);
    fails(at, "compress --profile f0.fits f5.fits -o x.nfl", &["f0.fits", ".nfp"]);
    fails(at, "compress --profile camera.nfp -c rice f5.fits -o x.nfl", &["floor", "rice"]);
    fails(at, "compress -c floor:profile=camera f5.fits -o x.nfl", &["camera"]);
    fails(at, "compress -c floor:profile=lost.0123456789abcdef f5.fits -o x.nfl", &["lost.0123456789abcdef"]);
    // One bad file costs only itself, and is told by the exit code.
    fs::write(at.join("bad.fits"), b"SIMPLE").unwrap();
    let output = run(at, "profile build -o rest.nfp bad.fits f0.fits f1.fits");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("bad.fits"));
    assert!(at.join("rest.nfp").exists());
    let mut damaged = fs::read(at.join("camera.nfp")).unwrap();
    damaged[200] ^= 1;
    fs::write(at.join("damaged.nfp"), damaged).unwrap();
    fails(at, "profile info damaged.nfp", &["damaged.nfp", "digest"]);
}

#[test]
fn a_damaged_copy_does_not_hide_an_intact_one() {
    let folder = night();
    let at = folder.path();
    let mut bytes = fs::read(at.join("camera.nfp")).unwrap();
    bytes[200] ^= 1;
    // Names in a folder are tried in their order.
    fs::write(at.join("a.nfp"), &bytes).unwrap();
    succeeds(at, "decompress with.nfl -o back.fits");
    succeeds(at, "compress --profile camera.nfp f5.fits -o again.nfl");
    fs::remove_file(at.join("camera.nfp")).unwrap();
    let words = ["with.nfl", "--profile", "none that is intact", "a.nfp: the profile is corrupt: its digest"];
    fails(at, "test with.nfl", &words);
    let output = run(at, "decompress with.nfl -o lost.fits");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && !text.contains("--salvage"), "nothing can be salvaged: {text}");
}

#[test]
fn an_update_leaves_the_older_profile() {
    let folder = night();
    let at = folder.path();
    let before = fs::read(at.join("camera.nfp")).unwrap();
    for force in ["", " --force"] {
        let line = format!("profile update{force} camera.nfp -o camera.nfp f5.fits");
        fails(at, &line, &["camera.nfp", "the same file"]);
    }
    assert!(fs::read(at.join("camera.nfp")).unwrap() == before);
}

#[test]
fn a_profile_is_named_once() {
    let folder = night();
    let at = folder.path();
    let words = ["--profile", "names a profile already"];
    fs::create_dir(at.join("in")).unwrap();
    for line in ["compress f5.fits -o x.nfl", "compress --bound 2dn f5.fits -o x.nfb", "archive in out"] {
        let (verb, rest) = line.split_once(' ').unwrap();
        let codec = "--codec floor:profile=camera.0123456789abcdef";
        fails(at, &format!("{verb} {codec} --profile camera.nfp {rest}"), &words);
    }
}
