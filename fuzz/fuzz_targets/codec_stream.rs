//! Hands hostile streams to the decoder of every codec; the first bytes choose codec and shape.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nf_codec::{Limits, Registry, Spec};
use nf_image::Shape;

fuzz_target!(|bytes: &[u8]| {
    let [codec, planes, height, width, stream @ ..] = bytes else { return };
    let registry = Registry::new([nf_floor::ENTRY].into_iter().chain(nf_classic::entries()));
    let entries = registry.entries();
    let entry = &entries[usize::from(*codec) % entries.len()];
    let shape = Shape::new(usize::from(*planes % 4), usize::from(*height), usize::from(*width));
    let limits = Limits { max_pixels: 1 << 18, max_memory_bytes: 64 << 20 };
    let codec = registry.build(&Spec::new(entry.name)).expect("every codec builds with its defaults");
    if let Ok(image) = codec.decode(stream, shape, &limits) {
        assert_eq!(image.shape(), shape);
    }
});
