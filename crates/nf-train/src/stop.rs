//! When a run ends.

use crate::Position;
use serde::{Deserialize, Serialize};

/// When a run ends: at whichever comes first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// After so many steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// After so many minutes of training, pauses between resumed parts not counted: a wall-clock
    /// limit, so that results are not reproducible.
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
    /// `stop.minutes` have passed.
    Minutes,
    /// `stop.patience` validations in a row were no improvement.
    Patience,
    /// It was interrupted; `--resume` continues it.
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
