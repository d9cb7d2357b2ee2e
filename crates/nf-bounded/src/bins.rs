//! Bins of integers: every value of a type of at most 16 bits gets an index, and every index a
//! value that is within the tolerance of all values of its bin.

use std::ops::RangeInclusive;

/// The tolerance of every ordinal (value less the smallest one), and which ordinals have to be kept
/// exactly.
pub(crate) struct Ordinals {
    /// Whole numbers; they do not fall with the ordinal.
    pub(crate) tolerance: Vec<u32>,
    pub(crate) exact: Vec<bool>,
}

/// Neighbouring ordinals with one index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bin {
    pub(crate) ordinals: RangeInclusive<usize>,
    /// The ordinals that are within the tolerance of all of them and lie among them.
    pub(crate) allowed: RangeInclusive<usize>,
}

/// More first widths than these are not tried.
const MAX_PHASES: usize = 256;
/// Pairs of neighbours that are worth another first width.
const PAIRS_PER_PHASE: usize = 256;

impl Ordinals {
    fn len(&self) -> usize {
        self.tolerance.len()
    }

    /// The last ordinal of the longest bin that begins at `start`.
    fn end_of(&self, start: usize) -> usize {
        if self.exact[start] {
            return start;
        }
        // The highest value that the first one may become; all between them may as well.
        let value = start + self.tolerance[start] as usize;
        let mut end = start;
        while end + 1 < self.len()
            && !self.exact[end + 1]
            && (end + 1).saturating_sub(value) <= self.tolerance[end + 1] as usize
        {
            end += 1;
        }
        end
    }

    /// The bins, each as long as it can be; the first that is not exact has at most `first`
    /// ordinals. Only their first and last ordinals.
    fn spans(&self, first: usize) -> impl Iterator<Item = (usize, usize)> {
        let (mut start, mut most) = (0, Some(first));
        std::iter::from_fn(move || {
            if start == self.len() {
                return None;
            }
            let mut end = self.end_of(start);
            if !self.exact[start]
                && let Some(most) = most.take()
            {
                end = end.min(start + most.max(1) - 1);
            }
            let span = (start, end);
            start = end + 1;
            Some(span)
        })
    }

    /// The bins for samples whose neighbours cross `crossings[o]` times from below ordinal `o` to
    /// it or above: of all positions of the lattice the one whose indices vary least.
    ///
    /// More positions are tried the more pairs of neighbours there are.
    pub(crate) fn bins(&self, crossings: &[u64], pairs: usize) -> Vec<Bin> {
        let longest = self.longest_first();
        let step = longest.div_ceil((pairs / PAIRS_PER_PHASE).clamp(1, MAX_PHASES));
        let variation =
            |first: usize| -> u64 { self.spans(first).skip(1).map(|(start, _)| crossings[start]).sum() };
        // The longest first: of equal ones, the lattice that begins with a whole bin.
        let first = (1..=longest).rev().step_by(step).min_by_key(|&first| variation(first)).unwrap_or(1);
        self.bins_from(first)
    }

    /// The bins of some positions of the lattice, spread evenly: of how many, by the length of a
    /// bin.
    pub(crate) fn shifted_bins(&self, count: impl Fn(usize) -> usize) -> Vec<Vec<Bin>> {
        let longest = self.longest_first();
        let count = count(longest);
        (0..count).map(|phase| self.bins_from(1 + phase * longest / count)).collect()
    }

    /// Ordinals of the first bin that is not exact, if it is a whole one.
    fn longest_first(&self) -> usize {
        self.exact.iter().position(|exact| !exact).map_or(1, |start| self.end_of(start) + 1 - start)
    }

    fn bins_from(&self, first: usize) -> Vec<Bin> {
        self.spans(first).map(|(start, end)| self.bin(start, end)).collect()
    }

    fn bin(&self, start: usize, end: usize) -> Bin {
        let tolerance = |ordinal: usize| self.tolerance[ordinal] as usize;
        let low = (start..=end).map(|o| o.saturating_sub(tolerance(o))).max().unwrap_or(start);
        let high = (start..=end).map(|o| o + tolerance(o)).min().unwrap_or(end);
        Bin { ordinals: start..=end, allowed: low.max(start)..=high.min(end) }
    }
}

impl Bin {
    /// The ordinal that the index stands for: the mean of the samples in the bin, or where there
    /// are too few the middle, as near as the tolerance allows.
    pub(crate) fn value(&self, counts: &[u64]) -> usize {
        const ENOUGH: u64 = 16;
        let (start, end) = (*self.ordinals.start(), *self.ordinals.end());
        let samples: u64 = counts[start..=end].iter().sum();
        let above: u64 = (0..).zip(&counts[start..=end]).map(|(o, count)| o * count).sum();
        let nearest = match samples {
            ENOUGH.. => start + ((above + samples / 2) / samples) as usize,
            _ => start + (end - start) / 2,
        };
        nearest.clamp(*self.allowed.start(), *self.allowed.end())
    }
}

impl Bin {
    /// The middle, as near as the tolerance allows; `up` rounds halves up.
    pub(crate) fn middle(&self, up: bool) -> usize {
        let sum = self.ordinals.start() + self.ordinals.end() + usize::from(up);
        (sum / 2).clamp(*self.allowed.start(), *self.allowed.end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nf_image::testing::Rng;

    #[test]
    fn a_constant_tolerance_gives_bins_of_one_length() {
        let ordinals = Ordinals { tolerance: vec![2; 100], exact: vec![false; 100] };
        let bins = ordinals.bins(&[0; 101], 1 << 20);
        assert!(bins[..19].iter().all(|bin| bin.ordinals.clone().count() == 5));
        assert_eq!((bins[3].ordinals.clone(), bins[3].allowed.clone()), (15..=19, 17..=17));
        // Neighbours that go to and fro between 46 and 48 are put into one bin.
        let mut crossings = [0; 101];
        crossings[47] = 9;
        crossings[48] = 9;
        let bins = ordinals.bins(&crossings, 1 << 20);
        let of = |ordinal| bins.iter().position(|bin| bin.ordinals.contains(&ordinal)).unwrap();
        assert_eq!(of(46), of(48));
    }

    #[test]
    fn every_ordinal_is_within_its_tolerance_of_every_allowed_value() {
        let mut random = Rng::new(3);
        for round in 0..200 {
            let length = 1 + random.below(700);
            let mut tolerance: Vec<u32> = (0..length).map(|_| random.below(1 + round) as u32).collect();
            tolerance.sort_unstable();
            let exact: Vec<bool> = (0..length).map(|_| random.below(20) == 0).collect();
            let crossings: Vec<u64> = (0..=length).map(|_| random.below(9) as u64).collect();
            let ordinals = Ordinals { tolerance, exact };
            let bins = ordinals.bins(&crossings, 1 << 20);
            let mut next = 0;
            for bin in &bins {
                assert_eq!(*bin.ordinals.start(), next, "no ordinal is left out or twice");
                next = *bin.ordinals.end() + 1;
                assert!(!bin.allowed.is_empty());
                for value in [*bin.allowed.start(), *bin.allowed.end()] {
                    assert!(bin.ordinals.contains(&value));
                    for ordinal in bin.ordinals.clone() {
                        assert!(ordinal.abs_diff(value) <= ordinals.tolerance[ordinal] as usize);
                        assert!(!ordinals.exact[ordinal] || bin.ordinals.clone().count() == 1);
                    }
                }
            }
            assert_eq!(next, length);
        }
    }

    #[test]
    fn values_are_means_where_there_are_samples() {
        let bin = Bin { ordinals: 10..=16, allowed: 11..=15 };
        let mut counts = vec![0; 20];
        assert_eq!(bin.value(&counts), 13);
        counts[11] = 30;
        counts[12] = 10;
        assert_eq!(bin.value(&counts), 11);
        counts[16] = 10_000;
        assert_eq!(bin.value(&counts), 15, "no further than the tolerance allows");
    }
}
