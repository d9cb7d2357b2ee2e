//! Opens hostile containers, decodes every stack in them and writes the file that they hold.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nf_codec::container::Reader;
use nf_codec::{Limits, Registry};
use std::io::Cursor;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { max_pixels: 1 << 20, max_memory_bytes: 64 << 20 };
    let registry = Registry::new([nf_floor::ENTRY].into_iter().chain(nf_classic::entries()));
    let Ok(mut reader) = Reader::open(Cursor::new(bytes), limits) else { return };
    let Ok(codec) = reader.codec(&registry) else { return };
    for stack in 0..reader.header().images.len() {
        let _ = reader.decode(stack, &*codec);
    }
    let _ = reader.restore(&*codec, &mut std::io::sink());
});
