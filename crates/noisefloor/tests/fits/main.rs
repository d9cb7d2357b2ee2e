//! `noisefloor fits`: packing, unpacking, comparing and cutting, as a user meets them.
#![allow(clippy::unwrap_used)]

mod tables;

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
        let codec: &[&str] = if to == "floor" { &["--codec", "rice"] } else { &[] };
        succeeds(&fits(path, &[&["pack", "-f", "--to", to, "a.fits"], codec].concat()));
        succeeds(&fits(path, &["compare", "a.fits.fz", "a.fits"]));
        succeeds(&fits(path, &["verify", "a.fits.fz"]));
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
    let failed = fits(path, &["pack", "--force", "*.fits"]);
    fails_with(&failed, "1 of 3 files failed");
    let text = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert_eq!(text.matches("bad.fits").count(), 1, "{text}");
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
    // What cannot be proven is not named, and what it was made from stays; no temporary file is
    // left.
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
    let packed = fits(path, &["pack", "-o", "-", "a.fits"]);
    succeeds(&packed);
    assert!(packed.stdout == fs::read(path.join("a.fits.fz")).unwrap());
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
    assert_eq!(fits(path, &["compare", "a.fits.fz", "other.fits"]).status.code(), Some(1));
    // Two good files that differ are both good.
    succeeds(&fits(path, &["verify", "a.fits.fz", "other.fits"]));
    let packed = fs::read(path.join("a.fits.fz")).unwrap();
    fs::write(path.join("cut.fits.fz"), &packed[..packed.len() / 2]).unwrap();
    fails_with(&fits(path, &["unpack", "cut.fits.fz"]), "cut.fits.fz");
    assert!(!path.join("cut.fits").exists());
    fails_with(&fits(path, &["pack", "absent.fits"]), "absent.fits");
}

/// A flipped bit in the bytes of a tile.
fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let file = FitsFile::from_bytes(bytes.clone()).unwrap();
    let data = file.hdus()[1].data_range();
    bytes[data.end as usize - 5] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

#[test]
fn damage_is_never_passed_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    two_images(&path.join("a.fits"));
    for to in ["rice", "none", "plio", "hcompress"] {
        succeeds(&fits(path, &["pack", "--force", "--to", to, "a.fits"]));
        damage(&path.join("a.fits.fz"));
        let what = "HDU 1: DATASUM is not the sum of its data";
        fails_with(&fits(path, &["unpack", "--delete", "a.fits.fz", "-o", "b.fits"]), what);
        fails_with(&fits(path, &["unpack", "a.fits.fz", "-o", "b.fits"]), "--salvage");
        fails_with(&fits(path, &["pack", "--delete", "--to", "gzip2", "a.fits.fz", "-o", "c.fz"]), what);
        fails_with(&fits(path, &["cutout", "a.fits.fz[1:2,1:2]", "d.fits"]), what);
        fails_with(&fits(path, &["verify", "a.fits.fz"]), "checksum is wrong");
        let compressed = Command::new(env!("CARGO_BIN_EXE_noisefloor"))
            .args(["compress", "a.fits.fz", "a.nfl"])
            .current_dir(path)
            .output()
            .unwrap();
        fails_with(&compressed, what);
        assert!(path.join("a.fits.fz").exists(), "{to}");
        for name in ["b.fits", "c.fz", "d.fits", "a.nfl"] {
            assert!(!path.join(name).exists(), "{to}: {name}");
        }
    }
    // Wrong pixels for whoever asks for them; never with --delete.
    succeeds(&fits(path, &["pack", "--force", "--to", "none", "a.fits"]));
    damage(&path.join("a.fits.fz"));
    let salvaged = fits(path, &["unpack", "--salvage", "a.fits.fz", "-o", "b.fits"]);
    succeeds(&salvaged);
    assert!(String::from_utf8_lossy(&salvaged.stderr).contains("although its sums are wrong"));
    assert_eq!(
        fits(path, &["unpack", "--salvage", "--delete", "a.fits.fz", "-o", "e.fits"]).status.code(),
        Some(2)
    );
}

#[test]
fn files_that_may_have_been_cut_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    two_images(&path.join("a.fits"));
    succeeds(&fits(path, &["pack", "a.fits"]));
    let packed = fs::read(path.join("a.fits.fz")).unwrap();
    let cut = FitsFile::from_bytes(packed.clone()).unwrap().hdus()[1].data_range().end as usize + 1;
    fs::write(path.join("cut.fits.fz"), &packed[..cut]).unwrap();
    fails_with(&fits(path, &["verify", "cut.fits.fz"]), "its last block lacks");
    fails_with(&fits(path, &["unpack", "--delete", "cut.fits.fz"]), "the input kept");
    assert!(path.join("cut.fits.fz").exists() && path.join("cut.fits").exists());
    succeeds(&fits(path, &["unpack", "--force", "cut.fits.fz"]));
    // A plain file without its last padding is packed, and comes back as it was.
    let plain = fs::read(path.join("a.fits")).unwrap();
    fs::write(path.join("short.fits"), &plain[..plain.len() - 7]).unwrap();
    succeeds(&fits(path, &["pack", "short.fits"]));
    succeeds(&fits(path, &["unpack", "short.fits.fz", "-o", "back.fits"]));
    assert!(fs::read(path.join("back.fits")).unwrap() == plain[..plain.len() - 7]);
    succeeds(&fits(path, &["compare", "short.fits", "short.fits"]));
}

/// A `.Z` file of single bytes, the table cleared before codes grow.
fn compress_z(bytes: &[u8]) -> Vec<u8> {
    let mut codes = Vec::new();
    for piece in bytes.chunks(200) {
        codes.extend(piece.iter().map(|&byte| u16::from(byte)));
        codes.push(256);
        codes.resize(codes.len().next_multiple_of(8), 0);
    }
    let bits: Vec<bool> = codes.iter().flat_map(|code| (0..9).map(move |bit| code >> bit & 1 == 1)).collect();
    let packed = bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |byte, &bit| byte << 1 | u8::from(bit)));
    [0x1f, 0x9d, 0x90].into_iter().chain(packed).collect()
}

#[test]
fn files_of_bzip2_and_compress_are_read_as_gzipped_ones_are() {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    two_images(&path.join("plain.fits"));
    let original = fs::read(path.join("plain.fits")).unwrap();
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(&original).unwrap();
    fs::write(path.join("b.fits.bz2"), bzip2.finish().unwrap()).unwrap();
    fs::write(path.join("z.fits.Z"), compress_z(&original)).unwrap();
    let run = |args: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_noisefloor")).args(args).current_dir(path).output().unwrap()
    };
    for (name, zipped) in [("b", "b.fits.bz2"), ("z", "z.fits.Z")] {
        let [plain, packed, container] = ["", ".fz", ".nfl"].map(|ending| format!("{name}.fits{ending}"));
        succeeds(&fits(path, &["list", zipped]));
        succeeds(&fits(path, &["compare", zipped, "plain.fits"]));
        succeeds(&fits(path, &["pack", zipped]));
        succeeds(&fits(path, &["unpack", &packed]));
        assert!(fs::read(path.join(&plain)).unwrap() == original, "{zipped}");
        succeeds(&run(&["compress", zipped]));
        succeeds(&run(&["decompress", "-f", &container]));
        assert!(fs::read(path.join(&plain)).unwrap() == original, "{zipped}");
        fs::remove_file(path.join(&plain)).unwrap();
    }
    // A damaged one is told, and nothing is written.
    let mut damaged = fs::read(path.join("b.fits.bz2")).unwrap();
    let at = damaged.len() / 2;
    damaged[at] ^= 1;
    fs::write(path.join("d.fits.bz2"), damaged).unwrap();
    fails_with(&fits(path, &["pack", "d.fits.bz2"]), "reading the file of bzip2");
    assert!(!path.join("d.fits.fz").exists());
}

#[test]
fn the_first_form_of_floor_tiles_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let frame = Image16::from_fn(Shape::frame(30, 40), |_, row, column| {
        (900 + 3 * row + column + (row * 7919 + column * 104_729) % 23) as u16
    });
    fs::write(path.join("a.fits"), nf_fits::write_image(&frame, None).unwrap()).unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/floor-tiles-1.fits.fz");
    succeeds(&fits(path, &["compare", golden.to_str().unwrap(), "a.fits"]));
    succeeds(&fits(path, &["unpack", golden.to_str().unwrap(), "-o", "b.fits"]));
    assert!(fs::read(path.join("a.fits")).unwrap() == fs::read(path.join("b.fits")).unwrap());
    // Packed today, the header says who packed it.
    succeeds(&fits(path, &["pack", "--to", "floor", "a.fits"]));
    let file = FitsFile::open(path.join("a.fits.fz")).unwrap();
    let header = file.hdus()[1].header();
    assert_eq!(header.integer("ZVAL1").unwrap(), Some(2));
    assert!(header.cards().any(|card| card.bytes().starts_with(b"COMMENT noisefloor ")));
}

#[test]
fn containers_of_packed_files_hold_what_unpacking_gives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    two_images(&path.join("a.fits"));
    for to in ["rice", "hcompress", "floor"] {
        succeeds(&fits(path, &["pack", "--force", "--to", to, "a.fits"]));
        for args in [["compress", "a.fits.fz", "a.nfl"], ["decompress", "a.nfl", "b.fits"]] {
            let done = Command::new(env!("CARGO_BIN_EXE_noisefloor"))
                .arg(args[0])
                .arg("--force")
                .args(&args[1..])
                .current_dir(path)
                .output()
                .unwrap();
            succeeds(&done);
        }
        assert!(fs::read(path.join("a.fits")).unwrap() == fs::read(path.join("b.fits")).unwrap(), "{to}");
    }
}

#[cfg(unix)]
#[test]
fn names_keep_their_bytes() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let name = std::ffi::OsStr::from_bytes(b"fr\xe9d.fits");
    let Ok(()) = fs::write(folder.path().join(name), b"") else { return };
    two_images(&folder.path().join(name));
    let packed = Command::new(env!("CARGO_BIN_EXE_noisefloor"))
        .args(["fits", "pack"])
        .arg(name)
        .current_dir(folder.path())
        .output()
        .unwrap();
    succeeds(&packed);
    assert!(folder.path().join(std::ffi::OsStr::from_bytes(b"fr\xe9d.fits.fz")).exists());
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

#[test]
fn a_damaged_hdu_costs_no_hdu_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    two_images(&path.join("a.fits"));
    let bytes = fs::read(path.join("a.fits")).unwrap();
    fs::write(path.join("cut.fits"), &bytes[..bytes.len() - 3000]).unwrap();
    let run = |args: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_noisefloor")).args(args).current_dir(path).output().unwrap()
    };
    // Told up to the fault, then the fault.
    let told = run(&["info", "cut.fits"]);
    fails_with(&told, "cut.fits: HDU 1: the data is cut short");
    let words = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(words.contains("HDU 0: image of uint16, 45 x 70") && words.contains("digest"), "{words}");
    let told = run(&["info", "--json", "cut.fits"]);
    assert_eq!(told.status.code(), Some(1));
    let facts: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(facts["problems"].as_array().map(Vec::len), Some(1));
    // The image before it is cut and read, with a warning; the damaged one is not.
    succeeds(&fits(path, &["cutout", "cut.fits[0][2:9,3:5]", "cut_out.fits"]));
    succeeds(&fits(path, &["cutout", "a.fits[0][2:9,3:5]", "whole.fits"]));
    assert!(fs::read(path.join("cut_out.fits")).unwrap() == fs::read(path.join("whole.fits")).unwrap());
    fails_with(&fits(path, &["cutout", "cut.fits[1]", "no.fits"]), "HDU 1: the data is cut short");
    let inspected = run(&["data", "inspect", "cut.fits"]);
    succeeds(&inspected);
    assert!(String::from_utf8_lossy(&inspected.stderr).contains("HDU 1: the data is cut short"));
    // What needs the whole file refuses it.
    fails_with(&run(&["data", "pack", "cut.fits", "packed.parquet"]), "HDU 1: the data is cut short");
    for verb in ["pack", "verify"] {
        fails_with(&fits(path, &[verb, "cut.fits"]), "HDU 1: the data is cut short");
    }
    fails_with(&run(&["compress", "cut.fits"]), "HDU 1: the data is cut short");
    assert!(!path.join("no.fits").exists() && !path.join("cut.fits.fz").exists());
}

#[test]
fn info_names_an_image_that_cannot_be_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    two_images(&path.join("a.fits"));
    succeeds(&fits(path, &["pack", "a.fits"]));
    let mut bytes = fs::read(path.join("a.fits.fz")).unwrap();
    let at = FitsFile::from_bytes(bytes.clone()).unwrap().hdus()[1].data_range().start as usize;
    bytes[at + 900] ^= 4;
    fs::write(path.join("flipped.fits.fz"), bytes).unwrap();
    let info = |name: &str| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_noisefloor"));
        program.args(["info", name]).current_dir(path).output().unwrap()
    };
    let told = info("flipped.fits.fz");
    fails_with(&told, "flipped.fits.fz: HDU 1: DATASUM is not the sum of its data");
    // The other image has its digest.
    assert_eq!(String::from_utf8_lossy(&told.stdout).matches("digest").count(), 1);
    succeeds(&info("a.fits.fz"));
}
