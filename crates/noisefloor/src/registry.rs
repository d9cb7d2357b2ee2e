//! All codecs of this build.

use nf_codec::{Limits, Registry, Spec};
use nf_data::FitsOptions;
use nf_fits::tiled::TileCodec;
use nf_image::{Image16, Shape};
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

/// How FITS files are read everywhere in the program: with the codecs of FLOOR_1 tiles.
pub(crate) fn fits_options() -> FitsOptions {
    FitsOptions { tile_codec: Some(Arc::new(RegistryTiles)), ..FitsOptions::default() }
}

/// The same codecs for the tiles of FITS files (FLOOR_1).
pub(crate) struct RegistryTiles;

impl RegistryTiles {
    /// Every tile builds its own codec, because codecs are not shared by threads.
    fn build(spec: &str) -> Result<Box<dyn nf_codec::Codec>, String> {
        let spec: Spec = spec.parse().map_err(|error: nf_codec::Error| error.to_string())?;
        registry().build(&spec).map_err(|error| error.to_string())
    }
}

impl TileCodec for RegistryTiles {
    fn encode(&self, spec: &str, tile: &Image16) -> Result<Vec<u8>, String> {
        Self::build(spec)?.encode(tile).map_err(|error| error.to_string())
    }

    fn creator(&self) -> Option<String> {
        let version = env!("CARGO_PKG_VERSION");
        Some(format!("noisefloor {version}; tiles described in its docs/format.md (FLOOR_1)"))
    }

    fn decode(&self, spec: &str, bytes: &[u8], shape: Shape) -> Result<Image16, String> {
        Self::build(spec)?.decode(bytes, shape, &Limits::default()).map_err(|error| error.to_string())
    }
}
