//! The adaptive linear predictor of CCSDS 123.0-B-2, section 4: full mode, wide neighbour-oriented
//! sums.
//!
//! For a sample s in a plane, with W, N, NW and NE to the left, above, above left and above right
//! of it, the local sum is sigma = W + NW + N + NE (section 4.4; at the borders, what is missing is
//! replaced). The prediction is sigma / 4 plus a weighted sum of local differences: 4 N - sigma, 4
//! W - sigma and 4 NW - sigma in the same plane, and 4 s' - sigma' of the same place in up to P
//! planes before. Weights move by the sign of each error, in steps that shrink with time.

use nf_codec::Result;
use nf_image::Shape;

/// Fractional bits of the weights (Omega, 4..=19).
pub(super) const WEIGHT_BITS: i32 = 19;
const SAMPLE_BITS: i32 = 16;
/// First and last weight update scaling exponents (v_min and v_max, -6..=9).
const FIRST_SCALING: i32 = -1;
const LAST_SCALING: i32 = 2;
/// Pixels after which the exponent grows by one (t_inc, 2^4..=2^11).
const SCALING_INTERVAL_PX: usize = 64;
/// Differences within the plane: N, W, NW.
const DIRECTIONS: usize = 3;
/// With 15 planes before.
const MOST_TERMS: usize = DIRECTIONS + 15;

/// What is predicted of a sample before it is known.
#[derive(Clone, Copy)]
pub(super) struct Prediction {
    /// Twice the prediction, to the half ("double-resolution predicted sample value", section 4.7).
    doubled: i32,
    /// The same with all the bits of the weights ("high-resolution").
    high: i64,
}

/// A sample once it is known.
#[derive(Clone, Copy)]
pub(super) struct Known {
    /// What it is decoded to ("clipped quantizer bin center").
    pub(super) centre: u16,
    /// What later predictions see of it.
    pub(super) representative: u16,
}

impl Known {
    /// Of a sample that is not quantised.
    pub(super) fn exact(sample: u16) -> Self {
        Self { centre: sample, representative: sample }
    }
}

impl Prediction {
    /// The predicted sample.
    pub(super) fn value(self) -> i32 {
        self.doubled >> 1
    }

    /// Whether there is no half to it.
    pub(super) fn is_even(self) -> bool {
        self.doubled & 1 == 0
    }

    /// The prediction with all the bits of the weights.
    pub(super) fn high(self) -> i64 {
        self.high
    }

    /// Room for a residual of either sign (theta in the standard).
    fn room(self) -> i32 {
        let value = self.doubled >> 1;
        value.min(i32::from(u16::MAX) - value)
    }

    /// The residual of `sample` as a number from 0 to 65535, small if the prediction is good
    /// (section 4.11).
    pub(super) fn map(self, sample: u16) -> u32 {
        let residual = i32::from(sample) - (self.doubled >> 1);
        let (size, room) = (residual.abs(), self.room());
        // Of two residuals of one size, the one on the side of the lost half goes first.
        let second = if self.doubled & 1 == 0 { residual >= 0 } else { residual <= 0 };
        let mapped = if size > room { size + room } else { 2 * size - i32::from(!second) };
        mapped as u32
    }

    /// The sample whose residual [`Prediction::map`] gave; every number is that of a sample.
    pub(super) fn unmap(self, mapped: u16) -> u16 {
        let (value, room, mapped) = (self.doubled >> 1, self.room(), i32::from(mapped));
        let residual = if mapped > 2 * room {
            if value == room { mapped - room } else { room - mapped }
        } else {
            let size = (mapped + 1) >> 1;
            if (mapped & 1 == 0) == (self.doubled & 1 == 0) { size } else { -size }
        };
        (value + residual) as u16
    }
}

/// The predictors of all planes of a stack, row by row.
pub(super) struct Predictor {
    shape: Shape,
    bands: usize,
    planes: Vec<Plane>,
    /// Local differences of the present row, plane by plane in a ring of `bands` rows.
    differences: Vec<i32>,
}

struct Plane {
    weights: [i64; MOST_TERMS],
    /// The row above, later the present one.
    above: Vec<u16>,
    /// The very first sample, the prediction of that of the next plane.
    first: u16,
}

impl Predictor {
    /// Predictors of planes that look at up to `bands` planes before.
    pub(super) fn new(shape: Shape, bands: usize) -> Self {
        let mut weights = [0; MOST_TERMS];
        let mut weight = 7 << (WEIGHT_BITS - 3);
        for initial in &mut weights[DIRECTIONS..] {
            *initial = weight;
            weight >>= 3;
        }
        let plane = || Plane { weights, above: vec![0; shape.width], first: 0 };
        let planes = (0..shape.planes).map(|_| plane()).collect();
        Self { shape, bands, planes, differences: vec![0; bands * shape.width] }
    }

    /// Memory that [`Predictor::new`] takes.
    pub(super) fn memory_bytes(shape: Shape, bands: usize) -> u64 {
        let of_plane = size_of::<Plane>() as u64 + 2 * shape.width as u64;
        (shape.planes as u64).saturating_mul(of_plane) + 4 * (bands * shape.width) as u64
    }

    /// Goes along a row: `know` gets column and prediction of each sample, and gives the sample as
    /// it is decoded and as later predictions see it.
    ///
    /// Rows are gone through from the first on, and each in all planes from the first on.
    ///
    /// # Errors
    /// Those of `know`.
    pub(super) fn traverse_row(
        &mut self,
        plane: usize,
        row: usize,
        mut know: impl FnMut(usize, Prediction) -> Result<Known>,
    ) -> Result<()> {
        let (width, before) = (self.shape.width, plane.min(self.bands));
        let terms = DIRECTIONS + before;
        let first_before = plane.checked_sub(1).filter(|_| before > 0).map(|plane| self.planes[plane].first);
        let Plane { weights, above, first } = &mut self.planes[plane];
        let mut west = 0;
        let mut north_west = 0;
        for column in 0..width {
            let north = i64::from(above[column]);
            let (sum, directions) = if row == 0 {
                (4 * west, [0; DIRECTIONS])
            } else {
                let north_east = above.get(column + 1).map(|&sample| i64::from(sample));
                let sum = match (column, north_east) {
                    (0, None) => 4 * north,
                    (0, Some(north_east)) => 2 * (north + north_east),
                    (_, None) => west + north_west + 2 * north,
                    (_, Some(north_east)) => west + north_west + north + north_east,
                };
                let (west, north_west) = if column == 0 { (north, north) } else { (west, north_west) };
                (sum, [4 * north - sum, 4 * west - sum, 4 * north_west - sum])
            };
            let mut differences = [0i64; MOST_TERMS];
            differences[..DIRECTIONS].copy_from_slice(&directions);
            for back in 1..=before {
                let slot = (plane - back) % self.bands;
                differences[DIRECTIONS + back - 1] = i64::from(self.differences[slot * width + column]);
            }
            let prediction = if row == 0 && column == 0 {
                let doubled = 2 * i32::from(first_before.unwrap_or(1 << (SAMPLE_BITS - 1)));
                Prediction { doubled, high: i64::from(doubled) << (WEIGHT_BITS + 1) }
            } else {
                predict(sum, &differences[..terms], &weights[..terms])
            };
            let Known { centre, representative: sample } = know(column, prediction)?;
            if row == 0 && column == 0 {
                *first = sample;
            } else {
                let t = row * width + column;
                let scaling = (t as i64 - width as i64).div_euclid(SCALING_INTERVAL_PX as i64) as i32;
                let scaling = FIRST_SCALING.saturating_add(scaling).clamp(FIRST_SCALING, LAST_SCALING);
                let error = 2 * i32::from(centre) - prediction.doubled;
                adapt(&mut weights[..terms], &differences[..terms], error < 0, scaling);
            }
            if self.bands > 0 {
                let slot = plane % self.bands;
                self.differences[slot * width + column] = (4 * i64::from(sample) - sum) as i32;
            }
            north_west = north;
            west = i64::from(sample);
            above[column] = sample;
        }
        Ok(())
    }
}

/// Section 4.7; 64 bits hold every sum, so that the register of R = 64 bits never wraps.
fn predict(sum: i64, differences: &[i64], weights: &[i64]) -> Prediction {
    let weighted: i64 = differences.iter().zip(weights).map(|(d, w)| d * w).sum();
    const MIDDLE: i64 = 1 << (SAMPLE_BITS - 1);
    let high =
        weighted + ((sum - 4 * MIDDLE) << WEIGHT_BITS) + (MIDDLE << (WEIGHT_BITS + 2)) + (2 << WEIGHT_BITS);
    let most = (i64::from(u16::MAX) << (WEIGHT_BITS + 2)) + (2 << WEIGHT_BITS);
    let high = high.clamp(0, most);
    Prediction { doubled: (high >> (WEIGHT_BITS + 1)) as i32, high }
}

/// Section 4.10: every weight moves by its difference, scaled, in the direction of the error.
fn adapt(weights: &mut [i64], differences: &[i64], too_high: bool, scaling: i32) {
    const LARGEST: i64 = (1 << (WEIGHT_BITS + 2)) - 1;
    let shift = scaling + SAMPLE_BITS - WEIGHT_BITS;
    for (weight, &difference) in weights.iter_mut().zip(differences) {
        let signed = if too_high { -difference } else { difference };
        let step =
            if shift >= 0 { (signed + (1 << shift)) >> (shift + 1) } else { ((signed << -shift) + 1) >> 1 };
        *weight = (*weight + step).clamp(-LARGEST - 1, LARGEST);
    }
}
