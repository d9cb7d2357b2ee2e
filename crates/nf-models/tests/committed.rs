//! The committed checkpoints: their streams must decode for ever, by builds with and without Burn.
#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use nf_codec::{Codec, Limits};
use nf_image::{Image16, Shape};
use nf_models::{Checkpoint, NETS, NetCodec};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// One checkpoint of every network, and of every network for stacks, with a stream in `golden/`.
const GOLDEN: [&str; 10] = [
    "pixelcnnpp-tiny-real-db09e355",
    "idf-tiny-real-29bec149",
    "l3c-tiny-real-a8aeacd1",
    "pixelcnnpp-tiny-ramp-0c879ffa",
    "l3c-tiny-ramp-933a88d9",
    "rownet-small-real-6471df8d",
    "tec-tiny-ramp-7250ce9b",
    "tec-tiny-ramp-transformer-ec2563fe",
    "vdm-tiny-real-c122b251",
    "vdm-uniform-small-real-89622d08",
];

const GOLDEN_TILE_PX: usize = 16;

fn codec(id: &str, tile_px: usize) -> (NetCodec, usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../checkpoints").join(id);
    let checkpoint = Checkpoint::load(&folder).unwrap();
    let planes = checkpoint.card.net.as_ref().unwrap().planes();
    (NetCodec::new(checkpoint, id.into(), tile_px), planes)
}

fn golden(id: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{id}.net"))
}

/// A slope with noise, an outlier, and tiles of noise that no network predicts.
fn frame(planes: usize, height: usize, width: usize) -> Image16 {
    let mut state = 3_u64;
    Image16::from_fn(Shape::new(planes, height, width), |plane, y, x| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        match (y, x) {
            (8, 9) => 40_000,
            (0..16, 16..32) => (state >> 48) as u16,
            _ => (1200 + 60 * plane + 3 * x + y + (state >> 59) as usize) as u16,
        }
    })
}

/// Ids of all committed checkpoints that have streams without loss.
fn committed() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../checkpoints");
    let folders = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let folders = folders.filter(|folder| folder.join("card.toml").is_file());
    let mut ids: Vec<String> =
        folders.map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    ids.retain(|id| !codec_card(id).lines().any(|line| line.starts_with("latents = ")));
    ids.retain(|id| !codec_card(id).contains("process = \"gaussian\""));
    ids.sort();
    ids
}

#[test]
fn golden_streams_decode() {
    for id in GOLDEN {
        let (codec, planes) = codec(id, 128);
        let image = frame(planes, 29, 43);
        let bytes = fs::read(golden(id)).unwrap();
        let decoded = codec.decode(&bytes, image.shape(), &Limits::default()).unwrap();
        assert!(decoded.samples() == image.samples(), "{id}");
    }
    for net in NETS {
        assert!(GOLDEN.iter().any(|id| id.starts_with(net)), "no golden stream of {net}");
    }
}

/// Every stage of diffusion has a digest: a changed byte is an error, or one that says nothing of
/// samples (how many tiles at most are a batch).
#[test]
fn damage_of_golden_streams_of_diffusion_is_found() {
    for id in GOLDEN.into_iter().filter(|id| id.starts_with("vdm")) {
        let (codec, planes) = codec(id, 128);
        let image = frame(planes, 29, 43);
        let bytes = fs::read(golden(id)).unwrap();
        let decode = |bytes: &[u8]| codec.decode(bytes, image.shape(), &Limits::default());
        let step = bytes.len() / 60;
        for at in (0..bytes.len()).filter(|at| *at < 40 || at % step == 0) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x41;
            match decode(&damaged) {
                Err(error) => assert!(!error.to_string().contains('\n'), "{id}, byte {at}: {error}"),
                Ok(decoded) => assert!(decoded.samples() == image.samples(), "{id}, byte {at}"),
            }
            assert!(decode(&bytes[..at]).is_err(), "{id}, {at} bytes");
        }
    }
}

/// Row nets write another version than their first golden stream is of.
const SECOND: &str = "rownet-small-real-6471df8d";

/// Enough pixels for densities of ranks to pay.
fn second_frame() -> Image16 {
    frame(1, 150, 170)
}

#[test]
fn the_second_golden_stream_of_row_nets_decodes() {
    let (codec, _) = codec(SECOND, 128);
    let image = second_frame();
    let bytes = fs::read(golden(&format!("{SECOND}-2"))).unwrap();
    let decoded = codec.decode(&bytes, image.shape(), &Limits::default()).unwrap();
    assert!(decoded.samples() == image.samples());
    assert!(bytes == codec.encode(&image).unwrap());
}

/// For a new network: writes the golden streams that are missing, never one that is there.
#[test]
#[ignore = "writes into the checkout"]
fn write_missing_golden_streams() {
    for id in GOLDEN.into_iter().filter(|id| !golden(id).exists()) {
        let (codec, planes) = codec(id, GOLDEN_TILE_PX);
        fs::write(golden(id), codec.encode(&frame(planes, 29, 43)).unwrap()).unwrap();
    }
    let second = golden(&format!("{SECOND}-2"));
    if !second.exists() {
        fs::write(second, codec(SECOND, 128).0.encode(&second_frame()).unwrap()).unwrap();
    }
}

/// Round trip, and a stream whose size is the ideal one.
fn check(id: &str) {
    let (codec, planes) = codec(id, 64);
    let image = frame(planes, 77, 93);
    let bytes = codec.encode(&image).unwrap();
    let decoded = codec.decode(&bytes, image.shape(), &Limits::default()).unwrap();
    assert!(decoded.samples() == image.samples(), "{id}");
    // Four tiles, no two of one shape: beside the samples a head, and a length and a stream for
    // each; of a row net also its kind, another length, and more states of the coder
    // that hold nothing.
    let row_net = if id.starts_with("rownet") { 4.0 * (1.0 + 4.0 + 8.0) } else { 0.0 };
    // Of diffusion its further stages, as many as widths, with digests, lengths and streams.
    let card = codec_card(id);
    let widths = card.lines().find(|line| line.starts_with("widths_log2"));
    let further = widths.map_or(0.0, |list| list.split(',').count() as f64);
    let stages = widths.map_or(0.0, |_| 8.0 + further * (8.0 + 4.0 * 4.0));
    let overhead = 8.0 * (39.0 + 4.0 * (4.0 + 3.0 * planes as f64) + row_net + stages);
    let real = 8.0 * bytes.len() as f64 - overhead;
    let ideal = codec.ideal_bits(&image).unwrap().unwrap();
    let ends = 4.0 * 64.0 * (1.0 + further);
    // Row nets have shorter heads, and recalibrate tables where that saves bits.
    let least = if id.starts_with("rownet") { 0.98 } else { 0.999 };
    assert!(real >= least * ideal && real <= 1.001 * ideal + ends, "{id}: {real} bits, {ideal}");
}

#[test]
fn one_checkpoint_of_each_kind_round_trips_at_its_ideal_size() {
    let mut kinds = BTreeSet::new();
    for id in committed() {
        let card = codec_card(&id);
        let kind: Vec<&str> =
            ["net = ", "process = ", "planes = ", "inputs = ", "filters = ", "growth = ", "context = "]
                .into_iter()
                .filter_map(|key| card.lines().find(|line| line.starts_with(key)))
                .collect();
        if kinds.insert(kind.join(", ")) {
            check(&id);
        }
    }
    for net in NETS {
        assert!(kinds.iter().any(|kind| kind.contains(net)), "no weights of {net}");
    }
}

fn codec_card(id: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../checkpoints");
    fs::read_to_string(folder.join(id).join("card.toml")).unwrap()
}

/// Weights of the process 'gaussian' are those of their card, and no codec.
#[test]
fn checkpoints_that_estimate_say_that_they_have_no_stream() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../checkpoints");
    let all: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let name = |folder: &PathBuf| folder.file_name().unwrap().to_str().unwrap().to_owned();
    let of_gaussian = |folder: &&PathBuf| {
        folder.join("card.toml").is_file() && codec_card(&name(folder)).contains("process = \"gaussian\"")
    };
    let gaussian: Vec<&PathBuf> = all.iter().filter(of_gaussian).collect();
    assert!(!gaussian.is_empty());
    for folder in gaussian {
        let error = Checkpoint::load(folder).unwrap_err().to_string();
        assert!(error.contains("has no stream"), "{error}");
        #[cfg(feature = "train")]
        Checkpoint::load_vdm_gaussian(folder).unwrap();
    }
}

#[test]
#[ignore = "all committed checkpoints, a minute"]
fn every_checkpoint_round_trips_at_its_ideal_size() {
    committed().iter().for_each(|id| check(id));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn damaged_checkpoints_are_errors_or_other_checkpoints(
        id in proptest::sample::select(&GOLDEN[..]),
        card_changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        weights_changes in proptest::collection::vec((0..4000_usize, any::<u8>()), 0..3),
        kept in prop_oneof![Just(usize::MAX), 0..100_000_usize],
    ) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../checkpoints").join(id);
        let mut card = fs::read(folder.join("card.toml")).unwrap();
        let mut weights = fs::read(folder.join("weights.safetensors")).unwrap();
        // Changes of the header, which comes first, are more interesting than those of numbers.
        for (at, byte) in weights_changes {
            weights[at] = byte;
        }
        weights.truncate(kept);
        let digest = nf_image::Digest::of_bytes(&weights).to_string();
        let text = String::from_utf8(card.clone()).unwrap();
        let old = text.split("weights_blake3 = \"").nth(1).unwrap()[..64].to_owned();
        card = text.replace(&old, &digest).into_bytes();
        for (at, byte) in card_changes {
            let at = at.index(card.len());
            card[at] = byte;
        }
        if let Ok(checkpoint) = Checkpoint::from_bytes(card, weights) {
            let planes = checkpoint.card.net.as_ref().unwrap().planes();
            let codec = NetCodec::new(checkpoint, id.into(), 16);
            let image = frame(planes, 5, 9);
            let bytes = codec.encode(&image).unwrap();
            let decoded = codec.decode(&bytes, image.shape(), &Limits::default()).unwrap();
            prop_assert_eq!(decoded.samples(), image.samples());
        }
    }
}

/// Extents that a card claims are refused before anything is made of them.
#[test]
fn cards_with_absurd_extents_are_errors() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../checkpoints");
    for id in GOLDEN {
        let card = fs::read_to_string(folder.join(id).join("card.toml")).unwrap();
        let weights = fs::read(folder.join(id).join("weights.safetensors")).unwrap();
        let (head, net) = card.split_once("[net]").unwrap();
        let numbers = net.lines().enumerate().filter(|(_, line)| {
            line.split_once(" = ").is_some_and(|(_, value)| value.parse::<u64>().is_ok())
        });
        for (number, line) in numbers {
            let (key, _) = line.split_once(" = ").unwrap();
            for other in ["0", "1000000000", "9223372036854775807"] {
                let mut lines: Vec<String> = net.lines().map(str::to_owned).collect();
                lines[number] = format!("{key} = {other}");
                let card = format!("{head}[net]{}", lines.join("\n"));
                let loaded = Checkpoint::from_bytes(card.into_bytes(), weights.clone());
                assert!(loaded.is_err(), "{id}: {key} = {other}");
            }
        }
    }
}

#[test]
fn codecs_are_shared_by_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&codec(GOLDEN[0], 128).0);
}
