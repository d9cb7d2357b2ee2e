//! Where the bytes of a file lie: in memory, or on disk, read piece by piece.
//!
//! What has no positions of its own (a pipe, the inside of a gzipped file) is kept in memory as
//! long as it is short, and otherwise in a temporary file without a name, in the folder that
//! `TMPDIR` names.

use crate::inflate::{Compressor, Inflate, MAGIC_BYTES, Pushback};
use crate::{Error, Limits, Result};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Cursor, Read, Write};
use std::ops::Range;
use std::path::Path;

/// Longest input without positions that is kept in memory. A frame of a few megapixels fits; longer
/// ones would cost several times what a plain file does, which is read piece by piece.
const MEMORY_BYTES: u64 = 8 << 20;

/// Bytes that are read from a file or pipe at once.
const BUFFER_BYTES: usize = 1 << 18;

/// Bytes of a range that are handed out at once: whole pixels, and whole words of a sum.
const PIECE_BYTES: u64 = 1 << 20;

/// Positioned reading, shared by threads.
#[derive(Debug)]
pub(crate) struct Source {
    place: Place,
    len_bytes: u64,
    name: String,
    has_ignored_bytes: bool,
}

#[derive(Debug)]
enum Place {
    Memory(Vec<u8>),
    Disk(File),
}

impl Source {
    /// Opens a file; one that is compressed as a whole is inflated.
    pub(crate) fn open(path: &Path, limits: &Limits) -> Result<Self> {
        let name = path.display().to_string();
        let mut file = File::open(path).map_err(Error::io("opening the file"))?;
        let meta = file.metadata().map_err(Error::io("opening the file"))?;
        if meta.is_dir() {
            return Err(not_fits("it is a folder"));
        }
        if !meta.is_file() {
            return Self::of_stream(BufReader::with_capacity(BUFFER_BYTES, file), name, limits);
        }
        let mut magic = Vec::new();
        Read::by_ref(&mut file).take(MAGIC_BYTES as u64).read_to_end(&mut magic).map_err(reading())?;
        if Compressor::of(&magic).is_some() {
            use std::io::Seek;
            file.rewind().map_err(reading())?;
            return Self::of_stream(BufReader::with_capacity(BUFFER_BYTES, file), name, limits);
        }
        Ok(Self { place: Place::Disk(file), len_bytes: meta.len(), name, has_ignored_bytes: false })
    }

    /// A file that is open for reading, as far as it reaches now.
    pub(crate) fn of_file(file: &File, name: &str) -> Result<Self> {
        let len_bytes = file.metadata().map_err(Error::io(name))?.len();
        let place = Place::Disk(file.try_clone().map_err(Error::io(name))?);
        Ok(Self { place, len_bytes, name: name.to_owned(), has_ignored_bytes: false })
    }

    /// Takes bytes that are in memory already; compressed ones are inflated.
    pub(crate) fn from_bytes(bytes: Vec<u8>, name: String, limits: &Limits) -> Result<Self> {
        if Compressor::of(&bytes).is_some() {
            return Self::of_stream(Cursor::new(bytes), name, limits);
        }
        Ok(Self {
            len_bytes: bytes.len() as u64,
            place: Place::Memory(bytes),
            name,
            has_ignored_bytes: false,
        })
    }

    /// Takes what a stream gives, which has no positions, inflated if it is compressed.
    fn of_stream(input: impl BufRead, name: String, limits: &Limits) -> Result<Self> {
        let mut input = Pushback::new(input);
        let compressor = Compressor::of(input.peek(MAGIC_BYTES).map_err(reading())?);
        let mut has_ignored_bytes = false;
        let (place, len_bytes) = match compressor {
            None => keep(&mut input, "the input", MEMORY_BYTES, limits)?,
            Some(compressor) => {
                let mut inflated = Inflate::new(compressor, input);
                let kept = keep(&mut inflated, compressor.file(), MEMORY_BYTES, limits)?;
                has_ignored_bytes = inflated.trailing_bytes();
                kept
            }
        };
        if has_ignored_bytes {
            tracing::warn!(
                "{name}: what follows the compressed data is neither compressed nor zero; it is ignored"
            );
        }
        Ok(Self { place, len_bytes, name, has_ignored_bytes })
    }

    /// Whether bytes behind the compressed data, other than zeros, are not among those that are
    /// read.
    pub(crate) fn has_ignored_bytes(&self) -> bool {
        self.has_ignored_bytes
    }

    /// What the file is called, for a message.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    pub(crate) fn is_in_memory(&self) -> bool {
        matches!(self.place, Place::Memory(_))
    }

    /// `len` bytes from `offset`, borrowed where they are in memory, otherwise read into `scratch`.
    ///
    /// The range is checked against the file before anything is allocated.
    pub(crate) fn bytes<'a>(&'a self, offset: u64, len: usize, scratch: &'a mut Vec<u8>) -> Result<&'a [u8]> {
        let end = offset.checked_add(len as u64).filter(|&end| end <= self.len_bytes);
        if end.is_none() {
            return Err(self.beyond(offset, len));
        }
        match &self.place {
            Place::Memory(bytes) => Ok(&bytes[offset as usize..offset as usize + len]),
            Place::Disk(file) => {
                if scratch.len() < len {
                    scratch.resize(len, 0);
                }
                read_exact_at(file, &mut scratch[..len], offset).map_err(reading())?;
                Ok(&scratch[..len])
            }
        }
    }

    /// Hands out the bytes of a range, so many at a time.
    pub(crate) fn each_piece(
        &self,
        range: Range<u64>,
        mut take: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut scratch = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let len = (range.end - at).min(PIECE_BYTES);
            take(self.bytes(at, len as usize, &mut scratch)?)?;
            at += len;
        }
        Ok(())
    }

    fn beyond(&self, offset: u64, len: usize) -> Error {
        let reason = format!(
            "bytes {offset}..{} asked for, the file has {}",
            offset.saturating_add(len as u64),
            self.len_bytes
        );
        reading()(std::io::Error::other(reason))
    }
}

fn reading() -> impl FnOnce(std::io::Error) -> Error {
    Error::io("reading the file")
}

fn not_fits(reason: impl Into<String>) -> Error {
    Error::Format { format: "FITS", reason: reason.into() }
}

/// Reads all of `input`: into memory while it is no longer than `memory_bytes`, otherwise into a
/// temporary file.
fn keep(input: &mut impl Read, what: &str, memory_bytes: u64, limits: &Limits) -> Result<(Place, u64)> {
    let failed = || Error::io(format!("reading {what}"));
    // What is not FITS is refused before it is read to its end.
    let mut bytes = Vec::new();
    input.take(FIRST.len() as u64).read_to_end(&mut bytes).map_err(failed())?;
    check_first(&bytes, what)?;
    let most = limits.max_inflated_bytes;
    let rest = |so_far: usize, bound: u64| bound.saturating_sub(so_far as u64);
    input.take(rest(bytes.len(), memory_bytes.min(most))).read_to_end(&mut bytes).map_err(failed())?;
    let mut next = [0u8];
    if input.read(&mut next).map_err(failed())? == 0 {
        bytes.shrink_to_fit();
        let len = bytes.len() as u64;
        return Ok((Place::Memory(bytes), len));
    }
    let too_long = || Error::Limit {
        what: format!("{what}: bytes of the file inside"),
        needed: most.saturating_add(1),
        limit: most,
    };
    if bytes.len() as u64 >= most {
        return Err(too_long());
    }
    let writing = || Error::io("writing a temporary file (TMPDIR names the folder)");
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, tempfile::tempfile().map_err(writing())?);
    out.write_all(&bytes).map_err(writing())?;
    out.write_all(&next).map_err(writing())?;
    let mut len = bytes.len() as u64 + 1;
    let mut bytes = vec![0; BUFFER_BYTES];
    loop {
        let n = input.read(&mut bytes).map_err(failed())?;
        if n == 0 {
            let file = out.into_inner().map_err(|error| writing()(error.into_error()))?;
            return Ok((Place::Disk(file), len));
        }
        len += n as u64;
        if len > most {
            return Err(too_long());
        }
        out.write_all(&bytes[..n]).map_err(writing())?;
    }
}

/// How a FITS file begins.
const FIRST: &[u8] = b"SIMPLE  =";

/// Refuses what does not begin like a FITS file; `first` are as many bytes as that takes.
pub(crate) fn check_first(first: &[u8], what: &str) -> Result<()> {
    if first == FIRST {
        return Ok(());
    }
    let found = String::from_utf8_lossy(first);
    Err(not_fits(match (compressor(first), other_kind(first)) {
        (Some(name), _) => format!("{what} is compressed by {name}, which is not read; decompress it first"),
        (None, Some(kind)) => format!("{what} is {kind}"),
        (None, None) => format!("{what} begins with {found:?}, expected \"SIMPLE  =\""),
    }))
}

/// What a file is that begins like this, and what is done with such ones: those that are most
/// likely to be given where a FITS file is expected.
fn other_kind(first: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], &str); 5] = [
        (b"\x89NFL", "a noisefloor container, which `noisefloor decompress` turns into a FITS file"),
        (b"\x89NFB", "a bounded noisefloor container, which `noisefloor decompress` turns into a FITS file"),
        (b"NFPROF", "a detector profile, which `noisefloor profile info` describes"),
        (b"\x93NUMPY", "an .npy file"),
        (b"\x89HDF\r\n", "an HDF5 file"),
    ];
    known.into_iter().find(|(magic, _)| first.starts_with(magic)).map(|(_, kind)| kind)
}

/// The program that compresses whole files so that they begin like this.
fn compressor(first: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], &str); 3] =
        [(b"\xfd7zXZ\0", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"PK\x03\x04", "zip")];
    known.into_iter().find(|(magic, _)| first.starts_with(magic)).map(|(_, name)| name)
}

#[cfg(unix)]
fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> std::io::Result<()> {
    while !buffer.is_empty() {
        let n = std::os::windows::fs::FileExt::seek_read(file, buffer, offset)?;
        if n == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        buffer = &mut buffer[n..];
        offset += n as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testdata::{bzip2, gzip};

    #[test]
    fn bombs_stop_at_the_limit() {
        let mut inflated = b"SIMPLE  =".to_vec();
        inflated.resize(1 << 20, b' ');
        for zip in [gzip, bzip2] {
            let limits = Limits { max_inflated_bytes: 1 << 19, ..Limits::default() };
            let error = Source::from_bytes(zip(&inflated), "bomb".into(), &limits).unwrap_err();
            assert!(matches!(error, Error::Limit { .. }), "{error}");
            let exact = Limits { max_inflated_bytes: 1 << 20, ..Limits::default() };
            let source = Source::from_bytes(zip(&inflated), "fits".into(), &exact).unwrap();
            assert_eq!(source.len_bytes(), 1 << 20);
        }
    }

    #[test]
    fn compressed_files_that_are_not_fits_are_refused() {
        for zip in [gzip, bzip2] {
            let error =
                Source::from_bytes(zip(&[0; 100_000]), "zeros".into(), &Limits::default()).unwrap_err();
            assert!(error.to_string().contains("expected \"SIMPLE  =\""), "{error}");
        }
        let error = Source::from_bytes(b"\xfd7zXZ\0".to_vec(), "xz".into(), &Limits::default());
        assert!(
            error
                .and_then(|source| crate::hdu::walk(&source).map(drop))
                .unwrap_err()
                .to_string()
                .contains("compressed by xz")
        );
    }

    #[test]
    fn long_streams_lie_in_a_temporary_file() {
        let bytes: Vec<u8> =
            FIRST.iter().copied().chain((0..700_000u32).map(|i| (i.wrapping_mul(i) >> 7) as u8)).collect();
        for memory_bytes in [0, 9, 10, 300_000, 700_008, 700_009, 800_000] {
            let (place, len_bytes) =
                keep(&mut &bytes[..], "the input", memory_bytes, &Limits::default()).unwrap();
            let on_disk = matches!(place, Place::Disk(_));
            assert_eq!(on_disk, memory_bytes < 700_009, "{memory_bytes}");
            let source = Source { place, len_bytes, name: String::new(), has_ignored_bytes: false };
            assert_eq!(source.len_bytes(), 700_009);
            assert!(source.bytes(0, 700_009, &mut Vec::new()).unwrap() == bytes);
            // The limit counts wherever the bytes lie.
            let limits = Limits { max_inflated_bytes: 700_008, ..Limits::default() };
            assert!(matches!(keep(&mut &bytes[..], "it", memory_bytes, &limits), Err(Error::Limit { .. })));
            let limits = Limits { max_inflated_bytes: 700_009, ..Limits::default() };
            assert!(keep(&mut &bytes[..], "it", memory_bytes, &limits).is_ok());
        }
    }

    #[test]
    fn ranges_beyond_the_end_are_errors() {
        let source = Source::from_bytes(vec![1, 2, 3], "three".into(), &Limits::default()).unwrap();
        let mut scratch = Vec::new();
        assert_eq!(source.bytes(1, 2, &mut scratch).unwrap(), [2, 3]);
        assert!(source.bytes(1, 3, &mut scratch).is_err());
        assert!(source.bytes(u64::MAX, 2, &mut scratch).is_err());
        assert!(scratch.is_empty());
    }
}
