//! How the original file is put together from verbatim bytes and samples.

use super::MAX_VERBATIM_BYTES;
use super::deflate::{deflate, inflate};
use super::version::{Version, unzigzag, zigzag};
use crate::{Error, Fields, Limits, Result, put_varint};
use flate2::read::ZlibDecoder;
use nf_image::Image16;
use std::io::{Read, Write};

/// The segments whose concatenation is the original file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// In the order of the file.
    pub segments: Vec<Segment>,
}

/// A piece of the original file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Bytes as they are: headers, padding, tables.
    Verbatim(Vec<u8>),
    /// The samples of a stack.
    Samples {
        /// Number of the stack in the container.
        image: u32,
        /// How one sample is written.
        format: SampleFormat,
        /// Subtracted, modulo 2^64, from a pixel before it is written (BZERO of FITS): `i64::MIN`
        /// is that of unsigned 64-bit integers, 2^63.
        offset: i64,
    },
}

/// How one sample is written in the original file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleFormat {
    /// One unsigned byte (FITS BITPIX 8).
    U8,
    /// Signed 16 bits, big-endian (FITS BITPIX 16).
    I16Be,
    /// Signed 32 bits, big-endian (FITS BITPIX 32).
    I32Be,
    /// Signed 64 bits, big-endian (FITS BITPIX 64).
    I64Be,
    /// Unsigned 16 bits, little-endian (`.npy` of `<u2`).
    U16Le,
}

impl SampleFormat {
    /// In the order of the codes, which begin with 1.
    const ALL: [Self; 5] = [Self::U8, Self::I16Be, Self::I32Be, Self::U16Le, Self::I64Be];

    fn code(self) -> u8 {
        1 + Self::ALL.iter().position(|known| *known == self).unwrap_or_default() as u8
    }

    /// Bytes of one sample in the original file.
    pub const fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::I16Be | Self::U16Le => 2,
            Self::I32Be => 4,
            Self::I64Be => 8,
        }
    }

    /// Writes samples, each as (pixel - offset).
    ///
    /// # Errors
    /// If the destination fails. A pixel outside the format's range wraps; writers of layouts make
    /// sure that there is none.
    pub fn write(self, samples: &[u16], offset: i64, out: &mut dyn Write) -> std::io::Result<()> {
        const PIECE_PX: usize = 1 << 16;
        let mut bytes = Vec::with_capacity(samples.len().min(PIECE_PX) * 4);
        for piece in samples.chunks(PIECE_PX) {
            bytes.clear();
            match self {
                Self::U8 => {
                    bytes.extend(piece.iter().map(|&pixel| i64::from(pixel).wrapping_sub(offset) as u8))
                }
                Self::I16Be => {
                    let offset = offset as u16;
                    bytes.extend(piece.iter().flat_map(|pixel| pixel.wrapping_sub(offset).to_be_bytes()));
                }
                Self::I32Be => bytes.extend(
                    piece
                        .iter()
                        .flat_map(|&pixel| (i64::from(pixel).wrapping_sub(offset) as i32).to_be_bytes()),
                ),
                Self::I64Be => bytes.extend(
                    piece.iter().flat_map(|&pixel| i64::from(pixel).wrapping_sub(offset).to_be_bytes()),
                ),
                Self::U16Le => {
                    let offset = offset as u16;
                    bytes.extend(piece.iter().flat_map(|pixel| pixel.wrapping_sub(offset).to_le_bytes()));
                }
            }
            out.write_all(&bytes)?;
        }
        Ok(())
    }
}

impl Layout {
    /// Writes the original file; `samples` hands the samples of a stack, in pieces and in order, to
    /// its sink.
    ///
    /// # Errors
    /// If a stack cannot be given, or the destination fails.
    pub fn write(
        &self,
        mut samples: impl FnMut(u32, &mut dyn FnMut(&Image16) -> Result<()>) -> Result<()>,
        out: &mut dyn Write,
    ) -> Result<()> {
        let failed = |source| Error::Io { what: "writing the original file".to_owned(), source };
        for segment in &self.segments {
            match segment {
                Segment::Verbatim(bytes) => out.write_all(bytes).map_err(failed)?,
                Segment::Samples { image, format, offset } => {
                    samples(*image, &mut |piece| format.write(piece.samples(), *offset, out).map_err(failed))?
                }
            }
        }
        Ok(())
    }

    /// The value of the header's layout record.
    ///
    /// # Errors
    /// If the verbatim bytes are more than a container may hold.
    pub(super) fn to_record(&self) -> Result<Vec<u8>> {
        let verbatim = |segment: &Segment| match segment {
            Segment::Verbatim(bytes) => bytes.len() as u64,
            Segment::Samples { .. } => 0,
        };
        let needed = self.segments.iter().map(verbatim).sum();
        if needed > MAX_VERBATIM_BYTES {
            let what = "what the file holds beside coded samples".to_owned();
            return Err(Error::TooLarge { what, needed, most: MAX_VERBATIM_BYTES });
        }
        let mut plain = Vec::new();
        for segment in &self.segments {
            match segment {
                Segment::Verbatim(bytes) => {
                    plain.push(0);
                    put_varint(&mut plain, bytes.len() as u64);
                    plain.extend(bytes);
                }
                Segment::Samples { image, format, offset } => {
                    plain.push(1);
                    put_varint(&mut plain, u64::from(*image));
                    plain.push(format.code());
                    put_varint(&mut plain, zigzag(*offset));
                }
            }
        }
        let mut record = Vec::new();
        put_varint(&mut record, plain.len() as u64);
        record.extend(deflate(&plain));
        Ok(record)
    }

    /// Reads the layout record of a header of this version; stacks are numbered below `images`.
    ///
    /// Neighbouring verbatim segments become one, so that memory follows from the announced length
    /// and the number of stacks, however many segments there are.
    pub(super) fn from_record(
        record: &[u8],
        version: Version,
        images: usize,
        limits: &Limits,
    ) -> Result<Self> {
        let mut fields = Fields::new(record, WHAT);
        let length = version.number::<8>(|| fields.u8(), WHAT)?;
        if length > MAX_RECORD_BYTES {
            return Err(Error::corrupt(WHAT, format!("a length of {length} bytes")));
        }
        limits.check_memory(WHAT, length)?;
        let mut plain = Inflating { stream: inflate(fields.rest(), version), left: length, version };
        let mut segments: Vec<Segment> = Vec::new();
        let mut named = vec![false; images];
        while plain.left > 0 {
            let [kind] = plain.array()?;
            match kind {
                0 => {
                    let length = plain.number::<8>()?;
                    if length == 0 {
                        return Err(Error::corrupt(WHAT, "an empty segment"));
                    }
                    match segments.last_mut() {
                        Some(Segment::Verbatim(bytes)) => plain.append(length, bytes)?,
                        _ => {
                            let mut bytes = Vec::new();
                            plain.append(length, &mut bytes)?;
                            segments.push(Segment::Verbatim(bytes));
                        }
                    }
                }
                1 => {
                    let image = u32::try_from(plain.number::<4>()?).unwrap_or(u32::MAX);
                    // Once at most: a short record must not stand for an endless file.
                    match named.get_mut(image as usize) {
                        Some(seen @ false) => *seen = true,
                        Some(_) => return Err(Error::corrupt(WHAT, format!("it names stack {image} twice"))),
                        None => {
                            let reason = format!("it names stack {image}, there are {images}");
                            return Err(Error::corrupt(WHAT, reason));
                        }
                    }
                    let [code] = plain.array()?;
                    let format = SampleFormat::ALL
                        .into_iter()
                        .find(|known| known.code() == code)
                        .ok_or_else(|| Error::corrupt(WHAT, format!("sample format {code} is unknown")))?;
                    let offset = plain.offset()?;
                    segments.push(Segment::Samples { image, format, offset });
                }
                kind => return Err(Error::corrupt(WHAT, format!("segment kind {kind} is unknown"))),
            }
        }
        if plain.stream.read(&mut [0]).map_err(damaged)? > 0 {
            return Err(Error::corrupt(WHAT, format!("it inflates to more than {length} bytes")));
        }
        Ok(Self { segments })
    }
}

/// The inflated record, as far as its announced length.
struct Inflating<'a> {
    stream: ZlibDecoder<&'a [u8]>,
    left: u64,
    version: Version,
}

impl Inflating<'_> {
    fn spend(&mut self, length: u64) -> Result<()> {
        self.left = self.left.checked_sub(length).ok_or_else(|| Error::truncated(WHAT))?;
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.spend(N as u64)?;
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes).map_err(damaged)?;
        Ok(bytes)
    }

    /// A number, of `N` bytes where widths are fixed.
    fn number<const N: usize>(&mut self) -> Result<u64> {
        self.version.number::<N>(|| self.array::<1>().map(|[byte]| byte), WHAT)
    }

    fn offset(&mut self) -> Result<i64> {
        let number = self.number::<8>()?;
        match self.version {
            Version::FixedWidths => Ok(number as i64),
            Version::Varints => Ok(unzigzag(number)),
        }
    }

    fn append(&mut self, length: u64, bytes: &mut Vec<u8>) -> Result<()> {
        self.spend(length)?;
        let read = (&mut self.stream).take(length).read_to_end(bytes).map_err(damaged)?;
        if read as u64 == length { Ok(()) } else { Err(Error::truncated(WHAT)) }
    }
}

fn damaged(error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => Error::truncated(WHAT),
        _ => Error::corrupt(WHAT, error.to_string()),
    }
}

const WHAT: &str = "the container's layout";
/// Longest record that a reader accepts, inflated: the verbatim bytes, and what tells where they
/// belong.
const MAX_RECORD_BYTES: u64 = 2 * MAX_VERBATIM_BYTES;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_round_trip() {
        let layout = Layout {
            segments: vec![
                Segment::Verbatim(b"SIMPLE  =".to_vec()),
                Segment::Samples { image: 1, format: SampleFormat::I16Be, offset: 32768 },
                Segment::Verbatim(vec![0; 100_000]),
            ],
        };
        let record = layout.to_record().unwrap();
        assert!(record.len() < 500);
        assert_eq!(Layout::from_record(&record, Version::Varints, 2, &Limits::default()).unwrap(), layout);
        assert!(Layout::from_record(&record, Version::Varints, 1, &Limits::default()).is_err());
        let tight = Limits { max_memory_bytes: 1000, ..Limits::default() };
        assert!(matches!(
            Layout::from_record(&record, Version::Varints, 2, &tight),
            Err(Error::Limit { .. })
        ));
        for cut in 0..record.len() {
            assert!(
                Layout::from_record(&record[..cut], Version::Varints, 2, &Limits::default()).is_err(),
                "{cut}"
            );
        }
    }

    #[test]
    fn millions_of_segments_need_no_more_memory_than_their_bytes() {
        let segments = vec![Segment::Verbatim(vec![7]); 1 << 20];
        let record = Layout { segments }.to_record().unwrap();
        let length = Fields::new(&record, WHAT).varint().unwrap();
        assert_eq!(length, 3 << 20);
        let read = Layout::from_record(&record, Version::Varints, 0, &Limits::default()).unwrap();
        assert_eq!(read.segments, [Segment::Verbatim(vec![7; 1 << 20])]);
        let tight = Limits { max_memory_bytes: length - 1, ..Limits::default() };
        assert!(matches!(
            Layout::from_record(&record, Version::Varints, 0, &tight),
            Err(Error::Limit { .. })
        ));
    }

    #[test]
    fn the_announced_length_is_exact() {
        let layout = Layout { segments: vec![Segment::Verbatim(b"0123456789".to_vec()); 2] };
        let record = layout.to_record().unwrap();
        assert_eq!(record[0], 24);
        for announced in [0u64, 1, 12, 23, 25, u64::MAX] {
            let mut lie = Vec::new();
            put_varint(&mut lie, announced);
            lie.extend(&record[1..]);
            assert!(
                Layout::from_record(&lie, Version::Varints, 0, &Limits::default()).is_err(),
                "{announced}"
            );
        }
    }

    #[test]
    fn short_records_cannot_stand_for_endless_files() {
        let twice = Segment::Samples { image: 0, format: SampleFormat::U8, offset: 0 };
        let record = Layout { segments: vec![twice.clone(), twice] }.to_record().unwrap();
        let error =
            Layout::from_record(&record, Version::Varints, 1, &Limits::default()).unwrap_err().to_string();
        assert!(error.contains("twice"), "{error}");
        let record = Layout { segments: vec![Segment::Verbatim(Vec::new())] }.to_record().unwrap();
        assert!(Layout::from_record(&record, Version::Varints, 1, &Limits::default()).is_err());
    }

    #[test]
    fn samples_are_written_as_fits_and_npy_want_them() {
        for format in SampleFormat::ALL {
            let mut out = Vec::new();
            format.write(&[1, 2, 3], 0, &mut out).unwrap();
            assert_eq!(out.len(), 3 * format.bytes(), "{format:?}");
        }
        let mut out = Vec::new();
        SampleFormat::I16Be.write(&[0, 32768, 65535], 32768, &mut out).unwrap();
        assert_eq!(out, [0x80, 0, 0, 0, 0x7f, 0xff]);
        out.clear();
        SampleFormat::I32Be.write(&[1], 3, &mut out).unwrap();
        assert_eq!(out, [0xff, 0xff, 0xff, 0xfe]);
        out.clear();
        SampleFormat::U16Le.write(&[0x0102], 0, &mut out).unwrap();
        SampleFormat::U8.write(&[7], 0, &mut out).unwrap();
        assert_eq!(out, [2, 1, 7]);
        // Unsigned 64-bit integers of FITS, and the signed values of `.npy`.
        out.clear();
        SampleFormat::I64Be.write(&[1], i64::MIN, &mut out).unwrap();
        assert_eq!(out, [0x80, 0, 0, 0, 0, 0, 0, 1]);
        out.clear();
        SampleFormat::U16Le.write(&[0x7fff], 32768, &mut out).unwrap();
        SampleFormat::U8.write(&[0, 127], 128, &mut out).unwrap();
        assert_eq!(out, [0xff, 0xff, 0x80, 0xff]);
    }
}
