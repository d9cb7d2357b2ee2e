//! Sums that are the same from run to run on every device.

use burn::tensor::{Device, Tensor};

/// The sum of all elements.
///
/// On GPUs Burn's own adds parts atomically, in an order that changes from run to run, by a kernel
/// with which Mesa's software driver crashes. Axis by axis every element has its place.
///
/// # Shapes
/// Any to (1).
pub fn total<const D: usize>(map: Tensor<D>) -> Tensor<1> {
    if map.device() == Device::flex() {
        return map.sum();
    }
    (0..D).rev().fold(map, Tensor::sum_dim).reshape([1])
}
