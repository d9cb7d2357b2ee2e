//! Containers that carry the profile that they need.

use super::*;
use nf_codec::container::{Header, ImageHeader, Reader, WriteOptions, shorten_header, write};
use nf_codec::{Registry, Reproducibility, Spec};
use nf_image::PlaneAxis;
use std::io::Cursor;
use std::path::PathBuf;

/// A container of a frame, with this spec and these bytes as its profile.
fn container(image: &Image16, codec: &dyn Codec, spec: Spec, profile: Option<&[u8]>) -> Vec<u8> {
    /// Says that it is another codec than it is.
    struct Named<'a>(&'a dyn Codec, Spec);
    impl Codec for Named<'_> {
        fn spec(&self) -> Spec {
            self.1.clone()
        }
        fn encode(&self, image: &Image16) -> nf_codec::Result<Vec<u8>> {
            self.0.encode(image)
        }
        fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> nf_codec::Result<Image16> {
            self.0.decode(bytes, shape, limits)
        }
        fn max_bytes(&self, shape: Shape) -> u64 {
            self.0.max_bytes(shape)
        }
    }
    let header = Header {
        codec: spec.clone(),
        reproducibility: Reproducibility::Anywhere,
        model: None,
        images: vec![ImageHeader { shape: image.shape(), axis: PlaneAxis::None, tile: image.shape() }],
        layout: None,
        creator: "a test".to_owned(),
        profile: profile.map(Into::into),
        cut: None,
    };
    let encoder = Named(codec, spec);
    let options = WriteOptions { encoder: &encoder, verifier: None, limits: Limits::default() };
    let mut bytes = vec![];
    let mut image = image.clone();
    write(&mut bytes, &header, &mut [&mut image], options).unwrap();
    bytes
}

fn decode(bytes: &[u8], limits: Limits) -> nf_codec::Result<Image16> {
    let mut reader = Reader::open(Cursor::new(bytes), limits)?;
    let codec = reader.codec(&Registry::new([nf_floor::ENTRY]))?;
    reader.decode(0, &*codec)
}

/// A frame, and its container with the profile inside.
fn embedded() -> (Image16, Vec<u8>) {
    let (profile, image) = (profile(), exposure(96, 1));
    let codec = FloorWithProfile::new(Level::Default, Arc::clone(&profile));
    let bytes = container(&image, &codec, codec.spec(), Some(profile.bytes()));
    (image, bytes)
}

#[test]
fn the_profile_is_taken_from_the_container() {
    let (image, bytes) = embedded();
    assert!(decode(&bytes, Limits::default()).unwrap().samples() == image.samples());
    // This process knows no profile otherwise.
    let codec = FloorWithProfile::new(Level::Default, profile());
    let without = container(&image, &codec, codec.spec(), None);
    let error = decode(&without, Limits::default()).unwrap_err().to_string();
    assert!(error.contains("camera."), "{error}");
}

#[test]
fn golden_containers_decode() {
    for version in [1, 2] {
        let bytes = std::fs::read(golden(version)).unwrap();
        assert_eq!(bytes[8], version);
        let image = decode(&bytes, Limits::default()).unwrap();
        assert!(image.samples() == exposure(96, 1).samples());
    }
}

fn golden(version: u8) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/profiles/embedded-v{version}.nfl"))
}

#[test]
#[ignore = "writes the golden file if it is missing"]
fn write_missing() {
    if !golden(2).exists() {
        std::fs::write(golden(2), embedded().1).unwrap();
    }
}

#[test]
fn another_profile_than_the_one_named_is_refused() {
    let (profile, image) = (profile(), exposure(96, 1));
    let codec = FloorWithProfile::new(Level::Default, Arc::clone(&profile));
    let refused = |spec: Spec, bytes: &[u8], words: &str| {
        let error = decode(&container(&image, &codec, spec, Some(bytes)), Limits::default()).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    };
    let other = profile_of(&(40..44).map(|seed| exposure(seed, 1)).collect::<Vec<_>>());
    refused(codec.spec(), other.bytes(), &other.id().to_string());
    // A name that nothing says, of the right bytes.
    refused(codec.spec().set("profile", "else.0123456789abcdef"), profile.bytes(), "else.0123456789abcdef");
    refused("floor".parse().unwrap(), profile.bytes(), "no detector profile");
    refused(codec.spec(), b"", "profile");
    refused(codec.spec(), b"no profile at all", ".nfp");
    let rice: Spec = format!("rice:profile={}", profile.id()).parse().unwrap();
    refused(rice, profile.bytes(), "rice");
}

#[test]
fn damaged_and_forged_profiles_are_refused() {
    let (profile, image) = (profile(), exposure(96, 1));
    let codec = FloorWithProfile::new(Level::Default, Arc::clone(&profile));
    for at in (0..profile.bytes().len()).step_by(503) {
        let mut damaged = profile.bytes().to_vec();
        damaged[at] ^= 4;
        let bytes = container(&image, &codec, codec.spec(), Some(&damaged));
        assert!(decode(&bytes, Limits::default()).is_err(), "byte {at}");
        // The digest made to fit: it is another profile.
        let forged = forged(&profile, |body| *body = damaged[..damaged.len() - 32].to_vec());
        if forged != profile.bytes() {
            let bytes = container(&image, &codec, codec.spec(), Some(&forged));
            assert!(decode(&bytes, Limits::default()).is_err(), "byte {at}");
        }
    }
    // Damage in the container itself is found by its checksum.
    let (_, intact) = embedded();
    for at in (0..intact.len()).step_by(997) {
        let mut damaged = intact.clone();
        damaged[at] ^= 4;
        assert!(decode(&damaged, Limits::default()).is_err(), "byte {at}");
    }
    for length in (0..intact.len()).step_by(1999) {
        assert!(decode(&intact[..length], Limits::default()).is_err(), "{length} bytes");
    }
}

#[test]
fn a_profile_is_bounded_by_the_limits_of_its_reader() {
    let (_, bytes) = embedded();
    let small = Limits { max_pixels: 70 * 90, max_memory_bytes: 36 << 10 };
    let error = decode(&bytes, small).unwrap_err().to_string();
    assert!(error.contains("limit"), "{error}");
    // A map of 65535 x 65535 pixels, which nothing holds: neither decoded nor allocated.
    let (profile, image) = (profile(), exposure(96, 1));
    let huge = forged(&profile, |body| {
        let extents = [70u32.to_le_bytes(), 90u32.to_le_bytes()].concat();
        let at = body.windows(8).position(|window| window == extents).unwrap();
        body[at..at + 8].copy_from_slice(&[255, 255, 0, 0, 255, 255, 0, 0]);
    });
    let key: String = huge[huge.len() - 32..][..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let codec = FloorWithProfile::new(Level::Default, Arc::clone(&profile));
    let spec = codec.spec().set("profile", format!("camera.{key}"));
    let bytes = container(&image, &codec, spec, Some(&huge));
    let error = decode(&bytes, Limits::of_memory(1 << 30)).unwrap_err().to_string();
    assert!(error.contains("limit"), "{error}");
}

#[test]
fn a_profile_that_no_tile_needs_is_left_out() {
    let profile = profile();
    // More than a piece of the file, so that it moves piece by piece.
    let image = noise(Shape::frame(900, 900), 500.0, 4000.0, 4);
    let codec = FloorWithProfile::new(Level::Fast, Arc::clone(&profile));
    assert!(!codec.needs_profile(&codec.encode(&image).unwrap()));
    assert!(codec.needs_profile(&codec.encode(&exposure(96, 1)).unwrap()));
    let plain = Floor { level: Level::Fast };
    let expected = container(&image, &plain, plain.spec(), None);
    let header = Reader::open(Cursor::new(&expected), Limits::default()).unwrap().header().clone();
    let mut file = Cursor::new(container(&image, &codec, codec.spec(), Some(profile.bytes())));
    let length = shorten_header(&mut file, &header, &Limits::default()).unwrap();
    let mut bytes = file.into_inner();
    bytes.truncate(length as usize);
    assert!(bytes == expected && bytes.len() > 1 << 20);
    let longer = Header { creator: "x".repeat(99), ..header };
    assert!(shorten_header(&mut Cursor::new(bytes), &longer, &Limits::default()).is_err());
}

#[test]
fn a_container_has_one_profile() {
    // The header of a container of version 1, whose numbers have fixed widths.
    let bytes = std::fs::read(golden(1)).unwrap();
    let length = u32::from_le_bytes(bytes[10..14].try_into().unwrap()) as usize;
    // The record of the profile, which comes last, once more, and a new checksum.
    let reader = Reader::open(Cursor::new(&bytes[..]), Limits::default()).unwrap();
    let record = 14 + length - 5 - reader.header().profile.as_ref().unwrap().len();
    let again = bytes[record..14 + length].to_vec();
    let mut twice = bytes[..14 + length].to_vec();
    twice.extend(&again);
    twice[10..14].copy_from_slice(&((length + again.len()) as u32).to_le_bytes());
    let crc = crc32fast::hash(&twice);
    twice.extend(crc.to_le_bytes());
    twice.extend(&bytes[14 + length + 4..]);
    let error = decode(&twice, Limits::default()).unwrap_err().to_string();
    assert!(error.contains("128") && error.contains("twice"), "{error}");
}
