//! Decodes hostile tiles with every algorithm; the first bytes choose it and the tile's sides.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nf_fits::tiled::{gzip, hcompress, plio, rice};

fuzz_target!(|bytes: &[u8]| {
    let [which, width, height, block, stream @ ..] = bytes else { return };
    let (width, height, block) = (usize::from(*width), usize::from(*height), usize::from(*block));
    let pixels = width * height;
    match which % 6 {
        0 => drop(rice::decode::<u8>(stream, pixels, block)),
        1 => drop(rice::decode::<i16>(stream, pixels, block)),
        2 => drop(rice::decode::<i32>(stream, pixels, block)),
        3 => drop(plio::decode(stream, pixels)),
        4 => drop(hcompress::decode(stream, pixels, width, block % 2 == 0)),
        _ => drop(gzip::Inflater::default().inflate(stream, pixels)),
    }
});
