//! Symbols per second, one thread: our coders against constriction in one run.
//!
//! `cargo bench -p nf-entropy`; the items per second are symbols per second.
#![allow(clippy::unwrap_used)]

use constriction::stream::model::{
    DecoderModel, DefaultContiguousCategoricalEntropyModel, EncoderModel, EntropyModel,
    SmallContiguousCategoricalEntropyModel, SmallContiguousLookupDecoderModel,
};
use constriction::stream::stack::{DefaultAnsCoder, SmallAnsCoder};
use constriction::stream::{Decode, Encode};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use nf_entropy::bits::{BitReader, BitWriter};
use nf_entropy::distributions::{Categorical, Component, Mixture, SCALE_ONE};
use nf_entropy::table::{DecodeTables, EncodeTables, TableDecoder};
use nf_entropy::{Distribution, Frequencies, Interval, Meter, Reader, SymbolCoder, Writer};
use nf_image::testing::Rng;
use std::borrow::Borrow;
use std::num::NonZeroU32;

fn main() {
    divan::main();
}

/// Few enough that a sample fits between two interruptions on a busy machine; "fastest" then means
/// something.
const SYMBOLS: usize = 1 << 16;
const MIXTURE_SYMBOLS: usize = 1 << 12;

/// Bell-shaped distributions of `symbols` symbols with tails, of as many widths as there are
/// tables.
fn bell_shaped(tables: usize, symbols: u32, scale_bits: u32) -> Vec<Frequencies> {
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

fn sample(distributions: &[Frequencies]) -> (Vec<u16>, Vec<u8>) {
    let mut rng = Rng::new(1);
    (0..SYMBOLS)
        .map(|_| {
            let index = rng.below(distributions.len());
            let point = rng.below(1 << distributions[index].scale_bits()) as u32;
            (index as u16, distributions[index].locate(point).0 as u8)
        })
        .unzip()
}

/// Tables, symbols per table, bits of scale.
const TABLES: [(usize, u32, u32); 6] =
    [(1, 256, 12), (1, 256, 14), (64, 128, 12), (64, 128, 14), (512, 128, 12), (512, 128, 14)];

#[divan::bench(args = TABLES)]
fn table_encode(bencher: Bencher<'_, '_>, (tables, symbols, scale_bits): (usize, u32, u32)) {
    let distributions = bell_shaped(tables, symbols, scale_bits);
    let (indices, symbols) = sample(&distributions);
    let tables = EncodeTables::new(&distributions).unwrap();
    bencher
        .counter(ItemsCount::new(SYMBOLS))
        .bench_local(|| tables.encode(black_box(&indices), black_box(&symbols)).unwrap());
}

#[divan::bench(args = TABLES)]
fn table_decode(bencher: Bencher<'_, '_>, (tables, symbols, scale_bits): (usize, u32, u32)) {
    let distributions = bell_shaped(tables, symbols, scale_bits);
    let (indices, symbols) = sample(&distributions);
    let bytes = EncodeTables::new(&distributions).unwrap().encode(&indices, &symbols).unwrap();
    let tables = DecodeTables::new(&distributions).unwrap();
    let mut decoded = vec![0; SYMBOLS];
    bencher.counter(ItemsCount::new(SYMBOLS)).bench_local(|| {
        let mut decoder = TableDecoder::new(&tables, black_box(&bytes)).unwrap();
        decoder.decode(black_box(&indices), &mut decoded).unwrap();
        decoder.finish().unwrap();
    });
    assert_eq!(decoded, symbols);
}

/// constriction's fastest: words of 16 bits, a scale of 2^12, and a look-up table; one distribution
/// of 256 symbols.
fn small_coder() -> (Vec<u16>, Vec<usize>, SmallContiguousCategoricalEntropyModel) {
    let distributions = bell_shaped(1, 256, 12);
    let widths = distributions[0].frequencies().to_vec();
    let symbols = sample(&distributions).1.into_iter().map(usize::from).collect();
    let model =
        SmallContiguousCategoricalEntropyModel::from_nonzero_fixed_point_probabilities(&widths, false)
            .unwrap();
    (widths, symbols, model)
}

#[divan::bench]
fn table_encode_constriction(bencher: Bencher<'_, '_>) {
    let (_, symbols, model) = small_coder();
    bencher.counter(ItemsCount::new(SYMBOLS)).bench_local(|| {
        let mut coder = SmallAnsCoder::new();
        coder.encode_iid_symbols_reverse(black_box(&symbols), &model).unwrap();
        coder.into_compressed().unwrap()
    });
}

#[divan::bench]
fn table_decode_constriction(bencher: Bencher<'_, '_>) {
    let (widths, symbols, model) = small_coder();
    let mut coder = SmallAnsCoder::new();
    coder.encode_iid_symbols_reverse(&symbols, &model).unwrap();
    let words = coder.into_compressed().unwrap();
    let model =
        SmallContiguousLookupDecoderModel::from_nonzero_fixed_point_probabilities(&widths, false).unwrap();
    let mut decoded = vec![0; SYMBOLS];
    bencher.counter(ItemsCount::new(SYMBOLS)).bench_local(|| {
        let mut coder = SmallAnsCoder::from_compressed_slice(black_box(&words)).unwrap();
        for (symbol, found) in decoded.iter_mut().zip(coder.decode_iid_symbols(SYMBOLS, &model)) {
            *symbol = found.unwrap();
        }
    });
    assert_eq!(decoded, symbols);
}

/// Numbers of 0 to 7 raw bits.
fn raw_bits() -> Vec<(u64, u32)> {
    let mut rng = Rng::new(4);
    let mut number = || {
        let bits = rng.below(8) as u32;
        (rng.below(1 << bits) as u64, bits)
    };
    (0..SYMBOLS).map(|_| number()).collect()
}

#[divan::bench]
fn bits_write(bencher: Bencher<'_, '_>) {
    let numbers = raw_bits();
    bencher.counter(ItemsCount::new(SYMBOLS)).bench_local(|| {
        let mut writer = BitWriter::new();
        black_box(&numbers).iter().for_each(|&(value, bits)| writer.write(value, bits));
        writer.finish()
    });
}

#[divan::bench]
fn bits_read(bencher: Bencher<'_, '_>) {
    let numbers = raw_bits();
    let mut writer = BitWriter::new();
    numbers.iter().for_each(|&(value, bits)| writer.write(value, bits));
    let bytes = writer.finish();
    let mut read = numbers.clone();
    bencher.counter(ItemsCount::new(SYMBOLS)).bench_local(|| {
        let mut reader = BitReader::new(black_box(&bytes));
        read.iter_mut().for_each(|(value, bits)| *value = reader.read(*bits));
        reader.finish().unwrap();
    });
    assert_eq!(read, numbers);
}

/// Codes symbols under one distribution each, `distribution(position)`, with our coder for any
/// distribution.
fn ours_encode<D: Distribution>(
    bencher: Bencher<'_, '_>,
    symbols: &[u32],
    distribution: impl Fn(usize) -> D,
) {
    bencher.counter(ItemsCount::new(symbols.len())).bench_local(|| {
        let mut writer = Writer::new();
        for (position, &symbol) in symbols.iter().enumerate() {
            writer.code(&mut { symbol }, &distribution(position)).unwrap();
        }
        writer.finish()
    });
}

fn ours_decode<D: Distribution>(
    bencher: Bencher<'_, '_>,
    symbols: &[u32],
    distribution: impl Fn(usize) -> D,
) {
    let mut writer = Writer::new();
    for (position, &symbol) in symbols.iter().enumerate() {
        writer.code(&mut { symbol }, &distribution(position)).unwrap();
    }
    let bytes = writer.finish();
    let mut decoded = vec![0; symbols.len()];
    bencher.counter(ItemsCount::new(symbols.len())).bench_local(|| {
        let mut reader = Reader::new(black_box(&bytes));
        for (position, symbol) in decoded.iter_mut().enumerate() {
            reader.code(symbol, &distribution(position)).unwrap();
        }
        reader.finish().unwrap();
    });
    assert_eq!(decoded, symbols);
}

fn constriction_encode<M, S>(bencher: Bencher<'_, '_>, symbols: &[S], model: impl Fn(usize) -> M)
where
    M: EncoderModel<24, Symbol = S, Probability = u32>,
    S: Copy,
{
    bencher.counter(ItemsCount::new(symbols.len())).bench_local(|| {
        let mut coder = DefaultAnsCoder::new();
        for (position, &symbol) in symbols.iter().enumerate().rev() {
            coder.encode_symbol(symbol, model(position)).unwrap();
        }
        coder.into_compressed().unwrap()
    });
}

fn constriction_decode<M, S>(bencher: Bencher<'_, '_>, symbols: &[S], model: impl Fn(usize) -> M)
where
    M: EncoderModel<24, Symbol = S, Probability = u32> + DecoderModel<24, Symbol = S, Probability = u32>,
    S: Copy + PartialEq + std::fmt::Debug,
{
    let mut coder = DefaultAnsCoder::new();
    for (position, &symbol) in symbols.iter().enumerate().rev() {
        coder.encode_symbol(symbol, model(position)).unwrap();
    }
    let words = coder.into_compressed().unwrap();
    let mut decoded = symbols.to_vec();
    bencher.counter(ItemsCount::new(symbols.len())).bench_local(|| {
        let mut coder = DefaultAnsCoder::from_compressed_slice(black_box(&words)).unwrap();
        for (position, symbol) in decoded.iter_mut().enumerate() {
            *symbol = coder.decode_symbol(model(position)).unwrap();
        }
    });
    assert_eq!(decoded, symbols);
}

/// One of our distributions as a model of constriction's, so that the coders alone differ.
struct Ours<D>(D);

impl<D> EntropyModel<24> for Ours<D> {
    type Symbol = u32;
    type Probability = u32;
}

impl<D: Distribution> EncoderModel<24> for Ours<D> {
    fn left_cumulative_and_probability(&self, symbol: impl Borrow<u32>) -> Option<(u32, NonZeroU32)> {
        let Interval { start, width } = self.0.interval(*symbol.borrow())?;
        Some((start, NonZeroU32::new(width)?))
    }
}

impl<D: Distribution> DecoderModel<24> for Ours<D> {
    fn quantile_function(&self, quantile: u32) -> (u32, u32, NonZeroU32) {
        let (symbol, Interval { start, width }) = self.0.locate(quantile);
        (symbol, start, NonZeroU32::new(width).unwrap())
    }
}

/// 256 symbols, one distribution on a scale of 2^24.
fn categorical() -> (Categorical, Vec<u32>) {
    let bell = |x: u32| (3e5 / (1.0 + (f64::from(x) - 128.0).powi(2) / 200.0)) as u32;
    let mut widths: Vec<u32> = (0..256).map(|x| 1 + bell(x)).collect();
    widths[128] += (1 << 24) - widths.iter().sum::<u32>();
    let distribution = Categorical::new(&widths, 24).unwrap();
    let mut rng = Rng::new(2);
    let symbols = (0..SYMBOLS).map(|_| distribution.locate(rng.below(1 << 24) as u32).0).collect();
    (distribution, symbols)
}

fn constriction_categorical(distribution: &Categorical) -> DefaultContiguousCategoricalEntropyModel {
    let widths: Vec<u32> = (0..256).map(|symbol| distribution.interval(symbol).unwrap().width).collect();
    DefaultContiguousCategoricalEntropyModel::from_nonzero_fixed_point_probabilities(widths, false).unwrap()
}

#[divan::bench]
fn categorical_256_encode(bencher: Bencher<'_, '_>) {
    let (distribution, symbols) = categorical();
    ours_encode(bencher, &symbols, |_| &distribution);
}

#[divan::bench]
fn categorical_256_decode(bencher: Bencher<'_, '_>) {
    let (distribution, symbols) = categorical();
    ours_decode(bencher, &symbols, |_| &distribution);
}

#[divan::bench]
fn categorical_256_meter(bencher: Bencher<'_, '_>) {
    let (distribution, symbols) = categorical();
    bencher.counter(ItemsCount::new(SYMBOLS)).bench_local(|| {
        let mut meter = Meter::new();
        for &symbol in &symbols {
            meter.code(&mut { symbol }, &distribution).unwrap();
        }
        meter.bits()
    });
}

#[divan::bench]
fn categorical_256_encode_constriction(bencher: Bencher<'_, '_>) {
    let (distribution, symbols) = categorical();
    let model = constriction_categorical(&distribution);
    let symbols: Vec<usize> = symbols.into_iter().map(|symbol| symbol as usize).collect();
    constriction_encode(bencher, &symbols, |_| &model);
}

#[divan::bench]
fn categorical_256_decode_constriction(bencher: Bencher<'_, '_>) {
    let (distribution, symbols) = categorical();
    let model = constriction_categorical(&distribution);
    let symbols: Vec<usize> = symbols.into_iter().map(|symbol| symbol as usize).collect();
    constriction_decode(bencher, &symbols, |_| &model);
}

#[divan::bench]
fn categorical_256_encode_constriction_under_ours(bencher: Bencher<'_, '_>) {
    let (distribution, symbols) = categorical();
    constriction_encode(bencher, &symbols, |_| Ours(&distribution));
}

#[divan::bench]
fn categorical_256_decode_constriction_under_ours(bencher: Bencher<'_, '_>) {
    let (distribution, symbols) = categorical();
    constriction_decode(bencher, &symbols, |_| Ours(&distribution));
}

/// A distribution per position over all samples: means wander, scales from 5 to 40, the rest in
/// wider components.
fn mixture<const K: usize>(position: usize) -> Mixture<K> {
    let n = position as i32;
    let component = |k: usize| Component {
        mean: (20_000 + n % 97 * 30) * 256 + n % 256,
        scale: SCALE_ONE + 75 + (n % 96) as u16 + 30 * k as u16,
        weight: 60_000 >> (2 * k).min(12),
    };
    Mixture::new(&std::array::from_fn(component), 24, 1).unwrap()
}

fn mixture_symbols<const K: usize>() -> Vec<u32> {
    let mut rng = Rng::new(3);
    let symbol = |position| mixture::<K>(position).locate(rng.below(1 << 24) as u32).0;
    (0..MIXTURE_SYMBOLS).map(symbol).collect()
}

#[divan::bench(consts = [1, 3, 5, 8, 10])]
fn logistics_encode<const K: usize>(bencher: Bencher<'_, '_>) {
    ours_encode(bencher, &mixture_symbols::<K>(), mixture::<K>);
}

#[divan::bench(consts = [1, 3, 5, 8, 10])]
fn logistics_decode<const K: usize>(bencher: Bencher<'_, '_>) {
    ours_decode(bencher, &mixture_symbols::<K>(), mixture::<K>);
}

#[divan::bench(consts = [1, 3, 5, 8, 10])]
fn logistics_encode_constriction_under_ours<const K: usize>(bencher: Bencher<'_, '_>) {
    constriction_encode(bencher, &mixture_symbols::<K>(), |position| Ours(mixture::<K>(position)));
}

#[divan::bench(consts = [1, 3, 5, 8, 10])]
fn logistics_decode_constriction_under_ours<const K: usize>(bencher: Bencher<'_, '_>) {
    constriction_decode(bencher, &mixture_symbols::<K>(), |position| Ours(mixture::<K>(position)));
}
