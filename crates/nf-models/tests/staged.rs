//! Streams in stages: every beginning is what it says, and no other is taken for one.
#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use burn::tensor::Device;
use nf_codec::{Codec, Limits, Stage, Staged};
use nf_image::{Image16, Shape};
use nf_models::{Checkpoint, ModelCard, NetCodec, NetConfig, VdmConfig};
use proptest::prelude::*;

const LIMITS: fn() -> Limits = Limits::default;

/// The codec of a new network of this size with these stages.
fn codec(size: &str, widths_log2: &[i8], tile_px: usize) -> NetCodec {
    let folder = tempfile::tempdir().unwrap();
    let mut config = NetConfig::preset("vdm", size).unwrap();
    match &mut config {
        NetConfig::Vdm(VdmConfig::Interval(own) | VdmConfig::Uniform(own)) => {
            own.widths_log2 = widths_log2.to_vec();
        }
        other => panic!("{other:?}"),
    }
    let net = config.init(&Device::flex(), 4).unwrap();
    Checkpoint::save(folder.path(), &net, ModelCard::default()).unwrap();
    NetCodec::new(Checkpoint::load(folder.path()).unwrap(), "vdm".into(), tile_px)
}

/// Noise of this size around a slope, outliers, and a corner of noise that no network predicts.
fn frame(height: usize, width: usize, noise: u64, seed: u64) -> Image16 {
    let mut state = seed;
    Image16::from_fn(Shape::new(2, height, width), |plane, y, x| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        match (state >> 57, y, x) {
            (0, ..) => (state >> 40) as u16,
            (_, 0..8, 0..8) if plane == 1 => (state >> 48) as u16,
            _ => (1200 + 3 * x + y + ((state >> 40) % (noise + 1)) as usize) as u16,
        }
    })
}

/// What the stages of a stream say, and that it is so.
fn check_stages(codec: &NetCodec, image: &Image16, bytes: &[u8]) -> Vec<Stage> {
    let staged = codec.staged().unwrap();
    let stages = staged.stages(bytes, image.shape(), &LIMITS()).unwrap();
    for (number, stage) in stages.iter().enumerate() {
        let cut = &bytes[..stage.end_bytes];
        let known = staged.decode_stage(cut, image.shape(), number, &LIMITS()).unwrap();
        let all = staged.decode_stage(bytes, image.shape(), number, &LIMITS()).unwrap();
        assert_eq!(known.samples(), all.samples());
        let errors = known.samples().iter().zip(image.samples()).map(|(a, b)| a.abs_diff(*b));
        assert!(u32::from(errors.max().unwrap_or(0)) <= stage.bound_dn, "stage {number}: {stage:?}");
        assert_eq!(staged.stages(cut, image.shape(), &LIMITS()).unwrap(), stages[..=number]);
    }
    let last = stages.last().unwrap();
    assert_eq!((last.bound_dn, last.bound_sigma, last.end_bytes), (0, 0.0, bytes.len()));
    stages
}

#[test]
fn every_stage_list_keeps_its_bounds() {
    let lists = [&[][..], &[4], &[3, 0], &[6, 4, 2]];
    for (size, widths) in ["tiny", "uniform-tiny"].iter().flat_map(|size| lists.map(|list| (size, list))) {
        let codec = codec(size, widths, 16);
        for noise in [0, 9, 300, 20_000] {
            let image = frame(29, 37, noise, 5);
            let bytes = codec.encode(&image).unwrap();
            let stages = check_stages(&codec, &image, &bytes);
            assert_eq!(stages.len(), widths.len() + 1);
            assert!(stages.windows(2).all(|pair| pair[0].bound_dn >= pair[1].bound_dn));
            assert_eq!(codec.decode(&bytes, image.shape(), &LIMITS()).unwrap().samples(), image.samples());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    /// A stream cut anywhere is the stages that are left of it; damaged, it is an error or gives
    /// samples, and never panics.
    #[test]
    fn streams_may_be_cut_anywhere(
        is_uniform in any::<bool>(),
        (height, width) in (1..40_usize, 1..40_usize),
        noise in prop_oneof![Just(0_u64), 1..40_u64, Just(60_000)],
        seed in any::<u64>(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 6),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 4),
    ) {
        let codec = codec(if is_uniform { "uniform-tiny" } else { "tiny" }, &[3, 0], 16);
        let image = frame(height, width, noise, seed);
        let bytes = codec.encode(&image).unwrap();
        let stages = check_stages(&codec, &image, &bytes);
        prop_assert!(bytes.len() as u64 <= codec.max_bytes(image.shape()));
        for cut in cuts {
            let length = cut.index(bytes.len());
            let left = stages.iter().filter(|stage| stage.end_bytes <= length).count();
            prop_assert!(codec.decode(&bytes[..length], image.shape(), &LIMITS()).is_err());
            match codec.stages(&bytes[..length], image.shape(), &LIMITS()) {
                Ok(found) => prop_assert_eq!(&found[..], &stages[..left]),
                Err(_) => prop_assert_eq!(left, 0),
            }
            prop_assert!(codec.decode_stage(&bytes[..length], image.shape(), left, &LIMITS()).is_err());
        }
        for (at, change) in changes {
            let mut damaged = bytes.clone();
            damaged[at.index(bytes.len())] ^= change;
            if let Ok(found) = codec.decode(&damaged, image.shape(), &LIMITS()) {
                prop_assert_eq!(found.shape(), image.shape());
            }
            for stage in 0..stages.len() {
                let _ = codec.decode_stage(&damaged, image.shape(), stage, &LIMITS());
            }
        }
        let mut longer = bytes;
        longer.push(0);
        prop_assert!(codec.decode(&longer, image.shape(), &LIMITS()).is_err());
    }
}
