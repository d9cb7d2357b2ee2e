//! The rows around the pixel at hand, even and odd columns apart.

/// Rows above the current one that can be seen.
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
    /// A window above the first row of a tile: all pixels hold `origin`.
    pub(super) fn new(width: usize, origin: u16) -> Self {
        let lengths = [width.div_ceil(2), width / 2];
        let padded = lengths[0].next_multiple_of(REGISTER);
        let half = |value: f32| vec![value; padded + 2 * MARGIN];
        let row = Row {
            values: [half(f32::from(origin)), half(f32::from(origin))],
            errors: [half(0.0), half(0.0)],
        };
        Self { rows: vec![row; ABOVE + 1], current: 0, padded, lengths }
    }

    /// Forgets all rows: as [`new`](Self::new).
    pub(super) fn reset(&mut self, origin: u16) {
        for row in &mut self.rows {
            row.values.iter_mut().for_each(|half| half.fill(f32::from(origin)));
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
    fn row(&self, dy: usize) -> &Row {
        &self.rows[(self.current + ABOVE + 1 - dy) % (ABOVE + 1)]
    }

    /// Parity and first index of the pixels `dx` columns to the right of those of `parity`.
    #[inline(always)]
    fn start(parity: usize, dx: isize) -> (usize, usize) {
        let column = parity as isize + dx;
        (column.rem_euclid(2) as usize, (MARGIN as isize + column.div_euclid(2)) as usize)
    }

    /// The values `dy` rows above and `dx` columns to the right of the pixels of a half row.
    #[inline(always)]
    pub(super) fn values(&self, parity: usize, dy: usize, dx: isize) -> &[f32] {
        let (half, start) = Self::start(parity, dx);
        &self.row(dy).values[half][start..start + self.padded]
    }

    /// The absolute errors there.
    #[inline(always)]
    pub(super) fn errors(&self, parity: usize, dy: usize, dx: isize) -> &[f32] {
        let (half, start) = Self::start(parity, dx);
        &self.row(dy).errors[half][start..start + self.padded]
    }

    /// Enters the values of a half row; `values` holds as many as it has pixels.
    #[inline(always)]
    pub(super) fn learn(&mut self, parity: usize, values: &[u16], locations: &[f32]) {
        let length = self.lengths[parity];
        let row = &mut self.rows[self.current];
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
