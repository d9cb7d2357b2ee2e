//! `noisefloor data` as a person meets it, and the hub's benchmark from end to end against a stand-in for the hub.
#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

#[path = "../../nf-data/tests/server/mod.rs"]
mod server;

use serde_json::Value;
use server::frames::{benchmark, plain, repository, row, value};
use server::{COMMIT, Fault, Server};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The program in `folder`, with its cache there and the hub at `endpoint`.
fn noisefloor(folder: &Path, endpoint: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_noisefloor"));
    command.args(arguments).current_dir(folder);
    for name in ["NOISEFLOOR_DATA", "HF_TOKEN", "HF_HUB_OFFLINE", "HF_HUB_CACHE", "HF_HOME"] {
        command.env_remove(name);
    }
    command.env("NOISEFLOOR_CACHE", folder.join("cache")).env("HF_ENDPOINT", endpoint);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn good(output: &Output) -> String {
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Checks that it failed with exit code 1 and one line, and gives that line.
fn failed(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    let lines = text(&output.stderr);
    assert_eq!(lines.lines().count(), 1, "{lines}");
    assert!(lines.starts_with("noisefloor: "), "{lines}");
    lines.trim().to_owned()
}

const FILE: &str = "data/LCO/a.fits";
const SIDE: usize = 800;

fn one_file() -> (Server, Vec<u8>) {
    let bytes = plain(2, &[SIDE, SIDE]);
    let rows = [row(FILE, ",\"telescope\":\"LCO\"")];
    (repository(&rows, vec![(FILE.into(), bytes.clone())]), bytes)
}

fn blobs(folder: &Path) -> PathBuf {
    folder.join("cache/datasets--AstroCompress--GBI-16-2D-Legacy/blobs")
}

#[cfg(unix)]
#[test]
fn a_fetch_that_was_killed_is_finished_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let (server, bytes) = one_file();
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let sent = 700_001;
    server.fault(FILE, Fault::StallAfter(sent));
    let mut first = noisefloor(folder.path(), &server.endpoint, &["data", "fetch", "lco@full-test"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let part = blobs(folder.path()).join(format!("{digest}.part"));
    let start = Instant::now();
    while fs::metadata(&part).map_or(0, |meta| meta.len()) < sent as u64 {
        assert!(start.elapsed() < Duration::from_secs(120), "the first part never came");
        assert!(first.try_wait().unwrap().is_none(), "it ended before it was killed");
        std::thread::sleep(Duration::from_millis(5));
    }
    // SIGKILL: the program can do nothing about it.
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(!blobs(folder.path()).join(&digest).exists(), "nothing unfinished under the final name");

    let again =
        noisefloor(folder.path(), &server.endpoint, &["data", "fetch", "lco@full-test"]).output().unwrap();
    let samples: Vec<u16> = (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| value(2, x, y, 0))).collect();
    let printed = good(&again);
    assert!(printed.contains(&nf_image::Digest::of_samples(&samples).to_string()), "{printed}");
    assert_eq!(server.ranges(FILE), [None, Some(format!("bytes={sent}-"))]);
    assert_eq!(fs::read(blobs(folder.path()).join(&digest)).unwrap(), bytes);
    assert!(!part.exists());
}

#[test]
fn one_command_benches_the_eight_experiments() {
    let folder = tempfile::tempdir().unwrap();
    let server = benchmark(48);
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/suites/astrocompress-tiny.toml");
    let suite = suite.canonicalize().unwrap();
    let arguments = ["bench", suite.to_str().unwrap(), "--repeats", "0", "--json"];
    let output = noisefloor(folder.path(), &server.endpoint, &arguments).output().unwrap();
    let report: Value = serde_json::from_str(&good(&output)).unwrap();
    let run = fs::read_dir(folder.path().join("results/runs")).unwrap().next().unwrap().unwrap().path();
    let rows = fs::read_to_string(run.join("measurements.csv")).unwrap();
    let expected = [
        ("lco", 1),
        ("keck", 1),
        ("hst", 2),
        ("jwst", 1),
        ("sdss", 1),
        ("jwst-res", 4),
        ("jwst-res-centred", 4),
        ("sdss-3d", 1),
        ("sdss-3t", 1),
    ];
    let codecs = report["suite"]["codecs"].as_array().map_or(13, Vec::len);
    for (dataset, images) in expected {
        let found = rows.lines().filter(|line| line.starts_with(&format!("{dataset},"))).count();
        assert_eq!(found, images * codecs, "{dataset}: {rows}");
    }
    // Every stream was decoded and compared, and the run says which commit of the hub it read.
    let datasets = report["datasets"].as_array().unwrap();
    let verified = datasets.iter().flat_map(|dataset| dataset["codecs"].as_array().unwrap());
    assert!(
        verified.clone().count() >= codecs && verified.clone().all(|row| row["images_ok"] == row["images"])
    );
    let table = fs::read_to_string(run.join("table.md")).unwrap();
    assert_eq!(table.matches(&format!("at commit {COMMIT}")).count(), expected.len(), "{table}");
    // Offline, the same command needs nothing but the cache.
    let before = server.requests();
    let arguments = ["bench", suite.to_str().unwrap(), "--repeats", "0", "--codecs", "raw"];
    let offline = noisefloor(folder.path(), &server.endpoint, &arguments).env("HF_HUB_OFFLINE", "1").output();
    good(&offline.unwrap());
    assert_eq!(server.requests(), before);
}

#[test]
fn tiles_are_packed_into_a_store_that_is_a_dataset() {
    let folder = tempfile::tempdir().unwrap();
    let run =
        |arguments: &[&str]| noisefloor(folder.path(), "http://localhost:9", arguments).output().unwrap();
    let pack =
        ["data", "pack", "sim-lco", "tiles.parquet", "--size", "32", "--per-image", "5", "--seed", "3"];
    let printed = good(&run(&pack));
    assert!(printed.contains("10 rows of 32x32 pixels from 2 images of sim-lco/window@test"), "{printed}");
    assert!(printed.contains(" rows per second"), "{printed}");
    assert!(failed(&run(&pack)).contains("tiles.parquet: the file exists already"));
    let inspected = good(&run(&["data", "inspect", "tiles.parquet", "--json"]));
    assert_eq!(inspected.lines().count(), 10);
    let line: Value = serde_json::from_str(inspected.lines().next().unwrap()).unwrap();
    assert_eq!((&line["height"], &line["width"]), (&32.into(), &32.into()));
    let line = failed(&run(&["data", "pack", "sim-lco", "other.parquet", "--size", "9999"]));
    assert!(line.contains("size_px is 9999"), "{line}");
    assert!(!folder.path().join("other.parquet").exists());
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 1, "no temporary file is left");
}

#[test]
fn mistakes_of_a_fetch_give_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = one_file();
    let run =
        |endpoint: &str, arguments: &[&str]| noisefloor(folder.path(), endpoint, arguments).output().unwrap();
    let line = failed(&run(&server.endpoint, &["data", "fetch", "lcoo"]));
    assert!(line.contains("lcoo: no such dataset") && line.contains("keck, lco, real-instruments"), "{line}");
    let line = failed(&run(&server.endpoint, &["data", "fetch", "lco@huge"]));
    assert!(line.contains("no such split, there are: tiny-train, tiny-test"), "{line}");
    let mut offline = noisefloor(folder.path(), &server.endpoint, &["data", "fetch", "lco"]);
    let line = failed(&offline.env("HF_HUB_OFFLINE", "1").output().unwrap());
    assert!(line.contains("offline, and never listed before"), "{line}");
    // A file in the place of the cache's folder.
    fs::write(folder.path().join("cache"), "").unwrap();
    let line = failed(&run(&server.endpoint, &["data", "fetch", "lco"]));
    assert!(line.contains("cache") && line.contains("NOISEFLOOR_CACHE"), "{line}");
}
