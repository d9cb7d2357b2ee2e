//! Frames fetched at their origins, against a stand-in server: converted, compared, resumed.
#![allow(clippy::unwrap_used, reason = "tests")]

mod server;

use nf_data::hub::Patience;
use nf_data::originals::Originals;
use nf_data::{OpenOptions, Result, open};
use nf_image::{Image16, Shape};
use server::frames::{hdu, plain, value};
use server::{Fault, Server};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const ROWS: usize = 30;
const COLUMNS: usize = 40;
const A: &str = "o/frames/HEAD/raw/a.fits";
const B: &str = "o/frames/HEAD/raw/b.fits";

/// The image of some seeds, one a plane.
fn expected(seeds: &[usize]) -> Image16 {
    let shape = Shape::new(seeds.len(), ROWS, COLUMNS);
    Image16::from_fn(shape, |plane, y, x| value(seeds[plane], x, y, 0))
}

fn source(path: &str, blob: Option<&str>) -> String {
    let blob = blob.map_or_else(String::new, |blob| format!(", git_blob = '{blob}'"));
    format!("{{ repository = 'o/frames', path = 'raw/{path}'{blob} }}")
}

fn entry(name: &str, image: &Image16, sources: &[String]) -> String {
    let Shape { planes, height, width } = image.shape();
    format!(
        "[[file]]\nname = '{name}'\nimages = [{{ shape = [{planes}, {height}, {width}], blake3 = '{}' }}]\n\
         sources = [{}]\n",
        image.digest(),
        sources.join(", ")
    )
}

/// A folder with a manifest of these files.
fn made(mirrors: &[String], entries: &[String]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("datasets")).unwrap();
    let path = folder.path().join("datasets/made.toml");
    let text = format!(
        "name = 'made'\ntitle = 't'\ninstrument = 'i'\nlicence = 'l'\norigin = 'o'\nmirrors = {mirrors:?}\n\
         [source]\nfolder = 'nowhere'\n{}",
        entries.concat()
    );
    fs::write(&path, text).unwrap();
    (folder, path)
}

fn options(folder: &Path) -> OpenOptions {
    let patience = Patience { attempts: 4, pause: Duration::from_millis(1), ..Patience::default() };
    // No hub answers there.
    let stream = server::stream("http://127.0.0.1:9", &folder.join("cache"), patience);
    // Named, since the variable may name the folder of real frames.
    let data = Some(stream.cache.join("frames/made"));
    OpenOptions { data, stream: Some(stream), ..OpenOptions::default() }
}

/// Fetches every frame; the errors.
fn fetched(manifest: &Path, options: &OpenOptions) -> Vec<Result<bool>> {
    let originals = Originals::of(manifest, options, None).unwrap().unwrap();
    (0..originals.len()).map(|index| originals.fetch(index)).collect()
}

fn server(files: &[(&str, Vec<u8>)]) -> Server {
    Server::start(files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.clone())))
}

fn blob(bytes: &[u8]) -> String {
    server::digest("x", bytes)
}

#[test]
fn frames_are_fetched_once_converted_and_read_like_any_other() {
    // The original of `a` has another image before the one that is wanted.
    let mut bytes = hdu(true, &[COLUMNS, ROWS], &[], |x, y, _| value(77, x, y, 0));
    bytes.extend(hdu(false, &[COLUMNS, ROWS], &[], |x, y, _| value(1, x, y, 0)));
    let server = server(&[(A, bytes), (B, plain(2, &[COLUMNS, ROWS]))]);
    let entries = [
        entry("one.fits", &expected(&[1]), &[source("a.fits", None)]),
        entry("pair.fits.fz", &expected(&[2, 77]), &[source("b.fits", None), source("a.fits", None)]),
    ];
    let (folder, manifest) = made(&[format!("{}/cdn", server.endpoint)], &entries);
    let options = options(folder.path());
    let found: Vec<bool> = fetched(&manifest, &options).into_iter().map(|one| one.unwrap()).collect();
    assert_eq!(found, [true, true]);
    let set = open(&manifest, &options).unwrap();
    assert_eq!(set.image(0).unwrap().samples(), expected(&[1]).samples());
    assert_eq!(set.image(1).unwrap().samples(), expected(&[2, 77]).samples());
    // A second call compares what is there, and asks for nothing.
    let before = server.requests();
    let found: Vec<bool> = fetched(&manifest, &options).into_iter().map(|one| one.unwrap()).collect();
    assert_eq!((found, server.requests()), (vec![false, false], before));
    assert!(!server.token_came(), "a token of the hub is for the hub only");
    // A frame that was altered is named, not fetched over.
    let frame = folder.path().join("cache/frames/made/one.fits");
    let mut altered = fs::read(&frame).unwrap();
    altered[2880 + 100] ^= 1;
    fs::write(&frame, &altered).unwrap();
    let error = fetched(&manifest, &options).remove(0).unwrap_err().to_string();
    assert!(error.contains("one.fits"), "{error}");
}

#[test]
fn one_frame_that_cannot_be_had_costs_no_other() {
    let server = server(&[(A, plain(1, &[COLUMNS, ROWS])), (B, plain(2, &[COLUMNS, ROWS]))]);
    let entries = [
        entry("gone.fits", &expected(&[3]), &[source("gone.fits", None)]),
        entry("other.fits", &expected(&[3]), &[source("b.fits", None)]),
        entry("one.fits", &expected(&[1]), &[source("a.fits", None)]),
    ];
    let (folder, manifest) = made(&[format!("{}/cdn", server.endpoint)], &entries);
    let mut found = fetched(&manifest, &options(folder.path()));
    assert!(found.pop().unwrap().unwrap());
    let other = found.pop().unwrap().unwrap_err().to_string();
    assert!(other.contains("other.fits") && other.contains(&expected(&[3]).digest().to_string()), "{other}");
    let gone = found.pop().unwrap().unwrap_err().to_string();
    assert!(gone.contains("404") && gone.contains("gone.fits"), "{gone}");
    let names: Vec<_> = fs::read_dir(folder.path().join("cache/frames/made"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".lock"))
        .collect();
    assert_eq!(names, ["one.fits"]);
}

#[test]
fn a_connection_that_breaks_is_taken_up_where_it_broke() {
    let server = server(&[(A, plain(1, &[COLUMNS, ROWS]))]);
    server.fault(A, Fault::CutAfter(3000));
    let (folder, manifest) = made(
        &[format!("{}/cdn", server.endpoint)],
        &[entry("one.fits", &expected(&[1]), &[source("a.fits", None)])],
    );
    assert!(fetched(&manifest, &options(folder.path())).remove(0).unwrap());
    assert_eq!(server.ranges(A), [None, Some("bytes=3000-".to_owned())]);
}

#[test]
fn a_mirror_whose_repository_has_moved_on_is_passed_over_for_the_next() {
    let right = plain(1, &[COLUMNS, ROWS]);
    let by_blob = format!("blobs/{}", blob(&right));
    let server = server(&[(A, plain(9, &[COLUMNS, ROWS])), (&by_blob, right.clone())]);
    let mirrors = [format!("{}/cdn", server.endpoint), format!("{}/cdn/blobs/{{git_blob}}", server.endpoint)];
    let entries = [entry("one.fits", &expected(&[1]), &[source("a.fits", Some(&blob(&right)))])];
    let (folder, manifest) = made(&mirrors, &entries);
    assert!(fetched(&manifest, &options(folder.path())).remove(0).unwrap());
    assert!(server.requests_of(&format!("/cdn/{A}")) > 0);
    assert_eq!(server.requests_of(&format!("/cdn/{by_blob}")), 1);
}

#[test]
fn offline_nothing_is_asked_for() {
    let server = server(&[(A, plain(1, &[COLUMNS, ROWS]))]);
    let (folder, manifest) = made(
        &[format!("{}/cdn", server.endpoint)],
        &[entry("one.fits", &expected(&[1]), &[source("a.fits", None)])],
    );
    let mut options = options(folder.path());
    options.stream.as_mut().unwrap().hub.offline = true;
    let error = fetched(&manifest, &options).remove(0).unwrap_err().to_string();
    assert!(error.contains("one.fits") && error.contains("offline"), "{error}");
    assert_eq!(server.requests(), 0);
}

#[test]
fn the_open_corpus_states_where_every_frame_comes_from() {
    let (folder, _) = made(&[], &[]);
    for (name, frames) in [("real-open", 41), ("real-open@test", 20), ("real-instruments@stis-fit", 4)] {
        let originals = Originals::of(name, &options(folder.path()), None).unwrap().unwrap();
        assert_eq!(originals.len(), frames, "{name}");
    }
}
