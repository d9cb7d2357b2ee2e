//! All estimates that the pixels of a frame allow.

use crate::estimate::Estimate;
use crate::photon_transfer::Transfer;
use crate::{ramp, unexposed};
use nf_image::Image16;

/// What the pixels of a frame say by themselves.
#[derive(Clone, Debug, Default)]
pub struct FrameEstimates {
    /// The estimates that apply.
    pub estimates: Vec<Estimate>,
    /// The photon transfer behind one of them.
    pub transfer: Option<Transfer>,
}

/// Estimates from unexposed regions, pairs of exposures, ramps and the noise sigma; those that do
/// not apply to the image are left out.
pub fn frame_estimates(image: &Image16) -> FrameEstimates {
    let transfer = Transfer::of(image);
    let found = [
        unexposed::estimate(image),
        transfer.as_ref().map(Transfer::estimate),
        ramp::estimate(image),
        Estimate::normal_noise(image),
    ];
    FrameEstimates { estimates: found.into_iter().flatten().collect(), transfer }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::Estimator;
    use crate::testdata::noise;
    use nf_image::Shape;

    #[test]
    fn estimators_that_do_not_apply_are_left_out() {
        let names = |image: &Image16| -> Vec<Estimator> {
            frame_estimates(image).estimates.iter().map(|estimate| estimate.estimator).collect()
        };
        assert_eq!(names(&noise(100, 100, 6.0, |_, _| 500.0)), [Estimator::NormalNoise]);
        assert_eq!(names(&Image16::zeros(Shape::frame(0, 5))), []);
    }
}
