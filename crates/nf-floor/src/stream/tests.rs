use super::index::{VERSION_ALONE, VERSION_REFERENCES};
use super::*;
use nf_image::testing::Rng;

fn frame(shape: Shape) -> Image16 {
    let mut rng = Rng::new(1);
    Image16::from_fn(
        shape,
        |p, r, c| {
            if r < 1024 { (1000 + p * 7 + c / 3 + rng.below(8)) as u16 } else { 4095 }
        },
    )
}

#[test]
fn stacks_of_every_shape_round_trip() {
    for shape in [
        Shape::frame(0, 0),
        Shape::new(3, 0, 5),
        Shape::frame(1, 1),
        Shape::frame(1, 1025),
        Shape::frame(2049, 3),
        Shape::new(2, 1030, 1100),
    ] {
        let image = frame(shape);
        // Level `max` takes long, and cuts tiles as the others do.
        let levels = if image.samples().len() < 10_000 { &Level::ALL[..] } else { &Level::ALL[..2] };
        for &level in levels {
            let bytes = encode(&image, level);
            assert!(bytes.len() as u64 <= max_bytes(shape));
            assert_eq!(decode(&bytes, shape, &Limits::default()).unwrap(), image, "{shape}");
        }
    }
}

#[test]
fn narrow_stacks_are_cut_into_few_tiles() {
    let tiles = |shape| Grid::of(shape).tiles();
    for (height, width) in [(200_000, 2), (2, 200_000), (100_000, 10), (63, 16_000)] {
        assert_eq!(tiles(Shape::frame(height, width)), 1, "{height}x{width}");
    }
    assert_eq!(tiles(Shape::frame(2_000_000, 1)), 2);
    assert_eq!(tiles(Shape::frame(4096, 64)), 4);
    for shape in [Shape::frame(40_000, 2), Shape::frame(3, 9000), Shape::new(2, 5000, 1)] {
        let image = frame(shape);
        for level in [Level::Fast, Level::Default, Level::High] {
            let bytes = encode(&image, level);
            assert!(decode(&bytes, shape, &Limits::default()).unwrap() == image, "{shape} {level}");
        }
    }
}

#[test]
fn a_region_is_the_crop_of_the_whole() {
    let shape = Shape::new(2, 1500, 1300);
    let image = frame(shape);
    let bytes = encode(&image, Level::Fast);
    for (p, r, c) in [(0..2, 0..1500, 0..1300), (1..2, 1000..1100, 1020..1030), (0..1, 7..7, 0..3)] {
        let cut = decode_region(&bytes, shape, p.clone(), r.clone(), c.clone(), &Limits::default()).unwrap();
        assert_eq!(cut, image.crop(p, r, c));
    }
    let beyond = decode_region(&bytes, shape, 0..1, 0..1501, 0..1, &Limits::default());
    assert!(beyond.unwrap_err().to_string().contains("0..1501"));
}

#[test]
fn a_damaged_tile_is_named_and_affects_only_itself() {
    let shape = Shape::frame(1100, 1100);
    let image = frame(shape);
    let mut bytes = encode(&image, Level::Fast);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let error = decode(&bytes, shape, &Limits::default()).unwrap_err().to_string();
    assert!(error.starts_with("floor tile 3 (plane 0, rows 1024..1100, columns 1024..1100)"), "{error}");
    let rest = decode_region(&bytes, shape, 0..1, 0..1024, 0..1100, &Limits::default()).unwrap();
    assert_eq!(rest, image.crop(0..1, 0..1024, 0..1100));
}

/// Planes with a strong pattern that stays, and a little noise.
fn ramp(shape: Shape) -> Image16 {
    let mut rng = Rng::new(1);
    Image16::from_fn(shape, |p, r, c| {
        let pattern = (r * 7919 + c * 104_729) % 3001;
        (9000 + pattern + 20 * p + rng.below(4)) as u16
    })
}

#[test]
fn planes_with_references_decode_in_any_region() {
    let shape = Shape::new(7, 12, 1060);
    let image = ramp(shape);
    let limits = Limits::default();
    for level in [Level::Default, Level::Max] {
        let bytes = encode(&image, level);
        assert_eq!(bytes[0], VERSION_REFERENCES);
        for (p, r, c) in
            [(0..7, 0..12, 0..1060), (6..7, 3..5, 1000..1050), (2..4, 0..12, 1030..1031), (3..3, 0..4, 0..4)]
        {
            let cut = decode_region(&bytes, shape, p.clone(), r.clone(), c.clone(), &limits).unwrap();
            assert_eq!(cut, image.crop(p, r, c), "{level}");
        }
    }
    assert_eq!(encode(&image, Level::Fast)[0], VERSION_ALONE);
}

#[test]
fn a_damaged_tile_affects_the_planes_that_need_it() {
    let shape = Shape::new(5, 40, 50);
    let image = ramp(shape);
    let mut bytes = encode(&image, Level::Default);
    let (_, index, _) = index::read(&bytes, shape).unwrap();
    assert_eq!(index.iter().map(|entry| entry.references).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    bytes[index[2].bytes.start] ^= 1;
    let region = |planes| decode_region(&bytes, shape, planes, 0..40, 0..50, &Limits::default());
    assert_eq!(region(0..2).unwrap(), image.crop(0..2, 0..40, 0..50));
    let error = region(4..5).unwrap_err().to_string();
    assert!(error.contains("tile 2 (plane 2") && error.contains("2 later planes, up to plane 4"), "{error}");
}

#[test]
fn impossible_references_are_refused() {
    let shape = Shape::new(2, 1, 1);
    let index = |references: [u8; 2]| {
        let tile = tile::encode(TileView::new(1, 1, &[5]), Level::Fast);
        let mut bytes = vec![VERSION_REFERENCES, 1, 1];
        for references in references {
            bytes.push(tile.len() as u8);
            bytes.extend_from_slice(&crc32fast::hash(&tile).to_le_bytes());
            bytes.push(references);
        }
        [bytes, tile.clone(), tile].concat()
    };
    assert_eq!(decode(&index([0, 0]), shape, &Limits::default()).unwrap().samples(), [5, 5]);
    for references in [[1, 0], [0, 2], [0, 255], [0, 1]] {
        assert!(decode(&index(references), shape, &Limits::default()).is_err(), "{references:?}");
    }
}

#[test]
fn impossible_headers_are_refused_before_memory_is_taken() {
    let shape = Shape::frame(1 << 14, 1 << 14);
    let limits = Limits::default();
    for bytes in [vec![], vec![3], vec![1, 0x80], vec![1, 0, 8, 0], vec![1, 0xFF, 0xFF, 3, 0xFF, 0xFF, 3]] {
        assert!(decode(&bytes, shape, &limits).is_err());
    }
    let tight = Limits { max_memory_bytes: 1 << 20, ..limits };
    let mut bytes = encode(&frame(Shape::frame(1024, 1024)), Level::Fast);
    assert!(matches!(decode(&bytes, Shape::frame(1024, 1024), &tight).unwrap_err(), Error::Limit { .. }));
    bytes.push(0);
    assert!(decode(&bytes, Shape::frame(1024, 1024), &limits).is_err());
}
