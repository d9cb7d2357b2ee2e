//! Array codecs: bytes of the reference libraries, the bound that `encode_within` makes of them on
//! arrays that hurt, and hostile bytes.
#![allow(clippy::unwrap_used)]

use nf_bounded::{
    Array, ArrayCodec, ArrayRegistry, Bound, Error, QuantiseOptions, SampleType, Samples, Unit, check,
    encode_within,
};
use nf_classic::array_entries;
use nf_codec::{Limits, Spec};
use nf_image::testing::{Rng, peer_python};
use std::path::Path;
use std::process::Command;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/arrays");

fn registry() -> ArrayRegistry {
    ArrayRegistry::new(array_entries())
}

fn spec(text: &str) -> Spec {
    text.parse().expect("the spec of a test parses")
}

fn codec(text: &str) -> Box<dyn ArrayCodec> {
    registry().build(&spec(text)).unwrap_or_else(|error| panic!("{error}"))
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(FIXTURES).join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The arrays that the vectors were made of: u2, f2, d2 of 37 x 53 and f3 of five such planes.
fn input(name: &str) -> Array {
    let plane = vec![37, 53];
    match name {
        "u2" => {
            let values: Vec<u16> =
                fixture("u2.u16").as_chunks().0.iter().map(|&b| u16::from_le_bytes(b)).collect();
            Array::new(plane, values)
        }
        "d2" => {
            let values: Vec<f64> =
                fixture("d2.f64").as_chunks().0.iter().map(|&b| f64::from_le_bytes(b)).collect();
            Array::new(plane, values)
        }
        _ => {
            let axes = if name == "f2" { plane } else { vec![5, 37, 53] };
            let bytes = fixture(&format!("{name}.f32"));
            let values: Vec<f32> = bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
            Array::new(axes, values)
        }
    }
    .expect("the fixture has the samples of its axes")
}

fn same_bytes(text: &str, name: &str, stream: &str) {
    let (array, expected) = (input(name), fixture(stream));
    let codec = codec(text);
    let bytes = codec.encode(&array).unwrap_or_else(|error| panic!("{stream}: {error}"));
    if bytes != expected {
        let place = bytes.iter().zip(&expected).position(|(a, b)| a != b);
        panic!("{stream}: {} and {} bytes, different from {place:?} on", bytes.len(), expected.len());
    }
    let sample = array.samples().sample_type();
    let decoded = codec.decode(&expected, sample, array.axes(), &Limits::default());
    assert_eq!(decoded.unwrap_or_else(|error| panic!("{stream}: {error}")).sample_type(), sample);
}

#[cfg(feature = "zfp")]
#[test]
fn zfp_streams_equal_those_of_libzfp() {
    for name in ["f2", "d2"] {
        same_bytes("zfp:accuracy=1", name, &format!("{name}_zfp_a1.bin"));
        same_bytes("zfp:rate=8", name, &format!("{name}_zfp_r8.bin"));
        same_bytes("zfp:precision=12", name, &format!("{name}_zfp_p12.bin"));
        same_bytes("zfp:reversible=true", name, &format!("{name}_zfp_rev.bin"));
    }
    same_bytes("zfp:accuracy=1", "f3", "f3_zfp_a1.bin");
    same_bytes("zfp:rate=8", "f3", "f3_zfp_r8.bin");
}

#[cfg(feature = "zfp")]
#[test]
fn zfp_is_refused_where_its_bound_means_nothing() {
    let array = Array::new(vec![50], (0..50).collect::<Vec<i32>>()).unwrap();
    let words = codec("zfp:accuracy=2").encode(&array).unwrap_err().to_string();
    assert!(words.contains("ignores a bound"), "{words}");
    assert!(registry().build(&spec("zfp:rate=8,precision=4")).is_err());
    assert!(registry().build(&spec("zfp:accuracy=0")).is_err());
    // Without loss every type goes through it, and NaN keeps its bits.
    for samples in awkward(8) {
        let array = Array::new(vec![4, samples.len() / 4], samples).unwrap();
        let codec = codec("zfp:reversible=true");
        let bytes = codec.encode(&array).unwrap();
        let sample = array.samples().sample_type();
        let decoded = codec.decode(&bytes, sample, array.axes(), &Limits::default()).unwrap();
        assert_eq!(decoded.digest(), array.samples().digest(), "{sample}");
    }
}

#[test]
fn lerc_blobs_equal_those_of_esri() {
    for (version, suffix) in [(3, "lerc3"), (4, "lerc4")] {
        for name in ["u2", "f2", "d2"] {
            same_bytes(&format!("lerc:error=1,version={version}"), name, &format!("{name}_{suffix}_1.bin"));
        }
        same_bytes(&format!("lerc:error=0,version={version}"), "f2", &format!("f2_{suffix}_0.bin"));
    }
}

/// A frame through `lerc-rs` and through ours: each reads the other's blob, of all versions.
/// Whether the blobs are equal.
fn decode_each_other<T: lerc::Sample + Copy + PartialEq + std::fmt::Debug>(
    values: Vec<T>,
    valid: &[bool],
    [height, width]: [usize; 2],
    error: lerc::Precision<T>,
    spec: &str,
) -> bool
where
    Samples: From<Vec<T>>,
{
    let mask = lerc::bitmask::BitMask::all_valid(width * height);
    let mask = (0..valid.len()).filter(|&n| !valid[n]).fold(mask, |mut mask, n| {
        mask.set_invalid(n);
        mask
    });
    let theirs = match valid.contains(&false) {
        true => lerc::encode_slice_masked(width as u32, height as u32, &values, &mask, error),
        false => lerc::encode_slice(width as u32, height as u32, &values, error),
    }
    .unwrap();
    let array = Array::new(vec![height, width], values).unwrap();
    let sample = array.samples().sample_type();
    let ours = codec(&format!("{spec},version=3")).encode(&array).unwrap();
    assert!(ours.len().abs_diff(theirs.len()) <= 8, "{spec}: {} and {} bytes", ours.len(), theirs.len());
    for (version, bytes) in [(3, &ours), (3, &theirs), (4, &codec(spec).encode(&array).unwrap())] {
        let codec = codec(&format!("{spec},version={version}"));
        let decoded = codec.decode(bytes, sample, array.axes(), &Limits::default()).unwrap();
        let theirs = Samples::from(lerc::decode_slice::<T>(bytes).unwrap().pixels);
        let same = (0..theirs.len()).filter(|&n| valid[n]).all(|n| theirs.value(n) == decoded.value(n));
        assert!(same, "{spec}, version {version}");
    }
    ours == theirs
}

#[test]
fn lerc_equals_its_twin() {
    let mut random = Rng::new(31);
    let (mut equal, mut all) = (0, 0);
    // Masks have bits beyond the last pixel that mean nothing, and differ.
    let mut count = |is_equal: bool, holes: bool| {
        if !holes {
            (equal, all) = (equal + u32::from(is_equal), all + 1);
        }
    };
    for round in 0..300 {
        let [height, width] = [1 + random.below(40), 1 + random.below(40)];
        let deviation = [0.3, 5.0, 300.0][round % 3];
        let holes = round % 4 == 3;
        let values: Vec<f64> = (0..height * width).map(|_| 3000.0 + deviation * random.normal()).collect();
        let valid: Vec<bool> = values.iter().map(|_| !(holes && random.below(7) == 0)).collect();
        let hole = |x: f64, is_valid: bool| if is_valid { x } else { f64::NAN };
        let pairs = || values.iter().zip(&valid);
        let counts: Vec<u16> = values.iter().map(|&x| x as u16).collect();
        let whole = vec![true; counts.len()];
        let error = [1.0, 2.0, 9.0][random.below(3)];
        let tolerance = lerc::Precision::Tolerance(error as u16);
        count(
            decode_each_other(counts, &whole, [height, width], tolerance, &format!("lerc:error={error}")),
            false,
        );
        let single: Vec<f32> = pairs().map(|(&x, &valid)| hole(x, valid) as f32).collect();
        let tolerance = lerc::Precision::Tolerance(error as f32);
        count(
            decode_each_other(single, &valid, [height, width], tolerance, &format!("lerc:error={error}")),
            holes,
        );
        let double: Vec<f64> = pairs().map(|(&x, &valid)| hole(x, valid)).collect();
        let tolerance = lerc::Precision::Tolerance(error);
        count(
            decode_each_other(double, &valid, [height, width], tolerance, &format!("lerc:error={error}")),
            holes,
        );
    }
    // Others have blocks that several ways code in as many bytes.
    assert!(equal > all * 9 / 10, "{equal} of {all} blobs are equal");
}

/// Arrays of every type with NaN, infinities, the ends of the range, and steps.
fn awkward(seed: u64) -> Vec<Samples> {
    const COUNT: usize = 240;
    let mut random = Rng::new(seed);
    let normal: Vec<f64> = (0..COUNT).map(|_| 30_000.0 + 40.0 * random.normal()).collect();
    let special = |value: f64, n: usize| match n % 61 {
        7 => f64::NAN,
        11 => f64::INFINITY,
        13 => f64::NEG_INFINITY,
        17 => 1e30,
        19 => -1e-30,
        23 => 0.0,
        _ => value,
    };
    let whole = |n: usize, low: f64, high: f64| match n % 61 {
        7 => low,
        11 => high,
        _ => normal[n].clamp(low, high),
    };
    let all = 0..COUNT;
    vec![
        Samples::U8(all.clone().map(|n| whole(n, 0.0, 255.0) as u8 / 2 + (n % 9) as u8).collect()),
        Samples::I16(all.clone().map(|n| whole(n, -32768.0, 32767.0) as i16).collect()),
        Samples::U16(all.clone().map(|n| whole(n, 0.0, 65535.0) as u16).collect()),
        Samples::I32(all.clone().map(|n| whole(n, -2147483648.0, 2147483647.0) as i32).collect()),
        Samples::F32(all.clone().map(|n| special(normal[n], n) as f32).collect()),
        Samples::F64(all.clone().map(|n| special(normal[n], n)).collect()),
    ]
}

/// Every codec with `bound` for its option, and some modes that bound nothing.
fn specs() -> Vec<&'static str> {
    let mut specs = vec![
        "lerc:error=bound",
        "lerc:as=float,error=bound",
        "ccsds123:abs=bound",
        "ccsds123:abs=bound,damping=3,offset=5,resolution=3",
        "ccsds123:rel=40",
        "rice:step=bound",
        "rice:dither=1,step=bound",
        "rice:dither=2,step=bound",
        "hcompress:scale=bound",
        "hcompress:scale=500",
        "pcodec:lossless=true",
        "zstd:filter=floatpred,level=9",
    ];
    if cfg!(feature = "zfp") {
        specs.extend(["zfp", "zfp:rate=2", "zfp:precision=9", "zfp:reversible=true"]);
    }
    if cfg!(feature = "jpegls") {
        specs.extend(["jpegls:near=bound", "jpegls:near=9"]);
    }
    specs
}

#[test]
fn every_codec_is_made_to_keep_the_bound() {
    let registry = registry();
    let mut taken = std::collections::BTreeSet::new();
    for seed in 0..20 {
        for samples in awkward(seed) {
            for axes in [vec![240], vec![12, 20], vec![3, 8, 10], vec![2, 3, 8, 5]] {
                let array = Array::new(axes, samples.clone()).unwrap();
                for text in specs() {
                    for bound in ["2dn", "7dn"] {
                        let bound: Bound = bound.parse().unwrap();
                        let spec = registry.of_spec(&spec(text)).expect("it is one of them");
                        // A blank value must come back, and must not come from others.
                        let blank = (seed % 2 == 1 && !samples.sample_type().is_float()).then_some(30_000);
                        let options = QuantiseOptions { blank, ..QuantiseOptions::default() };
                        let coded = match encode_within(&array, &bound, &options, &registry, &spec) {
                            Ok(coded) => coded,
                            Err(Error::Codec(_)) => continue,
                            Err(error) => panic!("{spec} on {}: {error}", samples.sample_type()),
                        };
                        taken.insert((text, samples.sample_type().name()));
                        let decoded = coded.decoded();
                        check(&array, decoded, &coded.record.tolerance)
                            .unwrap_or_else(|error| panic!("{spec} on {}: {error}", samples.sample_type()));
                        for place in 0..array.samples().len() {
                            let is_blank = |samples: &Samples| Some(samples.value(place) as i64) == blank;
                            assert_eq!(is_blank(array.samples()), is_blank(decoded.samples()));
                        }
                    }
                }
            }
        }
    }
    for text in specs() {
        assert!(taken.iter().any(|(taken, _)| *taken == text), "{text} took nothing");
    }
    assert!(
        taken.contains(&("lerc:error=bound", "float64")) && !taken.contains(&("lerc:error=bound", "uint8"))
    );
    if cfg!(feature = "zfp") {
        assert!(taken.contains(&("zfp", "uint16")) && !taken.contains(&("zfp", "int32")));
    }
}

#[test]
fn hostile_bytes_are_errors_or_other_samples() {
    let array = input("f2");
    let limits = Limits { max_pixels: 1 << 20, max_memory_bytes: 256 << 20 };
    let mut random = Rng::new(3);
    for text in specs() {
        let registry = registry();
        let spec = registry.of_spec(&spec(text)).expect("it is one of them");
        let samples: Vec<u16> = (0..1961).map(|n| array.samples().value(n).round() as u16).collect();
        let whole = Array::new(vec![37, 53], samples).unwrap();
        for array in [&array, &whole] {
            let sample = array.samples().sample_type();
            let Ok(candidates) = registry.candidates(&spec, sample, 3.0) else { continue };
            let codec = registry.build(&candidates[0]).unwrap();
            let Ok(bytes) = codec.encode(array) else { continue };
            let decode = |bytes: &[u8]| codec.decode(bytes, sample, array.axes(), &limits);
            assert_eq!(decode(&bytes).unwrap().len(), 1961);
            for cut in (0..bytes.len()).step_by(37) {
                let _ = decode(&bytes[..cut]);
            }
            for _ in 0..400 {
                let mut damaged = bytes.clone();
                for _ in 0..=random.below(4) {
                    let place = random.below(damaged.len());
                    damaged[place] = random.next_u32() as u8;
                }
                if let Ok(samples) = decode(&damaged) {
                    assert_eq!(samples.len(), 1961, "{spec}");
                }
            }
            let small = Limits { max_pixels: 100, max_memory_bytes: 1000 };
            assert!(codec.decode(&bytes, sample, array.axes(), &small).is_err(), "{spec}");
            let _ = codec.decode(&bytes, sample, &[1 << 30, 1 << 20], &limits);
            let _ = codec.decode(&bytes, sample, &[1 << 40, 1 << 40, 1 << 40], &limits);
            let _ = codec.decode(&bytes, SampleType::F64, array.axes(), &limits);
        }
    }
}

#[test]
fn specs_with_a_mode_are_those_of_array_codecs() {
    let registry = registry();
    let of = |text: &str| registry.of_spec(&spec(text)).map(|spec| spec.to_string());
    assert_eq!(of("lerc"), None, "the lossless one");
    assert_eq!(of("lerc:error=2").as_deref(), Some("lerc:error=2"));
    assert_eq!(of("zstd:level=9"), None);
    if cfg!(feature = "zfp") {
        assert_eq!(of("zfp").as_deref(), Some("zfp:accuracy=bound"));
    }
    let bound = Bound::new(2.0, Unit::Dn).unwrap();
    let array = input("d2");
    let refusal = |text: &str, options: QuantiseOptions| {
        encode_within(&array, &bound, &options, &registry, &spec(text)).unwrap_err().to_string()
    };
    let plain = QuantiseOptions::default();
    assert!(refusal("hcompress:scale=bound", plain).contains("no bound for float64"));
    assert!(refusal("lerc:error=-1", plain).contains("error"));
    assert!(refusal("lerc:error=1,colour=2", plain).contains("colour"));
    let dither = QuantiseOptions { dither_seed: Some(1), ..plain };
    assert!(refusal("lerc:error=bound", dither).contains("--dither"));
}

#[test]
fn foreign_coders_write_the_same() {
    let Some(python) = peer_python("numpy, imagecodecs") else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut random = Rng::new(21);
    let values: Vec<f32> = (0..61 * 83)
        .map(|n| match n {
            n if n % 7 == 0 && n < 900 => f32::NAN,
            n if n > 4000 => f32::NAN,
            _ => (500.0 + 30.0 * random.normal()) as f32,
        })
        .collect();
    let array = Array::new(vec![61, 83], values).unwrap();
    let put = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    let mut bytes = Vec::new();
    array.samples().each_le_bytes(&mut |piece| bytes.extend_from_slice(piece));
    put("masked.f32", &bytes);
    for version in [3, 4] {
        let text = format!("lerc:error=1.5,version={version}");
        put(&format!("lerc{version}"), &codec(&text).encode(&array).unwrap());
    }
    let whole: Vec<u16> = (0..61 * 83).map(|_| (900.0 + 20.0 * random.normal()) as u16).collect();
    put("whole.u16", &whole.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
    let whole = Array::new(vec![61, 83], whole).unwrap();
    if cfg!(feature = "jpegls") {
        put("jpegls", &codec("jpegls:near=3").encode(&whole).unwrap());
    }
    let plain =
        Array::new(vec![61, 83], (0..61 * 83).map(|_| random.normal()).collect::<Vec<f64>>()).unwrap();
    let mut bytes = Vec::new();
    plain.samples().each_le_bytes(&mut |piece| bytes.extend_from_slice(piece));
    put("plain.f64", &bytes);
    put("floatpred", &codec("zstd:filter=floatpred").encode(&plain).unwrap());
    let output = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/arrays.py"))
        .arg(folder.path())
        .output()
        .expect("the interpreter ran a moment ago");
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}
