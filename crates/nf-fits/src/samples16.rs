//! How stored pixels become unsigned 16-bit samples and back.
//!
//! | file | sample |
//! |---|---|
//! | BITPIX 16 | stored value + 32768: with BZERO = 32768 the physical value, without BZERO the signed value shifted |
//! | BITPIX 8 | stored byte |
//! | BITPIX 32 or 64, BSCALE 1 | stored value + BZERO, which must lie in 0..=65535 for every pixel |
//!
//! The first two lose nothing whatever BSCALE and BZERO say, because the header keeps them, and the way back needs
//! nothing but the header.

use crate::header::Header;
use crate::{Error, Pixels, Result, SampleType};

/// The map between stored pixels of one HDU and samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleMap {
    sample: SampleType,
    /// What is added to a stored value.
    offset: i64,
    hdu: usize,
}

impl SampleMap {
    /// The map for pixels of type `sample` under BSCALE and BZERO of `header`.
    ///
    /// # Errors
    /// [`Error::NotU16`] for floating-point pixels, and for wider integers under a scale that is not 1 or a zero that
    /// is not whole.
    pub fn new(sample: SampleType, header: &Header) -> Result<Self> {
        let hdu = header.hdu();
        let offset = match sample {
            SampleType::U8 => 0,
            SampleType::I16 => 1 << 15,
            SampleType::I32 | SampleType::I64 => {
                let (scale, zero) =
                    (header.real("BSCALE")?.unwrap_or(1.0), header.real("BZERO")?.unwrap_or(0.0));
                if scale != 1.0 || zero.fract() != 0.0 || zero.abs() > 9.3e18 {
                    let problem = format!(
                        "{sample} with BSCALE {scale} and BZERO {zero}, expected 1 and a whole number"
                    );
                    return Err(Error::NotU16 { hdu, problem });
                }
                zero as i64
            }
            SampleType::F32 | SampleType::F64 => {
                return Err(Error::NotU16 { hdu, problem: format!("its pixels are {sample}") });
            }
        };
        Ok(Self { sample, offset, hdu })
    }

    /// What is added to a stored value to make a sample.
    pub fn offset(&self) -> i64 {
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
                self.checked(values[start..end].iter().map(|&value| i64::from(value)), out)
            }
            Pixels::I64(values) => self.checked(values[start..end].iter().copied(), out),
            Pixels::F32(_) | Pixels::F64(_) => unreachable!("no map is made for floating-point pixels"),
        }
    }

    fn checked(&self, values: impl Iterator<Item = i64>, out: &mut [u16]) -> Result<()> {
        for (sample, value) in out.iter_mut().zip(values) {
            *sample =
                value.checked_add(self.offset).and_then(|sum| u16::try_from(sum).ok()).ok_or_else(|| {
                    let problem = format!(
                        "a pixel of {value} with BZERO {}, expected a sum of 0 to 65535",
                        self.offset
                    );
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
        let stored = |sample: u16| i64::from(sample).checked_sub(self.offset).ok_or_else(|| wrong(sample));
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
                    let value = i32::try_from(stored(sample)?).map_err(|_| wrong(sample))?;
                    out.extend_from_slice(&value.to_be_bytes());
                }
            }
            SampleType::I64 => {
                for &sample in samples {
                    out.extend_from_slice(&stored(sample)?.to_be_bytes());
                }
            }
            SampleType::F32 | SampleType::F64 => unreachable!("no map is made for floating-point pixels"),
        }
        Ok(())
    }
}

/// Stored pixels of an 8- or 16-bit image from its samples; `None` if one does not fit, or for other types.
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
