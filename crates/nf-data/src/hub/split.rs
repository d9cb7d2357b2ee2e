//! Splits of the benchmark's repositories: lists of files, one JSON object a line.

use crate::random::Pcg64;
use crate::{Error, Result};
use serde::Deserialize;
use std::path::Path;

/// Splits that every repository of the benchmark has, each with its list, and the part of the list
/// that is taken.
pub(super) const SPLITS: [(&str, &str, Part); 6] = [
    ("tiny-train", "splits/tiny_train.jsonl", Part::All),
    ("tiny-test", "splits/tiny_test.jsonl", Part::All),
    ("full-train", "splits/full_train.jsonl", Part::All),
    ("full-test", "splits/full_test.jsonl", Part::All),
    ("full-fit", "splits/full_train.jsonl", Part::Fit),
    ("full-validation", "splits/full_train.jsonl", Part::Validation),
];

/// The benchmark's training code cuts the training list once more: its indices are shuffled by
/// numpy's `default_rng(42)`, the first 85 % (rounded down) are trained on, the rest validate.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Part {
    All,
    Fit,
    Validation,
}

impl Part {
    pub(super) fn of<T>(self, rows: Vec<T>) -> Vec<T> {
        if self == Self::All {
            return rows;
        }
        let mut order: Vec<usize> = (0..rows.len()).collect();
        Pcg64::from_seed(42).shuffle(&mut order);
        let fit = rows.len() * 85 / 100;
        let chosen = if self == Self::Fit { &order[..fit] } else { &order[fit..] };
        let mut rows: Vec<Option<T>> = rows.into_iter().map(Some).collect();
        chosen.iter().filter_map(|&i| rows[i].take()).collect()
    }
}

/// A row of a split's list; fields that no rule needs are ignored.
#[derive(Deserialize)]
pub(super) struct Row {
    image_id: Option<serde_json::Value>,
    pub(super) image: String,
    pub(super) telescope: Option<String>,
    ntimes: Option<serde_json::Value>,
}

impl Row {
    pub(super) fn id(&self) -> String {
        match &self.image_id {
            Some(serde_json::Value::String(id)) => id.clone(),
            Some(other) => other.to_string(),
            None => self.image.rsplit('/').next().unwrap_or(&self.image).to_owned(),
        }
    }

    /// Groups of a ramp or epochs of a cube: `ntimes`, or the first number of
    /// `..._35-5-800-800.fits`.
    pub(super) fn planes(&self) -> Option<usize> {
        match &self.ntimes {
            Some(serde_json::Value::Number(number)) => number.as_u64().and_then(|n| usize::try_from(n).ok()),
            Some(serde_json::Value::String(text)) => text.parse().ok(),
            _ => {
                let stem = self.image.strip_suffix(".fits")?;
                let (rest, tail) = (stem.rsplit('_').next()?, 4);
                let numbers: Vec<&str> = rest.split('-').collect();
                (numbers.len() == tail).then(|| numbers[0].parse().ok())?
            }
        }
    }
}

/// The rows of a list that lies at `path`; `list` names it in errors.
///
/// # Errors
/// If it cannot be read, or a line is no row.
pub(super) fn read_rows(path: &Path, list: &str) -> Result<Vec<Row>> {
    let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| {
            serde_json::from_str(line).map_err(|error| Error::Manifest {
                file: list.to_owned(),
                reason: format!("line {}: {error}", number + 1),
            })
        })
        .collect()
}
