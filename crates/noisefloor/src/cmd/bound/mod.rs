//! `--bound`: files whose samples may change, by how much at most, and what is said of it.
//!
//! - `options`: the options of the command line, and the noise that a bound in sigmas refers to.
//! - `input`: FITS and .npy files as arrays of every type.
//! - `compress`, `decompress`: bounded containers; `facts`: what `info` says of them.
//! - `pack`: tile-compressed FITS files within a bound; `compare`: how far they are from theirs.

pub(crate) mod compare;
pub(crate) mod compress;
pub(crate) mod decompress;
pub(crate) mod facts;
mod input;
mod options;
pub(crate) mod pack;

pub(crate) use options::BoundOptions;

use nf_bounded::{ArrayRecord, Tolerance};
use nf_fits::{BoundCards, BoundTolerance, Header};

/// What a FITS header says of an array, and of the largest error found.
fn cards(record: &ArrayRecord, largest_error: f64) -> BoundCards {
    let tolerance = match record.tolerance {
        Tolerance::Absolute(error) => BoundTolerance::Absolute(error),
        Tolerance::Sigma { sigmas, noise } => BoundTolerance::Noise {
            sigmas,
            offset: noise.offset_dn(),
            slope: noise.slope_dn(),
            read: noise.read_noise_dn(),
        },
    };
    BoundCards {
        value: record.bound.value(),
        unit: record.bound.unit().name().to_owned(),
        tolerance,
        largest_error,
        original: record.original.to_string(),
    }
}

/// What was lost of an array, in words: never silent, never called lossless.
fn loss_words(record: &ArrayRecord) -> String {
    let share = 100.0 * record.changed as f64 / record.samples().max(1) as f64;
    let sigmas = record.largest_error_sigma.map(|most| format!(" ({most:.3} sigma)")).unwrap_or_default();
    format!(
        "within {}, largest error {}{sigmas}, {share:.1} % of samples changed, {} kept exactly",
        record.bound,
        number(record.largest_error),
        record.exact_samples()
    )
}

/// What is said where the pixels of an image were changed within a bound before: the new bound does
/// not count from the original.
fn earlier_words(header: Option<&Header>) -> Option<String> {
    let cards = BoundCards::of_header(header?)?;
    let (bound, unit) = (number(cards.value), cards.unit);
    Some(format!("changed before, within {bound} {unit} of the original; this bound comes on top of that"))
}

/// What a bound in sigmas refers to, in words.
fn noise_words(record: &ArrayRecord) -> Option<String> {
    let (Tolerance::Sigma { noise, .. }, Some(source)) = (record.tolerance, record.noise_source) else {
        return None;
    };
    let gain = match noise.slope_dn() {
        0.0 => "no shot noise".to_owned(),
        slope => format!("gain {} electrons per DN", number(1.0 / slope)),
    };
    let (offset, read) = (number(noise.offset_dn()), number(noise.read_noise_dn()));
    Some(format!("noise {}: offset {offset} DN, read noise {read} DN, {gain}", source.name()))
}

/// Up to six digits.
fn number(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        value if value.abs() < 1e-3 || value.abs() >= 1e7 => format!("{value:.3e}"),
        value => {
            let text = format!("{value:.4}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    }
}
