//! When a run ends, and whether one has.

use crate::{Experiment, Position, Result, log};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// When a run ends: at whichever comes first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// After so many steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// After so many minutes of training, pauses between resumed parts not counted. How many steps that
    /// makes depends on the machine, and so do the weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<f64>,
    /// After so many validations in a row without a new best.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<u32>,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// `stop.steps` were taken.
    Steps,
    /// `stop.minutes` are over.
    Minutes,
    /// `stop.patience` validations brought nothing better.
    Patience,
    /// It was told to; `--resume` goes on.
    Interrupted,
}

impl Stop {
    /// The reason to end at a position, if there is one.
    pub fn reached(&self, position: &Position) -> Option<End> {
        if self.steps.is_some_and(|steps| position.step >= steps) {
            Some(End::Steps)
        } else if self.minutes.is_some_and(|minutes| position.seconds >= minutes * 60.0) {
            Some(End::Minutes)
        } else if self.patience.is_some_and(|patience| position.validations_since_best >= patience) {
            Some(End::Patience)
        } else {
            None
        }
    }
}

/// Where the run of an experiment ended, told from the log in its folder; `None` if it has not, or there is
/// none. The log's last row is written after the last checkpoint is kept, and a log outlives the state,
/// which nobody has to keep.
///
/// # Errors
/// If the log is there and cannot be read.
pub fn finished(experiment: &Experiment, output: &Path) -> Result<Option<Position>> {
    let position = log::position(&output.join("train.csv"))?;
    Ok(position.filter(|position| experiment.stop.reached(position).is_some()))
}
