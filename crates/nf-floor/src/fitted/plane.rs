//! Samples of a tile with a margin, as signed numbers.

/// Samples left and right of a row that prediction may look at.
pub(crate) const MARGIN: usize = 16;

/// Rows above that prediction may look at.
pub(crate) const ABOVE: usize = 5;

/// The samples of a plane, `x - 32768`, with a margin: [`ABOVE`] rows of `origin` above the first, and
/// [`MARGIN`] columns at both sides that repeat the first sample of the row above and the last of the row.
#[derive(Clone, Debug)]
pub(crate) struct Plane {
    width: usize,
    stride: usize,
    samples: Vec<i16>,
}

/// A sample as a signed number.
#[inline(always)]
pub(crate) const fn signed(sample: u16) -> i16 {
    (sample ^ 0x8000) as i16
}

/// The sample that a signed number stands for.
#[inline(always)]
pub(crate) const fn unsigned(value: i16) -> u16 {
    value as u16 ^ 0x8000
}

impl Plane {
    /// A plane whose rows are all still to be filled in.
    pub(crate) fn new(height: usize, width: usize, origin: u16) -> Self {
        let stride = width + 2 * MARGIN;
        Self { width, stride, samples: vec![signed(origin); stride * (height + ABOVE)] }
    }

    /// A plane of known samples, `width` columns wide.
    pub(crate) fn of_samples(samples: &[u16], width: usize, origin: u16) -> Self {
        let mut plane = Self::new(samples.len() / width, width, origin);
        for (y, row) in samples.chunks_exact(width).enumerate() {
            let (_, current) = plane.open(y);
            for (to, &from) in current[MARGIN..].iter_mut().zip(row) {
                *to = signed(from);
            }
            plane.close(y);
        }
        plane
    }

    /// The rows above row `y`, nearest first, and the row itself; all with their margins. Fills the left
    /// margin of the row.
    pub(crate) fn open(&mut self, y: usize) -> ([&[i16]; ABOVE], &mut [i16]) {
        let (above, rest) = self.samples.split_at_mut((y + ABOVE) * self.stride);
        let row = &mut rest[..self.stride];
        let north = &above[above.len() - self.stride..];
        row[..MARGIN].fill(north[MARGIN]);
        let mut rows = above.rchunks_exact(self.stride);
        let above = std::array::from_fn(|_| rows.next().expect("there are ABOVE rows above any row"));
        (above, row)
    }

    /// The rows above row `y`, nearest first, and the row itself, of a plane that is complete.
    pub(crate) fn rows(&self, y: usize) -> ([&[i16]; ABOVE], &[i16]) {
        let (above, rest) = self.samples.split_at((y + ABOVE) * self.stride);
        let mut rows = above.rchunks_exact(self.stride);
        let above = std::array::from_fn(|_| rows.next().expect("there are ABOVE rows above any row"));
        (above, &rest[..self.stride])
    }

    /// Fills the right margin of row `y`, whose samples are all there.
    pub(crate) fn close(&mut self, y: usize) {
        let end = (y + ABOVE) * self.stride + MARGIN + self.width;
        let last = self.samples[end - 1];
        self.samples[end..end + MARGIN].fill(last);
    }

    /// The samples without the margin.
    pub(crate) fn into_samples(self) -> Vec<u16> {
        let rows = self.samples.chunks_exact(self.stride).skip(ABOVE);
        rows.flat_map(|row| row[MARGIN..MARGIN + self.width].iter().map(|&value| unsigned(value))).collect()
    }
}
