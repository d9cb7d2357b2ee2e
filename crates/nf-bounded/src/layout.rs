//! How the file is put together from verbatim bytes and decoded samples.

use crate::packing::{Fields, put_deflated, take_deflated};
use crate::sample::SampleType;
use crate::{Result, Samples};
use nf_codec::Limits;
use std::io::Write;

/// The segments whose concatenation is the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// In the order of the file.
    pub segments: Vec<Segment>,
}

/// A piece of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Bytes as they are: headers, padding, tables.
    Verbatim(Vec<u8>),
    /// The samples of an array.
    Samples {
        /// Number of the array in the container.
        array: u32,
        /// How they are written.
        order: ByteOrder,
    },
}

/// How a sample is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    /// Lowest byte first.
    Little,
    /// Highest byte first.
    Big,
    /// Highest byte first with its top bit flipped: unsigned 16-bit samples as FITS stores them, as
    /// signed ones with BZERO 32768.
    BigFlipped,
}

impl ByteOrder {
    /// Every order, in the order of the container's codes.
    const ALL: [Self; 3] = [Self::Little, Self::Big, Self::BigFlipped];
}

/// Most bytes that a file may hold beside its samples.
const MAX_VERBATIM_BYTES: u64 = 1 << 30;

const WHAT: &str = "the layout of the file";

impl Layout {
    /// Writes the file; `samples` gives those of an array by its number.
    ///
    /// # Errors
    /// If an array cannot be had, or the destination fails.
    pub fn write(
        &self,
        mut samples: impl FnMut(usize) -> Result<Samples>,
        out: &mut dyn Write,
    ) -> Result<()> {
        let failed = |source| nf_codec::Error::Io { what: "writing the file".to_owned(), source };
        for segment in &self.segments {
            match segment {
                Segment::Verbatim(bytes) => out.write_all(bytes).map_err(failed)?,
                Segment::Samples { array, order } => {
                    write_samples(&samples(*array as usize)?, *order, out).map_err(failed)?;
                }
            }
        }
        Ok(())
    }

    pub(crate) fn put(&self) -> Result<Vec<u8>> {
        let mut plain = Vec::new();
        for segment in &self.segments {
            match segment {
                Segment::Verbatim(bytes) => {
                    plain.push(0);
                    plain.extend((bytes.len() as u64).to_le_bytes());
                    plain.extend(bytes);
                }
                Segment::Samples { array, order } => {
                    plain.push(1);
                    plain.extend(array.to_le_bytes());
                    plain.push(
                        ByteOrder::ALL.iter().position(|known| known == order).unwrap_or_default() as u8
                    );
                }
            }
        }
        if plain.len() as u64 > MAX_VERBATIM_BYTES {
            let what = "what the file holds beside its samples".to_owned();
            let needed = plain.len() as u64;
            return Err(nf_codec::Error::TooLarge { what, needed, most: MAX_VERBATIM_BYTES }.into());
        }
        let mut record = Vec::new();
        put_deflated(&plain, &mut record);
        Ok(record)
    }

    /// What [`Layout::put`] wrote, of a container of `arrays` arrays.
    pub(crate) fn take(record: &[u8], arrays: &[SampleType], limits: &Limits) -> Result<Self> {
        let mut fields = Fields::new(record, WHAT);
        let most = MAX_VERBATIM_BYTES.min(limits.max_memory_bytes);
        let plain = take_deflated(&mut fields, most)?;
        if !fields.is_empty() {
            return Err(fields.corrupt("it is longer than its segments"));
        }
        let mut fields = Fields::new(&plain, WHAT);
        let mut named = vec![false; arrays.len()];
        let mut segments = Vec::new();
        while !fields.is_empty() {
            segments.push(match fields.u8()? {
                0 => {
                    let length = fields.u64()?;
                    // Empty ones could be many.
                    match fields.take(length)? {
                        [] => return Err(fields.corrupt("an empty segment")),
                        bytes => Segment::Verbatim(bytes.to_vec()),
                    }
                }
                1 => {
                    let array = fields.u32()?;
                    let order = fields.one_of(&ByteOrder::ALL, 0, "order of bytes")?;
                    // Once at most: a short record must not stand for an endless file.
                    match named.get_mut(array as usize) {
                        Some(seen @ false) => *seen = true,
                        Some(true) => return Err(fields.corrupt(format!("array {array} is named twice"))),
                        None => return Err(fields.corrupt(format!("there is no array {array}"))),
                    }
                    if order == ByteOrder::BigFlipped && arrays[array as usize] != SampleType::U16 {
                        return Err(fields.corrupt("a flipped bit of samples that are not unsigned 16-bit"));
                    }
                    Segment::Samples { array, order }
                }
                kind => return Err(fields.corrupt(format!("an unknown segment {kind}"))),
            });
        }
        Ok(Self { segments })
    }
}

/// Writes samples as a file stores them.
///
/// # Errors
/// If the destination fails.
fn write_samples(samples: &Samples, order: ByteOrder, out: &mut dyn Write) -> std::io::Result<()> {
    let width = samples.sample_type().bytes();
    let mut result = Ok(());
    let mut bytes = Vec::new();
    samples.each_le_bytes(&mut |piece| {
        if result.is_err() {
            return;
        }
        result = match order {
            ByteOrder::Little => out.write_all(piece),
            ByteOrder::Big | ByteOrder::BigFlipped => {
                let flip = if order == ByteOrder::BigFlipped { 0x80 } else { 0 };
                bytes.clear();
                for sample in piece.chunks_exact(width) {
                    bytes.push(sample[width - 1] ^ flip);
                    bytes.extend(sample[..width - 1].iter().rev());
                }
                out.write_all(&bytes)
            }
        };
    });
    result
}

/// The samples of a type in these bytes, as [`Layout::write`] writes them; a last incomplete one is
/// left out.
pub fn read_samples(sample: SampleType, order: ByteOrder, bytes: &[u8]) -> Samples {
    fn each<T, const N: usize>(bytes: &[u8], order: ByteOrder, of: fn([u8; N]) -> T) -> Vec<T> {
        let (pieces, _) = bytes.as_chunks::<N>();
        let sample = |&piece: &[u8; N]| {
            let mut piece = piece;
            if order != ByteOrder::Little {
                piece.reverse();
            }
            if order == ByteOrder::BigFlipped {
                piece[N - 1] ^= 0x80;
            }
            of(piece)
        };
        pieces.iter().map(sample).collect()
    }
    match sample {
        SampleType::U8 => Samples::U8(bytes.to_vec()),
        SampleType::I16 => Samples::I16(each(bytes, order, i16::from_le_bytes)),
        SampleType::U16 => Samples::U16(each(bytes, order, u16::from_le_bytes)),
        SampleType::I32 => Samples::I32(each(bytes, order, i32::from_le_bytes)),
        SampleType::F32 => Samples::F32(each(bytes, order, f32::from_le_bytes)),
        SampleType::F64 => Samples::F64(each(bytes, order, f64::from_le_bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_written_as_they_were_read() {
        let bytes: Vec<u8> = (0..48).map(|i| i * 37).collect();
        for sample in SampleType::ALL {
            for order in ByteOrder::ALL {
                if order == ByteOrder::BigFlipped && sample != SampleType::U16 {
                    continue;
                }
                let mut written = Vec::new();
                write_samples(&read_samples(sample, order, &bytes), order, &mut written).unwrap();
                assert_eq!(written, bytes, "{sample} {order:?}");
            }
        }
        let Samples::U16(values) =
            read_samples(SampleType::U16, ByteOrder::BigFlipped, &[0x80, 1, 0x7f, 0xff])
        else {
            panic!("the type that was asked for")
        };
        assert_eq!(values, [1, 0xffff]);
    }

    #[test]
    fn layouts_come_back_and_odd_ones_are_refused() {
        let samples = |array| Segment::Samples { array, order: ByteOrder::Big };
        let layout = Layout { segments: vec![Segment::Verbatim(b"head".to_vec()), samples(1), samples(0)] };
        let types = [SampleType::F32, SampleType::I16];
        let limits = Limits::default();
        let record = layout.put().unwrap();
        assert_eq!(Layout::take(&record, &types, &limits).unwrap(), layout);
        assert!((0..record.len()).all(|cut| Layout::take(&record[..cut], &types, &limits).is_err()));
        let refused = |segments: Vec<Segment>| {
            Layout::take(&Layout { segments }.put().unwrap(), &types, &limits).unwrap_err().to_string()
        };
        assert!(refused(vec![samples(0), samples(0)]).contains("twice"));
        assert!(refused(vec![samples(2)]).contains("no array 2"));
        assert!(refused(vec![Segment::Verbatim(vec![])]).contains("empty"));
        let flipped = Segment::Samples { array: 0, order: ByteOrder::BigFlipped };
        assert!(refused(vec![flipped]).contains("flipped"));
    }
}
