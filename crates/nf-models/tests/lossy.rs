//! The committed codec with a loss: its streams must decode for ever, keep their bounds, and take
//! damage, in builds with and without Burn.
#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use nf_bounded::{Array, ArrayCodec, ArrayRegistry, Bound, Bounded, Listed, SampleType, Samples};
use nf_codec::{Limits, Spec};
use nf_floor::Floor;
use nf_models::array_entry;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const ID: &str = "tec-lossy-small-series-03aa8764";
const AXES: [usize; 3] = [3, 29, 43];

/// BLAKE3 of the samples that the golden stream without residuals decodes to.
const GOLDEN_DECODED: &str = "cbbbb77b849ace405d6f71a7bceb07a58c33b08198ca2f40fddbc0674f7b12ae";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn registry() -> ArrayRegistry {
    ArrayRegistry::new([array_entry(Arc::new(Floor::default()))])
}

fn spec(options: &str) -> Spec {
    let folder = root().join("checkpoints").join(ID);
    format!("tec:checkpoint={},{options}", folder.display()).parse().unwrap()
}

fn codec(options: &str) -> Box<dyn ArrayCodec> {
    registry().build(&spec(options)).unwrap()
}

/// A slope with noise, a star and an outlier, whose planes share a pattern.
fn stack() -> Vec<u16> {
    let mut state = 3_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (0..4).map(|i| (state >> (32 + 8 * i)) & 7).sum::<u64>() as usize
    };
    let [planes, height, width] = AXES;
    let mut samples = vec![];
    for plane in 0..planes {
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            let star = 3000 / (1 + (y.abs_diff(11).pow(2) + x.abs_diff(20).pow(2)) / 4);
            samples.push(if (y, x) == (8, 9) {
                65_535
            } else {
                (1200 + 9 * plane + x + star + next()) as u16
            });
        }
    }
    samples
}

fn decode(codec: &dyn ArrayCodec, bytes: &[u8]) -> nf_bounded::Result<Samples> {
    codec.decode(bytes, SampleType::U16, &AXES, &Limits::default())
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.tec"))
}

#[test]
fn golden_streams_decode() {
    let codec = codec("quality=0");
    let lossless = decode(&*codec, &fs::read(golden("lossless")).unwrap()).unwrap();
    assert_eq!(lossless.digest(), Samples::U16(stack()).digest());
    let lossy = decode(&*codec, &fs::read(golden("lossy")).unwrap()).unwrap();
    assert_eq!(lossy.digest().to_string(), GOLDEN_DECODED);
}

/// Writes the golden streams that are missing, never one that is there.
#[test]
#[ignore = "writes into the checkout"]
fn write_missing_golden_streams() {
    let array = Array::new(AXES.to_vec(), stack()).unwrap();
    for (name, options) in [("lossless", "quality=1.5,residuals=0"), ("lossy", "quality=2")] {
        if !golden(name).exists() {
            let bytes = codec(options).encode(&array).unwrap();
            println!("{name}: {}", decode(&*codec(options), &bytes).unwrap().digest());
            fs::write(golden(name), bytes).unwrap();
        }
    }
}

#[test]
fn every_largest_error_is_kept() {
    let samples = stack();
    let array = Array::new(AXES.to_vec(), samples.clone()).unwrap();
    for largest_error in [0_u16, 1, 6] {
        let codec = codec(&format!("quality=1,residuals={largest_error}"));
        assert_eq!(codec.is_lossless(), largest_error == 0);
        let Samples::U16(decoded) = decode(&*codec, &codec.encode(&array).unwrap()).unwrap() else {
            panic!("the type is kept")
        };
        assert!(samples.iter().zip(&decoded).all(|(a, b)| a.abs_diff(*b) <= largest_error));
    }
    // Arrays of one axis, short and longer than a row, which need not end where a row does.
    for length in [1, 29, 3741] {
        let row = samples[..length].repeat(if length == 3741 { 2 } else { 1 });
        let axes = [row.len()];
        let codec = codec("residuals=0");
        let bytes = codec.encode(&Array::new(axes.to_vec(), row.clone()).unwrap()).unwrap();
        let decoded = codec.decode(&bytes, SampleType::U16, &axes, &Limits::default()).unwrap();
        assert_eq!(decoded.digest(), Samples::U16(row).digest());
    }
    // Signed samples, which are the same numbers in another place.
    let signed: Vec<i16> = samples.iter().map(|&sample| (sample ^ 0x8000) as i16).collect();
    let codec = codec("residuals=0");
    let bytes = codec.encode(&Array::new(AXES.to_vec(), signed.clone()).unwrap()).unwrap();
    let decoded = codec.decode(&bytes, SampleType::I16, &AXES, &Limits::default()).unwrap();
    assert_eq!(decoded.digest(), Samples::I16(signed).digest());
    assert!(codec.encode(&Array::new(vec![4], vec![1_f32; 4]).unwrap()).is_err());
}

#[test]
fn a_container_keeps_its_bound_with_residuals_and_with_a_list() {
    let array = Array::new(AXES.to_vec(), stack()).unwrap();
    for (options, bound) in [("residuals=bound", "2dn"), ("residuals=none", "30dn")] {
        let bound: Bound = bound.parse().unwrap();
        let indices = Box::new(Floor::default());
        let coder = Listed::new(registry(), &spec(options), bound, None, indices).unwrap();
        let decoded = coder.decode(&coder.encode(&array).unwrap(), &Limits::default()).unwrap();
        for (place, sample) in stack().into_iter().enumerate() {
            let error = decoded.samples().value(place) - f64::from(sample);
            assert!(error.abs() <= bound.value(), "{options}: {error} at {place}");
        }
    }
}

#[test]
fn damaged_streams_are_errors_or_other_samples() {
    let array = Array::new(vec![1, 20, 24], stack()[..480].to_vec()).unwrap();
    let codec = codec("residuals=1");
    let bytes = codec.encode(&array).unwrap();
    let decode = |bytes: &[u8]| codec.decode(bytes, SampleType::U16, &[1, 20, 24], &Limits::default());
    let good = decode(&bytes).unwrap().digest();
    let mut unnoticed = 0;
    for at in (0..bytes.len()).step_by(3) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x55;
        unnoticed += usize::from(decode(&damaged).is_ok_and(|other| other.digest() == good));
        assert!(decode(&bytes[..at]).is_err(), "cut at {at}");
    }
    // The stream of residuals has a few bits that no sample depends on.
    assert!(unnoticed < bytes.len() / 3 / 20, "{unnoticed} of {}", bytes.len() / 3);
    let mut other = bytes.clone();
    other[0] ^= 1;
    assert!(decode(&other).unwrap_err().to_string().contains("BLAKE3"));
    // A shape that the bytes cannot be of, before anything is allocated.
    let vast = [1 << 20, 1 << 20];
    assert!(codec.decode(&bytes, SampleType::U16, &vast, &Limits::default()).is_err());
}

#[test]
fn wrong_options_say_what_is_expected() {
    let error = |options: &str| registry().build(&spec(options)).err().unwrap().to_string();
    assert!(error("quality=99").contains("quality"));
    assert!(error("quality=3.5").contains("the last one of these weights is 3"));
    assert!(error("quality=0.3").contains("sixteenths"));
    assert!(error("residuals=40000").contains("residuals"));
    let net = root().join("checkpoints/tec-tiny-ramp-7250ce9b");
    let lossless: Spec = format!("tec:checkpoint={},residuals=0", net.display()).parse().unwrap();
    assert!(registry().build(&lossless).err().unwrap().to_string().contains("net:checkpoint"));
    let lossy: Spec =
        format!("net:checkpoint={}", root().join("checkpoints").join(ID).display()).parse().unwrap();
    assert!((nf_models::ENTRY.build)(&lossy).err().unwrap().to_string().contains("tec:checkpoint"));
    assert!(registry().build(&"tec:residuals=0".parse().unwrap()).err().unwrap().to_string().contains("ID"));
}
