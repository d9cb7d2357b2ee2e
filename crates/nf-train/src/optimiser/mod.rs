//! From gradients to weights.

mod adamax;
mod clip;
mod ema;
mod on_processor;
mod schedule;

pub use adamax::{Adamax, AdamaxState};
pub use clip::clip_by_norm;
pub use ema::{average_weights, decay_at};
pub use schedule::{Decay, Schedule};

use burn::optim::{AdamConfig, ModuleOptimizer, RmsPropConfig};
use on_processor::OnProcessor;
use serde::{Deserialize, Serialize};

/// The optimiser of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Optimiser {
    /// The rule by which weights follow gradients.
    pub rule: Rule,
    /// Most that the joint norm of all gradients may be; longer ones are shortened to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Decay of the moving average of the weights, which is what is validated and kept; without it
    /// the weights themselves are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ema_decay: Option<f64>,
}

/// A rule with its constants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Rule {
    /// Kingma & Ba, arXiv 1412.6980, algorithm 1.
    Adam {
        /// Decay of the first moment.
        #[serde(default = "beta_1")]
        beta_1: f32,
        /// Decay of the second moment.
        #[serde(default = "beta_2")]
        beta_2: f32,
        /// Added to the root of the second moment.
        #[serde(default = "epsilon")]
        epsilon: f32,
    },
    /// The same paper, algorithm 2.
    Adamax {
        /// Decay of the first moment.
        #[serde(default = "beta_1")]
        beta_1: f32,
        /// Decay of the infinity norm.
        #[serde(default = "beta_2")]
        beta_2: f32,
        /// Added to the infinity norm.
        #[serde(default = "epsilon")]
        epsilon: f32,
    },
    /// Tieleman & Hinton, lecture 6.5 of Neural Networks for Machine Learning (2012).
    RmsProp {
        /// Decay of the squared gradient.
        #[serde(default = "alpha")]
        alpha: f32,
        /// Momentum.
        #[serde(default)]
        momentum: f32,
        /// Added to the root of the squared gradient.
        #[serde(default = "epsilon")]
        epsilon: f32,
    },
}

fn beta_1() -> f32 {
    0.9
}

fn beta_2() -> f32 {
    0.999
}

fn alpha() -> f32 {
    0.99
}

fn epsilon() -> f32 {
    1e-8
}

impl Rule {
    /// A fresh optimiser.
    pub fn init(&self) -> ModuleOptimizer {
        match *self {
            Self::Adam { beta_1, beta_2, epsilon } => {
                let config = AdamConfig::new().with_beta_1(beta_1).with_beta_2(beta_2).with_epsilon(epsilon);
                OnProcessor(config.build()).into()
            }
            Self::Adamax { beta_1, beta_2, epsilon } => {
                let (beta_1, beta_2, epsilon) = (beta_1.into(), beta_2.into(), epsilon.into());
                OnProcessor(Adamax { beta_1, beta_2, epsilon }).into()
            }
            Self::RmsProp { alpha, momentum, epsilon } => {
                let config =
                    RmsPropConfig::new().with_alpha(alpha).with_momentum(momentum).with_epsilon(epsilon);
                OnProcessor(config.build()).into()
            }
        }
    }
}

impl Optimiser {
    /// Refuses wrong settings.
    ///
    /// # Errors
    /// The setting at fault, and what was expected.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.clip_norm.is_some_and(|norm| norm.is_nan() || norm <= 0.0) {
            return Err("optimiser.clip_norm: expected a number above 0".to_owned());
        }
        if self.ema_decay.is_some_and(|decay| !(0.0..1.0).contains(&decay)) {
            return Err("optimiser.ema_decay: expected 0 or more and below 1".to_owned());
        }
        let decays = match self.rule {
            Rule::Adam { beta_1, beta_2, .. } | Rule::Adamax { beta_1, beta_2, .. } => [beta_1, beta_2],
            Rule::RmsProp { alpha, momentum, .. } => [alpha, momentum],
        };
        if decays.iter().any(|decay| !(0.0..1.0).contains(decay)) {
            return Err("optimiser.rule: decays are 0 or more and below 1".to_owned());
        }
        Ok(())
    }
}
