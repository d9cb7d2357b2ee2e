//! Mixtures over all 16-bit samples.

use super::logistic::{INVERSE_SCALES, QUANTILES, SCALE_ONE, SCALE_STEPS_PER_OCTAVE, SCALES, cdf};
use crate::{Distribution, Error, Interval, MAX_SCALE_BITS, Result};

/// Number of sample values.
pub const SAMPLES: u32 = 1 << 16;

/// Means are in units of `2^-8` sample value.
pub const MEAN_UNIT_BITS: u32 = 8;

/// Means further out than this many units (four times the range of samples) count as this far out.
const MAX_MEAN: i32 = 1 << 26;

/// One component of a [`Mixture`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Component {
    /// Centre, in 1/256 of a sample value.
    pub mean: i32,
    /// Step of the scale, below [`SCALES`](super::SCALES); step `i` stands for
    /// `2^((i - `[`SCALE_ONE`](super::SCALE_ONE)`) / 32)` sample values.
    pub scale: u16,
    /// Weight, relative to the sum of all weights.
    pub weight: u16,
}

/// A mixture of `K` logistics, discretised over the samples `0..=65535`.
///
/// With `F` the CDF of the mixture, `S` the scale bits and `w` the floor width, the interval of
/// sample `v` starts at `floor((2^S - 2^16 w) F(v - 1/2)) + v w`, where `F(-1/2)` is taken as 0 and
/// `F(65535 + 1/2)` as 1: the outermost samples take the tails. `F` is computed in integers and
/// never falls, so intervals tile the scale and every sample has a width of at least `w`: in the
/// far tail a sample costs `S - log2(w)` bits. That takes the place of an escape; it costs
/// `-log2(1 - 2^(16 - S) w)` bits on every other sample.
#[derive(Clone, Copy, Debug)]
pub struct Mixture<const K: usize> {
    components: [Prepared; K],
    scale_bits: u32,
    floor_width: u32,
    /// The heaviest component, where searches begin.
    main: Component,
}

/// A component made ready for evaluation.
#[derive(Clone, Copy, Debug)]
struct Prepared {
    mean: i64,
    inverse_scale: i64,
    shift: u32,
    /// Its share of the points that the floor leaves.
    weight: u64,
}

impl<const K: usize> Mixture<K> {
    /// The mixture of these components on a scale of `2^scale_bits`, with a width of at least
    /// `floor_width` for every sample.
    ///
    /// # Errors
    /// [`Error::Distribution`] if all weights are zero, a scale is not below
    /// [`SCALES`](super::SCALES), `scale_bits` is not in `17..=30`, or `floor_width` is not in
    /// `1..=2^(scale_bits - 17)` (half of the points).
    pub fn new(components: &[Component; K], scale_bits: u32, floor_width: u32) -> Result<Self> {
        if !(17..=MAX_SCALE_BITS).contains(&scale_bits) {
            return Err(Error::distribution(format!(
                "a mixture on a scale of 2^{scale_bits}, expected 2^17..=2^30"
            )));
        }
        if floor_width == 0 || floor_width > 1 << (scale_bits - 17) {
            return Err(Error::distribution(format!(
                "a floor of {floor_width} points, expected 1..=2^{}",
                scale_bits - 17
            )));
        }
        let total: u64 = components.iter().map(|component| u64::from(component.weight)).sum();
        if total == 0 {
            return Err(Error::distribution("a mixture of no weight"));
        }
        let points = (1 << scale_bits) - u64::from(SAMPLES * floor_width);
        let mut prepared = [Prepared { mean: 0, inverse_scale: 0, shift: 0, weight: 0 }; K];
        let mut main = components[0];
        let (mut weights, mut given) = (0, 0);
        for (prepared, component) in prepared.iter_mut().zip(components) {
            if component.scale >= SCALES {
                return Err(Error::distribution(format!(
                    "a scale step of {}, expected less than {SCALES}",
                    component.scale
                )));
            }
            // Shares of the cumulative weights, so that they sum to all points.
            weights += u64::from(component.weight);
            let end = points * weights / total;
            let octave = u32::from(component.scale / SCALE_STEPS_PER_OCTAVE);
            *prepared = Prepared {
                mean: component.mean.clamp(-MAX_MEAN, MAX_MEAN).into(),
                inverse_scale: INVERSE_SCALES[usize::from(component.scale % SCALE_STEPS_PER_OCTAVE)].into(),
                shift: POSITION_SHIFT + octave,
                weight: end - given,
            };
            given = end;
            if component.weight > main.weight {
                main = *component;
            }
        }
        Ok(Self { components: prepared, scale_bits, floor_width, main })
    }

    /// Start of the interval of `sample`, or the number of points for [`SAMPLES`].
    #[inline(always)]
    pub(super) fn start(&self, sample: u32) -> u32 {
        // The lower edge of the sample's bin.
        let edge = (i64::from(sample) << MEAN_UNIT_BITS) - (1 << (MEAN_UNIT_BITS - 1));
        // Points in units of 2^-32: below 2^62.
        let sum: u64 = self
            .components
            .iter()
            .map(|component| {
                // Below 2^28 * 2^31.
                let position = ((edge - component.mean) * component.inverse_scale) >> component.shift;
                component.weight * cdf(position)
            })
            .sum();
        match sample {
            0 => 0,
            SAMPLES.. => 1 << self.scale_bits,
            _ => (sum >> 32) as u32 + sample * self.floor_width,
        }
    }

    /// A sample near `point`: the main component's quantile.
    pub(super) fn guess(&self, point: u32) -> u32 {
        let quantile = i64::from(QUANTILES[(point >> (self.scale_bits - 8)) as usize]);
        let Component { mean, scale, .. } = self.main;
        // 2^(k / 32) is 2 / 2^((32 - k) / 32), in units of 2^-31 as all inverse scales.
        let (octave, step) = (scale / SCALE_STEPS_PER_OCTAVE, usize::from(scale % SCALE_STEPS_PER_OCTAVE));
        let scale = match step {
            0 => 1 << 31,
            _ => 2 * i64::from(INVERSE_SCALES[usize::from(SCALE_STEPS_PER_OCTAVE) - step]),
        };
        let offset = (quantile * scale) >> (34 - u32::from(octave));
        let rounded = (i64::from(mean) + offset + (1 << (MEAN_UNIT_BITS - 1))) >> MEAN_UNIT_BITS;
        rounded.clamp(0, i64::from(SAMPLES - 1)) as u32
    }
}

/// A distance of 2^-8 sample times an inverse scale of 2^-31 becomes a position of 2^-22 scales,
/// for scales of the lowest octave.
const POSITION_SHIFT: u32 = MEAN_UNIT_BITS + 31 - 22 - (SCALE_ONE / SCALE_STEPS_PER_OCTAVE) as u32;

/// Newton steps of a search before it falls back to halving.
const NEWTON_STEPS: u32 = 6;

impl<const K: usize> Distribution for Mixture<K> {
    fn scale_bits(&self) -> u32 {
        self.scale_bits
    }

    #[inline]
    fn interval(&self, symbol: u32) -> Option<Interval> {
        if symbol >= SAMPLES {
            return None;
        }
        let start = self.start(symbol);
        Some(Interval { start, width: self.start(symbol + 1) - start })
    }

    fn locate(&self, point: u32) -> (u32, Interval) {
        // The sample is in low..high, and so is every guess.
        let (mut low, mut high) = (0, SAMPLES);
        let mut guess = self.guess(point);
        let mut steps = 0;
        loop {
            let start = self.start(guess);
            let end = self.start(guess + 1);
            let width = end - start;
            let newton = if point < start {
                high = guess;
                guess.saturating_sub((start - point).div_ceil(width))
            } else if point >= end {
                low = guess + 1;
                low.saturating_add((point - end) / width)
            } else {
                return (guess, Interval { start, width });
            };
            steps += 1;
            guess = if steps <= NEWTON_STEPS { newton.clamp(low, high - 1) } else { low.midpoint(high) };
        }
    }
}
