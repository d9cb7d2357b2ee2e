//! Writer, Reader and Meter: round trips under any distribution, sizes, corruption, pinned bytes.
#![allow(clippy::unwrap_used)]

use nf_entropy::ans::BLOCK_SYMBOLS;
use nf_entropy::distributions::{Categorical, Component, Mixture, SCALES, Uniform};
use nf_entropy::{Distribution, Error, Interval, Meter, Reader, Result, SymbolCoder, Writer};
use nf_image::testing::Rng;
use proptest::prelude::*;

/// Any of the distributions, so that a message can mix them.
#[derive(Clone, Debug)]
enum AnyDistribution {
    Categorical(Categorical),
    Uniform(Uniform),
    Logistics(Mixture<3>),
}

impl Distribution for AnyDistribution {
    fn scale_bits(&self) -> u32 {
        match self {
            Self::Categorical(distribution) => distribution.scale_bits(),
            Self::Uniform(distribution) => distribution.scale_bits(),
            Self::Logistics(distribution) => distribution.scale_bits(),
        }
    }

    fn interval(&self, symbol: u32) -> Option<Interval> {
        match self {
            Self::Categorical(distribution) => distribution.interval(symbol),
            Self::Uniform(distribution) => distribution.interval(symbol),
            Self::Logistics(distribution) => distribution.interval(symbol),
        }
    }

    fn locate(&self, point: u32) -> (u32, Interval) {
        match self {
            Self::Categorical(distribution) => distribution.locate(point),
            Self::Uniform(distribution) => distribution.locate(point),
            Self::Logistics(distribution) => distribution.locate(point),
        }
    }
}

fn component() -> impl Strategy<Value = Component> {
    let mean = prop_oneof![any::<i32>(), -1000_i32..(66_000 << 8), Just(30_000 << 8)];
    (mean, 0..SCALES, any::<u16>()).prop_map(|(mean, scale, weight)| Component { mean, scale, weight })
}

fn distribution() -> impl Strategy<Value = AnyDistribution> {
    let counts = prop::collection::vec((any::<u32>(), 0_u32..40), 1..300).prop_map(|counts| {
        let mut counts: Vec<u32> =
            counts.into_iter().map(|(count, shift)| count.checked_shr(shift).unwrap_or(0)).collect();
        counts[0] = counts[0].max(1);
        counts
    });
    let scale = (17_u32..=30).prop_flat_map(|scale_bits| (Just(scale_bits), 1_u32..=1 << (scale_bits - 17)));
    prop_oneof![
        (counts, 9_u32..=30).prop_map(|(counts, scale_bits)| {
            AnyDistribution::Categorical(categorical(&counts, scale_bits))
        }),
        (1_u32..=1 << 30).prop_map(|symbols| AnyDistribution::Uniform(Uniform::new(symbols).unwrap())),
        (0_u32..=30).prop_map(|bits| AnyDistribution::Uniform(Uniform::new(1 << bits).unwrap())),
        ([component(), component(), component()], scale).prop_map(|(mut components, scale)| {
            components[1].weight |= 1;
            AnyDistribution::Logistics(Mixture::new(&components, scale.0, scale.1).unwrap())
        }),
    ]
}

/// The distribution nearest to these counts in which every symbol keeps at least one point.
fn categorical(counts: &[u32], scale_bits: u32) -> Categorical {
    let total: u64 = counts.iter().map(|&count| u64::from(count)).sum();
    let free = (1 << scale_bits) - counts.len() as u64;
    let width = |&count: &u32| 1 + (u64::from(count) * free / total) as u32;
    let mut widths: Vec<u32> = counts.iter().map(width).collect();
    widths[0] += (1 << scale_bits) - widths.iter().sum::<u32>();
    Categorical::new(&widths, scale_bits).unwrap()
}

/// Codes a message; the same function drives all three coders.
fn code_all<D: Distribution>(
    coder: &mut impl SymbolCoder,
    symbols: &mut [u32],
    distributions: &[D],
) -> Result<()> {
    symbols
        .iter_mut()
        .zip(distributions)
        .try_for_each(|(symbol, distribution)| coder.code(symbol, distribution))
}

fn write<D: Distribution>(symbols: &[u32], distributions: &[D]) -> (Vec<u8>, Meter) {
    let (mut writer, mut meter) = (Writer::new(), Meter::new());
    code_all(&mut writer, &mut symbols.to_vec(), distributions).unwrap();
    code_all(&mut meter, &mut symbols.to_vec(), distributions).unwrap();
    (writer.finish(), meter)
}

fn read<D: Distribution>(bytes: &[u8], distributions: &[D]) -> Result<Vec<u32>> {
    let mut reader = Reader::new(bytes);
    let mut symbols = vec![u32::MAX; distributions.len()];
    code_all(&mut reader, &mut symbols, distributions)?;
    reader.finish()?;
    Ok(symbols)
}

proptest! {
    #[test]
    fn any_message_comes_back_at_the_ideal_size(message in prop::collection::vec((distribution(), any::<u32>()), 0..100)) {
        let symbol = |(distribution, point): &(AnyDistribution, u32)| distribution.locate(point & ((1 << distribution.scale_bits()) - 1)).0;
        let symbols: Vec<u32> = message.iter().map(symbol).collect();
        let distributions: Vec<AnyDistribution> = message.into_iter().map(|(distribution, _)| distribution).collect();
        let (bytes, meter) = write(&symbols, &distributions);
        prop_assert!(8.0 * bytes.len() as f64 <= 1.001 * meter.bits() + 64.0);
        prop_assert!(8.0 * bytes.len() as f64 >= meter.bits());
        prop_assert_eq!(read(&bytes, &distributions).unwrap(), symbols);
    }

    #[test]
    fn intervals_and_points_agree(distribution in distribution(), points in prop::collection::vec(any::<u32>(), 50)) {
        let mask = (1_u32 << distribution.scale_bits()) - 1;
        for point in points.into_iter().map(|point| point & mask).chain([0, mask]) {
            let (symbol, interval) = distribution.locate(point);
            prop_assert_eq!(distribution.interval(symbol), Some(interval));
            prop_assert!(point - interval.start < interval.width);
            // The neighbours touch.
            if point > 0 && interval.start > 0 {
                let (_, before) = distribution.locate(interval.start - 1);
                prop_assert_eq!(before.start + before.width, interval.start);
            }
        }
    }
}

fn sample<D: Distribution>(distributions: &[D], seed: u64) -> Vec<u32> {
    let mut rng = Rng::new(seed);
    distributions
        .iter()
        .map(|distribution| distribution.locate(rng.below(1 << distribution.scale_bits()) as u32).0)
        .collect()
}

/// A message of all kinds of distributions.
fn message(symbols: usize, seed: u64) -> (Vec<u32>, Vec<AnyDistribution>) {
    let distributions: Vec<AnyDistribution> = (0..symbols)
        .map(|position| {
            let n = position as u32;
            let component =
                |mean: u32, scale: u16, weight| Component { mean: mean as i32 * 256 + 77, scale, weight };
            match n % 3 {
                0 => AnyDistribution::Categorical(categorical(&[5, 1 + n % 7, 0, 17, 3], 12)),
                1 => AnyDistribution::Uniform(Uniform::new(10 + n).unwrap()),
                _ => {
                    let components = [
                        component(1000 + n, 200, 40_000),
                        component(1000, 300, 2000),
                        component(900, 400, 9),
                    ];
                    AnyDistribution::Logistics(Mixture::new(&components, 24, 1).unwrap())
                }
            }
        })
        .collect();
    (sample(&distributions, seed), distributions)
}

#[test]
fn blocks_follow_one_another() {
    for symbols in [BLOCK_SYMBOLS - 1, BLOCK_SYMBOLS, BLOCK_SYMBOLS + 1] {
        let distribution = categorical(&[1, 10, 3], 14);
        let distributions = vec![&distribution; symbols];
        let symbols = sample(&distributions, 3);
        let (bytes, meter) = write(&symbols, &distributions);
        assert!(8.0 * bytes.len() as f64 <= 1.001 * meter.bits() + 64.0);
        assert!(read(&bytes, &distributions).unwrap() == symbols);
        assert!(read(&bytes[..bytes.len() - 1], &distributions).is_err());
    }
}

#[test]
fn sizes_stay_near_the_ideal_on_every_scale() {
    for scale_bits in 2..=30 {
        let distribution = categorical(&[1, 5, 2], scale_bits);
        let distributions = vec![&distribution; 50_000];
        let (bytes, meter) = write(&sample(&distributions, 5), &distributions);
        let excess = 8.0 * bytes.len() as f64 - meter.bits();
        assert!((0.0..=64.0 + 1e-4 * meter.bits()).contains(&excess), "2^{scale_bits}: {excess} bits");
    }
}

#[test]
fn an_empty_message_has_no_bytes() {
    assert_eq!(Writer::new().finish(), []);
    assert_eq!(Reader::new(&[]).finish(), Ok(()));
    assert!(matches!(Reader::new(&[0]).finish(), Err(Error::Corrupt { .. })));
    assert_eq!(Meter::new().bits(), 0.0);
}

#[test]
fn every_truncation_and_extension_is_found() {
    let (symbols, distributions) = message(400, 1);
    let (mut bytes, _) = write(&symbols, &distributions);
    for end in 0..bytes.len() {
        assert!(read(&bytes[..end], &distributions).is_err(), "cut at {end}");
    }
    bytes.push(0);
    assert!(read(&bytes, &distributions).is_err());
}

#[test]
fn bit_flips_are_found_or_change_symbols() {
    let (symbols, distributions) = message(200, 2);
    let (bytes, _) = write(&symbols, &distributions);
    let mut missed = 0;
    for bit in 0..8 * bytes.len() {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(read) = read(&flipped, &distributions) {
            assert_ne!(read, symbols, "bit {bit}: two streams of one message");
            missed += 1;
        }
    }
    // Raw bits of uniform distributions have no neighbours of unequal width: what is flipped there
    // is just a wrong symbol. Few of them remain in the state long enough to be words of their own.
    assert!(missed * 10 <= 8 * bytes.len(), "{missed} of {} flips", 8 * bytes.len());
}

#[test]
fn mutations_never_panic() {
    let (symbols, distributions) = message(48, 3);
    let (bytes, _) = write(&symbols, &distributions);
    let mut rng = Rng::new(13);
    let mut found = 0;
    for _ in 0..100_000 {
        let mut mutant = bytes.clone();
        for _ in 0..1 + rng.below(4) {
            let at = rng.below(mutant.len());
            mutant[at] = rng.next_u32() as u8;
        }
        mutant.truncate(bytes.len() - rng.below(8).saturating_sub(5));
        match read(&mutant, &distributions) {
            Ok(read) => assert!(mutant == bytes || read != symbols, "two streams of one message"),
            Err(_) => found += 1,
        }
    }
    assert!(found > 90_000, "{found} of 100000 mutants found");
}

#[test]
fn symbols_outside_the_alphabet_are_errors() {
    let distribution = categorical(&[1, 1], 8);
    assert_eq!(Writer::new().code(&mut 2, &distribution), Err(Error::Symbol { symbol: 2 }));
    assert_eq!(Meter::new().code(&mut 2, &distribution), Err(Error::Symbol { symbol: 2 }));
    let distribution = Mixture::<1>::new(&[Component { mean: 0, scale: 0, weight: 1 }], 24, 1).unwrap();
    assert_eq!(Writer::new().code(&mut 65_536, &distribution), Err(Error::Symbol { symbol: 65_536 }));
    assert_eq!(Writer::new().code(&mut 3, &Uniform::new(3).unwrap()), Err(Error::Symbol { symbol: 3 }));
}

#[test]
fn the_bytes_are_pinned() {
    let (symbols, distributions) = message(12, 1);
    let mut writer = Writer::new();
    code_all(&mut writer, &mut symbols.clone(), &distributions).unwrap();
    let hex: String = writer.finish().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "e12d80900a000000e5dc3bec");
    let (_, meter) = write(&symbols, &distributions);
    assert_eq!(meter.bits().to_string(), "35.40014347946271");
}

#[test]
fn a_reader_goes_on_where_it_was() {
    let mixture = Mixture::new(&[Component { mean: 900 << 8, scale: 300, weight: 1 }], 24, 1).unwrap();
    let symbols: Vec<u32> = (0..BLOCK_SYMBOLS as u32 + 500).map(|i| (900 + i % 50) % 65_536).collect();
    let mut writer = Writer::new();
    for symbol in &symbols {
        writer.code(&mut symbol.clone(), &mixture).unwrap();
    }
    let bytes = writer.finish();
    let mut place = Reader::new(&bytes).place();
    let mut found = Vec::new();
    for piece in symbols.chunks(100_003) {
        let mut reader = Reader::resume(&bytes, place).unwrap();
        for _ in piece {
            let mut symbol = 0;
            reader.code(&mut symbol, &mixture).unwrap();
            found.push(symbol);
        }
        place = reader.place();
    }
    assert!(found == symbols);
    Reader::resume(&bytes, place).unwrap().finish().unwrap();
    let start = Reader::new(&bytes).place();
    assert_eq!(Reader::resume(&bytes[1..], start).unwrap_err(), Error::Truncated { what: "rANS stream" });
}
