//! Frames coded with the profile of their detector.
#![allow(clippy::unwrap_used, reason = "a test may stop where its premise fails")]

use nf_codec::{Codec, Limits};
use nf_floor::{Floor, FloorWithProfile, Level, PROFILE_CODEC, read_profile};
use nf_image::testing::{Rng, noise};
use nf_image::{Image16, Shape, TileBox};
use nf_profile::Profile;
use nf_profile::build::Builder;
use std::sync::{Arc, LazyLock};

mod damage;
mod embedded;
mod golden;

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
            let tile = &stream[stream.len().saturating_sub(24)..];
            assert_eq!(image.samples(), again, "{tile:?}");
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
fn a_profile_that_gets_one_frame_after_another_gets_better() {
    // A level far above that of a dead pixel, and a cosmic ray in every frame.
    let lifted = |seed: u64| {
        let mut image = exposure(seed, 1);
        image.samples_mut().iter_mut().for_each(|sample| *sample += 20_000);
        image.samples_mut()[WIDTH + 1] = 0;
        image.samples_mut()[100 * seed as usize] += 9000;
        image
    };
    let image = lifted(50);
    let mut profile = profile_of(&(0..2).map(lifted).collect::<Vec<_>>());
    let size = |profile: &Arc<Profile>| {
        FloorWithProfile::new(Level::Fast, Arc::clone(profile)).encode(&image).unwrap().len()
    };
    let first = size(&profile);
    for seed in 2..8 {
        let before = (size(&profile), profile.maps()[0].noise_dn);
        let mut builder = Builder::update(&profile);
        builder.add("", "DARK", [0, 0], &lifted(seed));
        profile = Arc::new(builder.finish("camera", vec![], &PROFILE_CODEC).unwrap().0);
        assert_eq!((profile.maps().len(), profile.maps()[0].frames), (1, seed as u32 + 1));
        let after = (size(&profile), profile.maps()[0].noise_dn);
        assert!(after.0 <= before.0 + before.0 / 100 && after.1 < before.1, "{seed}: {before:?}, {after:?}");
    }
    assert!(size(&profile) * 100 < first * 98, "{first} bytes, then {}", size(&profile));
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

#[test]
fn reads_of_a_sky_refer_to_each_other() {
    let lit = |seed| {
        let mut image = exposure(seed, 2);
        let sky = noise(Shape::frame(HEIGHT, WIDTH), 300.0, 40.0, seed + 500);
        for (i, sample) in image.samples_mut().iter_mut().enumerate() {
            *sample += sky.samples()[i % (HEIGHT * WIDTH)];
        }
        image
    };
    let profile = profile_of(&(0..4).map(lit).collect::<Vec<_>>());
    let image = lit(79);
    for (level, mode) in [(Level::Default, 9), (Level::High, 14), (Level::Max, 10)] {
        let codec = FloorWithProfile::new(level, Arc::clone(&profile));
        let bytes = codec.encode(&image).unwrap();
        round_trip(&codec, &profile, &image, &bytes);
        // The last byte of the index: reference planes of the second read.
        let first = first_tile(&bytes, image.shape());
        assert_eq!(bytes[first - 1], 1, "{level}");
        let length = usize::from(bytes[15] & 127) + 128 * usize::from(bytes[16]);
        let second = &bytes[first + length..];
        assert_eq!(second[0], mode, "{level}");
        // Start and read.
        let at = if mode == 10 { 5 } else { 4 };
        assert!(mode == 9 || second[at..at + 2] == [1, 1], "{level}: {:?}", &second[..8]);
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

/// Frames without a pattern, whose converter has every fourth code.
fn coarse(seed: u64) -> Image16 {
    let mut image = noise(Shape::frame(HEIGHT, WIDTH), 500.0, 9.0, seed);
    image.samples_mut().iter_mut().for_each(|sample| *sample &= !3);
    image
}

#[test]
fn level_high_starts_with_what_earlier_frames_taught() {
    let profile = profile_of(&(0..3).map(coarse).collect::<Vec<_>>());
    assert!(profile.maps().is_empty());
    let image = coarse(9);
    let codec = FloorWithProfile::new(Level::High, Arc::clone(&profile));
    let bytes = codec.encode(&image).unwrap();
    round_trip(&codec, &profile, &image, &bytes);
    let alone = Floor { level: Level::High }.encode(&image).unwrap().len();
    assert_eq!(bytes[first_tile(&bytes, image.shape())], 14);
    assert!(bytes.len() * 100 < alone * 97, "{} of {alone} bytes", bytes.len());
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
        assert!(bytes.len() <= Floor { level: Level::Max }.encode(&image).unwrap().len());
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

/// Where the first tile begins in a stream of one tile a plane whose extents take one byte each, on
/// rows and columns below 128: version, two extents of two bytes, key, row, column; then for every
/// tile a length of two bytes, a checksum, the reference planes.
fn first_tile(bytes: &[u8], shape: Shape) -> usize {
    assert_eq!(bytes[0], 3, "it needs a profile");
    1 + 4 + 8 + 2 + 7 * shape.planes
}
