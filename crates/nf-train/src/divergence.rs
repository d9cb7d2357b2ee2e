//! Whether a run has diverged while its loss is still a number.
//!
//! A net that needs more bits for a sample than the sample has is worth nothing: whatever its loss
//! does, its streams are stored raw.

use crate::Position;

/// Bits of a sample without any net.
pub const RAW_BITS: f64 = 16.0;

/// How a run diverged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Divergence {
    /// No validation was ever below [`RAW_BITS`]: the checkpoint is worth nothing.
    Always {
        /// The best validation, bits per sample.
        best_bits: f64,
    },
    /// The last validation is above [`RAW_BITS`], an earlier one was below: the checkpoint is of
    /// that.
    Since {
        /// The last validation, bits per sample.
        last_bits: f64,
        /// The step after which the checkpoint was kept.
        best_step: u64,
    },
}

impl Position {
    /// Whether the validations so far say that the run has diverged.
    pub fn divergence(&self) -> Option<Divergence> {
        let (best_bits, last_bits) = self.best_bits.zip(self.last_bits)?;
        if best_bits > RAW_BITS {
            Some(Divergence::Always { best_bits })
        } else if last_bits > RAW_BITS {
            Some(Divergence::Since { last_bits, best_step: self.best_step })
        } else {
            None
        }
    }
}

impl std::fmt::Display for Divergence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let advice = "lower schedule.rate, or set optimiser.clip_norm if it is not set";
        match self {
            Self::Always { best_bits } => write!(
                f,
                "{best_bits:.1} bits per sample at best, where samples have {RAW_BITS}: the training has \
                 diverged, or ended before it had begun to learn, and its checkpoint is worth nothing; \
                 {advice}, or take more steps"
            ),
            Self::Since { last_bits, best_step } => write!(
                f,
                "{last_bits:.1} bits per sample at the last validation, where samples have {RAW_BITS}: the \
                 training has diverged; the checkpoint is that of step {best_step}; {advice}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_bits_than_a_sample_has_are_a_divergence() {
        let of = |best_bits, last_bits| {
            let position = Position { best_bits, last_bits, best_step: 7, ..Position::default() };
            position.divergence()
        };
        assert_eq!(of(None, None), None);
        assert_eq!(of(Some(6.0), Some(6.5)), None);
        assert_eq!(of(Some(16.0), Some(16.0)), None);
        assert_eq!(of(Some(29.7), Some(31.0)), Some(Divergence::Always { best_bits: 29.7 }));
        let since = of(Some(6.0), Some(29.7)).unwrap();
        assert_eq!(since, Divergence::Since { last_bits: 29.7, best_step: 7 });
        assert!(since.to_string().contains("29.7") && since.to_string().contains("schedule.rate"));
    }
}
