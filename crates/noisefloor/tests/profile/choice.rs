//! Which of several profiles a file is coded with.

use super::*;

/// A folder of two detectors of the same shape with a profile each, and frames of both.
fn cameras() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::create_dir(at.join("profiles")).unwrap();
    for (camera, first) in [("red", 0), ("blue", 50)] {
        for seed in 0..4 {
            write_camera(at, &format!("{camera}{seed}.fits"), first + seed, camera);
        }
        let names = [0, 1, 2].map(|seed| format!("{camera}{seed}.fits")).join(" ");
        succeeds(at, &format!("profile build -o profiles/{camera}.nfp {names}"));
    }
    folder
}

/// A frame of a camera whose pattern is its own.
fn write_camera(folder: &Path, name: &str, seed: u64, camera: &str) {
    let image = frame(seed);
    let shift = if camera == "red" { 0 } else { 1234 };
    let pixels = image.samples().len();
    // The same pattern at another place is another pattern.
    let moved: Vec<u16> = (0..pixels).map(|i| image.samples()[(i + shift) % pixels]).collect();
    write_of_image(folder, name, &Image16::new(SHAPE, moved).unwrap(), camera);
}

fn codec_of(at: &Path, name: &str) -> String {
    let info: serde_json::Value =
        serde_json::from_str(&succeeds(at, &format!("info --json {name}"))).unwrap();
    info["codec"].as_str().unwrap().to_owned()
}

#[test]
fn a_folder_gives_the_profile_that_fits() {
    let folder = cameras();
    let at = folder.path();
    for camera in ["red", "blue"] {
        succeeds(at, &format!("compress --profile profiles {camera}3.fits -o {camera}.nfl"));
        let codec = codec_of(at, &format!("{camera}.nfl"));
        assert!(codec.contains(&format!("profile={camera}.")), "{codec}");
        succeeds(at, &format!("decompress --profile profiles {camera}.nfl -o {camera}.fits"));
        let back = fs::read(at.join(format!("{camera}.fits"))).unwrap();
        assert!(back == fs::read(at.join(format!("{camera}3.fits"))).unwrap());
    }
    // Without keywords, by content alone.
    let bytes = fs::read(at.join("blue3.fits")).unwrap();
    let at_card = bytes.chunks(80).position(|card| card.starts_with(b"INSTRUME")).unwrap() * 80;
    let mut nameless = bytes.clone();
    nameless[at_card..at_card + 8].copy_from_slice(b"COMMENT ");
    fs::write(at.join("nameless.fits"), nameless).unwrap();
    succeeds(at, "compress --profile profiles nameless.fits");
    assert!(codec_of(at, "nameless.fits.nfl").contains("profile=blue."));
}

#[test]
fn a_frame_without_a_profile_of_its_detector_is_coded_without() {
    let folder = cameras();
    let at = folder.path();
    write_of_image(at, "green.fits", &frame(3), "green");
    let said = succeeds(at, "compress --profile profiles green.fits");
    assert!(said.contains("no profile of this detector"), "{said}");
    assert_eq!(codec_of(at, "green.fits.nfl"), "floor");
    // Of another shape.
    write_of_image(at, "large.fits", &noise(Shape::frame(90, 90), 500.0, 9.0, 1), "red");
    let said = succeeds(at, "compress --profile profiles large.fits");
    assert!(said.contains("no profile of this detector"), "{said}");
}

#[test]
fn auto_looks_where_decoders_look() {
    let folder = cameras();
    let at = folder.path();
    let said = succeeds(at, "compress --profile auto red3.fits -o none.nfl");
    assert!(said.contains("no profile of this detector"), "{said}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_noisefloor"));
    command.args(["compress", "--profile", "auto", "red3.fits", "-o", "found.nfl"]).current_dir(at);
    assert!(command.env("NOISEFLOOR_PROFILES", at.join("profiles")).output().unwrap().status.success());
    assert!(codec_of(at, "found.nfl").contains("profile=red."));
    fs::copy(at.join("profiles/blue.nfp"), at.join("blue.nfp")).unwrap();
    succeeds(at, "compress --profile auto blue3.fits");
    assert!(codec_of(at, "blue3.fits.nfl").contains("profile=blue."));
    succeeds(at, "test blue3.fits.nfl");
}

#[test]
fn a_profile_of_other_frames_is_refused() {
    let folder = cameras();
    let at = folder.path();
    write_of_image(at, "large.fits", &noise(Shape::frame(90, 90), 500.0, 9.0, 1), "red");
    let line = "compress --profile profiles/red.nfp large.fits";
    fails(at, line, &["large.fits", "90 x 90", "60 x 80", "red.", "--profile auto"]);
    assert!(!at.join("large.fits.nfl").exists());
    // Another name of the instrument is told; the pixels decide.
    let said = succeeds(at, "compress --profile profiles/red.nfp blue3.fits");
    assert!(said.contains("INSTRUME") && said.contains("'blue'"), "{said}");
    assert_eq!(codec_of(at, "blue3.fits.nfl"), "floor");
    // Binned frames have the shape of a window.
    let bins = |name: &str, bins: &str| {
        let card = format!("{:<80}", format!("CCDSUM  = '{bins}'"));
        let bytes = fs::read(at.join(name)).unwrap();
        let place = bytes.chunks(80).position(|card| card.starts_with(b"INSTRUME")).unwrap() * 80;
        let mut changed = bytes.clone();
        changed[place..place + 80].copy_from_slice(card.as_bytes());
        fs::write(at.join(name), changed).unwrap();
    };
    for name in ["red0.fits", "red1.fits", "red2.fits"] {
        bins(name, "1 1");
    }
    bins("red3.fits", "2 2");
    succeeds(at, "profile build -o fine.nfp red0.fits red1.fits red2.fits");
    fails(at, "compress --profile fine.nfp red3.fits", &["red3.fits", "CCDSUM", "'2 2'", "'1 1'"]);
}

#[test]
fn folders_without_profiles_are_refused() {
    let folder = cameras();
    let at = folder.path();
    fs::create_dir(at.join("empty")).unwrap();
    fails(at, "compress --profile empty red3.fits", &["empty", "*.nfp"]);
    fs::write(at.join("empty/bad.nfp"), b"NFPROF1\nbut damaged").unwrap();
    let output = run(at, "compress --profile empty red3.fits");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && text.contains("bad.nfp"), "{text}");
    fails(at, "compress --profile nowhere red3.fits", &["nowhere"]);
    fails(at, "compress --profile profiles -c rice red3.fits", &["floor", "rice"]);
    // One that is damaged does not keep the others from being used.
    fs::copy(at.join("empty/bad.nfp"), at.join("profiles/bad.nfp")).unwrap();
    let said = succeeds(at, "compress --profile profiles red3.fits");
    assert!(said.contains("bad.nfp") && codec_of(at, "red3.fits.nfl").contains("profile=red."), "{said}");
}
