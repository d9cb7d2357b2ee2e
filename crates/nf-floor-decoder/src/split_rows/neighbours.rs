//! format-floor.md, 5.6: the samples and errors around a pixel.

/// The image that is coded, as far as it is known.
pub(crate) struct Image {
    width: usize,
    initial: u16,
    samples: Vec<u16>,
    /// 20.4: the shifts of all pixels.
    shifts: Option<Vec<f32>>,
    errors: Vec<f32>,
}

impl Image {
    /// An image of `h` rows of `w` pixels of which none is known.
    pub(crate) fn new(h: usize, w: usize, initial: u16, shifts: Option<Vec<f32>>) -> Self {
        Self { width: w, initial, samples: vec![0; h * w], shifts, errors: vec![0.0; h * w] }
    }

    /// 20.4: the shift of a pixel, 0 in mode 2.
    pub(crate) fn shift(&self, y: usize, x: usize) -> f32 {
        self.shifts.as_ref().map_or(0.0, |shifts| shifts[y * self.width + x])
    }

    /// The sample of a pixel and its shift.
    pub(crate) fn value(&self, y: usize, x: usize) -> f32 {
        f32::from(self.samples[y * self.width + x]) + self.shift(y, x)
    }

    /// Sets the sample and the error of a pixel.
    pub(crate) fn set(&mut self, y: usize, x: usize, sample: u16, error: f32) {
        self.samples[y * self.width + x] = sample;
        self.errors[y * self.width + x] = error;
    }

    /// All samples, row by row.
    pub(crate) fn into_samples(self) -> Vec<u16> {
        self.samples
    }

    /// 5.6: the sample and the error that stand at a row and a column, which may be outside.
    fn at(&self, row: isize, column: isize) -> (f32, f32) {
        // 1. Above the first row.
        let Ok(row) = usize::try_from(row) else {
            return (f32::from(self.initial), 0.0);
        };
        let half = column.rem_euclid(2) as usize;
        // 3. The odd half of an image with one column.
        if self.width == 1 && half == 1 {
            return (self.value(row, 0), 0.0);
        }
        // 2. The first and the last column of this half.
        let last = if (self.width - 1) % 2 == half { self.width - 1 } else { self.width - 2 };
        let column = usize::try_from(column).unwrap_or(half).min(last);
        (self.value(row, column), self.errors[row * self.width + column])
    }

    /// `V(u, r)` of the pixel at row `y` and column `x`.
    pub(crate) fn v(&self, y: usize, x: usize, (u, r): (isize, isize)) -> f32 {
        self.at(y as isize - u, x as isize + r).0
    }

    /// `A(u, r)` of the pixel at row `y` and column `x`.
    pub(crate) fn a(&self, y: usize, x: usize, (u, r): (isize, isize)) -> f32 {
        self.at(y as isize - u, x as isize + r).1
    }
}
