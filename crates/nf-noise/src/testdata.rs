//! Frames of known noise.

use nf_data::random::Pcg64;
use nf_data::simulate::draw::Gaussian;
use nf_image::{Image16, Shape};

/// A frame of normal noise of standard deviation `sigma` on a known sky, rounded to integers.
pub(crate) fn noise(height: usize, width: usize, sigma: f64, sky: impl Fn(usize, usize) -> f64) -> Image16 {
    let (mut random, mut gaussian) = (Pcg64::from_seed(21), Gaussian::default());
    Image16::from_fn(Shape::frame(height, width), |_, y, x| {
        let value = sky(y, x) + sigma * gaussian.draw(&mut random);
        value.round().clamp(0.0, 65_535.0) as u16
    })
}
