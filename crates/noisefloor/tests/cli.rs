//! The command line as a user meets it: files, pipes, regions, and every kind of wrong input.
#![allow(clippy::unwrap_used)]

use nf_fits::{FitsFile, FitsWriter, npy};
use nf_image::{Image16, Shape};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn noisefloor(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_noisefloor")).args(args).output().unwrap()
}

fn with_stdin(args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_noisefloor"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feed = std::thread::spawn(move || {
        // The program may refuse its input before it has read all of it.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    feed.join().unwrap();
    output
}

fn succeeds(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Exit code 1, one line on the standard error, with these words in it.
fn fails_with(output: &Output, words: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    for word in words {
        assert!(text.contains(word), "'{word}' is not in: {text}");
    }
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

fn frame(shape: Shape) -> Image16 {
    let mut state = 12345u32;
    Image16::from_fn(shape, |_, row, column| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        1000 + (row + column) as u16 + (state >> 28) as u16
    })
}

/// A file of two images, the second a stack of three planes.
fn two_images() -> (Vec<u8>, [Image16; 2]) {
    let images = [frame(Shape::frame(40, 31)), frame(Shape::new(3, 9, 20))];
    let mut writer = FitsWriter::new(Vec::new());
    images.iter().for_each(|image| writer.image(image, None).unwrap());
    (writer.into_inner(), images)
}

#[test]
fn a_fits_file_comes_back_byte_for_byte_with_every_fast_codec() {
    let folder = Folder::new();
    let (bytes, _) = two_images();
    fs::write(folder.path("in.fits"), &bytes).unwrap();
    for codec in ["raw", "rice", "rice:tile=row", "gzip", "floor", "floor:level=fast"] {
        let packed = folder.path("packed.nfl");
        succeeds(&noisefloor(&["compress", "-f", "--codec", codec, &folder.path("in.fits"), &packed]));
        succeeds(&noisefloor(&["decompress", "-f", &packed, &folder.path("out.fits")]));
        assert!(fs::read(folder.path("out.fits")).unwrap() == bytes, "{codec}");
    }
    assert_eq!(folder.names(), ["in.fits", "out.fits", "packed.nfl"]);
}

#[test]
fn images_that_are_not_16_bit_are_kept_beside_those_that_are() {
    let folder = Folder::new();
    let extension = |bitpix: i32, pixels: &[u8]| {
        let lines = [
            "XTENSION= 'IMAGE'".to_owned(),
            format!("BITPIX  = {bitpix}"),
            "NAXIS   = 1".to_owned(),
            format!("NAXIS1  = {}", pixels.len() / (bitpix.unsigned_abs() as usize / 8)),
            "PCOUNT  = 0".to_owned(),
            "GCOUNT  = 1".to_owned(),
            "END".to_owned(),
        ];
        let mut bytes: Vec<u8> = lines.iter().flat_map(|line| format!("{line:<80}").into_bytes()).collect();
        bytes.resize(2880, b' ');
        bytes.extend(pixels);
        bytes.resize(bytes.len().next_multiple_of(2880), 0);
        bytes
    };
    let (mut file, _) = two_images();
    file.extend(extension(32, &[0, 0, 1, 0].repeat(40)));
    file.extend(extension(32, &[&[0, 0, 1, 0].repeat(40)[..], &[0, 1, 0, 0]].concat()));
    file.extend(extension(64, &[&[0; 80][..], &[255; 8]].concat()));
    file.extend(extension(-32, &[64, 73, 15, 219].repeat(30)));
    fs::write(folder.path("a.fits"), &file).unwrap();
    let output = noisefloor(&["compress", "-c", "rice", &folder.path("a.fits"), &folder.path("a.nfl")]);
    succeeds(&output);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // The two images of 16 bits and the wide one whose values fit are coded; the rest is told of,
    // and kept.
    assert!(said.contains("3 stacks"), "{said}");
    for words in ["a pixel of 65536 with BZERO 0", "a pixel of -1", "its pixels are float32"] {
        assert!(said.contains("kept as it is, not coded") && said.contains(words), "{words}: {said}");
    }
    succeeds(&noisefloor(&["decompress", &folder.path("a.nfl"), &folder.path("b.fits")]));
    assert!(fs::read(folder.path("b.fits")).unwrap() == file);
}

#[test]
fn npy_files_and_pipes() {
    let image = frame(Shape::new(2, 17, 13));
    let bytes = npy::write(&image);
    let packed = with_stdin(&["compress", "--codec", "rice", "-", "-"], &bytes);
    succeeds(&packed);
    let unpacked = with_stdin(&["decompress", "-", "-"], &packed.stdout);
    succeeds(&unpacked);
    assert!(unpacked.stdout == bytes);
    // The same container as the other kind of file.
    let folder = Folder::new();
    let fits = folder.path("out.fits");
    succeeds(&with_stdin(&["decompress", "-", &fits], &packed.stdout));
    let read = FitsFile::open(&fits).unwrap().image(0).unwrap().read().unwrap();
    assert_eq!(read.samples(), image.samples());
}

#[test]
fn npy_files_of_other_forms_come_back_byte_for_byte() {
    let header = |kind: &str, shape: &str| {
        let text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        let padded = format!("{text:<117}\n");
        bytes.extend((padded.len() as u16).to_le_bytes());
        bytes.extend(padded.as_bytes());
        bytes
    };
    let big_endian = [header(">u2", "(40, 50)"), (0..4000u32).map(|i| (i * 7) as u8).collect()].concat();
    let bytes_only = [header("|u1", "(50, 60)"), (0..3000u32).map(|i| (i * 3) as u8).collect()].concat();
    for file in [big_endian, bytes_only] {
        let packed = with_stdin(&["compress", "--codec", "rice", "-", "-"], &file);
        if packed.status.code() == Some(1) {
            fails_with(&packed, &["the standard input"]);
            continue;
        }
        succeeds(&packed);
        let unpacked = with_stdin(&["decompress", "-", "-"], &packed.stdout);
        succeeds(&unpacked);
        assert!(unpacked.stdout == file);
    }
}

#[test]
fn regions_and_single_stacks() {
    let folder = Folder::new();
    let (bytes, images) = two_images();
    fs::write(folder.path("in.fits"), &bytes).unwrap();
    let packed = folder.path("packed.nfl");
    succeeds(&noisefloor(&[
        "compress",
        "--codec",
        "rice",
        "--tile",
        "2x8x8",
        &folder.path("in.fits"),
        &packed,
    ]));
    let out = folder.path("cut.npy");
    let region = ["decompress", "-f", "--stack", "1", "--region", "2:7,3:18,1:3", &packed, &out];
    succeeds(&noisefloor(&region));
    let cut = npy::read(&fs::read(&out).unwrap(), &nf_fits::Limits::default()).unwrap();
    assert_eq!(cut.samples(), images[1].crop(1..3, 2..7, 3..18).samples());
    succeeds(&noisefloor(&["decompress", "-f", "--stack", "0", &packed, &folder.path("one.fits")]));
    let one = FitsFile::open(folder.path("one.fits")).unwrap().image(0).unwrap().read().unwrap();
    assert_eq!(one.samples(), images[0].samples());
    fails_with(&noisefloor(&["decompress", &packed, &folder.path("x.npy")]), &["2 stacks", "--stack"]);
    fails_with(&noisefloor(&["decompress", "--stack", "2", &packed, &folder.path("x.npy")]), &["no stack 2"]);
    let beyond = ["decompress", "--stack", "0", "--region", "0:41,0:1", &packed, &folder.path("x.npy")];
    fails_with(&noisefloor(&beyond), &["beyond the stack of 40x31"]);
    assert!(!Path::new(&folder.path("x.npy")).exists());
}

#[test]
fn info_tells_the_same_digests_before_and_after() {
    let folder = Folder::new();
    let (bytes, images) = two_images();
    fs::write(folder.path("in.fits"), &bytes).unwrap();
    let packed = folder.path("packed.nfl");
    succeeds(&noisefloor(&["compress", "--codec", "zstd", &folder.path("in.fits"), &packed]));
    for name in ["in.fits", "packed.nfl"] {
        let output = noisefloor(&["info", "--json", &folder.path(name)]);
        succeeds(&output);
        let facts: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        for (stack, image) in facts["stacks"].as_array().unwrap().iter().zip(&images) {
            assert_eq!(stack["digest"], image.digest().to_string(), "{name}");
        }
        let text = String::from_utf8(noisefloor(&["info", &folder.path(name)]).stdout).unwrap();
        assert!(text.contains(&images[0].digest().to_string()), "{text}");
        assert!(text.contains("2 stacks") || text.contains("2 HDUs"), "{text}");
    }
}

#[test]
fn codecs_lists_the_registry() {
    let output = noisefloor(&["codecs", "--json"]);
    succeeds(&output);
    let codecs: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<&str> = codecs.as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    for name in ["floor", "rice", "hcompress", "pcodec", "gzip2", "zstd", "xz"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let text = String::from_utf8(noisefloor(&["codecs"]).stdout).unwrap();
    assert!(names.iter().all(|name| text.contains(name)));
}

#[test]
fn wrong_usage_exits_with_2() {
    let cases: &[&[&str]] = &[
        &[],
        &["no-such-verb"],
        &["compress"],
        &["compress", "--tile", "0x5", "a", "b"],
        &["compress", "--codec", "a b", "a", "b"],
        &["decompress", "--region", "5:1,0:1", "a", "b"],
        &["--threads", "0", "codecs"],
    ];
    for case in cases {
        assert_eq!(noisefloor(case).status.code(), Some(2), "{case:?}");
    }
}

#[test]
fn wrong_inputs_give_one_line_and_leave_nothing_behind() {
    let folder = Folder::new();
    let (bytes, _) = two_images();
    let out = folder.path("out.nfl");
    let refuse = |name: &str, content: &[u8], words: &[&str]| {
        let path = folder.path(name);
        fs::write(&path, content).unwrap();
        let output = noisefloor(&["compress", "--codec", "rice", &path, &out]);
        fails_with(&output, words);
        assert!(String::from_utf8_lossy(&output.stderr).contains(name), "the file is named");
        fs::remove_file(path).unwrap();
        assert_eq!(folder.names(), [""; 0], "{name}");
    };
    let set = |keyword: &str, value: &str| {
        let mut changed = bytes.clone();
        let card = format!("{keyword:<8}= {value:>20}");
        let at = changed.windows(10).position(|w| w == format!("{keyword:<8}= ").as_bytes()).unwrap();
        changed[at..at + card.len()].copy_from_slice(card.as_bytes());
        changed
    };
    refuse("empty.fits", b"", &["empty"]);
    refuse("text.fits", b"hello, this is not a FITS file at all", &["SIMPLE"]);
    refuse("cut.fits", &bytes[..2880 + 100], &["data"]);
    refuse("no-end.fits", &bytes[..500], &["header"]);
    refuse("negative.fits", &set("NAXIS1", "-5"), &["NAXIS1", "-5"]);
    refuse("huge.fits", &set("NAXIS2", "99999999999"), &["HDU 0"]);
    refuse("bitpix.fits", &set("BITPIX", "17"), &["BITPIX", "17"]);
    refuse("float.fits", &set("BITPIX", "-32"), &[]);
    refuse("nfl.fits", b"\x89NFL\r\n\x1a\n", &["container already"]);
    refuse("cut.npy", &npy::write(&frame(Shape::frame(4, 4)))[..100], &[]);
    fails_with(&noisefloor(&["compress", &folder.path("absent.fits"), &out]), &["absent.fits"]);
    fails_with(&noisefloor(&["info", &folder.path("absent.fits")]), &["absent.fits"]);
    fails_with(&noisefloor(&["compress", &folder.path(""), &out]), &["folder"]);
}

#[test]
fn wrong_specs_and_outputs_give_one_line() {
    let folder = Folder::new();
    let (bytes, _) = two_images();
    let input = folder.path("in.fits");
    fs::write(&input, &bytes).unwrap();
    let out = folder.path("out.nfl");
    fails_with(&noisefloor(&["compress", "-c", "nonsense", &input, &out]), &["nonsense", "rice"]);
    fails_with(&noisefloor(&["compress", "-c", "zstd:level=99", &input, &out]), &["level", "99"]);
    fails_with(&noisefloor(&["compress", "-c", "zstd:speed=1", &input, &out]), &["speed"]);
    let nowhere = folder.path("no/such/folder/out.nfl");
    fails_with(&noisefloor(&["compress", "-c", "rice", &input, &nowhere]), &["cannot be written"]);
    succeeds(&noisefloor(&["compress", "-c", "rice", &input, &out]));
    fails_with(&noisefloor(&["compress", "-c", "rice", &input, &out]), &["--force"]);
    fails_with(&noisefloor(&["decompress", &out, &folder.path("out.txt")]), &[".fits or .npy"]);
    fails_with(&noisefloor(&["decompress", &input, &folder.path("x.fits")]), &["not a noisefloor container"]);
    fails_with(&noisefloor(&["compress", "-f", "-c", "rice", &input, &input]), &["same file"]);
    assert_eq!(folder.names(), ["in.fits", "out.nfl"]);
}

#[test]
fn damaged_containers_are_refused_and_newer_ones_named() {
    let folder = Folder::new();
    let (bytes, _) = two_images();
    fs::write(folder.path("in.fits"), &bytes).unwrap();
    let packed = folder.path("packed.nfl");
    succeeds(&noisefloor(&["compress", "-c", "rice", &folder.path("in.fits"), &packed]));
    let container = fs::read(&packed).unwrap();
    let refuse = |content: &[u8], words: &[&str]| {
        fs::write(&packed, content).unwrap();
        fails_with(&noisefloor(&["decompress", &packed, &folder.path("out.fits")]), words);
        assert_eq!(folder.names(), ["in.fits", "packed.nfl"]);
    };
    refuse(&container[..container.len() - 1], &["cut short"]);
    refuse(&container[..20], &["cut short"]);
    let mut newer = container.clone();
    newer[8] = 9;
    refuse(&newer, &["version 9"]);
    let mut damaged = container.clone();
    let middle = container.len() / 2;
    damaged[middle] ^= 0x10;
    refuse(&damaged, &["packed.nfl", "checksum"]);
}

#[test]
fn a_closed_pipe_is_told() {
    let (bytes, _) = two_images();
    let mut child = Command::new(env!("CARGO_BIN_EXE_noisefloor"))
        .args(["compress", "-c", "raw", "-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(&bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    // Half of a container is a failure, and not a panic.
    fails_with(&output, &["ipe"]);
}

#[test]
fn real_frames_come_back() {
    let Some(folder) = nf_image::testing::real_frames() else { return };
    let work = Folder::new();
    // One plain file with several HDUs, one tile-compressed, one of signed samples.
    for name in [
        "hst_stis_octr11h4q_raw.fits",
        "keck_lrisb_20150910_2036_bias.fits.fz",
        "saao_1m_ste3_rf0420.fits.fz",
    ] {
        let (packed, out) = (work.path("packed.nfl"), work.path("out.fits"));
        let input = folder.join(name).display().to_string();
        succeeds(&noisefloor(&["compress", "-f", "-c", "rice", &input, &packed]));
        succeeds(&noisefloor(&["decompress", "-f", &packed, &out]));
        let (before, after) = (FitsFile::open(&input).unwrap(), FitsFile::open(&out).unwrap());
        let digests = |file: &FitsFile| -> Vec<_> {
            file.image_hdus().map(|hdu| hdu.read().unwrap().digest()).collect()
        };
        assert_eq!(digests(&before), digests(&after), "{name}");
        if name.ends_with(".fits") {
            assert!(fs::read(&input).unwrap() == fs::read(&out).unwrap(), "{name} byte for byte");
        }
    }
}
