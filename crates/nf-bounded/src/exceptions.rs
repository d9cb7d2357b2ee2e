//! Samples that are kept exactly beside the coded indices: NaN, infinities, blank samples, and what
//! no index can stand for.

use crate::packing::{Fields, put_deflated, take_deflated};
use crate::{Error, Result, Sample};
use nf_codec::{Limits, put_varint};

const WHAT: &str = "the list of exact samples";

/// Samples of equal bits that follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    start: usize,
    length: usize,
    bits: u64,
}

/// Places and bits of samples, in the order of the array.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exceptions {
    runs: Vec<Run>,
    samples: usize,
}

impl Exceptions {
    /// Adds a sample behind all others.
    pub(crate) fn push(&mut self, place: usize, bits: u64) {
        self.samples += 1;
        match self.runs.last_mut() {
            Some(run) if run.start + run.length == place && run.bits == bits => run.length += 1,
            _ => self.runs.push(Run { start: place, length: 1, bits }),
        }
    }

    /// How many samples there are.
    pub(crate) fn len(&self) -> usize {
        self.samples
    }

    /// How many of them are finite numbers.
    pub(crate) fn finite<T: Sample>(&self) -> usize {
        let finite = self.runs.iter().filter(|run| T::of_bits(run.bits).value().is_finite());
        finite.map(|run| run.length).sum()
    }

    /// Puts those with places in `first..first + samples.len()` into `samples`.
    pub(crate) fn apply<T: Sample>(&self, first: usize, samples: &mut [T]) {
        let end = first + samples.len();
        let from = self.runs.partition_point(|run| run.start + run.length <= first);
        for run in self.runs[from..].iter().take_while(|run| run.start < end) {
            let range = run.start.max(first) - first..(run.start + run.length).min(end) - first;
            samples[range].fill(T::of_bits(run.bits));
        }
    }

    /// Number of runs (u64), then deflated: gaps before the runs, lengths less one, bits in
    /// `bytes` bytes each.
    pub(crate) fn put(&self, bytes: usize, out: &mut Vec<u8>) {
        let mut plain = Vec::new();
        let mut end = 0;
        for run in &self.runs {
            put_varint(&mut plain, (run.start - end) as u64);
            end = run.start + run.length;
        }
        self.runs.iter().for_each(|run| put_varint(&mut plain, run.length as u64 - 1));
        self.runs.iter().for_each(|run| plain.extend(&run.bits.to_le_bytes()[..bytes]));
        out.extend((self.runs.len() as u64).to_le_bytes());
        put_deflated(&plain, out);
    }

    /// What [`Exceptions::put`] wrote, of an array of `samples` samples of `bytes` bytes.
    pub(crate) fn take(
        fields: &mut Fields<'_>,
        samples: usize,
        bytes: usize,
        limits: &Limits,
    ) -> Result<Self> {
        let count = fields.u64()?;
        if count > samples as u64 {
            return Err(Error::corrupt(WHAT, format!("{count} runs in {samples} samples")));
        }
        // A number takes at most ten bytes.
        let most = count.saturating_mul(20 + bytes as u64);
        limits.check_memory(WHAT, most.saturating_add(count.saturating_mul(size_of::<Run>() as u64)))?;
        let plain = take_deflated(fields, most)?;
        let mut numbers = Fields::new(&plain, WHAT);
        let gaps: Vec<u64> = (0..count).map(|_| numbers.number()).collect::<Result<_>>()?;
        let lengths: Vec<u64> = (0..count).map(|_| numbers.number()).collect::<Result<_>>()?;
        let mut list = Self { runs: Vec::with_capacity(gaps.len()), samples: 0 };
        let mut end = 0u64;
        for (gap, length) in gaps.into_iter().zip(lengths) {
            let start = end.checked_add(gap);
            let next = start.and_then(|start| start.checked_add(length)?.checked_add(1));
            let (start, next) = start
                .zip(next.filter(|&next| next <= samples as u64))
                .ok_or_else(|| Error::corrupt(WHAT, "a place beyond the array"))?;
            let mut bits = [0; 8];
            bits[..bytes].copy_from_slice(numbers.take(bytes as u64)?);
            let run = Run {
                start: start as usize,
                length: (next - start) as usize,
                bits: u64::from_le_bytes(bits),
            };
            list.samples += run.length;
            list.runs.push(run);
            end = next;
        }
        if !numbers.is_empty() {
            return Err(Error::corrupt(WHAT, "it is longer than its runs"));
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> Exceptions {
        let mut list = Exceptions::default();
        for (place, value) in [(0, f32::NAN), (1, f32::NAN), (2, 1.5), (700, -0.0), (701, f32::INFINITY)] {
            list.push(place, value.bits());
        }
        list
    }

    #[test]
    fn places_and_bits_come_back() {
        let list = list();
        assert_eq!((list.len(), list.runs.len()), (5, 4));
        let mut bytes = Vec::new();
        list.put(4, &mut bytes);
        let take = |bytes: &[u8], samples| {
            Exceptions::take(&mut Fields::new(bytes, WHAT), samples, 4, &Limits::default())
        };
        assert_eq!(take(&bytes, 702).unwrap(), list);
        assert!(take(&bytes, 701).is_err() && take(&bytes, 3).is_err());
        assert!((0..bytes.len()).all(|cut| take(&bytes[..cut], 702).is_err()));
        let mut whole = vec![7.0f32; 702];
        list.apply(0, &mut whole);
        assert!(whole[0].is_nan() && whole[1].is_nan() && whole[2] == 1.5 && whole[3] == 7.0);
        assert!(whole[700].to_bits() == (-0.0f32).to_bits() && whole[701] == f32::INFINITY);
        let mut part = vec![7.0f32; 700];
        list.apply(1, &mut part);
        assert!(part[0].is_nan() && part[1] == 1.5 && part[699] == 0.0 && part[698] == 7.0);
    }

    #[test]
    fn counts_that_cannot_be_are_refused() {
        let mut bytes = u64::MAX.to_le_bytes().to_vec();
        bytes.extend([0; 40]);
        let limits = Limits::default();
        assert!(Exceptions::take(&mut Fields::new(&bytes, WHAT), usize::MAX, 8, &limits).is_err());
        assert!(Exceptions::take(&mut Fields::new(&bytes, WHAT), 10, 8, &limits).is_err());
    }
}
