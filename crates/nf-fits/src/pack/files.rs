//! Packing and unpacking by paths, safely.

use super::{PackOptions, PackedHdu, UnpackedHdu, Verdict, pack, unpack, verify};
use crate::file::FitsFile;
use crate::tiled::TileCodec;
use crate::{Error, Limits, Result};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use tempfile::NamedTempFile;

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

/// Packs one file into another.
///
/// The packed file is written under a temporary name beside `output`, read back, decoded and compared with the
/// original, and only then gets its name. Where loss was asked for, the comparison allows it. `progress` sees every
/// pixel twice: packed, and compared.
///
/// # Errors
/// As for [`pack`]; if `output` exists and `overwrite` is not set; and if the packed file is not what it should be.
/// Nothing is left under the name `output` then that was not there before.
pub fn pack_file(
    input: &Path,
    output: &Path,
    options: &PackOptions,
    codec: Arc<dyn TileCodec>,
    overwrite: bool,
    progress: &mut dyn FnMut(u64),
) -> Result<PackedFile> {
    refuse_existing(output, overwrite)?;
    let file = FitsFile::open(input)?.with_codec(codec.clone());
    let mut temporary = temporary_beside(output)?;
    let hdus = {
        let mut out = BufWriter::with_capacity(1 << 18, temporary.as_file_mut());
        let hdus = pack(&file, &mut out, options, progress)?;
        out.flush().map_err(Error::io(output.display().to_string()))?;
        hdus
    };
    let packed = FitsFile::open_with(temporary.path(), Limits::default())?.with_codec(codec);
    let verdicts = verify(&packed, &file, progress)?;
    if let Some((index, problem)) = verdicts.iter().enumerate().find_map(|(index, verdict)| match verdict {
        Verdict::Different(problem) => Some((index, problem)),
        Verdict::Lossy { .. } | Verdict::Identical => None,
    }) {
        return Err(Error::request(index, format!("the packed file is not the original: {problem}")));
    }
    let (bytes_before, bytes_after) = (file.len_bytes(), packed.len_bytes());
    persist(temporary, output, overwrite)?;
    Ok(PackedFile { hdus, verdicts, bytes_before, bytes_after })
}

/// Unpacks one file into another, through a temporary name beside `output`.
///
/// # Errors
/// As for [`unpack`], and if `output` exists and `overwrite` is not set. Nothing is left under the name `output` then
/// that was not there before.
pub fn unpack_file(
    input: &Path,
    output: &Path,
    codec: Arc<dyn TileCodec>,
    overwrite: bool,
    progress: &mut dyn FnMut(u64),
) -> Result<Vec<UnpackedHdu>> {
    refuse_existing(output, overwrite)?;
    let file = FitsFile::open(input)?.with_codec(codec);
    let mut temporary = temporary_beside(output)?;
    let report = {
        let mut out = BufWriter::with_capacity(1 << 18, temporary.as_file_mut());
        let report = unpack(&file, &mut out, progress)?;
        out.flush().map_err(Error::io(output.display().to_string()))?;
        report
    };
    persist(temporary, output, overwrite)?;
    Ok(report)
}

fn refuse_existing(output: &Path, overwrite: bool) -> Result<()> {
    if !overwrite && output.exists() {
        let source = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
        return Err(Error::Io { what: output.display().to_string(), source });
    }
    Ok(())
}

fn temporary_beside(output: &Path) -> Result<NamedTempFile> {
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".noisefloor-");
    #[cfg(unix)]
    {
        // The rights that a newly made file has, rather than those of a private temporary one.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder).map_err(Error::io(output.display().to_string()))
}

fn persist(temporary: NamedTempFile, output: &Path, overwrite: bool) -> Result<()> {
    temporary.as_file().sync_all().map_err(Error::io(output.display().to_string()))?;
    let done = if overwrite { temporary.persist(output) } else { temporary.persist_noclobber(output) };
    done.map(drop).map_err(|error| Error::Io { what: output.display().to_string(), source: error.error })
}
