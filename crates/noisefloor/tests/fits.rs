//! `noisefloor fits`: packing, unpacking, comparing and cutting, as a user meets them.
#![allow(clippy::unwrap_used)]

use nf_fits::{FitsFile, FitsWriter};
use nf_image::{Image16, Shape};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn fits(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_noisefloor"))
        .arg("fits")
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn succeeds(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn fails_with(output: &Output, word: &str) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(word), "'{word}' is not in: {text}");
}

/// A frame and a stack, in one file.
fn two_images(path: &Path) -> [Image16; 2] {
    let mut state = 7u32;
    let mut image = |shape| {
        Image16::from_fn(shape, |plane, row, column| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (900 + 50 * plane + row + column) as u16 + (state >> 28) as u16
        })
    };
    let images = [image(Shape::frame(70, 45)), image(Shape::new(3, 20, 33))];
    let mut writer = FitsWriter::new(Vec::new());
    images.iter().for_each(|image| writer.image(image, None).unwrap());
    fs::write(path, writer.into_inner()).unwrap();
    images
}

#[test]
fn every_algorithm_gives_the_file_back_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    two_images(&path.join("a.fits"));
    let original = fs::read(path.join("a.fits")).unwrap();
    for to in ["rice", "gzip1", "gzip2", "hcompress", "none", "floor"] {
        let codec = if to == "floor" { "rice" } else { "raw" };
        succeeds(&fits(path, &["pack", "-f", "--to", to, "--codec", codec, "a.fits"]));
        succeeds(&fits(path, &["verify", "a.fits.fz", "a.fits"]));
        succeeds(&fits(path, &["unpack", "-f", "a.fits.fz", "-o", "b.fits"]));
        assert!(fs::read(path.join("b.fits")).unwrap() == original, "{to}");
    }
}

#[test]
fn originals_go_only_when_the_packed_file_proves_equal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    two_images(&path.join("a.fits"));
    two_images(&path.join("b.fits"));
    let original = fs::read(path.join("a.fits")).unwrap();
    succeeds(&fits(path, &["pack", "--delete", "a.fits", "b.fits"]));
    assert!(!path.join("a.fits").exists() && !path.join("b.fits").exists());
    succeeds(&fits(path, &["unpack", "--delete", "a.fits.fz", "b.fits.fz"]));
    assert!(!path.join("a.fits.fz").exists());
    assert!(fs::read(path.join("a.fits")).unwrap() == original);
    // An output that exists is kept, and so is the input.
    succeeds(&fits(path, &["pack", "a.fits"]));
    fails_with(&fits(path, &["pack", "--delete", "a.fits"]), "a.fits.fz");
    assert!(path.join("a.fits").exists());
}

#[test]
fn patterns_are_expanded_where_no_shell_has_done_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    ["a.fits", "b.fits", "c.other"].iter().for_each(|name| drop(two_images(&path.join(name))));
    succeeds(&fits(path, &["pack", "--delete", "*.fits"]));
    for (name, there) in [("a.fits", false), ("b.fits.fz", true), ("a.fits.fz", true), ("c.other", true)] {
        assert_eq!(path.join(name).exists(), there, "{name}");
    }
    succeeds(&fits(path, &["unpack", "?.fits.fz"]));
    assert!(path.join("a.fits").exists() && path.join("b.fits").exists());
    fails_with(&fits(path, &["pack", "*.nothing"]), "no file fits the pattern '*.nothing'");
    // One file that fails does not stop the others.
    fs::write(path.join("bad.fits"), "no FITS").unwrap();
    fails_with(&fits(path, &["pack", "--force", "*.fits"]), "bad.fits failed");
    assert!(!path.join("bad.fits.fz").exists());
}

#[test]
fn inputs_are_never_replaced_and_never_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    two_images(&path.join("a.fits"));
    let original = fs::read(path.join("a.fits")).unwrap();
    fails_with(&fits(path, &["pack", "--force", "--delete", "-o", "a.fits", "a.fits"]), "replace the input");
    fails_with(
        &fits(path, &["pack", "--force", "--delete", "-o", "./a.fits", "a.fits"]),
        "replace the input",
    );
    fs::copy(path.join("a.fits"), path.join("a.fits.gz")).unwrap();
    fails_with(
        &fits(path, &["pack", "--force", "--delete", "a.fits", "a.fits.gz"]),
        "would become this file",
    );
    assert!(fs::read(path.join("a.fits")).unwrap() == original && path.join("a.fits.gz").exists());
    // What cannot be proven is not named, and what it was made from stays; no temporary file is left.
    succeeds(&fits(path, &["pack", "a.fits"]));
    let mut packed = fs::read(path.join("a.fits.fz")).unwrap();
    let at = packed.len() - 4000;
    packed[at] ^= 0x55;
    fs::write(path.join("a.fits.fz"), &packed).unwrap();
    fs::remove_file(path.join("a.fits")).unwrap();
    fits(path, &["unpack", "--delete", "--force", "a.fits.fz"]);
    assert!(path.join("a.fits.fz").exists() || path.join("a.fits").exists());
    let hidden = |entry: fs::DirEntry| entry.file_name().to_string_lossy().starts_with('.');
    assert!(!fs::read_dir(path).unwrap().any(|entry| hidden(entry.unwrap())));
}

#[test]
fn unpacking_to_a_pipe_writes_the_original() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    two_images(&path.join("a.fits"));
    succeeds(&fits(path, &["pack", "a.fits"]));
    let piped = fits(path, &["unpack", "-o", "-", "a.fits.fz"]);
    succeeds(&piped);
    assert!(piped.stdout == fs::read(path.join("a.fits")).unwrap());
    fails_with(&fits(path, &["unpack", "--delete", "-o", "-", "a.fits.fz"]), "a.fits.fz");
    assert!(path.join("a.fits.fz").exists() && !path.join("-").exists());
    fails_with(&fits(path, &["pack", "-o", "-", "a.fits"]), "is not written in order");
}

#[test]
fn a_difference_is_found_and_damage_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    two_images(&path.join("a.fits"));
    succeeds(&fits(path, &["pack", "a.fits"]));
    let mut other = fs::read(path.join("a.fits")).unwrap();
    other[2880 + 100] ^= 1;
    fs::write(path.join("other.fits"), other).unwrap();
    assert_eq!(fits(path, &["verify", "a.fits.fz", "other.fits"]).status.code(), Some(1));
    let packed = fs::read(path.join("a.fits.fz")).unwrap();
    fs::write(path.join("cut.fits.fz"), &packed[..packed.len() / 2]).unwrap();
    fails_with(&fits(path, &["unpack", "cut.fits.fz"]), "cut.fits.fz");
    assert!(!path.join("cut.fits").exists());
    fails_with(&fits(path, &["pack", "absent.fits"]), "absent.fits");
}

#[test]
fn cutouts_are_counted_from_one_with_ends_included() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let [frame, _] = two_images(&path.join("a.fits"));
    succeeds(&fits(path, &["pack", "a.fits"]));
    for file in ["a.fits[0]", "a.fits.fz[1]"] {
        succeeds(&fits(path, &["cutout", "-f", &format!("{file}[3:10,5:5]"), "cut.fits"]));
        let cut = FitsFile::open(path.join("cut.fits")).unwrap();
        let cut = cut.image_hdus().next().unwrap().read().unwrap();
        assert_eq!(cut.samples(), frame.crop(0..1, 4..5, 2..10).samples(), "{file}");
    }
    assert_eq!(fits(path, &["cutout", "a.fits[0][40:50,1:1]", "x.fits"]).status.code(), Some(1));
    assert!(!path.join("x.fits").exists());
}
