//! Coding tiles with a network. Writer, reader and meter take the same way through the same code.

use crate::intervals::Intervals;
use crate::tile::Tile;
use crate::tile_stats::TileStats;
use nf_entropy::{Distribution, Meter, Reader, Result, SymbolCoder, Writer};

/// A network made ready for coding.
pub(crate) trait TileModel: std::fmt::Debug + Send + Sync {
    /// Codes tiles of equal extents: hands every symbol with its distribution to the coder, in an
    /// order in which each distribution depends on earlier symbols only.
    ///
    /// # Errors
    /// What the coder says.
    fn traverse(&self, coder: &mut dyn TileCoder, tiles: &mut [Tile]) -> Result<()>;

    /// Bytes of memory that [`traverse`](Self::traverse) takes for so many tiles.
    fn memory_bytes(&self, tiles: usize, height: usize, width: usize) -> u64;

    /// Multiplications, each with its addition, to decode one sample of a large tile.
    fn macs_per_px(&self) -> f64;

    /// Values of all maps that the network makes of a large tile, per pixel and all planes: what
    /// training keeps for its gradients.
    fn values_per_px(&self) -> f64;

    /// Whether its symbols are the samples of single planes, in raster order, tiles taking turns
    /// at every pixel.
    fn codes_samples(&self) -> bool {
        false
    }

    /// Most planes of a tile, if the network takes any number of them.
    fn most_planes(&self) -> Option<usize> {
        None
    }

    /// How it makes bytes of whole tiles, if it does that itself.
    fn bytes(&self) -> Option<&dyn TileBytes> {
        None
    }

    /// How it codes in stages, if it does.
    fn stages(&self) -> Option<&dyn StagedModel> {
        None
    }
}

/// A network that codes tiles of one plane in stages, after each of which every sample is known
/// within a bound.
pub(crate) trait StagedModel: Sync {
    /// Stages, of which the last is exact.
    fn count(&self) -> usize;

    /// Codes one stage of tiles whose intervals are those that earlier stages left.
    ///
    /// # Errors
    /// As [`TileModel::traverse`].
    fn code_stage(
        &self,
        stage: usize,
        coder: &mut dyn TileCoder,
        tiles: &[Tile],
        intervals: &mut [Intervals],
    ) -> Result<()>;

    /// Most samples between a sample of a tile and what is known of it after a stage.
    fn bound_samples(&self, stage: usize, stats: TileStats) -> u32;

    /// The same in noise scales, for every tile.
    fn bound_sigmas(&self, stage: usize) -> f64;
}

/// How networks that make bytes of whole tiles wrote them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// Whole digests and lengths of 32 bits.
    First,
    /// A shorter head, lengths of as many bytes as they need, recalibrated tables.
    Calibrated,
}

/// A network that codes whole tiles faster than symbol by symbol.
pub(crate) trait TileBytes {
    /// The bytes of a tile of one plane, if they are fewer than those of its samples.
    fn encode(&self, tile: &Tile) -> Option<Vec<u8>>;

    /// The tile in the direction in which [`encode`](Self::encode) goes through it.
    fn as_coded(&self, tile: &Tile) -> Tile;

    /// The samples of a tile.
    ///
    /// # Errors
    /// If the bytes are not what [`encode`](Self::encode) makes of a tile of these extents, or made
    /// in an earlier version.
    fn decode(
        &self,
        bytes: &[u8],
        height: usize,
        width: usize,
        version: Version,
    ) -> nf_codec::Result<Vec<u16>>;

    /// The same net on a device.
    ///
    /// # Errors
    /// If the device takes no such net.
    #[cfg(feature = "gpu")]
    fn on_gpu(&self, gpu: &crate::Gpu) -> std::result::Result<Box<dyn TilesOnGpu>, crate::GpuError>;
}

/// A network on a device, which codes many tiles in step: the bytes are those of [`TileBytes`].
#[cfg(feature = "gpu")]
pub(crate) trait TilesOnGpu: std::fmt::Debug + Send + Sync {
    /// The bytes of every tile, as [`TileBytes::encode`].
    ///
    /// # Errors
    /// If the device fails.
    fn encode(&self, tiles: &[Tile]) -> std::result::Result<Vec<Option<Vec<u8>>>, crate::GpuError>;

    /// The samples of every tile, from its bytes, height and width, as [`TileBytes::decode`].
    ///
    /// # Errors
    /// If the device fails. What is wrong with a tile is its own result.
    fn decode(
        &self,
        parts: &[(&[u8], usize, usize)],
        version: Version,
    ) -> std::result::Result<Vec<nf_codec::Result<Vec<u16>>>, crate::GpuError>;
}

/// A coder of the symbols of several tiles.
pub(crate) trait TileCoder {
    /// Codes `symbol` under `distribution`, as [`SymbolCoder::code`] does.
    ///
    /// # Errors
    /// If the symbol has no probability, or a stream is not what a writer wrote.
    fn code(&mut self, symbol: &mut u32, distribution: &dyn Distribution) -> Result<()>;

    /// The symbols that follow are of tile `tile`.
    fn enter_tile(&mut self, tile: usize) {
        let _ = tile;
    }
}

impl TileCoder for Writer {
    fn code(&mut self, symbol: &mut u32, distribution: &dyn Distribution) -> Result<()> {
        SymbolCoder::code(self, symbol, &distribution)
    }
}

impl TileCoder for Reader<'_> {
    fn code(&mut self, symbol: &mut u32, distribution: &dyn Distribution) -> Result<()> {
        SymbolCoder::code(self, symbol, &distribution)
    }
}

impl TileCoder for Meter {
    fn code(&mut self, symbol: &mut u32, distribution: &dyn Distribution) -> Result<()> {
        SymbolCoder::code(self, symbol, &distribution)
    }
}

#[cfg(all(test, feature = "train"))]
#[allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]
mod tests;
