//! How far a frame is from the noise floor: every estimate of what it must cost, beside what a
//! codec makes of it.
//!
//! - [`examine`]: the estimates of one image; [`write_page`]: those of many as a page.

mod page;

pub use page::write_page;

use nf_codec::{Registry, Spec};
use nf_data::Oracle;
use nf_data::random::Pcg64;
use nf_image::Image16;
use nf_noise::calibration::Calibration;
use nf_noise::photon_transfer::Transfer;
use nf_noise::sampled_frame::SampledFrame;
use nf_noise::{Estimate, Estimator, frame_estimates};
use serde::Serialize;

/// What is known of an image.
#[derive(Clone, Debug, Serialize)]
pub struct FrameReport {
    /// The image.
    pub image: String,
    /// Its pixels, of all planes.
    pub pixels: usize,
    /// The codec that it is compared with.
    pub codec: String,
    /// What that codec makes of it.
    pub bits_per_pixel: Option<f64>,
    /// The estimates that apply.
    #[serde(rename = "findings")]
    pub estimates: Vec<Estimate>,
    /// Noise variance over the mean, from pairs of exposures.
    #[serde(skip)]
    pub transfer: Option<Transfer>,
    /// A codec's predictive distributions held against the pixels.
    #[serde(skip)]
    pub calibration: Option<Calibration>,
}

/// What images are examined with.
pub struct Context<'a> {
    /// All codecs.
    pub registry: &'a Registry,
    /// The codec whose size is compared with the estimates.
    pub codec: Spec,
    /// The codec whose predictive distributions are tested, if it exposes them.
    pub traced: Spec,
    /// The codec with a detector profile, where one was given.
    pub with_profile: Option<Spec>,
    /// Longest side of the window of the middle plane in which they are, pixels.
    pub window_px: usize,
}

/// Examines one image by every estimator that applies.
pub fn examine(name: &str, image: &Image16, oracle: Option<Oracle>, context: &Context) -> FrameReport {
    let pixels = image.samples().len();
    let oracle = oracle.map(|o| Estimate::oracle(o.given_layers_bits, o.layers_bits, pixels));
    let of_frame = frame_estimates(image);
    let mut estimates: Vec<Estimate> = oracle.into_iter().chain(of_frame.estimates).collect();
    let traced = trace(&middle(image, context.window_px), context);
    let adaptation = traced.as_ref().map(|(sizes, ..)| sizes.adaptation());
    let calibration = traced.map(|(_, of_model, calibration)| {
        estimates.extend(of_model);
        calibration
    });
    let coded = |image: &Image16, codec: &Spec| {
        coded_bits(image, codec, context).map(|bits| bits / image.samples().len().max(1) as f64)
    };
    let bits = coded(image, &context.codec);
    let codec = context.codec.to_string();
    if let Some(reached) = bits {
        estimates.iter_mut().for_each(|estimate| estimate.compare(&codec, reached));
        let of_profile = match &context.with_profile {
            Some(spec) => {
                let name = spec.get("profile").unwrap_or("no profile");
                coded(image, spec).map(|with| Estimate::with_profile(reached, with, name))
            }
            None => {
                let first = |noise: f64| {
                    let planes = image.shape().planes as f64;
                    Some((coded(&plane(image, 0), &context.codec)? - noise) / planes)
                };
                let noise = estimates.iter().find(|one| one.estimator == Estimator::PhotonTransfer);
                let pattern = noise.and_then(|noise| noise.bits_per_pixel).and_then(first);
                Estimate::possible_profile(reached, adaptation, pattern)
            }
        };
        estimates.extend(of_profile);
    }
    FrameReport {
        image: name.to_owned(),
        pixels,
        codec,
        bits_per_pixel: bits,
        estimates,
        transfer: of_frame.transfer,
        calibration,
    }
}

/// One plane of an image.
fn plane(image: &Image16, plane: usize) -> Image16 {
    let shape = image.shape();
    image.crop(plane..plane + 1, 0..shape.height, 0..shape.width)
}

/// What a codec makes of an image; `None` if it cannot code it.
fn coded_bits(image: &Image16, codec: &Spec, context: &Context) -> Option<f64> {
    let bytes = context.registry.build(codec).ok()?.encode(image).ok()?;
    Some(8.0 * bytes.len() as f64)
}

/// A codec compared with its own predictive distributions of a window.
fn trace(window: &Image16, context: &Context) -> Option<(SampledFrame, [Estimate; 2], Calibration)> {
    let codec = context.registry.build(&context.traced).ok()?;
    let mut random = Pcg64::from_seed(1);
    let trace = codec.trace(window, &mut || random.uniform())?;
    let coded = |image: &Image16| Some(8.0 * codec.encode(image).ok()?.len() as f64);
    let sample = Image16::new(window.shape(), trace.sample.clone()).ok()?;
    let spec = codec.spec().to_string();
    let calibration = Calibration::of(&trace.pit_intervals, window.shape().width, || random.uniform());
    let sizes = SampledFrame {
        pixels: window.samples().len(),
        content_bits: trace.sample_bits,
        frame_bits: coded(window)?,
        sample_bits: coded(&sample)?,
    };
    Some((sizes, [sizes.estimate(&spec), calibration.estimate(&spec)], calibration))
}

/// The central window of the middle plane, at most `window_px` on a side.
fn middle(image: &Image16, window_px: usize) -> Image16 {
    let shape = image.shape();
    let centre = |extent: usize| {
        let side = extent.min(window_px);
        let first = (extent - side) / 2;
        first..first + side
    };
    let plane = shape.planes / 2;
    image.crop(plane..plane + 1, centre(shape.height), centre(shape.width))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nf_image::Shape;

    #[test]
    fn codecs_that_are_absent_leave_the_estimates_of_the_frame() {
        let registry = Registry::default();
        let none: Spec = "none".parse().unwrap();
        let context = Context {
            registry: &registry,
            codec: none.clone(),
            traced: none,
            with_profile: None,
            window_px: 64,
        };
        let image = Image16::from_fn(Shape::frame(20, 100), |_, y, x| ((x * x + y * 7) % 90) as u16);
        let oracle = Some(Oracle { given_layers_bits: 9_200.0, layers_bits: None });
        let found = examine("x", &image, oracle, &context);
        let names: Vec<Estimator> = found.estimates.iter().map(|f| f.estimator).collect();
        assert_eq!(names, [Estimator::Oracle, Estimator::NormalNoise]);
        assert_eq!((found.estimates[0].bits_per_pixel, found.bits_per_pixel), (Some(4.6), None));
        let empty = examine("x", &Image16::zeros(Shape::frame(0, 5)), None, &context);
        assert!(empty.estimates.is_empty());
    }
}
