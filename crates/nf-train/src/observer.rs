//! Who is told of a run.

use crate::data::LoadReport;
use crate::state::Position;

/// Sees what happens in a run.
pub trait Observer {
    /// The run begins, or goes on.
    fn begin(&mut self, position: &Position) {
        let _ = position;
    }

    /// A step was taken; `bits` is its loss per sample.
    fn step(&mut self, position: &Position, bits: f64) {
        let _ = (position, bits);
    }

    /// What was read for the steps so far; told after every step.
    fn loaded(&mut self, report: &LoadReport) {
        let _ = report;
    }

    /// The net was validated.
    fn validated(&mut self, position: &Position, bits: f64) {
        let _ = (position, bits);
    }

    /// The state was written.
    fn saved(&mut self, position: &Position) {
        let _ = position;
    }
}

/// An observer that does nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {}
