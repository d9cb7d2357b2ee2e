//! Boxes of pixels in an array of any number of axes.

use crate::{Error, Result};
use std::ops::Range;

/// A box: one range per axis, in the order NAXIS1, NAXIS2, ..., counted from zero, ends excluded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section(pub Vec<Range<usize>>);

impl Section {
    /// The whole of an array.
    pub fn whole(axes: &[usize]) -> Self {
        Self(axes.iter().map(|&n| 0..n).collect())
    }

    /// Length along every axis.
    pub fn axes(&self) -> Vec<usize> {
        self.0.iter().map(|range| range.len()).collect()
    }

    /// Number of pixels.
    pub fn pixels(&self) -> usize {
        if self.0.is_empty() { 0 } else { self.0.iter().map(|range| range.len()).product() }
    }

    /// Whether the box lies inside an array of these axes.
    pub(crate) fn check(&self, hdu: usize, axes: &[usize]) -> Result<()> {
        let inside = self.0.len() == axes.len()
            && self.0.iter().zip(axes).all(|(range, &n)| range.start <= range.end && range.end <= n);
        if inside {
            return Ok(());
        }
        Err(Error::request(hdu, format!("section {:?} does not lie inside the axes {axes:?}", self.0)))
    }

    /// The part that both boxes share, or `None` if they share nothing.
    pub(crate) fn intersection(&self, other: &Section) -> Option<Section> {
        let ranges: Vec<_> =
            self.0.iter().zip(&other.0).map(|(a, b)| a.start.max(b.start)..a.end.min(b.end)).collect();
        ranges.iter().all(|range| range.start < range.end).then_some(Section(ranges))
    }

    /// Index of the pixel at `corner` in an array that holds just this box.
    fn index_of(&self, corner: impl Iterator<Item = usize>) -> usize {
        let mut stride = 1;
        let mut index = 0;
        for (range, at) in self.0.iter().zip(corner) {
            index += (at - range.start) * stride;
            stride *= range.len();
        }
        index
    }

    /// Calls `visit(start, len)` for the longest runs of pixels of this box that are contiguous in
    /// an array of these axes, in order; `start` counts pixels of that array.
    pub(crate) fn for_each_run(
        &self,
        axes: &[usize],
        mut visit: impl FnMut(usize, usize) -> Result<()>,
    ) -> Result<()> {
        if self.pixels() == 0 {
            return Ok(());
        }
        let array = Section::whole(axes);
        // Axes that are taken whole join the run of the axis above.
        let mut joined = 0;
        let mut run = self.0[0].len();
        while joined + 1 < axes.len() && self.0[joined].len() == axes[joined] {
            joined += 1;
            run *= self.0[joined].len();
        }
        let mut outer = Odometer::new(&self.0[joined + 1..]);
        loop {
            let low = self.0[..=joined].iter().map(|range| range.start);
            visit(array.index_of(low.chain(outer.at.iter().copied())), run)?;
            if !outer.step() {
                return Ok(());
            }
        }
    }
}

/// Counts through all positions of a box, the first axis fastest.
struct Odometer<'a> {
    ranges: &'a [Range<usize>],
    at: Vec<usize>,
}

impl<'a> Odometer<'a> {
    fn new(ranges: &'a [Range<usize>]) -> Self {
        Self { ranges, at: ranges.iter().map(|range| range.start).collect() }
    }

    /// Goes on to the next position; false when there is none.
    fn step(&mut self) -> bool {
        for (at, range) in self.at.iter_mut().zip(self.ranges) {
            *at += 1;
            if *at < range.end {
                return true;
            }
            *at = range.start;
        }
        false
    }
}

/// Copies what two boxes share from an array that holds `from_box` into one that holds `to_box`;
/// `copy` moves one run of pixels.
pub(crate) fn copy_shared<T, U>(
    from: &[T],
    from_box: &Section,
    to: &mut [U],
    to_box: &Section,
    mut copy: impl FnMut(&[T], &mut [U]) -> Result<()>,
) -> Result<()> {
    let Some(shared) = from_box.intersection(to_box) else { return Ok(()) };
    let run = shared.0[0].len();
    let mut outer = Odometer::new(&shared.0[1..]);
    loop {
        let corner = || std::iter::once(shared.0[0].start).chain(outer.at.iter().copied());
        let (source, target) = (from_box.index_of(corner()), to_box.index_of(corner()));
        copy(&from[source..source + run], &mut to[target..target + run])?;
        if !outer.step() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All positions of a box, first axis fastest.
    fn positions(section: &Section) -> Vec<Vec<usize>> {
        section.0.iter().rev().fold(vec![vec![]], |tails, range| {
            tails
                .iter()
                .flat_map(|tail| range.clone().map(move |x| [vec![x], tail.clone()].concat()))
                .collect()
        })
    }

    fn flat(axes: &[usize], at: &[usize]) -> usize {
        axes.iter().zip(at).rev().fold(0, |index, (n, x)| index * n + x)
    }

    fn axes_and_boxes() -> impl Strategy<Value = (Vec<usize>, Section, Section)> {
        proptest::collection::vec((1usize..5, any::<[u8; 4]>()), 1..5).prop_map(|spec| {
            let range = |n: usize, a: u8, b: u8| {
                let (a, b) = (a as usize % n, b as usize % n);
                a.min(b)..a.max(b) + 1
            };
            (
                spec.iter().map(|(n, _)| *n).collect(),
                Section(spec.iter().map(|(n, r)| range(*n, r[0], r[1])).collect()),
                Section(spec.iter().map(|(n, r)| range(*n, r[2], r[3])).collect()),
            )
        })
    }

    proptest! {
        #[test]
        fn runs_visit_every_pixel_in_order((axes, section, _) in axes_and_boxes()) {
            let mut visited = Vec::new();
            section.for_each_run(&axes, |start, len| { visited.extend(start..start + len); Ok(()) }).unwrap();
            let mut expected: Vec<_> = positions(&section).iter().map(|at| flat(&axes, at)).collect();
            expected.sort_unstable();
            prop_assert_eq!(visited, expected);
        }

        #[test]
        fn the_shared_part_is_copied_and_nothing_else((axes, a, b) in axes_and_boxes()) {
            let from: Vec<usize> = (0..a.pixels()).collect();
            let mut to = vec![usize::MAX; b.pixels()];
            copy_shared(&from, &a, &mut to, &b, |s, t| { t.copy_from_slice(s); Ok(()) }).unwrap();
            for at in positions(&Section::whole(&axes)) {
                let inside = |section: &Section| section.0.iter().zip(&at).all(|(r, x)| r.contains(x));
                if inside(&b) {
                    let expected = if inside(&a) { a.index_of(at.iter().copied()) } else { usize::MAX };
                    prop_assert_eq!(to[b.index_of(at.iter().copied())], expected);
                }
            }
        }
    }

    #[test]
    fn boxes_outside_are_refused() {
        assert!(Section(vec![0..4, 0..3]).check(0, &[4, 3]).is_ok());
        assert!(Section(vec![0..5, 0..3]).check(0, &[4, 3]).is_err());
        assert!(Section::whole(&[4]).check(0, &[4, 3]).is_err());
        #[allow(clippy::reversed_empty_ranges)]
        let reversed = Section(vec![3..2, 0..3]);
        assert!(reversed.check(0, &[4, 3]).is_err());
    }
}
