//! Hostile Parquet files: opening them and reading every image gives images or errors.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nf_data::{OpenOptions, open};

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("hostile.parquet");
    std::fs::write(&path, bytes).expect("it can be written");
    let Ok(set) = open(&path, &OpenOptions::default()) else { return };
    for index in 0..set.len().min(16) {
        let _ = set.image(index);
    }
});
