//! Packing that is interrupted at any moment, and goes on to the same bytes.
#![allow(clippy::unwrap_used, reason = "tests")]

use nf_data::tiles::{PackReport, pack, pack_file};
use nf_data::{Card, Dataset, Result, TileRule, TileStore};
use nf_image::{Image16, Shape};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Three tiles of these are a row group.
const RULE: TileRule =
    TileRule { size_px: 1200, stride_px: 600, planes: 2, seed: 1, most_per_image: Some(2) };
const IMAGES: usize = 6;

struct Fake {
    card: Card,
    /// Changes all pixels.
    salt: u64,
    reads: Mutex<Vec<usize>>,
}

fn fake(salt: u64) -> Fake {
    Fake { card: Card::undescribed("fake"), salt, reads: Mutex::default() }
}

impl Dataset for Fake {
    fn card(&self) -> &Card {
        &self.card
    }

    fn len(&self) -> usize {
        IMAGES
    }

    fn name(&self, index: usize) -> String {
        format!("image-{index}")
    }

    fn image(&self, index: usize) -> Result<Image16> {
        self.reads.lock().unwrap().push(index);
        if index == 2 {
            return Err(nf_data::Error::Missing { what: self.name(index), reason: "is torn".into() });
        }
        // One is smaller than a tile.
        let shape = if index == 3 { Shape::frame(20, 30) } else { Shape::new(2, 1600, 3100) };
        let first = (self.salt * 7919 + index as u64 * 10_007) as u16;
        Ok(Image16::from_fn(shape, |p, r, c| first.wrapping_add((p * 7 + r * 3 + c) as u16)))
    }
}

fn part(output: &Path, ending: &str) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn whole(set: &Fake) -> Vec<u8> {
    let mut bytes = vec![];
    let report = pack(set, &RULE, &mut bytes, |_, _| ()).unwrap();
    assert_eq!((report.card.tiles, report.card.images, report.card.images_too_small), (8, 4, 1));
    assert_eq!(report.unreadable.len(), 1);
    bytes
}

fn packed(set: &Fake, output: &Path) -> PackReport {
    let report = pack_file(set, &RULE, output, |_, _| ()).unwrap();
    assert_eq!(fs::read_dir(output.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
    report
}

/// Packs until `images` are done, and leaves the files as a killed process does.
fn killed_after(set: &Fake, images: usize, output: &Path) {
    let die = |done: usize, _: u64| {
        if done == images {
            std::panic::panic_any("killed");
        }
    };
    catch_unwind(AssertUnwindSafe(|| pack_file(set, &RULE, output, die))).unwrap_err();
    assert!(!output.exists() && part(output, ".part").is_file());
}

#[test]
fn a_packing_that_was_killed_goes_on_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("t.parquet");
    let expected = whole(&fake(1));
    for images in 1..=IMAGES {
        killed_after(&fake(1), images, &output);
        let set = fake(1);
        let report = packed(&set, &output);
        assert!(fs::read(&output).unwrap() == expected, "killed after {images}");
        // Two tiles an image, three a row group.
        let done = [0, 2, 4, 4, 4, 6, 8][images] / 3 * 3;
        assert_eq!(report.resumed_tiles, done as u64, "killed after {images}");
        let reads = set.reads.lock().unwrap();
        // Of what is packed, only the first image is read again.
        assert!(done < 4 || !reads.contains(&1), "{reads:?}");
        TileStore::open(&output).unwrap().verify().unwrap();
        fs::remove_file(&output).unwrap();
    }
    // Killed twice, the second time before it had caught up.
    killed_after(&fake(1), 5, &output);
    killed_after(&fake(1), 2, &output);
    assert_eq!(packed(&fake(1), &output).resumed_tiles, 6);
    assert!(fs::read(&output).unwrap() == expected);
}

#[test]
fn what_was_left_is_compared_and_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("t.parquet");
    let (part_path, journal) = (part(&output, ".part"), part(&output, ".part.journal"));
    let expected = whole(&fake(1));
    let damages: [&dyn Fn(); 8] = [
        &|| {
            let mut bytes = fs::read(&part_path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(&part_path, bytes).unwrap();
        },
        &|| {
            let bytes = fs::read(&part_path).unwrap();
            fs::write(&part_path, &bytes[..bytes.len() / 3]).unwrap();
        },
        &|| {
            let bytes = fs::read(&part_path).unwrap();
            fs::write(&part_path, [bytes, vec![9; 70_000]].concat()).unwrap();
        },
        &|| {
            let text = fs::read_to_string(&journal).unwrap();
            fs::write(&journal, &text[..text.len() - 9]).unwrap();
        },
        &|| {
            let text = fs::read_to_string(&journal).unwrap();
            fs::write(&journal, text.replace("\"pixels_at\":", "\"pixels_at\":1")).unwrap();
        },
        &|| {
            let text = fs::read_to_string(&journal).unwrap();
            fs::write(&journal, text.replace("[2,1600,3100]", "[999999999,999999999,99999]")).unwrap();
        },
        &|| fs::write(&journal, [0xff, 0xfe, b'\n']).unwrap(),
        &|| fs::remove_file(&part_path).unwrap(),
    ];
    for (number, damage) in damages.iter().enumerate() {
        killed_after(&fake(1), 5, &output);
        damage();
        packed(&fake(1), &output);
        assert!(fs::read(&output).unwrap() == expected, "damage {number}");
        fs::remove_file(&output).unwrap();
    }
    // Other pixels under the same name, and other options.
    killed_after(&fake(2), 5, &output);
    packed(&fake(1), &output);
    assert!(fs::read(&output).unwrap() == expected, "other pixels");
    let other = TileRule { seed: 9, ..RULE };
    let die = |done: usize, _: u64| assert!(done < 5, "killed");
    catch_unwind(AssertUnwindSafe(|| pack_file(&fake(1), &other, &output, die))).unwrap_err();
    assert_eq!(packed(&fake(1), &output).resumed_tiles, 0);
    assert!(fs::read(&output).unwrap() == expected, "other options");
}

#[test]
fn one_packs_into_a_file_at_a_time_and_failures_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("t.parquet");
    let mut refused = String::new();
    let again = |_: usize, _: u64| {
        if refused.is_empty() {
            refused = pack_file(&fake(1), &RULE, &output, |_, _| ()).unwrap_err().to_string();
        }
    };
    pack_file(&fake(1), &RULE, &output, again).unwrap();
    assert!(refused.contains("t.parquet.part") && refused.contains("another process"), "{refused}");
    let large = TileRule { size_px: 4000, ..RULE };
    let error = pack_file(&fake(1), &large, &folder.path().join("none"), |_, _| ()).unwrap_err().to_string();
    assert!(error.contains("4000 x 4000"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
