//! Learning rates.

use serde::{Deserialize, Serialize};

/// The learning rate as a function of the step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The rate after warming up and before any decay.
    pub rate: f64,
    /// Steps over which the rate rises linearly from zero; 0 starts at once.
    #[serde(default)]
    pub warm_up_steps: u64,
    /// How it changes after that.
    #[serde(default)]
    pub decay: Decay,
}

/// How a rate decays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Decay {
    /// Not at all.
    #[default]
    Constant,
    /// By a factor at every step.
    Exponential {
        /// The factor.
        factor: f64,
    },
    /// By a factor every so many steps.
    Staircase {
        /// The factor.
        factor: f64,
        /// The number of steps.
        every_steps: u64,
    },
    /// Along half a period of a cosine, to `floor` times the rate; then it stays there
    /// (Loshchilov & Hutter, arXiv 1608.03983, equation 5 with one period).
    Cosine {
        /// Steps of the half period, warm-up included.
        steps: u64,
        /// The last rate over the first.
        #[serde(default)]
        floor: f64,
    },
}

impl Schedule {
    /// The rate of a step; the first is step 0.
    pub fn rate_at(&self, step: u64) -> f64 {
        let warm = match self.warm_up_steps {
            0 => 1.0,
            steps => ((step + 1) as f64 / steps as f64).min(1.0),
        };
        let decay = match self.decay {
            Decay::Constant => 1.0,
            Decay::Exponential { factor } => factor.powf(step as f64),
            Decay::Staircase { factor, every_steps } => factor.powf((step / every_steps.max(1)) as f64),
            Decay::Cosine { steps, floor } => {
                let begin = self.warm_up_steps.min(steps);
                let length = (steps - begin).max(1) as f64;
                let part = (step.saturating_sub(begin) as f64 / length).min(1.0);
                floor + (1.0 - floor) * 0.5 * (1.0 + (std::f64::consts::PI * part).cos())
            }
        };
        self.rate * warm * decay
    }

    /// Refuses wrong settings.
    ///
    /// # Errors
    /// The setting at fault, and what was expected.
    pub(crate) fn check(&self) -> Result<(), String> {
        if !(self.rate > 0.0 && self.rate.is_finite()) {
            return Err(format!("schedule.rate: {}, expected a number above 0", self.rate));
        }
        let factor = match self.decay {
            Decay::Constant => 1.0,
            Decay::Exponential { factor } | Decay::Staircase { factor, .. } => factor,
            Decay::Cosine { floor, .. } if (0.0..=1.0).contains(&floor) => 1.0,
            Decay::Cosine { floor, .. } => {
                return Err(format!("schedule.decay.cosine.floor: {floor}, expected 0 to 1"));
            }
        };
        if let Decay::Staircase { every_steps: 0, .. } | Decay::Cosine { steps: 0, .. } = self.decay {
            return Err("schedule.decay: expected at least 1 step".to_owned());
        }
        if !(factor > 0.0 && factor <= 1.0) {
            return Err(format!("schedule.decay: a factor of {factor}, expected above 0 and at most 1"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(warm_up_steps: u64, decay: Decay) -> Schedule {
        Schedule { rate: 2.0, warm_up_steps, decay }
    }

    #[test]
    fn rates_warm_up_and_fall() {
        let constant = schedule(4, Decay::Constant);
        assert_eq!([0, 1, 3, 4, 900].map(|step| constant.rate_at(step)), [0.5, 1.0, 2.0, 2.0, 2.0]);
        let exponential = schedule(0, Decay::Exponential { factor: 0.5 });
        assert_eq!([0, 1, 3].map(|step| exponential.rate_at(step)), [2.0, 1.0, 0.25]);
        let stairs = schedule(0, Decay::Staircase { factor: 0.1, every_steps: 10 });
        assert_eq!([9, 10].map(|step| stairs.rate_at(step)), [2.0, 0.2]);
        let cosine = schedule(0, Decay::Cosine { steps: 100, floor: 0.1 });
        assert_eq!(cosine.rate_at(0), 2.0);
        assert!((cosine.rate_at(50) - 1.1).abs() < 1e-12);
        assert!((cosine.rate_at(100) - 0.2).abs() < 1e-12 && cosine.rate_at(500) == cosine.rate_at(100));
    }

    #[test]
    fn wrong_settings_are_errors() {
        for (schedule, name) in [
            (Schedule { rate: -1.0, warm_up_steps: 0, decay: Decay::Constant }, "schedule.rate"),
            (schedule(0, Decay::Exponential { factor: 1.5 }), "schedule.decay"),
            (schedule(0, Decay::Cosine { steps: 0, floor: 0.0 }), "schedule.decay"),
            (schedule(0, Decay::Cosine { steps: 9, floor: -1.0 }), "floor"),
        ] {
            assert!(schedule.check().unwrap_err().contains(name));
        }
    }
}
