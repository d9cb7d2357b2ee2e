//! Tables whose distributions are recalibrated: every table belongs to a class, and a class maps
//! ranks (cumulative frequencies) to others.
//!
//! A map is linear in [`SEGMENTS`] segments of the ranks and never flatter than one to one, so that
//! every symbol keeps a frequency. The stream is that of [`table`](super) with a scale of
//! 2^[`MAPPED_BITS`]: a symbol that begins at rank `r` begins at `map(r)`.

use super::encode::Words;
use super::{HEAD_BYTES, LANES, LOWER};
use crate::{Distribution, Error, Frequencies, Result};

/// Segments of a map.
pub const SEGMENTS: usize = 12;

/// Scale of the tables that can be mapped.
pub const RANK_BITS: u32 = 14;

/// Scale of what they are mapped to.
///
/// On 2^16, where maps could be flatter, a symbol would cost 0.002 bits more on average: states of
/// 2^16 and more do not resolve such frequencies.
pub const MAPPED_BITS: u32 = 15;

/// Where segments begin, in ranks, and the last ends: narrow ones at the tails.
pub const EDGES: [u32; SEGMENTS + 1] =
    [0, 512, 1024, 2048, 4096, 6144, 8192, 10_240, 12_288, 14_336, 15_360, 15_872, 16_384];

/// Segments are as wide as a power of two.
const WIDTH_BITS: [u32; SEGMENTS] = [9, 9, 10, 11, 11, 11, 11, 11, 11, 10, 9, 9];

/// Ranks that share an entry of [`SEGMENT_OF`].
const ENTRY_BITS: u32 = 9;

/// The segment of a rank, in steps of `2^ENTRY_BITS`.
const SEGMENT_OF: [u8; 33] = {
    let mut of = [SEGMENTS as u8 - 1; 33];
    let mut segment = 0;
    while segment < SEGMENTS {
        let mut entry = EDGES[segment] >> ENTRY_BITS;
        while entry < EDGES[segment + 1] >> ENTRY_BITS {
            of[entry as usize] = segment as u8;
            entry += 1;
        }
        segment += 1;
    }
    of
};

/// A map of ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RankMap {
    /// Where the edges are mapped to.
    starts: [u32; SEGMENTS + 1],
}

impl RankMap {
    /// The map of a table that is as it should be.
    pub const IDENTITY: Self = {
        let mut starts = EDGES;
        let mut edge = 0;
        while edge <= SEGMENTS {
            starts[edge] <<= MAPPED_BITS - RANK_BITS;
            edge += 1;
        }
        Self { starts }
    };

    /// Half of the points is shared by width, the other half by these weights, rounded down; what
    /// is left over goes to the segment of the largest weight, the first of them.
    ///
    /// # Errors
    /// [`Error::Distribution`] if all weights are zero.
    pub fn from_weights(weights: &[u32; SEGMENTS]) -> Result<Self> {
        let total: u64 = weights.iter().map(|&weight| u64::from(weight)).sum();
        if total == 0 {
            return Err(Error::distribution("a map of ranks without weights"));
        }
        let shared = (1_u64 << MAPPED_BITS) - (1 << RANK_BITS);
        let mut sizes = [0; SEGMENTS];
        let mut largest = 0;
        for (segment, size) in sizes.iter_mut().enumerate() {
            let share = shared * u64::from(weights[segment]) / total;
            *size = (1 << WIDTH_BITS[segment]) + share as u32;
            largest = if weights[segment] > weights[largest] { segment } else { largest };
        }
        sizes[largest] += (1 << MAPPED_BITS) - sizes.iter().sum::<u32>();
        let mut starts = [0; SEGMENTS + 1];
        for (segment, size) in sizes.into_iter().enumerate() {
            starts[segment + 1] = starts[segment] + size;
        }
        Ok(Self { starts })
    }

    /// Where the edges are mapped to.
    pub fn starts(&self) -> &[u32; SEGMENTS + 1] {
        &self.starts
    }

    /// What a rank of at most `2^RANK_BITS` is mapped to.
    #[inline(always)]
    pub fn map(&self, rank: u32) -> u32 {
        let segment = usize::from(SEGMENT_OF[(rank >> ENTRY_BITS) as usize]);
        let size = self.starts[segment + 1] - self.starts[segment];
        self.starts[segment] + (((rank - EDGES[segment]) * size) >> WIDTH_BITS[segment])
    }

    /// A rank that is not above the last one mapped to `point` or below it.
    #[inline(always)]
    pub(super) fn rank(&self, point: u32) -> u32 {
        let starts = &self.starts;
        let segment: usize = (1..SEGMENTS).map(|edge| usize::from(point >= starts[edge])).sum();
        let size = starts[segment + 1] - starts[segment];
        EDGES[segment] + ((point - starts[segment]) << WIDTH_BITS[segment]) / size
    }
}

/// The maps of the tables of a set.
#[derive(Clone, Copy, Debug)]
pub struct Calibration<'a> {
    maps: &'a [RankMap],
    /// The map of every table.
    classes: &'a [u8],
}

impl<'a> Calibration<'a> {
    /// Table `t` has the map `classes[t]`.
    ///
    /// # Errors
    /// [`Error::Distribution`] if a class has no map.
    pub fn new(maps: &'a [RankMap], classes: &'a [u8]) -> Result<Self> {
        match classes.iter().any(|&class| usize::from(class) >= maps.len()) {
            true => Err(Error::distribution("a class of tables without a map")),
            false => Ok(Self { maps, classes }),
        }
    }

    #[inline(always)]
    pub(super) fn map(&self, index: u16) -> Result<&'a RankMap> {
        match self.classes.get(usize::from(index)) {
            Some(&class) => Ok(&self.maps[usize::from(class)]),
            None => Err(Error::Table { index: usize::from(index), tables: self.classes.len() }),
        }
    }

    /// The stream of these symbols, `symbols[i]` under table `indices[i]`.
    ///
    /// # Errors
    /// As [`EncodeTables::encode`](super::EncodeTables::encode); [`Error::Distribution`] for tables
    /// of another scale.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn encode(&self, tables: &[Frequencies], indices: &[u16], symbols: &[u8]) -> Result<Vec<u8>> {
        assert_eq!(indices.len(), symbols.len(), "one table index per symbol");
        check_scale(super::common_scale_bits(tables)?)?;
        let mut bytes = vec![0; HEAD_BYTES + 2 * symbols.len()];
        let (words, _) = bytes[HEAD_BYTES..].as_chunks_mut();
        let mut out = Words { left: words.len(), words };
        let mut states = [LOWER; LANES];
        for (at, (&index, &symbol)) in indices.iter().zip(symbols).enumerate().rev() {
            let Some(table) = tables.get(usize::from(index)) else {
                return Err(Error::Table { index: usize::from(index), tables: tables.len() });
            };
            let interval =
                table.interval(u32::from(symbol)).ok_or(Error::Symbol { symbol: u32::from(symbol) })?;
            let map = self.map(index)?;
            let start = map.map(interval.start);
            let frequency = map.map(interval.start + interval.width) - start;
            let state = &mut states[at % LANES];
            let mut x = *state;
            out.words[out.left - 1] = (x as u16).to_le_bytes();
            let due = x >> (32 - MAPPED_BITS) >= frequency;
            out.left -= usize::from(due);
            x = if due { x >> 16 } else { x };
            // A symbol that is alone has all points: its state does not change.
            *state = ((x / frequency) << MAPPED_BITS) + start + x % frequency;
        }
        let start = 2 * out.left;
        for (bytes, state) in bytes[start..start + HEAD_BYTES].as_chunks_mut().0.iter_mut().zip(states) {
            *bytes = state.to_le_bytes();
        }
        bytes.copy_within(start.., 0);
        bytes.truncate(bytes.len() - start);
        Ok(bytes)
    }
}

/// # Errors
/// For tables whose ranks cannot be mapped.
pub(super) fn check_scale(scale_bits: u32) -> Result<()> {
    match scale_bits == RANK_BITS {
        true => Ok(()),
        false => Err(Error::distribution(format!(
            "tables on a scale of 2^{scale_bits}, expected 2^{RANK_BITS} of those with maps"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DecodeTables, TableDecoder};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn maps_rise_and_end_at_the_scale(weights in prop::array::uniform12(0_u32..1 << 20)) {
            prop_assume!(weights.iter().any(|&weight| weight > 0));
            let map = RankMap::from_weights(&weights).unwrap();
            prop_assert_eq!(map.map(0), 0);
            prop_assert_eq!(map.map(1 << RANK_BITS), 1 << MAPPED_BITS);
            for rank in 0..1 << RANK_BITS {
                let (start, end) = (map.map(rank), map.map(rank + 1));
                prop_assert!(start < end);
                for point in [start, end - 1] {
                    let near = map.rank(point);
                    prop_assert!(near <= rank && near + 1 >= rank);
                }
            }
        }

        #[test]
        fn symbols_come_back(
            weights in prop::array::uniform12(1_u32..1000),
            counts in prop::collection::vec(0_u32..1000, 2..=200),
            taken in prop::collection::vec((0_u16..3, any::<u8>()), 0..600),
        ) {
            let tables: Vec<Frequencies> = (1..4).map(|power| {
                let counts: Vec<u32> = counts.iter().map(|&count| count.pow(power) / 7 + 1).collect();
                Frequencies::from_counts(&counts, RANK_BITS).unwrap()
            }).collect();
            let maps = [RankMap::IDENTITY, RankMap::from_weights(&weights).unwrap()];
            let calibration = Calibration::new(&maps, &[1, 0, 1]).unwrap();
            let indices: Vec<u16> = taken.iter().map(|&(index, _)| index).collect();
            let symbols: Vec<u8> =
                taken.iter().map(|&(_, symbol)| (usize::from(symbol) % counts.len()) as u8).collect();
            let bytes = calibration.encode(&tables, &indices, &symbols).unwrap();
            let tables = DecodeTables::new(&tables).unwrap();
            let mut decoder = TableDecoder::calibrated(&tables, calibration, &bytes).unwrap();
            let mut decoded = vec![0; symbols.len()];
            let half = symbols.len() / 2;
            decoder.decode(&indices[..half], &mut decoded[..half]).unwrap();
            decoder.decode(&indices[half..], &mut decoded[half..]).unwrap();
            prop_assert_eq!(decoder.finish(), Ok(()));
            prop_assert_eq!(decoded, symbols);
        }

        #[test]
        fn hostile_streams_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 16..300)) {
            let tables = [Frequencies::from_counts(&[1, 1000, 0, 7, 1], RANK_BITS).unwrap()];
            let tables = DecodeTables::new(&tables).unwrap();
            let calibration = Calibration::new(&[RankMap::IDENTITY], &[0]).unwrap();
            if let Ok(mut decoder) = TableDecoder::calibrated(&tables, calibration, &bytes) {
                let mut symbols = [0; 500];
                decoder.decode(&[0; 500], &mut symbols).unwrap();
                let _ = decoder.finish();
            }
        }
    }

    #[test]
    fn what_cannot_be_mapped_is_refused() {
        assert!(RankMap::from_weights(&[0; SEGMENTS]).is_err());
        assert!(Calibration::new(&[RankMap::IDENTITY], &[0, 1]).is_err());
        let tables = [Frequencies::from_counts(&[1, 2], 12).unwrap()];
        let calibration = Calibration::new(&[RankMap::IDENTITY], &[0]).unwrap();
        assert!(calibration.encode(&tables, &[0], &[0]).is_err());
        let coarse = DecodeTables::new(&tables).unwrap();
        assert!(TableDecoder::calibrated(&coarse, calibration, &[1; 16]).is_err());
    }
}
