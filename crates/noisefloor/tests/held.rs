//! What users rely on when things go wrong: kills, interruptions, two runs at once, full disks,
//! limits.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use nf_fits::{npy, write_image};
use nf_image::{Image16, Shape};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_noisefloor"));
    command.args(args).current_dir(folder);
    command
}

fn run(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn noise(shape: Shape) -> Image16 {
    let mut state = 12345u32;
    Image16::from_fn(shape, |_, _, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        1000 + (state >> 27) as u16
    })
}

/// A folder with `in.fits`, large enough that the slowest level takes seconds.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in.fits"), write_image(&noise(Shape::frame(1024, 1100)), None).unwrap())
        .unwrap();
    folder
}

fn names(folder: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names
}

fn parts(folder: &Path) -> Vec<String> {
    names(folder).into_iter().filter(|name| name.ends_with(".part")).collect()
}

const SLOW: [&str; 4] = ["compress", "-c", "floor:level=max", "in.fits"];

/// A run that is at work on a part of its own.
fn slow_run(folder: &Path, output: &str) -> Child {
    let before = parts(folder);
    let mut child = command(folder, &[&SLOW[..], &[output]].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while parts(folder).iter().all(|part| before.contains(part)) {
        assert!(start.elapsed() < Duration::from_secs(60), "no part appears");
        assert!(child.try_wait().unwrap().is_none(), "it was done before it could be stopped");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn the_part_of_a_killed_run_goes_with_the_next_run() {
    let folder = folder();
    let mut child = slow_run(folder.path(), "out.nfl");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(parts(folder.path()).len(), 1, "nobody was left to remove it");
    assert!(!folder.path().join("out.nfl").exists());
    assert!(run(folder.path(), &["compress", "-c", "rice", "in.fits", "out.nfl"]).status.success());
    assert_eq!(names(folder.path()), ["in.fits", "out.nfl"]);
}

#[test]
fn the_part_of_a_live_run_stays() {
    let folder = folder();
    let mut child = slow_run(folder.path(), "slow.nfl");
    let own = parts(folder.path());
    assert!(run(folder.path(), &["compress", "-c", "rice", "in.fits", "quick.nfl"]).status.success());
    assert_eq!(parts(folder.path()), own);
    assert!(child.wait().unwrap().success());
    assert_eq!(names(folder.path()), ["in.fits", "quick.nfl", "slow.nfl"]);
}

#[test]
fn interruptions_end_with_130_and_leave_nothing() {
    let folder = folder();
    for name in ["INT", "TERM"] {
        let mut child = slow_run(folder.path(), "out.nfl");
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(130), "SIG{name}");
        assert_eq!(names(folder.path()), ["in.fits"], "SIG{name}");
    }
}

#[test]
fn of_two_runs_with_one_output_one_writes_it() {
    let folder = folder();
    let start =
        || command(folder.path(), &["compress", "-c", "floor", "in.fits", "out.nfl"]).spawn().unwrap();
    let mut both = [start(), start()];
    let succeeded = both.each_mut().map(|child| child.wait().unwrap().success());
    assert_eq!(succeeded.iter().filter(|success| **success).count(), 1);
    assert_eq!(names(folder.path()), ["in.fits", "out.nfl"]);
    assert!(run(folder.path(), &["decompress", "out.nfl", "back.fits"]).status.success());
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    assert!(read("back.fits") == read("in.fits"));
}

#[test]
fn what_cannot_be_written_is_named_and_not_what_is_read() {
    let folder = folder();
    let refused = |output: &str| {
        let outcome = run(folder.path(), &["compress", "-c", "raw", "in.fits", output]);
        assert_eq!(outcome.status.code(), Some(1));
        let text = said(&outcome);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(!text.contains("in.fits") && text.matches(output).count() == 1, "{text}");
        text
    };
    if Path::new("/dev/full").exists() {
        assert!(refused("/dev/full").contains("space"));
    }
    assert!(refused("no/such/out.nfl").contains("no/such"));
    let locked = folder.path().join("locked");
    fs::create_dir(&locked).unwrap();
    let mut permissions = fs::metadata(&locked).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&locked, permissions).unwrap();
    match fs::write(locked.join("trial"), "") {
        Ok(()) => println!("SKIP: this user may write into read-only folders"),
        Err(_) => assert!(refused("locked/out.nfl").contains("cannot be written")),
    }
}

#[test]
fn text_ends_in_silence_where_nobody_reads_it_and_data_do_not() {
    let folder = folder();
    let closed = |args: &[&str]| {
        let mut child =
            command(folder.path(), args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        child.wait_with_output().unwrap()
    };
    for args in [&["codecs"][..], &["info", "in.fits"], &["fits", "verify", "in.fits"]] {
        let output = closed(args);
        assert_eq!((output.status.code(), said(&output)), (Some(0), String::new()), "{args:?}");
    }
    let output = closed(&["compress", "-c", "raw", "in.fits", "-"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("standard output"), "{}", said(&output));
}

#[test]
fn bytes_count_one_byte_a_pixel() {
    let folder = tempfile::tempdir().unwrap();
    let header = format!("{:<117}\n", "{'descr': '|u1', 'fortran_order': False, 'shape': (50, 60), }");
    let mut bytes =
        [&b"\x93NUMPY\x01\x00"[..], &(header.len() as u16).to_le_bytes(), header.as_bytes()].concat();
    bytes.extend((0..3000u32).map(|i| (i * 37) as u8));
    fs::write(folder.path().join("in.npy"), bytes).unwrap();
    let output = run(folder.path(), &["compress", "-c", "raw", "in.npy", "out.nfl"]);
    assert!(output.status.success() && said(&output).contains("3000 -> "), "{}", said(&output));
    let info = run(folder.path(), &["info", "out.nfl"]);
    // Stored as pairs of bytes, with headers: less than half.
    assert!(String::from_utf8_lossy(&info.stdout).contains("ratio 0.4"), "{info:?}");
}

#[test]
fn one_option_limits_memory_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let image = noise(Shape::frame(400, 400));
    fs::write(folder.path().join("in.fits"), write_image(&image, None).unwrap()).unwrap();
    fs::write(folder.path().join("in.npy"), npy::write(&image)).unwrap();
    assert!(run(folder.path(), &["compress", "-c", "raw", "in.fits", "in.nfl"]).status.success());
    for args in [
        &["compress", "-c", "raw", "in.npy", "out.nfl"][..],
        &["decompress", "in.nfl", "out.fits"],
        &["decompress", "in.nfl", "out.npy"],
    ] {
        let refused = run(folder.path(), &[&["--max-memory", "100K"], args].concat());
        assert_eq!(refused.status.code(), Some(1), "{args:?}");
        assert!(said(&refused).contains("--max-memory"), "{args:?}: {}", said(&refused));
        let mut by_variable = command(folder.path(), args);
        by_variable.env("NOISEFLOOR_MAX_MEMORY", "100K");
        assert_eq!(by_variable.output().unwrap().status.code(), Some(1), "{args:?}");
        assert!(run(folder.path(), args).status.success(), "{args:?}");
    }
    assert_eq!(run(folder.path(), &["--max-memory", "much", "codecs"]).status.code(), Some(2));
}

#[test]
fn no_colours_where_no_terminal_reads() {
    let folder = folder();
    let mut command = command(folder.path(), &["-v", "compress", "-c", "raw", "in.fits", "out.nfl"]);
    let output = command.env("NOISEFLOOR_LOG", "trace").output().unwrap();
    assert!(!output.stderr.contains(&0x1b), "{}", said(&output));
}

/// Every verb that reads FITS takes files of every tile algorithm.
#[test]
fn every_verb_reads_every_tile_algorithm() {
    let folder = tempfile::tempdir().unwrap();
    let night = folder.path().join("night");
    fs::create_dir(&night).unwrap();
    let original = write_image(&noise(Shape::frame(72, 80)), None).unwrap();
    fs::write(folder.path().join("in.fits"), &original).unwrap();
    let succeeds = |args: &[&str]| {
        let output = run(folder.path(), args);
        assert!(output.status.success(), "{args:?}: {}", said(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    for algorithm in ["rice", "gzip1", "gzip2", "plio", "hcompress", "none", "floor"] {
        let file = format!("night/{algorithm}.fits.fz");
        succeeds(&["fits", "pack", "--to", algorithm, "--tile", "64,64", "--output", &file, "in.fits"]);
        succeeds(&["info", &file]);
        succeeds(&["fits", "verify", &file]);
        succeeds(&["fits", "cutout", "--force", &format!("{file}[2:9,3:7]"), "cut.fits"]);
        succeeds(&["data", "inspect", &file]);
        succeeds(&["limit", "--json", &file]);
        succeeds(&["compress", "--force", "-c", "rice", &file, "out.nfl"]);
        succeeds(&["decompress", "--force", "out.nfl", "back.fits"]);
        assert!(fs::read(folder.path().join("back.fits")).unwrap() == original, "{algorithm}");
    }
    let rows = succeeds(&["bench", "night", "--codecs", "raw", "--out", "runs", "--json"]);
    assert_eq!(rows.lines().filter(|line| line.starts_with("{\"dataset\":")).count(), 7);
}

/// A file that any verb takes, with what stands behind it.
fn gzipped(behind: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut out, &write_image(&noise(Shape::frame(20, 30)), None).unwrap()).unwrap();
    [out.finish().unwrap(), behind.to_vec()].concat()
}

#[test]
fn bytes_that_no_output_holds_keep_their_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.fits.gz");
    for verb in [&["fits", "pack", "-f"][..], &["compress", "-f"]] {
        fs::write(&path, gzipped(b"hello")).unwrap();
        let output = run(folder.path(), &[verb, &["--delete", "a.fits.gz"]].concat());
        assert_eq!(output.status.code(), Some(1), "{verb:?}");
        assert!(said(&output).contains("behind its compressed data"), "{}", said(&output));
        assert!(path.exists(), "{verb:?}");
        fs::write(&path, gzipped(&[0; 512])).unwrap();
        let output = run(folder.path(), &[verb, &["a.fits.gz"]].concat());
        assert!(output.status.success(), "{}", said(&output));
    }
}

#[test]
fn names_that_are_no_text_cost_nothing() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let odd = OsStr::from_bytes(b"z\xff.fits");
    for name in [odd, OsStr::new("ok.fits")] {
        fs::write(folder.path().join(name), write_image(&noise(Shape::frame(20, 30)), None).unwrap())
            .unwrap();
    }
    let output = run(folder.path(), &["fits", "pack", "*.fits"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(folder.path().join("ok.fits.fz").exists());
    assert!(folder.path().join(OsStr::from_bytes(b"z\xff.fits.fz")).exists());
    let target = OsStr::from_bytes(b"z\xff.fits[0][1:3,1:3]");
    let output = command(folder.path(), &["fits", "cutout"]).arg(target).arg("cut.fits").output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn no_verb_replaces_what_it_reads() {
    let folder = folder();
    let bytes = fs::read(folder.path().join("in.fits")).unwrap();
    std::os::unix::fs::symlink("in.fits", folder.path().join("link.fits")).unwrap();
    for args in [
        &["fits", "cutout", "-f", "in.fits[1:2,1:2]", "in.fits"][..],
        &["fits", "cutout", "-f", "in.fits[1:2,1:2]", "link.fits"],
        &["data", "pack", "--force", "in.fits", "in.fits"],
        &["data", "pack", "--force", ".", "in.fits"],
        &["compress", "-f", "in.fits", "-o", "in.fits"],
        &["fits", "pack", "-f", "in.fits", "-o", "link.fits"],
    ] {
        let output = run(folder.path(), args);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {}", said(&output));
        assert!(fs::read(folder.path().join("in.fits")).unwrap() == bytes, "{args:?}");
    }
}

#[test]
fn work_goes_on_where_nobody_reads_what_is_said() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.fits", "b.fits", "c.fits"] {
        fs::write(folder.path().join(name), write_image(&noise(Shape::frame(20, 30)), None).unwrap())
            .unwrap();
    }
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").map(Stdio::from);
    let Ok(stderr) = full() else { return };
    let code = |args: &[&str], stderr| command(folder.path(), args).stderr(stderr).status().unwrap().code();
    assert_eq!(code(&["fits", "pack", "a.fits", "b.fits", "c.fits"], stderr), Some(0));
    assert!(folder.path().join("c.fits.fz").exists());
    for args in [&["info", "nofile"][..], &["fits", "verify", "nofile"], &["compress", "nofile"]] {
        assert_eq!(code(args, full().unwrap()), Some(1), "{args:?}");
    }
}

#[test]
fn pipes_in_a_folder_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.fits"), write_image(&noise(Shape::frame(20, 30)), None).unwrap())
        .unwrap();
    assert!(Command::new("mkfifo").arg(folder.path().join("z.fits")).status().unwrap().success());
    let output = run(folder.path(), &["data", "inspect", "."]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("z.fits: left out: no regular file"), "{}", said(&output));
}

#[test]
fn options_that_would_be_ignored_are_refused() {
    let folder = folder();
    for (args, word) in [
        (&["--codec", "rice"][..], "--to floor"),
        (&["--hcompress-scale", "2"], "--to hcompress"),
        (&["--smooth", "--to", "rice"], "--to hcompress"),
    ] {
        let output = run(folder.path(), &[&["fits", "pack"], args, &["in.fits"]].concat());
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(said(&output).contains(word), "{args:?}: {}", said(&output));
    }
    let output =
        command(folder.path(), &["info", "in.fits"]).env("NOISEFLOOR_MAX_MEMORY", "").output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let output = run(folder.path(), &["--max-memory", "100K", "data", "inspect", "in.fits"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("--max-memory"), "{}", said(&output));
}
