//! All codecs of this build.

use crate::limits;
use anyhow::{Context, Result};
use nf_archive::Tools;
use nf_bounded::ArrayRegistry;
use nf_bounded::container::Reader;
use nf_codec::Registry;
use nf_data::FitsOptions;
use nf_fits::FitsFile;
use nf_profile::library;
use std::io::{Read, Seek};
use std::path::Path;
use std::sync::Arc;

/// The codec that `compress` uses when none is asked for.
pub(crate) const DEFAULT_CODEC: &str = "floor";

/// Our own codecs first, then the baselines.
pub(crate) fn registry() -> Registry {
    let all = [nf_floor::ENTRY, nf_models::ENTRY].into_iter().chain(nf_classic::entries());
    #[cfg(feature = "experiments")]
    let all = all.chain([nf_floor::FLOOR_CONTEXT]);
    #[cfg(all(feature = "experiments", feature = "train"))]
    let all = all.chain([nf_models::BITS_BACK]);
    Registry::new(all)
}

/// The codecs of arrays with a loss of their own.
pub(crate) fn array_registry() -> ArrayRegistry {
    let tec = nf_models::array_entry(Arc::new(nf_floor::Floor::default()));
    ArrayRegistry::new(nf_classic::array_entries().into_iter().chain([tec]))
}

/// A bounded container.
///
/// # Errors
/// If it is damaged, or beyond the limits of the user.
pub(crate) fn open_bounded<R: Read + Seek>(source: R) -> nf_bounded::Result<Reader<R>> {
    Ok(Reader::open(source, limits::codec())?.with_array_codecs(array_registry()))
}

/// How FITS files are read everywhere in the program: with the codecs of FLOOR_1 tiles, within the
/// limits of the user.
pub(crate) fn fits_options() -> FitsOptions {
    FitsOptions { tile_codec: Some(tools().tiles()), limits: limits::fits(), readable_parts: false }
}

/// These codecs, within the limits of the user.
pub(crate) fn tools() -> Tools {
    Tools::new(registry, limits::max_memory_bytes(), limits::ADVICE)
}

/// A FITS file that lies on the disk; its name is part of errors.
///
/// # Errors
/// If it is no FITS file, or damaged.
pub(crate) fn open_fits(path: &Path) -> Result<FitsFile> {
    tools().open_fits(path)
}

/// A FITS file in memory.
///
/// # Errors
/// As [`open_fits`].
pub(crate) fn fits_of_bytes(bytes: Vec<u8>) -> Result<FitsFile> {
    tools().fits_of_bytes(bytes)
}

/// What can be read of a FITS file on the disk: its HDUs up to the first that is damaged
/// ([`FitsFile::fault`]).
///
/// # Errors
/// If it is no FITS file, or its first HDU is damaged.
pub(crate) fn open_readable_fits(path: &Path) -> Result<FitsFile> {
    library::look_beside(path);
    let file = FitsFile::open_readable(path, limits::fits()).with_context(|| path.display().to_string())?;
    Ok(file.with_codec(tools().tiles()))
}

/// What can be read of a FITS file in memory.
///
/// # Errors
/// As [`open_readable_fits`].
pub(crate) fn readable_fits_of_bytes(bytes: Vec<u8>) -> Result<FitsFile> {
    Ok(FitsFile::readable_from_bytes(bytes, limits::fits())?.with_codec(tools().tiles()))
}
