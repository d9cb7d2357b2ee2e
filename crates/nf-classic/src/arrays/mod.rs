//! Codecs of whole arrays, most with a loss of their own, for `nf_bounded`: integers and
//! floating-point numbers of one to four axes.
//!
//! - `zfp`: ZFP (feature `zfp`).
//! - `lerc`: LERC with an error.
//! - `jpegls`: JPEG-LS, near-lossless (feature `jpegls`).
//! - `ccsds123`: CCSDS 123 near-lossless.
//! - `fits`: RICE_1 of quantised numbers and lossy HCOMPRESS_1, as in FITS files.
//! - `numbers`: without loss: pco, and zstd behind the floating-point predictor.
//! - `planes`: arrays as planes, and streams of planes behind one another.

mod ccsds123;
mod fits;
#[cfg(feature = "jpegls")]
mod jpegls;
mod lerc;
mod numbers;
mod planes;
#[cfg(feature = "zfp")]
mod zfp;

use nf_bounded::{Array, ArrayCodec, ArrayEntry, Error, SampleType, Samples, ValuesOfBound};
use nf_codec::{OptionDoc, Spec};
use std::sync::Arc;

/// Every array codec that this build has, in the order of tables.
pub fn array_entries() -> Vec<ArrayEntry> {
    let lines: &[Line] = &[
        #[cfg(feature = "zfp")]
        zfp::LINE,
        lerc::LINE,
        #[cfg(feature = "jpegls")]
        jpegls::LINE,
        ccsds123::LINE,
        fits::RICE,
        fits::HCOMPRESS,
        numbers::PCODEC,
        numbers::ZSTD,
    ];
    lines.iter().map(Line::entry).collect()
}

/// One line of the registry of array codecs.
struct Line {
    name: &'static str,
    summary: &'static str,
    source: &'static str,
    options: &'static [OptionDoc],
    modes: &'static [&'static str],
    is_homonym: bool,
    values_of_bound: ValuesOfBound,
    build: fn(&Spec) -> nf_bounded::Result<Box<dyn ArrayCodec>>,
}

impl Line {
    fn entry(&self) -> ArrayEntry {
        ArrayEntry {
            name: self.name.to_owned(),
            summary: self.summary.to_owned(),
            source: self.source.to_owned(),
            options: self.options,
            modes: self.modes,
            is_homonym: self.is_homonym,
            values_of_bound: self.values_of_bound,
            build: Arc::new(self.build),
        }
    }
}

/// No value: a mode that has nothing to do with a bound.
fn no_values(_: &Spec, _: &str, _: SampleType, _: f64) -> Vec<f64> {
    Vec::new()
}

/// What a coder of real numbers may be wrong by, so that an integer is within its tolerance after
/// rounding: almost half a unit more.
pub(crate) fn before_rounding(sample: SampleType, tolerance: f64) -> f64 {
    if sample.is_float() { tolerance } else { tolerance.floor() + 0.499 }
}

/// Samples as another type; integers are rounded.
pub(crate) fn samples_as(samples: &Samples, sample: SampleType) -> Samples {
    planes::samples_of(&planes::as_f64(samples), sample)
}

/// An array that the codec does not take.
fn unsupported(codec: &str, array: &Array, reason: &str) -> Error {
    let sample = array.samples().sample_type();
    nf_codec::Error::backend(codec, format!("{sample} samples, axes {:?}: {reason}", array.axes())).into()
}
