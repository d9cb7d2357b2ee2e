//! Where the kernel of a convolution lies.

/// Where a kernel lies relative to its output pixel.
///
/// Output pixel `(y, x)` reads input rows `stride * y - top + dilation * i` and input columns
/// `stride * x - left + dilation * j` for tap `(i, j)`; outside of the tile there are zeros. With
/// `x` the output pixel and `.` the other taps, stride and dilation 1:
///
/// ```text
/// centred(3)     down(2, 3)     down_right(2, 2)     down(1, 3).shifted(1, 0)
///   . . .          . . .             . .                    . . .
///   . x .          . x .             . x                      x
///   . . .
/// ```
///
/// In the last one the output pixel itself is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Rows from the output pixel up to the first row read.
    pub top: usize,
    /// Columns from the output pixel back to the first column read.
    pub left: usize,
    /// Input pixels per output pixel, in both directions.
    pub stride: usize,
    /// Input pixels from tap to tap, in both directions.
    pub dilation: usize,
}

impl Geometry {
    /// A centred kernel of odd extent.
    pub const fn centred(size: usize) -> Self {
        Self { kernel: [size, size], top: size / 2, left: size / 2, stride: 1, dilation: 1 }
    }

    /// A kernel whose last row and middle column are the output pixel's.
    pub const fn down(rows: usize, columns: usize) -> Self {
        Self { kernel: [rows, columns], top: rows - 1, left: columns / 2, stride: 1, dilation: 1 }
    }

    /// A kernel whose last row and last column are the output pixel's.
    pub const fn down_right(rows: usize, columns: usize) -> Self {
        Self { kernel: [rows, columns], top: rows - 1, left: columns - 1, stride: 1, dilation: 1 }
    }

    /// The same, moved up by `rows` and left by `columns`.
    pub const fn shifted(mut self, rows: usize, columns: usize) -> Self {
        self.top += rows;
        self.left += columns;
        self
    }

    /// The same with one output pixel for `stride * stride` input pixels.
    pub const fn strided(mut self, stride: usize) -> Self {
        self.stride = stride;
        self
    }

    /// The same with taps `dilation` pixels apart, still centred.
    pub const fn dilated(mut self, dilation: usize) -> Self {
        self.top *= dilation;
        self.left *= dilation;
        self.dilation = dilation;
        self
    }

    /// The input row that tap row `i` of output row `y` reads; `None` above the tile.
    pub fn row(self, y: usize, i: usize) -> Option<usize> {
        (self.stride * y + self.dilation * i).checked_sub(self.top)
    }

    /// The input column that tap column `j` of output column `x` reads; `None` left of the tile.
    pub fn column(self, x: usize, j: usize) -> Option<usize> {
        (self.stride * x + self.dilation * j).checked_sub(self.left)
    }
}
