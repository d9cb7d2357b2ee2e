//! Container in, pixels out.

use super::bytes::Bytes;
use super::header::{Header, ImageHeader};
use super::tiling::{TileBox, bands, bands_at_once, tile_boxes};
use super::trailer::{self, ImageIndex};
use super::{END_MAGIC, MAGIC, MAX_HEADER_BYTES, PREFIX_BYTES, SUFFIX_BYTES, VERSION};
use crate::{Codec, Error, Limits, Registry, Reproducibility, Result};
use nf_image::{Digest, Image16, Shape, StackDigester};
use rayon::prelude::*;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

const WHAT: &str = "the container";

/// An open container: header and index are read and checked, tiles are read when asked for.
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    header: Header,
    index: Vec<ImageIndex>,
    container_bytes: u64,
    limits: Limits,
}

/// One tile of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileInfo {
    /// Which pixels.
    pub place: TileBox,
    /// Position of its stream in the container.
    pub offset_bytes: u64,
    /// Length of its stream.
    pub length_bytes: u64,
    /// CRC-32 of its stream.
    pub crc: u32,
}

impl<R: Read + Seek> Reader<R> {
    /// Opens a container.
    ///
    /// # Errors
    /// If it is cut short, damaged, of a newer version, or beyond `limits`.
    pub fn open(mut source: R, limits: Limits) -> Result<Self> {
        let container_bytes = source.seek(SeekFrom::End(0)).map_err(failed)?;
        source.seek(SeekFrom::Start(0)).map_err(failed)?;
        let (header, prologue_bytes) = read_header(&mut source, container_bytes, &limits)?;
        let index_bytes = read_index(&mut source, container_bytes, prologue_bytes)?;
        let tiles_end = container_bytes - SUFFIX_BYTES as u64 - index_bytes.len() as u64;
        let index = trailer::from_index(&index_bytes, &header.images, prologue_bytes, tiles_end)?;
        Ok(Self { source, header, index, container_bytes, limits })
    }

    /// What the container says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Size of the whole container.
    pub fn container_bytes(&self) -> u64 {
        self.container_bytes
    }

    /// Digest of the samples of stack `image`.
    pub fn digest(&self, image: usize) -> Digest {
        self.index[image].digest
    }

    /// The tiles of stack `image`, in order.
    pub fn tiles(&self, image: usize) -> Vec<TileInfo> {
        let header = &self.header.images[image];
        let places = tile_boxes(header.shape, header.tile);
        places.zip(&self.index[image].tiles).map(|(place, entry)| tile_info(place, entry)).collect()
    }

    /// The tiles that share pixels with `region`, each with what it shares.
    fn tiles_touching(&self, image: usize, region: &TileBox) -> Vec<(TileInfo, TileBox)> {
        let ImageHeader { shape, tile, .. } = self.header.images[image];
        let touched = |range: &Range<usize>, step: usize| range.start / step..range.end.div_ceil(step);
        let (rows, columns) = (touched(&region.rows, tile.height), touched(&region.columns, tile.width));
        let boxes = |extent: usize, step: usize| extent.div_ceil(step);
        let mut tiles = Vec::new();
        for p in touched(&region.planes, tile.planes) {
            for r in rows.clone() {
                for c in columns.clone() {
                    let span = |i: usize, step: usize, extent: usize| i * step..((i + 1) * step).min(extent);
                    let place = TileBox {
                        planes: span(p, tile.planes, shape.planes),
                        rows: span(r, tile.height, shape.height),
                        columns: span(c, tile.width, shape.width),
                    };
                    let number =
                        (p * boxes(shape.height, tile.height) + r) * boxes(shape.width, tile.width) + c;
                    if let Some(shared) = place.intersection(region) {
                        tiles.push((tile_info(place, &self.index[image].tiles[number]), shared));
                    }
                }
            }
        }
        tiles
    }

    /// Decodes stack `image` whole and checks its digest.
    ///
    /// # Errors
    /// If a tile is damaged, needs another program or device, or the pixels are not those of the digest.
    pub fn decode(&mut self, image: usize, registry: &Registry) -> Result<Image16> {
        let whole = TileBox::whole(self.header.images[image].shape);
        let decoded = self.decode_region(image, &whole, registry)?;
        self.check_digest(image, decoded.digest())?;
        Ok(decoded)
    }

    /// Decodes stack `image` piece by piece in the order of its samples, and checks its digest at the end.
    ///
    /// A piece is a band of tiles; where tiles span several planes, all bands of those planes.
    ///
    /// # Errors
    /// As [`Reader::decode`], and those of `sink`; what `sink` was given before is then not to be trusted.
    pub fn decode_in_order(
        &mut self,
        image: usize,
        registry: &Registry,
        sink: &mut dyn FnMut(&Image16) -> Result<()>,
    ) -> Result<()> {
        self.header.codec_for(registry)?;
        let ImageHeader { shape, tile, .. } = self.header.images[image];
        let unit = if tile.planes == 1 { tile } else { Shape { height: shape.height, ..tile } };
        let mut digester = StackDigester::default();
        let places: Vec<TileBox> = bands(shape, unit)
            .map(|(planes, rows)| TileBox { planes, rows, columns: 0..shape.width })
            .collect();
        let mut groups = places.chunks(bands_at_once(shape, unit));
        // Pieces are decoded side by side, while those before them are digested and handed on.
        let mut ready: Vec<(usize, Image16)> = Vec::new();
        loop {
            let group = groups.next().unwrap_or_default();
            let next = group.iter().map(|place| self.read_piece(image, place)).collect::<Result<Vec<_>>>()?;
            let (header, limits) = (&self.header, &self.limits);
            let mut decoded = Ok(Vec::new());
            rayon::in_place_scope(|scope| {
                scope.spawn(|_| {
                    decoded =
                        next.par_iter().map(|piece| piece.decode(image, header, registry, limits)).collect();
                });
                scope.spawn(|_| {
                    for (first, piece) in &ready {
                        digester.update(*first, (0..piece.shape().planes).map(|i| piece.plane(i)));
                    }
                });
                ready.iter().try_for_each(|(_, piece)| sink(piece))
            })?;
            if group.is_empty() {
                return self.check_digest(image, digester.finish(shape.planes));
            }
            ready = group.iter().map(|place| place.planes.start).zip(decoded?).collect();
        }
    }

    /// Reads the tiles that `region` of stack `image` touches.
    fn read_piece(&mut self, image: usize, region: &TileBox) -> Result<Piece> {
        let tiles = self.tiles_touching(image, region).into_iter().map(|(tile, shared)| {
            let payload = read_tile(&mut self.source, image, &tile)?;
            Ok((tile, shared, payload))
        });
        Ok(Piece { tiles: tiles.collect::<Result<_>>()?, region: region.clone() })
    }

    fn check_digest(&self, image: usize, found: Digest) -> Result<()> {
        let expected = self.index[image].digest;
        if found != expected {
            let reason =
                format!("its pixels have the digest {}, expected {}", found.short(), expected.short());
            return Err(Error::corrupt(format!("stack {image}"), reason));
        }
        Ok(())
    }

    /// Decodes the pixels of `region` of stack `image`; only the tiles that it touches are read.
    ///
    /// # Errors
    /// If the region reaches beyond the stack, or one of its tiles is damaged.
    pub fn decode_region(&mut self, image: usize, region: &TileBox, registry: &Registry) -> Result<Image16> {
        let stack = self.header.images[image];
        let inside = |range: &Range<usize>, extent| range.start <= range.end && range.end <= extent;
        if !(inside(&region.planes, stack.shape.planes)
            && inside(&region.rows, stack.shape.height)
            && inside(&region.columns, stack.shape.width))
        {
            let reason = format!("the region ({region}) reaches beyond the stack of {}", stack.shape);
            return Err(Error::corrupt("the request", reason));
        }
        self.header.codec_for(registry)?;
        self.read_piece(image, region)?.decode(image, &self.header, registry, &self.limits)
    }
}

/// A region whose tiles have been read, but not decoded.
struct Piece {
    /// Each with what it shares with the region, and its stream.
    tiles: Vec<(TileInfo, TileBox, Vec<u8>)>,
    region: TileBox,
}

impl Piece {
    /// Its pixels, which are those of stack `image`.
    fn decode(&self, image: usize, header: &Header, registry: &Registry, limits: &Limits) -> Result<Image16> {
        let Self { tiles, region } = self;
        let axis = header.images[image].axis;
        let build = || header.codec_for(registry);
        if let [(tile, shared, payload)] = &tiles[..]
            && *shared == tile.place
            && shared == region
        {
            return Ok(decode_tile(&*build()?, payload, image, tile, limits)?.with_axis(axis));
        }
        let mut decoded = Image16::zeros(region.shape()).with_axis(axis);
        // A few tiles per thread at a time: enough to keep all busy, few enough to bound the memory.
        for group in tiles.chunks(4 * rayon::current_num_threads()) {
            let pieces: Vec<Image16> = group
                .par_iter()
                .map(|(tile, shared, payload)| {
                    let pixels = decode_tile(&*build()?, payload, image, tile, limits)?;
                    let cut = |a: &Range<usize>, base: usize| a.start - base..a.end - base;
                    let place = &tile.place;
                    Ok(pixels.crop(
                        cut(&shared.planes, place.planes.start),
                        cut(&shared.rows, place.rows.start),
                        cut(&shared.columns, place.columns.start),
                    ))
                })
                .collect::<Result<_>>()?;
            for ((_, shared, _), piece) in group.iter().zip(&pieces) {
                decoded.paste(
                    piece,
                    shared.planes.start - region.planes.start,
                    shared.rows.start - region.rows.start,
                    shared.columns.start - region.columns.start,
                );
            }
        }
        Ok(decoded)
    }
}

impl Header {
    /// The codec of the tiles, if this program, its models and its device can decode them.
    ///
    /// # Errors
    /// If the codec is unknown, or is not the one that the stream is bound to.
    pub fn codec_for(&self, registry: &Registry) -> Result<Box<dyn Codec>> {
        let codec = registry.build(&self.codec)?;
        if let Some(needed) = &self.model {
            let words = |digest: Digest, device: &str| format!("model {} on {device}", digest.short());
            let present = codec.model();
            let same = present.as_ref().is_some_and(|present| {
                present.digest == needed.digest
                    && (self.reproducibility == Reproducibility::Anywhere || present.device == needed.device)
            });
            if !same {
                let none = || "a codec without a model".to_owned();
                return Err(Error::Mismatch {
                    what: WHAT.to_owned(),
                    needed: words(needed.digest, &needed.device),
                    present: present.map_or_else(none, |model| words(model.digest, &model.device)),
                });
            }
        }
        Ok(codec)
    }
}

fn failed(source: std::io::Error) -> Error {
    match source.kind() {
        std::io::ErrorKind::UnexpectedEof => Error::truncated(WHAT),
        _ => Error::Io { what: format!("reading {WHAT}"), source },
    }
}

/// Reads `length` bytes that are known to exist.
fn read_exactly(source: &mut impl Read, length: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    source.read_exact(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// The header, and the length of the prologue.
fn read_header(source: &mut impl Read, container_bytes: u64, limits: &Limits) -> Result<(Header, u64)> {
    let known = container_bytes.min(PREFIX_BYTES as u64) as usize;
    let mut prologue = read_exactly(source, known)?;
    if !prologue.starts_with(&MAGIC[..known.min(MAGIC.len())]) || known == 0 {
        return Err(Error::NotAContainer);
    }
    let mut fields = Bytes::new(&prologue[MAGIC.len().min(known)..], WHAT);
    let version = u16::from_le_bytes([fields.u8()?, fields.u8()?]);
    if version > VERSION {
        return Err(Error::Mismatch {
            what: WHAT.to_owned(),
            needed: format!("a program that knows version {version}"),
            present: format!("one that knows version {VERSION}"),
        });
    }
    let header_bytes = u64::from(fields.u32()?);
    if header_bytes > MAX_HEADER_BYTES || header_bytes + 4 > container_bytes - known as u64 {
        return Err(Error::truncated("the container's header"));
    }
    prologue.extend(read_exactly(source, header_bytes as usize)?);
    let mut crc = [0; 4];
    source.read_exact(&mut crc).map_err(failed)?;
    if crc32fast::hash(&prologue) != u32::from_le_bytes(crc) || version == 0 {
        return Err(Error::corrupt("the container's header", "its checksum does not match"));
    }
    let header = Header::from_records(&prologue[PREFIX_BYTES..], limits)?;
    Ok((header, prologue.len() as u64 + 4))
}

/// The index, its checksum checked.
fn read_index(source: &mut (impl Read + Seek), container_bytes: u64, prologue_bytes: u64) -> Result<Vec<u8>> {
    let rest = container_bytes - prologue_bytes;
    let room = rest.checked_sub(SUFFIX_BYTES as u64).ok_or_else(|| Error::truncated(WHAT))?;
    source.seek(SeekFrom::End(-(SUFFIX_BYTES as i64))).map_err(failed)?;
    let suffix = read_exactly(source, SUFFIX_BYTES)?;
    if suffix[12..] != END_MAGIC {
        return Err(Error::truncated(WHAT));
    }
    let mut fields = Bytes::new(&suffix, WHAT);
    let (crc, length) = (fields.u32()?, fields.u64()?);
    if length > room {
        return Err(Error::corrupt("the container's index", format!("a length of {length} bytes")));
    }
    source.seek(SeekFrom::End(-((SUFFIX_BYTES as u64 + length) as i64))).map_err(failed)?;
    let index = read_exactly(source, length as usize)?;
    if crc32fast::hash(&index) != crc {
        return Err(Error::corrupt("the container's index", "its checksum does not match"));
    }
    Ok(index)
}

fn tile_info(place: TileBox, entry: &trailer::TileEntry) -> TileInfo {
    let &trailer::TileEntry { offset_bytes, length_bytes, crc } = entry;
    TileInfo { place, offset_bytes, length_bytes, crc }
}

fn tile_name(image: usize, tile: &TileInfo) -> String {
    format!("tile of stack {image} ({})", tile.place)
}

fn read_tile(source: &mut (impl Read + Seek), image: usize, tile: &TileInfo) -> Result<Vec<u8>> {
    source.seek(SeekFrom::Start(tile.offset_bytes)).map_err(failed)?;
    let payload = read_exactly(source, tile.length_bytes as usize)?;
    if crc32fast::hash(&payload) != tile.crc {
        return Err(Error::corrupt(tile_name(image, tile), "its checksum does not match"));
    }
    Ok(payload)
}

fn decode_tile(
    codec: &dyn Codec,
    payload: &[u8],
    image: usize,
    tile: &TileInfo,
    limits: &Limits,
) -> Result<Image16> {
    let shape = tile.place.shape();
    let pixels = codec.decode(payload, shape, limits).map_err(|error| match error {
        // Damage is told with its place; what the machine or the limits refuse stays what it is.
        Error::Corrupt { .. } | Error::Truncated { .. } => {
            Error::corrupt(tile_name(image, tile), error.to_string())
        }
        other => other,
    })?;
    if pixels.shape() != shape {
        let reason = format!("the codec gave a stack of {}, expected {shape}", pixels.shape());
        return Err(Error::corrupt(tile_name(image, tile), reason));
    }
    Ok(pixels)
}
