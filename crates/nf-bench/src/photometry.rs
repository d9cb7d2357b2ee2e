//! What bounds do to photometry: `photometry.csv` of a run, a row for every codec with a loss of
//! its own and every bound, on the simulated sky of `sky`; and rows for indices without and with
//! subtractive dither, whose size is that of the last lossless codec of the suite.

use crate::errors::{OPEN_LOOP, append, read};
use crate::measure::panic_words;
pub use crate::sky::RATIOS;
use crate::sky::{SIGMA_DN, SKY_DN, Sky};
use crate::transforms::Bounded;
use crate::{Error, Result};
use nf_bounded::{Array, ArrayRegistry, Bound, QuantiseOptions, Unit, encode_within};
use nf_codec::{Codec, Spec};
use serde::{Deserialize, Serialize};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// The file of a run.
pub const FILE: &str = "photometry.csv";

/// Stands for indices with subtractive dither.
pub const DITHERED: &str = "indices, dithered";

/// Bounds in standard deviations of the sky's noise.
pub const BOUNDS_SIGMA: [f64; 4] = [0.25, 0.5, 1.0, 2.0];

/// Photometry of one codec within one bound, against that of the original frame.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PhotometryRow {
    /// The codec, [`OPEN_LOOP`] or [`DITHERED`].
    pub codec: String,
    /// The bound in standard deviations of the noise.
    pub bound_sigma: f64,
    /// Bits per pixel.
    pub bits_per_pixel: f64,
    /// Root mean square of the error, DN; the noise is 10.
    pub rms_dn: f64,
    /// Median of the frame less that of the original, DN.
    pub sky_median_dn: f64,
    /// The same for the mean clipped at three standard deviations.
    pub sky_mean_dn: f64,
    /// Mean change of a flux by signal-to-noise ratio, standard deviations of a flux, separated by
    /// semicolons.
    pub flux_bias_sigma: String,
    /// Standard errors of those means.
    pub flux_bias_error: String,
    /// Scatter of fluxes relative to that of the original.
    pub flux_scatter: String,
    /// Root mean square change of a centroid at ratios of 10, 30 and 100, pixels.
    pub centroid_px: String,
    /// Mean relative change of the size at ratios of 30 and 100.
    pub size_bias: String,
    /// Mean change of the first ellipticity at ratios of 30 and 100.
    pub ellipticity_bias: String,
    /// Share of the stars that are detected at 3 sigma, by ratio; the original's share subtracted.
    pub completeness_3: String,
    /// The same at 5 sigma.
    pub completeness_5: String,
    /// Detections at 3 sigma that are no star; the original's number subtracted.
    pub false_3: i64,
    /// The same at 5 sigma.
    pub false_5: i64,
    /// Why there are no figures; empty if there are.
    pub error: String,
}

fn list(values: &[f64], digits: usize) -> String {
    values.iter().map(|value| format!("{value:.digits$}")).collect::<Vec<_>>().join(";")
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn deviation(values: &[f64]) -> f64 {
    let centre = mean(values);
    (values.iter().map(|value| (value - centre).powi(2)).sum::<f64>() / values.len().max(1) as f64).sqrt()
}

struct Trial {
    sky: Sky,
    original: Vec<f64>,
    before: crate::sky::Found,
}

impl Trial {
    fn new() -> Self {
        let sky = Sky::new();
        let original: Vec<f64> = sky.image.samples().iter().map(|&x| f64::from(x)).collect();
        let before = sky.measure(&original);
        Self { sky, original, before }
    }

    fn row(&self, codec: &str, bound_sigma: f64, bytes: u64, decoded: &Array) -> PhotometryRow {
        let pixels: Vec<f64> = (0..self.original.len()).map(|place| decoded.samples().value(place)).collect();
        let (before, after) = (&self.before, self.sky.measure(&pixels));
        let square: f64 = pixels.iter().zip(&self.original).map(|(y, x)| (y - x).powi(2)).sum();
        let by_class = |of: &dyn Fn(usize) -> f64, class: usize| -> Vec<f64> {
            self.sky.of_class(class).map(of).collect()
        };
        let change = |star: usize| after.fluxes[star] - before.fluxes[star];
        let (mut bias, mut error, mut scatter) = (vec![], vec![], vec![]);
        for class in 0..RATIOS.len() {
            let changes = by_class(&change, class);
            bias.push(mean(&changes));
            error.push(deviation(&changes) / (changes.len() as f64).sqrt());
            let of = |found: &crate::sky::Found| deviation(&by_class(&|star| found.fluxes[star], class));
            scatter.push(of(&after) / of(before));
        }
        let moved = |star: usize| {
            let ((a, b), (c, d)) = (after.centroids[star], before.centroids[star]);
            (a - c).powi(2) + (b - d).powi(2)
        };
        let grown = |star: usize| after.sizes[star] / before.sizes[star] - 1.0;
        let bent = |star: usize| after.ellipticities[star].0 - before.ellipticities[star].0;
        let means = |of: &dyn Fn(usize) -> f64| -> Vec<f64> {
            [3, 4].map(|class| mean(&by_class(of, class))).to_vec()
        };
        let complete = |level: usize| -> String {
            let share = |class: usize| {
                let stars = self.sky.of_class(class).count() as f64;
                let of = |found: &crate::sky::Found| found.detections[level].found[class] as f64;
                (of(&after) - of(before)) / stars
            };
            list(&(0..RATIOS.len()).map(share).collect::<Vec<_>>(), 3)
        };
        let wrong =
            |level: usize| after.detections[level].wrong as i64 - before.detections[level].wrong as i64;
        let centroids = [2, 3, 4].map(|class| mean(&by_class(&moved, class)).sqrt());
        PhotometryRow {
            codec: codec.to_owned(),
            bound_sigma,
            bits_per_pixel: (8e4 * bytes as f64 / pixels.len() as f64).round() / 1e4,
            rms_dn: ((square / pixels.len() as f64).sqrt() * 1e4).round() / 1e4,
            sky_median_dn: after.median_dn - before.median_dn,
            sky_mean_dn: ((after.clipped_mean_dn - before.clipped_mean_dn) * 1e4).round() / 1e4,
            flux_bias_sigma: list(&bias, 4),
            flux_bias_error: list(&error, 4),
            flux_scatter: list(&scatter, 3),
            centroid_px: list(&centroids, 4),
            size_bias: list(&means(&grown), 4),
            ellipticity_bias: list(&means(&bent), 4),
            completeness_3: complete(0),
            completeness_5: complete(1),
            false_3: wrong(0),
            false_5: wrong(1),
            error: String::new(),
        }
    }
}

/// The corner of the simulated sky that pictures show, and what codecs add to it.
pub struct SkyPictures {
    sky: Sky,
}

impl Default for SkyPictures {
    fn default() -> Self {
        Self { sky: Sky::new() }
    }
}

impl SkyPictures {
    /// Pixels of a side.
    pub const SIDE_PX: usize = 160;

    /// The sky less its level, in standard deviations of its noise, row by row.
    pub fn original(&self) -> Vec<f64> {
        self.corner(|place| (f64::from(self.sky.image.samples()[place]) - SKY_DN) / SIGMA_DN)
    }

    /// The error within a bound, in units of the bound: of indices, dithered or not, or of an array
    /// codec.
    ///
    /// # Errors
    /// What the codec did wrong.
    pub fn error(
        &self,
        bound_sigma: f64,
        dither: bool,
        codec: Option<(&ArrayRegistry, &Spec)>,
    ) -> Result<Vec<f64>, String> {
        let text = |error: nf_bounded::Error| error.to_string();
        let bounded = Bounded::of(&self.sky.image, &dn(bound_sigma)?, dither)?;
        let coded = match codec {
            None => bounded.quantised,
            Some((registry, spec)) => {
                let options = QuantiseOptions::default();
                encode_within(&bounded.array, &bounded.bound, &options, registry, spec).map_err(text)?
            }
        };
        let decoded = coded.decoded();
        let original = self.sky.image.samples();
        let error = |place: usize| decoded.samples().value(place) - f64::from(original[place]);
        Ok(self.corner(|place| error(place) / bounded.bound.value()))
    }

    fn corner(&self, value: impl Fn(usize) -> f64) -> Vec<f64> {
        let width = self.sky.image.shape().width;
        let places = (0..Self::SIDE_PX).flat_map(|row| (0..Self::SIDE_PX).map(move |x| row * width + x));
        places.map(value).collect()
    }
}

/// Writes the file of a run, unless it is there. `lossless` codes indices.
pub(crate) fn write(
    folder: &Path,
    registry: &ArrayRegistry,
    specs: &[&Spec],
    lossless: Option<&dyn Codec>,
) -> Result<()> {
    let path = folder.join(FILE);
    if path.exists() {
        return Ok(());
    }
    let trial = Trial::new();
    let mut rows = Vec::new();
    for bound_sigma in BOUNDS_SIGMA {
        for (name, dither) in [(OPEN_LOOP, false), (DITHERED, true)] {
            let row = attempt(|| {
                let bounded = Bounded::of(&trial.sky.image, &dn(bound_sigma)?, dither)?;
                let bytes = match lossless {
                    Some(codec) => bounded.encode(codec)?.len() as u64,
                    None => 0,
                };
                Ok(trial.row(name, bound_sigma, bytes, bounded.quantised.decoded()))
            });
            rows.push(named(name, bound_sigma, row));
        }
        for spec in specs {
            let name = spec.to_string();
            let row = attempt(|| {
                let bounded = Bounded::of(&trial.sky.image, &dn(bound_sigma)?, false)?;
                let options = QuantiseOptions::default();
                let coded = encode_within(&bounded.array, &bounded.bound, &options, registry, spec);
                let coded = coded.map_err(|error| error.to_string())?;
                let record = &coded.record;
                let listed = if record.exact_samples() > 0 { record.exact_bytes() } else { 0 };
                let bytes = coded.streams().iter().map(Vec::len).sum::<usize>() + listed;
                Ok(trial.row(&name, bound_sigma, bytes as u64, coded.decoded()))
            });
            rows.push(named(&name, bound_sigma, row));
        }
    }
    rows.iter().try_for_each(|row| append(&path, row))
}

fn dn(bound_sigma: f64) -> Result<Bound, String> {
    Bound::new(bound_sigma * SIGMA_DN, Unit::Dn).map_err(|error| error.to_string())
}

fn attempt(work: impl FnOnce() -> Result<PhotometryRow, String>) -> Result<PhotometryRow, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(panic_words(panic.as_ref()).to_owned()))
}

fn named(name: &str, bound_sigma: f64, row: Result<PhotometryRow, String>) -> PhotometryRow {
    row.unwrap_or_else(|reason| PhotometryRow {
        codec: name.to_owned(),
        bound_sigma,
        error: crate::measurement::one_line(&reason),
        ..PhotometryRow::default()
    })
}

/// The rows of a run; none if it has no file.
///
/// # Errors
/// If the file cannot be read, or a line is not a row.
pub fn of_run(folder: &Path) -> Result<Vec<PhotometryRow>, Error> {
    read(&folder.join(FILE))
}
