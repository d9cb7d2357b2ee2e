//! Encoding and decoding speed of every codec at its defaults, and of a few others, on one
//! simulated frame.
//!
//! `cargo bench -p nf-classic`, or `cargo bench -p nf-classic -- rice` for some. One thread.

use divan::Bencher;
use divan::counter::BytesCount;
use nf_classic::entries;
use nf_codec::{Codec, Limits, Registry};
use nf_image::{Image16, Shape};

const SIDE_PX: usize = 512;
/// Beside the defaults: the settings whose cost or gain people ask for.
const OTHERS: [&str; 6] = [
    "gzip:level=9",
    "zstd:level=19,shuffle=byte",
    "pcodec:level=12",
    "rice:tile=row",
    "hcompress:rows=0",
    "xz:level=0",
];

fn main() {
    divan::main();
}

fn specs() -> Vec<String> {
    let defaults = entries().into_iter().map(|entry| entry.name.to_owned());
    defaults.chain(OTHERS.map(str::to_owned)).collect()
}

fn codec(spec: &str) -> Box<dyn Codec> {
    let spec = spec.parse().expect("the spec of a benchmark parses");
    Registry::new(entries()).build(&spec).expect("the spec of a benchmark builds")
}

/// Bell-shaped noise of 9 DN on a sloping sky, with a hot pixel in about a thousand.
fn frame() -> Image16 {
    let mut state = 1u64;
    Image16::from_fn(Shape::frame(SIDE_PX, SIDE_PX), |_, row, column| {
        let noise: u64 = (0..12)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                state >> 33 & 7
            })
            .sum();
        if state >> 50 & 1023 == 0 { 50_000 } else { (1000 + row / 8 + column / 16) as u16 + noise as u16 }
    })
}

#[divan::bench(args = specs())]
fn encode(bencher: Bencher, spec: &str) {
    let (codec, frame) = (codec(spec), frame());
    bencher.counter(BytesCount::new(frame.shape().raw_bytes())).bench_local(|| codec.encode(&frame));
}

#[divan::bench(args = specs())]
fn decode(bencher: Bencher, spec: &str) {
    let (codec, frame) = (codec(spec), frame());
    let bytes = codec.encode(&frame).expect("the frame can be coded");
    let decode = || codec.decode(&bytes, frame.shape(), &Limits::default());
    assert!(decode().is_ok_and(|decoded| decoded == frame), "{spec} is not lossless");
    bencher.counter(BytesCount::new(frame.shape().raw_bytes())).bench_local(decode);
}
