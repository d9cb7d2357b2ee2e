//! Streams of interleaved table rANS: round trips, sizes, corruption, pinned bytes.
#![allow(clippy::unwrap_used)]

use nf_entropy::table::{DecodeTables, EncodeTables, LANES, TableDecoder};
use nf_entropy::{Distribution, Error, Frequencies, Result};
use nf_image::testing::Rng;
use proptest::prelude::*;

/// Bell-shaped distributions of growing width, the last of one symbol only.
fn bell_shaped(scale_bits: u32) -> Vec<Frequencies> {
    let mut distributions: Vec<Frequencies> = (1..12_u32)
        .map(|width| {
            let counts: Vec<u32> =
                (0..128_u32).map(|x| 1_000_000 / (1 + x.abs_diff(64).pow(2) / width)).collect();
            Frequencies::from_counts(&counts, scale_bits).unwrap()
        })
        .collect();
    distributions.push(Frequencies::from_counts(&[0, 0, 0, 1], scale_bits).unwrap());
    distributions
}

fn sample(distributions: &[Frequencies], count: usize, seed: u64) -> (Vec<u16>, Vec<u8>) {
    let mut rng = Rng::new(seed);
    (0..count)
        .map(|_| {
            let index = rng.below(distributions.len());
            let point = rng.below(1 << distributions[index].scale_bits()) as u32;
            (index as u16, distributions[index].locate(point).0 as u8)
        })
        .unzip()
}

fn encode(distributions: &[Frequencies], indices: &[u16], symbols: &[u8]) -> Result<Vec<u8>> {
    EncodeTables::new(distributions)?.encode(indices, symbols)
}

fn decode(distributions: &[Frequencies], bytes: &[u8], indices: &[u16]) -> Result<Vec<u8>> {
    let tables = DecodeTables::new(distributions)?;
    let mut decoder = TableDecoder::new(&tables, bytes)?;
    let mut symbols = vec![0; indices.len()];
    decoder.decode(indices, &mut symbols)?;
    decoder.finish()?;
    Ok(symbols)
}

fn ideal_bits(distributions: &[Frequencies], indices: &[u16], symbols: &[u8]) -> f64 {
    let cost = |(&index, &symbol): (&u16, &u8)| {
        let distribution = &distributions[usize::from(index)];
        f64::from(distribution.scale_bits())
            - f64::from(distribution.interval(symbol.into()).unwrap().width).log2()
    };
    indices.iter().zip(symbols).map(cost).sum()
}

proptest! {
    #[test]
    fn any_counts_and_cuts_round_trip(
        counts in prop::collection::vec(prop::collection::vec(0_u32..50, 1..=256), 1..5),
        scale_bits in 8_u32..=14,
        count in 0_usize..500,
        cuts in prop::collection::vec(0_usize..500, 0..4),
        seed in 1_u64..,
    ) {
        prop_assume!(counts.iter().all(|counts| counts.iter().any(|&count| count > 0)));
        let distributions: Vec<_> = counts.iter().map(|c| Frequencies::from_counts(c, scale_bits).unwrap()).collect();
        let (indices, symbols) = sample(&distributions, count, seed);
        let whole = encode(&distributions, &indices, &symbols).unwrap();
        prop_assert_eq!(decode(&distributions, &whole, &indices).unwrap(), symbols.clone());

        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(count)).chain([0, count]).collect();
        cuts.sort_unstable();
        let tables = DecodeTables::new(&distributions).unwrap();
        let mut decoder = TableDecoder::new(&tables, &whole).unwrap();
        let mut decoded = vec![0; count];
        for pair in cuts.windows(2) {
            decoder.decode(&indices[pair[0]..pair[1]], &mut decoded[pair[0]..pair[1]]).unwrap();
        }
        decoder.finish().unwrap();
        prop_assert_eq!(&decoded, &symbols);
    }
}

/// The plainest coder of the same stream: division, one state array, one symbol at a time.
fn slow_encode(distributions: &[Frequencies], indices: &[u16], symbols: &[u8]) -> Vec<u8> {
    let mut states = [1_u64 << 16; LANES];
    let mut words = Vec::new();
    let scale_bits = distributions[0].scale_bits();
    for position in (0..symbols.len()).rev() {
        let interval =
            distributions[usize::from(indices[position])].interval(symbols[position].into()).unwrap();
        let (start, width) = (u64::from(interval.start), u64::from(interval.width));
        let x = &mut states[position % LANES];
        if *x >= width << (32 - scale_bits) {
            words.push(*x as u16);
            *x >>= 16;
        }
        *x = ((*x / width) << scale_bits) + *x % width + start;
    }
    let head = states.iter().flat_map(|&state| (state as u32).to_le_bytes());
    head.chain(words.into_iter().rev().flat_map(u16::to_le_bytes)).collect()
}

#[test]
fn reciprocals_give_the_bytes_of_division() {
    for scale_bits in [8, 12, 13, 14] {
        let distributions = bell_shaped(scale_bits);
        for count in [0, 1, 2, 3, 4, 5, 100_003] {
            let (indices, symbols) = sample(&distributions, count, 7);
            let bytes = encode(&distributions, &indices, &symbols).unwrap();
            assert_eq!(
                bytes,
                slow_encode(&distributions, &indices, &symbols),
                "{count} symbols, 2^{scale_bits}"
            );
        }
    }
}

#[test]
fn size_is_within_a_thousandth_of_ideal() {
    for scale_bits in [12, 13, 14] {
        let distributions = bell_shaped(scale_bits);
        let (indices, symbols) = sample(&distributions, 200_000, 3);
        let bits = 8.0 * encode(&distributions, &indices, &symbols).unwrap().len() as f64;
        let ideal = ideal_bits(&distributions, &indices, &symbols);
        assert!(bits <= 1.001 * ideal + 32.0 * LANES as f64, "2^{scale_bits}: {bits} bits, ideal {ideal}");
        assert!(bits >= ideal, "2^{scale_bits}: {bits} bits, ideal {ideal}");
    }
}

#[test]
fn every_truncation_is_found() {
    let distributions = bell_shaped(12);
    let (indices, symbols) = sample(&distributions, 1000, 5);
    let bytes = encode(&distributions, &indices, &symbols).unwrap();
    for end in 0..bytes.len() {
        assert!(decode(&distributions, &bytes[..end], &indices).is_err(), "cut at {end}");
    }
    let longer: Vec<u8> = bytes.iter().copied().chain([0]).collect();
    assert!(matches!(decode(&distributions, &longer, &indices), Err(Error::Corrupt { .. })));
}

#[test]
fn nearly_every_bit_flip_is_found() {
    let distributions = bell_shaped(12);
    let (indices, symbols) = sample(&distributions, 300, 5);
    let bytes = encode(&distributions, &indices, &symbols).unwrap();
    let missed = |&bit: &usize| {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        match decode(&distributions, &flipped, &indices) {
            Ok(decoded) => {
                assert_ne!(decoded, symbols, "bit {bit}: two streams of one message");
                true
            }
            Err(_) => false,
        }
    };
    // A flip may turn a symbol into a neighbour of equal frequency and leave no other trace.
    let missed = (0..8 * bytes.len()).filter(missed).count();
    assert!(missed * 20 <= 8 * bytes.len(), "{missed} of {} flips", 8 * bytes.len());
}

#[test]
fn mutations_never_panic() {
    let distributions = bell_shaped(13);
    let (indices, symbols) = sample(&distributions, 200, 11);
    let bytes = encode(&distributions, &indices, &symbols).unwrap();
    let tables = DecodeTables::new(&distributions).unwrap();
    let mut rng = Rng::new(13);
    let mut found = 0;
    for _ in 0..100_000 {
        let mut mutant = bytes.clone();
        for _ in 0..1 + rng.below(4) {
            let at = rng.below(mutant.len());
            mutant[at] = rng.next_u32() as u8;
        }
        mutant.truncate(bytes.len() - rng.below(8).saturating_sub(5));
        let mut decoded = vec![0; indices.len()];
        let result = TableDecoder::new(&tables, &mutant).and_then(|mut decoder| {
            decoder.decode(&indices, &mut decoded)?;
            decoder.finish()
        });
        match result {
            Ok(()) => assert!(mutant == bytes || decoded != symbols, "two streams of one message"),
            Err(_) => found += 1,
        }
    }
    assert!(found > 99_000, "{found} of 100000 mutants found");
}

#[test]
fn wrong_indices_and_symbols_are_errors() {
    let distributions = bell_shaped(12);
    assert_eq!(encode(&distributions, &[12], &[0]), Err(Error::Table { index: 12, tables: 12 }));
    assert_eq!(encode(&distributions, &[11], &[2]), Err(Error::Symbol { symbol: 2 }));
    let bytes = encode(&distributions, &[0; 9], &[64; 9]).unwrap();
    assert_eq!(decode(&distributions, &bytes, &[12; 9]), Err(Error::Table { index: 12, tables: 12 }));
    assert!(EncodeTables::new(&[]).is_err());
    assert!(DecodeTables::new(&[bell_shaped(12).remove(0), bell_shaped(13).remove(0)]).is_err());
}

#[test]
fn the_bytes_are_pinned() {
    let distributions = bell_shaped(14);
    let (indices, symbols) = sample(&distributions, 24, 1);
    let bytes = encode(&distributions, &indices, &symbols).unwrap();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "05f0020027c855008a020a00a545f6068919191ebc1de54b7892b6bf");
}
