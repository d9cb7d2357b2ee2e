//! What is read of a container before any tile: header and index.

use super::header::Header;
use super::version::Version;
use super::{MAGIC, MAX_HEADER_BYTES, PREFIX_BYTES, VERSION};
use crate::{Error, Fields, Limits, Result};
use std::io::{Read, Seek, SeekFrom};

const WHAT: &str = "the container";

pub(super) fn failed(source: std::io::Error) -> Error {
    match source.kind() {
        std::io::ErrorKind::UnexpectedEof => Error::truncated(WHAT),
        _ => Error::Io { what: format!("reading {WHAT}"), source },
    }
}

/// Reads `length` bytes that are known to exist.
pub(super) fn read_exactly(source: &mut impl Read, length: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    source.read_exact(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// The version, the header, and the length of the prologue.
pub(super) fn read_header(
    source: &mut impl Read,
    container_bytes: u64,
    limits: &Limits,
) -> Result<(Version, Header, u64)> {
    let known = container_bytes.min(PREFIX_BYTES as u64) as usize;
    let mut prologue = read_exactly(source, known)?;
    if !prologue.starts_with(&MAGIC[..known.min(MAGIC.len())]) || known == 0 {
        return Err(Error::NotAContainer);
    }
    let mut fields = Fields::new(&prologue[MAGIC.len().min(known)..], WHAT);
    let version = u16::from_le_bytes([fields.u8()?, fields.u8()?]);
    if version > VERSION {
        return Err(Error::Mismatch {
            what: WHAT.to_owned(),
            needed: format!("a program that knows version {version}"),
            present: format!("one that knows version {VERSION}"),
        });
    }
    let next = || {
        let mut byte = [0];
        source.read_exact(&mut byte).map_err(|_| Error::truncated("the container's header"))?;
        prologue.push(byte[0]);
        Ok(byte[0])
    };
    let numbers = Version::of(version);
    let header_bytes = numbers.number::<4>(next, "the container's header")?;
    let rest = container_bytes.saturating_sub(prologue.len() as u64);
    if header_bytes > MAX_HEADER_BYTES || header_bytes + 4 > rest {
        return Err(Error::truncated("the container's header"));
    }
    limits.check_memory("the container's header", header_bytes)?;
    let start = prologue.len();
    prologue.extend(read_exactly(source, header_bytes as usize)?);
    let mut crc = [0; 4];
    source.read_exact(&mut crc).map_err(failed)?;
    if crc32fast::hash(&prologue) != u32::from_le_bytes(crc) || version == 0 {
        return Err(Error::corrupt("the container's header", "its checksum does not match"));
    }
    let header = Header::from_records(&prologue[start..], numbers, limits)?;
    Ok((numbers, header, prologue.len() as u64 + 4))
}

/// The index, its checksum checked.
pub(super) fn read_index(
    source: &mut (impl Read + Seek),
    version: Version,
    container_bytes: u64,
    prologue_bytes: u64,
    limits: &Limits,
) -> Result<Vec<u8>> {
    let rest = container_bytes - prologue_bytes;
    let suffix_bytes = version.suffix_bytes();
    let free_bytes = rest.checked_sub(suffix_bytes as u64).ok_or_else(|| Error::truncated(WHAT))?;
    source.seek(SeekFrom::End(-(suffix_bytes as i64))).map_err(failed)?;
    let suffix = read_exactly(source, suffix_bytes)?;
    if !suffix.ends_with(version.end_magic()) {
        return Err(Error::truncated(WHAT));
    }
    let mut fields = Fields::new(&suffix, WHAT);
    let crc = fields.u32()?;
    let length = match version {
        Version::FixedWidths => fields.u64()?,
        Version::Varints => u64::from(fields.u32()?),
    };
    if length > free_bytes {
        return Err(Error::corrupt("the container's index", format!("a length of {length} bytes")));
    }
    limits.check_memory("the container's index", length)?;
    source.seek(SeekFrom::End(-((suffix_bytes as u64 + length) as i64))).map_err(failed)?;
    let index = read_exactly(source, length as usize)?;
    if crc32fast::hash(&index) != crc {
        return Err(Error::corrupt("the container's index", "its checksum does not match"));
    }
    Ok(index)
}
