//! Whether the arrays in the heap of a table leave one another alone.
//!
//! FITS 4.0 (section 7.3.6) lets arrays lie in any order, with gaps, and two descriptors name the
//! very same array. Arrays that share some bytes only are no writer's doing: one of the tiles would
//! be decoded from another's bytes.

use super::table::Table;
use crate::Result;
use crate::source::Source;
use std::ops::Range;

/// Bytes of rows that are read at once.
const PIECE_BYTES: usize = 1 << 18;

/// Two tiles of which one lies in the bytes of the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Overlap {
    pub(super) tile: usize,
    pub(super) problem: String,
}

/// Looks for the first pair of arrays that overlap without being the same; `data` is where the
/// table begins in the file. Descriptors that point outside the heap are left to whoever reads
/// their tiles.
pub(super) fn find_overlap(table: &Table, source: &Source, data: u64) -> Result<Option<Overlap>> {
    // As most writers leave them, one behind the other, none of them needs to be remembered.
    let mut end = 0;
    let mut in_order = true;
    each_array(table, source, data, |range, _| {
        in_order &= end <= range.start;
        end = range.end;
    })?;
    if in_order {
        return Ok(None);
    }
    let mut arrays: Vec<(Range<u64>, usize)> = Vec::new();
    each_array(table, source, data, |range, tile| arrays.push((range, tile)))?;
    Ok(overlap_of(arrays))
}

/// Visits the arrays of all rows that have elements, with the number of their row.
fn each_array(
    table: &Table,
    source: &Source,
    data: u64,
    mut visit: impl FnMut(Range<u64>, usize),
) -> Result<()> {
    let columns: Vec<_> = table.columns().iter().filter(|column| column.is_array()).collect();
    let mut scratch = Vec::new();
    let step = (PIECE_BYTES / table.row_bytes.max(1)).max(1);
    for first in (0..table.rows).step_by(step) {
        let rows = table.rows_at(source, data, first..(first + step).min(table.rows), &mut scratch)?;
        for (row, tile) in rows.chunks_exact(table.row_bytes.max(1)).zip(first..) {
            for column in &columns {
                if let Ok((range, 1..)) = table.array(row, column) {
                    visit(range, tile);
                }
            }
        }
    }
    Ok(())
}

fn overlap_of(mut arrays: Vec<(Range<u64>, usize)>) -> Option<Overlap> {
    let start_and_end = |(range, _): &(Range<u64>, usize)| (range.start, range.end);
    if !arrays.is_sorted_by_key(start_and_end) {
        arrays.sort_by_key(start_and_end);
    }
    // In this order, whatever overlaps anything overlaps its neighbour.
    let pair = arrays.windows(2).find(|pair| pair[0].0 != pair[1].0 && pair[1].0.start < pair[0].0.end)?;
    let [(one, first), (other, second)] = pair else { unreachable!("windows of two") };
    Some(Overlap {
        tile: *second,
        problem: format!("its bytes {other:?} overlap the bytes {one:?} of tile {first}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overlap(ranges: &[Range<u64>]) -> Option<usize> {
        overlap_of(ranges.iter().cloned().zip(0..).collect()).map(|overlap| overlap.tile)
    }

    #[test]
    fn any_order_gaps_and_the_same_array_twice_are_legal() {
        assert_eq!(overlap(&[]), None);
        assert_eq!(overlap(&[0..4, 4..9, 20..21]), None);
        assert_eq!(overlap(&[20..21, 4..9, 0..4]), None);
        assert_eq!(overlap(&[4..9, 0..4, 4..9, 0..4]), None);
    }

    #[test]
    fn every_other_overlap_is_found() {
        assert_eq!(overlap(&[0..5, 4..9]), Some(1));
        assert_eq!(overlap(&[4..9, 0..5]), Some(0));
        assert_eq!(overlap(&[0..100, 7..8]), Some(1));
        assert_eq!(overlap(&[0..4, 10..30, 4..10, 10..20]), Some(1));
        assert_eq!(overlap(&[5..6, 0..10, 5..6]), Some(0));
    }

    /// The slow reference: every pair.
    #[test]
    fn sorting_finds_what_every_pair_finds() {
        let mut state = 3u64;
        let mut below = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % n
        };
        for _ in 0..3000 {
            let ranges: Vec<Range<u64>> = (0..below(6))
                .map(|_| {
                    let start = below(24);
                    start..start + 1 + below(5)
                })
                .collect();
            let slow = ranges
                .iter()
                .enumerate()
                .any(|(n, a)| ranges[n + 1..].iter().any(|b| a != b && a.start < b.end && b.start < a.end));
            assert_eq!(overlap(&ranges).is_some(), slow, "{ranges:?}");
        }
    }
}
