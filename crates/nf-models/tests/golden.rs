//! Streams that must never change: equal weights give equal bytes on every machine and in every build.
//!
//! If one of these digests changes on purpose, `ARITHMETIC` in `codec.rs` must change too: old streams are then refused
//! instead of decoded to other pixels. Where a net has other layers, old weights do not load, and that is enough.
#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use burn::tensor::Device;
use nf_codec::Codec;
use nf_image::{Digest, Image16, Shape};
use nf_models::{Card, Checkpoint, NetCodec, NetConfig};

#[test]
fn streams_are_the_same_everywhere() {
    let mut state = 3_u64;
    let image = Image16::from_fn(Shape::frame(29, 43), |_, y, x| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (1200 + 3 * x + y + (state >> 59) as usize + if (y, x) == (8, 9) { 30_000 } else { 0 }) as u16
    });
    let folder = std::env::temp_dir().join(format!("nf-models-golden-{}", std::process::id()));
    for (name, wanted) in [("pixelcnnpp", "94987a18"), ("idf", "11c9da7a"), ("l3c", "6d5a5a78")] {
        let net = NetConfig::preset(name, "tiny").unwrap().init(&Device::flex(), 11).unwrap();
        let card = Card {
            data: "none".into(),
            split: "none".into(),
            validation_bits_per_sample: 0.0,
            steps: 0,
            training_time_s: 0.0,
            device: "none".into(),
            parameters: 0,
            weights_blake3: String::new(),
            net: None,
        };
        Checkpoint::save(&folder, &net, card).unwrap();
        let codec = NetCodec::new(&Checkpoint::load(&folder, &Device::flex()).unwrap(), "golden".into(), 16);
        let bytes = codec.encode(&image).unwrap();
        // Without the digest of the weights file, which names the version of the library that wrote it.
        assert_eq!(Digest::of_bytes(&bytes[32..]).short(), wanted, "{name}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}
