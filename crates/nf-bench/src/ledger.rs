//! `results/sizes.csv`: sizes are deterministic, so they are committed, and a change must be meant.

use crate::files::write_atomically;
use crate::measurement::{Measurement, one_line};
use crate::run::Run;
use crate::totals::Totals;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Sizes of one codec on one dataset; sorted by the first three columns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerRow {
    /// The dataset, as suites name it.
    pub dataset: String,
    /// Its split.
    pub split: String,
    /// The codec's spec.
    pub codec: String,
    /// Images that came back equal.
    pub images: usize,
    /// Their pixels.
    pub pixels: u64,
    /// Two bytes for every pixel.
    pub raw_bytes: u64,
    /// Stream bytes; none for the oracle.
    pub coded_bytes: Option<u64>,
    /// Information content by the codec's own probabilities, or the oracle's.
    pub ideal_bits: Option<u64>,
    /// Size of the trained model.
    pub weights_bytes: u64,
    /// Where the streams can be decoded.
    pub reproducibility: String,
}

/// The first line of a file.
const COLUMNS: &str =
    "dataset,split,codec,images,pixels,raw_bytes,coded_bytes,ideal_bits,weights_bytes,reproducibility";

type Key = [String; 3];

impl LedgerRow {
    fn key(&self) -> Key {
        [self.dataset.clone(), self.split.clone(), self.codec.clone()]
    }
}

/// All sizes that are written down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    rows: BTreeMap<Key, LedgerRow>,
}

impl Ledger {
    /// The ledger in a file; an empty one if there is no file.
    ///
    /// # Errors
    /// If it cannot be read, is another file, or a line is not a row.
    pub fn read(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = fs::read_to_string(path).map_err(Error::io(path))?;
        // A file without rows would pass for an empty ledger, and be replaced.
        if text.lines().next().is_some_and(|first| first != COLUMNS) {
            return Err(Error::malformed(path, "it is no ledger: its first line names other columns"));
        }
        let mut rows = BTreeMap::new();
        for row in csv::Reader::from_reader(text.as_bytes()).deserialize() {
            let row: LedgerRow = row.map_err(|error| Error::malformed(path, one_line(&error.to_string())))?;
            let line = row.key().join(", ");
            if rows.insert(row.key(), row).is_some() {
                return Err(Error::malformed(path, format!("'{line}' is there twice")));
            }
        }
        Ok(Self { rows })
    }

    /// What a run says: a row for every codec that coded at least one image of a dataset.
    pub fn of(run: &Run) -> Self {
        let rows = tried(run).into_iter().filter_map(|(key, rows)| {
            let totals = Totals::of(rows);
            (totals.images > 0).then(|| (key.clone(), ledger_row(run, key, totals)))
        });
        Self { rows: rows.collect() }
    }

    /// The rows, sorted.
    pub fn rows(&self) -> impl Iterator<Item = &LedgerRow> {
        self.rows.values()
    }

    /// Takes over the rows of a run, replacing those of the same dataset, split and codec.
    pub fn update(&mut self, run: &Run) {
        self.rows.extend(Self::of(run).rows);
    }

    /// Writes the file, sorted.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in self.rows.values() {
            writer.serialize(row).expect("a row is flat and memory takes it");
        }
        let bytes = writer.into_inner().expect("memory takes it");
        write_atomically(path, &bytes)
    }

    /// Where a run disagrees with what is written down, one line each; empty if it agrees.
    ///
    /// Only what the run tried is compared. A codec that the ledger has and that coded nothing this
    /// time is a difference, and so is a run that had nothing to compare.
    pub fn differences(&self, run: &Run) -> Vec<String> {
        let now = Self::of(run).rows;
        let mut lines = vec![];
        let mut compared = 0;
        for (key, rows) in tried(run) {
            let name = key.join(", ");
            match (self.rows.get(&key), now.get(&key)) {
                (Some(old), Some(new)) => lines.extend(changes(&name, old, new)),
                (None, Some(_)) => lines.push(format!("{name}: not in the ledger")),
                (Some(_), None) => {
                    let reason = rows.iter().map(|row| row.status.text()).find(|text| !text.is_empty());
                    lines.push(format!("{name}: no size this time: {}", reason.unwrap_or_default()));
                }
                (None, None) => continue,
            }
            compared += 1;
        }
        if compared == 0 {
            lines.push("the run has no size that could be compared".to_owned());
        }
        lines
    }
}

/// The rows of every codec of every dataset of a run, but for external programs, whose sizes depend
/// on what is installed, and estimates, which have none.
fn tried(run: &Run) -> BTreeMap<Key, Vec<&Measurement>> {
    let mut tried: BTreeMap<Key, Vec<&Measurement>> = BTreeMap::new();
    let is_external =
        |codec: &str| codec.split(':').next().is_some_and(|name| run.suite.external.contains_key(name));
    let has_size = |row: &&Measurement| !row.codec.is_empty() && !row.is_estimate();
    for row in run.rows.iter().filter(has_size).filter(|row| !is_external(&row.codec)) {
        let key = [row.dataset.clone(), row.split.clone(), row.codec.clone()];
        tried.entry(key).or_default().push(row);
    }
    tried
}

fn ledger_row(run: &Run, [dataset, split, codec]: Key, totals: Totals) -> LedgerRow {
    let facts = run.facts.get(&codec);
    let reproducibility = facts.map_or("", |facts| facts.reproducibility.name()).to_owned();
    LedgerRow {
        dataset,
        split,
        images: totals.images,
        pixels: totals.pixels(),
        raw_bytes: totals.raw_bytes,
        coded_bytes: totals.coded_bytes,
        ideal_bits: totals.ideal_bits,
        weights_bytes: facts.map_or(0, |facts| facts.weights_bytes),
        reproducibility,
        codec,
    }
}

fn changes(name: &str, old: &LedgerRow, new: &LedgerRow) -> Vec<String> {
    let number = |n: Option<u64>| n.map_or("none".to_owned(), |n| n.to_string());
    let columns = |row: &LedgerRow| {
        [
            ("images", row.images.to_string()),
            ("pixels", row.pixels.to_string()),
            ("raw_bytes", row.raw_bytes.to_string()),
            ("coded_bytes", number(row.coded_bytes)),
            ("ideal_bits", number(row.ideal_bits)),
            ("weights_bytes", row.weights_bytes.to_string()),
            ("reproducibility", row.reproducibility.clone()),
        ]
    };
    let pairs = columns(old).into_iter().zip(columns(new));
    let changed = pairs.filter(|((_, old), (_, new))| old != new);
    changed.map(|((column, old), (_, new))| format!("{name}: {column} was {old}, is {new}")).collect()
}
