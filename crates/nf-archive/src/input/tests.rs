//! Files drawn at random through a container and back: what comes out is what unpacking the file
//! gives, byte for byte.
#![allow(clippy::unwrap_used, reason = "a test may stop where its premise fails")]

#[path = "../../../nf-fits/tests/files/draw.rs"]
mod draw;

use super::*;
use draw::Random;
use nf_codec::container::{self, Header, ImageHeader, Reader, WriteOptions, default_tile};
use nf_codec::{Registry, Spec};
use nf_fits::pack::{Method, PackOptions, TileSize, pack};
use rayon::prelude::*;
use std::io::Cursor;

/// Files, each plain and packed.
const FILES: u64 = 10_000;

fn tools() -> Tools {
    Tools::new(|| Registry::new(nf_classic::entries()), 8 << 30, "")
}

fn open(bytes: Vec<u8>) -> FitsFile {
    tools().fits_of_bytes(bytes).unwrap()
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
    let spec: Spec = "raw".parse().unwrap();
    let codec = registry.build(&spec).unwrap();
    let image = |stack: &dyn ImageSource| {
        let shape = stack.shape();
        ImageHeader { shape, axis: stack.axis(), tile: default_tile(&*codec, shape) }
    };
    let header = Header {
        codec: codec.spec(),
        reproducibility: codec.reproducibility(),
        model: None,
        images: input.stacks.iter().map(|stack| image(&**stack)).collect(),
        layout: Some(input.layout.clone()),
        creator: "a test".to_owned(),
        profile: None,
        cut: None,
    };
    let mut sources: Vec<&mut dyn ImageSource> =
        input.stacks.iter_mut().map(|stack| stack.as_mut() as &mut dyn ImageSource).collect();
    let mut written = Vec::new();
    let options = WriteOptions { encoder: &*codec, verifier: None, limits: tools().codec_limits() };
    container::write(&mut written, &header, &mut sources, options).unwrap();
    let mut reader = Reader::open(Cursor::new(&written), tools().codec_limits()).unwrap();
    let mut back = Vec::new();
    reader.restore(&*codec, &mut back).unwrap();
    let mut reader = Reader::open(Cursor::new(&written), tools().codec_limits()).unwrap();
    if let Err(error) = input.original.prove(|out| reader.restore(&*codec, out)) {
        return Some(format!("{error:#}"));
    }
    let Input { mut stacks, layout, original, .. } = input;
    if let Err(error) = original.prove_layout(&layout, &mut stacks) {
        return Some(format!("{error:#}"));
    }
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
    let registry = tools().registry();
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
    let Input { stacks, layout, original, .. } = &mut input;
    original.prove_layout(layout, stacks).unwrap();
    let whole = layout.segments.clone();
    for segment in 0..whole.len() {
        layout.segments.clone_from(&whole);
        match &mut layout.segments[segment] {
            Segment::Verbatim(bytes) => bytes.truncate(bytes.len() - 1),
            Segment::Samples { offset, .. } => *offset += 1,
        }
        assert!(original.prove_layout(layout, stacks).is_err(), "segment {segment}");
    }
}

/// The file that the layout writes from the stacks.
fn again(bytes: &[u8]) -> Vec<u8> {
    let mut input = of_bytes(bytes.to_vec(), &tools()).unwrap();
    let stacks: Vec<Image16> = input
        .stacks
        .iter_mut()
        .map(|stack| {
            let shape = stack.shape();
            stack.band(0..shape.planes, 0..shape.height).unwrap().into_owned()
        })
        .collect();
    let mut out = Vec::new();
    input.layout.write(|stack, sink| sink(&stacks[stack as usize]), &mut out).unwrap();
    out
}

fn npy_file(descr: &str, fortran: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': (3, 4), }}\n");
    let mut bytes = b"\x93NUMPY\x02\x00".to_vec();
    bytes.extend((header.len() as u32).to_le_bytes());
    bytes.extend(header.into_bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn npy_files_come_back_byte_for_byte() {
    let data: Vec<u8> = (0..30u8).map(|i| i.wrapping_mul(23)).collect();
    for descr in ["<u2", ">u2", "<i2", ">i2", "|u1", "|i1"] {
        // Bytes behind the array included.
        let bytes = npy_file(descr, "False", &data);
        assert_eq!(again(&bytes), bytes, "{descr}");
        // In Fortran order the array is the same, and so is its type.
        let fortran = npy_file(descr, "True", &data);
        let (written, limits) = (again(&fortran), nf_fits::Limits::default());
        let parse = |bytes: &[u8]| npy::parse(bytes, &limits).unwrap();
        assert_eq!(parse(&written).image, parse(&fortran).image, "{descr}");
        assert_eq!(parse(&written).form, parse(&fortran).form, "{descr}");
    }
}

#[test]
fn unsigned_64_bit_images_come_back_byte_for_byte() {
    let lines =
        ["SIMPLE  = T", "BITPIX  = 64", "NAXIS   = 1", "NAXIS1  = 2", "BZERO   = 9223372036854775808", "END"];
    let mut bytes: Vec<u8> = lines.iter().flat_map(|line| format!("{line:<80}").into_bytes()).collect();
    bytes.resize(2880, b' ');
    bytes.extend(i64::MIN.to_be_bytes());
    bytes.extend((i64::MIN + 65535).to_be_bytes());
    bytes.resize(5760, 0);
    assert_eq!(again(&bytes), bytes);
}
