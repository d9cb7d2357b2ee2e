//! All codecs of this build.

use crate::limits;
use anyhow::{Context, Result};
use nf_bounded::ArrayRegistry;
use nf_bounded::container::Reader;
use nf_codec::{Codec, LastBuilt, Registry};
use nf_data::FitsOptions;
use nf_fits::FitsFile;
use nf_fits::tiled::TileCodec;
use nf_image::{Image16, Shape};
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
    Registry::new(all)
}

/// The codecs of arrays with a loss of their own.
pub(crate) fn array_registry() -> ArrayRegistry {
    ArrayRegistry::new(nf_classic::array_entries())
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
    FitsOptions {
        tile_codec: Some(Arc::new(RegistryTiles::default())),
        limits: limits::fits(),
        readable_parts: false,
    }
}

/// A file whose FLOOR_1 tiles can be read as well.
fn with_tiles(file: FitsFile) -> FitsFile {
    file.with_codec(Arc::new(RegistryTiles::default()))
}

/// A FITS file that lies on the disk; its name is part of errors.
///
/// # Errors
/// If it is no FITS file, or damaged.
pub(crate) fn open_fits(path: &Path) -> Result<FitsFile> {
    let file = FitsFile::open_with(path, limits::fits()).with_context(|| path.display().to_string())?;
    Ok(with_tiles(file))
}

/// A FITS file in memory.
///
/// # Errors
/// As [`open_fits`].
pub(crate) fn fits_of_bytes(bytes: Vec<u8>) -> Result<FitsFile> {
    Ok(with_tiles(FitsFile::from_bytes_with(bytes, limits::fits())?))
}

/// What can be read of a FITS file on the disk: its HDUs up to the first that is damaged
/// ([`FitsFile::fault`]).
///
/// # Errors
/// If it is no FITS file, or its first HDU is damaged.
pub(crate) fn open_readable_fits(path: &Path) -> Result<FitsFile> {
    let file = FitsFile::open_readable(path, limits::fits()).with_context(|| path.display().to_string())?;
    Ok(with_tiles(file))
}

/// What can be read of a FITS file in memory.
///
/// # Errors
/// As [`open_readable_fits`].
pub(crate) fn readable_fits_of_bytes(bytes: Vec<u8>) -> Result<FitsFile> {
    Ok(with_tiles(FitsFile::readable_from_bytes(bytes, limits::fits())?))
}

/// The codecs of the registry for the tiles of FITS files (FLOOR_1).
///
/// The codec of the tiles that came last is kept: one serves all tiles and threads of an HDU.
#[derive(Default)]
pub(crate) struct RegistryTiles {
    last: LastBuilt,
}

impl RegistryTiles {
    fn codec(&self, spec: &str) -> Result<Arc<dyn Codec>, String> {
        self.last.codec(spec, registry).map_err(|error| error.to_string())
    }
}

impl TileCodec for RegistryTiles {
    fn encode(&self, spec: &str, tile: &Image16) -> Result<Vec<u8>, String> {
        self.codec(spec)?.encode(tile).map_err(|error| error.to_string())
    }

    fn creator(&self) -> Option<String> {
        let version = env!("CARGO_PKG_VERSION");
        Some(format!("noisefloor {version}; tiles described in its docs/format.md (FLOOR_1)"))
    }

    fn decode(&self, spec: &str, bytes: &[u8], shape: Shape) -> Result<Image16, String> {
        self.codec(spec)?.decode(bytes, shape, &limits::codec()).map_err(|error| error.to_string())
    }
}
