//! What makes one net serve instruments whose levels and noise differ a thousandfold: two numbers per plane of a
//! tile, a location and a noise scale, which travel in the tile's header.

/// Quarter octaves: a noise scale is `2^(step / 4)` samples.
const STEPS_PER_OCTAVE: f32 = 4.0;

/// Largest step: 2^13 samples.
const MAX_STEP: u8 = 52;

/// Location and noise scale of one plane of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Normal {
    /// Median of the samples.
    pub location: u16,
    /// The noise scale is `2^(step / 4)` samples, `step <= 52`.
    pub step: u8,
}

impl Normal {
    /// Bytes of [`to_bytes`](Self::to_bytes).
    pub const BYTES: usize = 3;

    /// Location and noise scale of rows of `width` samples; of an empty plane, zero.
    ///
    /// The noise scale comes from the differences of neighbours in a row: the mean of the smaller three quarters of
    /// their sizes, times what makes it the deviation of Gaussian noise. Edges and stars are among the larger ones.
    pub fn of(samples: &[u16], width: usize) -> Self {
        if samples.is_empty() {
            return Self { location: 0, step: 0 };
        }
        let mut sorted = samples.to_vec();
        let middle = sorted.len() / 2;
        let location = *sorted.select_nth_unstable(middle).1;
        let mut sizes: Vec<u16> = samples
            .chunks(width)
            .flat_map(|row| row.windows(2).map(|pair| pair[0].abs_diff(pair[1])))
            .collect();
        let kept = sizes.len() * 3 / 4;
        if kept == 0 {
            return Self { location, step: 0 };
        }
        sizes.select_nth_unstable(kept);
        let sum: u64 = sizes[..kept].iter().map(|&size| u64::from(size)).sum();
        // Smaller three quarters of |d|, d Gaussian of deviation sqrt(2) sigma: mean 0.7282 sigma.
        let sigma = sum as f64 / kept as f64 / 0.7282;
        let step =
            if sigma < 1.0 { 0.0 } else { (4.0 * crate::math::ln(sigma) / std::f64::consts::LN_2).round() };
        Self { location, step: step.min(f64::from(MAX_STEP)) as u8 }
    }

    /// The noise scale, in samples.
    pub fn scale(self) -> f32 {
        const QUARTERS: [f32; 4] = [1.0, 1.189_207_1, std::f32::consts::SQRT_2, 1.681_792_9];
        debug_assert_eq!(QUARTERS.len() as f32, STEPS_PER_OCTAVE);
        (1_u32 << (self.step / 4)) as f32 * QUARTERS[usize::from(self.step % 4)]
    }

    /// Location, little-endian, and step.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let [low, high] = self.location.to_le_bytes();
        [low, high, self.step]
    }

    /// What [`to_bytes`](Self::to_bytes) wrote; `None` if the step is too large.
    pub fn from_bytes([low, high, step]: [u8; Self::BYTES]) -> Option<Self> {
        (step <= MAX_STEP).then_some(Self { location: u16::from_le_bytes([low, high]), step })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn noise_is_measured_to_half_a_step() {
        let mut random = Random::new(1);
        for sigma in [2.0_f32, 11.0, 100.0, 900.0] {
            let samples: Vec<u16> =
                (0..1 << 14).map(|_| (20_000.0 + sigma * random.normal()).round() as u16).collect();
            let normal = Normal::of(&samples, 128);
            assert!((normal.scale() / sigma).log2().abs() < 0.2, "{sigma}: {}", normal.scale());
            assert!((f32::from(normal.location) - 20_000.0).abs() < 0.1 * sigma + 1.0);
            assert_eq!(Normal::from_bytes(normal.to_bytes()), Some(normal));
        }
        assert_eq!(Normal::of(&[7; 9], 3), Normal { location: 7, step: 0 });
        assert_eq!(Normal::of(&[], 3), Normal { location: 0, step: 0 });
        assert_eq!(Normal::from_bytes([0, 0, 53]), None);
    }
}
