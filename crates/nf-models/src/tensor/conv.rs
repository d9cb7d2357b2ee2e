//! The one layer with weights: a convolution with the geometry that causal nets need.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::module::{conv_transpose2d, conv2d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions, PadMode};
use nf_engine::Geometry;

/// A convolution `y = w * x + b`, if `gain` is there with weight normalisation
/// `w = gain * direction / |direction|` per output channel (Salimans and Kingma 2016,
/// arXiv:1602.07868, eq. 2).
///
/// Names of fields are names of parameters in files of weights and must not change.
#[derive(Module, Debug)]
pub struct Conv {
    /// Weights, or their directions: (out, in, rows, columns).
    pub(super) direction: Param<Tensor<4>>,
    /// Lengths of the weights, (out), under weight normalisation.
    pub(super) gain: Option<Param<Tensor<1>>>,
    /// (out).
    pub(super) bias: Param<Tensor<1>>,
    #[module(skip)]
    geometry: Geometry,
}

impl Conv {
    /// A layer with these parameters.
    ///
    /// # Shapes
    /// `direction`: (out, in, rows, columns); `gain`, `bias`: (out).
    pub(super) fn new(
        direction: Tensor<4>,
        gain: Option<Tensor<1>>,
        bias: Tensor<1>,
        geometry: Geometry,
    ) -> Self {
        let (direction, bias) = (Param::from_tensor(direction), Param::from_tensor(bias));
        Self { direction, gain: gain.map(Param::from_tensor), bias, geometry }
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
    pub(crate) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
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

    /// The transposed convolution: input pixel (Y, X) reaches the output pixels
    /// `(2 Y + i, 2 X + j - (columns - 1) / 2)`, cut to `height` times `width`.
    ///
    /// # Shapes
    /// (N, in, ceil(height / 2), ceil(width / 2)) to (N, out, height, width).
    pub(super) fn transpose(&self, x: Tensor<4>, height: usize, width: usize) -> Tensor<4> {
        let weight = self.weight().swap_dims(0, 1);
        let crop = (self.geometry.kernel[1] - 1) / 2;
        let options = ConvTransposeOptions::new([2, 2], [0, 0], [0, 1], [1, 1], 1);
        let y = conv_transpose2d(x, weight, Some(self.bias.val()), options);
        y.narrow(2, 0, height).narrow(3, crop, width)
    }
}

/// Padding before and after an axis of `extent`, and the number of outputs.
fn margins(
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
