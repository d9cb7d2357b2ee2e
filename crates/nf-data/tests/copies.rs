//! Copies of a repository that lie on the disk: what other clients of the hub have fetched, and
//! folders that are named.
#![allow(clippy::unwrap_used, reason = "tests")]

mod server;

use nf_data::hub::{Patience, StreamOptions};
use nf_data::{Dataset, Error, OpenOptions, open};
use server::COMMIT;
use server::frames::{CACHED, FILE, one_file, plain, row, value};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Quick to give up.
fn stream(endpoint: &str, cache: &Path) -> StreamOptions {
    let patience = Patience {
        attempts: 4,
        pause: Duration::from_millis(2),
        silence: Duration::from_millis(300),
        ..Patience::default()
    };
    server::stream(endpoint, cache, patience)
}

const LEGACY: &str = "AstroCompress/GBI-16-2D-Legacy";
const LIST: &str = "splits/tiny_test.jsonl";

/// A split of two files, of which the copies below hold the first.
fn list_of_two() -> Vec<u8> {
    let rows = [FILE, "data/LCO/absent.fits"].map(|path| row(path, ",\"telescope\":\"LCO\""));
    rows.join("\n").into_bytes()
}

/// Writes the files of a copy below `folder`.
fn write_copy(folder: &Path) {
    for (path, bytes) in [(LIST, list_of_two()), (FILE, plain(2, &[90, 40]))] {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// Checks that the set has the image that is there, and names the one that is not.
fn check_copy(set: &dyn Dataset, origin: &str) {
    let names: Vec<String> = (0..set.len()).map(|index| set.name(index)).collect();
    assert_eq!(names, ["a", "absent"]);
    assert_eq!(set.image(0).unwrap().row(0, 39)[89], value(2, 89, 39, 0));
    let error = set.image(1).unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error}");
    assert!(error.to_string().contains("data/LCO/absent.fits"), "{error}");
    assert!(set.card().origin.contains(origin), "{}", set.card().origin);
}

#[test]
fn a_cache_of_another_client_is_read_offline() {
    for has_links in [false, true] {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let cached = other.path().join(CACHED);
        let snapshot = cached.join("snapshots").join(COMMIT);
        write_copy(&snapshot);
        fs::create_dir_all(cached.join("refs")).unwrap();
        fs::write(cached.join("refs/main"), COMMIT).unwrap();
        if has_links {
            // As the hub's own client lays it out where links are to be had.
            #[cfg(unix)]
            for (path, digest) in [(LIST, "1".repeat(40)), (FILE, "2".repeat(64))] {
                let blob = cached.join("blobs").join(digest);
                fs::create_dir_all(blob.parent().unwrap()).unwrap();
                fs::rename(snapshot.join(path), &blob).unwrap();
                std::os::unix::fs::symlink(&blob, snapshot.join(path)).unwrap();
            }
        }
        let server = one_file();
        let mut options = stream(&server.endpoint, &dir.path().join("cache"));
        (options.hub.offline, options.hub_cache) = (true, other.path().to_owned());
        let with =
            |options: &StreamOptions| OpenOptions { stream: Some(options.clone()), ..OpenOptions::default() };
        check_copy(&*open("lco", &with(&options)).unwrap(), COMMIT);
        let error = open("hst", &with(&options)).err().unwrap().to_string();
        assert!(error.contains("never listed") && error.contains("No network here"), "{error}");
        assert_eq!(server.requests(), 0);
        // Where nobody answers it is the same.
        options.hub.offline = false;
        options.hub.endpoint = "http://127.0.0.1:1".into();
        check_copy(&*open("lco", &with(&options)).unwrap(), COMMIT);
        assert!(!dir.path().join("cache").exists(), "nothing was fetched, so nothing is kept");
    }
}

#[test]
fn a_folder_that_is_named_holds_a_copy_of_a_repository() {
    let (server, cache) = (one_file(), tempfile::tempdir().unwrap());
    let with = |data: &Path| OpenOptions {
        data: Some(data.to_owned()),
        stream: Some(stream(&server.endpoint, cache.path())),
        ..OpenOptions::default()
    };
    for place in ["", "GBI-16-2D-Legacy", LEGACY, &format!("{CACHED}/snapshots/{COMMIT}")] {
        let dir = tempfile::tempdir().unwrap();
        write_copy(&dir.path().join(place));
        let set = open("lco", &with(dir.path())).unwrap();
        let origin = if place.contains(COMMIT) { COMMIT } else { "from the copy in" };
        check_copy(&*set, origin);
        assert!(set.download().is_none());
        // Rows of another telescope are left out, as they are from the hub.
        assert_eq!(open("gbi-16-2d-legacy@tiny-test", &with(dir.path())).unwrap().len(), 2);
        let error = open("lco@full-test", &with(dir.path())).err().unwrap();
        assert!(matches!(error, Error::Missing { .. }), "{error}");
        let error = error.to_string();
        assert!(error.contains("holds no copy of") && error.contains("splits/full_test.jsonl"), "{error}");
    }
    // A list is no reason to leave the folder.
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("copy/splits")).unwrap();
    fs::write(dir.path().join("secret.fits"), plain(2, &[90, 40])).unwrap();
    let rows = [row("../secret.fits", ",\"telescope\":\"LCO\"")];
    fs::write(dir.path().join("copy").join(LIST), rows.join("\n")).unwrap();
    let error = open("lco", &with(&dir.path().join("copy"))).err().unwrap().to_string();
    assert!(error.contains("not in this copy"), "{error}");
    assert_eq!(server.requests(), 0);
}
