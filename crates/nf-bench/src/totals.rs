//! Sums over the rows of one codec.

use crate::measurement::{Measurement, ORACLE};

/// Sums over rows that count; see `docs/methodology.md`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Images that came back equal, or that have an oracle.
    pub images: usize,
    /// Bytes of their pixels without compression.
    pub raw_bytes: u64,
    pixels: u64,
    /// Stream bytes; none for the oracle.
    pub coded_bytes: Option<u64>,
    /// Information content, where every row has one.
    pub ideal_bits: Option<u64>,
}

impl Totals {
    /// Of those rows that [count](Measurement::counts).
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a Measurement>) -> Self {
        let rows: Vec<&Measurement> = rows.into_iter().filter(|row| row.counts()).collect();
        let sum = |of: fn(&Measurement) -> Option<u64>| {
            rows.iter().map(|row| of(row)).sum::<Option<u64>>().filter(|_| !rows.is_empty())
        };
        Self {
            images: rows.len(),
            raw_bytes: rows.iter().map(|row| row.raw_bytes).sum(),
            pixels: rows.iter().map(|row| row.pixels()).sum(),
            coded_bytes: sum(|row| row.figures.coded_bytes),
            ideal_bits: sum(|row| row.figures.ideal_bits),
        }
    }

    /// Pixels of the images.
    pub fn pixels(&self) -> u64 {
        self.pixels
    }

    /// Size in bits of what `codec` made of them: of its streams, or the oracle's content.
    pub fn bits(&self, codec: &str) -> Option<u64> {
        if codec == ORACLE { self.ideal_bits } else { self.coded_bytes.map(|bytes| 8 * bytes) }
    }
}
