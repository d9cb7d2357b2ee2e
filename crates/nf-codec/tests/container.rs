//! The container: round trips, regions, damage, and the golden file of version 1.
#![allow(clippy::unwrap_used)]

use nf_codec::container::{
    Borrowed, ImageSource, Layout, ModelHeader, Reader, SampleFormat, Segment, TileBox, WriteOptions, write,
};
use nf_codec::{Error, Limits, Reproducibility, Spec, conformance};
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
    bytes[8] = 2;
    let error = open(&bytes).unwrap_err().to_string();
    assert_eq!(error, "the container needs a program that knows version 2, this is one that knows version 1");
}

#[test]
fn lying_shapes_are_refused_before_anything_is_allocated() {
    let frame = ramp(Shape::frame(1, 1));
    let mut header = header("plain", &[(&frame, Shape::frame(1, 1))]);
    header.images[0].shape = Shape::new(1, 1 << 20, 1 << 20);
    // Written by hand, since the writer refuses to lie.
    let mut honest = header.clone();
    honest.images[0].shape = frame.shape();
    let bytes = pack(&honest, &[&frame], true).unwrap();
    let place = bytes.windows(24).position(|w| w == [[1u8, 0, 0, 0, 0, 0, 0, 0]; 3].concat()).unwrap();
    let mut lie = bytes.clone();
    lie[place + 8..place + 16].copy_from_slice(&(1u64 << 40).to_le_bytes());
    let header_bytes = u32::from_le_bytes(lie[10..14].try_into().unwrap()) as usize;
    let crc = crc32fast::hash(&lie[..14 + header_bytes]).to_le_bytes();
    lie[14 + header_bytes..18 + header_bytes].copy_from_slice(&crc);
    assert!(matches!(open(&lie), Err(Error::Limit { .. })));
    // Below the limit of pixels, but with more tiles than the index has.
    lie[place + 8..place + 16].copy_from_slice(&1000u64.to_le_bytes());
    let crc = crc32fast::hash(&lie[..14 + header_bytes]).to_le_bytes();
    lie[14 + header_bytes..18 + header_bytes].copy_from_slice(&crc);
    let error = open(&lie).unwrap_err().to_string();
    assert!(error.contains("does not fit the header's tiles"), "{error}");
}

/// The container with its header changed by `change` and every checksum made right again.
fn forged(bytes: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let header_bytes = u32::from_le_bytes(bytes[10..14].try_into().unwrap()) as usize;
    let mut header = bytes[14..14 + header_bytes].to_vec();
    change(&mut header);
    let mut forged = bytes[..10].to_vec();
    forged.extend((header.len() as u32).to_le_bytes());
    forged.extend(header);
    forged.extend(crc32fast::hash(&forged).to_le_bytes());
    forged.extend(&bytes[18 + header_bytes..]);
    forged
}

#[test]
fn an_extent_of_zero_does_not_hide_a_huge_one() {
    let frame = ramp(Shape::frame(1, 1));
    let bytes = pack(&header("plain", &[(&frame, Shape::frame(1, 1))]), &[&frame], true).unwrap();
    let one = [1u64.to_le_bytes(); 3].concat();
    for shape in [[1u64 << 62, 0, 1], [1 << 40, 1, 0], [1, 1 << 62, 0]] {
        let lie = forged(&bytes, |header| {
            let at = header.windows(24).position(|w| w == one).unwrap();
            header[at..at + 24].copy_from_slice(&shape.map(u64::to_le_bytes).concat());
        });
        assert!(matches!(open(&lie), Err(Error::Limit { .. })), "{shape:?}");
    }
    let many_planes = forged(&bytes, |header| {
        let at = header.windows(24).position(|w| w == one).unwrap();
        let shape = [1u64 << 30, 1, 1].map(u64::to_le_bytes).concat();
        header[at..at + 24].copy_from_slice(&shape);
        header[at + 25..at + 49].copy_from_slice(&shape);
    });
    assert!(matches!(open(&many_planes), Err(Error::Limit { .. })));
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
    let header_bytes = u32::from_le_bytes(bytes[10..14].try_into().unwrap()) as usize;
    for at in 0..header_bytes {
        for value in [0, 1, 2, 0x7f, 0x80, 0xff, bytes[14 + at].wrapping_add(1)] {
            let hostile = forged(&bytes, |header| header[at] = value);
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
    let class = |code: u8| {
        // The record of reproducibility: tag 2, a length of 1, the code.
        forged(&bytes, |header| {
            let at = header.windows(6).position(|w| w == [2, 1, 0, 0, 0, 0]).unwrap();
            header[at + 5] = code;
        })
    };
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

#[test]
fn golden_version_1() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1-two-planes.nfl");
    let image = golden_pixels();
    let bytes = pack(&header("plain", &[(&image, Shape::new(1, 3, 4))]), &[&image], true).unwrap();
    let golden = match std::fs::read(&path) {
        Ok(golden) => golden,
        // Only while version 1 is the newest may a missing file be written.
        Err(_) if nf_codec::container::VERSION == 1 => {
            std::fs::write(&path, &bytes).unwrap();
            bytes.clone()
        }
        Err(error) => panic!("{}: {error}", path.display()),
    };
    assert!(bytes == golden, "version 1 writes other bytes than it did");
    assert_eq!(open(&golden).unwrap().decode(0, &*plain()).unwrap(), image);
}
