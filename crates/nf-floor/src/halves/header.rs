//! Everything that a tile's pixels are coded with.

use super::location::{EXCESSES, MAX_TAPS, Predictor, TAP_GROUP, Weights};
use super::scale::{MAX_SCALE_WEIGHT, ScaleWeights, Scaler, inputs};
use crate::numbers::{fold, read, unfold, write};
use nf_codec::{Error, Result};
use nf_entropy::bits::{BitReader, BitWriter};

/// Fraction bits of the scatter.
const SCATTER_BITS: u32 = 4;

/// Low bits of weights of the location that are always zero, by rank of the tap.
const STEP_BITS: u32 = 2;

/// The model, but for its tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Model {
    /// Whether columns are coded as rows.
    pub(super) transposed: bool,
    /// Stands for the samples above the first row.
    pub(super) origin: u16,
    /// Least spread that a clip assumes, in units of `2^-SCATTER_BITS` DN.
    pub(super) scatter: u32,
    /// Heights count from here.
    pub(super) usual: u16,
    /// Of even and odd columns.
    pub(super) weights: [Weights; 2],
    pub(super) scales: [ScaleWeights; 2],
}

/// Rounds to what the stream can hold.
pub(super) fn round_weight(weight: i32) -> i32 {
    weight >> STEP_BITS << STEP_BITS
}

/// Largest weight of the location.
pub(super) const MAX_WEIGHT: i32 = 1 << 16;

/// Largest scatter, in its units.
pub(super) const MAX_SCATTER: u32 = 1 << 19;

impl Model {
    /// The scatter, DN.
    pub(super) fn scatter(&self) -> f32 {
        self.scatter as f32 / (1 << SCATTER_BITS) as f32
    }

    /// A scatter of so many DN in the units of the stream, at least one.
    pub(super) fn scatter_of(dn: f32) -> u32 {
        ((dn * (1 << SCATTER_BITS) as f32) as u32).clamp(1, MAX_SCATTER)
    }

    pub(super) fn predictors(&self) -> [Predictor; 2] {
        [Predictor::new(0, &self.weights[0]), Predictor::new(1, &self.weights[1])]
    }

    pub(super) fn scalers(&self) -> [Scaler; 2] {
        [Scaler::new(&self.scales[0], self.usual), Scaler::new(&self.scales[1], self.usual)]
    }

    pub(super) fn write(&self, writer: &mut BitWriter) {
        writer.write(u64::from(self.transposed), 1);
        writer.write(u64::from(self.origin), 16);
        writer.write(u64::from(self.usual), 16);
        write(writer, &[self.scatter]);
        for weights in &self.weights {
            writer.write((weights.taps.len() / TAP_GROUP) as u64, 5);
            let step = |&weight: &i32| fold(weight >> STEP_BITS);
            write(writer, &weights.taps.iter().map(step).collect::<Vec<_>>());
            write(writer, &weights.excesses.iter().map(step).collect::<Vec<_>>());
            write(writer, &[fold(weights.offset)]);
        }
        for scale in &self.scales {
            write(writer, &scale.iter().map(|&weight| u32::from(weight)).collect::<Vec<_>>());
        }
    }

    pub(super) fn read(what: &str, reader: &mut BitReader<'_>) -> Result<Self> {
        let mut model = Self {
            transposed: reader.read(1) == 1,
            origin: reader.read(16) as u16,
            usual: reader.read(16) as u16,
            scatter: read(what, reader, 1)?[0],
            ..Self::default()
        };
        let wrong = |what| Error::corrupt(what, "a weight beyond what there are");
        if !(1..=MAX_SCATTER).contains(&model.scatter) {
            return Err(wrong(what));
        }
        for weights in &mut model.weights {
            let count = reader.read(5) as usize * TAP_GROUP;
            if count > MAX_TAPS {
                return Err(Error::corrupt(what, format!("{count} taps, expected at most {MAX_TAPS}")));
            }
            let weight = |number: u32| -> Result<i32> {
                let weight = i64::from(unfold(number)) << STEP_BITS;
                i32::try_from(weight).ok().filter(|w| w.abs() <= MAX_WEIGHT).ok_or_else(|| wrong(what))
            };
            weights.taps = read(what, reader, count)?.into_iter().map(weight).collect::<Result<_>>()?;
            for (to, number) in weights.excesses.iter_mut().zip(read(what, reader, EXCESSES)?) {
                *to = weight(number)?;
            }
            weights.offset = unfold(read(what, reader, 1)?[0]);
            if weights.offset.abs() > MAX_OFFSET {
                return Err(wrong(what));
            }
        }
        for (parity, scale) in model.scales.iter_mut().enumerate() {
            for number in read(what, reader, inputs(parity))? {
                scale.push(
                    u16::try_from(number)
                        .ok()
                        .filter(|&w| u32::from(w) <= MAX_SCALE_WEIGHT)
                        .ok_or_else(|| wrong(what))?,
                );
            }
        }
        Ok(model)
    }
}

/// Largest offset of the location, in units of `2^-WEIGHT_BITS` DN.
pub(super) const MAX_OFFSET: i32 = 1 << 24;
