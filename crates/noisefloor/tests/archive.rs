//! `noisefloor archive` as an observatory relies on it: killed, resumed, run twice at once, on a
//! full disk, on sources that change.
#![allow(clippy::unwrap_used)]

use nf_fits::{npy, write_image};
use nf_image::testing::peer_python;
use nf_image::{Image16, Shape};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_noisefloor"));
    command.arg("archive").args(args).current_dir(folder);
    command
}

fn run(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn succeeds(folder: &Path, args: &[&str]) -> String {
    let output = run(folder, args);
    assert!(output.status.success(), "{args:?}: {}", said(&output));
    said(&output)
}

fn fails(folder: &Path, args: &[&str], words: &str) {
    let output = run(folder, args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {}", said(&output));
    assert!(said(&output).contains(words), "{args:?}: '{words}' is not in: {}", said(&output));
}

fn frame(seed: u32, height: usize, width: usize) -> Image16 {
    let mut state = seed;
    Image16::from_fn(Shape::frame(height, width), |_, row, column| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (900 + row + column) as u16 + (state >> 28) as u16
    })
}

/// A folder `in` of so many small frames in folders of ten.
fn sources(count: u32) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..count {
        let night = folder.path().join(format!("in/{:03}", i / 10));
        fs::create_dir_all(&night).unwrap();
        let side = 20 + i as usize % 17;
        fs::write(night.join(format!("{i}.fits")), write_image(&frame(i, side, 31), None).unwrap()).unwrap();
    }
    folder
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let pattern = folder.join("**/*").display().to_string();
    let options = glob::MatchOptions { require_literal_leading_dot: false, ..Default::default() };
    let found = glob::glob_with(&pattern, options).unwrap().map(Result::unwrap);
    found.filter(|path| path.is_file()).map(|path| path.strip_prefix(folder).unwrap().to_owned()).collect()
}

fn rows(folder: &Path) -> Vec<Value> {
    let text: String = glob::glob(&folder.join("out/receipts/*.jsonl").display().to_string())
        .unwrap()
        .map(|path| fs::read_to_string(path.unwrap()).unwrap())
        .collect();
    text.lines().map(|row| serde_json::from_str(row).unwrap()).collect()
}

fn restored(folder: &Path) {
    succeeds(folder, &["restore", "out", "again"]);
    let (before, after) = (folder.join("in"), folder.join("again"));
    assert_eq!(files(&before), files(&after));
    for file in files(&before) {
        assert!(fs::read(before.join(&file)).unwrap() == fs::read(after.join(&file)).unwrap(), "{file:?}");
        let time = |folder: &Path| fs::metadata(folder.join(&file)).unwrap().modified().unwrap();
        assert_eq!(time(&before), time(&after), "{file:?}");
    }
}

#[test]
fn a_folder_is_archived_verified_and_restored() {
    let folder = sources(25);
    let path = folder.path();
    fs::write(path.join("in/c.npy"), npy::write(&frame(9, 5, 7))).unwrap();
    fs::write(path.join("in/notes.txt"), "left alone").unwrap();
    // No 16-bit image: kept as it is.
    let table = nf_fits::write_image(&frame(1, 3, 3), None).unwrap();
    let mut float = table.clone();
    let at = float.windows(30).position(|card| card == b"BITPIX  =                   16").unwrap();
    float[at..at + 30].copy_from_slice(b"BITPIX  =                  -32");
    fs::write(path.join("in/float.fits"), float).unwrap();
    let first = succeeds(path, &["in", "out"]);
    assert!(
        first.contains("27 archived, 0 done before, 0 failed") && first.contains("1 files are no"),
        "{first}"
    );
    assert!(path.join("out/float.fits").exists() && path.join("out/000/3.fits.nfl").exists());
    let second = succeeds(path, &["in", "out"]);
    assert!(second.contains("0 archived, 27 done before"), "{second}");
    assert_eq!(rows(path).len(), 27);
    succeeds(path, &["verify", "out"]);
    let sample = succeeds(path, &["verify", "out", "--sample", "4", "--seed", "7"]);
    assert!(sample.contains("4 of 27 files") && sample.contains("4 files are what"), "{sample}");
    fs::remove_file(path.join("in/notes.txt")).unwrap();
    restored(path);
    let again = succeeds(path, &["restore", "out", "again"]);
    assert!(again.contains("0 files written, 27 were there already"), "{again}");
    let manifest = fs::read(path.join("out/manifest.parquet")).unwrap();
    assert!(manifest.starts_with(b"PAR1") && manifest.ends_with(b"PAR1"));
}

/// Prints the rows of a manifest as JSON, as pyarrow reads them.
const MANIFEST_ROWS: &str = "
import json, sys
import pyarrow.parquet
print(json.dumps(pyarrow.parquet.read_table(sys.argv[1]).to_pylist()))
";

#[test]
fn the_manifest_says_what_the_receipts_say_to_another_reader_of_parquet() {
    let Some(python) = peer_python("pyarrow.parquet") else { return };
    let folder = sources(12);
    let path = folder.path();
    fs::write(path.join("in/broken.fits"), "SIMPLE  = what follows is no header").unwrap();
    fails(path, &["in", "out"], "1 failed");
    let manifest = path.join("out/manifest.parquet");
    let output = Command::new(python).args(["-c", MANIFEST_ROWS]).arg(manifest).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let mut table: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let mut receipts = rows(path);
    let by_source = |row: &Value| row["source"].as_str().unwrap().to_owned();
    table.sort_by_key(by_source);
    receipts.sort_by_key(by_source);
    assert_eq!((table.len(), receipts.len()), (13, 13));
    for (row, receipt) in table.iter().zip(&receipts) {
        let names = ["source", "spec", "source_bytes", "output_bytes", "source_blake3", "pixels", "seconds"];
        for name in names.into_iter().filter(|name| !receipt[name].is_null()) {
            assert_eq!(row[name], receipt[name], "{name} of {}", receipt["source"]);
        }
        assert_eq!(row["error"], receipt["error"], "{}", receipt["source"]);
    }
    assert_eq!(table.iter().filter(|row| row["error"].is_string()).count(), 1);
}

#[test]
fn killed_at_any_moment_it_loses_nothing_and_goes_on() {
    let folder = sources(150);
    let path = folder.path();
    let mut state = std::process::id();
    let mut resumed_from = Vec::new();
    for _ in 0..10 {
        let mut child =
            command(path, &["-q", "--codec", "floor", "in", "out"]).stderr(Stdio::null()).spawn().unwrap();
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        std::thread::sleep(Duration::from_millis(u64::from(state >> 24) * 2));
        let _ = child.kill();
        child.wait().unwrap();
        if let Ok(found) = fs::read(path.join("out/receipts/1-of-1.jsonl")) {
            resumed_from.push(found.iter().filter(|byte| **byte == b'\n').count());
        }
        // What has a final name is whole.
        if path.join("out/000").exists() {
            let mut test = Command::new(env!("CARGO_BIN_EXE_noisefloor"));
            let tested = test.args(["test", "-q", "-r", "out"]).current_dir(path).output().unwrap();
            let none = ["one to take", "there is no file"].iter().any(|words| said(&tested).contains(words));
            assert!(tested.status.success() || none, "{}", said(&tested));
        }
    }
    assert!(resumed_from.is_sorted(), "receipts are only ever added to: {resumed_from:?}");
    succeeds(path, &["--codec", "floor", "in", "out"]);
    let left: Vec<PathBuf> = files(&path.join("out"))
        .into_iter()
        .filter(|file| file.extension().is_some_and(|ending| ending == "part"))
        .collect();
    assert_eq!(left, Vec::<PathBuf>::new());
    succeeds(path, &["verify", "out"]);
    restored(path);
}

#[test]
fn failures_are_rows_and_do_not_stop_the_others() {
    let folder = sources(12);
    let path = folder.path();
    fs::write(path.join("in/000/bad.fits"), "no FITS").unwrap();
    fs::write(path.join("in/empty.fits"), "").unwrap();
    fails(path, &["in", "out"], "2 of 14 files failed");
    let failed: Vec<Value> = rows(path).into_iter().filter(|row| row["error"].is_string()).collect();
    assert_eq!(failed.len(), 2);
    assert!(failed.iter().any(|row| row["source"] == "000/bad.fits"));
    assert_eq!(rows(path).len(), 14);
    assert!(!path.join("out/empty.fits.nfl").exists());
    // Mended, it is done, and nothing else again.
    fs::remove_file(path.join("in/empty.fits")).unwrap();
    fs::write(path.join("in/000/bad.fits"), write_image(&frame(3, 8, 9), None).unwrap()).unwrap();
    assert!(succeeds(path, &["in", "out"]).contains("1 archived, 12 done before, 0 failed"));
}

#[test]
fn two_processes_never_work_on_one_shard() {
    let folder = sources(30);
    let path = folder.path();
    fs::write(path.join("in/large.fits"), write_image(&frame(1, 900, 1000), None).unwrap()).unwrap();
    let slow = ["--codec", "floor:level=max", "--shard", "1/1", "in", "out"];
    let mut first = command(path, &slow).stderr(Stdio::null()).spawn().unwrap();
    while !path.join("out/receipts/1-of-1.jsonl").exists() {
        std::thread::sleep(Duration::from_millis(2));
    }
    fails(path, &slow, "another process works on shard 1/1");
    let _ = first.kill();
    first.wait().unwrap();
    // Shards share the work: every file once.
    for shard in ["1/3", "2/3", "3/3"] {
        succeeds(path, &["--codec", "rice", "--shard", shard, "in", "out"]);
    }
    let rice = rows(path).into_iter().filter(|row| row["spec"] == "rice").count();
    assert_eq!(rice, 31);
    // However it is cut, what is proved is proved.
    assert!(succeeds(path, &["--codec", "rice", "in", "out"]).contains("0 archived, 31 done before"));
    restored(path);
}

#[test]
fn sources_go_when_their_receipts_are_on_the_disk_and_not_otherwise() {
    let folder = sources(10);
    let path = folder.path();
    fs::rename(path.join("in"), path.join("kept")).unwrap();
    let copy = |from: &Path, to: &Path| {
        for file in files(from) {
            fs::create_dir_all(to.join(&file).parent().unwrap()).unwrap();
            fs::copy(from.join(&file), to.join(&file)).unwrap();
        }
    };
    copy(&path.join("kept"), &path.join("in"));
    fs::copy(path.join("in/000/1.fits"), path.join("in/f.fits.gz")).unwrap();
    // Of a packed file, only the FITS file inside comes back: it is kept.
    let pack = Command::new(env!("CARGO_BIN_EXE_noisefloor"))
        .args(["fits", "pack", "--output-dir", "in", "kept/000/2.fits"])
        .current_dir(path)
        .output()
        .unwrap();
    assert!(pack.status.success());
    fs::write(path.join("in/bad.fits"), "no FITS").unwrap();
    // A run that was killed after the receipts and before it could delete.
    fails(path, &["in", "out"], "1 of 13 files failed");
    fs::write(path.join("in/000/5.fits"), write_image(&frame(77, 9, 9), None).unwrap()).unwrap();
    fails(path, &["--delete", "in", "out"], "1 of 13 files failed");
    let left: Vec<String> = files(&path.join("in")).iter().map(|file| file.display().to_string()).collect();
    assert_eq!(left, ["2.fits.fz", "bad.fits"]);
    succeeds(path, &["restore", "out", "again"]);
    for file in files(&path.join("kept")).iter().filter(|file| !file.ends_with("5.fits")) {
        assert!(
            fs::read(path.join("kept").join(file)).unwrap()
                == fs::read(path.join("again").join(file)).unwrap()
        );
    }
    assert!(fs::read(path.join("again/2.fits")).unwrap() == fs::read(path.join("kept/000/2.fits")).unwrap());
}

#[test]
fn outputs_of_others_are_not_replaced() {
    let folder = sources(2);
    let path = folder.path();
    fs::create_dir_all(path.join("out/000")).unwrap();
    fs::write(path.join("out/000/0.fits.nfl"), "somebody's").unwrap();
    fails(path, &["in", "out"], "--force replaces it");
    assert_eq!(fs::read(path.join("out/000/0.fits.nfl")).unwrap(), b"somebody's");
    succeeds(path, &["--force", "in", "out"]);
    // One that holds the source is redone without a word: a run was killed before its receipt.
    fs::remove_dir_all(path.join("out/receipts")).unwrap();
    succeeds(path, &["in", "out"]);
    restored(path);
    fails(path, &["in", "in"], "lie in the archive");
    fails(path, &["in/000/0.fits", "out"], "expected a folder");
    fails(path, &["verify", "in"], "no receipts");
    fs::write(path.join("again/000/0.fits"), "changed").unwrap();
    fails(path, &["restore", "out", "again"], "--force");
    succeeds(path, &["restore", "--force", "out", "again"]);
}

#[test]
fn damage_is_found() {
    let folder = sources(5);
    let path = folder.path();
    succeeds(path, &["in", "out"]);
    let damaged = path.join("out/000/2.fits.nfl");
    let mut bytes = fs::read(&damaged).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&damaged, bytes).unwrap();
    fs::remove_file(path.join("out/000/3.fits.nfl")).unwrap();
    fails(path, &["verify", "out"], "2 of 5 files are damaged or missing");
    fails(path, &["restore", "out", "again"], "2 of 5 files failed");
    assert!(!path.join("again/000/2.fits").exists() && path.join("again/000/1.fits").exists());
    // The lost one is made again; the damaged one has the length of its receipt.
    assert!(succeeds(path, &["in", "out"]).contains("1 archived, 4 done before"));
    // Receipts are somebody else's bytes: they lead nowhere else.
    let receipts = path.join("out/receipts/1-of-1.jsonl");
    let text = fs::read_to_string(&receipts).unwrap().replace("\"000/1.fits\"", "\"../escaped.fits\"");
    fs::write(&receipts, text).unwrap();
    fails(path, &["restore", "out", "again2"], "no name below");
    assert!(!path.join("escaped.fits").exists());
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_told_and_leaves_nothing_half() {
    let folder = sources(6);
    let path = folder.path();
    fs::write(path.join("in/large.fits"), write_image(&frame(1, 300, 300), None).unwrap()).unwrap();
    // A limit on the length of files stands for the end of the disk.
    let limited = |blocks: u32| {
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" archive -q -c raw in out");
        Command::new("bash")
            .args(["-c", &script, env!("CARGO_BIN_EXE_noisefloor")])
            .current_dir(path)
            .output()
            .unwrap()
    };
    let output = limited(32);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("cannot be written"), "{}", said(&output));
    assert!(!path.join("out/large.fits.nfl").exists() && path.join("out/000/1.fits.nfl").exists());
    // No room even for receipts: the run ends, and nothing is believed that has none.
    fs::remove_dir_all(path.join("out")).unwrap();
    let output = limited(3);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    succeeds(path, &["-c", "raw", "in", "out"]);
    assert!(files(&path.join("out")).iter().all(|file| file.extension().is_none_or(|e| e != "part")));
    restored(path);
}

#[test]
fn a_source_that_changes_is_archived_as_it_is_then() {
    let folder = sources(3);
    let path = folder.path();
    succeeds(path, &["in", "out"]);
    fs::write(path.join("in/000/1.fits"), write_image(&frame(99, 12, 12), None).unwrap()).unwrap();
    assert!(succeeds(path, &["in", "out"]).contains("1 archived, 2 done before"));
    restored(path);
    // While a run reads them, sources are written to: each is whole, or told.
    let writer_path = path.join("in/000/2.fits");
    let writer = std::thread::spawn(move || {
        for i in 0..200 {
            fs::write(&writer_path, write_image(&frame(i, 30, 30), None).unwrap()).unwrap();
        }
    });
    for _ in 0..5 {
        run(path, &["in", "out"]);
        succeeds(path, &["verify", "out"]);
    }
    writer.join().unwrap();
    succeeds(path, &["in", "out"]);
    fs::remove_dir_all(path.join("again")).unwrap();
    restored(path);
}
