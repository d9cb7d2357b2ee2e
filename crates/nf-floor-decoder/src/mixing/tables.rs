//! format-floor-max.md, 13.1: tables.

use crate::notation::{clamp, max, trunc};

/// Sums and counts of the errors at 64 positions.
pub(crate) struct Table {
    sum: [f32; 64],
    count: [f32; 64],
}

/// The entry `k` and the share `s` of a position.
fn entry(q: f32) -> (usize, f32) {
    let q = clamp(q, 0.0, 62.99);
    let k = trunc(q);
    (k as usize, q - k as f32)
}

impl Table {
    /// All entries are 0.
    pub(crate) fn new() -> Self {
        Self { sum: [0.0; 64], count: [0.0; 64] }
    }

    /// `read(table, q, prior)`.
    pub(crate) fn read(&self, q: f32, prior: f32) -> f32 {
        let (k, s) = entry(q);
        let m = |j: usize| (self.sum[j] + prior * 8.0) / (self.count[j] + 8.0);
        m(k) * (1.0 - s) + m(k + 1) * s
    }

    /// `sigma(table, q, prior)`.
    pub(crate) fn sigma(&self, q: f32, prior: f32) -> f32 {
        max(self.read(q, prior + 0.1) * 1.2533, 0.05)
    }

    /// `learn(table, q, d)`.
    pub(crate) fn learn(&mut self, q: f32, d: f32) {
        let (k, s) = entry(q);
        for (j, v) in [(k, 1.0 - s), (k + 1, s)] {
            self.sum[j] += v * d;
            self.count[j] += v;
            if self.count[j] > 8000.0 {
                self.sum[j] *= 0.5;
                self.count[j] *= 0.5;
            }
        }
    }
}
