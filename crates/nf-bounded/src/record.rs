//! What is written of an array beside its indices.

use crate::bound::{Bound, Tolerance, Unit};
use crate::boxes::Boxes;
use crate::exceptions::Exceptions;
use crate::noise::{NoiseModel, NoiseSource};
use crate::packing::{Fields, put_deflated, take_deflated};
use crate::sample::{MAX_AXES, SampleType, checked_samples, stack_shape};
use crate::{Error, Result};
use nf_codec::{Dither, Limits, Spec, put_varint};
use nf_image::{Digest, Shape};

/// What an index stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Map {
    /// One value for every index; a table for every phase of the dither.
    Tables(Vec<Vec<i64>>),
    /// `origin + index step`.
    Linear {
        /// The value of index 0.
        origin: f64,
        /// From one value to the next.
        step: f64,
    },
    /// Values whose distance is `step` standard deviations of the noise.
    NoiseLaw {
        /// That distance.
        step: f64,
        /// The noise.
        noise: NoiseModel,
    },
    /// No indices: the array is the stream of an array codec (of older containers).
    Stream {
        /// The codec, which may be one that this program does not know.
        spec: Spec,
        /// What it wrote.
        bytes: Vec<u8>,
    },
    /// No indices: boxes of the array are streams of an array codec, which lie behind the header.
    Tiles {
        /// The codec, which may be one that this program does not know.
        spec: Spec,
        /// Extents of a box along the axes.
        tile: Vec<usize>,
        /// The streams, in order.
        streams: Vec<StreamEntry>,
    },
}

/// A stream behind the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamEntry {
    pub(crate) length_bytes: u64,
    pub(crate) crc: u32,
}

impl StreamEntry {
    pub(crate) fn of(stream: &[u8]) -> Self {
        Self { length_bytes: stream.len() as u64, crc: crc32fast::hash(stream) }
    }
}

impl Map {
    /// The value of an index of a lattice that is shifted by so many steps, before it is rounded to
    /// the type of the samples.
    ///
    /// Only operations that IEEE 754 rounds correctly are used, so that it is the same everywhere.
    pub(crate) fn value(&self, index: i64, shift: f64) -> f64 {
        let index = index as f64 - shift;
        match self {
            // Their values are looked up or decoded, not worked out.
            Self::Tables(_) | Self::Stream { .. } | Self::Tiles { .. } => f64::NAN,
            Self::Linear { origin, step } => origin + index * step,
            Self::NoiseLaw { step, noise } => {
                let (offset, slope, read) = (noise.offset_dn(), noise.slope_dn(), noise.read_noise_dn());
                let deviations = index * step;
                let straight = offset + deviations * read;
                if deviations <= 0.0 {
                    return straight;
                }
                // The last term puts the value where both ends of its bin have the same share of
                // their tolerance.
                straight + 0.25 * slope * (deviations * deviations) - 0.0625 * slope * (step * step)
            }
        }
    }
}

/// All that is known of an array but its indices.
#[derive(Clone, Debug, PartialEq)]
pub struct ArrayRecord {
    /// Type of the samples.
    pub sample: SampleType,
    /// Lengths, the last axis fastest.
    pub axes: Vec<usize>,
    /// The bound as it was asked for.
    pub bound: Bound,
    /// What it means for a sample.
    pub tolerance: Tolerance,
    /// Where the noise model of a bound in sigmas comes from.
    pub noise_source: Option<NoiseSource>,
    /// Largest error of any sample, in the unit of the samples.
    pub largest_error: f64,
    /// Largest error in standard deviations of the noise, for a bound in sigmas.
    pub largest_error_sigma: Option<f64>,
    /// Samples that are not what they were.
    pub changed: u64,
    /// BLAKE3 of the original samples' little-endian bytes.
    pub original: Digest,
    /// BLAKE3 of the decoded samples' little-endian bytes.
    pub decoded: Digest,
    /// Which lattice a sample has, if there are several.
    pub dither: Option<Dither>,
    /// What an index stands for.
    pub(crate) map: Map,
    /// Added to a coded index.
    pub(crate) base: i64,
    /// Stacks of 16 bits that the indices are coded as: one, or two, the low half first.
    pub(crate) layers: u8,
    /// Samples that are kept exactly beside them.
    pub(crate) exceptions: Exceptions,
}

pub(crate) const WHAT: &str = "the record of a bounded array";

impl ArrayRecord {
    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.axes.iter().product()
    }

    /// Whether values of an index rise with the phase of the dither: tables do, lattices fall.
    pub fn is_rising(&self) -> bool {
        matches!(self.map, Map::Tables(_))
    }

    /// Samples that are kept exactly beside the indices: NaN, infinities, blank samples, and those
    /// that no index could stand for.
    pub fn exact_samples(&self) -> usize {
        self.exceptions.len()
    }

    /// Those of them that are finite numbers: blank ones, and what no index could stand for or an
    /// array codec brought back outside of the bound.
    pub fn exact_finite_samples(&self) -> usize {
        use SampleType::{F32, F64};
        match self.sample {
            F32 => self.exceptions.finite::<f32>(),
            F64 => self.exceptions.finite::<f64>(),
            _ => self.exceptions.len(),
        }
    }

    /// The array codec, if the array is the stream of one.
    pub fn array_codec(&self) -> Option<&Spec> {
        match &self.map {
            Map::Stream { spec, .. } | Map::Tiles { spec, .. } => Some(spec),
            _ => None,
        }
    }

    /// Whether every sample is what it was; otherwise there is a bound.
    pub fn is_lossless(&self) -> bool {
        self.bound.is_exact()
    }

    /// The streams behind the header, in order.
    pub(crate) fn streams(&self) -> &[StreamEntry] {
        match &self.map {
            Map::Tiles { streams, .. } => streams,
            _ => &[],
        }
    }

    /// Bytes of the list of exact samples.
    pub fn exact_bytes(&self) -> usize {
        let mut list = Vec::new();
        self.exceptions.put(self.sample.bytes(), &mut list);
        list.len()
    }

    /// The first version of the container that knows what it has.
    pub(crate) fn version(&self) -> u16 {
        match self.map {
            Map::Tiles { .. } => 3,
            _ if self.is_lossless() => 3,
            Map::Stream { .. } => 2,
            _ if self.noise_source == Some(NoiseSource::Header) => 2,
            _ => 1,
        }
    }

    /// The stack of the indices.
    pub fn stack_shape(&self) -> Shape {
        stack_shape(&self.axes)
    }

    pub(crate) fn put(&self) -> Vec<u8> {
        let code = |place: Option<usize>| place.unwrap_or_default() as u8;
        let mut out = vec![code(SampleType::ALL.iter().position(|known| *known == self.sample))];
        out.push(self.axes.len() as u8);
        self.axes.iter().for_each(|&axis| out.extend((axis as u64).to_le_bytes()));
        out.push(code(Unit::ALL.iter().position(|unit| *unit == self.bound.unit())));
        let mut numbers = vec![self.bound.value()];
        match self.tolerance {
            Tolerance::Absolute(error) => numbers.push(error),
            Tolerance::Sigma { noise, .. } => {
                numbers.extend([noise.offset_dn(), noise.slope_dn(), noise.read_noise_dn()]);
            }
        }
        numbers.iter().for_each(|number| out.extend(number.to_le_bytes()));
        if let Some(source) = self.noise_source {
            out.push(code(NoiseSource::ALL.iter().position(|known| *known == source)));
        }
        for number in [self.largest_error, self.largest_error_sigma.unwrap_or(0.0)] {
            out.extend(number.to_le_bytes());
        }
        out.extend(self.changed.to_le_bytes());
        out.extend(self.original.0);
        out.extend(self.decoded.0);
        out.push(self.dither.map_or(0, |dither| dither.phases));
        if let Some(dither) = self.dither {
            out.extend(dither.seed.to_le_bytes());
        }
        match &self.map {
            Map::Tables(tables) => {
                out.push(0);
                out.push(tables.len() as u8);
                for values in tables {
                    out.extend((values.len() as u32).to_le_bytes());
                    out.extend(values.first().copied().unwrap_or(0).to_le_bytes());
                }
                let mut steps = Vec::new();
                let pairs = tables.iter().flat_map(|values| values.windows(2));
                pairs.for_each(|two| put_varint(&mut steps, (two[1] - two[0]) as u64));
                put_deflated(&steps, &mut out);
            }
            Map::Linear { origin, step } => {
                out.push(1);
                [origin, step].iter().for_each(|number| out.extend(number.to_le_bytes()));
            }
            Map::NoiseLaw { step, .. } => {
                out.push(2);
                out.extend(step.to_le_bytes());
            }
            Map::Stream { spec, bytes } => {
                let spec = spec.to_string();
                out.push(3);
                out.extend((spec.len() as u32).to_le_bytes());
                out.extend(spec.as_bytes());
                out.extend((bytes.len() as u64).to_le_bytes());
                out.extend(bytes);
            }
            Map::Tiles { spec, tile, streams } => {
                let spec = spec.to_string();
                out.push(4);
                out.extend((spec.len() as u32).to_le_bytes());
                out.extend(spec.as_bytes());
                tile.iter().for_each(|&extent| out.extend((extent as u64).to_le_bytes()));
                for StreamEntry { length_bytes, crc } in streams {
                    out.extend(length_bytes.to_le_bytes());
                    out.extend(crc.to_le_bytes());
                }
            }
        }
        out.extend(self.base.to_le_bytes());
        out.push(self.layers);
        self.exceptions.put(self.sample.bytes(), &mut out);
        out
    }

    pub(crate) fn take(bytes: &[u8], limits: &Limits) -> Result<Self> {
        let mut fields = Fields::new(bytes, WHAT);
        let sample = fields.one_of(&SampleType::ALL, 0, "type of samples")?;
        let count = usize::from(fields.u8()?);
        if !(1..=MAX_AXES).contains(&count) {
            return Err(fields.corrupt(format!("{count} axes")));
        }
        let axes: Vec<u64> = (0..count).map(|_| fields.u64()).collect::<Result<_>>()?;
        let axes: Vec<usize> =
            axes.into_iter().map(|axis| usize::try_from(axis).unwrap_or(usize::MAX)).collect();
        check_size(&axes, sample, limits)?;
        let unit = fields.one_of(&Unit::ALL, 0, "unit")?;
        let wrong = |error: Error| Error::corrupt(WHAT, error.to_string());
        let bound = Bound::new(fields.f64()?, unit).map_err(wrong)?;
        let mut noise_source = None;
        let tolerance = match unit {
            Unit::Exact => match fields.f64()? {
                0.0 => Tolerance::Absolute(0.0),
                error => return Err(fields.corrupt(format!("an error of {error} without loss"))),
            },
            Unit::Dn | Unit::Range => match fields.f64()? {
                error if error.is_finite() && error >= 0.0 => Tolerance::Absolute(error),
                error => return Err(fields.corrupt(format!("a largest error of {error}"))),
            },
            Unit::Sigma => {
                let noise = NoiseModel::new(fields.f64()?, fields.f64()?, fields.f64()?).map_err(wrong)?;
                noise_source = Some(fields.one_of(&NoiseSource::ALL, 0, "source of the noise")?);
                Tolerance::Sigma { sigmas: bound.value(), noise }
            }
        };
        let (largest_error, sigmas) = (fields.f64()?, fields.f64()?);
        let largest_error_sigma = (unit == Unit::Sigma).then_some(sigmas);
        let changed = fields.u64()?;
        let (original, decoded) = (Digest(fields.array()?), Digest(fields.array()?));
        if bound.is_exact() && (original != decoded || changed != 0 || largest_error != 0.0) {
            return Err(fields.corrupt("samples that changed without loss"));
        }
        let dither = match fields.u8()? {
            0 => None,
            phases => Some(Dither { phases, seed: fields.u64()? }),
        };
        let map = match fields.u8()? {
            0 => take_tables(&mut fields, sample, dither)?,
            1 => Map::Linear { origin: fields.f64()?, step: fields.f64()? },
            2 => match tolerance {
                Tolerance::Sigma { noise, .. } => Map::NoiseLaw { step: fields.f64()?, noise },
                Tolerance::Absolute(_) => return Err(fields.corrupt("a noise scale without noise")),
            },
            3 if dither.is_none() => take_stream(&mut fields)?,
            4 if dither.is_none() => take_tiles(&mut fields, &axes, limits)?,
            kind => return Err(fields.corrupt(format!("an unknown map {kind}"))),
        };
        let base = i64::from_le_bytes(fields.array()?);
        let layers = fields.u8()?;
        let fits = match &map {
            Map::Tables(_) => base == 0 && layers == 1,
            Map::Stream { .. } | Map::Tiles { .. } => base == 0 && layers == 0,
            // Indices stay exact as doubles.
            _ => base.unsigned_abs() <= 1 << 52 && matches!(layers, 1 | 2),
        };
        if !fits {
            return Err(fields.corrupt(format!("{layers} layers of indices from {base} on")));
        }
        let samples = axes.iter().product();
        let exceptions = Exceptions::take(&mut fields, samples, sample.bytes(), limits)?;
        if !fields.is_empty() {
            return Err(fields.corrupt("it is longer than its fields"));
        }
        Ok(Self {
            sample,
            axes,
            bound,
            tolerance,
            noise_source,
            largest_error,
            largest_error_sigma,
            changed,
            original,
            decoded,
            dither,
            map,
            base,
            layers,
            exceptions,
        })
    }
}

/// Whether an array of these axes may be held, as samples and as indices.
pub(crate) fn check_size(axes: &[usize], sample: SampleType, limits: &Limits) -> Result<()> {
    // An axis of zero does not excuse the others.
    let at_least_one: Vec<usize> = axes.iter().map(|&axis| axis.max(1)).collect();
    let samples = checked_samples(&at_least_one).map_or(u64::MAX, |samples| samples as u64);
    limits.check_memory("the array", samples.saturating_mul(sample.bytes() as u64 + 4))?;
    limits.check_shape("the array", stack_shape(&at_least_one))?;
    Ok(())
}

/// The spec of an array codec.
fn take_spec(fields: &mut Fields<'_>) -> Result<Spec> {
    let length = fields.u32()?;
    let spec = std::str::from_utf8(fields.take(u64::from(length))?).ok().and_then(|text| text.parse().ok());
    spec.ok_or_else(|| fields.corrupt("a codec that is none"))
}

/// An array codec, the extents of its tiles, and where their streams end.
fn take_tiles(fields: &mut Fields<'_>, axes: &[usize], limits: &Limits) -> Result<Map> {
    let spec = take_spec(fields)?;
    let extents: Vec<u64> = axes.iter().map(|_| fields.u64()).collect::<Result<_>>()?;
    let tile: Vec<usize> =
        extents.into_iter().map(|extent| usize::try_from(extent).unwrap_or(usize::MAX)).collect();
    let count = Boxes::new(axes, &tile).and_then(|boxes| boxes.count());
    let count = count.ok_or_else(|| fields.corrupt(format!("tiles of {tile:?} in an array of {axes:?}")))?;
    limits.check_memory(WHAT, (count as u64).saturating_mul(size_of::<StreamEntry>() as u64))?;
    let mut streams = Vec::new();
    for _ in 0..count {
        streams.push(StreamEntry { length_bytes: fields.u64()?, crc: fields.u32()? });
    }
    Ok(Map::Tiles { spec, tile, streams })
}

/// Spec and bytes of an array codec.
fn take_stream(fields: &mut Fields<'_>) -> Result<Map> {
    let spec = take_spec(fields)?;
    let length = fields.u64()?;
    Ok(Map::Stream { spec, bytes: fields.take(length)?.to_vec() })
}

/// Tables of values in rising order, within the range of the type; one for every phase.
fn take_tables(fields: &mut Fields<'_>, sample: SampleType, dither: Option<Dither>) -> Result<Map> {
    let range = match sample {
        SampleType::U8 => 0..=i64::from(u8::MAX),
        SampleType::U16 => 0..=i64::from(u16::MAX),
        SampleType::I16 => i64::from(i16::MIN)..=i64::from(i16::MAX),
        SampleType::I32 => i64::from(i32::MIN)..=i64::from(i32::MAX),
        SampleType::F32 | SampleType::F64 => return Err(fields.corrupt("a table of floating-point values")),
    };
    let tables = fields.u8()?;
    if tables != dither.map_or(1, |dither| dither.phases) {
        return Err(fields.corrupt(format!("{tables} tables, which is not the number of phases")));
    }
    let head = |fields: &mut Fields<'_>| Ok((fields.u32()?, i64::from_le_bytes(fields.array()?)));
    let heads: Vec<(u32, i64)> = (0..tables).map(|_| head(fields)).collect::<Result<_>>()?;
    if let Some((count, _)) = heads.iter().find(|(count, _)| *count > 1 << 16) {
        return Err(fields.corrupt(format!("a table of {count} values")));
    }
    let all: u64 = heads.iter().map(|(count, _)| u64::from(*count)).sum();
    let steps = take_deflated(fields, 10 * all)?;
    let mut steps = Fields::new(&steps, WHAT);
    let mut maps = Vec::with_capacity(heads.len());
    for (count, mut value) in heads {
        let mut values = Vec::with_capacity(count as usize);
        for place in 0..count {
            if place > 0 {
                let step = i64::try_from(steps.number()?).ok().filter(|&step| step > 0);
                value = step
                    .and_then(|step| value.checked_add(step))
                    .ok_or_else(|| fields.corrupt("values that do not rise"))?;
            }
            if !range.contains(&value) {
                return Err(fields.corrupt(format!("a value of {value} in a table of {sample}")));
            }
            values.push(value);
        }
        maps.push(values);
    }
    match steps.is_empty() {
        true => Ok(Map::Tables(maps)),
        false => Err(fields.corrupt("tables longer than their values")),
    }
}
