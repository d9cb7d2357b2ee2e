//! The container: round trips, regions, damage, and the golden files.
#![allow(clippy::unwrap_used)]

use nf_codec::container::{
    Borrowed, ImageSource, Layout, ModelHeader, Reader, SampleFormat, Segment, TileBox, WriteOptions, write,
};
use nf_codec::{Error, Fields, Limits, Reproducibility, Spec, conformance, put_varint};
use nf_image::{Digest, Grid, Image16, PlaneAxis, Shape};
use std::borrow::Cow;
use std::io::Cursor;
use std::ops::Range;
use std::path::Path;
use support::{Plain, header, open, pack, plain, ramp, registry};

mod support;

#[test]
fn the_plain_codec_of_these_tests_conforms() {
    conformance::check(
        &Spec::new("plain"),
        &|spec| registry().build(spec),
        conformance::Effort { mutations: 200, ..conformance::Effort::default() },
    );
}

#[test]
fn stacks_come_back_whole_and_by_region() {
    let series = ramp(Shape::new(3, 10, 13)).with_axis(PlaneAxis::Time);
    let frame = ramp(Shape::frame(4, 6));
    let empty = Image16::zeros(Shape::frame(0, 7));
    for tile in [Shape::new(3, 10, 13), Shape::new(1, 3, 13), Shape::new(2, 4, 5), Shape::new(9, 99, 1)] {
        let images = [(&series, tile), (&empty, Shape::frame(1, 1)), (&frame, Shape::frame(2, 2))];
        let bytes = pack(&header("plain", &images), &[&series, &empty, &frame], true).unwrap();
        let mut reader = open(&bytes).unwrap();
        assert_eq!(reader.decode(0, &*plain()).unwrap(), series);
        assert_eq!(reader.decode(1, &*plain()).unwrap(), empty);
        assert_eq!(reader.decode(2, &*plain()).unwrap(), frame);
        let mut in_order = Vec::new();
        let mut keep = |piece: &Image16| {
            in_order.extend_from_slice(piece.samples());
            Ok(())
        };
        reader.decode_in_order(0, &*plain(), &mut keep).unwrap();
        assert_eq!(in_order, series.samples());
        for region in Grid::new(series.shape(), Shape::new(2, 3, 4)).boxes() {
            let cut = reader.decode_region(0, &region, &*plain()).unwrap();
            assert_eq!(cut, series.crop(region.planes, region.rows, region.columns));
        }
        let beyond = TileBox { planes: 0..1, rows: 9..11, columns: 0..1 };
        assert!(reader.decode_region(0, &beyond, &*plain()).is_err());
    }
}

/// A stack that has to be read band by band.
struct Read(Image16);

impl ImageSource for Read {
    fn shape(&self) -> Shape {
        self.0.shape()
    }

    fn axis(&self) -> PlaneAxis {
        self.0.axis()
    }

    fn band(&mut self, planes: Range<usize>, rows: Range<usize>) -> nf_codec::Result<Cow<'_, Image16>> {
        Ok(Cow::Owned(self.0.crop(planes, rows, 0..self.0.shape().width)))
    }
}

#[test]
fn stacks_in_memory_and_those_that_are_read_give_the_same_bytes() {
    let frame = ramp(Shape::frame(10, 13));
    let series = ramp(Shape::new(5, 10, 13)).with_axis(PlaneAxis::Time);
    let tiles = [Shape::new(5, 10, 13), Shape::new(1, 3, 13), Shape::new(2, 4, 5), Shape::new(9, 3, 13)];
    for image in [&frame, &series] {
        for tile in tiles {
            let header = header("plain", &[(image, tile)]);
            let bytes_of = |source: &mut dyn ImageSource| {
                let (encoder, verifier) = (plain(), plain());
                let options = WriteOptions {
                    encoder: &*encoder,
                    verifier: Some(&*verifier),
                    limits: Limits::default(),
                };
                let mut bytes = Vec::new();
                write(&mut bytes, &header, &mut [source], options).unwrap();
                bytes
            };
            let bytes = bytes_of(&mut Read(image.clone()));
            assert!(bytes == bytes_of(&mut image.clone()), "{tile}");
            assert!(bytes == bytes_of(&mut Borrowed(image.into())), "{tile}");
            assert_eq!(&open(&bytes).unwrap().decode(0, &*plain()).unwrap(), image);
        }
    }
}

#[test]
fn the_layout_writes_the_original_file_again() {
    let frame = ramp(Shape::frame(3, 4));
    let mut header = header("plain", &[(&frame, frame.shape())]);
    let layout = Layout {
        segments: vec![
            Segment::Verbatim(b"head".to_vec()),
            Segment::Samples { image: 0, format: SampleFormat::I16Be, offset: 32768 },
            Segment::Verbatim(b"tail".to_vec()),
        ],
    };
    header.layout = Some(layout.clone());
    let bytes = pack(&header, &[&frame], true).unwrap();
    let mut reader = open(&bytes).unwrap();
    assert_eq!(reader.header(), &header);
    let mut out = Vec::new();
    reader.restore(&*plain(), &mut out).unwrap();
    assert_eq!(reader.header(), &header, "the layout is still there");
    let middle: Vec<u8> = frame.samples().iter().flat_map(|p| p.wrapping_sub(32768).to_be_bytes()).collect();
    assert_eq!(out, [b"head".as_slice(), &middle, b"tail"].concat());
}

#[test]
fn a_codec_that_loses_a_bit_is_caught_when_writing_and_when_reading() {
    let frame = ramp(Shape::frame(5, 5));
    let header = header("forgetful", &[(&frame, Shape::frame(2, 5))]);
    let error = pack(&header, &[&frame], true).unwrap_err().to_string();
    assert!(error.contains("rows 0..2") && error.contains("does not decode"), "{error}");
    let bytes = pack(&header, &[&frame], false).unwrap();
    let mut reader = open(&bytes).unwrap();
    let codec = reader.codec(&registry()).unwrap();
    let error = reader.decode(0, &*codec).unwrap_err().to_string();
    assert!(error.contains("digest"), "{error}");
}

#[test]
fn a_damaged_tile_is_named_and_costs_only_itself() {
    let frame = ramp(Shape::frame(6, 6));
    let bytes = pack(&header("plain", &[(&frame, Shape::frame(2, 6))]), &[&frame], true).unwrap();
    let tiles = open(&bytes).unwrap().tiles(0);
    let mut damaged = bytes.clone();
    damaged[tiles[1].offset_bytes as usize + 3] ^= 4;
    let mut reader = open(&damaged).unwrap();
    let error = reader.decode(0, &*plain()).unwrap_err().to_string();
    assert!(error.contains("rows 2..4") && error.contains("checksum"), "{error}");
    for tile in [&tiles[0], &tiles[2]] {
        let place = tile.place.clone();
        let cut = reader.decode_region(0, &place, &*plain()).unwrap();
        assert_eq!(cut, frame.crop(place.planes, place.rows, place.columns));
    }
}

#[test]
fn every_truncation_and_every_bit_flip_is_an_error() {
    let frame = ramp(Shape::frame(3, 5));
    let mut header = header("plain", &[(&frame, Shape::frame(2, 3))]);
    header.layout = Some(Layout { segments: vec![Segment::Verbatim(vec![7; 50])] });
    let bytes = pack(&header, &[&frame], true).unwrap();
    let outcome = |hostile: &[u8]| open(hostile).and_then(|mut reader| reader.decode(0, &*plain()));
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
    let longer = [&bytes[..], &[0]].concat();
    assert!(outcome(&longer).is_err(), "bytes after the end");
}

#[test]
fn a_newer_version_is_refused_by_name() {
    let frame = ramp(Shape::frame(1, 1));
    let mut bytes = pack(&header("plain", &[(&frame, Shape::frame(1, 1))]), &[&frame], true).unwrap();
    bytes[8] = 3;
    let error = open(&bytes).unwrap_err().to_string();
    assert_eq!(error, "the container needs a program that knows version 3, this is one that knows version 2");
}

#[test]
fn lying_shapes_are_refused_before_anything_is_allocated() {
    let frame = ramp(Shape::frame(1, 1));
    let bytes = pack(&header("plain", &[(&frame, Shape::frame(1, 1))]), &[&frame], true).unwrap();
    let lie = with_image(&bytes, [1, 1 << 40, 1], [1, 1, 1]);
    assert!(matches!(open(&lie), Err(Error::Limit { .. })));
    // Below the limit of pixels, but with more tiles than the index has, and with fewer.
    for rows in [1000, 0] {
        let error = open(&with_image(&bytes, [1, rows, 1], [1, 1, 1])).unwrap_err().to_string();
        assert!(error.contains("does not fit the header's tiles"), "{error}");
    }
}

/// Where the header's records lie.
fn header_of(bytes: &[u8]) -> Range<usize> {
    let mut fields = Fields::new(&bytes[10..], "a test");
    let length = fields.varint().unwrap() as usize;
    let start = bytes.len() - fields.rest().len();
    start..start + length
}

/// The container with its header changed by `change` and every checksum made right again.
fn forged(bytes: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let place = header_of(bytes);
    let mut header = bytes[place.clone()].to_vec();
    change(&mut header);
    let mut forged = bytes[..10].to_vec();
    put_varint(&mut forged, header.len() as u64);
    forged.extend(header);
    forged.extend(crc32fast::hash(&forged).to_le_bytes());
    forged.extend(&bytes[place.end + 4..]);
    forged
}

/// The container of one pixel with another record of its stack.
fn with_image(bytes: &[u8], shape: [u64; 3], tile: [u64; 3]) -> Vec<u8> {
    forged(bytes, |header| {
        let record = [4, 3, 1, 1, 1];
        let at = header.windows(record.len()).position(|w| w == record).unwrap();
        let mut value = Vec::new();
        shape.iter().for_each(|&extent| put_varint(&mut value, extent));
        value.push(0);
        tile.iter().for_each(|&extent| put_varint(&mut value, extent));
        let value = [&[4, value.len() as u8], &value[..]].concat();
        header.splice(at..at + record.len(), value);
    })
}

#[test]
fn an_extent_of_zero_does_not_hide_a_huge_one() {
    let frame = ramp(Shape::frame(1, 1));
    let bytes = pack(&header("plain", &[(&frame, Shape::frame(1, 1))]), &[&frame], true).unwrap();
    for shape in [[1u64 << 62, 0, 1], [1 << 40, 1, 0], [1, 1 << 62, 0]] {
        assert!(matches!(open(&with_image(&bytes, shape, [1; 3])), Err(Error::Limit { .. })), "{shape:?}");
    }
    let many_planes = [1u64 << 30, 1, 1];
    assert!(matches!(open(&with_image(&bytes, many_planes, many_planes)), Err(Error::Limit { .. })));
}

#[test]
fn forged_headers_with_right_checksums_never_panic() {
    let frame = ramp(Shape::new(2, 3, 5));
    let mut honest = header("plain:model=1", &[(&frame, Shape::new(1, 2, 3))]);
    honest.layout = Some(Layout {
        segments: vec![
            Segment::Verbatim(vec![7; 50]),
            Segment::Samples { image: 0, format: SampleFormat::I32Be, offset: 1 },
        ],
    });
    let bytes = pack(&honest, &[&frame], true).unwrap();
    let limits = Limits { max_pixels: 1 << 16, max_memory_bytes: 1 << 20 };
    let place = header_of(&bytes);
    for at in place.clone() {
        for value in [0, 1, 2, 0x7f, 0x80, 0xff, bytes[at].wrapping_add(1)] {
            let hostile = forged(&bytes, |header| header[at - place.start] = value);
            let Ok(mut reader) = Reader::open(Cursor::new(&hostile[..]), limits) else { continue };
            let Ok(codec) = reader.codec(&registry()) else { continue };
            for stack in 0..reader.header().images.len() {
                let _ = reader.decode(stack, &*codec);
            }
            let _ = reader.restore(&*codec, &mut std::io::sink());
        }
    }
}

#[test]
fn another_model_is_refused_before_decoding() {
    let frame = ramp(Shape::frame(2, 2));
    let mut header = header("plain:model=1", &[(&frame, frame.shape())]);
    let bytes = pack(&header, &[&frame], true).unwrap();
    assert!(open(&bytes).unwrap().codec(&registry()).is_ok());
    let own = ModelHeader::of(&Plain { model: 1 }).unwrap();
    header.model = Some(ModelHeader { digest: Digest::of_bytes(b"other"), ..own });
    let bytes = pack(&header, &[&frame], true).unwrap();
    let error = open(&bytes).unwrap().codec(&registry()).err().unwrap();
    assert!(matches!(error, Error::Mismatch { .. }), "{error}");
}

#[test]
fn streams_that_are_bound_to_a_device_are_refused_in_words() {
    let frame = ramp(Shape::frame(2, 2));
    let bytes = pack(&header("plain:model=1", &[(&frame, frame.shape())]), &[&frame], true).unwrap();
    assert_eq!(open(&bytes).unwrap().header().reproducibility, Reproducibility::Anywhere);
    // The record of reproducibility: tag 2, a length of 1, the code.
    let class = |code: u8| forged(&bytes, |header| header.extend([2, 1, code]));
    assert_eq!(open(&class(1)).unwrap().header().reproducibility, Reproducibility::SameBuild);
    let error = open(&class(2)).unwrap_err().to_string();
    assert!(error.contains("the build and the device that wrote it"), "{error}");
    let error = open(&class(3)).unwrap_err().to_string();
    assert!(error.contains("newer program"), "{error}");
}

/// The pixels of the golden files; this function is never changed.
fn golden_pixels() -> Image16 {
    let pixel = |p: usize, r: usize, c: usize| (p * 40_503 + r * 271 + c * c * 17 + 11) as u16;
    Image16::from_fn(Shape::new(2, 5, 7), pixel).with_axis(PlaneAxis::Wavelength)
}

fn golden(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn golden_version_1() {
    let bytes = golden("v1-two-planes.nfl");
    let mut reader = open(&bytes).unwrap();
    assert_eq!(reader.header().creator, "test", "version 1 names it in small containers too");
    assert_eq!(reader.decode(0, &*plain()).unwrap(), golden_pixels());
}

/// Written by the release before version 2, with the layout of a `.npy` file.
#[test]
fn golden_version_1_with_a_layout() {
    let bytes = golden("v1-layout.nfl");
    let mut reader = open(&bytes).unwrap();
    assert_eq!(reader.decode(0, &*plain()).unwrap(), golden_pixels().with_axis(PlaneAxis::None));
    assert_eq!(reader.header().layout, Some(golden_layout()));
}

fn golden_layout() -> Layout {
    let head = b"{'descr': '<i2', 'fortran_order': False, 'shape': (2, 5, 7), }".to_vec();
    let samples = Segment::Samples { image: 0, format: SampleFormat::U16Le, offset: 32768 };
    Layout { segments: vec![Segment::Verbatim(head), samples, Segment::Verbatim(b"\0end".to_vec())] }
}

#[test]
fn golden_version_2() {
    let image = golden_pixels();
    let mut header = header("plain", &[(&image, Shape::new(1, 3, 4)), (&image, image.shape())]);
    header.layout = Some(golden_layout());
    let bytes = pack(&header, &[&image, &image], true).unwrap();
    let golden = golden("v2-two-stacks.nfl");
    let mut reader = open(&golden).unwrap();
    assert_eq!(reader.header(), &header);
    assert_eq!(reader.decode(0, &*plain()).unwrap(), image);
    assert_eq!(reader.decode(1, &*plain()).unwrap(), image);
    // The deflated layout may differ where the library of another release finds a shorter one.
    assert_eq!(bytes.len(), golden.len(), "version 2 writes other bytes than it did");
}

#[test]
fn a_small_array_pays_less_than_a_hundred_bytes() {
    let image = ramp(Shape::frame(100, 100));
    let mut header = header("plain", &[(&image, image.shape())]);
    let text = "{'descr': '<u2', 'fortran_order': False, 'shape': (100, 100), }";
    let head = [b"\x93NUMPY\x01\x00v\x00", format!("{text:<117}\n").as_bytes()].concat();
    let samples = Segment::Samples { image: 0, format: SampleFormat::U16Le, offset: 0 };
    header.layout = Some(Layout { segments: vec![Segment::Verbatim(head), samples] });
    let bytes = pack(&header, &[&image], true).unwrap();
    assert!(bytes.len() - 20_000 < 100, "{}", bytes.len() - 20_000);
    assert_eq!(open(&bytes).unwrap().header().layout, header.layout);
}
