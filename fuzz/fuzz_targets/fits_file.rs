//! Opens hostile FITS files (headers, tables, tiles), reads every image and unpacks the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nf_fits::{FitsFile, Limits};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { max_pixels: 1 << 20, max_inflated_bytes: 1 << 24 };
    let Ok(file) = FitsFile::from_bytes_with(bytes.to_vec(), limits) else { return };
    for image in file.image_hdus() {
        let _ = image.read();
    }
    if file.image_hdus().all(|image| image.pixels() <= limits.max_pixels) {
        let _ = nf_fits::pack::unpack(&file, &mut std::io::sink(), &mut |_| {});
    }
});
