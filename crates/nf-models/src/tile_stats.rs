//! What makes one network serve instruments whose levels and noise differ a thousandfold: two
//! numbers per plane of a tile, its median and its noise scale, which are stored in the tile's
//! header.

/// Quarter octaves: a noise scale is `2^(step / 4)` samples.
const STEPS_PER_OCTAVE: u8 = 4;

/// Largest step: 2^13 samples.
pub(crate) const MAX_STEP: u8 = 52;

/// Median and noise scale of one plane of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TileStats {
    /// Median of the samples.
    pub(crate) median: u16,
    /// The noise scale is `2^(scale_step / 4)` samples, `scale_step <= 52`.
    pub(crate) scale_step: u8,
}

impl TileStats {
    /// Bytes of [`to_bytes`](Self::to_bytes).
    pub(crate) const BYTES: usize = 3;

    /// Median and noise scale of rows of `width` samples; of an empty plane, zero.
    ///
    /// The noise scale comes from the differences of neighbours in a row: the mean of the smaller
    /// three quarters of their sizes, times what makes it the deviation of Gaussian noise. Edges
    /// and stars are among the larger ones.
    pub(crate) fn of(samples: &[u16], width: usize) -> Self {
        if samples.is_empty() {
            return Self { median: 0, scale_step: 0 };
        }
        let mut sorted = samples.to_vec();
        let middle = sorted.len() / 2;
        let median = *sorted.select_nth_unstable(middle).1;
        let rows = samples.chunks(width);
        let sizes = rows.flat_map(|row| row.windows(2).map(|pair| u32::from(pair[0].abs_diff(pair[1]))));
        Self { median, scale_step: scale_step(sizes.collect()) }
    }

    /// The noise scale, in samples.
    pub(crate) fn noise_scale(self) -> f32 {
        noise_scale(self.scale_step)
    }

    /// Median, little-endian, and scale step.
    pub(crate) fn to_bytes(self) -> [u8; Self::BYTES] {
        let [low, high] = self.median.to_le_bytes();
        [low, high, self.scale_step]
    }

    /// What [`to_bytes`](Self::to_bytes) wrote; `None` if the step is too large.
    pub(crate) fn from_bytes([low, high, scale_step]: [u8; Self::BYTES]) -> Option<Self> {
        (scale_step <= MAX_STEP).then_some(Self { median: u16::from_le_bytes([low, high]), scale_step })
    }
}

/// The step of the noise scale of values whose neighbours in a row differ by these sizes; 0 if
/// there are fewer than two.
pub(crate) fn scale_step(mut sizes: Vec<u32>) -> u8 {
    let kept = sizes.len() * 3 / 4;
    if kept == 0 {
        return 0;
    }
    sizes.select_nth_unstable(kept);
    let sum: u64 = sizes[..kept].iter().map(|&size| u64::from(size)).sum();
    // Smaller three quarters of |d|, d Gaussian of deviation sqrt(2) sigma: mean 0.7282 sigma.
    let sigma = sum as f64 / kept as f64 / 0.7282;
    let steps = match sigma < 1.0 {
        true => 0.0,
        false => f64::from(STEPS_PER_OCTAVE) * nf_engine::math::ln(sigma) / std::f64::consts::LN_2,
    };
    steps.round().min(f64::from(MAX_STEP)) as u8
}

/// The noise scale of a step of at most [`MAX_STEP`], in samples.
pub(crate) fn noise_scale(scale_step: u8) -> f32 {
    const OCTAVE: [f32; STEPS_PER_OCTAVE as usize] =
        [1.0, 1.189_207_1, std::f32::consts::SQRT_2, 1.681_792_9];
    let (octaves, step) = (scale_step / STEPS_PER_OCTAVE, scale_step % STEPS_PER_OCTAVE);
    (1_u32 << octaves) as f32 * OCTAVE[usize::from(step)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn noise_scale_is_within_half_a_step() {
        let mut random = Random::new(1);
        for sigma in [2.0_f32, 11.0, 100.0, 900.0] {
            let samples: Vec<u16> =
                (0..1 << 14).map(|_| (20_000.0 + sigma * random.normal()).round() as u16).collect();
            let stats = TileStats::of(&samples, 128);
            assert!((stats.noise_scale() / sigma).log2().abs() < 0.2, "{sigma}: {}", stats.noise_scale());
            assert!((f32::from(stats.median) - 20_000.0).abs() < 0.1 * sigma + 1.0);
            assert_eq!(TileStats::from_bytes(stats.to_bytes()), Some(stats));
        }
        assert_eq!(TileStats::of(&[7; 9], 3), TileStats { median: 7, scale_step: 0 });
        assert_eq!(TileStats::of(&[], 3), TileStats { median: 0, scale_step: 0 });
        assert_eq!(TileStats::from_bytes([0, 0, 53]), None);
    }
}
