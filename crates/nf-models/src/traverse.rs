//! Coding tiles with a net. Writer, reader and meter take the same way through the same code.

use crate::net::Net;
use crate::nets::idf::IdfCoder;
use crate::nets::l3c::L3cCoder;
use crate::nets::pixelcnnpp::PixelCnnPpCoder;
use crate::normal::Normal;
use crate::surroundings::Plane;
use nf_entropy::{Meter, Reader, Result, SymbolCoder, Writer};

/// One tile of as many planes as the net takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    pub(crate) height: usize,
    pub(crate) width: usize,
    /// Location and noise scale of every plane.
    pub(crate) normals: Vec<Normal>,
    /// Whether the samples are there: a tile to be encoded.
    pub(crate) known: bool,
    /// Plane by plane in raster order; while decoding, zero where not decoded yet.
    pub(crate) samples: Vec<u16>,
}

impl Tile {
    /// A tile of known samples.
    pub(crate) fn known(height: usize, width: usize, samples: Vec<u16>) -> Self {
        let normals = samples.chunks(height * width).map(|plane| Normal::of(plane, width)).collect();
        Self { height, width, normals, known: true, samples }
    }

    /// A tile to be decoded.
    pub(crate) fn blank(height: usize, width: usize, normals: Vec<Normal>) -> Self {
        let samples = vec![0; normals.len() * height * width];
        Self { height, width, normals, known: false, samples }
    }

    pub(crate) fn plane(&self, plane: usize) -> Plane<'_> {
        let pixels = self.height * self.width;
        let samples = &self.samples[plane * pixels..][..pixels];
        Plane { samples, width: self.width, normal: self.normals[plane] }
    }

    pub(crate) fn sample(&self, plane: usize, y: usize, x: usize) -> u16 {
        self.samples[(plane * self.height + y) * self.width + x]
    }

    pub(crate) fn sample_mut(&mut self, plane: usize, y: usize, x: usize) -> &mut u16 {
        &mut self.samples[(plane * self.height + y) * self.width + x]
    }
}

/// A coder of the symbols of several tiles.
pub(crate) trait TileCoder: SymbolCoder {
    /// Hears that the symbols which follow are of tile `tile`.
    fn enter(&mut self, tile: usize) {
        let _ = tile;
    }
}

impl TileCoder for Writer {}
impl TileCoder for Reader<'_> {}
impl TileCoder for Meter {}

/// A net made ready for coding.
#[derive(Clone, Debug)]
pub(crate) enum NetCoder {
    PixelCnnPp(PixelCnnPpCoder),
    Idf(IdfCoder),
    L3c(L3cCoder),
}

impl NetCoder {
    pub(crate) fn new(net: &Net) -> Self {
        match net {
            Net::PixelCnnPp(net) => Self::PixelCnnPp(PixelCnnPpCoder::new(net)),
            Net::Idf(net) => Self::Idf(IdfCoder::new(net)),
            Net::L3c(net) => Self::L3c(L3cCoder::new(net)),
        }
    }

    /// Bytes of memory that [`traverse`](Self::traverse) takes for a batch of so many tiles.
    pub(crate) fn memory_bytes(&self, batch: usize, height: usize, width: usize) -> u64 {
        match self {
            Self::PixelCnnPp(coder) => coder.memory_bytes(batch, height, width),
            Self::Idf(coder) => coder.memory_bytes(height, width),
            Self::L3c(coder) => coder.memory_bytes(height, width),
        }
    }

    /// Multiplications, each with its addition, to decode one sample of a large tile.
    pub(crate) fn macs_per_px(&self) -> f64 {
        match self {
            Self::PixelCnnPp(coder) => coder.macs_per_px(),
            Self::Idf(coder) => coder.macs_per_px(),
            Self::L3c(coder) => coder.macs_per_px(),
        }
    }

    /// Values of all maps that the net makes of a large tile, per pixel and all planes: what training keeps for its gradients.
    pub(crate) fn values_per_px(&self) -> f64 {
        match self {
            Self::PixelCnnPp(coder) => coder.values_per_px(),
            Self::Idf(coder) => coder.values_per_px(),
            Self::L3c(coder) => coder.values_per_px(),
        }
    }

    /// Codes tiles of equal extents.
    ///
    /// # Errors
    /// What the coder says.
    pub(crate) fn traverse(&self, coder: &mut impl TileCoder, tiles: &mut [Tile]) -> Result<()> {
        match self {
            Self::PixelCnnPp(net) => net.code(coder, tiles),
            Self::Idf(net) => net.code(coder, tiles),
            Self::L3c(net) => net.code(coder, tiles),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]
mod tests;
