//! The noise of a sample by its value: read noise and shot noise.

use crate::{Error, Result};

/// `sigma(x)^2 = read^2 + slope (x - offset)` above the offset, `read^2` below it: the relation of
/// photon transfer (Janesick, Photon Transfer, SPIE 2007), in the unit of the samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseModel {
    offset_dn: f64,
    slope_dn: f64,
    read_noise_dn: f64,
}

impl NoiseModel {
    /// From the variance that a DN of light adds, the inverse of the gain in electrons per DN; a
    /// slope of zero is noise that does not depend on the value.
    ///
    /// # Errors
    /// [`Error::Noise`] unless the numbers are finite, the slope is not negative, and the read
    /// noise is above zero.
    pub fn new(offset_dn: f64, slope_dn: f64, read_noise_dn: f64) -> Result<Self> {
        let wrong = |reason: String| Err(Error::Noise(reason));
        if !offset_dn.is_finite() {
            return wrong(format!("an offset of {offset_dn} DN, expected a number"));
        }
        if !(slope_dn.is_finite() && slope_dn >= 0.0) {
            return wrong(format!("a slope of {slope_dn}, expected zero or more"));
        }
        if !(read_noise_dn.is_finite() && read_noise_dn > 0.0) {
            return wrong(format!("a read noise of {read_noise_dn} DN, expected a number above zero"));
        }
        Ok(Self { offset_dn, slope_dn, read_noise_dn })
    }

    /// From offset and read noise in DN and the gain in electrons per DN.
    ///
    /// # Errors
    /// As [`NoiseModel::new`], and if the gain is not a finite number above zero.
    pub fn from_gain(offset_dn: f64, gain_e_per_dn: f64, read_noise_dn: f64) -> Result<Self> {
        if !(gain_e_per_dn.is_finite() && gain_e_per_dn > 0.0) {
            let reason = format!("a gain of {gain_e_per_dn} electrons per DN, expected a number above zero");
            return Err(Error::Noise(reason));
        }
        Self::new(offset_dn, 1.0 / gain_e_per_dn, read_noise_dn)
    }

    /// The value of a sample without light, DN.
    pub fn offset_dn(&self) -> f64 {
        self.offset_dn
    }

    /// Variance that a DN of light adds.
    pub fn slope_dn(&self) -> f64 {
        self.slope_dn
    }

    /// Standard deviation without light, DN.
    pub fn read_noise_dn(&self) -> f64 {
        self.read_noise_dn
    }

    /// The same noise of samples from which `dn` was subtracted.
    pub fn shifted(self, dn: f64) -> Self {
        Self { offset_dn: self.offset_dn - dn, ..self }
    }

    /// Standard deviation of a sample of this value, DN.
    pub fn sigma(&self, value: f64) -> f64 {
        let light = (value - self.offset_dn).max(0.0);
        (self.read_noise_dn * self.read_noise_dn + self.slope_dn * light).sqrt()
    }
}

/// Where a noise model comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoiseSource {
    /// The user.
    Given,
    /// Photon transfer of pairs of planes.
    Pairs,
    /// The scatter of neighbouring samples by their level.
    Neighbours,
    /// Gain and read noise stated by a header; the offset measured (container version 2).
    Header,
}

impl NoiseSource {
    /// Every source, in the order of the container's codes.
    pub const ALL: [Self; 4] = [Self::Given, Self::Pairs, Self::Neighbours, Self::Header];

    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Given => "given by the user",
            Self::Pairs => "measured on pairs of planes",
            Self::Neighbours => "measured on neighbouring samples",
            Self::Header => "with gain and read noise of the header",
        }
    }
}

/// A noise model, and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise {
    /// The model.
    pub model: NoiseModel,
    /// Its source.
    pub source: NoiseSource,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_grows_with_light_and_not_below_the_offset() {
        let noise = NoiseModel::from_gain(100.0, 2.0, 3.0).unwrap();
        assert_eq!(noise.sigma(0.0), 3.0);
        assert_eq!(noise.sigma(100.0), 3.0);
        assert_eq!(noise.sigma(132.0), 5.0);
        assert_eq!(noise.shifted(100.0).sigma(32.0), 5.0);
    }

    #[test]
    fn what_is_no_noise_is_refused() {
        for (offset, gain, read) in [
            (0.0, 0.0, 1.0),
            (0.0, -1.0, 1.0),
            (0.0, 1.0, 0.0),
            (0.0, f64::NAN, 1.0),
            (0.0, 1.0, f64::INFINITY),
        ] {
            assert!(NoiseModel::from_gain(offset, gain, read).is_err());
        }
        assert!(NoiseModel::from_gain(f64::NAN, 1.0, 1.0).is_err());
        let words = NoiseModel::from_gain(0.0, 0.0, 1.0).unwrap_err().to_string();
        assert!(words.contains("gain of 0 electrons per DN"), "{words}");
    }
}
