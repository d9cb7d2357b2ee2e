//! What the caller brings: its codecs, and the memory that one file may take.

use anyhow::{Context, Result};
use nf_codec::{Codec, LastBuilt, Registry};
use nf_fits::FitsFile;
use nf_fits::tiled::TileCodec;
use nf_image::{Image16, Shape};
use nf_profile::library;
use std::path::Path;
use std::sync::Arc;

/// The codecs of the caller, and the memory that one file may take.
#[derive(Clone, Copy, Debug)]
pub struct Tools {
    registry: fn() -> Registry,
    max_memory_bytes: u64,
    /// What sets the limit, for whoever meets it.
    limit_advice: &'static str,
}

impl Tools {
    /// Codecs, most bytes that one image or one decoder's work may take, and what to say where that
    /// is not enough, such as "--max-memory sets the limit".
    pub fn new(registry: fn() -> Registry, max_memory_bytes: u64, limit_advice: &'static str) -> Self {
        Self { registry, max_memory_bytes, limit_advice }
    }

    /// All codecs.
    pub fn registry(&self) -> Registry {
        (self.registry)()
    }

    /// What decoders of containers and codec streams may spend.
    pub fn codec_limits(&self) -> nf_codec::Limits {
        nf_codec::Limits::of_memory(self.max_memory_bytes)
    }

    /// What readers of FITS and .npy files may spend.
    pub fn fits_limits(&self) -> nf_fits::Limits {
        nf_fits::Limits::of_memory(self.max_memory_bytes)
    }

    /// The codecs of FLOOR_1 tiles.
    pub fn tiles(&self) -> Arc<dyn TileCodec> {
        Arc::new(RegistryTiles { tools: *self, last: LastBuilt::default() })
    }

    /// A FITS file that lies on the disk, FLOOR_1 tiles included; its name is part of errors.
    ///
    /// # Errors
    /// If it is no FITS file, or damaged.
    pub fn open_fits(&self, path: &Path) -> Result<FitsFile> {
        library::look_beside(path);
        let file =
            FitsFile::open_with(path, self.fits_limits()).with_context(|| path.display().to_string())?;
        Ok(file.with_codec(self.tiles()))
    }

    /// A FITS file in memory.
    ///
    /// # Errors
    /// As [`Tools::open_fits`].
    pub fn fits_of_bytes(&self, bytes: Vec<u8>) -> Result<FitsFile> {
        Ok(FitsFile::from_bytes_with(bytes, self.fits_limits())?.with_codec(self.tiles()))
    }

    /// The error in one line, with what to do where a limit was reached.
    pub(crate) fn line(&self, error: &anyhow::Error) -> String {
        let is_limit = error.chain().any(|cause| {
            matches!(cause.downcast_ref(), Some(nf_codec::Error::Limit { .. }))
                || matches!(cause.downcast_ref(), Some(nf_fits::Error::Limit { .. }))
        });
        let line = crate::one_line(error);
        if is_limit { format!("{line}; {}", self.limit_advice) } else { line }
    }
}

/// The codecs of the registry for the tiles of FITS files (FLOOR_1).
///
/// The codec of the tiles that came last is kept: one serves all tiles and threads of an HDU.
struct RegistryTiles {
    tools: Tools,
    last: LastBuilt,
}

impl RegistryTiles {
    fn codec(&self, spec: &str) -> Result<Arc<dyn Codec>, String> {
        self.last.codec(spec, self.tools.registry).map_err(|error| error.to_string())
    }
}

impl TileCodec for RegistryTiles {
    fn encode(&self, spec: &str, tile: &Image16) -> Result<Vec<u8>, String> {
        self.codec(spec)?.encode(tile).map_err(|error| error.to_string())
    }

    fn encode_at(&self, spec: &str, tile: &Image16, row: usize, column: usize) -> Result<Vec<u8>, String> {
        self.codec(spec)?.encode_at(tile, row, column).map_err(|error| error.to_string())
    }

    fn creator(&self) -> Option<String> {
        Some(format!("{}; tiles described in its docs/format.md (FLOOR_1)", crate::PROGRAM))
    }

    fn decode(&self, spec: &str, bytes: &[u8], shape: Shape) -> Result<Image16, String> {
        self.codec(spec)?.decode(bytes, shape, &self.tools.codec_limits()).map_err(|error| error.to_string())
    }
}
