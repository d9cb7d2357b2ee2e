//! Hands hostile streams to committed networks; the first bytes choose network and shape.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nf_codec::{Codec, Limits};
use nf_image::Shape;
use nf_models::{Checkpoint, NetCodec};
use std::sync::LazyLock;

macro_rules! checkpoint {
    ($id:literal) => {
        (
            include_bytes!(concat!("../../checkpoints/", $id, "/card.toml")).as_slice(),
            include_bytes!(concat!("../../checkpoints/", $id, "/weights.safetensors")).as_slice(),
        )
    };
}

static CODECS: LazyLock<Vec<(NetCodec, Vec<u8>)>> = LazyLock::new(|| {
    let files = [
        checkpoint!("pixelcnnpp-tiny-real-db09e355"),
        checkpoint!("idf-tiny-real-29bec149"),
        checkpoint!("l3c-tiny-real-a8aeacd1"),
        checkpoint!("l3c-tiny-ramp-933a88d9"),
        checkpoint!("rownet-small-real-6471df8d"),
    ];
    let codec = |(card, weights): (&[u8], &[u8])| {
        let checkpoint = Checkpoint::from_bytes(card.to_vec(), weights.to_vec()).expect("committed");
        let digest = checkpoint.digest.0.to_vec();
        (NetCodec::new(checkpoint, "fuzz".into(), 16), digest)
    };
    let mut codecs: Vec<(NetCodec, Vec<u8>)> = files.into_iter().map(codec).collect();
    // Row nets write a shorter head, and read the longer one as well.
    let (codec, digest) = codecs.last().expect("a row net").clone();
    codecs.push((codec, digest[..8].to_vec()));
    codecs
});

fuzz_target!(|bytes: &[u8]| {
    let [which, planes, height, width, rest @ ..] = bytes else { return };
    let (codec, digest) = &CODECS[usize::from(*which) % CODECS.len()];
    let shape = Shape::new(usize::from(*planes % 7), usize::from(*height), usize::from(*width));
    // A digest is never found by chance.
    let stream = [&digest[..], rest].concat();
    let limits = Limits { max_pixels: 1 << 16, max_memory_bytes: 64 << 20 };
    if let Ok(image) = codec.decode(&stream, shape, &limits) {
        assert_eq!(image.shape(), shape);
    }
});
