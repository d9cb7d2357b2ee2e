//! The current row of a tile and those above it, even and odd columns apart.

use nf_engine::integer::PIXEL_GROUP;

/// Rows above and columns to the right of a pixel.
pub(super) type Offset = (usize, isize);

/// Rows above the current one that are kept.
pub(super) const ABOVE: usize = 4;

/// Numbers on either side of a half row: those of its border pixels.
pub(super) const MARGIN: usize = 8;

/// Farthest column of an offset, so that the margin holds it.
pub(super) const REACH: isize = 8;

/// Pixels of the half rows of a tile.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extents {
    /// Pixels of the even and of the odd half.
    pub(super) lengths: [usize; 2],
    /// Of both, rounded up to whole groups of pixels.
    pub(super) padded: usize,
}

impl Extents {
    pub(super) fn new(width: usize) -> Self {
        let lengths = [width.div_ceil(2), width / 2];
        Self { lengths, padded: lengths[0].next_multiple_of(PIXEL_GROUP) }
    }

    /// Of the numbers of both halves of a row, those `right` columns to the right of the pixels of
    /// one.
    #[inline(always)]
    fn at<T>(self, halves: &[Vec<T>; 2], parity: usize, right: isize) -> &[T] {
        let column = parity as isize + right;
        let start = (MARGIN as isize + column.div_euclid(2)) as usize;
        &halves[column.rem_euclid(2) as usize][start..start + self.padded]
    }

    /// Lets `change` change the numbers of the pixels of a half; those beyond its ends follow.
    fn update<T: Copy>(self, halves: &mut [Vec<T>; 2], parity: usize, change: impl FnOnce(&mut [T])) {
        let length = self.lengths[parity];
        let [even, odd] = halves;
        let (own, other) = if parity == 0 { (even, &*odd) } else { (odd, &*even) };
        if length == 0 {
            // A tile of one column: its odd half is its even one.
            own.copy_from_slice(other);
            return;
        }
        change(&mut own[MARGIN..MARGIN + length]);
        let (first, last) = (own[MARGIN], own[MARGIN + length - 1]);
        own[..MARGIN].fill(first);
        own[MARGIN + length..].fill(last);
    }
}

/// One number per pixel.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    slots: Vec<[Vec<i16>; 2]>,
    /// Slot of the current row.
    current: usize,
    extents: Extents,
}

impl Rows {
    /// Rows above the first row of a tile: a chequerboard of two numbers, as noise has neighbours
    /// that differ.
    pub(super) fn new(extents: Extents, [low, high]: [i16; 2]) -> Self {
        let half = |start: usize| -> Vec<i16> {
            let number = |i: usize| if (i + start).is_multiple_of(2) { low } else { high };
            (0..extents.padded + 2 * MARGIN).map(number).collect()
        };
        let slots = (0..=ABOVE).map(|row| [half(row), half(row + 1)]).collect();
        Self { slots, current: 0, extents }
    }

    /// Goes to the next row.
    pub(super) fn advance(&mut self) {
        self.current = (self.current + 1) % (ABOVE + 1);
    }

    /// The numbers `up` rows above and `right` columns to the right of the pixels of a half row.
    #[inline(always)]
    pub(super) fn at(&self, parity: usize, (up, right): Offset) -> &[i16] {
        self.extents.at(&self.slots[(self.current + ABOVE + 1 - up) % (ABOVE + 1)], parity, right)
    }

    /// Sets a half row of the current row.
    pub(super) fn set(&mut self, parity: usize, numbers: &[i16]) {
        let set = |own: &mut [i16]| own.copy_from_slice(&numbers[..own.len()]);
        self.extents.update(&mut self.slots[self.current], parity, set);
    }
}

/// One running number per column.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    halves: [Vec<i32>; 2],
    extents: Extents,
}

impl Columns {
    /// The same number for all columns.
    pub(super) fn new(extents: Extents, number: i32) -> Self {
        Self { halves: [0, 1].map(|_| vec![number; extents.padded + 2 * MARGIN]), extents }
    }

    /// The numbers `right` columns to the right of the pixels of a half row.
    #[inline(always)]
    pub(super) fn at(&self, parity: usize, right: isize) -> &[i32] {
        self.extents.at(&self.halves, parity, right)
    }

    /// Lets `change` change the numbers of a half row's pixels; those beyond its ends follow.
    pub(super) fn update(&mut self, parity: usize, change: impl FnOnce(&mut [i32])) {
        self.extents.update(&mut self.halves, parity, change);
    }
}
