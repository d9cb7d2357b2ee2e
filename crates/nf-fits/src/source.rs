//! Where the bytes of a file lie: in memory, or on disk, read piece by piece.

use crate::{Error, Limits, Result};
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// Positioned reading, shared by threads.
#[derive(Debug)]
pub(crate) struct Source {
    place: Place,
    len_bytes: u64,
    name: String,
}

#[derive(Debug)]
enum Place {
    Memory(Vec<u8>),
    Disk(File),
}

impl Source {
    /// Opens a file; a gzipped one is inflated into memory.
    pub(crate) fn open(path: &Path, limits: &Limits) -> Result<Self> {
        let name = path.display().to_string();
        let mut file = File::open(path).map_err(Error::io(&name))?;
        let meta = file.metadata().map_err(Error::io(&name))?;
        if meta.is_dir() {
            let reason = format!("{name} is a folder");
            return Err(Error::Format { format: "FITS", reason });
        }
        if !meta.is_file() {
            // A pipe or a device: no positions, so it is taken into memory, as far as allowed.
            return Self::from_bytes(read_bounded(file, limits.max_inflated_bytes, &name)?, name, limits);
        }
        let mut magic = [0u8; 2];
        let found = file.read(&mut magic).map_err(Error::io(&name))?;
        if found == 2 && magic == GZIP_MAGIC {
            use std::io::Seek;
            file.rewind().map_err(Error::io(&name))?;
            let bytes = inflate(BufReader::with_capacity(1 << 18, file), limits, &name)?;
            return Ok(Self { len_bytes: bytes.len() as u64, place: Place::Memory(bytes), name });
        }
        Ok(Self { place: Place::Disk(file), len_bytes: meta.len(), name })
    }

    /// A file that is open for reading, as far as it reaches now.
    pub(crate) fn of_file(file: &File, name: &str) -> Result<Self> {
        let len_bytes = file.metadata().map_err(Error::io(name))?.len();
        let place = Place::Disk(file.try_clone().map_err(Error::io(name))?);
        Ok(Self { place, len_bytes, name: name.to_owned() })
    }

    /// Takes bytes that are in memory already; gzipped ones are inflated.
    pub(crate) fn from_bytes(bytes: Vec<u8>, name: String, limits: &Limits) -> Result<Self> {
        let bytes = if bytes.starts_with(&GZIP_MAGIC) { inflate(&bytes[..], limits, &name)? } else { bytes };
        Ok(Self { len_bytes: bytes.len() as u64, place: Place::Memory(bytes), name })
    }

    pub(crate) fn len_bytes(&self) -> u64 {
        self.len_bytes
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
                read_exact_at(file, &mut scratch[..len], offset).map_err(Error::io(&self.name))?;
                Ok(&scratch[..len])
            }
        }
    }

    fn beyond(&self, offset: u64, len: usize) -> Error {
        let reason = format!(
            "{}: bytes {offset}..{} asked for, the file has {}",
            self.name,
            offset.saturating_add(len as u64),
            self.len_bytes
        );
        Error::Io { what: "reading".into(), source: std::io::Error::other(reason) }
    }
}

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

fn inflate(input: impl std::io::BufRead, limits: &Limits, name: &str) -> Result<Vec<u8>> {
    let mut decoder = MultiGzDecoder::new(input);
    // A gzipped file that is not FITS is refused before it is inflated.
    let mut start = [0u8; 9];
    decoder.read_exact(&mut start).map_err(Error::io(name))?;
    if &start != b"SIMPLE  =" {
        let reason = format!("{name} is gzipped, but does not begin with SIMPLE inside");
        return Err(Error::Format { format: "FITS", reason });
    }
    let rest = limits.max_inflated_bytes.saturating_sub(start.len() as u64);
    let mut bytes = start.to_vec();
    decoder.by_ref().take(rest).read_to_end(&mut bytes).map_err(Error::io(name))?;
    refuse_more(decoder, limits.max_inflated_bytes, name)?;
    Ok(bytes)
}

fn read_bounded(input: impl Read, limit: u64, name: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut input = input;
    input.by_ref().take(limit).read_to_end(&mut bytes).map_err(Error::io(name))?;
    refuse_more(input, limit, name)?;
    Ok(bytes)
}

fn refuse_more(mut input: impl Read, limit: u64, name: &str) -> Result<()> {
    let mut one = [0u8];
    if input.read(&mut one).map_err(Error::io(name))? > 0 {
        let what = format!("{name}: bytes of inflated file");
        return Err(Error::Limit { what, needed: limit.saturating_add(1), limit });
    }
    Ok(())
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
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    #[test]
    fn a_gzip_bomb_stops_at_the_limit() {
        let mut inflated = b"SIMPLE  =".to_vec();
        inflated.resize(1 << 20, b' ');
        let limits = Limits { max_inflated_bytes: 1 << 19, ..Limits::default() };
        let error = Source::from_bytes(gzip(&inflated), "bomb".into(), &limits).unwrap_err();
        assert!(matches!(error, Error::Limit { .. }), "{error}");
        let exact = Limits { max_inflated_bytes: 1 << 20, ..Limits::default() };
        assert_eq!(Source::from_bytes(gzip(&inflated), "fits".into(), &exact).unwrap().len_bytes(), 1 << 20);
    }

    #[test]
    fn gzipped_files_that_are_not_fits_are_refused() {
        let error = Source::from_bytes(gzip(&[0; 100_000]), "zeros".into(), &Limits::default()).unwrap_err();
        assert!(error.to_string().contains("does not begin with SIMPLE"), "{error}");
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
