//! Arrays as streams of array codecs: versions 2 and 3 of the container, tiles, arrays without
//! loss, and codecs that miss the bound.
#![allow(clippy::unwrap_used)]

use nf_bounded::container::{Head, Reader, write};
use nf_bounded::{
    Array, ArrayCodec, ArrayEntry, ArrayRegistry, Bound, Bounded, Listed, QuantiseOptions, Quantised, Result,
    Sample, SampleType, Samples, Tolerance, check, encode_within, quantise,
};
use nf_codec::container::TileBox;
use nf_codec::{Limits, Spec};
use nf_image::Shape;
use plain::{Plain, before_indices};
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

mod plain;

/// Stores every sample as a multiple of `step`, of which every 50th is one too many.
struct Careless {
    step: f64,
}

impl ArrayCodec for Careless {
    fn spec(&self) -> Spec {
        Spec::new("careless").set("step", self.step)
    }

    fn encode(&self, array: &Array) -> Result<Vec<u8>> {
        let number = |place: usize| {
            let number = (array.samples().value(place) / self.step).round() as i16;
            number.wrapping_add(i16::from(place % 50 == 49))
        };
        Ok((0..array.samples().len()).flat_map(|place| number(place).to_le_bytes()).collect())
    }

    fn decode(&self, bytes: &[u8], sample: SampleType, axes: &[usize], _: &Limits) -> Result<Samples> {
        let count: usize = axes.iter().product();
        if bytes.len() != 2 * count {
            return Err(nf_codec::Error::truncated("careless stream").into());
        }
        let value = |&pair: &[u8; 2]| f64::from(i16::from_le_bytes(pair)) * self.step;
        let values = bytes.as_chunks().0.iter().map(value);
        Ok(match sample {
            SampleType::U16 => Samples::U16(values.map(u16::nearest).collect()),
            _ => Samples::F64(values.collect()),
        })
    }
}

fn registry() -> ArrayRegistry {
    ArrayRegistry::new([ArrayEntry {
        name: "careless".to_owned(),
        summary: String::new(),
        source: String::new(),
        options: &[],
        modes: &["step"],
        is_homonym: false,
        values_of_bound: |_, _, _, tolerance| vec![2.0 * tolerance],
        build: Arc::new(|spec: &Spec| {
            let mut options = spec.options();
            let step = options.take("step", 1.0, "a number above zero", |step| *step > 0.0)?;
            options.finish()?;
            Ok(Box::new(Careless { step }))
        }),
    }])
}

fn coded(array: &Array, bound: &str, blank: Option<i64>) -> Quantised {
    coded_in(array, bound, blank, None)
}

fn coded_in(array: &Array, bound: &str, blank: Option<i64>, tile: Option<Shape>) -> Quantised {
    let spec = registry().of_spec(&Spec::new("careless")).unwrap();
    let options = QuantiseOptions { blank, tile, ..QuantiseOptions::default() };
    encode_within(array, &bound.parse().unwrap(), &options, &registry(), &spec).unwrap()
}

fn pack(arrays: &[Quantised]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes, &Head::default(), arrays, None, &Plain, Some(&Plain), Limits::default()).unwrap();
    bytes
}

fn open(bytes: &[u8]) -> Result<Reader<Cursor<&[u8]>>> {
    let limits = Limits { max_pixels: 1 << 20, max_memory_bytes: 1 << 24 };
    Ok(Reader::open(Cursor::new(bytes), limits)?.with_array_codecs(registry()))
}

/// Integers with a blank value, indices, and floating-point numbers with NaN. This function is
/// never changed.
fn golden_arrays() -> (Vec<Array>, Vec<Quantised>) {
    let counts: Vec<u16> = (0..120u32).map(|i| (400 + i * i * 7 % 900) as u16).collect();
    let counts = Array::new(vec![2, 6, 10], counts).unwrap();
    let mut floats: Vec<f64> = (0..60).map(|i| f64::from(i % 7) * 0.37 - 1.0).collect();
    floats[3] = f64::from_bits(0x7ff8_0000_dead_beef);
    floats[4] = f64::INFINITY;
    let floats = Array::new(vec![60], floats).unwrap();
    let indices = quantise(&counts, &"3dn".parse().unwrap(), &QuantiseOptions::default()).unwrap();
    let coded = vec![coded(&counts, "3dn", Some(407)), indices, coded(&floats, "0.125dn", None)];
    (vec![counts.clone(), counts, floats], coded)
}

#[test]
fn golden_version_2() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v2-three-arrays.nfb");
    let (originals, arrays) = golden_arrays();
    let golden = std::fs::read(&path).unwrap();
    let mut reader = open(&golden).unwrap();
    assert_eq!(reader.version(), 2);
    for (number, original) in originals.iter().enumerate() {
        // Streams lay in the header; all else of a record is what it was.
        let (old, new) = (&reader.arrays()[number], &arrays[number].record);
        assert_eq!((old.array_codec(), old.tolerance), (new.array_codec(), new.tolerance));
        assert_eq!((old.original, old.decoded, old.changed), (new.original, new.decoded, new.changed));
        assert_eq!((old.largest_error, old.exact_samples()), (new.largest_error, new.exact_samples()));
        reader.prove(number, original, &Plain).unwrap();
    }
    let floats = reader.decode(2, &Plain).unwrap();
    assert!((floats.samples().value(0) + 1.0).abs() <= 0.125 && floats.samples().value(3).is_nan());
    let region = TileBox { planes: 1..2, rows: 2..5, columns: 3..9 };
    assert_eq!(reader.decode_region(0, &region, &Plain).unwrap().len(), 18);
    // Without streams it is a file that older programs read.
    assert_eq!(open(&pack(&arrays[1..2])).unwrap().version(), 1);
}

/// The arrays of version 2 with tiles, and one without loss. This function is never changed.
fn golden_arrays_3() -> (Vec<Array>, Vec<Quantised>) {
    let (mut originals, mut arrays) = golden_arrays();
    arrays[0] = coded_in(&originals[0], "3dn", Some(407), Some(Shape::new(1, 4, 7)));
    arrays[2] = coded_in(&originals[2], "0.125dn", None, Some(Shape::frame(1, 25)));
    let whole: Vec<i32> = (0..36).map(|i| i * i * 1_000_003).collect();
    let whole = Array::new(vec![6, 6], whole).unwrap();
    arrays.push(quantise(&whole, &Bound::EXACT, &QuantiseOptions::default()).unwrap());
    originals.push(whole);
    (originals, arrays)
}

#[test]
fn golden_version_3() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v3-four-arrays.nfb");
    let (originals, arrays) = golden_arrays_3();
    let bytes = pack(&arrays);
    let golden = std::fs::read(&path).unwrap();
    assert!(before_indices(&bytes) == before_indices(&golden), "version 3 writes other bytes than it did");
    let mut reader = open(&golden).unwrap();
    assert_eq!(reader.version(), 3);
    for (number, original) in originals.iter().enumerate() {
        assert_eq!(reader.arrays()[number], arrays[number].record);
        reader.prove(number, original, &Plain).unwrap();
    }
    assert!(!reader.is_lossless() && reader.arrays()[3].is_lossless());
    assert_eq!(reader.decode(3, &Plain).unwrap().samples().digest(), originals[3].samples().digest());
    let only = pack(&arrays[3..]);
    assert!(open(&only).unwrap().is_lossless(), "of all arrays without loss");
}

#[test]
fn what_is_without_loss_is_refused_where_it_cannot_be() {
    let floats = Array::new(vec![4], vec![0.5f32, -0.0, 1.5, 2.0]).unwrap();
    let options = QuantiseOptions::default();
    let words = quantise(&floats, &Bound::EXACT, &options).unwrap_err().to_string();
    assert!(words.contains("pcodec:lossless=true"), "{words}");
    let spec = "careless:step=1".parse().unwrap();
    let words = encode_within(&floats, &Bound::EXACT, &options, &registry(), &spec).unwrap_err().to_string();
    assert!(words.contains("has a loss"), "{words}");
    // A record that claims it and has other samples is refused by readers.
    let whole = Array::new(vec![3], vec![70_000, 5, 6]).unwrap();
    let bytes = pack(&[quantise(&whole, &Bound::EXACT, &options).unwrap()]);
    // Type, axes, unit, bound, tolerance, errors: then the number of changed samples.
    let changed = 14 + 5 + 1 + 9 + 1 + 8 + 8 + 16;
    let mut forged = bytes.clone();
    forged[changed] = 1;
    let end = 14 + u32::from_le_bytes(bytes[10..14].try_into().unwrap()) as usize;
    let crc = crc32fast::hash(&forged[..end]).to_le_bytes();
    forged[end..end + 4].copy_from_slice(&crc);
    let words = open(&forged).unwrap_err().to_string();
    assert!(words.contains("changed without loss"), "{words}");
}

#[test]
fn tiles_of_streams_cost_only_themselves() {
    for (axes, tile) in [
        (vec![40, 30], Shape::frame(16, 12)),
        (vec![5, 24, 10], Shape::new(2, 24, 4)),
        (vec![3, 4, 10, 10], Shape::new(2, 10, 6)),
        (vec![1200], Shape::frame(1, 500)),
    ] {
        let count: usize = axes.iter().product();
        let values = (0..count).map(|i| (i * i % 977) as f64).collect::<Vec<_>>();
        let array = Array::new(axes.clone(), values).unwrap();
        let quantised = coded_in(&array, "3dn", None, Some(tile));
        let tiles = quantised.streams().len();
        assert!(tiles > 2);
        let bytes = pack(std::slice::from_ref(&quantised));
        let mut reader = open(&bytes).unwrap();
        assert_eq!(reader.coded_bytes(0), quantised.streams().iter().map(|s| s.len() as u64).sum::<u64>());
        let whole = reader.decode(0, &Plain).unwrap();
        reader.prove(0, &array, &Plain).unwrap();
        // Any region is that part of the whole.
        let stack = if axes.len() == 1 { Shape::frame(1, count) } else { nf_bounded::stack_shape(&axes) };
        let mut random = nf_image::testing::Rng::new(4);
        for _ in 0..50 {
            let mut range = |extent: usize| {
                let (a, b) = (random.below(extent + 1), random.below(extent + 1));
                a.min(b)..a.max(b)
            };
            let region = TileBox {
                planes: range(stack.planes),
                rows: range(stack.height),
                columns: range(stack.width),
            };
            let part = reader.decode_region(0, &region, &Plain).unwrap();
            let mut n = 0;
            for plane in region.planes.clone() {
                for row in region.rows.clone() {
                    for column in region.columns.clone() {
                        let place = (plane * stack.height + row) * stack.width + column;
                        assert_eq!(part.value(n), whole.samples().value(place));
                        n += 1;
                    }
                }
            }
            assert_eq!(n, part.len());
        }
        // A flipped bit in the second stream is told, and costs that tile.
        let first = bytes.windows(8).position(|w| w == nf_codec::container::MAGIC).unwrap();
        let all: usize = quantised.streams().iter().map(Vec::len).sum();
        let mut damaged = bytes.clone();
        damaged[first - all + quantised.streams()[0].len() + 1] ^= 1;
        let mut reader = open(&damaged).unwrap();
        let words = reader.decode(0, &Plain).unwrap_err().to_string();
        assert!(words.contains("tile of array 0") && words.contains("checksum"), "{words}");
        let corner = TileBox { planes: 0..1, rows: 0..1, columns: 0..4 };
        assert_eq!(reader.decode_region(0, &corner, &Plain).unwrap().len(), 4);
        let found = reader.decode_salvaged(0, &Plain, 0.0).unwrap();
        assert_eq!((found.tiles, found.lost.is_empty()), (tiles, false));
        let lost: usize = found.lost.iter().map(|place| place.shape().pixels()).sum();
        let differ = (0..count).filter(|&place| found.samples.value(place) != whole.samples().value(place));
        let nan = (0..count).filter(|&place| found.samples.value(place).is_nan()).count();
        // What is listed exactly is there all the same.
        assert!(differ.count() == nan && nan <= lost && nan >= lost - lost / 40, "{nan} of {lost}");
    }
}

#[test]
fn what_a_codec_misses_is_listed() {
    let values: Vec<f64> = (0..1000).map(f64::from).collect();
    let array = Array::new(vec![1000], values).unwrap();
    let coded = coded(&array, "2dn", None);
    // 20 that are one step off; a few of them may still be within two.
    let listed = coded.record.exact_finite_samples();
    assert!((10..=20).contains(&listed), "{listed}");
    assert!(coded.record.largest_error <= 2.0);
    assert_eq!(coded.record.array_codec().unwrap().to_string(), "careless:step=4");
}

#[test]
fn a_codec_of_arrays_is_a_bounded_coder() {
    let array = Array::new(vec![10, 30], (0..300).map(f64::from).collect::<Vec<_>>()).unwrap();
    let bound = "2dn".parse().unwrap();
    let of = |text: &str| Listed::new(registry(), &text.parse().unwrap(), bound, None, Box::new(Plain));
    let coder = of("careless").unwrap();
    assert_eq!((coder.spec().to_string().as_str(), coder.bound()), ("careless:step=bound", bound));
    let bytes = coder.encode(&array).unwrap();
    let decoded = coder.decode(&bytes, &Limits::default()).unwrap();
    check(&array, &decoded, &Tolerance::Absolute(2.0)).unwrap();
    assert!(of("floor").is_err());
    assert!(of("careless:step=-1").unwrap().encode(&array).is_err());
    assert!(coder.decode(&bytes[1..], &Limits::default()).is_err());
}

#[test]
fn regions_and_damage_of_streams() {
    let (_, arrays) = golden_arrays_3();
    let bytes = pack(&arrays);
    let mut reader = open(&bytes).unwrap();
    let Samples::U16(whole) = reader.decode(0, &Plain).unwrap().into_samples() else { panic!() };
    let region = TileBox { planes: 1..2, rows: 2..5, columns: 3..9 };
    let Samples::U16(part) = reader.decode_region(0, &region, &Plain).unwrap() else { panic!() };
    let place = |row: usize, column: usize| (6 + row) * 10 + column;
    let expected: Vec<u16> =
        (2..5).flat_map(|row| (3..9).map(move |c| (row, c))).map(|(r, c)| whole[place(r, c)]).collect();
    assert_eq!(part, expected);
    let outside = TileBox::whole(Shape::new(2, 6, 11));
    assert!(reader.decode_region(0, &outside, &Plain).is_err());
    // Who does not know the codec is told which one it is, and reads the other arrays.
    let mut poor = Reader::open(Cursor::new(&bytes[..]), Limits::default()).unwrap();
    assert!(poor.decode(0, &Plain).unwrap_err().to_string().contains("careless"));
    assert!(poor.decode(1, &Plain).is_ok());
    for cut in 0..bytes.len() {
        assert!(open(&bytes[..cut]).is_err());
    }
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        if let Ok(mut reader) = open(&damaged) {
            assert!((0..reader.arrays().len()).any(|array| reader.decode(array, &Plain).is_err()), "{at}");
        }
    }
}
