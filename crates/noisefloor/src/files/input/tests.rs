//! Files drawn at random through a container and back: what comes out is what unpacking the file
//! gives, byte for byte.
#![allow(clippy::unwrap_used, reason = "a test may stop where its premise fails")]

#[path = "../../../../nf-fits/tests/files/draw.rs"]
mod draw;

use super::*;
use crate::registry::registry;
use draw::Random;
use nf_codec::container::{self, Header, ImageHeader, Reader, default_tile};
use nf_codec::{Limits, Registry, Spec};
use nf_fits::pack::{Method, PackOptions, TileSize, pack};
use rayon::prelude::*;
use std::io::Cursor;

/// Files, each plain and packed.
const FILES: u64 = 10_000;

fn open(bytes: Vec<u8>) -> FitsFile {
    FitsFile::from_bytes(bytes).unwrap().with_codec(Arc::new(RegistryTiles))
}

/// What is wrong, if anything is, with the way of a file through a container; `None` also where it
/// holds no image that can be coded.
fn problem(bytes: Vec<u8>, registry: &Registry) -> Option<String> {
    let mut expected = Vec::new();
    unpack(&open(bytes.clone()), &mut expected, &mut |_| {}).unwrap();
    let mut input = match fits_input(open(bytes)) {
        Ok(input) => input,
        Err(error) if is_not_u16(&error) || error.to_string().contains("no image") => return None,
        Err(error) => return Some(format!("{error:#}")),
    };
    if let Err(error) = input.prove() {
        return Some(format!("{error:#}"));
    }
    let spec: Spec = "raw".parse().unwrap();
    let codec = registry.build(&spec).unwrap();
    let image = |stack: &Box<dyn ImageSource>| {
        let shape = stack.shape();
        ImageHeader { shape, axis: stack.axis(), tile: default_tile(shape) }
    };
    let header = Header {
        codec: codec.spec(),
        reproducibility: codec.reproducibility(),
        model: None,
        images: input.stacks.iter().map(image).collect(),
        layout: Some(input.layout.clone()),
        creator: "a test".to_owned(),
    };
    let mut sources: Vec<&mut dyn ImageSource> =
        input.stacks.iter_mut().map(|stack| stack.as_mut() as &mut dyn ImageSource).collect();
    let mut written = Vec::new();
    container::write(&mut written, &header, &mut sources, registry, true).unwrap();
    let mut reader = Reader::open(Cursor::new(written), Limits::default()).unwrap();
    let layout = reader.header().layout.clone().unwrap();
    let mut back = Vec::new();
    layout.write(|stack, sink| reader.decode_in_order(stack as usize, registry, sink), &mut back).unwrap();
    let first = back.iter().zip(&expected).position(|(a, b)| a != b);
    let lengths = (back.len(), expected.len());
    (back != expected).then(|| format!("byte {first:?} of {lengths:?} differs"))
}

/// One of the algorithms, with loss or without.
fn method(random: &mut Random) -> Method {
    random
        .choose(&[
            Method::Rice,
            Method::Gzip1,
            Method::Gzip2,
            Method::Plio,
            Method::Hcompress { scale: 0.0, smooth: false },
            Method::Hcompress { scale: -6.0, smooth: true },
            Method::None,
            Method::Floor { spec: "raw".to_owned() },
        ])
        .clone()
}

#[test]
fn containers_restore_what_unpacking_gives() {
    let registry = registry();
    let failures: Vec<String> = (0..FILES)
        .into_par_iter()
        .flat_map_iter(|seed| {
            let random = &mut Random::seeded(seed ^ 0xc0ffee);
            let tile = if random.one_in(2) { TileSize::Suitable } else { TileSize::Axes(vec![9, 5]) };
            let options = PackOptions { tile, ..PackOptions::new(method(random)) };
            let mut packed = Cursor::new(Vec::new());
            pack(&open(draw::file(seed)), &mut packed, &options, &mut |_| {}).unwrap();
            let plain = problem(draw::file(seed), &registry).map(|problem| format!("{seed}: {problem}"));
            let packed = problem(packed.into_inner(), &registry)
                .map(|problem| format!("{seed}, {options:?}: {problem}"));
            [plain, packed].into_iter().flatten()
        })
        .collect();
    let some = &failures[..failures.len().min(10)];
    assert!(failures.is_empty(), "{} of {FILES}: {some:#?}", failures.len());
}

/// A layout that lost bytes is not called proven.
#[test]
fn a_layout_that_lacks_a_byte_is_found() {
    let frame = Image16::from_fn(Shape::frame(9, 7), |_, row, column| (row * 100 + column) as u16);
    let mut input = fits_input(open(nf_fits::write_image(&frame, None).unwrap())).unwrap();
    input.prove().unwrap();
    let whole = input.layout.segments.clone();
    for segment in 0..whole.len() {
        input.layout.segments = whole.clone();
        match &mut input.layout.segments[segment] {
            Segment::Verbatim(bytes) => bytes.truncate(bytes.len() - 1),
            Segment::Samples { offset, .. } => *offset += 1,
        }
        assert!(input.prove().is_err(), "segment {segment}");
    }
}
