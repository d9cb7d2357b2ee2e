//! Hostile lists of a dataset on the hub, from a copy on the disk: rows that name any file and any
//! shape give images or errors, and nothing outside the copy is touched.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nf_data::{OpenOptions, open};

fuzz_target!(|list: &[u8]| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let splits = folder.path().join("splits");
    std::fs::create_dir(&splits).expect("a folder");
    std::fs::write(splits.join("tiny_test.jsonl"), list).expect("it can be written");
    let options = OpenOptions { data: Some(folder.path().to_owned()), ..OpenOptions::default() };
    for name in ["lco@tiny-test", "sdss-3t@tiny-test", "keck@tiny-test"] {
        let Ok(set) = open(name, &options) else { continue };
        for index in 0..set.len().min(16) {
            let _ = set.image(index);
        }
    }
});
