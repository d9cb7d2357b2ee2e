//! The tile store: what is packed is read, and damage is named.
#![allow(clippy::unwrap_used, reason = "tests")]

use nf_data::tiles::{PackReport, pack};
use nf_data::{Error, OpenOptions, TileRule, TileStore, open};
use std::path::Path;

const RULE: TileRule = TileRule { size_px: 24, stride_px: 16, planes: 1, seed: 5, most_per_image: Some(40) };

fn packed(reference: &str, rule: &TileRule, path: &Path) -> PackReport {
    let set = open(reference, &OpenOptions::default()).unwrap();
    let file = std::fs::File::create(path).unwrap();
    pack(&*set, rule, file, |_, _| ()).unwrap()
}

#[test]
fn tiles_are_the_pixels_of_their_places() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.parquet");
    for (reference, rule) in [
        ("sim-sdss", TileRule { planes: 5, ..RULE }),
        ("sim-jwst-nircam", RULE),
        ("sim-keck-lris", TileRule { size_px: 64, stride_px: 64, most_per_image: None, ..RULE }),
    ] {
        let report = packed(reference, &rule, &path);
        let set = open(reference, &OpenOptions::default()).unwrap();
        let store = TileStore::open(&path).unwrap();
        assert_eq!(store.card(), &report.card);
        assert_eq!(report.file_bytes, std::fs::metadata(&path).unwrap().len());
        assert_eq!(store.card().dataset_digest, set.card().digest.to_string());
        let mut expected = vec![];
        for index in 0..set.len() {
            let (name, image) = (set.name(index), set.image(index).unwrap());
            for [plane, row, column] in rule.places(&name, image.shape()) {
                let cut = image.crop(
                    plane..plane + rule.planes,
                    row..row + rule.size_px,
                    column..column + rule.size_px,
                );
                expected.push((name.clone(), image.digest(), [plane, row, column], cut));
            }
        }
        assert!(!expected.is_empty() && store.len() == expected.len(), "{reference}");
        for (tile, (name, digest, corner, cut)) in store.iter().zip(&expected) {
            let tile = tile.unwrap();
            assert_eq!((tile.place.image, tile.place.digest), (name.as_str(), *digest));
            assert_eq!([tile.place.plane, tile.place.row, tile.place.column], *corner);
            assert_eq!(&tile.image, cut, "{reference}");
        }
        // At random, and as a dataset like any other.
        let middle = expected.len() / 2;
        let tiles = open(path.to_str().unwrap(), &OpenOptions::default()).unwrap();
        assert_eq!(tiles.image(middle).unwrap(), expected[middle].3);
        assert!(tiles.name(middle).starts_with(&expected[middle].0));
        store.verify().unwrap();
    }
}

#[test]
fn the_same_rule_gives_the_same_bytes_and_another_seed_others() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = |name: &str, rule: &TileRule| {
        packed("sim-lco", rule, &dir.path().join(name));
        std::fs::read(dir.path().join(name)).unwrap()
    };
    let first = bytes("a", &RULE);
    assert_eq!(first, bytes("b", &RULE));
    assert_ne!(first, bytes("c", &TileRule { seed: 6, ..RULE }));
}

#[test]
fn what_cannot_be_packed_is_said() {
    let set = open("sim-lco", &OpenOptions::default()).unwrap();
    let error = |rule: TileRule| pack(&*set, &rule, Vec::new(), |_, _| ()).unwrap_err().to_string();
    let text = error(TileRule { size_px: 1000, ..RULE });
    assert!(text.contains("sim-lco") && text.contains("1000 x 1000"), "{text}");
    assert!(error(TileRule { stride_px: 0, ..RULE }).contains("stride_px is 0"));
}

#[test]
fn damaged_stores_are_refused_and_never_panic() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.parquet");
    let rule = TileRule { size_px: 8, stride_px: 32, most_per_image: Some(3), ..RULE };
    packed("sim-lco", &rule, &path);
    let whole = std::fs::read(&path).unwrap();
    let bad = dir.path().join("bad.parquet");
    for length in (0..whole.len()).step_by(37).chain([whole.len() - 1]) {
        std::fs::write(&bad, &whole[..length]).unwrap();
        let error = TileStore::open(&bad).unwrap_err().to_string();
        assert!(error.contains("bad.parquet"), "{error}");
    }
    let mut refused = 0;
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        std::fs::write(&bad, bytes).unwrap();
        let found = TileStore::open(&bad).and_then(|store| {
            store.iter().try_for_each(|tile| tile.map(drop))?;
            store.verify()
        });
        refused += usize::from(found.is_err());
    }
    assert!(refused > 6 * 128, "every changed sample at least: {refused}");
    // A changed sample opens, and is found by its digest.
    let store = TileStore::open(&path).unwrap();
    let sample = store.tile(2).unwrap().image.samples().to_vec();
    let needle: Vec<u8> = sample.iter().flat_map(|x| x.to_le_bytes()).collect();
    let at = whole.windows(needle.len()).position(|window| window == needle).unwrap();
    let mut bytes = whole.clone();
    bytes[at + 5] ^= 1;
    std::fs::write(&bad, bytes).unwrap();
    assert!(matches!(TileStore::open(&bad).unwrap().verify(), Err(Error::Digest { .. })));
}

#[test]
fn other_parquet_files_and_other_files_are_no_stores() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.parquet");
    for bytes in [&b""[..], b"PAR1", b"PAR1\0\0\0\0PAR1", b"PAR1\xff\xff\xff\x7fPAR1"] {
        std::fs::write(&path, bytes).unwrap();
        let error = TileStore::open(&path).unwrap_err().to_string();
        assert!(error.contains("x.parquet") && !error.contains('\n'), "{error}");
    }
}
