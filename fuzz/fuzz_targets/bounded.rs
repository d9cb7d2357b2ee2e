//! Opens hostile bounded containers, decodes every array in them and writes the file that they hold.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nf_bounded::ArrayRegistry;
use nf_bounded::container::Reader;
use nf_codec::container::TileBox;
use nf_codec::{Limits, Registry};
use std::io::Cursor;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { max_pixels: 1 << 20, max_memory_bytes: 64 << 20 };
    let registry = Registry::new([nf_floor::ENTRY].into_iter().chain(nf_classic::entries()));
    let Ok(reader) = Reader::open(Cursor::new(bytes), limits) else { return };
    let mut reader = reader.with_array_codecs(ArrayRegistry::new(nf_classic::array_entries()));
    let Ok(codec) = reader.codec(&registry) else { return };
    for array in 0..reader.arrays().len() {
        let _ = reader.decode(array, &*codec);
        let _ = reader.decode_salvaged(array, &*codec, 0.0);
        let _ = reader.decode_region(array, &TileBox { planes: 0..1, rows: 0..2, columns: 1..4 }, &*codec);
    }
    let _ = reader.restore(&*codec, &mut std::io::sink());
});
