//! A batch of tiles of equal extents as bytes.
//!
//! ```text
//! location and noise scale of every plane of every tile, 3 bytes each; of a raw tile RAW_HEAD instead
//! samples of the raw tiles, u16, little-endian, plane by plane in raster order
//! rANS stream of the samples of the others
//! ```
//!
//! A tile is raw where the net would need more than 16 bits a sample, as one that never saw the like does; a net's laws do
//! not depend on which other tiles are in the batch, so the others cost what they cost beside it. So no batch is
//! larger than its samples and heads.

use crate::normal::Normal;
use crate::traverse::{NetCoder, Tile, TileCoder};
use nf_codec::{Error, Result};
use nf_entropy::{Distribution, Meter, Reader, SymbolCoder, Writer};
use nf_image::TileBox;

/// The head of every plane of a raw tile. No noise scale has this step.
const RAW_HEAD: [u8; Normal::BYTES] = [0, 0, 0xff];

/// What errors call the bytes.
pub(crate) const STREAM: &str = "net stream";

/// Writes symbols, and weighs them tile by tile.
struct Weigher {
    writer: Writer,
    meters: Vec<Meter>,
    tile: usize,
}

impl SymbolCoder for Weigher {
    fn code(&mut self, symbol: &mut u32, law: &impl Distribution) -> nf_entropy::Result<()> {
        self.meters[self.tile].code(symbol, law)?;
        self.writer.code(symbol, law)
    }
}

impl TileCoder for Weigher {
    fn enter(&mut self, tile: usize) {
        self.tile = tile;
    }
}

/// The rANS stream of tiles, and what each costs.
fn write(coder: &NetCoder, tiles: &mut [Tile]) -> nf_entropy::Result<(Vec<u8>, Vec<Meter>)> {
    let meters = vec![Meter::new(); tiles.len()];
    let mut weigher = Weigher { writer: Writer::new(), meters, tile: 0 };
    coder.traverse(&mut weigher, tiles)?;
    Ok((weigher.writer.finish(), weigher.meters))
}

/// Bits of a tile as they are, or as the net would have them if that is less.
fn least_bits(tile: &Tile, meter: &Meter) -> f64 {
    meter.bits().min(16.0 * tile.samples.len() as f64)
}

/// The bytes of known tiles.
///
/// # Errors
/// What the writer says.
pub(crate) fn encode(coder: &NetCoder, mut tiles: Vec<Tile>) -> nf_entropy::Result<Vec<u8>> {
    let (mut stream, meters) = write(coder, &mut tiles)?;
    let mut raw: Vec<bool> =
        tiles.iter().zip(&meters).map(|(tile, meter)| meter.bits() > least_bits(tile, meter)).collect();
    if raw.contains(&true) {
        let mut coded: Vec<Tile> = those(&tiles, &raw, false).cloned().collect();
        stream = write(coder, &mut coded)?.0;
    }
    // A stream has an end of its own, which a few samples do not outweigh.
    let samples: usize = those(&tiles, &raw, false).map(|tile| tile.samples.len()).sum();
    if stream.len() > 2 * samples {
        raw.fill(true);
        stream.clear();
    }
    let heads = tiles.iter().zip(&raw).flat_map(|(tile, &raw)| {
        tile.normals.iter().flat_map(move |normal| if raw { RAW_HEAD } else { normal.to_bytes() })
    });
    let mut bytes: Vec<u8> = heads.collect();
    let samples = those(&tiles, &raw, true).flat_map(|tile| &tile.samples);
    bytes.extend(samples.flat_map(|sample| sample.to_le_bytes()));
    bytes.extend(stream);
    Ok(bytes)
}

/// The tiles that are raw, or those that are not.
fn those<'a>(tiles: &'a [Tile], raw: &'a [bool], which: bool) -> impl Iterator<Item = &'a Tile> {
    tiles.iter().zip(raw).filter(move |(_, raw)| **raw == which).map(|(tile, _)| tile)
}

/// What an ideal coder would make of known tiles, heads left out.
///
/// # Errors
/// What the writer says.
pub(crate) fn ideal_bits(coder: &NetCoder, tiles: &mut [Tile]) -> nf_entropy::Result<f64> {
    let (_, meters) = write(coder, tiles)?;
    Ok(tiles.iter().zip(&meters).map(|(tile, meter)| least_bits(tile, meter)).sum())
}

/// Most bytes of a batch of so many tiles with so many samples together, as `encode` makes it.
pub(crate) fn max_bytes(tiles: u64, planes: u64, samples: u64) -> u64 {
    tiles * planes * Normal::BYTES as u64 + 2 * samples
}

/// Samples of the tiles of these boxes, tile by tile.
///
/// # Errors
/// If the bytes are not what [`encode`] writes.
pub(crate) fn decode(coder: &NetCoder, bytes: &[u8], boxes: &[TileBox]) -> Result<Vec<Vec<u16>>> {
    let split = |bytes| move |at| <[u8]>::split_at_checked(bytes, at).ok_or_else(|| Error::truncated(STREAM));
    let planes: usize = boxes.iter().map(|tile| tile.planes.len()).sum();
    let (heads, mut rest) = split(bytes)(planes * Normal::BYTES)?;
    let (mut heads, _) = heads.as_chunks::<{ Normal::BYTES }>();
    let mut samples = vec![];
    let mut coded = vec![];
    for tile in boxes {
        let own;
        (own, heads) = heads.split_at(tile.planes.len());
        samples.push(if own.iter().all(|head| *head == RAW_HEAD) {
            let raw;
            (raw, rest) = split(rest)(2 * tile.shape().pixels())?;
            raw.as_chunks().0.iter().map(|&sample| u16::from_le_bytes(sample)).collect()
        } else {
            let normals = own.iter().map(|&head| {
                let reason = "a noise scale beyond 2^13 samples in a tile that is not raw";
                Normal::from_bytes(head).ok_or_else(|| Error::corrupt(STREAM, reason))
            });
            let normals = normals.collect::<Result<_>>()?;
            coded.push(Tile::blank(tile.rows.len(), tile.columns.len(), normals));
            vec![]
        });
    }
    let mut reader = Reader::new(rest);
    let wrong = |error: nf_entropy::Error| Error::corrupt(STREAM, error.to_string());
    coder.traverse(&mut reader, &mut coded).map_err(wrong)?;
    reader.finish().map_err(wrong)?;
    let mut coded = coded.into_iter();
    for own in samples.iter_mut().filter(|own| own.is_empty()) {
        *own = coded.next().expect("a tile that was not raw was coded").samples;
    }
    Ok(samples)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]
mod tests;
