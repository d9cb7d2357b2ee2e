//! The cache of the hub's clients: written as they write it, shared with them, never emptied of
//! what is theirs.
#![allow(clippy::unwrap_used, reason = "tests")]

mod server;

use nf_data::hub::{Patience, StreamOptions};
use nf_data::{Dataset, Error, OpenOptions, Result, open};
use server::frames::{CACHED, FILE, one_file, plain, repository, row, value};
use server::{COMMIT, Fault, LATER, Server, digest};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn stream(server: &Server, cache: &Path) -> StreamOptions {
    let patience = Patience {
        attempts: 3,
        pause: Duration::from_millis(2),
        silence: Duration::from_millis(500),
        ..Patience::default()
    };
    server::stream(&server.endpoint, cache, patience)
}

fn lco(stream: &StreamOptions) -> Result<Box<dyn Dataset>> {
    open("lco", &OpenOptions { stream: Some(stream.clone()), ..OpenOptions::default() })
}

fn listing(folder: &Path) -> Vec<String> {
    let (mut names, mut folders) = (vec![], vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                names.push(entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    names.sort();
    names
}

#[test]
fn the_layout_is_that_of_all_clients() {
    let (server, cache) = (one_file(), tempfile::tempdir().unwrap());
    let image = lco(&stream(&server, cache.path())).unwrap().image(0).unwrap();
    assert_eq!(image.row(0, 39)[89], value(2, 89, 39, 0));
    let (bytes, list) = (plain(2, &[90, 40]), row(FILE, ",\"telescope\":\"LCO\"").into_bytes());
    let (blob, list_blob) = (digest(FILE, &bytes), digest("x", &list));
    let snapshot = format!("{CACHED}/snapshots/{COMMIT}");
    let mut expected = vec![
        format!(".locks/{CACHED}/{blob}.lock"),
        format!(".locks/{CACHED}/{list_blob}.lock"),
        format!("{CACHED}/.noisefloor/fetched/{blob}"),
        format!("{CACHED}/.noisefloor/fetched/{list_blob}"),
        format!("{CACHED}/blobs/{blob}"),
        format!("{CACHED}/blobs/{list_blob}"),
        format!("{CACHED}/refs/main"),
        format!("{snapshot}/{FILE}"),
        format!("{snapshot}/splits/tiny_test.jsonl"),
        format!("{CACHED}/trees/{COMMIT}.json"),
    ];
    expected.sort();
    assert_eq!(listing(cache.path()), expected);
    let folder = cache.path().join(CACHED);
    assert_eq!(fs::read_to_string(folder.join("refs/main")).unwrap(), COMMIT);
    let link = folder.join("snapshots").join(COMMIT).join(FILE);
    if cfg!(unix) {
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("../../../../blobs").join(&blob).as_path());
    }
    assert_eq!(fs::read(&link).unwrap(), bytes);
    // Moved as a whole, it is read offline.
    let moved = tempfile::tempdir().unwrap();
    fs::rename(folder, moved.path().join(CACHED)).unwrap();
    let mut offline = stream(&server, moved.path());
    offline.hub.offline = true;
    assert_eq!(lco(&offline).unwrap().image(0).unwrap(), image);
}

#[test]
fn what_earlier_versions_fetched_is_used() {
    let (server, own, hub) = (one_file(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // As they left it: lists of their own, no snapshots, one file whole and one begun.
    let bytes = plain(2, &[90, 40]);
    let list = row(FILE, ",\"telescope\":\"LCO\"").into_bytes();
    let folder = own.path().join(CACHED);
    for name in ["blobs", "refs", "trees"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    let (blob, list_blob) = (digest(FILE, &bytes), digest("x", &list));
    fs::write(folder.join("blobs").join(&list_blob), &list).unwrap();
    fs::write(folder.join("blobs").join(format!("{blob}.part")), &bytes[..5000]).unwrap();
    fs::write(folder.join("refs/main"), COMMIT).unwrap();
    let entry = |path: &str, size: usize, digest: &str| {
        format!("{{\"path\":\"{path}\",\"size_bytes\":{size},\"digest\":\"{digest}\"}}")
    };
    let tree = [entry(FILE, bytes.len(), &blob), entry("splits/tiny_test.jsonl", list.len(), &list_blob)];
    fs::write(folder.join("trees").join(format!("{COMMIT}.json")), format!("[{}]", tree.join(","))).unwrap();

    let mut options = StreamOptions { hub_cache: hub.path().to_owned(), ..stream(&server, own.path()) };
    options.hub.offline = true;
    let set = lco(&options).unwrap();
    assert_eq!(set.download().unwrap().begun_bytes, 5000);
    let error = set.image(0).unwrap_err().to_string();
    assert!(error.contains(FILE) && error.contains("offline"), "{error}");
    options.hub.offline = false;
    lco(&options).unwrap().image(0).unwrap();
    assert_eq!(server.ranges(FILE), [Some("bytes=5000-".into())], "what was begun is finished");
    assert_eq!(server.ranges("splits/tiny_test.jsonl").len(), 0);
    assert_eq!(fs::read(hub.path().join(CACHED).join("blobs").join(&blob)).unwrap(), bytes);
    assert_eq!(listing(&folder).len(), 3, "nothing else was moved or removed");
    // The list is written anew where others look, with what they want of it.
    let tree = fs::read_to_string(hub.path().join(CACHED).join(format!("trees/{COMMIT}.json"))).unwrap();
    assert!(tree.contains("\"format_version\":1") && tree.contains("\"blob_id\""), "{tree}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_cache_that_may_not_be_written_is_read_and_ours_takes_its_place() {
    let (server, own) = (one_file(), tempfile::tempdir().unwrap());
    // Not even the administrator makes a folder there.
    let options = StreamOptions { hub_cache: "/sys/hub".into(), ..stream(&server, own.path()) };
    lco(&options).unwrap().image(0).unwrap();
    let blob = digest(FILE, &plain(2, &[90, 40]));
    assert!(own.path().join(CACHED).join("blobs").join(blob).exists());
}

#[test]
fn a_set_that_changes_on_the_hub_stays_one_set() {
    let paths = ["data/LCO/a.fits", "data/LCO/b.fits"];
    let rows: Vec<String> = paths.iter().map(|path| row(path, ",\"telescope\":\"LCO\"")).collect();
    let files = |seeds: [usize; 2]| -> Vec<(String, Vec<u8>)> {
        let files = paths.iter().zip(seeds).map(|(path, seed)| ((*path).to_owned(), plain(seed, &[30, 20])));
        files.chain([("splits/tiny_test.jsonl".to_owned(), rows.join("\n").into_bytes())]).collect()
    };
    let (server, cache) = (repository(&rows, files([1, 2])), tempfile::tempdir().unwrap());
    let options = stream(&server, cache.path());
    let last = |set: &dyn Dataset, index: usize| set.image(index).unwrap().row(0, 19)[29];
    let first = lco(&options).unwrap();
    assert_eq!(last(&*first, 0), value(1, 29, 19, 0));
    server.commit("main", LATER, files([1, 3]));
    // The set that is open is of the commit that it was opened at.
    assert_eq!(last(&*first, 1), value(2, 29, 19, 0));
    assert!(first.card().origin.ends_with(&format!("at commit {COMMIT}")));
    // Opened again it is the later one, of which only what changed is fetched.
    let second = lco(&options).unwrap();
    assert_eq!((last(&*second, 0), last(&*second, 1)), (value(1, 29, 19, 0), value(3, 29, 19, 0)));
    assert!(second.card().origin.ends_with(&format!("at commit {LATER}")));
    assert_eq!((server.ranges(paths[0]).len(), server.ranges(paths[1]).len()), (1, 2));
    let folder = cache.path().join(CACHED);
    assert_eq!(fs::read_to_string(folder.join("refs/main")).unwrap(), LATER);
    for commit in [COMMIT, LATER] {
        paths.iter().for_each(|path| assert!(folder.join("snapshots").join(commit).join(path).exists()));
    }
    // A server that sends other bytes for the same commit is found out.
    let other = tempfile::tempdir().unwrap();
    let set = lco(&stream(&server, other.path())).unwrap();
    (0..3).for_each(|_| server.fault(paths[1], Fault::Instead(plain(9, &[30, 20]))));
    assert!(matches!(set.image(1), Err(Error::Digest { .. })));
}

#[test]
fn splits_without_images_and_files_that_are_not_there_are_told() {
    let rows = [row("data/INT/a.fits", ",\"telescope\":\"INT\"")];
    let server = repository(&rows, vec![("data/INT/a.fits".into(), plain(1, &[9, 4]))]);
    let cache = tempfile::tempdir().unwrap();
    let error = lco(&stream(&server, cache.path())).err().unwrap().to_string();
    assert!(
        error.contains("@tiny-test") && error.contains("the split lists no image of this dataset"),
        "{error}"
    );
    let server = Server::start([("readme".to_owned(), vec![])]);
    let cache = tempfile::tempdir().unwrap();
    let error = lco(&stream(&server, cache.path())).err().unwrap().to_string();
    assert!(error.contains("splits/tiny_test.jsonl") && error.contains(COMMIT), "{error}");
}

/// A dataset of which the hub keeps FITS files on one branch and Parquet files on another.
const CONVERTED: &str = "name='h'\ntitle='t'\ninstrument='i'\nlicence='l'\norigin='o'\ndefault_view='whole'\n\
    [source.hub]\nrepository='owner/name'\n[source.hub.converted.row_files]\n\
    tiny-test=['default/test/*.parquet']\nextra=['default/extra/0000.parquet']\n\
    [source.hub.rules]\nwhole='whole'\n";

#[test]
fn the_parquet_branch_is_another_source() {
    let rows =
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/rows_lists.parquet")).unwrap();
    let branch = ["default/test/0001.parquet", "default/test/0000.parquet", "default/test/x/0000.parquet"];
    let branch: Vec<(String, Vec<u8>)> =
        branch.iter().map(|path| ((*path).to_owned(), rows.clone())).collect();
    let dir = tempfile::tempdir().unwrap();
    let manifest = dir.path().join("h.toml");
    fs::write(&manifest, CONVERTED).unwrap();
    let of = |server: &Server, cache: &str, split: &str| {
        let stream = stream(server, &dir.path().join(cache));
        let options =
            OpenOptions { stream: Some(stream), split: Some(split.into()), ..OpenOptions::default() };
        open(&manifest, &options)
    };
    let names = |set: &dyn Dataset| (0..set.len()).map(|index| set.name(index)).collect::<Vec<_>>();
    // The list of FITS files comes first where there is one.
    let server = repository(&[row("a.fits", "")], vec![("a.fits".into(), plain(1, &[9, 4]))]);
    server.commit("refs/convert/parquet", LATER, branch.clone());
    assert_eq!(names(&*of(&server, "one", "tiny-test").unwrap()), ["a"]);
    // Where there is none, or its branch is empty, the other branch serves.
    let server = Server::start([("readme".to_owned(), b"moved".to_vec())]);
    server.commit("refs/convert/parquet", LATER, branch);
    let set = of(&server, "two", "tiny-test").unwrap();
    let expected = ["0000.00000", "0000.00001", "0000.00002", "0001.00000", "0001.00001", "0001.00002"];
    assert_eq!(names(&*set), expected);
    assert!(set.image(4).is_ok() && set.card().origin.ends_with(&format!("at commit {LATER}")));
    let folder: PathBuf = dir.path().join("two/datasets--owner--name");
    assert_eq!(fs::read_to_string(folder.join("refs/refs/convert/parquet")).unwrap(), LATER);
    let error = of(&server, "two", "extra").err().unwrap().to_string();
    assert!(error.contains("default/extra/0000.parquet") && error.contains(LATER), "{error}");
    let error = of(&server, "two", "none").err().unwrap().to_string();
    assert!(error.contains("full-validation, extra"), "{error}");
}

#[test]
fn a_limit_keeps_the_first_files() {
    let paths: Vec<String> = (0..4).map(|i| format!("data/LCO/{i}.fits")).collect();
    let rows: Vec<String> = paths.iter().map(|path| row(path, ",\"telescope\":\"LCO\"")).collect();
    let files = paths.iter().enumerate().map(|(i, path)| (path.clone(), plain(i, &[60, 40]))).collect();
    let (server, cache) = (repository(&rows, files), tempfile::tempdir().unwrap());
    let size = plain(0, &[60, 40]).len() as u64;
    let mut options =
        StreamOptions { most_bytes: Some(3 * size - 1), ahead: 9, ..stream(&server, cache.path()) };
    let set = lco(&options).unwrap();
    let download = set.download().unwrap();
    assert_eq!((set.len(), download.files, download.bytes), (2, 2, 2 * size));
    assert_eq!((download.left_out_files, download.left_out_bytes), (2, 2 * size));
    (0..2).for_each(|index| drop(set.image(index).unwrap()));
    drop(set);
    options.hub.offline = true;
    assert_eq!(server.ranges(&paths[2]).len(), 0, "not fetched ahead either");
    assert_eq!(lco(&options).unwrap().download().unwrap().missing_files, 0);
}
