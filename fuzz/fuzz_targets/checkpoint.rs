//! Reads hostile checkpoints: a card and a file of weights with the digest that the card needs; what
//! loads must code.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nf_codec::{Codec, Limits};
use nf_image::{Digest, Image16, Shape};
use nf_models::{Checkpoint, NetCodec};

const CARD: &str = include_str!("../../checkpoints/idf-tiny-real-29bec149/card.toml");

fuzz_target!(|input: (String, Vec<u8>)| {
    let (net, weights) = input;
    let head = CARD.split("weights_blake3").next().unwrap_or_default();
    let digest = Digest::of_bytes(&weights);
    let card = format!("{head}weights_blake3 = \"{digest}\"\n[net]\n{net}");
    let Ok(checkpoint) = Checkpoint::from_bytes(card.into_bytes(), weights) else { return };
    let planes = checkpoint.card.net.as_ref().map_or(1, |net| net.planes());
    let codec = NetCodec::new(checkpoint, "hostile".into(), 16);
    let image = Image16::from_fn(Shape::new(planes, 3, 5), |_, y, x| (900 + 7 * y + x) as u16);
    let bytes = codec.encode(&image).expect("any network codes");
    let decoded = codec.decode(&bytes, image.shape(), &Limits::default()).expect("its own stream");
    assert_eq!(decoded.samples(), image.samples());
});
