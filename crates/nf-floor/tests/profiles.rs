//! Frames coded with the profile of their detector.
#![allow(clippy::unwrap_used, reason = "a test may stop where its premise fails")]

use nf_codec::{Codec, Limits};
use nf_floor::{Floor, FloorWithProfile, Level, PROFILE_CODEC, read_profile};
use nf_image::testing::{Rng, noise};
use nf_image::{Image16, Shape, TileBox};
use nf_profile::Profile;
use nf_profile::build::Builder;
use proptest::prelude::*;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

const HEIGHT: usize = 70;
const WIDTH: usize = 90;

/// The pattern of every pixel of a detector, in DN.
fn pattern() -> Vec<u16> {
    let mut rng = Rng::new(5);
    (0..HEIGHT * WIDTH).map(|_| 1000 + rng.below(300) as u16).collect()
}

/// What every pixel gains from read to read, in DN.
fn current() -> Vec<u16> {
    let mut rng = Rng::new(7);
    (0..HEIGHT * WIDTH).map(|_| 20 + rng.below(60) as u16).collect()
}

/// A stack of reads: the pattern, charge that grows from read to read, and noise of 3 DN.
fn exposure(seed: u64, reads: usize) -> Image16 {
    let (pattern, current, plane) = (pattern(), current(), HEIGHT * WIDTH);
    let noise = noise(Shape::new(reads, HEIGHT, WIDTH), 50.0, 3.0, seed);
    let mut image = noise.clone();
    for (i, sample) in image.samples_mut().iter_mut().enumerate() {
        *sample += pattern[i % plane] + current[i % plane] * (i / plane) as u16;
    }
    image
}

fn profile_of(frames: &[Image16]) -> Arc<Profile> {
    let mut builder = Builder::default();
    frames.iter().for_each(|frame| builder.add("", "DARK", [0, 0], frame));
    Arc::new(builder.finish("camera", vec![], &PROFILE_CODEC).unwrap().0)
}

fn profile() -> Arc<Profile> {
    static PROFILE: LazyLock<Arc<Profile>> =
        LazyLock::new(|| profile_of(&(0..6).map(|seed| exposure(seed, 1)).collect::<Vec<_>>()));
    Arc::clone(&PROFILE)
}

/// The profile, read by the decoder that was written from the specification alone.
fn read_again(profile: &Profile) -> nf_floor_decoder::Profile {
    nf_floor_decoder::read_profile(profile.bytes(), 1 << 20).unwrap()
}

/// What that decoder makes of a stream.
fn decode_again(
    profile: &nf_floor_decoder::Profile,
    stream: &[u8],
    shape: Shape,
) -> Result<Vec<u16>, nf_floor_decoder::Error> {
    let Shape { planes, height, width } = shape;
    nf_floor_decoder::decode_with_profile(stream, profile, planes, height, width)
}

/// Both decoders give the same samples, which are the result, or an error.
fn agree(
    codec: &FloorWithProfile,
    again: &nf_floor_decoder::Profile,
    stream: &[u8],
    shape: Shape,
) -> Option<Vec<u16>> {
    let image = codec.decode(stream, shape, &Limits::default());
    match (image, decode_again(again, stream, shape)) {
        (Ok(image), Ok(again)) => {
            assert!(image.samples() == again);
            Some(again)
        }
        (Err(_), Err(_)) => None,
        (Ok(_), Err(error)) => panic!("an error of the second decoder only: {error}"),
        (Err(error), Ok(_)) => panic!("an error that the second decoder lacks: {error}"),
    }
}

/// Both decoders give back `image`, the codec also a region of it.
fn round_trip(codec: &FloorWithProfile, profile: &Profile, image: &Image16, bytes: &[u8]) {
    assert!(codec.decode(bytes, image.shape(), &Limits::default()).unwrap().samples() == image.samples());
    let again = decode_again(&read_again(profile), bytes, image.shape()).unwrap();
    assert!(again == image.samples(), "the second decoder");
    let Shape { planes, height, width } = image.shape();
    let region = TileBox { planes: planes - 1..planes, rows: height / 3..height / 2, columns: 2..width / 2 };
    let cut = codec.decode_region(bytes, image.shape(), &region, &Limits::default()).unwrap();
    assert!(cut.samples() == image.crop_box(&region).samples());
}

#[test]
fn a_known_pattern_costs_nothing() {
    let profile = profile();
    assert_eq!(profile.maps().len(), 1);
    let image = exposure(77, 1);
    for level in Level::ALL {
        let codec = FloorWithProfile::new(level, Arc::clone(&profile));
        let bytes = codec.encode(&image).unwrap();
        round_trip(&codec, &profile, &image, &bytes);
        let alone = Floor { level }.encode(&image).unwrap().len();
        // The pattern has 8.2 bits, the noise 3.6 and that of the map 0.1.
        assert!(bytes.len() * 2 < alone, "{level}: {} of {alone} bytes", bytes.len());
        let bits = bytes.len() as f64 * 8.0 / image.samples().len() as f64;
        assert!(bits < 4.3, "{level}: {bits} bits per pixel");
    }
}

#[test]
fn windows_are_coded_where_they_lie() {
    let profile = profile();
    let image = exposure(78, 1).crop(0..1, 11..60, 23..80);
    for level in [Level::Default, Level::Max] {
        let codec = FloorWithProfile::new(level, Arc::clone(&profile));
        let bytes = codec.encode_at(&image, 11, 23).unwrap();
        round_trip(&codec, &profile, &image, &bytes);
        let elsewhere = codec.encode_at(&image, 12, 23).unwrap();
        round_trip(&codec, &profile, &image, &elsewhere);
        assert!(bytes.len() * 2 < elsewhere.len());
        // Beyond the detector there is no map.
        let beyond = codec.encode_at(&image, 30, 23).unwrap();
        round_trip(&codec, &profile, &image, &beyond);
    }
}

#[test]
fn reads_of_a_ramp_have_a_map_each() {
    let exposures: Vec<Image16> = (0..4).map(|seed| exposure(seed, 3)).collect();
    let profile = profile_of(&exposures);
    let image = exposure(79, 3);
    for level in [Level::Default, Level::Max] {
        let codec = FloorWithProfile::new(level, Arc::clone(&profile));
        let bytes = codec.encode(&image).unwrap();
        round_trip(&codec, &profile, &image, &bytes);
        assert!(bytes.len() < Floor { level }.encode(&image).unwrap().len() * 3 / 4, "{level}");
    }
}

/// A frame of light that grows by `slope` from row to row or from column to column, to which every
/// pixel responds up to 6% differently.
fn lit(seed: u64, light: f64, across: bool, slope: f64) -> Image16 {
    let mut rng = Rng::new(6);
    let response: Vec<f64> =
        (0..HEIGHT * WIDTH).map(|_| 0.94 + f64::from(rng.below(1201) as u16) * 1e-4).collect();
    let mut image = exposure(seed, 1);
    let shot = noise(image.shape(), 1000.0, light.sqrt(), seed + 1000);
    for (i, sample) in image.samples_mut().iter_mut().enumerate() {
        let at = if across { (i % WIDTH) as f64 / WIDTH as f64 } else { (i / WIDTH) as f64 / HEIGHT as f64 };
        let light = light * (1.0 + slope * (at - 0.5));
        *sample += (light * response[i]) as u16 + shot.samples()[i] - 1000;
    }
    image
}

/// A profile of biases and flats, which has a response.
fn profile_of_flats() -> Arc<Profile> {
    let mut builder = Builder::default();
    (0..4).for_each(|seed| builder.add("", "BIAS", [0, 0], &exposure(seed, 1)));
    for (seed, light) in [(10, 9000.0), (11, 12000.0), (12, 15000.0), (13, 10000.0)] {
        builder.add("", "FLAT", [0, 0], &lit(seed, light, false, 0.4));
    }
    Arc::new(builder.finish("camera", vec![], &PROFILE_CODEC).unwrap().0)
}

#[test]
fn a_known_response_makes_bright_frames_smaller() {
    let with = profile_of_flats();
    // The same profile, whose response is an offset that predicts nothing.
    let without = forged(&with, |body| {
        let mut heads = body.windows(9).enumerate().filter(|(_, head)| *head == b"\x01\0\0\x04\0FLAT");
        let (at, _) = heads.next().expect("the profile has a response");
        assert!(heads.next().is_none());
        body[at] = 0;
    });
    let without = Arc::new(read_profile(without, &Limits::default()).unwrap());
    assert_eq!(with.maps().len(), without.maps().len());

    let image = lit(20, 15000.0, true, 1.8);
    let [smaller, larger] = [&with, &without].map(|profile| {
        let codec = FloorWithProfile::new(Level::Max, Arc::clone(profile));
        let bytes = codec.encode(&image).unwrap();
        round_trip(&codec, profile, &image, &bytes);
        bytes
    });
    let tile = &smaller[first_tile(&smaller, image.shape())..];
    assert!(tile[0] == 10 && tile[2] != 0, "mode {}, response {}", tile[0], tile[2]);
    assert!(smaller.len() * 100 < larger.len() * 97, "{} of {} bytes", smaller.len(), larger.len());
}

#[test]
fn a_profile_that_does_not_help_costs_nothing() {
    let profile = profile();
    for image in [noise(Shape::frame(60, 80), 500.0, 20.0, 4), Image16::zeros(Shape::frame(9, 9))] {
        for level in [Level::Fast, Level::Default, Level::High] {
            let codec = FloorWithProfile::new(level, Arc::clone(&profile));
            assert!(codec.encode(&image).unwrap() == Floor { level }.encode(&image).unwrap(), "{level}");
        }
        let codec = FloorWithProfile::new(Level::Max, Arc::clone(&profile));
        let bytes = codec.encode(&image).unwrap();
        round_trip(&codec, &profile, &image, &bytes);
        // The place on the detector is part of the head of a stream that uses the profile.
        assert!(bytes.len() <= Floor { level: Level::Max }.encode(&image).unwrap().len() + 12);
    }
    for shape in [Shape::frame(0, 5), Shape::frame(1, 1), Shape::new(0, 3, 3)] {
        let codec = FloorWithProfile::new(Level::Max, Arc::clone(&profile));
        let image = Image16::zeros(shape);
        let bytes = codec.encode(&image).unwrap();
        assert_eq!(codec.decode(&bytes, shape, &Limits::default()).unwrap().shape(), shape);
    }
}

#[test]
fn more_frames_make_a_better_profile() {
    let of = |seeds: std::ops::Range<u64>| seeds.map(|seed| exposure(seed, 3)).collect::<Vec<_>>();
    let first = profile_of(&of(0..2));
    let mut builder = Builder::update(&first);
    of(2..8).iter().for_each(|frame| builder.add("", "DARK", [0, 0], frame));
    let (updated, _) = builder.finish("camera", vec![], &PROFILE_CODEC).unwrap();
    // Every read has a pattern of its own.
    assert_eq!((updated.maps().len(), updated.frames()), (3, 8));
    assert!(updated.maps().iter().all(|map| map.frames == 8));
    let image = exposure(95, 3);
    let size = |profile| FloorWithProfile::new(Level::Default, profile).encode(&image).unwrap().len();
    assert!(size(Arc::new(updated)) < size(first));
}

#[test]
fn streams_name_the_profile_that_they_need() {
    let profile = profile();
    let codec = FloorWithProfile::new(Level::Default, Arc::clone(&profile));
    let image = exposure(80, 1);
    let bytes = codec.encode(&image).unwrap();
    let key = profile.id().to_string();
    let key = key.rsplit('.').next().unwrap();
    let error = Floor::default().decode(&bytes, image.shape(), &Limits::default()).unwrap_err().to_string();
    assert!(error.contains(key) && error.contains("profile"), "{error}");
    let other = profile_of(&(40..44).map(|seed| exposure(seed, 1)).collect::<Vec<_>>());
    let codec = FloorWithProfile::new(Level::Default, other);
    let error = codec.decode(&bytes, image.shape(), &Limits::default()).unwrap_err().to_string();
    assert!(error.contains(key) && error.contains("camera."), "{error}");
}

#[test]
fn profiles_are_read_again_and_damage_is_found() {
    let profile = profile();
    let again = read_profile(profile.bytes().to_vec(), &Limits::default()).unwrap();
    assert!(again == *profile);
    for at in (0..profile.bytes().len()).step_by(97) {
        let mut damaged = profile.bytes().to_vec();
        damaged[at] ^= 0x10;
        assert!(read_profile(damaged, &Limits::default()).is_err(), "byte {at}");
    }
    for length in [0, 7, 8, 39, 100, profile.bytes().len() - 1] {
        assert!(
            read_profile(profile.bytes()[..length].to_vec(), &Limits::default()).is_err(),
            "{length} bytes"
        );
    }
    let small = Limits { max_pixels: 100, ..Limits::default() };
    let error = read_profile(profile.bytes().to_vec(), &small).unwrap_err().to_string();
    assert!(error.contains("limit"), "{error}");
}

/// The profile with other bytes before its digest, which is made to fit.
fn forged(profile: &Profile, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let bytes = profile.bytes();
    let mut body = bytes[..bytes.len() - 32].to_vec();
    change(&mut body);
    let digest = nf_image::Digest::of_bytes(&body);
    body.extend(digest.0);
    body
}

/// A stream of two planes of one row of two pixels at the end of a detector of 70 x 90 pixels: the
/// first has the samples 100, the second this tile with this number of reference planes.
fn tiny(profile: &Profile, row: u8, tile: &[u8], references: u8) -> Vec<u8> {
    let first: &[u8] = &[1, 100, 0];
    let mut stream = vec![3, 1, 2];
    stream.extend(&profile.bytes()[profile.bytes().len() - 32..][..8]);
    stream.extend([row, 88]);
    for (tile, references) in [(first, 0), (tile, references)] {
        stream.push(tile.len() as u8);
        stream.extend(crc32fast::hash(tile).to_le_bytes());
        stream.push(references);
    }
    stream.extend(first);
    stream.extend(tile);
    stream
}

#[test]
fn decoders_agree_on_what_is_valid() {
    let profile = profile_of_flats();
    // The maps have the numbers 1 to 3, the starts 1 and 2.
    let kinds: Vec<String> = profile.maps().iter().map(|map| format!("{:?}", map.kind)).collect();
    assert_eq!(kinds, ["Offset", "Offset", "Response"]);
    assert_eq!(profile.starts().len(), 2);
    let again = read_again(&profile);
    let codec = FloorWithProfile::new(Level::Fast, Arc::clone(&profile));
    let coded = |head: &[u8]| [head, &[0; 10]].concat();
    // Number of reference planes, tile, whether it is valid.
    let cases: Vec<(u8, Vec<u8>, bool)> = vec![
        (0, vec![9, 0, 0, 1, 7, 0], true),
        (0, vec![9, 1, 0, 0, 16, 1, 7, 0], true),
        (0, vec![9, 1, 0, 0, 128, 1, 7, 0], true),
        (1, vec![9, 0, 0, 0, 0, 1, 1, 7, 0], true),
        (1, vec![9, 0, 0, 1, 0, 1, 1, 7, 0], true),
        (1, vec![9, 1, 0, 1, 0, 16, 0, 1, 1, 7, 0], true),
        (1, vec![9, 0, 0, 1, 0, 16, 1, 7, 0], false),
        (0, vec![9, 0, 0, 5, 1, 7, 0], true),
        (0, vec![9, 0, 0, 9, 0, 0, 1, 7, 0], false),
        (0, vec![9, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0], false),
        (0, vec![5, 9, 0, 0, 1, 7, 0], false),
        (1, vec![7, 0, 1, 9, 0, 0, 1, 7, 0], false),
        (1, vec![7, 0, 1, 1, 7, 0], true),
        (0, vec![9, 3, 0, 0, 16, 1, 7, 0], false),
        (0, vec![9, 9, 0, 0, 16, 1, 7, 0], false),
        (0, vec![9, 0, 1, 1, 7, 0], false),
        (0, vec![9, 0, 3, 1, 7, 0], true),
        (0, coded(&[10, 0, 0, 0, 0, 0, 100, 0, 0, 0]), true),
        (0, coded(&[10, 0, 0, 0, 0, 0, 0, 200, 0, 0]), true),
        (0, coded(&[10, 0, 0, 1, 0, 0, 0, 200, 0, 0]), true),
        (0, coded(&[10, 0, 0, 2, 0, 0, 100, 0, 0, 0]), false),
        (0, coded(&[10, 0, 0, 0, 0, 1, 100, 0, 0, 0]), false),
        (0, coded(&[10, 0, 0, 0, 99, 0, 100, 0, 0, 0]), false),
        (0, coded(&[10, 0, 3, 0, 0, 0, 0, 200, 0, 0]), true),
        (0, coded(&[10, 0, 3, 1, 0, 0, 0, 200, 0, 0]), true),
        (0, coded(&[10, 1, 3, 1, 0, 0, 0, 16, 100, 0, 0, 0]), true),
        (1, coded(&[10, 1, 3, 1, 1, 0, 0, 0, 16, 0, 1, 100, 0, 0, 0]), true),
        (1, coded(&[10, 0, 0, 0, 0, 1, 0, 0, 1, 100, 0, 0, 0]), false),
        (1, coded(&[10, 0, 0, 0, 1, 1, 0, 0, 1, 100, 0, 0, 0]), false),
        (0, coded(&[10, 0, 3, 1, 1, 0, 100, 0, 0, 0]), true),
    ];
    for (references, tile, valid) in cases {
        let stream = tiny(&profile, 69, &tile, references);
        let shape = Shape::new(2, 1, 2);
        assert_eq!(agree(&codec, &again, &stream, shape).is_some(), valid, "{references} {tile:?}");
        // No map has the row 70.
        let maps = tile.iter().skip(1).take(2 + usize::from(references)).any(|&number| number != 0);
        if tile[0] == 9 && maps {
            assert!(agree(&codec, &again, &tiny(&profile, 70, &tile, references), shape).is_none());
        }
    }
}

/// Golden streams, each with the name of its profile, its extent, and the digest of its pixels.
#[rustfmt::skip]
const GOLDEN: &[(&str, &str, Shape, &str)] = &[
    ("fast", "pattern", Shape::new(1, 70, 90), "3af30d25887e853dbb065494518db5eae61e15441cb1c686cb00baca2a4f8455"),
    ("default-window", "pattern", Shape::new(1, 51, 57), "02e135153410db3edc4729aa8c8e54870a8551222492add3257ae20cb54ce441"),
    ("max", "pattern", Shape::new(1, 70, 90), "8eb12614e65331f587bf7eb23811d3a52671228b43da69d1f6f588ff25775af8"),
    ("max-flat", "flats", Shape::new(1, 40, 50), "9d8d45f86885ad34fae59783407864aa619ba58fcc92014fdacdd636e23bb1b3"),
    ("default-ramp", "ramp", Shape::new(3, 70, 90), "6eacbb68eb73bdec76aeaff0c2b6fc79ff3896ebb995adc005d1bc6d79017ef6"),
    ("max-ramp", "ramp", Shape::new(3, 70, 90), "63e45e147f36e49712e5b07e8c8060c3cfb1242153787f5ec4d2272b3ff81ce6"),
];

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/profiles").join(name)
}

#[test]
fn golden_streams_decode() {
    let mut modes: Vec<u8> = vec![];
    for (name, profile, shape, digest) in GOLDEN {
        let profile = std::fs::read(path(&format!("{profile}.nfp"))).unwrap();
        let profile = Arc::new(read_profile(profile, &Limits::default()).unwrap());
        let bytes = std::fs::read(path(&format!("{name}.bin"))).unwrap();
        let again = decode_again(&read_again(&profile), &bytes, *shape).unwrap();
        let image = FloorWithProfile::new(Level::Fast, profile).decode(&bytes, *shape, &Limits::default());
        let image = image.unwrap();
        assert_eq!(image.digest().to_string(), *digest, "{name}");
        assert!(again == image.samples(), "{name}: the second decoder");
        modes.push(bytes[first_tile(&bytes, *shape)]);
    }
    modes.sort_unstable();
    modes.dedup();
    assert_eq!(modes, [9, 10], "every mode has a golden stream");
}

/// Where the first tile begins in a stream of one tile a plane whose extents take one byte each, on
/// rows and columns below 128: version, two extents of two bytes, key, row, column; then for every
/// tile a length of two bytes, a checksum, the reference planes.
fn first_tile(bytes: &[u8], shape: Shape) -> usize {
    assert_eq!(bytes[0], 3, "it needs a profile");
    1 + 4 + 8 + 2 + 7 * shape.planes
}

/// Name of a stream, name of its profile, the profile, the image, the bytes.
type Made = (&'static str, &'static str, Arc<Profile>, Image16, Vec<u8>);

/// Profiles and streams of the golden files.
fn made() -> Vec<Made> {
    let ramps = profile_of(&(0..4).map(|seed| exposure(seed, 3)).collect::<Vec<_>>());
    let made = |name, profile: &Arc<Profile>, of, level, image: Image16, row, column| {
        let codec = FloorWithProfile::new(level, Arc::clone(profile));
        let bytes = codec.encode_at(&image, row, column).unwrap();
        (name, of, Arc::clone(profile), image, bytes)
    };
    let pattern = profile();
    vec![
        made("fast", &pattern, "pattern", Level::Fast, exposure(90, 1), 0, 0),
        made(
            "default-window",
            &pattern,
            "pattern",
            Level::Default,
            exposure(91, 1).crop(0..1, 9..60, 20..77),
            9,
            20,
        ),
        made("max", &pattern, "pattern", Level::Max, exposure(92, 1), 0, 0),
        made(
            "max-flat",
            &profile_of_flats(),
            "flats",
            Level::Max,
            lit(21, 15000.0, true, 1.8).crop(0..1, 20..60, 30..80),
            20,
            30,
        ),
        made("default-ramp", &ramps, "ramp", Level::Default, exposure(93, 3), 0, 0),
        made("max-ramp", &ramps, "ramp", Level::Max, exposure(94, 3), 0, 0),
    ]
}

#[test]
#[ignore = "writes golden files that are missing"]
fn write_missing() {
    std::fs::create_dir_all(path("")).unwrap();
    for (name, of, profile, image, bytes) in made() {
        let profile_path = path(&format!("{of}.nfp"));
        if !profile_path.exists() {
            std::fs::write(profile_path, profile.bytes()).unwrap();
        }
        if !path(&format!("{name}.bin")).exists() {
            std::fs::write(path(&format!("{name}.bin")), &bytes).unwrap();
            println!("(\"{name}\", \"{of}\", {:?}, \"{}\"),", image.shape(), image.digest());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Forged profiles are refused or read, and what is read codes without loss.
    #[test]
    fn forged_profiles_do_no_harm(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let profile = profile();
        let forged = forged(&profile, |body| {
            // Most of the bytes are pixels: most of the changes are to what stands before those of
            // the map and of the first start.
            let length = u64::from_le_bytes(body[84..92].try_into().unwrap());
            let starts = 92 + length as usize;
            for (k, (at, byte)) in changes.iter().enumerate() {
                let at = match k % 3 {
                    0 => at.index(120),
                    1 => starts + at.index(40),
                    _ => at.index(body.len()),
                };
                body[at] = *byte;
            }
        });
        let limits = Limits::of_memory(64 << 20);
        let again = nf_floor_decoder::read_profile(&forged, limits.max_pixels);
        // The second reader takes every codec (bytes 16 to 32): it reads streams of floor only.
        let codec = forged[16..33] != profile.bytes()[16..33];
        let found = read_profile(forged, &limits);
        match (&found, &again) {
            (Ok(_), Ok(_)) | (Err(_), Err(_)) => {}
            (Ok(_), Err(wrong)) => prop_assert!(false, "an error of the second reader only: {wrong}"),
            (Err(wrong), Ok(_)) => prop_assert!(codec, "an error that the second reader lacks: {wrong}"),
        }
        if let Ok(profile) = found {
            let codec = FloorWithProfile::new(Level::Default, Arc::new(profile));
            let image = exposure(81, 1);
            let bytes = codec.encode(&image).unwrap();
            prop_assert!(codec.decode(&bytes, image.shape(), &limits).unwrap().samples() == image.samples());
        }
    }

    /// Damaged tiles, their checksums made to fit, are refused or wrong, and never more; both
    /// decoders find the same.
    #[test]
    fn damaged_tiles_do_not_panic(
        level in prop::sample::select(vec![Level::Default, Level::Max]),
        changes in prop::collection::vec((0usize..60, any::<u8>()), 1..4),
        // The second decoder takes a second for a tile of level max.
        again in prop::bool::weighted(0.05),
    ) {
        static AGAIN: LazyLock<nf_floor_decoder::Profile> = LazyLock::new(|| read_again(&profile()));
        let codec = FloorWithProfile::new(level, profile());
        let image = exposure(82, 1).crop(0..1, 0..20, 0..30);
        let mut bytes = codec.encode(&image).unwrap();
        let tile = first_tile(&bytes, image.shape());
        for (at, byte) in changes {
            let at = tile + at.min(bytes.len() - tile - 1);
            bytes[at] = byte;
        }
        let crc = crc32fast::hash(&bytes[tile..]);
        bytes[tile - 5..tile - 1].copy_from_slice(&crc.to_le_bytes());
        if level == Level::Default || again {
            agree(&codec, &AGAIN, &bytes, image.shape());
        } else {
            let _ = codec.decode(&bytes, image.shape(), &Limits::default());
        }
    }
}
