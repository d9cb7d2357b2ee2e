//! `noisefloor data` as a person meets it, and the hub's benchmark from end to end against a
//! stand-in for the hub.
#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

mod program;
#[path = "../../nf-data/tests/server/mod.rs"]
mod server;

use program::{FILE, SIDE, blobs, failed, good, noisefloor, on_full_disk, one_file, text, wait_for_bytes};
use serde_json::Value;
use server::frames::{CACHED, benchmark, plain, row, value};
use server::{COMMIT, Fault, REVISION, Server};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

#[cfg(unix)]
#[test]
fn a_fetch_that_was_killed_is_finished_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let (server, bytes) = one_file();
    let digest = server::digest(FILE, &bytes);
    let sent = 700_001;
    server.fault(FILE, Fault::StallAfter(sent));
    let mut first = noisefloor(folder.path(), &server.endpoint, &["data", "fetch", "lco@full-test"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let part = blobs(folder.path()).join(format!("{digest}.part"));
    wait_for_bytes(&part, sent as u64, &mut first);
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
    let report: Value = serde_json::from_str(good(&output).lines().last().unwrap()).unwrap();
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

#[cfg(unix)]
#[test]
fn a_packing_that_was_killed_or_found_the_disk_full_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let pack = |output| ["data", "pack", "sim-star-field@train", output, "--size", "64", "--stride", "16"];
    let command = |output| noisefloor(folder.path(), "http://localhost:9", &pack(output));
    let path = |name: &str| folder.path().join(name);
    good(&command("whole.parquet").output().unwrap());
    let whole = fs::read(path("whole.parquet")).unwrap();
    for part_bytes in [1, 20_000_000, 40_000_000] {
        let mut child = command("t.parquet").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_for_bytes(&path("t.parquet.part"), part_bytes, &mut child);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!path("t.parquet").exists(), "nothing unfinished under the final name");
    }
    // A file may grow to 51 MB here, and then the disk is full.
    let mut limited = on_full_disk(folder.path(), "http://localhost:9", 50_000, &pack("t.parquet"));
    let failure = failed(&limited.output().unwrap());
    assert!(failure.contains("t.parquet") && failure.contains("goes on with t.parquet.part"), "{failure}");
    assert!(failure.contains("large") || failure.contains("space"), "{failure}");
    let last = command("t.parquet").output().unwrap();
    assert!(text(&last.stderr).contains("tiles that were packed before"), "{}", text(&last.stderr));
    good(&last);
    assert!(fs::read(path("t.parquet")).unwrap() == whole, "other bytes");
    assert!(!path("t.parquet.part").exists() && !path("t.parquet.part.journal").exists());
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
    let line = failed(&run(&server.endpoint, &["data", "fetch", "sim-lco", "--max-gb", "0"]));
    assert!(line.contains("--max-gb: 0 gigabytes"), "{line}");
    server.fault(REVISION, Fault::Refused(401, ""));
    let line = failed(&run(&server.endpoint, &["data", "fetch", "lco"]));
    assert!(line.contains("set HF_TOKEN") && line.contains("AstroCompress/GBI-16-2D-Legacy"), "{line}");
    // A file in the place of the cache's folder.
    fs::create_dir(folder.path().join("hf")).unwrap();
    fs::write(folder.path().join("hf/hub"), "").unwrap();
    let line = failed(&run(&server.endpoint, &["data", "fetch", "lco"]));
    assert!(line.contains("hf/hub") && line.contains("HF_HUB_CACHE"), "{line}");
}

/// A night of two good files, half of one, and two that are no images.
fn night(folder: &Path) -> PathBuf {
    let night = folder.join("night");
    fs::create_dir(&night).unwrap();
    let half = plain(2, &[40, 30]);
    for (name, bytes) in [
        ("a.fits", &plain(1, &[40, 30])[..]),
        ("b.fits", &half[..half.len() / 2]),
        ("c.fits", &plain(3, &[40, 30])),
        ("d.fits", b""),
        ("e.fits", b"Dear observer,"),
    ] {
        fs::write(night.join(name), bytes).unwrap();
    }
    night
}

#[test]
fn one_bad_file_does_not_cost_the_night() {
    let folder = tempfile::tempdir().unwrap();
    night(folder.path());
    let run =
        |arguments: &[&str]| noisefloor(folder.path(), "http://localhost:9", arguments).output().unwrap();
    for (arguments, words) in [
        (&["data", "inspect", "night", "--json"][..], ["\"name\":\"a\"", "\"name\":\"c\""]),
        (&["data", "fetch", "night"], ["a 30x40", "c 30x40"]),
        (
            &["data", "pack", "night", "t.parquet", "--size", "8"],
            ["from 2 images of night", "digest of the samples"],
        ),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(words.iter().all(|words| out.contains(words)), "{arguments:?}: {out}");
        let lines: Vec<&str> = err.lines().collect();
        assert_eq!(lines.len(), 4, "{err}");
        for (line, name) in
            lines.iter().zip(["b.fits", "d.fits", "e.fits", "3 of 5 images could not be read"])
        {
            assert_eq!(line.matches(name).count(), 1, "{err}");
        }
    }
    let tiles = good(&run(&["data", "inspect", "t.parquet", "--json"]));
    assert!(tiles.contains("\"name\":\"c.p000") && !tiles.contains("\"name\":\"b."), "{tiles}");
}

#[test]
fn endings_in_capitals_are_read_and_others_named() {
    let folder = tempfile::tempdir().unwrap();
    let night = folder.path().join("night");
    fs::create_dir(&night).unwrap();
    for (seed, name) in (0..).zip(["B.FITS", "C.FIT", "a.fits", "d.fts"]) {
        fs::write(night.join(name), plain(seed, &[9, 7])).unwrap();
    }
    fs::write(night.join("e.fits.xz"), b"\x1f\x9d").unwrap();
    let output =
        noisefloor(folder.path(), "http://localhost:9", &["data", "inspect", "night", "--json"]).output();
    let output = output.unwrap();
    assert_eq!(good(&output).lines().count(), 4);
    let told = text(&output.stderr);
    assert!(told.lines().count() == 1 && told.contains("night: left out: e.fits.xz;"), "{told}");
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_no_text_are_taken() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let night = OsStr::from_bytes(b"n\xfcit");
    fs::create_dir(folder.path().join(night)).unwrap();
    for name in [&b"fr\xe8d.fits"[..], b"fr\xe9d.fits"] {
        fs::write(folder.path().join(night).join(OsStr::from_bytes(name)), plain(1, &[9, 7])).unwrap();
    }
    let mut command =
        noisefloor(folder.path(), "http://localhost:9", &["data", "inspect", "--preview", "png"]);
    let printed = good(&command.arg(night).output().unwrap());
    assert!(printed.contains("fr\\xE8d") && printed.contains("fr\\xE9d"), "{printed}");
    assert_eq!(fs::read_dir(folder.path().join("png")).unwrap().count(), 2);
}

#[test]
fn previews_stay_in_their_folder_and_replace_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // Names of images: a path upwards, an absolute one, and one with a folder in it.
    let store = Path::new(env!("CARGO_MANIFEST_DIR")).join("../nf-data/tests/fixtures/names_outside.parquet");
    let store = store.canonicalize().unwrap();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let run = |more: &[&str]| {
        let arguments = ["data", "inspect", store.to_str().unwrap(), "--preview", "png"];
        noisefloor(&inner, "http://localhost:9", &[&arguments[..], more].concat()).output().unwrap()
    };
    let images = good(&run(&["--json"])).lines().count();
    let previews = || fs::read_dir(inner.join("png")).unwrap().map(|entry| entry.unwrap());
    assert_eq!(previews().count(), images);
    assert!(previews().all(|entry| entry.file_type().unwrap().is_file()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing beside the folder");
    assert_eq!(fs::read_dir(&inner).unwrap().count(), 1, "nothing beside the previews");
    let first = previews().next().unwrap().path();
    fs::write(&first, "mine").unwrap();
    let line = failed(&run(&["--json"]));
    assert!(line.contains("the file exists already; --force replaces it"), "{line}");
    assert_eq!(fs::read_to_string(&first).unwrap(), "mine");
    good(&run(&["--json", "--force"]));
    assert_ne!(fs::read(&first).unwrap(), b"mine");
}

#[test]
fn two_processes_fetch_into_one_cache() {
    let folder = tempfile::tempdir().unwrap();
    let (server, bytes) = one_file();
    // The first of them comes to know that nothing more comes, and goes on where it was.
    server.fault(FILE, Fault::StallAfter(100_000));
    let start = || {
        let mut command = noisefloor(folder.path(), &server.endpoint, &["data", "fetch", "lco@full-test"]);
        command.env("HF_HUB_DOWNLOAD_TIMEOUT", "2");
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let outputs = [start(), start()].map(|process| good(&process.wait_with_output().unwrap()));
    assert_eq!(outputs[0], outputs[1]);
    assert_eq!(server.ranges(FILE), [None, Some("bytes=100000-".into())]);
    let digest = server::digest(FILE, &bytes);
    assert_eq!(fs::read(blobs(folder.path()).join(&digest)).unwrap(), bytes);
    let left = fs::read_dir(blobs(folder.path())).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.filter_map(|name| name.into_string().ok()).all(|name| !name.contains('.')));
}

#[test]
fn a_cache_of_another_client_and_a_copy_are_read_without_a_network() {
    let folder = tempfile::tempdir().unwrap();
    let rows = row(FILE, ",\"telescope\":\"LCO\"");
    let write_copy = |place: &Path| {
        for (path, bytes) in [("splits/tiny_test.jsonl", rows.as_bytes()), (FILE, &plain(2, &[9, 4]))] {
            fs::create_dir_all(place.join(path).parent().unwrap()).unwrap();
            fs::write(place.join(path), bytes).unwrap();
        }
    };
    let offline = |arguments: &[&str]| {
        let mut command = noisefloor(folder.path(), "http://localhost:9", arguments);
        command.env("HF_HUB_OFFLINE", "1").output().unwrap()
    };
    let line = failed(&offline(&["data", "inspect", "lco"]));
    assert!(
        line.contains("--data DIR") && line.contains("HF_HUB_CACHE") && line.contains("No network here"),
        "{line}"
    );
    write_copy(&folder.path().join("copy"));
    let inspected = good(&offline(&["data", "inspect", "lco", "--data", "copy"]));
    assert!(inspected.contains("from the copy in") && inspected.contains("a  4x9"), "{inspected}");
    let cached = folder.path().join("hf/hub").join(CACHED);
    write_copy(&cached.join("snapshots").join(COMMIT));
    fs::create_dir_all(cached.join("refs")).unwrap();
    fs::write(cached.join("refs/main"), COMMIT).unwrap();
    let inspected = good(&offline(&["data", "inspect", "lco"]));
    assert!(
        inspected.contains(&format!("at commit {COMMIT}")) && inspected.contains("a  4x9"),
        "{inspected}"
    );
}

#[test]
fn a_hub_that_falls_silent_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = one_file();
    (0..3).for_each(|_| server.fault(REVISION, Fault::Silent));
    let mut command = noisefloor(folder.path(), &server.endpoint, &["data", "fetch", "lco"]);
    let start = Instant::now();
    let line = failed(&command.env("HF_HUB_DOWNLOAD_TIMEOUT", "0.2").output().unwrap());
    assert!(line.contains("fallen silent (asked 3 times)"), "{line}");
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

#[cfg(unix)]
#[test]
fn a_disk_that_is_full_keeps_no_part_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        on_full_disk(folder.path(), "http://localhost:9", 100, arguments).output().unwrap()
    };
    let line = failed(&run(&["data", "simulate", "sim-lco", "out", "--first", "1"]));
    assert!(line.contains("out/lco-000001.fits") || line.contains("out/sim-lco-000001.fits"), "{line}");
    assert!(line.contains("cannot be written"), "{line}");
    assert_eq!(fs::read_dir(folder.path().join("out")).unwrap().count(), 0);
    let line = failed(&run(&["data", "pack", "sim-lco", "t.parquet", "--size", "64"]));
    assert!(line.contains("too large"), "{line}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "the folder made before");
}

#[test]
fn simulated_files_replace_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let run = |more: &[&str]| {
        let arguments = ["data", "simulate", "sim-lco", "out", "--first", "1"];
        noisefloor(folder.path(), "http://localhost:9", &[&arguments[..], more].concat()).output().unwrap()
    };
    good(&run(&[]));
    assert!(failed(&run(&[])).contains("sim-lco-000001.fits: the file exists already; --force replaces it"));
    good(&run(&["--force"]));
}

#[test]
fn frames_come_from_their_origins_or_from_a_mirror() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start([("frames/a.fits".to_owned(), plain(1, &[20, 10]))]);
    let image = nf_image::Image16::from_fn(nf_image::Shape::frame(10, 20), |_, y, x| value(1, x, y, 0));
    let entry = |name: &str, path: &str| {
        format!(
            "[[file]]\nname = '{name}.fits'\n\
             images = [{{ shape = [1, 10, 20], blake3 = '{}' }}]\n\
             sources = [{{ repository = 'o/n', path = '{path}' }}]\n",
            image.digest()
        )
    };
    let manifest = |entries: &str| {
        let head = "name = 'm'\ntitle = 't'\ninstrument = 'i'\nlicence = 'l'\norigin = 'o'\n";
        fs::write(folder.path().join("m.toml"), format!("{head}[source]\nfolder = 'frames'\n{entries}"))
            .unwrap();
    };
    let mirror = format!("{}/cdn/{{path}}", server.endpoint);
    let fetch = || {
        let arguments = ["data", "fetch", "m.toml", "--mirror", &mirror];
        noisefloor(folder.path(), &server.endpoint, &arguments).output().unwrap()
    };
    manifest(&(entry("gone", "frames/gone.fits") + &entry("here", "frames/a.fits")));
    let output = fetch();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("frames/gone.fits") && said.contains("1 of 2 frames"), "{said}");
    manifest(&entry("here", "frames/a.fits"));
    let said = good(&fetch());
    assert!(said.contains(&image.digest().to_string()) && !said.contains("fetched to"), "{said}");
    // A dataset without origins has no use for a mirror.
    let error = failed(
        &noisefloor(folder.path(), &server.endpoint, &["data", "fetch", "sim-lco", "--mirror", &mirror])
            .output()
            .unwrap(),
    );
    assert!(error.contains("--mirror") && error.contains("sim-lco"), "{error}");
}
