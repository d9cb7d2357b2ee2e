//! How stored pixels become unsigned 16-bit samples and back.
//!
//! | file | sample |
//! |---|---|
//! | BITPIX 16 | stored value + 32768: with BZERO = 32768 the physical value, without BZERO the signed value shifted |
//! | BITPIX 8 | stored byte |
//! | BITPIX 32 or 64, BSCALE 1 | stored value + BZERO, which must lie in 0..=65535 for every pixel |
//!
//! The first two lose nothing whatever BSCALE and BZERO say, because the header keeps them, and the
//! way back needs nothing but the header. Sums of the third are exact: 64-bit integers under a
//! BZERO of 2^63 are unsigned ones.

use crate::card::shown;
use crate::header::Header;
use crate::scale::PhysicalScale;
use crate::{Error, Pixels, Result, SampleType};

/// Largest zero point that is added to pixels: with any larger one no sum of a 64-bit integer is a
/// sample.
const MOST_OFFSET: i128 = 1 << 64;

/// The map between stored pixels of one HDU and samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleMap {
    sample: SampleType,
    /// What is added to a stored value. Wider than both, so that no sum overflows.
    offset: i128,
    hdu: usize,
}

impl SampleMap {
    /// The map for pixels of type `sample` under BSCALE and BZERO of `header`.
    ///
    /// # Errors
    /// [`Error::NotU16`] for floating-point pixels, and for wider integers under a scale that is
    /// not 1 or a zero that is not whole.
    pub fn new(sample: SampleType, header: &Header) -> Result<Self> {
        let hdu = header.hdu();
        let offset = match sample {
            SampleType::U8 => 0,
            SampleType::I16 => 1 << 15,
            SampleType::I32 | SampleType::I64 => {
                let PhysicalScale { scale, zero, whole_zero, .. } = header.physical_scale();
                let whole = whole_zero.filter(|zero| scale == 1.0 && zero.abs() <= MOST_OFFSET);
                whole.ok_or_else(|| {
                    let problem = format!(
                        "{sample} with BSCALE {} and BZERO {}, expected 1 and a whole number",
                        shown(scale),
                        shown(zero)
                    );
                    Error::NotU16 { hdu, problem }
                })?
            }
            SampleType::F32 | SampleType::F64 => {
                return Err(Error::NotU16 { hdu, problem: format!("its pixels are {sample}") });
            }
        };
        Ok(Self { sample, offset, hdu })
    }

    /// What is added to a stored value to make a sample, modulo 2^64: all that the way between
    /// 64-bit integers and samples needs, and 2^63, the BZERO of unsigned ones, is no `i64`.
    pub fn offset(&self) -> i64 {
        self.offset as i64
    }

    /// What is added to a stored value to make a sample.
    pub(crate) fn wide_offset(&self) -> i128 {
        self.offset
    }

    /// Writes the samples of big-endian stored pixels.
    pub(crate) fn samples_of_bytes(&self, bytes: &[u8], out: &mut [u16]) -> Result<()> {
        match self.sample {
            SampleType::U8 => out.iter_mut().zip(bytes).for_each(|(sample, &byte)| *sample = u16::from(byte)),
            SampleType::I16 => {
                for (sample, pair) in out.iter_mut().zip(bytes.chunks_exact(2)) {
                    *sample = u16::from_be_bytes([pair[0], pair[1]]) ^ 0x8000;
                }
            }
            wide => self.samples_of(&Pixels::from_be_bytes(wide, bytes), 0, out)?,
        }
        Ok(())
    }

    /// Writes the samples of stored pixels, from `start` on.
    pub(crate) fn samples_of(&self, pixels: &Pixels, start: usize, out: &mut [u16]) -> Result<()> {
        let end = start + out.len();
        match pixels {
            Pixels::U8(values) => {
                out.iter_mut()
                    .zip(&values[start..end])
                    .for_each(|(sample, &value)| *sample = u16::from(value));
                Ok(())
            }
            Pixels::I16(values) => {
                for (sample, value) in out.iter_mut().zip(&values[start..end]) {
                    *sample = *value as u16 ^ 0x8000;
                }
                Ok(())
            }
            Pixels::I32(values) => {
                self.checked(values[start..end].iter().map(|&value| i128::from(value)), out)
            }
            Pixels::I64(values) => {
                self.checked(values[start..end].iter().map(|&value| i128::from(value)), out)
            }
            Pixels::F32(_) | Pixels::F64(_) => unreachable!("no map is made for floating-point pixels"),
        }
    }

    fn checked(&self, values: impl Iterator<Item = i128>, out: &mut [u16]) -> Result<()> {
        for (sample, value) in out.iter_mut().zip(values) {
            *sample = u16::try_from(value + self.offset).map_err(|_| {
                let problem =
                    format!("a pixel of {value} with BZERO {}, expected a sum of 0 to 65535", self.offset);
                Error::NotU16 { hdu: self.hdu, problem }
            })?;
        }
        Ok(())
    }

    /// Appends the big-endian stored pixels of samples.
    pub(crate) fn bytes_of_samples(&self, samples: &[u16], out: &mut Vec<u8>) -> Result<()> {
        let wrong = |sample: u16| {
            let problem = format!("a sample of {sample} cannot be stored as {}", self.sample);
            Error::NotU16 { hdu: self.hdu, problem }
        };
        let stored = |sample: u16| i128::from(sample) - self.offset;
        match self.sample {
            SampleType::U8 => {
                for &sample in samples {
                    out.push(u8::try_from(sample).map_err(|_| wrong(sample))?);
                }
            }
            SampleType::I16 => {
                samples.iter().for_each(|sample| out.extend_from_slice(&(sample ^ 0x8000).to_be_bytes()))
            }
            SampleType::I32 => {
                for &sample in samples {
                    let value = i32::try_from(stored(sample)).map_err(|_| wrong(sample))?;
                    out.extend_from_slice(&value.to_be_bytes());
                }
            }
            SampleType::I64 => {
                for &sample in samples {
                    let value = i64::try_from(stored(sample)).map_err(|_| wrong(sample))?;
                    out.extend_from_slice(&value.to_be_bytes());
                }
            }
            SampleType::F32 | SampleType::F64 => unreachable!("no map is made for floating-point pixels"),
        }
        Ok(())
    }
}

/// Stored pixels of an 8- or 16-bit image from its samples; `None` if one does not fit, or for
/// other types.
pub(crate) fn pixels_of_samples(samples: &[u16], sample: SampleType) -> Option<Pixels> {
    match sample {
        SampleType::U8 => {
            samples.iter().map(|&sample| u8::try_from(sample).ok()).collect::<Option<_>>().map(Pixels::U8)
        }
        SampleType::I16 => {
            Some(Pixels::I16(samples.iter().map(|&sample| (sample ^ 0x8000) as i16).collect()))
        }
        _ => None,
    }
}

/// Samples of the stored pixels of an 8- or 16-bit image; `None` for other types.
pub(crate) fn samples_of_pixels(pixels: &Pixels) -> Option<Vec<u16>> {
    match pixels {
        Pixels::U8(values) => Some(values.iter().map(|&value| u16::from(value)).collect()),
        Pixels::I16(values) => Some(values.iter().map(|&value| value as u16 ^ 0x8000).collect()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::write::{integer, real};

    fn map(sample: SampleType, zero: Option<&[u8]>) -> SampleMap {
        SampleMap::new(sample, &Header::from_cards(zero, 0)).unwrap()
    }

    /// Samples of pixels under a BZERO, and whether they are stored as the same pixels again.
    fn samples(pixels: &Pixels, zero: Option<&[u8]>) -> Result<Vec<u16>> {
        let map = map(pixels.sample_type(), zero);
        let mut stored = Vec::new();
        pixels.write_be_bytes(&mut stored);
        let mut samples = vec![0; pixels.len()];
        map.samples_of(pixels, 0, &mut samples)?;
        let mut again = vec![0; pixels.len()];
        map.samples_of_bytes(&stored, &mut again)?;
        assert_eq!(samples, again);
        let mut back = Vec::new();
        map.bytes_of_samples(&samples, &mut back)?;
        assert_eq!(back, stored);
        Ok(samples)
    }

    /// The eight integer types that BITPIX and the standard's zero points make, with values at the
    /// ends of what fits.
    #[test]
    fn all_eight_integer_types() {
        let whole = |zero: i64| integer("BZERO", zero, "");
        let two_63 = real("BZERO", 9_223_372_036_854_775_808.0, "");
        let (pair, triple) = (vec![0, 65535], vec![0, 32768, 65535]);
        let i16s = || Pixels::I16(vec![i16::MIN, 0, i16::MAX]);
        let i32s = |from: i32| Pixels::I32(vec![from, from + 65535]);
        let i64s = |from: i64| Pixels::I64(vec![from, from + 65535]);
        let cases = [
            ("uint8", Pixels::U8(vec![0, 1, 255]), None, vec![0, 1, 255]),
            ("int8", Pixels::U8(vec![0, 128, 255]), Some(whole(-128)), vec![0, 128, 255]),
            ("int16", i16s(), None, triple.clone()),
            ("uint16", i16s(), Some(whole(32768)), triple),
            ("int32", i32s(0), None, pair.clone()),
            ("uint32", i32s(i32::MIN), Some(whole(1 << 31)), pair.clone()),
            ("int64", i64s(0), None, pair.clone()),
            ("uint64", i64s(i64::MIN), Some(two_63), pair),
        ];
        for (name, pixels, zero, expected) in cases {
            assert_eq!(samples(&pixels, zero.as_ref().map(|card| &card[..])).unwrap(), expected, "{name}");
        }
    }

    #[test]
    fn sums_beyond_64_bits_are_no_samples() {
        let (low, high) = (Pixels::I64(vec![i64::MIN]), Pixels::I64(vec![i64::MAX]));
        let two_63 = real("BZERO", 9_223_372_036_854_775_808.0, "");
        assert!(samples(&high, Some(&two_63)).is_err());
        // 2^64 too small: modulo 2^64 it would be a sample of 0.
        assert!(samples(&low, Some(&integer("BZERO", i64::MIN, ""))).is_err());
        assert_eq!(samples(&low, Some(&two_63)).unwrap(), [0]);
        // One less than 2^63 is another number, and none that a float could tell.
        assert!(samples(&low, Some(&integer("BZERO", i64::MAX, ""))).is_err());
        assert_eq!(
            samples(&Pixels::I64(vec![i64::MIN + 1]), Some(&integer("BZERO", i64::MAX, ""))).unwrap(),
            [0]
        );
        assert!(
            SampleMap::new(SampleType::I64, &Header::from_cards([&real("BZERO", 1e25, "")[..]], 0)).is_err()
        );
    }

    #[test]
    fn the_offset_leads_back_modulo_64_bits() {
        let two_63 = real("BZERO", 9_223_372_036_854_775_808.0, "");
        let offset = map(SampleType::I64, Some(&two_63)).offset();
        assert_eq!(7i64.wrapping_sub(offset), i64::MIN + 7);
    }
}
