//! What is said to people: nothing that a terminal would obey, and the name of what is at fault.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::process::{Command, Output};

fn noisefloor(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_noisefloor")).args(args).output().unwrap()
}

fn path_in(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).display().to_string()
}

/// Whatever a header or a name holds, a terminal does not obey it.
#[test]
fn control_characters_of_headers_and_names_are_not_printed() {
    let folder = tempfile::tempdir().unwrap();
    let lines = [
        "SIMPLE  = T",
        "BITPIX  = 16",
        "NAXIS   = 1",
        "NAXIS1  = 2",
        "EXTNAME = 'a\x1b[31m\rb\nc'",
        "BLANK   = 'x\x1b[2J'",
        "END",
    ];
    let mut bytes: Vec<u8> = lines.iter().flat_map(|line| format!("{line:<80}").into_bytes()).collect();
    bytes.resize(2880, b' ');
    bytes.resize(5760, 0);
    let input = path_in(&folder, "e\x1b[32m\nf\u{9b}2J.fits");
    fs::write(&input, &bytes).unwrap();
    let harmful = |bytes: &[u8]| {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
        text
    };
    for args in [vec!["info"], vec!["fits", "list"], vec!["test"], vec!["compress"], vec!["fits", "pack"]] {
        let output = noisefloor(&[&args[..], &[&input]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = harmful(&output.stdout) + &harmful(&output.stderr);
        assert!(text.contains("e [32m"), "{args:?}: {text:?}");
        if args == ["info"] {
            assert!(text.contains("[a [31m b c]") && text.contains("remark: BLANK"), "{text:?}");
        }
        assert!(text.lines().all(|line| !line.starts_with('f') && !line.starts_with('c')), "{text:?}");
    }
}

/// Exit code 1 and one line, with these words in it and without those.
fn fails_with(output: &Output, words: &[&str], without: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(words.iter().all(|word| text.contains(word)), "{words:?} are not in: {text}");
    assert!(!without.iter().any(|word| text.contains(word)), "{without:?} are in: {text}");
}

fn frame() -> nf_image::Image16 {
    nf_image::testing::noise(nf_image::Shape::frame(90, 70), 1000.0, 50.0, 1)
}

#[test]
fn of_two_files_the_damaged_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (sound, damaged) = (path_in(&folder, "sound.fits"), path_in(&folder, "damaged.fits.fz"));
    fs::write(&sound, nf_fits::write_image(&frame(), None).unwrap()).unwrap();
    assert!(noisefloor(&["fits", "pack", &sound, "-o", &damaged]).status.success());
    let mut bytes = fs::read(&damaged).unwrap();
    let end = bytes.len() - 2000;
    bytes[end] ^= 0x55;
    fs::write(&damaged, bytes).unwrap();
    fails_with(&noisefloor(&["fits", "compare", &sound, &damaged]), &["damaged.fits.fz: HDU 1"], &["sound"]);
    fails_with(&noisefloor(&["fits", "compare", &damaged, &sound]), &["damaged.fits.fz: HDU 1"], &["sound"]);
    // And the HDU once, where a tile is damaged and no sum tells it first.
    let packed = path_in(&folder, "a.nfl");
    let mut bytes = fs::read(&damaged).unwrap();
    for keyword in [&b"DATASUM "[..], b"CHECKSUM"] {
        while let Some(at) = bytes.windows(8).position(|word| word == keyword) {
            bytes[at..at + 8].copy_from_slice(b"NOTHING ");
        }
    }
    let heap = bytes.len() - 4000;
    bytes[heap..].fill(0);
    fs::write(&damaged, bytes).unwrap();
    let output = noisefloor(&["compress", &damaged, "-o", &packed]);
    fails_with(&output, &["damaged.fits.fz: ", "HDU 1, tile "], &["HDU 1: HDU 1"]);
}

/// /dev/full refuses every byte, as a full disk does.
#[test]
#[cfg(target_os = "linux")]
fn a_full_standard_output_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let frame_file = path_in(&folder, "a.fits");
    fs::write(&frame_file, nf_fits::write_image(&frame(), None).unwrap()).unwrap();
    for args in [
        vec!["codecs"],
        vec!["data", "list"],
        vec!["info", &frame_file],
        vec!["test", &frame_file],
        vec!["fits", "verify", &frame_file],
        vec!["fits", "list", &frame_file],
        vec!["fits", "compare", &frame_file, &frame_file],
        vec!["data", "inspect", &frame_file],
        vec!["limit", &frame_file],
        vec!["compress", "--json", "--quiet", &frame_file, "--force", "-o", &path_in(&folder, "a.nfl")],
        vec![
            "compress",
            "--json",
            "--quiet",
            &frame_file,
            "--skip-existing",
            "-o",
            &path_in(&folder, "a.nfl"),
        ],
    ] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let output =
            Command::new(env!("CARGO_BIN_EXE_noisefloor")).args(&args).stdout(full).output().unwrap();
        fails_with(&output, &["the standard output: cannot be written: No space left"], &[]);
    }
    // What cannot be written is the output, not the data.
    let output = noisefloor(&["data", "pack", &path_in(&folder, ""), "/dev/full", "--size", "16"]);
    fails_with(&output, &["/dev/full: cannot be written"], &["Parquet"]);
}
