//! An estimate of what a frame must cost, and what kind of figure it is.

use crate::entropy::rounded_normal_bits;
use crate::sigma::SigmaEstimator;
use nf_image::Image16;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// A way of knowing what a frame must cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Estimator {
    /// The distribution that a simulated frame was drawn from.
    Oracle,
    /// Regions of the detector that see no light.
    Unexposed,
    /// Pairs of exposures of one field.
    PhotonTransfer,
    /// Groups of a ramp.
    RampFit,
    /// The noise sigma of the frame.
    NormalNoise,
    /// A frame drawn from a model's own predictive distributions.
    SampledFrame,
    /// Whether a model's predictive distributions are those of the pixels.
    Calibration,
    /// What a detector profile takes off, or could.
    Profile,
}

/// What kind of figure an estimator gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A bound on this frame: no code that does not know the noise is shorter, on average over the
    /// noise.
    Bound,
    /// An estimate of something else, which a codec may well go below.
    Estimate,
    /// No size: a test.
    Test,
}

impl Kind {
    /// The word in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bound => "bound",
            Self::Estimate => "estimate",
            Self::Test => "test",
        }
    }
}

impl Estimator {
    /// The name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Oracle => "oracle",
            Self::Unexposed => "unexposed regions",
            Self::PhotonTransfer => "photon transfer",
            Self::RampFit => "ramp fit",
            Self::NormalNoise => "normal noise",
            Self::SampledFrame => "sampled frame",
            Self::Calibration => "calibration",
            Self::Profile => "detector profile",
        }
    }

    /// What kind of figure it gives.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Oracle => Kind::Bound,
            Self::Calibration => Kind::Test,
            _ => Kind::Estimate,
        }
    }

    /// Whether its figure bounds this frame, and if not, of what it is an estimate.
    pub const fn scope(self) -> &'static str {
        match self {
            Self::Oracle => "a bound on this frame, on average over its noise",
            Self::Unexposed => "no bound: an estimate of a pixel without light",
            Self::PhotonTransfer => "no bound: an estimate for normal noise around a known scene",
            Self::RampFit => "no bound: an estimate of a group whose line is known",
            Self::NormalNoise => "no bound: an estimate for normal noise of one sigma everywhere",
            Self::SampledFrame => "no bound: an estimate of a frame as the model believes it to be",
            Self::Calibration => "no size: a test of the model",
            Self::Profile => "no bound: what is left if the detector is known",
        }
    }

    /// Whether its figure is meant for all pixels of the frame, so that a smaller stream refutes
    /// it.
    const fn is_refutable(self) -> bool {
        matches!(self, Self::Unexposed | Self::PhotonTransfer | Self::RampFit | Self::NormalNoise)
    }
}

impl Serialize for Estimator {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What one estimator says of an image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// How it was found.
    pub estimator: Estimator,
    /// What kind of figure it is.
    pub kind: Kind,
    /// The figure, bits per pixel; none where the estimator is a test.
    pub bits_per_pixel: Option<f64>,
    /// How the figure is defined.
    pub meaning: String,
    /// What else was found, in words.
    pub details: Vec<String>,
    /// The same as numbers by name, with units in the names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub figures: BTreeMap<String, f64>,
}

impl Estimate {
    /// An estimate without details.
    pub(crate) fn new(estimator: Estimator, bits_per_pixel: Option<f64>, meaning: &str) -> Self {
        Self {
            estimator,
            kind: estimator.kind(),
            bits_per_pixel,
            meaning: meaning.to_owned(),
            details: vec![],
            figures: BTreeMap::new(),
        }
    }

    /// The same with details and numbers.
    pub(crate) fn with<const N: usize>(mut self, details: Vec<String>, figures: [(&str, f64); N]) -> Self {
        self.details = details;
        self.figures = figures.map(|(name, value)| (name.to_owned(), value)).into();
        self
    }

    /// The information content of a simulated frame of so many pixels: `noise_bits` given
    /// everything that was certain before the noise was drawn, and what a description of that scene
    /// costs on top, where it is known.
    pub fn oracle(noise_bits: f64, scene_bits: Option<f64>, pixels: usize) -> Self {
        let per_pixel = |bits: f64| bits / pixels.max(1) as f64;
        let meaning = "information content under the distribution that the frame was drawn from, \
                       given all that was certain before the noise";
        let with_scene = |bits| {
            let both = per_pixel(noise_bits + bits);
            format!("{both:.4} bits/pixel with a description of this exposure's layers")
        };
        Self::new(Estimator::Oracle, Some(per_pixel(noise_bits)), meaning)
            .with(scene_bits.map(with_scene).into_iter().collect(), [])
    }

    /// Normal noise of the frame's median sigma; `None` if no noise is found.
    pub fn normal_noise(image: &Image16) -> Option<Self> {
        let sigma = SigmaEstimator::ThirdOrder.sigma(image).filter(|&sigma| sigma > 0.0)?;
        let meaning = "entropy of normal noise of the frame's median sigma (3rd-order MAD); too high or \
                       too low where the noise varies or is not normal";
        let estimate = Self::new(Estimator::NormalNoise, Some(rounded_normal_bits(sigma)), meaning);
        Some(estimate.with(vec![format!("sigma {sigma:.2} counts")], [("sigma_counts", sigma)]))
    }

    /// What is left of the `reached` bits per pixel with a detector profile of this name.
    pub fn with_profile(reached: f64, with: f64, name: &str) -> Self {
        let saved = reached - with;
        let share = 100.0 * saved / reached.max(1e-9);
        let meaning = "the codec with this detector profile, whose bytes are not counted";
        Self::new(Estimator::Profile, Some(with), meaning).with(
            vec![format!("{name} saves {saved:.4} bits/pixel ({share:.1} %)")],
            [("saved_bits_per_pixel", saved)],
        )
    }

    /// What a detector profile could take off the `reached` bits per pixel at most, from this frame
    /// alone: what a codec pays to learn it, and of a stack what its first plane costs above the
    /// noise by photon transfer, which is pattern and scene.
    pub fn possible_profile(reached: f64, adaptation: Option<f64>, pattern: Option<f64>) -> Option<Self> {
        let saved = adaptation.unwrap_or(0.0).max(0.0) + pattern.unwrap_or(0.0).max(0.0);
        let meaning = "what would be left if a detector profile took off all that this frame shows of its \
                       detector; a pattern that no second plane shows is not in it";
        let mut details = vec![format!("a profile could still save at most {saved:.4} bits/pixel")];
        details.extend(adaptation.map(|bits| format!("adaptation {bits:+.4}")));
        details.extend(pattern.map(|bits| format!("pattern and scene of the first plane {bits:+.4}")));
        (adaptation.is_some() || pattern.is_some()).then(|| {
            Self::new(Estimator::Profile, Some(reached - saved), meaning)
                .with(details, [("saved_bits_per_pixel", saved)])
        })
    }

    /// Notes that `codec` codes the frame at `reached` bits per pixel, if that contradicts the
    /// figure.
    pub fn compare(&mut self, codec: &str, reached: f64) {
        if self.estimator.is_refutable() && self.bits_per_pixel.is_some_and(|bits| bits > reached) {
            self.details
                .push(format!("{codec} needs less: what this estimate assumes does not hold on this frame"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testdata::noise;

    #[test]
    fn only_the_oracle_bounds_a_frame() {
        let mut oracle = Estimate::oracle(46_000.0, Some(1_000.0), 10_000);
        assert_eq!((oracle.kind, oracle.bits_per_pixel), (Kind::Bound, Some(4.6)));
        assert!(oracle.details[0].starts_with("4.7000 bits/pixel"));
        oracle.compare("x", 4.5);
        assert_eq!(oracle.details.len(), 1, "a frame may be cheaper than its average by chance");

        let mut normal = Estimate::normal_noise(&noise(100, 100, 6.0, |_, _| 500.0)).unwrap();
        assert!((normal.bits_per_pixel.unwrap() - 4.63).abs() < 0.12);
        assert_eq!(normal.kind, Kind::Estimate);
        normal.compare("x", 5.5);
        assert_eq!(normal.details.len(), 1);
        normal.compare("x", 4.0);
        assert!(normal.details[1].starts_with("x needs less"));
    }
}
