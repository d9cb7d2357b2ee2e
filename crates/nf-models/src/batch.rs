//! A batch of tiles of equal extents as bytes.
//!
//! ```text
//! median and noise scale of every plane of every tile, 3 bytes each; of a raw tile RAW_HEAD instead
//! samples of the raw tiles, u16, little-endian, plane by plane in raster order
//! rANS stream of the samples of the others
//! ```
//!
//! A tile is stored raw if the network would need more than 16 bits per sample, e.g. on
//! out-of-distribution data. Distributions do not depend on which other tiles are in the batch, so
//! the others cost what they cost beside it. So no batch is larger than its samples and heads.

use crate::tile::Tile;
use crate::tile_model::{TileBytes, TileCoder, TileModel, Version};
use crate::tile_stats::TileStats;
use nf_codec::{Error, Fields, Result};
use nf_entropy::{Distribution, Meter, Reader, Writer};
use nf_image::{Image16, Shape, TileBox};

/// The head of every plane of a raw tile. No noise scale has this step.
pub(crate) const RAW_HEAD: [u8; TileStats::BYTES] = [0, 0, 0xff];

/// Kinds of a tile whose network makes bytes itself.
const RAW: u8 = 0;
const CODED: u8 = 1;

/// What errors call the bytes.
pub(crate) const STREAM: &str = "net stream";

/// Writes symbols, and measures them tile by tile.
pub(crate) struct MeteredWriter {
    pub(crate) writer: Writer,
    pub(crate) meters: Vec<Meter>,
    tile: usize,
}

impl MeteredWriter {
    /// Of so many tiles.
    pub(crate) fn new(tiles: usize) -> Self {
        Self { writer: Writer::new(), meters: vec![Meter::new(); tiles], tile: 0 }
    }
}

impl TileCoder for MeteredWriter {
    fn code(&mut self, symbol: &mut u32, distribution: &dyn Distribution) -> nf_entropy::Result<()> {
        TileCoder::code(&mut self.meters[self.tile], symbol, distribution)?;
        TileCoder::code(&mut self.writer, symbol, distribution)
    }

    fn enter_tile(&mut self, tile: usize) {
        self.tile = tile;
    }
}

/// The rANS stream of tiles, and what each costs.
fn write(model: &dyn TileModel, tiles: &mut [Tile]) -> nf_entropy::Result<(Vec<u8>, Vec<Meter>)> {
    let mut writer = MeteredWriter::new(tiles.len());
    model.traverse(&mut writer, tiles)?;
    Ok((writer.writer.finish(), writer.meters))
}

/// Bits of a tile as they are, or as the network would have them if that is less.
fn least_bits(tile: &Tile, meter: &Meter) -> f64 {
    meter.bits().min(16.0 * tile.samples.len() as f64)
}

/// The bytes of known tiles.
///
/// # Errors
/// What the writer says.
pub(crate) fn encode(model: &dyn TileModel, mut tiles: Vec<Tile>) -> nf_entropy::Result<Vec<u8>> {
    if let (Some(model), [tile]) = (model.bytes(), &tiles[..]) {
        return Ok(encode_whole(model, tile));
    }
    let (mut stream, meters) = write(model, &mut tiles)?;
    let mut raw = costly(&tiles, &meters);
    if raw.contains(&true) {
        let mut coded: Vec<Tile> = select(&tiles, &raw, false).cloned().collect();
        stream = write(model, &mut coded)?.0;
    }
    // A stream has an end of its own, which a few samples do not outweigh.
    let samples: usize = select(&tiles, &raw, false).map(|tile| tile.samples.len()).sum();
    if stream.len() > 2 * samples {
        raw.fill(true);
        stream.clear();
    }
    let mut bytes = heads(&tiles, &raw);
    bytes.extend(stream);
    Ok(bytes)
}

/// Which tiles cost more than their samples as they are.
pub(crate) fn costly(tiles: &[Tile], meters: &[Meter]) -> Vec<bool> {
    tiles.iter().zip(meters).map(|(tile, meter)| meter.bits() > least_bits(tile, meter)).collect()
}

/// The heads of all tiles, then the samples of those that are raw.
pub(crate) fn heads(tiles: &[Tile], raw: &[bool]) -> Vec<u8> {
    let heads = tiles.iter().zip(raw).flat_map(|(tile, &raw)| {
        tile.stats.iter().flat_map(move |stats| if raw { RAW_HEAD } else { stats.to_bytes() })
    });
    let mut bytes: Vec<u8> = heads.collect();
    let samples = select(tiles, raw, true).flat_map(|tile| &tile.samples);
    bytes.extend(samples.flat_map(|sample| sample.to_le_bytes()));
    bytes
}

/// The bytes of a tile whose network makes them itself.
fn encode_whole(model: &dyn TileBytes, tile: &Tile) -> Vec<u8> {
    whole(tile, model.encode(tile))
}

/// What a network made of a tile, or else its samples: a first byte says which.
pub(crate) fn whole(tile: &Tile, coded: Option<Vec<u8>>) -> Vec<u8> {
    let samples = || tile.samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let (kind, bytes) = match coded {
        Some(bytes) => (CODED, bytes),
        None => (RAW, samples()),
    };
    [&[kind], &bytes[..]].concat()
}

/// What [`whole`] made of a tile.
pub(crate) enum Whole<'a> {
    Coded(&'a [u8]),
    Raw(Vec<u16>),
}

impl<'a> Whole<'a> {
    /// # Errors
    /// If the bytes are of neither kind.
    pub(crate) fn of(bytes: &'a [u8], tile: &TileBox) -> Result<Self> {
        let (kind, bytes) = bytes.split_first().ok_or_else(|| Error::truncated(STREAM))?;
        let shape = tile.shape();
        match *kind {
            CODED => Ok(Self::Coded(bytes)),
            RAW if bytes.len() == 2 * shape.pixels() => {
                let samples = bytes.as_chunks().0.iter().map(|&sample| u16::from_le_bytes(sample));
                Ok(Self::Raw(samples.collect()))
            }
            RAW => Err(Error::corrupt(STREAM, format!("{} bytes of a raw tile of {shape}", bytes.len()))),
            kind => Err(Error::corrupt(STREAM, format!("a tile of kind {kind}, expected 0 or 1"))),
        }
    }
}

/// The samples of a tile from what [`encode`] made of it alone.
///
/// # Errors
/// If the bytes are not of that kind.
pub(crate) fn decode_whole(
    model: &dyn TileBytes,
    bytes: &[u8],
    tile: &TileBox,
    version: Version,
) -> Result<Vec<u16>> {
    match Whole::of(bytes, tile)? {
        Whole::Coded(bytes) => model.decode(bytes, tile.rows.len(), tile.columns.len(), version),
        Whole::Raw(samples) => Ok(samples),
    }
}

/// Appends the bytes of a batch behind their length, u32.
pub(crate) fn push_part(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend((part.len() as u32).to_le_bytes());
    bytes.extend(part);
}

/// What [`push_part`] appended, and what follows; `None` if it is not all there.
pub(crate) fn take_part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

/// A length as [`put_varint`](nf_codec::put_varint) writes it, and what follows; `None` if it is
/// not all there or beyond 32 bits.
pub(crate) fn take_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut fields = Fields::new(bytes, STREAM);
    let length = u32::try_from(fields.varint().ok()?).ok()?;
    Some((length as usize, fields.rest()))
}

/// The stack that the tiles of these boxes make.
pub(crate) fn assembled<'a>(
    shape: Shape,
    batches: impl Iterator<Item = (Vec<Vec<u16>>, &'a Vec<TileBox>)>,
) -> Image16 {
    let mut image = Image16::zeros(shape);
    for (samples, boxes) in batches {
        for (samples, at) in samples.into_iter().zip(boxes) {
            let part = Image16::new(at.shape(), samples).expect("a tile has the samples of its box");
            image.paste(&part, at.planes.start, at.rows.start, at.columns.start);
        }
    }
    image
}

/// The tiles that are raw, or those that are not.
pub(crate) fn select<'a>(
    tiles: &'a [Tile],
    raw: &'a [bool],
    raw_ones: bool,
) -> impl Iterator<Item = &'a Tile> {
    tiles.iter().zip(raw).filter(move |(_, raw)| **raw == raw_ones).map(|(tile, _)| tile)
}

/// What an ideal coder would make of known tiles, heads left out.
///
/// # Errors
/// What the writer says.
pub(crate) fn ideal_bits(model: &dyn TileModel, tiles: &mut [Tile]) -> nf_entropy::Result<f64> {
    if let Some(model) = model.bytes() {
        tiles.iter_mut().for_each(|tile| *tile = model.as_coded(tile));
    }
    let (_, meters) = write(model, tiles)?;
    Ok(tiles.iter().zip(&meters).map(|(tile, meter)| least_bits(tile, meter)).sum())
}

/// Most bytes of a batch of so many tiles with so many samples together, as `encode` makes it.
pub(crate) fn max_bytes(tiles: u64, planes: u64, samples: u64) -> u64 {
    tiles * planes * TileStats::BYTES as u64 + 2 * samples
}

/// Samples of the tiles of these boxes, tile by tile.
///
/// # Errors
/// If the bytes are not what [`encode`] writes.
pub(crate) fn decode(model: &dyn TileModel, bytes: &[u8], boxes: &[TileBox]) -> Result<Vec<Vec<u16>>> {
    let (mut samples, mut coded, rest) = open(bytes, boxes)?;
    let mut reader = Reader::new(rest);
    let wrong = |error: nf_entropy::Error| Error::corrupt(STREAM, error.to_string());
    model.traverse(&mut reader, &mut coded).map_err(wrong)?;
    reader.finish().map_err(wrong)?;
    let mut coded = coded.into_iter();
    for own in samples.iter_mut().filter(|own| own.is_empty()) {
        *own = coded.next().expect("a tile that was not raw was coded").samples;
    }
    Ok(samples)
}

/// What [`heads`] wrote, and what follows: the samples of raw tiles, none for the others, and these
/// as tiles to be decoded.
///
/// # Errors
/// As [`decode`].
#[allow(clippy::type_complexity, reason = "three things that lie behind one another")]
pub(crate) fn open<'a>(bytes: &'a [u8], boxes: &[TileBox]) -> Result<(Vec<Vec<u16>>, Vec<Tile>, &'a [u8])> {
    let split = |bytes| move |at| <[u8]>::split_at_checked(bytes, at).ok_or_else(|| Error::truncated(STREAM));
    let planes: usize = boxes.iter().map(|tile| tile.planes.len()).sum();
    let (heads, mut rest) = split(bytes)(planes * TileStats::BYTES)?;
    let (mut heads, _) = heads.as_chunks::<{ TileStats::BYTES }>();
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
            let stats = own.iter().map(|&head| {
                let reason = "a noise scale beyond 2^13 samples in a tile that is not raw";
                TileStats::from_bytes(head).ok_or_else(|| Error::corrupt(STREAM, reason))
            });
            let stats = stats.collect::<Result<_>>()?;
            coded.push(Tile::blank(tile.rows.len(), tile.columns.len(), stats));
            vec![]
        });
    }
    Ok((samples, coded, rest))
}

#[cfg(all(test, feature = "train"))]
#[allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]
mod tests;
