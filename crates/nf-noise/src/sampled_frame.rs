//! A sampled frame: one drawn from a codec's own predictive distributions, coded by the same
//! codec (a parametric bootstrap sample).
//!
//! While the real frame is coded, the codec has a predictive distribution for every pixel; the
//! sample has at each pixel a value drawn from the distribution at *that* pixel. Its information
//! content under these distributions is known, and is on average their entropy. What the real frame
//! and the sample cost above it are two numbers:
//!
//! - `frame - content`: misfit, what the real pixels cost because they do not follow such
//!   distributions;
//! - `sample - content`: adaptation, what the codec pays to learn a frame that follows them. It
//!   does not see the real pixels that the distributions were made from, so it pays twice for what
//!   noise moves in them.

use crate::estimate::{Estimate, Estimator};

/// Sizes of a frame and of a sample with the same number of pixels, all in bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampledFrame {
    /// Pixels of each.
    pub pixels: usize,
    /// Sum of -log2 of the probabilities under which the sample was drawn.
    pub content_bits: f64,
    /// Stream of the real frame.
    pub frame_bits: f64,
    /// Stream of the sample.
    pub sample_bits: f64,
}

impl SampledFrame {
    /// What the real frame costs above the content, bits per pixel.
    pub fn misfit(&self) -> f64 {
        (self.frame_bits - self.content_bits) / self.pixels.max(1) as f64
    }

    /// What the sample costs above its content, bits per pixel.
    pub fn adaptation(&self) -> f64 {
        (self.sample_bits - self.content_bits) / self.pixels.max(1) as f64
    }

    /// The content per pixel, with misfit and adaptation of `codec`.
    pub fn estimate(&self, codec: &str) -> Estimate {
        let per_pixel = |bits: f64| bits / self.pixels.max(1) as f64;
        let (frame, sample) = (per_pixel(self.frame_bits), per_pixel(self.sample_bits));
        let (misfit, adaptation) = (self.misfit(), self.adaptation());
        let meaning = "information content of values drawn from the codec's own predictive \
                       distributions; a window of the middle plane";
        let details = vec![
            format!("misfit {misfit:+.4}"),
            format!("adaptation {adaptation:+.4}"),
            format!("by {codec}: window {frame:.4}, sample {sample:.4} bits/pixel"),
        ];
        let figures = [
            ("window_bits_per_pixel", frame),
            ("sample_bits_per_pixel", sample),
            ("misfit_bits_per_pixel", misfit),
            ("adaptation_bits_per_pixel", adaptation),
        ];
        let content = per_pixel(self.content_bits);
        Estimate::new(Estimator::SampledFrame, Some(content), meaning).with(details, figures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misfit_and_adaptation_are_what_lies_above_the_content() {
        let sizes = SampledFrame { pixels: 100, content_bits: 400.0, frame_bits: 390.0, sample_bits: 425.0 };
        assert!((sizes.misfit() + 0.1).abs() < 1e-12 && (sizes.adaptation() - 0.25).abs() < 1e-12);
        let estimate = sizes.estimate("x");
        assert_eq!(estimate.bits_per_pixel, Some(4.0));
        assert_eq!(estimate.details[0], "misfit -0.1000");
        assert!(estimate.details[2].contains("window 3.9000, sample 4.2500"));
    }
}
