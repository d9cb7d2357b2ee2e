//! Throughput of whole containers in memory, every tile proved when it is written:
//! `cargo bench -p nf-floor --bench container`.
//!
//! With the path of a file of 16-bit little-endian samples, and rows and columns, it measures that
//! frame instead of its own, once for every line of the standard input (`encode SPEC THREADS` or
//! `decode SPEC THREADS`), and answers with seconds that passed and seconds of processor time:
//! `python/benches/throughput.py` alternates between this and the Python package.

use nf_codec::container::{Header, ImageHeader, ImageSource, Reader, WriteOptions, default_tile, write};
use nf_codec::{Codec, Limits, Registry};
use nf_image::testing::Rng;
use nf_image::{Image16, PlaneAxis, Shape};
use rayon::{ThreadPool, ThreadPoolBuilder};
use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeMap;
use std::io::{Cursor, Write, stdin, stdout};
use std::time::Instant;

fn codec(spec: &str) -> Box<dyn Codec> {
    let registry = Registry::new([nf_floor::ENTRY]);
    registry.build(&spec.parse().expect("a spec")).expect("a codec")
}

fn encode(frame: &mut Image16, spec: &str) -> Vec<u8> {
    let (encoder, verifier) = (codec(spec), codec(spec));
    let shape = frame.shape();
    let header = Header {
        codec: encoder.spec(),
        reproducibility: encoder.reproducibility(),
        model: None,
        images: vec![ImageHeader { shape, axis: PlaneAxis::None, tile: default_tile(&*encoder, shape) }],
        layout: None,
        creator: "a benchmark".to_owned(),
        profile: None,
        cut: None,
    };
    let options = WriteOptions { encoder: &*encoder, verifier: Some(&*verifier), limits: Limits::default() };
    let mut bytes = Vec::new();
    let mut sources: [&mut dyn ImageSource; 1] = [frame];
    write(&mut bytes, &header, &mut sources, options).expect("the frame can be coded");
    bytes
}

fn decode(bytes: &[u8], spec: &str) -> Image16 {
    let mut reader = Reader::open(Cursor::new(bytes), Limits::default()).expect("a container");
    reader.decode(0, &*codec(spec)).expect("it is intact")
}

/// Processor time of this process.
fn processor_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + 1e-9 * time.tv_nsec as f64
}

/// Seconds that passed, and of processor time.
fn seconds<T: Send>(threads: &ThreadPool, work: impl FnOnce() -> T + Send) -> ((f64, f64), T) {
    let (start, processor) = (Instant::now(), processor_seconds());
    let result = threads.install(work);
    ((start.elapsed().as_secs_f64(), processor_seconds() - processor), result)
}

/// So many threads; 0 for all processors.
fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(threads).build().expect("threads can be started")
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match &words[..] {
        [path, rows, columns] => {
            let shape = Shape::frame(rows.parse().expect("rows"), columns.parse().expect("columns"));
            let bytes = std::fs::read(path).expect("a file of samples");
            let samples = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
            answer(Image16::new(shape, samples).expect("as many samples as the shape has"));
        }
        _ => measure(),
    }
}

/// One measurement for every line.
fn answer(mut frame: Image16) {
    let mut coded: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for line in stdin().lines() {
        let line = line.expect("a line");
        let [what, spec, threads] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("'{line}', expected WHAT SPEC THREADS")
        };
        let threads = pool(threads.parse().expect("a number of threads"));
        let time = if what == "encode" {
            let (time, bytes) = seconds(&threads, || encode(&mut frame, spec));
            coded.insert(spec.to_owned(), bytes);
            time
        } else {
            let (time, image) = seconds(&threads, || decode(&coded[spec], spec));
            assert!(image.samples() == frame.samples(), "decoding is the way back");
            time
        };
        println!("{} {}", time.0, time.1);
        stdout().flush().expect("somebody reads");
    }
}

/// A gradient with noise of about 16 DN, 16 Mpixel.
fn measure() {
    let mut rng = Rng::new(1);
    let mut frame = Image16::from_fn(Shape::frame(4096, 4096), |_, row, _| {
        (1000 + row / 4 + (0..4).map(|_| rng.below(32)).sum::<usize>()) as u16
    });
    let megabytes = frame.shape().raw_bytes() as f64 / 1e6;
    for threads in [1, 0] {
        let threads = pool(threads);
        for spec in ["floor:level=fast", "floor"] {
            let (encoding, bytes) = seconds(&threads, || encode(&mut frame, spec));
            let (decoding, image) = seconds(&threads, || decode(&bytes, spec));
            assert!(image.samples() == frame.samples(), "decoding is the way back");
            println!(
                "{spec:<16} {} threads: encode and prove {:.0} MB/s, decode {:.0} MB/s",
                threads.current_num_threads(),
                megabytes / encoding.0,
                megabytes / decoding.0,
            );
        }
    }
}
