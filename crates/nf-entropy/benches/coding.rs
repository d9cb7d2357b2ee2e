//! Symbols per second, one thread: our coders against constriction in one run.
//!
//! `cargo bench -p nf-entropy`; the items per second are symbols per second.
#![allow(clippy::unwrap_used)]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use nf_entropy::table::{DecodeTables, EncodeTables, TableDecoder, TableEncoder};
use nf_entropy::{Distribution, Frequencies};

fn main() {
    divan::main();
}

const SYMBOLS: usize = 1 << 18;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as u32
    }
}

/// Bells of `symbols` symbols with tails, of as many widths as there are tables.
fn bells(tables: usize, symbols: u32, scale_bits: u32) -> Vec<Frequencies> {
    (0..tables)
        .map(|table| {
            let width = f64::from(symbols) / 16.0 * (1.0 + table as f64 / tables as f64);
            let count = |x: u32| {
                let z = (f64::from(x) - f64::from(symbols) / 2.0) / width;
                1 + (1e7 / (z.exp() + 2.0 + (-z).exp())) as u32
            };
            Frequencies::from_counts(&(0..symbols).map(count).collect::<Vec<_>>(), scale_bits).unwrap()
        })
        .collect()
}

fn sample(laws: &[Frequencies]) -> (Vec<u16>, Vec<u8>) {
    let mut random = Random(1);
    (0..SYMBOLS)
        .map(|_| {
            let index = random.next() as usize % laws.len();
            let point = random.next() & ((1 << laws[index].scale_bits()) - 1);
            (index as u16, laws[index].locate(point).0 as u8)
        })
        .unzip()
}

/// Tables, symbols per table, bits of scale.
const TABLES: [(usize, u32, u32); 6] =
    [(1, 256, 12), (1, 256, 14), (64, 128, 12), (64, 128, 14), (512, 128, 12), (512, 128, 14)];

#[divan::bench(args = TABLES)]
fn table_encode(bencher: Bencher<'_, '_>, (tables, symbols, scale_bits): (usize, u32, u32)) {
    let laws = bells(tables, symbols, scale_bits);
    let (indices, symbols) = sample(&laws);
    let tables = EncodeTables::new(&laws).unwrap();
    bencher
        .counter(ItemsCount::new(SYMBOLS))
        .bench_local(|| TableEncoder::encode(&tables, black_box(&indices), black_box(&symbols)).unwrap());
}

#[divan::bench(args = TABLES)]
fn table_decode(bencher: Bencher<'_, '_>, (tables, symbols, scale_bits): (usize, u32, u32)) {
    let laws = bells(tables, symbols, scale_bits);
    let (indices, symbols) = sample(&laws);
    let bytes = TableEncoder::encode(&EncodeTables::new(&laws).unwrap(), &indices, &symbols).unwrap();
    let tables = DecodeTables::new(&laws).unwrap();
    let mut decoded = vec![0; SYMBOLS];
    bencher.counter(ItemsCount::new(SYMBOLS)).bench_local(|| {
        let mut decoder = TableDecoder::new(&tables, black_box(&bytes)).unwrap();
        decoder.decode(black_box(&indices), &mut decoded).unwrap();
        decoder.finish().unwrap();
    });
    assert_eq!(decoded, symbols);
}

#[divan::bench(args = TABLES)]
fn table_decode_one_by_one(bencher: Bencher<'_, '_>, (tables, symbols, scale_bits): (usize, u32, u32)) {
    let laws = bells(tables, symbols, scale_bits);
    let (indices, symbols) = sample(&laws);
    let bytes = TableEncoder::encode(&EncodeTables::new(&laws).unwrap(), &indices, &symbols).unwrap();
    let tables = DecodeTables::new(&laws).unwrap();
    let mut decoded = vec![0; SYMBOLS];
    bencher.counter(ItemsCount::new(SYMBOLS)).bench_local(|| {
        let mut decoder = TableDecoder::new(&tables, black_box(&bytes)).unwrap();
        for (&index, symbol) in indices.iter().zip(&mut decoded) {
            *symbol = decoder.symbol(index).unwrap();
        }
        decoder.finish().unwrap();
    });
    assert_eq!(decoded, symbols);
}
