//! The model of a tile as it is stored, but for its tables.

use super::location::{EXCESSES, MAX_TAPS, Predictor, TAP_GROUP, Weights};
use super::scale::{ErrorPredictor, MAX_SCALE_WEIGHT, ScaleWeights, inputs};
use crate::golomb::{fold, read, unfold, write};
use nf_codec::{Error, Result};
use nf_entropy::bits::{BitReader, BitWriter};

/// Fraction bits of the least range.
const RANGE_BITS: u32 = 4;

/// Low bits of weights of the location that are always zero.
const STEP_BITS: u32 = 2;

/// The model, but for its tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Model {
    /// Whether columns are coded as rows.
    pub(super) transposed: bool,
    /// The samples above the first row.
    pub(super) initial: u16,
    /// Clips assume at least this range, in units of `2^-RANGE_BITS` DN.
    pub(super) least_range: u32,
    /// Level of the background, above which noise grows.
    pub(super) background: u16,
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

/// Largest `least_range`, in its units.
pub(super) const MAX_LEAST_RANGE: u32 = 1 << 19;

impl Model {
    /// The least range, DN.
    pub(super) fn least_range(&self) -> f32 {
        self.least_range as f32 / (1 << RANGE_BITS) as f32
    }

    /// A range in DN in the units of the stream, at least one.
    pub(super) fn range_units(dn: f32) -> u32 {
        ((dn * (1 << RANGE_BITS) as f32) as u32).clamp(1, MAX_LEAST_RANGE)
    }

    pub(super) fn predictors(&self) -> [Predictor; 2] {
        [Predictor::new(0, &self.weights[0]), Predictor::new(1, &self.weights[1])]
    }

    pub(super) fn error_predictors(&self) -> [ErrorPredictor; 2] {
        [0, 1].map(|parity| ErrorPredictor::new(&self.scales[parity], self.background))
    }

    pub(super) fn write(&self, dithered: bool, writer: &mut BitWriter) {
        writer.write(u64::from(self.transposed), 1);
        writer.write(u64::from(self.initial), 16);
        writer.write(u64::from(self.background), 16);
        write(writer, &[self.least_range]);
        for weights in &self.weights {
            writer.write((weights.taps.len() / TAP_GROUP) as u64, 5);
            let step = |&weight: &i32| fold(weight >> STEP_BITS);
            write(writer, &weights.taps.iter().map(step).collect::<Vec<_>>());
            write(writer, &weights.excesses.iter().map(step).collect::<Vec<_>>());
            write(writer, &[fold(weights.offset)]);
            if dithered {
                write(writer, &[step(&weights.level)]);
            }
        }
        for scale in &self.scales {
            write(writer, &scale.iter().map(|&weight| u32::from(weight)).collect::<Vec<_>>());
        }
    }

    pub(super) fn read(what: &str, dithered: bool, reader: &mut BitReader<'_>) -> Result<Self> {
        let mut model = Self {
            transposed: reader.read(1) == 1,
            initial: reader.read(16) as u16,
            background: reader.read(16) as u16,
            least_range: read(what, reader, 1)?[0],
            ..Self::default()
        };
        let check = |field: &str, value: i64, most: i64| match value.abs() <= most {
            true => Ok(()),
            false => Err(Error::corrupt(what, format!("{field} of {value}, expected at most {most}"))),
        };
        if model.least_range == 0 {
            return Err(Error::corrupt(what, "a least range of 0, expected at least 1"));
        }
        check("a least range", model.least_range.into(), MAX_LEAST_RANGE.into())?;
        for weights in &mut model.weights {
            let count = reader.read(5) as usize * TAP_GROUP;
            check("a number of taps", count as i64, MAX_TAPS as i64)?;
            let weight = |number: u32| -> Result<i32> {
                let weight = i64::from(unfold(number)) << STEP_BITS;
                check("a weight of the location", weight, MAX_WEIGHT.into())?;
                Ok(weight as i32)
            };
            weights.taps = read(what, reader, count)?.into_iter().map(weight).collect::<Result<_>>()?;
            for (to, number) in weights.excesses.iter_mut().zip(read(what, reader, EXCESSES)?) {
                *to = weight(number)?;
            }
            weights.offset = unfold(read(what, reader, 1)?[0]);
            check("an offset", weights.offset.into(), MAX_OFFSET.into())?;
            if dithered {
                weights.level = weight(read(what, reader, 1)?[0])?;
            }
        }
        for (parity, scale) in model.scales.iter_mut().enumerate() {
            for number in read(what, reader, inputs(parity))? {
                check("a weight of the scale", number.into(), MAX_SCALE_WEIGHT.into())?;
                scale.push(number as u16);
            }
        }
        Ok(model)
    }
}

/// Largest offset of the location, in units of `2^-WEIGHT_BITS` DN.
pub(super) const MAX_OFFSET: i32 = 1 << 24;
