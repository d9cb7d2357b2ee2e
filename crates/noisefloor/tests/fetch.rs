//! `noisefloor data fetch`: where files are put, what it would take, and who goes on where another
//! was stopped.
#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

mod program;
#[path = "../../nf-data/tests/server/mod.rs"]
mod server;

use program::{FILE, SIDE, blobs, failed, good, noisefloor, on_full_disk, one_file, text, wait_for_bytes};
use server::frames::{CACHED, plain, repository, row};
use server::{COMMIT, Fault};
use std::fs;
use std::process::Stdio;
use std::time::Duration;

/// The variables decide where the hub's files are put: its own first, then ours, then the usual
/// place; what lies in the others is used.
#[test]
fn the_hubs_variables_say_where_its_files_are_put() {
    let folder = tempfile::tempdir().unwrap();
    let (server, bytes) = one_file();
    let digest = server::digest(FILE, &bytes);
    let home = folder.path().join("home");
    let run = |variables: &[(&str, &str)]| {
        let mut command = noisefloor(folder.path(), &server.endpoint, &["data", "fetch", "lco"]);
        command.env_remove("HF_HOME").env_remove("NOISEFLOOR_CACHE").env_remove("XDG_CACHE_HOME");
        command.env("HOME", &home);
        command.envs(variables.iter().map(|(name, value)| (*name, folder.path().join(value))));
        good(&command.output().unwrap());
    };
    let blob = |cache: &str| folder.path().join(cache).join(CACHED).join("blobs").join(&digest);
    run(&[("HF_HUB_CACHE", "a"), ("HUGGINGFACE_HUB_CACHE", "b"), ("NOISEFLOOR_CACHE", "c")]);
    assert!(blob("a").exists() && !folder.path().join("b").exists() && !blob("c").exists());
    run(&[("HUGGINGFACE_HUB_CACHE", "b"), ("NOISEFLOOR_CACHE", "c")]);
    assert!(blob("b").exists() && !blob("c").exists());
    run(&[("NOISEFLOOR_CACHE", "c")]);
    assert!(blob("c").exists());
    assert_eq!(server.ranges(FILE).len(), 3);
    // In the usual place, ours being used where it lies.
    run(&[("NOISEFLOOR_CACHE", "c"), ("HF_HOME", "d")]);
    assert_eq!(server.ranges(FILE).len(), 3);
    run(&[]);
    assert!(blob("home/.cache/huggingface/hub").exists());
    assert_eq!(server.ranges(FILE).len(), 4);
}

#[test]
fn tokens_are_read_from_the_file_that_logging_in_writes() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = one_file();
    fs::create_dir(folder.path().join("hf")).unwrap();
    fs::write(folder.path().join("hf/token"), "hf_abc\n").unwrap();
    good(&noisefloor(folder.path(), &server.endpoint, &["data", "fetch", "lco"]).output().unwrap());
    assert!(server.token_came() && !server.token_leaked());
    fs::write(folder.path().join("hf/token"), "two words\n").unwrap();
    let line =
        failed(&noisefloor(folder.path(), &server.endpoint, &["data", "fetch", "lco"]).output().unwrap());
    assert!(line.contains("the token holds characters") && !line.contains("words"), "{line}");
}

#[test]
fn a_dry_run_says_what_a_fetch_would_take() {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<String> = (0..3).map(|i| format!("data/LCO/{i}.fits")).collect();
    let rows: Vec<String> = paths.iter().map(|path| row(path, ",\"telescope\":\"LCO\"")).collect();
    let files = paths.iter().enumerate().map(|(i, path)| (path.clone(), plain(i, &[SIDE, SIDE]))).collect();
    let server = repository(&rows, files);
    let run = |more: &[&str]| {
        let arguments = [&["data", "fetch", "lco", "--split", "full-test"][..], more].concat();
        noisefloor(folder.path(), &server.endpoint, &arguments).output().unwrap()
    };
    let printed = good(&run(&["--dry-run"]));
    assert!(printed.contains("lco/default@full-test: 3 images in 3 files of 3.67 MiB"), "{printed}");
    assert!(printed.contains(&format!("at commit {COMMIT}")), "{printed}");
    assert!(
        printed.contains("here      0 files") && printed.contains("to fetch  3 files of 3.67 MiB\n"),
        "{printed}"
    );
    assert!(printed.contains("hf/hub/datasets--AstroCompress--GBI-16-2D-Legacy"), "{printed}");
    if cfg!(unix) {
        assert!(printed.contains(" free\n"), "{printed}");
    }
    assert_eq!(server.requests_of("/cdn/data/"), 0);
    // One file, and a part of the next.
    let printed = good(&run(&["--max-gb", "0.002"]));
    assert!(printed.contains("lco/default@full-test: 1 images"), "{printed}");
    assert!(printed.contains("2 files of 2.45 MiB left out by --max-gb"), "{printed}");
    assert_eq!(server.requests_of("/cdn/data/"), 1);
    let second = plain(1, &[SIDE, SIDE]);
    let part = blobs(folder.path()).join(format!("{}.part", server::digest("x.fits", &second)));
    fs::write(&part, &second[..1 << 20]).unwrap();
    let printed = good(&run(&["--dry-run"]));
    assert!(printed.contains("here      1 file of"), "{printed}");
    assert!(printed.contains("to fetch  2 files of 2.45 MiB, of which 1.00 MiB are here"), "{printed}");
    // It ends what was begun.
    good(&run(&[]));
    assert_eq!(server.ranges(&paths[1]), [Some(format!("bytes={}-", 1 << 20))]);
    let printed = good(&run(&["--dry-run"]));
    assert!(printed.contains("to fetch  0 files"), "{printed}");
    // A limit of the cache is told before anything is fetched, and --max-gb goes beyond it.
    let mut limited = noisefloor(folder.path(), &server.endpoint, &["data", "fetch", "lco@full-test"]);
    let line = failed(&limited.env("NOISEFLOOR_CACHE_GB", "0.001").output().unwrap());
    assert!(line.contains("fetched files may take 976.56 KiB") && line.contains("--max-gb"), "{line}");
}

#[cfg(unix)]
#[test]
fn a_process_that_is_killed_while_it_fetches_leaves_the_rest_to_who_waits() {
    let folder = tempfile::tempdir().unwrap();
    let (server, bytes) = one_file();
    let sent = 300_000;
    server.fault(FILE, Fault::StallAfter(sent));
    let start = || {
        let mut command = noisefloor(folder.path(), &server.endpoint, &["data", "fetch", "lco@full-test"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut first = start();
    let digest = server::digest(FILE, &bytes);
    let part = blobs(folder.path()).join(format!("{digest}.part"));
    wait_for_bytes(&part, sent as u64, &mut first);
    let second = start();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(server.ranges(FILE).len(), 1, "the second waits for the first");
    first.kill().unwrap();
    first.wait().unwrap();
    good(&second.wait_with_output().unwrap());
    assert_eq!(server.ranges(FILE), [None, Some(format!("bytes={sent}-"))]);
    assert_eq!(fs::read(blobs(folder.path()).join(&digest)).unwrap(), bytes);
}

#[cfg(unix)]
#[test]
fn a_disk_that_fills_keeps_what_came_and_the_next_fetch_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (server, bytes) = one_file();
    let fetch = ["data", "fetch", "lco@full-test"];
    let mut command = on_full_disk(folder.path(), &server.endpoint, 500, &fetch);
    let output = command.output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let line = said.lines().next().unwrap();
    assert!(line.contains("what came is kept") && line.contains("HF_HUB_CACHE"), "{said}");
    let digest = server::digest(FILE, &bytes);
    let part = blobs(folder.path()).join(format!("{digest}.part"));
    let kept = fs::metadata(&part).unwrap().len();
    assert!(kept >= 500 * 512 && kept < bytes.len() as u64, "{kept}");
    assert!(!blobs(folder.path()).join(&digest).exists());
    good(&noisefloor(folder.path(), &server.endpoint, &fetch).output().unwrap());
    assert_eq!(server.ranges(FILE), [None, Some(format!("bytes={kept}-"))]);
    assert_eq!(fs::read(blobs(folder.path()).join(&digest)).unwrap(), bytes);
}
