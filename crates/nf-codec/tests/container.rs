//! The container: round trips, regions, damage, and the golden file of version 1.
#![allow(clippy::unwrap_used)]

use nf_codec::container::{
    Header, ImageHeader, ImageSource, Layout, ModelHeader, Reader, SampleFormat, Segment, TileBox,
    tile_boxes, write,
};
use nf_codec::{Codec, Entry, Error, Limits, Model, Registry, Reproducibility, Result, Spec, kit};
use nf_image::{Digest, Image16, PlaneAxis, Shape};
use std::io::Cursor;
use std::path::Path;

/// Little-endian samples; with `model=1` it claims to need a model.
struct Plain {
    model: u8,
}

impl Codec for Plain {
    fn spec(&self) -> Spec {
        Spec::new("plain").with("model", self.model, 0)
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        Ok(image.samples().iter().flat_map(|sample| sample.to_le_bytes()).collect())
    }

    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        let pixels = limits.check_shape("the plain stream", shape)?;
        if bytes.len() != pixels * 2 {
            return Err(Error::truncated("the plain stream"));
        }
        let samples = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        Ok(Image16::new(shape, samples).expect("as many samples as pixels"))
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        shape.raw_bytes() as u64
    }

    fn model(&self) -> Option<Model> {
        let digest = Digest::of_bytes(&[self.model]);
        let device = "abacus".to_owned();
        (self.model > 0).then_some(Model { digest, bytes: 1, parameters: 1, macs_per_px: 0.0, device })
    }
}

/// Forgets the last sample of a tile.
struct Forgetful;

impl Codec for Forgetful {
    fn spec(&self) -> Spec {
        Spec::new("forgetful")
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        Plain { model: 0 }.encode(image)
    }

    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        let mut image = Plain { model: 0 }.decode(bytes, shape, limits)?;
        if let Some(last) = image.samples_mut().last_mut() {
            *last ^= 1;
        }
        Ok(image)
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        shape.raw_bytes() as u64
    }
}

fn build_plain(spec: &Spec) -> Result<Box<dyn Codec>> {
    let mut options = spec.options();
    let model = options.take("model", 0, "0..=9", |model| *model <= 9)?;
    options.finish()?;
    Ok(Box::new(Plain { model }))
}

fn registry() -> Registry {
    let entry = |name, build| Entry { name, summary: "", source: "", options: &[], build };
    Registry::new([entry("plain", build_plain), entry("forgetful", |_| Ok(Box::new(Forgetful)))])
}

fn header(codec: &str, images: &[(&Image16, Shape)]) -> Header {
    Header {
        codec: codec.parse().unwrap(),
        reproducibility: Reproducibility::Anywhere,
        model: registry().build(&codec.parse().unwrap()).unwrap().model().map(Into::into),
        images: images
            .iter()
            .map(|(image, tile)| ImageHeader { shape: image.shape(), axis: image.axis(), tile: *tile })
            .collect(),
        layout: None,
        creator: "test".to_owned(),
    }
}

fn pack(header: &Header, images: &[&Image16], verify: bool) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut sources: Vec<&Image16> = images.to_vec();
    let mut sources: Vec<&mut dyn ImageSource> =
        sources.iter_mut().map(|source| source as &mut dyn ImageSource).collect();
    let written = write(&mut out, header, &mut sources, &registry(), verify)?;
    assert_eq!(written.container_bytes, out.len() as u64);
    assert_eq!(written.digests, images.iter().map(|image| image.digest()).collect::<Vec<_>>());
    Ok(out)
}

fn open(bytes: &[u8]) -> Result<Reader<Cursor<&[u8]>>> {
    Reader::open(Cursor::new(bytes), Limits::default())
}

fn ramp(shape: Shape) -> Image16 {
    Image16::from_fn(shape, |p, r, c| (p * 7000 + r * 130 + c) as u16)
}

#[test]
fn the_plain_codec_of_these_tests_conforms() {
    kit::check(&Spec::new("plain"), &|spec| registry().build(spec), kit::Effort { mutations: 200 });
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
        assert_eq!(reader.decode(0, &registry()).unwrap(), series);
        assert_eq!(reader.decode(1, &registry()).unwrap(), empty);
        assert_eq!(reader.decode(2, &registry()).unwrap(), frame);
        let mut in_order = Vec::new();
        let mut keep = |piece: &Image16| {
            in_order.extend_from_slice(piece.samples());
            Ok(())
        };
        reader.decode_in_order(0, &registry(), &mut keep).unwrap();
        assert_eq!(in_order, series.samples());
        for region in tile_boxes(series.shape(), Shape::new(2, 3, 4)) {
            let cut = reader.decode_region(0, &region, &registry()).unwrap();
            assert_eq!(cut, series.crop(region.planes, region.rows, region.columns));
        }
        let beyond = TileBox { planes: 0..1, rows: 9..11, columns: 0..1 };
        assert!(reader.decode_region(0, &beyond, &registry()).is_err());
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
    layout.write(|i, sink| reader.decode_in_order(i as usize, &registry(), sink), &mut out).unwrap();
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
    let error = open(&bytes).unwrap().decode(0, &registry()).unwrap_err().to_string();
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
    let error = reader.decode(0, &registry()).unwrap_err().to_string();
    assert!(error.contains("rows 2..4") && error.contains("checksum"), "{error}");
    for tile in [&tiles[0], &tiles[2]] {
        let place = tile.place.clone();
        let cut = reader.decode_region(0, &place, &registry()).unwrap();
        assert_eq!(cut, frame.crop(place.planes, place.rows, place.columns));
    }
}

#[test]
fn every_truncation_and_every_bit_flip_is_an_error() {
    let frame = ramp(Shape::frame(3, 5));
    let mut header = header("plain", &[(&frame, Shape::frame(2, 3))]);
    header.layout = Some(Layout { segments: vec![Segment::Verbatim(vec![7; 50])] });
    let bytes = pack(&header, &[&frame], true).unwrap();
    let outcome = |hostile: &[u8]| open(hostile).and_then(|mut reader| reader.decode(0, &registry()));
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
            for stack in 0..reader.header().images.len() {
                let _ = reader.decode(stack, &registry());
            }
            if let Some(layout) = reader.header().layout.clone() {
                let mut samples = |stack: u32, sink: &mut dyn FnMut(&Image16) -> Result<()>| {
                    reader.decode_in_order(stack as usize, &registry(), sink)
                };
                let _ = layout.write(&mut samples, &mut std::io::sink());
            }
        }
    }
}

#[test]
fn another_model_is_refused_before_decoding() {
    let frame = ramp(Shape::frame(2, 2));
    let mut header = header("plain:model=1", &[(&frame, frame.shape())]);
    let bytes = pack(&header, &[&frame], true).unwrap();
    assert_eq!(open(&bytes).unwrap().decode(0, &registry()).unwrap(), frame);
    let own = ModelHeader::from(Plain { model: 1 }.model().unwrap());
    header.model = Some(ModelHeader { digest: Digest::of_bytes(b"other"), ..own.clone() });
    let bytes = pack(&header, &[&frame], true).unwrap();
    let error = open(&bytes).unwrap().decode(0, &registry()).unwrap_err();
    assert!(matches!(error, Error::Mismatch { .. }), "{error}");
    header.model = Some(ModelHeader { device: "slide rule".to_owned(), ..own });
    header.reproducibility = Reproducibility::SameBuildAndDevice;
    let bytes = pack(&header, &[&frame], true).unwrap();
    let error = open(&bytes).unwrap().decode(0, &registry()).unwrap_err().to_string();
    assert!(error.contains("slide rule") && error.contains("abacus"), "{error}");
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
    assert_eq!(open(&golden).unwrap().decode(0, &registry()).unwrap(), image);
}
