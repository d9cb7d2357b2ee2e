//! The bounded container: regions, damage, hostile headers, and the golden file of version 1.
#![allow(clippy::unwrap_used)]

use nf_bounded::container::{Head, Reader, write};
use nf_bounded::layout::{ByteOrder, Layout, Segment};
use nf_bounded::{
    Array, Bounded, Error, Noise, NoiseModel, NoiseSource, OpenLoop, QuantiseOptions, Quantised, Samples,
    quantise,
};
use nf_codec::container::TileBox;
use nf_codec::{Codec, Limits};
use nf_floor::Floor;
use nf_image::Shape;
use nf_image::testing::Rng;
use plain::{Plain, before_indices};
use std::io::Cursor;
use std::path::Path;

mod plain;

fn pack(head: &Head, arrays: &[Quantised], tile: Option<Shape>) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes, head, arrays, tile, &Plain, Some(&Plain), Limits::default()).unwrap();
    bytes
}

fn open(bytes: &[u8]) -> nf_bounded::Result<Reader<Cursor<&[u8]>>> {
    Reader::open(Cursor::new(bytes), Limits { max_pixels: 1 << 20, max_memory_bytes: 1 << 24 })
}

/// Arrays of every way of coding: a table, several tables, a noise model in two layers, a lattice
/// with exact samples. This function is never changed.
fn golden_arrays() -> Vec<Quantised> {
    let noise = NoiseModel::from_gain(100.0, 0.25, 3.0).unwrap();
    let noise = Some(Noise { model: noise, source: NoiseSource::Given });
    let counts: Vec<u16> = (0..70u32).map(|i| (90 + i * i * 7 % 900) as u16).collect();
    let table = Array::new(vec![2, 5, 7], counts).unwrap();
    let wide: Vec<i32> = (0..30).map(|i| i * i * 2_000_003 - 40_000_000).collect();
    let noisy = Array::new(vec![30], wide).unwrap();
    let mut floats: Vec<f64> = (0..24).map(|i| f64::from(i % 7) * 0.37 - 1.0).collect();
    floats[3] = f64::from_bits(0x7ff8_0000_dead_beef);
    floats[4] = f64::INFINITY;
    floats[20] = 1e200;
    let lattice = Array::new(vec![1, 2, 3, 4], floats).unwrap();
    let options = QuantiseOptions { noise, blank: Some(97), dither_seed: None, tile: None };
    let dithered = QuantiseOptions { noise, blank: None, dither_seed: Some(41), tile: None };
    vec![
        quantise(&table, &"0.5sigma".parse().unwrap(), &options).unwrap(),
        quantise(&table, &"2dn".parse().unwrap(), &dithered).unwrap(),
        quantise(&noisy, &"2.5sigma".parse().unwrap(), &dithered).unwrap(),
        quantise(&lattice, &"0.125dn".parse().unwrap(), &QuantiseOptions::default()).unwrap(),
    ]
}

fn golden_head() -> Head {
    let samples = |array, order| Segment::Samples { array, order };
    let segments = vec![
        Segment::Verbatim(b"head".to_vec()),
        samples(0, ByteOrder::BigFlipped),
        samples(3, ByteOrder::Little),
        Segment::Verbatim(b"tail".to_vec()),
    ];
    Head { layout: Some(Layout { segments }), creator: "golden".to_owned() }
}

#[test]
fn golden_version_1() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1-four-arrays.nfb");
    let golden = std::fs::read(&path).unwrap();
    let mut reader = open(&golden).unwrap();
    let mut arrays = golden_arrays();
    // Dithered tables have a bin more on either side since: the record of the file stands for them.
    let (old, new) = (reader.arrays()[1].clone(), arrays[1].record.clone());
    assert_eq!((old.sample, &old.axes, old.original), (new.sample, &new.axes, new.original));
    assert_eq!((old.bound, old.tolerance, old.noise_source), (new.bound, new.tolerance, new.noise_source));
    assert_eq!((old.dither, old.largest_error), (new.dither, new.largest_error));
    assert_eq!(
        (old.largest_error_sigma, old.exact_samples()),
        (new.largest_error_sigma, new.exact_samples())
    );
    arrays[1].record = old;
    let bytes = pack(&golden_head(), &arrays, Some(Shape::new(1, 3, 4)));
    assert!(before_indices(&bytes) == before_indices(&golden), "version 1 writes other bytes than it did");
    for (number, array) in arrays.iter().enumerate() {
        let decoded = reader.decode(number, &Plain).unwrap();
        assert_eq!(reader.arrays()[number], array.record);
        assert_eq!(decoded.samples().digest(), array.record.decoded);
    }
    // The samples themselves, so that an error in both directions is seen.
    let lattice = reader.decode(3, &Plain).unwrap();
    assert!((lattice.samples().value(0) + 1.0).abs() <= 0.125);
    assert_eq!(lattice.samples().value(20), 1e200);
    let mut file = Vec::new();
    reader.restore(&Plain, &mut file).unwrap();
    assert_eq!(file.len(), 4 + 140 + 192 + 4);
    assert_eq!(u64::from_le_bytes(file[144 + 24..144 + 32].try_into().unwrap()), 0x7ff8_0000_dead_beef);
}

#[test]
fn a_codec_that_knows_the_dither_needs_fewer_bytes() {
    let mut random = Rng::new(9);
    let values: Vec<f64> = (0..2 * 200 * 300).map(|_| 900.0 + 12.0 * random.normal()).collect();
    let counts: Vec<u16> = values.iter().map(|x| x.round() as u16).collect();
    let single: Vec<f32> = values.iter().map(|&x| x as f32).collect();
    let bound = "12dn".parse().unwrap();
    let options = QuantiseOptions { dither_seed: Some(5), ..QuantiseOptions::default() };
    let floor = Floor::default();
    let arrays = [Array::new(vec![2, 200, 300], counts), Array::new(vec![2, 200, 300], single)];
    for array in arrays.map(|array| array.unwrap()) {
        let quantised = quantise(&array, &bound, &options).unwrap();
        let unaware = floor.encode(&quantised.layers[0]).unwrap().len();
        let mut bytes = Vec::new();
        let tile = Some(Shape::new(1, 200, 160));
        write(&mut bytes, &Head::default(), &[quantised], tile, &floor, Some(&floor), Limits::default())
            .unwrap();
        // The header of the container, and of every stream, are in it.
        assert!(bytes.len() < unaware, "{} bytes, {unaware} without", bytes.len());
        let mut reader = open(&bytes).unwrap();
        reader.prove(0, &array, &floor).unwrap();
        let region = TileBox { planes: 1..2, rows: 40..60, columns: 150..180 };
        let part = reader.decode_region(0, &region, &floor).unwrap();
        let whole = reader.decode(0, &floor).unwrap();
        assert_eq!(part.value(31), whole.samples().value(200 * 300 + 41 * 300 + 151));
    }
}

#[test]
fn regions_are_those_of_the_whole() {
    let mut random = Rng::new(8);
    let floats: Vec<f32> = (0..3 * 20 * 30)
        .map(|_| if random.below(9) == 0 { f32::NAN } else { 40_000.0 * random.normal() as f32 })
        .collect();
    let array = Array::new(vec![3, 20, 30], floats).unwrap();
    let long: Vec<u16> = (0..5000).map(|i| (i * 7 % 1000) as u16).collect();
    let long = Array::new(vec![5000], long).unwrap();
    let bound = "0.25dn".parse().unwrap();
    let arrays = [
        quantise(&array, &bound, &QuantiseOptions::default()),
        quantise(&long, &"9dn".parse().unwrap(), &QuantiseOptions::default()),
    ];
    let arrays = arrays.map(|quantised| quantised.unwrap());
    assert_eq!(arrays[0].layers.len(), 2);
    let bytes = pack(&Head::default(), &arrays, Some(Shape::new(1, 7, 11)));
    let mut reader = open(&bytes).unwrap();
    let whole = reader.decode(0, &Plain).unwrap();
    for _ in 0..200 {
        let mut range = |extent: usize| {
            let (a, b) = (random.below(extent + 1), random.below(extent + 1));
            a.min(b)..a.max(b)
        };
        let region = TileBox { planes: range(3), rows: range(20), columns: range(30) };
        let part = reader.decode_region(0, &region, &Plain).unwrap();
        let mut places = Vec::new();
        for plane in region.planes.clone() {
            for row in region.rows.clone() {
                places.extend(region.columns.clone().map(|column| (plane * 20 + row) * 30 + column));
            }
        }
        assert_eq!(part.len(), places.len());
        for (n, place) in places.into_iter().enumerate() {
            assert_eq!(part.value(n).to_bits(), whole.samples().value(place).to_bits());
        }
    }
    let beyond = TileBox { planes: 0..1, rows: 0..21, columns: 0..1 };
    assert!(reader.decode_region(0, &beyond, &Plain).is_err());
    let region = TileBox { planes: 0..1, rows: 0..1, columns: 1020..1030 };
    let part = reader.decode_region(1, &region, &Plain).unwrap();
    let whole = reader.decode(1, &Plain).unwrap();
    assert!((0..10).all(|n| part.value(n) == whole.samples().value(1020 + n)));
}

#[test]
fn a_damaged_tile_is_named_and_costs_only_itself() {
    let array = Array::new(vec![6, 6], (0..36u16).map(|i| i * 40).collect::<Vec<_>>()).unwrap();
    let quantised = quantise(&array, &"5dn".parse().unwrap(), &QuantiseOptions::default()).unwrap();
    let bytes = pack(&Head::default(), &[quantised], Some(Shape::frame(2, 6)));
    let tile = open(&bytes).unwrap().indices().tiles(0)[1].clone();
    let start = bytes.windows(8).position(|w| w == nf_codec::container::MAGIC).unwrap();
    let mut damaged = bytes.clone();
    damaged[start + tile.offset_bytes as usize + 3] ^= 4;
    let mut reader = open(&damaged).unwrap();
    let error = reader.decode(0, &Plain).unwrap_err().to_string();
    assert!(error.contains("rows 2..4") && error.contains("checksum"), "{error}");
    let first = TileBox { planes: 0..1, rows: 0..2, columns: 0..6 };
    assert_eq!(reader.decode_region(0, &first, &Plain).unwrap().len(), 12);
}

#[test]
fn every_truncation_and_every_bit_flip_is_an_error() {
    let bytes = pack(&golden_head(), &golden_arrays(), Some(Shape::new(1, 3, 4)));
    let outcome = |hostile: &[u8]| {
        let mut reader = open(hostile)?;
        (0..reader.arrays().len()).try_for_each(|array| reader.decode(array, &Plain).map(drop))
    };
    assert!(outcome(&bytes).is_ok());
    for length in 0..bytes.len() {
        assert!(outcome(&bytes[..length]).is_err(), "cut to {length} bytes");
    }
    let mut hostile = bytes.clone();
    for bit in 0..bytes.len() * 8 {
        hostile[bit / 8] ^= 1 << (bit % 8);
        assert!(outcome(&hostile).is_err(), "bit {bit} flipped");
        hostile[bit / 8] ^= 1 << (bit % 8);
    }
    assert!(outcome(&[&bytes[..], &[0]].concat()).is_err(), "bytes after the end");
}

#[test]
fn forged_headers_with_right_checksums_never_panic() {
    let bytes = pack(&golden_head(), &golden_arrays(), Some(Shape::new(1, 3, 4)));
    let header_bytes = u32::from_le_bytes(bytes[10..14].try_into().unwrap()) as usize;
    for at in 0..header_bytes {
        for value in [0, 1, 2, 3, 0x7f, 0x80, 0xff, bytes[14 + at].wrapping_add(1)] {
            let mut hostile = bytes.clone();
            hostile[14 + at] = value;
            let crc = crc32fast::hash(&hostile[..14 + header_bytes]).to_le_bytes();
            hostile[14 + header_bytes..18 + header_bytes].copy_from_slice(&crc);
            let Ok(mut reader) = open(&hostile) else { continue };
            for array in 0..reader.arrays().len() {
                let _ = reader.decode(array, &Plain);
                let _ =
                    reader.decode_region(array, &TileBox { planes: 0..1, rows: 0..1, columns: 0..3 }, &Plain);
            }
            let _ = reader.restore(&Plain, &mut std::io::sink());
        }
    }
}

#[test]
fn other_files_and_newer_versions_are_refused_by_name() {
    let mut bytes = pack(&golden_head(), &golden_arrays(), None);
    assert!(matches!(open(b"SIMPLE  =").unwrap_err(), Error::NotBounded));
    assert!(matches!(open(b"").unwrap_err(), Error::NotBounded));
    bytes[8] = 4;
    let error = open(&bytes).unwrap_err().to_string();
    assert!(error.contains("knows version 4, this is one that knows version 3"), "{error}");
    // What reads lossless containers does not take it for one.
    let lossless = nf_codec::container::Reader::open(Cursor::new(&bytes[..]), Limits::default());
    assert!(matches!(lossless, Err(nf_codec::Error::NotAContainer)));
}

#[test]
fn the_coder_keeps_its_promises() {
    let values: Vec<f64> = (0..600).map(|i| (f64::from(i) * 0.1).sin()).collect();
    let array = Array::new(vec![20, 30], values.clone()).unwrap();
    let coder = OpenLoop::new(Box::new(Plain), "1e-3rel".parse().unwrap(), None);
    let bytes = coder.encode(&array).unwrap();
    assert!(bytes == coder.encode(&array).unwrap(), "the same bytes for the same array");
    let Samples::F64(decoded) = coder.decode(&bytes, &Limits::default()).unwrap().into_samples() else {
        panic!("another type")
    };
    assert!(values.iter().zip(&decoded).all(|(x, y)| (x - y).abs() <= 0.002));
    assert!(coder.spec().to_string().contains("bound=") && coder.bound().to_string() == "0.001rel");
}

#[test]
fn what_is_intact_is_salvaged() {
    let mut random = Rng::new(77);
    let values: Vec<u16> = (0..60 * 70).map(|_| 1000 + random.below(300) as u16).collect();
    let array = Array::new(vec![60, 70], values).unwrap();
    let mut floats: Vec<f32> = (0..5000).map(|i| (i % 91) as f32).collect();
    floats[2000] = f32::INFINITY;
    let folded = Array::new(vec![5000], floats).unwrap();
    let options = QuantiseOptions::default();
    let arrays = [&array, &folded].map(|array| quantise(array, &"2dn".parse().unwrap(), &options).unwrap());
    let mut bytes = pack(&Head::default(), &arrays, Some(Shape::new(1, 20, 35)));
    let whole = open(&bytes).unwrap().decode_salvaged(0, &Plain, 7.0).unwrap();
    assert!(whole.lost.is_empty() && whole.samples.digest() == arrays[0].record.decoded);
    // The second tile of the first array, and the first of the second.
    let places: Vec<u64> = {
        let reader = open(&bytes).unwrap();
        [(0, 1), (1, 0)].map(|(stack, tile)| reader.indices().tiles(stack)[tile].offset_bytes).to_vec()
    };
    let start = bytes.len() as u64 - open(&bytes).unwrap().indices().container_bytes();
    places.iter().for_each(|place| bytes[(start + place) as usize + 3] ^= 1);
    let mut reader = open(&bytes).unwrap();
    assert!(reader.decode(0, &Plain).is_err());
    let found = reader.decode_salvaged(0, &Plain, 7.0).unwrap();
    assert_eq!((found.lost.len(), found.tiles), (1, 6));
    for place in 0..60 * 70 {
        let is_lost = place / 70 < 20 && place % 70 >= 35;
        let expected = if is_lost { 7.0 } else { whole.samples.value(place) };
        assert_eq!(found.samples.value(place), expected, "{place}");
    }
    let found = reader.decode_salvaged(1, &Plain, 7.0).unwrap();
    assert_eq!(found.lost.len(), 1);
    assert!(found.samples.value(0).is_nan() && found.samples.value(34).is_nan());
    assert_eq!(found.samples.value(2000), f64::INFINITY, "what is kept exactly is there");
    assert!((found.samples.value(4999) - f64::from(4999 % 91)).abs() <= 2.0);
}
