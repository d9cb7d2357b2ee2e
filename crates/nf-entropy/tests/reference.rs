//! The same distributions through constriction's coder: an independent oracle of rate and round
//! trip.
#![allow(clippy::unwrap_used)]

use constriction::stream::model::{DecoderModel, EncoderModel, EntropyModel};
use constriction::stream::stack::DefaultAnsCoder;
use constriction::stream::{Decode, Encode};
use nf_entropy::distributions::{Categorical, Component, Mixture, SCALE_ONE};
use nf_entropy::table::EncodeTables;
use nf_entropy::{Distribution, Frequencies, Interval, Meter, Reader, SymbolCoder, Writer};
use nf_image::testing::Rng;
use std::borrow::Borrow;
use std::num::NonZeroU32;

const SCALE_BITS: u32 = 24;

/// One of our distributions as a model of constriction's.
struct Model<D>(D);

impl<D> EntropyModel<24> for Model<D> {
    type Symbol = u32;
    type Probability = u32;
}

impl<D: Distribution> EncoderModel<24> for Model<D> {
    fn left_cumulative_and_probability(&self, symbol: impl Borrow<u32>) -> Option<(u32, NonZeroU32)> {
        let Interval { start, width } = self.0.interval(*symbol.borrow())?;
        Some((start, NonZeroU32::new(width)?))
    }
}

impl<D: Distribution> DecoderModel<24> for Model<D> {
    fn quantile_function(&self, quantile: u32) -> (u32, u32, NonZeroU32) {
        let (symbol, Interval { start, width }) = self.0.locate(quantile);
        (symbol, start, NonZeroU32::new(width).unwrap())
    }
}

fn random_points(seed: u64) -> impl Iterator<Item = u32> {
    let mut rng = Rng::new(seed);
    std::iter::repeat_with(move || rng.below(1 << SCALE_BITS) as u32)
}

/// Codes a sample of `distributions` with both coders; their sizes must agree with each other and
/// with the meter.
fn compare<D: Distribution>(distributions: &[D]) {
    let symbols: Vec<u32> = distributions
        .iter()
        .zip(random_points(1))
        .map(|(distribution, point)| distribution.locate(point).0)
        .collect();

    let (mut writer, mut meter, mut theirs) = (Writer::new(), Meter::new(), DefaultAnsCoder::new());
    for (distribution, &symbol) in distributions.iter().zip(&symbols) {
        writer.code(&mut { symbol }, distribution).unwrap();
        meter.code(&mut { symbol }, distribution).unwrap();
    }
    for (distribution, &symbol) in distributions.iter().zip(&symbols).rev() {
        theirs.encode_symbol(symbol, Model(distribution)).unwrap();
    }
    let ours = writer.finish();
    let (our_bits, their_bits) = (8.0 * ours.len() as f64, theirs.num_bits() as f64);
    assert!((our_bits - their_bits).abs() <= 64.0 + 1e-4 * meter.bits(), "{our_bits} and {their_bits} bits");
    assert!((meter.bits()..=1.001 * meter.bits() + 64.0).contains(&our_bits), "{our_bits}, {}", meter.bits());

    let mut reader = Reader::new(&ours);
    for (distribution, &symbol) in distributions.iter().zip(&symbols) {
        let mut read = 0;
        reader.code(&mut read, distribution).unwrap();
        assert_eq!((read, theirs.decode_symbol(Model(distribution)).unwrap()), (symbol, symbol));
    }
    reader.finish().unwrap();
}

#[test]
fn categorical_distributions_agree() {
    let distribution = |n: u32| {
        let mut widths: Vec<u32> = (0..2 + n % 300).map(|x| 1 + 10_000 / (1 + (x + n) % 50)).collect();
        widths[0] += (1 << SCALE_BITS) - widths.iter().sum::<u32>();
        Categorical::new(&widths, SCALE_BITS).unwrap()
    };
    compare(&(0..5000).map(distribution).collect::<Vec<_>>());
}

#[test]
fn mixtures_agree() {
    let component = |n: i32, k: u16| Component {
        mean: (100 + 13 * n) << 8,
        scale: SCALE_ONE + 32 * k + n as u16 % 99,
        weight: 9 >> (2 * k),
    };
    let components = |n| [component(n, 0), component(n, 2)];
    let logistics = |n| Mixture::<2>::new(&components(n), SCALE_BITS, 1).unwrap();
    compare(&(0..5000).map(logistics).collect::<Vec<_>>());
}

#[test]
fn the_table_coder_has_the_same_rate() {
    let counts: Vec<u32> = (0..200_u32).map(|x| 1 + 100_000 / (1 + x.abs_diff(90).pow(2))).collect();
    let distribution = Frequencies::from_counts(&counts, 14).unwrap();
    // The same distribution on constriction's scale.
    let widths: Vec<u32> =
        distribution.frequencies().iter().map(|&f| u32::from(f) << (SCALE_BITS - 14)).collect();
    let fine = Categorical::new(&widths, SCALE_BITS).unwrap();
    let symbols: Vec<u8> = random_points(2).take(50_000).map(|point| fine.locate(point).0 as u8).collect();

    let tables = EncodeTables::new(&[distribution]).unwrap();
    let ours = tables.encode(&vec![0; symbols.len()], &symbols).unwrap();
    let mut theirs = DefaultAnsCoder::new();
    for &symbol in symbols.iter().rev() {
        theirs.encode_symbol(u32::from(symbol), Model(&fine)).unwrap();
    }
    let (our_bits, their_bits) = (8.0 * ours.len() as f64, theirs.num_bits() as f64);
    assert!((our_bits - their_bits).abs() < 128.0 + 2e-4 * their_bits, "{our_bits} and {their_bits} bits");
}
