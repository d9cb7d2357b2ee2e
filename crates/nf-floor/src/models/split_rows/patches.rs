//! The pixels to which a model is fitted: patches of a few rows, spread over the tile.

use super::background::Background;
use super::image::Image;
use super::location::Centre;
use super::window::{ABOVE, Window, split};
use nf_simd::{InstructionSet, kernel};
use std::collections::BTreeMap;
use std::ops::Range;

/// Rows above a patch that are coded for their errors, which the scale needs.
pub(super) const ABOVE_FOR_ERRORS: usize = 2;

/// Columns on either side of a patch that are read with it: the taps of the pixels whose errors the
/// scale needs reach this far, and more.
const MARGIN: usize = 16;

/// A patch.
#[derive(Clone, Debug)]
pub(super) struct Patch {
    rows: Range<usize>,
    /// Columns that are read.
    columns: Range<usize>,
    /// Pixels of a half row that belong to the patch, counted from the first column read.
    span: Range<usize>,
}

/// `count` patches of so many rows and pixels of half rows of a tile of `height` x `width`.
pub(super) fn patches(height: usize, width: usize, count: usize, rows: usize, span: usize) -> Vec<Patch> {
    let half = width.div_ceil(2);
    let (rows, span) = (rows.min(height), span.min(half));
    // No more of them than cover the tile; a third of it, if that is at least three quarters of
    // them.
    let cover = (height * half).div_ceil(rows * span);
    let count = count.min(cover).min(cover.div_ceil(3).max(3 * count / 4));
    // As odd as the tile, so that the last one may end with it.
    let wide = (2 * (span + MARGIN) + width % 2).min(width);
    let patch = |k: usize| {
        let top = (2 * k + 1) * (height - rows) / (2 * count);
        // Fractions of the golden section spread evenly, however many there are.
        let free = (half - span + 1) as u64;
        let left = ((((k as u64).wrapping_mul(0x9E37_79B9) & 0xFFFF_FFFF) * free) >> 32) as usize;
        let start = (2 * left).saturating_sub(MARGIN).min(width - wide) & !1;
        let first = left - start / 2;
        Patch { rows: top..top + rows, columns: start..start + wide, span: first..first + span }
    };
    (0..count).map(patch).collect()
}

/// The rows of a tile, as the fits read them.
pub(super) struct Lines<'a> {
    image: Image<'a>,
    /// Levels of the background at the rows of patches, of a dithered tile.
    levels: BTreeMap<usize, [Vec<f32>; 2]>,
}

/// A half row of a patch, before it is added to the window.
pub(super) struct HalfRow<'a> {
    /// Number of its row in the patch, below zero above it.
    pub(super) row: isize,
    pub(super) parity: usize,
    /// Pixels that belong to the patch.
    pub(super) span: Range<usize>,
    pub(super) window: &'a mut Window,
    pub(super) centre: &'a mut Centre,
    pub(super) values: &'a [u16],
    pub(super) shifts: &'a [f32],
    /// Of the background, or nothing.
    pub(super) level: &'a [f32],
    pub(super) locations: &'a mut [f32],
}

impl<'a> Lines<'a> {
    pub(super) fn new(image: Image<'a>) -> Self {
        Self { image, levels: BTreeMap::new() }
    }

    pub(super) fn image(&self) -> Image<'a> {
        self.image
    }

    /// `count` patches of the tile.
    pub(super) fn patches(&self, count: usize, rows: usize, span: usize) -> Vec<Patch> {
        let width = self.image.width;
        patches(self.image.samples.len() / width, width, count, rows, span)
    }

    /// Keeps the levels of the background at the rows of these patches of a dithered tile.
    pub(super) fn keep_levels(&mut self, isa: InstructionSet, patches: &[Patch], least_range: f32) {
        let Image { samples, shifts, width, initial } = self.image;
        if shifts.is_empty() {
            return;
        }
        let above = |patch: &Patch| patch.rows.start.saturating_sub(ABOVE_FOR_ERRORS)..patch.rows.end;
        let mut wanted = vec![false; samples.len() / width];
        patches.iter().flat_map(above).for_each(|row| wanted[row] = true);
        let mut background = Background::new(Window::new(width, initial).padded(), initial, least_range);
        let half = || vec![0.0; width.div_ceil(2)];
        let (mut values, mut halves) = (vec![0.0; width], [half(), half()]);
        for (y, line) in samples.chunks_exact(width).enumerate() {
            if wanted[y] {
                self.levels.insert(y, [0, 1].map(|parity| background.level(parity).to_vec()));
            }
            add_shifts(isa, line, &shifts[y * width..][..width], &mut values);
            split(&values, &mut halves);
            for (parity, values) in halves.iter().enumerate() {
                let length = if parity == 0 { width.div_ceil(2) } else { width / 2 };
                background.add(isa, parity, &values[..length]);
            }
        }
    }

    /// Visits the half rows of patches, and of `above` rows above each, one after the other.
    pub(super) fn visit(
        &self,
        isa: InstructionSet,
        patches: &[Patch],
        above: usize,
        mut half_row: impl FnMut(HalfRow),
    ) {
        let Image { samples, shifts, width, initial } = self.image;
        let Some(wide) = patches.first().map(|patch| patch.columns.len()) else { return };
        let mut window = Window::new(wide, initial);
        let padded = window.padded();
        let mut centre = Centre::new(padded);
        let (mut locations, mut level) = (vec![0.0; padded], vec![0.0; padded]);
        let mut halves = [vec![0; padded], vec![0; padded]];
        let half_shift = || vec![0.0; if shifts.is_empty() { 0 } else { padded }];
        let mut half_shifts = [half_shift(), half_shift()];
        for patch in patches {
            let columns = patch.columns.clone();
            let first = patch.rows.start.saturating_sub(above);
            if first < ABOVE {
                window.reset(initial);
            }
            for y in first.saturating_sub(ABOVE)..patch.rows.end {
                window.advance();
                split(&samples[y * width..][columns.clone()], &mut halves);
                if !shifts.is_empty() {
                    split(&shifts[y * width..][columns.clone()], &mut half_shifts);
                }
                for parity in 0..2 {
                    let length = window.length(parity);
                    let shifts = &half_shifts[parity];
                    if y >= first {
                        let levels = match self.levels.get(&y) {
                            Some(levels) => {
                                let from = &levels[parity][columns.start / 2..];
                                let known = from.len().min(window.padded());
                                level[..known].copy_from_slice(&from[..known]);
                                &level[..window.padded()]
                            }
                            None => &[],
                        };
                        half_row(HalfRow {
                            row: y as isize - patch.rows.start as isize,
                            parity,
                            span: patch.span.start.min(length)..patch.span.end.min(length),
                            window: &mut window,
                            centre: &mut centre,
                            values: &halves[parity][..length],
                            shifts,
                            level: levels,
                            locations: &mut locations,
                        });
                    }
                    window.set(isa, parity, &halves[parity][..length], shifts, &locations);
                }
            }
        }
    }
}

kernel! {
    /// The values of dithered samples.
    fn add_shifts<'a>(samples: &'a [u16], shifts: &'a [f32], values: &'a mut [f32]) -> () {
        for ((value, &sample), &shift) in values.iter_mut().zip(samples).zip(shifts) {
            *value = f32::from(sample) + shift;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_lie_within_their_tile() {
        for (height, width) in [(1, 1), (1, 2), (7, 3), (32, 1022), (100, 101), (1024, 1024), (5000, 33)] {
            for (count, rows, span) in [(16, 1, 256), (48, 4, 96), (1, 8, 8)] {
                let patches = patches(height, width, count, rows, span);
                assert!((1..=count).contains(&patches.len()), "{height} x {width}");
                for Patch { rows, columns, span } in patches {
                    assert!(rows.end <= height && !rows.is_empty());
                    assert!(columns.end <= width && columns.start % 2 == 0 && !span.is_empty());
                    // The even half is the longer one.
                    assert!(span.end <= columns.len().div_ceil(2));
                }
            }
        }
    }
}
