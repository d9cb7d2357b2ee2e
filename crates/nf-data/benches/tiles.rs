//! Bytes of pixels per second of the tile store, from page cache and on one core: packed, read in
//! order and at random. How fast FITS files are read is measured in `nf-fits`.

use divan::Bencher;
use divan::counter::BytesCount;
use nf_data::random::Pcg64;
use nf_data::{Dataset, OpenOptions, TileRule, TileStore, open, tiles};
use nf_image::{Image16, Shape};

fn main() {
    // One core: the figures are per core.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(1).build_global();
    divan::main();
}

const SIDE_PX: usize = 4096;

/// Noise of a few bits over a gradient, as a sky is.
fn frame() -> Image16 {
    let mut generator = Pcg64::from_seed(1);
    Image16::from_fn(Shape::frame(SIDE_PX, SIDE_PX), |_, row, column| {
        let noise = (0..4).map(|_| generator.next_u32() >> 27).sum::<u32>();
        1000 + (row / 16 + column / 16) as u16 + noise as u16
    })
}

/// A folder with the frame, as a dataset.
fn frames() -> (tempfile::TempDir, Box<dyn Dataset>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bytes = nf_fits::write_image(&frame(), None).expect("a frame can be written");
    std::fs::write(folder.path().join("a.fits"), bytes).expect("a file in it");
    let set = open(folder.path(), &OpenOptions::default()).expect("a folder of one file");
    (folder, set)
}

fn store(size_px: usize) -> (tempfile::TempDir, TileStore) {
    let (frames, set) = frames();
    let rule = TileRule { size_px, stride_px: size_px, ..TileRule::default() };
    let path = frames.path().join("t.parquet");
    let file = std::fs::File::create(&path).expect("a file");
    tiles::pack(&*set, &rule, file, |_, _| ()).expect("tiles");
    (frames, TileStore::open(&path).expect("a store"))
}

#[divan::bench(args = [32, 64, 256], sample_count = 10)]
fn tiles_in_order(bencher: Bencher, size_px: usize) {
    let (_folder, store) = store(size_px);
    let bytes = store.len() * store.card().shape().raw_bytes();
    bencher.counter(BytesCount::new(bytes)).bench_local(|| {
        store.iter().map(|tile| u64::from(tile.expect("a tile").image.samples()[0])).sum::<u64>()
    });
}

#[divan::bench(args = [32, 64, 256], sample_count = 10)]
fn tiles_at_random(bencher: Bencher, size_px: usize) {
    let (_folder, store) = store(size_px);
    let mut order: Vec<usize> = (0..store.len()).collect();
    Pcg64::from_seed(2).shuffle(&mut order);
    let bytes = store.len() * store.card().shape().raw_bytes();
    bencher.counter(BytesCount::new(bytes)).bench_local(|| {
        order.iter().map(|&i| u64::from(store.tile(i).expect("a tile").image.samples()[0])).sum::<u64>()
    });
}

/// Cutting and writing, per byte of the tiles.
#[divan::bench(sample_count = 5)]
fn pack(bencher: Bencher) {
    let (_folder, set) = frames();
    let rule = TileRule::default();
    bencher
        .counter(BytesCount::new(2 * SIDE_PX * SIDE_PX))
        .bench_local(|| tiles::pack(&*set, &rule, std::io::sink(), |_, _| ()).expect("tiles"));
}
