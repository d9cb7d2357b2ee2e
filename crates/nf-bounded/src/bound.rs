//! What is asked for: a number and a unit.

use crate::noise::NoiseModel;
use crate::{Error, Result};
use std::fmt;
use std::str::FromStr;

/// The unit of a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// The unit of the samples as they are stored: `2dn`, or a number alone.
    Dn,
    /// The range of the finite samples, largest less smallest: `1e-3rel`.
    Range,
    /// The standard deviation of a sample's noise: `0.5sigma`.
    Sigma,
    /// None: every sample keeps its bits ([`Bound::EXACT`]).
    Exact,
}

impl Unit {
    /// Every unit, in the order of the container's codes.
    pub const ALL: [Self; 4] = [Self::Dn, Self::Range, Self::Sigma, Self::Exact];

    /// The word behind the number.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dn => "dn",
            Self::Range => "rel",
            Self::Sigma => "sigma",
            Self::Exact => "exact",
        }
    }
}

/// The largest error that a sample may have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    value: f64,
    unit: Unit,
}

impl Bound {
    /// No error at all: arrays without loss, of types that the lossless container does not have.
    pub const EXACT: Self = Self { value: 0.0, unit: Unit::Exact };

    /// A bound of `value` units.
    ///
    /// # Errors
    /// [`Error::Text`] unless the value is a positive finite number; zero for [`Unit::Exact`].
    pub fn new(value: f64, unit: Unit) -> Result<Self> {
        if unit == Unit::Exact && value == 0.0 {
            return Ok(Self::EXACT);
        }
        if value.is_finite() && value > 0.0 && unit != Unit::Exact {
            return Ok(Self { value, unit });
        }
        let text = format!("{value}{}", unit.name());
        Err(Error::Text { text, reason: "expected a number above zero" })
    }

    /// The number.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// Whether it allows no error.
    pub fn is_exact(&self) -> bool {
        self.unit == Unit::Exact
    }

    /// Its unit.
    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// Whether its indices are dithered unless something else is asked for: of a bound in sigmas,
    /// which is about what is measured on the samples. Who bounds samples in their own unit expects
    /// whole multiples of a step.
    pub fn is_dithered(&self) -> bool {
        self.unit == Unit::Sigma
    }

    pub(crate) fn refused(&self, reason: impl Into<String>) -> Error {
        Error::Refused { bound: self.to_string(), reason: reason.into() }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An exponent where digits alone would be long.
        match self.value {
            _ if self.is_exact() => write!(f, "{}", self.unit.name()),
            value if (1e-4..1e9).contains(&value) => write!(f, "{value}{}", self.unit.name()),
            value => write!(f, "{value:e}{}", self.unit.name()),
        }
    }
}

impl FromStr for Bound {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let lower = text.trim().to_ascii_lowercase();
        let mut asked = Unit::ALL.into_iter().filter(|unit| *unit != Unit::Exact);
        let found = asked.find_map(|unit| Some((unit, lower.strip_suffix(unit.name())?)));
        let (unit, number) = found.unwrap_or((Unit::Dn, &lower));
        let reason = "expected a number above zero with a unit, such as 2dn, 0.5sigma or 1e-3rel";
        let wrong = || Error::Text { text: text.to_owned(), reason };
        // `inf` and `nan` parse as numbers.
        let value: f64 = number.trim().parse().map_err(|_| wrong())?;
        Self::new(value, unit).map_err(|_| wrong())
    }
}

/// The largest error of a sample, by its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tolerance {
    /// The same for all, in the unit of the samples.
    Absolute(f64),
    /// So many standard deviations of the noise at that value.
    Sigma {
        /// How many.
        sigmas: f64,
        /// The noise.
        noise: NoiseModel,
    },
}

impl Tolerance {
    /// The largest error of a sample of this value.
    pub fn at(&self, value: f64) -> f64 {
        match self {
            Self::Absolute(error) => *error,
            Self::Sigma { sigmas, noise } => sigmas * noise.sigma(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_numbers_with_a_unit() {
        for (text, value, unit) in [
            ("2dn", 2.0, Unit::Dn),
            ("2", 2.0, Unit::Dn),
            ("0.5sigma", 0.5, Unit::Sigma),
            (" 1e-3REL ", 1e-3, Unit::Range),
            ("0.25 Sigma", 0.25, Unit::Sigma),
        ] {
            let bound: Bound = text.parse().unwrap();
            assert_eq!((bound.value(), bound.unit()), (value, unit), "{text}");
            assert_eq!(bound.to_string().parse::<Bound>().unwrap(), bound, "{text}");
        }
        assert_eq!(Bound::new(1e-9, Unit::Range).unwrap().to_string(), "1e-9rel");
        for text in [
            "", "dn", "0", "-1dn", "0sigma", "nan", "inf", "1e999dn", "2adu", "sigma0.5", "1,5dn", "exact",
            "0exact",
        ] {
            let error = text.parse::<Bound>().unwrap_err().to_string();
            assert!(error.contains("such as 2dn"), "{error}");
        }
    }
}
