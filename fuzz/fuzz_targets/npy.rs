//! Hostile `.npy` files: an error or samples, never memory on the header's word.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nf_fits::{Limits, npy};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { max_pixels: 1 << 20, ..Limits::default() };
    // The magic string is given, so that every input reaches the header.
    let file = [b"\x93NUMPY", bytes].concat();
    let Ok(parsed) = npy::parse(&file, &limits) else { return };
    assert_eq!(parsed.data.len(), parsed.image.shape().pixels() * parsed.form.bytes());
    // The same array in C order.
    let offset = parsed.form.offset();
    let values = parsed.image.samples().iter().flat_map(|sample| {
        let value = sample.wrapping_sub(offset);
        match (parsed.form.wide, parsed.form.big_endian) {
            (false, _) => vec![value as u8],
            (true, false) => value.to_le_bytes().to_vec(),
            (true, true) => value.to_be_bytes().to_vec(),
        }
    });
    let again = [parsed.c_order_header(), values.collect()].concat();
    assert_eq!(npy::read(&again, &limits).expect("our own header is read"), parsed.image);
});
