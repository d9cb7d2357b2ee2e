//! `results/sizes.csv`: sizes are deterministic, so they are committed, and a change must be meant.

use crate::folder::write;
use crate::measurement::one_line;
use crate::run::Run;
use crate::summary::{CodecSummary, DatasetSummary, summarise};
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

type Key = [String; 3];

impl LedgerRow {
    fn of(dataset: &DatasetSummary, codec: &CodecSummary) -> Self {
        Self {
            dataset: dataset.dataset.clone(),
            split: dataset.split.clone(),
            codec: codec.codec.clone(),
            images: codec.images_ok,
            pixels: codec.pixels,
            raw_bytes: codec.raw_bytes,
            coded_bytes: codec.coded_bytes,
            ideal_bits: codec.ideal_bits,
            weights_bytes: codec.weights_bytes,
            reproducibility: codec.reproducibility.to_owned(),
        }
    }

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
    /// If it cannot be read, or a line is not a row.
    pub fn read(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = fs::read_to_string(path).map_err(Error::io(path))?;
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
        let mut rows = BTreeMap::new();
        for dataset in summarise(run) {
            for codec in dataset.codecs.iter().filter(|codec| codec.images_ok > 0) {
                let row = LedgerRow::of(&dataset, codec);
                rows.insert(row.key(), row);
            }
        }
        Self { rows }
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
        write(path, &String::from_utf8(bytes).expect("text and numbers print as UTF-8"))
    }

    /// Where a run disagrees with what is written down, one line each; empty if it agrees.
    ///
    /// Only what the run tried is compared. A codec that the ledger has and that coded nothing this time
    /// is a difference, and so is a run that had nothing to compare.
    pub fn differences(&self, run: &Run) -> Vec<String> {
        let now = Self::of(run).rows;
        let mut lines = vec![];
        let mut tried = 0;
        for dataset in summarise(run) {
            for codec in &dataset.codecs {
                let key = [dataset.dataset.clone(), dataset.split.clone(), codec.codec.clone()];
                let name = key.join(", ");
                match (self.rows.get(&key), now.get(&key)) {
                    (Some(old), Some(new)) => lines.extend(changes(&name, old, new)),
                    (None, Some(_)) => lines.push(format!("{name}: not in the ledger")),
                    (Some(_), None) => lines.push(format!("{name}: no size this time: {}", codec.error)),
                    (None, None) => continue,
                }
                tried += 1;
            }
        }
        if tried == 0 {
            lines.push("the run has no size that could be compared".to_owned());
        }
        lines
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
