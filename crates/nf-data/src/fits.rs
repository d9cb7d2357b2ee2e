//! How FITS files are read: with which codecs of their tiles, and within which limits.

use nf_fits::tiled::TileCodec;
use nf_fits::{FitsFile, Limits};
use std::path::Path;
use std::sync::Arc;

/// What readers of FITS files are handed. This crate knows no codec: without one, files whose tiles
/// are coded as FLOOR_1 cannot be read.
///
/// ```
/// # struct Codecs;
/// # impl nf_fits::tiled::TileCodec for Codecs {
/// #     fn encode(&self, _: &str, _: &nf_image::Image16) -> Result<Vec<u8>, String> { Ok(vec![]) }
/// #     fn decode(&self, _: &str, _: &[u8], s: nf_image::Shape) -> Result<nf_image::Image16, String> {
/// #         Ok(nf_image::Image16::zeros(s))
/// #     }
/// # }
/// use nf_data::{FitsOptions, OpenOptions, open};
/// use std::sync::Arc;
///
/// let fits = FitsOptions { tile_codec: Some(Arc::new(Codecs)), ..FitsOptions::default() };
/// let set = open("sim-lco", &OpenOptions { fits, ..OpenOptions::default() })?;
/// # Ok::<(), nf_data::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct FitsOptions {
    /// Codecs of FLOOR_1 tiles.
    pub tile_codec: Option<Arc<dyn TileCodec>>,
    /// What a file that is not trusted may cost; also of `.npy` files.
    pub limits: Limits,
    /// Whether a file with a damaged HDU behind the first is read up to it, with a warning;
    /// otherwise it is refused as a whole.
    pub readable_parts: bool,
}

impl FitsOptions {
    pub(crate) fn open(&self, path: &Path) -> nf_fits::Result<FitsFile> {
        if !self.readable_parts {
            return Ok(self.with_codec(FitsFile::open_with(path, self.limits)?));
        }
        Ok(self.with_codec(FitsFile::open_readable(path, self.limits)?))
    }

    pub(crate) fn of_bytes(&self, bytes: Vec<u8>) -> nf_fits::Result<FitsFile> {
        Ok(self.with_codec(FitsFile::from_bytes_with(bytes, self.limits)?))
    }

    fn with_codec(&self, file: FitsFile) -> FitsFile {
        match &self.tile_codec {
            Some(codec) => file.with_codec(Arc::clone(codec)),
            None => file,
        }
    }
}
