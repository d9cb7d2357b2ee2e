//! Packing and unpacking into an open file, and proving from what was written that nothing is lost.

use super::{PackOptions, PackedHdu, UnpackedHdu, Verdict, compare, pack, unpack};
use crate::file::FitsFile;
use crate::{Error, Result};
use std::fs::File;
use std::io::{BufWriter, Write};

const BUFFER_BYTES: usize = 1 << 18;

/// What became of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct PackedFile {
    /// HDU by HDU.
    pub hdus: Vec<PackedHdu>,
    /// How the packed file, read back, compares with the original.
    pub verdicts: Vec<Verdict>,
    /// Bytes of the file that was read (inflated, if it was gzipped).
    pub bytes_before: u64,
    /// Bytes of the file that was written.
    pub bytes_after: u64,
}

/// Packs into `out`, an empty file that can be read, then reads it back, decodes it and compares it
/// with the original. Where loss was asked for, the comparison allows it.
///
/// What `out` is called is the caller's: it should get its final name only when this has succeeded.
/// `progress` sees every pixel twice: packed, and compared.
///
/// # Errors
/// As for [`pack`], and if what was written is not what it should be.
pub fn pack_proven(
    file: &FitsFile,
    out: &File,
    options: &PackOptions,
    progress: &mut dyn FnMut(u64),
) -> Result<PackedFile> {
    let mut buffered = BufWriter::with_capacity(BUFFER_BYTES, out);
    let hdus = pack(file, &mut buffered, options, progress)?;
    buffered.flush().map_err(Error::writing())?;
    let (verdicts, bytes_after) = prove(file, out, progress)?;
    Ok(PackedFile { hdus, verdicts, bytes_before: file.len_bytes(), bytes_after })
}

/// Unpacks into `out`, an empty file that can be read, then reads it back and compares it with the
/// packed file; as [`pack_proven`] otherwise.
///
/// # Errors
/// As for [`unpack`], and if what was written is not what it should be.
pub fn unpack_proven(file: &FitsFile, out: &File, progress: &mut dyn FnMut(u64)) -> Result<Vec<UnpackedHdu>> {
    let mut buffered = BufWriter::with_capacity(BUFFER_BYTES, out);
    let hdus = unpack(file, &mut buffered, progress)?;
    buffered.flush().map_err(Error::writing())?;
    prove(file, out, progress)?;
    Ok(hdus)
}

/// Compares what was written with what it was made from; the verdicts, none of which is a
/// difference, and its length.
fn prove(file: &FitsFile, out: &File, progress: &mut dyn FnMut(u64)) -> Result<(Vec<Verdict>, u64)> {
    let written = file.sibling(out)?;
    let verdicts = compare(&written, file, progress)?;
    for (index, verdict) in verdicts.iter().enumerate() {
        if let Verdict::Different(problem) = verdict {
            return Err(Error::request(index, format!("what was written is not the original: {problem}")));
        }
    }
    Ok((verdicts, written.len_bytes()))
}
