//! Tiles by hand, damaged tiles and forged profiles.

use super::*;
use proptest::prelude::*;

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
    let warm = |head: &[u8]| {
        [head, &[100, 0, 100, 0, 1, 0], [0, 0, 0, 128, 0, 0, 0, 0].repeat(16).as_slice()].concat()
    };
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
        // No start, one that the profile lacks, a read that it lacks, no state.
        (0, warm(&[14, 0, 0, 0, 0]), false),
        (0, warm(&[14, 0, 0, 9, 0]), false),
        (0, warm(&[14, 0, 0, 1, 1]), false),
        (1, warm(&[14, 0, 0, 0, 1, 0, 0, 1]), false),
        (0, coded(&[14, 0, 0, 1, 0, 100, 0, 100, 0, 1, 0]), false),
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

/// Bytes of the spec of the codec that codes the pixels of profiles.
fn spec_bytes() -> usize {
    PROFILE_CODEC.spec().to_string().len()
}

/// Levels of damaged tiles.
const LEVELS: [Level; 3] = [Level::Fast, Level::High, Level::Max];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Forged profiles are refused or read, and what is read codes without loss.
    #[test]
    fn forged_profiles_do_no_harm(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let profile = profile();
        let forged = forged(&profile, |body| {
            // Most of the bytes are pixels: most of the changes are to what stands before those of
            // the map and of the first start.
            let pixels = 76 + spec_bytes();
            let length = u64::from_le_bytes(body[pixels - 8..pixels].try_into().unwrap());
            let starts = pixels + length as usize;
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
        // The second reader takes every codec: it reads streams of floor only.
        let spec = 16..18 + spec_bytes();
        let codec = forged[spec.clone()] != profile.bytes()[spec];
        // It decodes all pixels at once, and the first one when they are asked for.
        let found = read_profile(forged, &limits).and_then(|profile| {
            profile.maps().iter().try_for_each(|map| map.pixels.image().map(drop))?;
            profile.starts().iter().try_for_each(|start| start.stack.image().map(drop))?;
            Ok(profile)
        });
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
        level in 0..LEVELS.len(),
        changes in prop::collection::vec((0usize..60, any::<u8>()), 1..4),
        // The second decoder takes a second for a tile with a start.
        again in prop::bool::weighted(0.05),
    ) {
        static AGAIN: LazyLock<nf_floor_decoder::Profile> = LazyLock::new(|| read_again(&profile()));
        static STREAMS: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| {
            let image = exposure(82, 1).crop(0..1, 0..20, 0..30);
            LEVELS.map(|level| FloorWithProfile::new(level, profile()).encode(&image).unwrap())
        });
        let shape = Shape::frame(20, 30);
        let codec = FloorWithProfile::new(LEVELS[level], profile());
        let mut bytes = STREAMS[level].clone();
        let tile = first_tile(&bytes, shape);
        for (at, byte) in changes {
            let at = tile + at.min(bytes.len() - tile - 1);
            bytes[at] = byte;
        }
        let crc = crc32fast::hash(&bytes[tile..]);
        bytes[tile - 5..tile - 1].copy_from_slice(&crc.to_le_bytes());
        if LEVELS[level] == Level::Fast || again {
            agree(&codec, &AGAIN, &bytes, shape);
        } else {
            let _ = codec.decode(&bytes, shape, &Limits::default());
        }
    }
}
