//! The options of a bound.

use super::input::Image;
use anyhow::{Context, Result, anyhow, bail};
use nf_bounded::{Array, Bound, Noise, NoiseModel, NoiseSource, Unit, measure};
use nf_fits::Header;

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct BoundOptions {
    /// NOT lossless: samples may change by BOUND, which is proved: 2dn (stored units), 0.5sigma (of
    /// their noise) or 1e-3rel (of their range)
    #[arg(long, value_name = "BOUND", allow_hyphen_values = true, help_heading = "Loss")]
    pub(crate) bound: Option<Bound>,
    /// Noise for a bound in sigmas: offset=DN,gain=E_PER_DN,read=DN, `header` (its gain and read
    /// noise), or `measured` [default]
    #[arg(long, value_name = "NOISE", requires = "bound", value_parser = NoiseOption::parse, help_heading = "Loss")]
    noise: Option<NoiseOption>,
}

/// Where the noise comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
enum NoiseOption {
    Measured,
    Header,
    Given(NoiseModel),
}

impl NoiseOption {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "measured" => return Ok(Self::Measured),
            "header" => return Ok(Self::Header),
            _ => {}
        }
        let wrong = |reason: &str| {
            format!(
                "'{text}' is no noise: {reason}; expected offset=DN,gain=E_PER_DN,read=DN, measured or header"
            )
        };
        let mut values = [None; 3];
        const KEYS: [&str; 3] = ["offset", "gain", "read"];
        for pair in text.split(',') {
            let (key, value) = pair.split_once('=').ok_or_else(|| wrong("a word without a value"))?;
            let place = KEYS.iter().position(|known| *known == key.trim());
            let place = place.ok_or_else(|| wrong(&format!("unknown word '{}'", key.trim())))?;
            let value: f64 =
                value.trim().parse().map_err(|_| wrong(&format!("'{}' is no number", value.trim())))?;
            if values[place].replace(value).is_some() {
                return Err(wrong(&format!("'{}' is there twice", key.trim())));
            }
        }
        let of =
            |place: usize| values[place].ok_or_else(|| wrong(&format!("the {} is missing", KEYS[place])));
        let model = NoiseModel::from_gain(of(0)?, of(1)?, of(2)?);
        model.map(Self::Given).map_err(|error| wrong(&error.to_string()))
    }
}

/// What a header says of the noise.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct HeaderNoise {
    pub(super) gain_e_per_dn: Option<f64>,
    pub(super) read_noise_e: Option<f64>,
}

impl HeaderNoise {
    /// Keywords of detectors; the value of the first one that has a number counts.
    const GAIN: [&str; 5] = ["EGAIN", "CCDGAIN", "ATODGAIN", "GAIN", "ESO DET OUT1 CONAD"];
    const READ: [&str; 6] = ["RDNOISE", "READNOIS", "RDNOIS", "ENOISE", "RON", "ESO DET OUT1 RON"];

    /// Of the header of an image, or else the primary one.
    pub(super) fn of(headers: [&Header; 2]) -> Self {
        let find = |keywords: &[&str]| {
            let numbers = headers
                .into_iter()
                .flat_map(|header| keywords.iter().filter_map(|keyword| header.real(keyword).ok().flatten()));
            numbers.into_iter().find(|number| number.is_finite() && *number > 0.0)
        };
        Self { gain_e_per_dn: find(&Self::GAIN), read_noise_e: find(&Self::READ) }
    }

    /// With the offset that the samples show.
    fn model(self, array: &Array) -> Result<NoiseModel> {
        let missing = |what: &str, keywords: &[&str]| {
            let short: Vec<&str> = keywords.iter().copied().filter(|word| word.len() <= 8).collect();
            format!(
                "the header states no {what} ({}); --noise offset=DN,gain=E_PER_DN,read=DN says it",
                short.join(", ")
            )
        };
        let gain = self.gain_e_per_dn.with_context(|| missing("gain", &Self::GAIN))?;
        let read = self.read_noise_e.with_context(|| missing("read noise", &Self::READ))?;
        let dark = measure(array)?.model;
        Ok(NoiseModel::from_gain(dark.offset_dn(), gain, read / gain)?)
    }
}

/// How the stored samples of an array become physical values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Physical {
    pub(super) scale: f64,
    pub(super) zero: f64,
}

impl BoundOptions {
    /// The noise of an array, where the bound needs one.
    ///
    /// # Errors
    /// If it cannot be measured, or the one given does not go with the scale of the samples.
    pub(super) fn noise_of(&self, bound: &Bound, image: &Image) -> Result<Option<Noise>> {
        let Image { array, physical, .. } = image;
        if bound.unit() != Unit::Sigma {
            if self.noise.is_some() {
                bail!("--noise is of use for a bound in sigmas only, and this one is {bound}");
            }
            return Ok(None);
        }
        match self.noise {
            Some(NoiseOption::Given(_) | NoiseOption::Header) if physical.scale != 1.0 => {
                bail!("BSCALE is {}, so a noise in DN cannot be given; use --noise measured", physical.scale)
            }
            Some(NoiseOption::Header) => {
                let model = image.header_noise.model(array)?;
                Ok(Some(Noise { model, source: NoiseSource::Header }))
            }
            Some(NoiseOption::Given(model)) => {
                // The user speaks of physical values; the samples lack BZERO.
                Ok(Some(Noise { model: model.shifted(physical.zero), source: NoiseSource::Given }))
            }
            Some(NoiseOption::Measured) | None => Ok(Some(
                measure(array)
                    .map_err(|error| anyhow!("{error} (--noise offset=DN,gain=E_PER_DN,read=DN)"))?,
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_noise_is_three_numbers_or_measured() {
        let given = |text| NoiseOption::parse(text);
        assert_eq!(given("measured"), Ok(NoiseOption::Measured));
        assert_eq!(given("header"), Ok(NoiseOption::Header));
        let model = NoiseModel::from_gain(1000.0, 1.5, 4.0).expect("legal numbers");
        assert_eq!(given("gain=1.5, offset=1e3,read=4"), Ok(NoiseOption::Given(model)));
        for (text, word) in [
            ("gain=1.5,read=4", "the offset is missing"),
            ("offset=1,read=4", "the gain is missing"),
            ("offset=1,gain=0,read=4", "a gain of 0"),
            ("offset=1,gain=2,read=-1", "a read noise of -1"),
            ("offset=1,gain=2,read=0", "a read noise of 0"),
            ("offset=1,gain=x,read=0", "'x' is no number"),
            ("offset=1,offset=2", "twice"),
            ("iso=1", "unknown word"),
            ("", "without a value"),
        ] {
            let error = given(text).expect_err("no noise");
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
