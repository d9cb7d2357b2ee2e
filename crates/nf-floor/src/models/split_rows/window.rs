//! The current row and those above it, even and odd columns apart.

use super::background::Background;
use crate::predict::neighbourhood::Offset;
use nf_simd::{InstructionSet, kernel};

/// Rows above the current one that are kept.
pub(super) const ABOVE: usize = 5;

/// Values on either side of a half row: those of its border pixels.
const MARGIN: usize = 8;

/// Half rows are processed in whole registers of this many pixels.
const REGISTER: usize = 16;

/// One row: values and absolute errors, of even and odd columns.
#[derive(Clone, Debug)]
struct Row {
    values: [Vec<f32>; 2],
    errors: [Vec<f32>; 2],
}

/// The current row and those above.
#[derive(Clone, Debug)]
pub(super) struct Window {
    rows: Vec<Row>,
    /// Slot of the current row.
    current: usize,
    /// Pixels of a half row, rounded up to whole registers.
    padded: usize,
    /// Pixels of the even and of the odd half.
    lengths: [usize; 2],
}

impl Window {
    /// A window before the first row of a tile: all pixels hold `initial`.
    pub(super) fn new(width: usize, initial: u16) -> Self {
        let lengths = [width.div_ceil(2), width / 2];
        let padded = lengths[0].next_multiple_of(REGISTER);
        let half = |value: f32| vec![value; padded + 2 * MARGIN];
        let row = Row {
            values: [half(f32::from(initial)), half(f32::from(initial))],
            errors: [half(0.0), half(0.0)],
        };
        Self { rows: vec![row; ABOVE + 1], current: 0, padded, lengths }
    }

    /// Forgets all rows: as [`new`](Self::new).
    pub(super) fn reset(&mut self, initial: u16) {
        for row in &mut self.rows {
            row.values.iter_mut().for_each(|half| half.fill(f32::from(initial)));
            row.errors.iter_mut().for_each(|half| half.fill(0.0));
        }
    }

    /// Pixels of a half row, rounded up.
    pub(super) fn padded(&self) -> usize {
        self.padded
    }

    /// Pixels of a half row.
    pub(super) fn length(&self, parity: usize) -> usize {
        self.lengths[parity]
    }

    /// Goes to the next row.
    pub(super) fn advance(&mut self) {
        self.current = (self.current + 1) % (ABOVE + 1);
    }

    #[inline(always)]
    fn row(&self, up: usize) -> &Row {
        &self.rows[(self.current + ABOVE + 1 - up) % (ABOVE + 1)]
    }

    /// Parity and first index of the pixels `right` columns to the right of those of `parity`.
    #[inline(always)]
    fn start(parity: usize, right: isize) -> (usize, usize) {
        let column = parity as isize + right;
        (column.rem_euclid(2) as usize, (MARGIN as isize + column.div_euclid(2)) as usize)
    }

    /// The values `up` rows above and `right` columns to the right of the pixels of a half row.
    #[inline(always)]
    pub(super) fn values(&self, parity: usize, (up, right): Offset) -> &[f32] {
        let (half, start) = Self::start(parity, right);
        &self.row(up).values[half][start..start + self.padded]
    }

    /// The values at four places, each with a number that belongs to it.
    #[inline(always)]
    pub(super) fn four(&self, parity: usize, group: &[(Offset, f32); 4]) -> [&[f32]; 4] {
        let [a, b, c, d] = group;
        [
            self.values(parity, a.0),
            self.values(parity, b.0),
            self.values(parity, c.0),
            self.values(parity, d.0),
        ]
    }

    /// The absolute errors there.
    #[inline(always)]
    pub(super) fn errors(&self, parity: usize, (up, right): Offset) -> &[f32] {
        let (half, start) = Self::start(parity, right);
        &self.row(up).errors[half][start..start + self.padded]
    }

    /// Adds the row above that of number `y` to its background.
    pub(super) fn add_last(&self, isa: InstructionSet, y: usize, background: &mut Background) {
        if y > 0 {
            for parity in 0..2 {
                background.add(isa, parity, &self.values(parity, (1, 0))[..self.lengths[parity]]);
            }
        }
    }

    /// Sets the values of a half row; `values` holds as many as it has pixels, `shifts` what their
    /// lattices add to them, or nothing.
    pub(super) fn set(
        &mut self,
        isa: InstructionSet,
        parity: usize,
        values: &[u16],
        shifts: &[f32],
        locations: &[f32],
    ) {
        set(isa, self, parity, values, shifts, locations);
    }
}

kernel! {
    fn set<'a>(
        window: &'a mut Window,
        parity: usize,
        values: &'a [u16],
        shifts: &'a [f32],
        locations: &'a [f32],
    ) -> () {
        let length = window.lengths[parity];
        let row = &mut window.rows[window.current];
        let (even, odd) = row.values.split_at_mut(1);
        let (own, other) = if parity == 0 { (&mut even[0], &odd[0]) } else { (&mut odd[0], &even[0]) };
        if length == 0 {
            // A tile of one column: its odd half is its even one.
            own.copy_from_slice(other);
            return;
        }
        for (to, &value) in own[MARGIN..MARGIN + length].iter_mut().zip(values) {
            *to = f32::from(value);
        }
        for (to, &shift) in own[MARGIN..MARGIN + length].iter_mut().zip(shifts) {
            *to += shift;
        }
        let errors = &mut row.errors[parity];
        for ((to, &value), &location) in
            errors[MARGIN..MARGIN + length].iter_mut().zip(&own[MARGIN..]).zip(locations)
        {
            *to = (value - location).abs();
        }
        for half in [own, errors] {
            let (first, last) = (half[MARGIN], half[MARGIN + length - 1]);
            half[..MARGIN].fill(first);
            half[MARGIN + length..].fill(last);
        }
    }
}

/// Splits a row into its even and its odd columns.
pub(super) fn split<T: Copy>(row: &[T], halves: &mut [Vec<T>; 2]) {
    let (even, odd) = halves.split_at_mut(1);
    let (pairs, last) = row.as_chunks::<2>();
    for ((pair, even), odd) in pairs.iter().zip(even[0].iter_mut()).zip(odd[0].iter_mut()) {
        (*even, *odd) = (pair[0], pair[1]);
    }
    if let [last] = last {
        even[0][row.len() / 2] = *last;
    }
}
