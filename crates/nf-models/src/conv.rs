//! The one layer with weights: a convolution with the geometry that causal nets need.

use crate::random::Random;
use burn::module::{Module, Param};
use burn::tensor::module::{conv_transpose2d, conv2d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions, PadMode};
use burn::tensor::{Device, Tensor, TensorData};

/// Where a kernel lies: output pixel (y, x) reads input rows `stride * y - top + dilation * i` and columns
/// `stride * x - left + dilation * j`; outside of the tile there are zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Rows from the output pixel up to the first row read.
    pub top: usize,
    /// Columns from the output pixel back to the first column read.
    pub left: usize,
    /// Input pixels per output pixel, both ways.
    pub stride: usize,
    /// Input pixels from tap to tap, both ways.
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
    pub(crate) fn row(self, y: usize, i: usize) -> Option<usize> {
        (self.stride * y + self.dilation * i).checked_sub(self.top)
    }

    /// The input column that tap column `j` of output column `x` reads; `None` left of the tile.
    pub(crate) fn column(self, x: usize, j: usize) -> Option<usize> {
        (self.stride * x + self.dilation * j).checked_sub(self.left)
    }
}

/// A convolution `y = w * x + b`, if `gain` is there with weight normalisation
/// `w = gain * direction / |direction|` per output channel (Salimans and Kingma 2016, arXiv:1602.07868, eq. 2).
#[derive(Module, Debug)]
pub struct Conv {
    /// Weights, or their directions: (out, in, rows, columns).
    pub direction: Param<Tensor<4>>,
    /// Lengths of the weights, (out), under weight normalisation.
    pub gain: Option<Param<Tensor<1>>>,
    /// (out).
    pub bias: Param<Tensor<1>>,
    #[module(skip)]
    geometry: Geometry,
}

impl Conv {
    /// A layer with weight normalisation, directions N(0, 0.05^2), lengths 1.
    pub(crate) fn normed(
        inputs: usize,
        outputs: usize,
        geometry: Geometry,
        random: &mut Random,
        device: &Device,
    ) -> Self {
        let mut layer = Self::plain(inputs, outputs, geometry, 1.0, random, device);
        layer.gain = Some(Param::from_tensor(Tensor::ones([outputs], device)));
        layer
    }

    /// A layer without it, weights N(0, gain^2 / fan-in).
    pub(crate) fn plain(
        inputs: usize,
        outputs: usize,
        geometry: Geometry,
        gain: f32,
        random: &mut Random,
        device: &Device,
    ) -> Self {
        let [rows, columns] = geometry.kernel;
        let fan_in = inputs * rows * columns;
        let deviation = gain / (fan_in as f32).sqrt();
        let values: Vec<f32> = (0..outputs * fan_in).map(|_| deviation * random.normal()).collect();
        let data = TensorData::new(values, [outputs, inputs, rows, columns]);
        Self {
            direction: Param::from_tensor(Tensor::from_data(data, device)),
            gain: None,
            bias: Param::from_tensor(Tensor::zeros([outputs], device)),
            geometry,
        }
    }

    /// Where its kernel lies.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// (out, in).
    pub fn channels(&self) -> [usize; 2] {
        let [outputs, inputs, _, _] = self.direction.dims();
        [outputs, inputs]
    }

    /// The weights in force, (out, in, rows, columns).
    fn weight(&self) -> Tensor<4> {
        let direction = self.direction.val();
        let Some(gain) = &self.gain else { return direction };
        let outputs = direction.dims()[0];
        let length = direction.clone().square().sum_dims(&[1, 2, 3]).sqrt();
        direction * (gain.val().reshape([outputs, 1, 1, 1]) / length)
    }

    /// # Shapes
    /// (N, in, H, W) to (N, out, ceil(H / stride), ceil(W / stride)).
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let Geometry { kernel, top, left, stride, dilation } = self.geometry;
        let [_, _, height, width] = x.dims();
        let (before, after, _) = margins(height, kernel[0], top, stride, dilation);
        let (lead, trail, _) = margins(width, kernel[1], left, stride, dilation);
        let mut x = x;
        if before + lead > 0 || after > 0 || trail > 0 {
            let (after, trail) = (after.max(0) as usize, trail.max(0) as usize);
            x = x.pad((lead, trail, before, after), PadMode::Constant(0.0));
        }
        // A negative margin is a part of the input that no output pixel reads.
        if after < 0 || trail < 0 {
            let [_, _, rows, columns] = x.dims();
            x = x.narrow(2, 0, rows.saturating_add_signed(after.min(0)));
            x = x.narrow(3, 0, columns.saturating_add_signed(trail.min(0)));
        }
        let options = ConvOptions::new([stride; 2], [0, 0], [dilation; 2], 1);
        conv2d(x, self.weight(), Some(self.bias.val()), options)
    }

    /// The transposed convolution: input pixel (Y, X) is spread over the output pixels
    /// `(2 Y + i, 2 X + j - (columns - 1) / 2)` for a kernel of 3 columns, `(2 Y + i, 2 X + j)` for one of 2,
    /// cut to `height` times `width`.
    ///
    /// # Shapes
    /// (N, in, ceil(height / 2), ceil(width / 2)) to (N, out, height, width).
    pub fn spread(&self, x: Tensor<4>, height: usize, width: usize) -> Tensor<4> {
        let weight = self.weight().swap_dims(0, 1);
        let crop = (self.geometry.kernel[1] - 1) / 2;
        let options = ConvTransposeOptions::new([2, 2], [0, 0], [0, 1], [1, 1], 1);
        let y = conv_transpose2d(x, weight, Some(self.bias.val()), options);
        y.narrow(2, 0, height).narrow(3, crop, width)
    }

    /// The weights in force and the bias as numbers, computed in a fixed order: equal parameters give
    /// equal numbers on every machine. Weights in the order (rows, columns, in, out).
    pub(crate) fn numbers(&self) -> (Vec<f32>, Vec<f32>) {
        let vector = |data: TensorData| data.try_to_vec::<f32>().expect("parameters are f32");
        let [outputs, inputs, rows, columns] = self.direction.dims();
        let direction = vector(self.direction.val().into_data());
        let gain = self.gain.as_ref().map(|gain| vector(gain.val().into_data()));
        let taps = rows * columns;
        let mut weights = vec![0.0; direction.len()];
        for (o, of_output) in direction.chunks(inputs * taps).enumerate() {
            let factor = gain.as_ref().map_or(1.0, |gain| {
                let square: f64 = of_output.iter().map(|&w| f64::from(w) * f64::from(w)).sum();
                f64::from(gain[o]) / square.sqrt()
            });
            for (i, of_input) in of_output.chunks(taps).enumerate() {
                for (tap, &w) in of_input.iter().enumerate() {
                    weights[(tap * inputs + i) * outputs + o] = (f64::from(w) * factor) as f32;
                }
            }
        }
        (weights, vector(self.bias.val().into_data()))
    }
}

/// Padding before and after an axis of `extent`, and the number of outputs.
pub(crate) fn margins(
    extent: usize,
    kernel: usize,
    before: usize,
    stride: usize,
    dilation: usize,
) -> (usize, isize, usize) {
    let outputs = extent.div_ceil(stride);
    let needed = (outputs.max(1) - 1) * stride + dilation * (kernel - 1) + 1;
    (before, needed as isize - before as isize - extent as isize, outputs)
}
