//! Streams of this crate against independent programs: fixtures made by cfitsio and libaec, and a
//! fresh frame where a Python with astropy and imagecodecs is at hand.

use nf_classic::entries;
use nf_codec::{Codec, Limits, Registry};
use nf_image::testing::peer_python;
use nf_image::{Image16, Shape};
use std::path::Path;
use std::process::Command;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");

fn codec(spec: &str) -> Box<dyn Codec> {
    let spec = spec.parse().expect("the spec of a test parses");
    Registry::new(entries()).build(&spec).expect("the spec of a test builds")
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(FIXTURES).join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn fixture_frame(name: &str) -> Image16 {
    let samples = fixture(&format!("{name}_37x53.u16"))
        .as_chunks::<2>()
        .0
        .iter()
        .map(|&b| u16::from_le_bytes(b))
        .collect();
    Image16::new(Shape::frame(37, 53), samples).expect("the fixture has 37 x 53 samples")
}

/// Our bytes are the reference's, and its bytes decode to the pixels.
fn same_bytes(spec: &str, frame: &str, reference: &[u8]) {
    let frame = fixture_frame(frame);
    assert!(codec(spec).encode(&frame).expect("encodes") == reference, "{spec}: bytes differ");
    let decoded = codec(spec).decode(reference, frame.shape(), &Limits::default()).expect("decodes");
    assert!(decoded == frame, "{spec}: pixels differ");
}

#[test]
fn rice_tiles_equal_those_of_cfitsio() {
    same_bytes("rice", "frame", &fixture("rice_whole.bin"));
    same_bytes("rice:tile=row", "frame", &fixture("rice_row.bin"));
    same_bytes("rice:block=16", "frame", &fixture("rice_whole_block16.bin"));
}

#[test]
fn hcompress_reads_tiles_of_cfitsio() {
    let (frame, reference) =
        (fixture_frame("frame"), [fixture("hcompress_16.lengths"), fixture("hcompress_16.bin")].concat());
    let decoded = codec("hcompress").decode(&reference, frame.shape(), &Limits::default()).expect("decodes");
    assert_eq!(decoded, frame);
    // The library gives up on the quadtree of a bit plane a byte later than cfitsio, so bytes may
    // differ here.
    let own = codec("hcompress").encode(&frame).expect("encodes");
    assert!(own.len().abs_diff(reference.len()) * 100 < reference.len(), "{} {}", own.len(), reference.len());
}

#[test]
fn gzip2_reads_a_tile_of_cfitsio() {
    let frame = fixture_frame("frame");
    let decoded =
        codec("gzip2").decode(&fixture("gzip2.bin"), frame.shape(), &Limits::default()).expect("decodes");
    assert_eq!(decoded, frame);
}

#[test]
fn szip_planes_equal_those_of_libaec() {
    for frame in ["frame", "sparse"] {
        for (block, interval) in [(16, 128), (8, 3), (64, 4096)] {
            let reference = fixture(&format!("{frame}_szip_{block}_{interval}.bin"));
            same_bytes(&format!("szip:block={block},interval={interval}"), frame, &reference);
        }
    }
}

#[test]
fn lerc_blobs_equal_those_of_esri() {
    same_bytes("lerc", "frame", &fixture("frame_lerc.bin"));
    same_bytes("lerc", "sparse", &fixture("sparse_lerc.bin"));
}

#[test]
fn foreign_decoders_read_a_fresh_frame() {
    let Some(python) = peer_python("numpy, astropy, imagecodecs") else { return };
    let mut state = 1u64;
    let frame = Image16::from_fn(Shape::frame(211, 307), |_, row, column| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let noise = (0..8).map(|i| (state >> (32 + 4 * i) & 15) as u16).sum::<u16>();
        if (row * column) % 997 == 5 { 65_535 } else { 900 + noise + row as u16 }
    });
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("frame.u16"), codec("raw").encode(&frame).expect("encodes"))
        .expect("writes");
    let names = entries().into_iter().map(|entry| entry.name);
    let tiles = ["rice:tile=row", "rice:block=7", "rice:block=16", "rice:block=64", "hcompress:rows=0"];
    for spec in names.chain(tiles) {
        std::fs::write(folder.path().join(spec), codec(spec).encode(&frame).expect("encodes"))
            .expect("writes");
    }
    let output = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers.py"))
        .arg(folder.path())
        .args(["211", "307"])
        .output()
        .expect("the interpreter ran a moment ago");
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}
