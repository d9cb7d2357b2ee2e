//! Writing a compressed image: the table's header, its rows, and the heap.

use crate::card::write::{comment, integer, logical, text};
use crate::card::{CARD_BYTES, Card};
use crate::checksum::{Sum, stamp};
use crate::hdu::padded;
use crate::header::{BLOCK_BYTES, Header};
use crate::image::ImageHdu;
use crate::section::Section;
use crate::tiled::quantise::{Dither, NULL, Scaling};
use crate::tiled::restore::{image_header, packed_keyword};
use crate::tiled::{Algorithm, Column, EncodedTile, TileCodec, TilePlan, gzip};
use crate::{Error, Result, SampleType};
use nf_image::in_order;
use rayon::prelude::*;
use std::io::{Seek, SeekFrom, Write};

/// Pixels that are read and encoded at once.
const BAND_PX: usize = 1 << 20;

/// What headers, checksums and padding of one compressed tile take at most.
const MAX_TILE_OVERHEAD_BYTES: u64 = 64;

/// Where the bytes of a tile lie in the heap: number of elements and offset.
type Descriptor = (u64, u64);

/// One row of the table.
struct Row {
    arrays: Vec<Descriptor>,
    scaling: Option<Scaling>,
}

/// The columns of the table.
struct Layout {
    /// Name and element type of the columns of descriptors.
    arrays: Vec<(&'static str, u8)>,
    /// Whether ZSCALE and ZZERO follow.
    scaled: bool,
    /// Whether descriptors have 64 bits.
    wide: bool,
}

impl Layout {
    fn new(plan: &TilePlan) -> Self {
        let mut arrays =
            vec![("COMPRESSED_DATA", if plan.algorithm == Algorithm::Plio { b'I' } else { b'B' })];
        if plan.quantise.is_some() {
            arrays.push(("GZIP_COMPRESSED_DATA", b'B'));
        }
        if plan.algorithm == Algorithm::None {
            arrays.push(("UNCOMPRESSED_DATA", element(plan.sample)));
        }
        // What no algorithm exceeds, by far: were the heap longer than 32 bits can say, readers
        // would be lost.
        let pixels: u64 = plan.grid.axes.iter().map(|&n| n as u64).product();
        let tiles = plan.grid.tiles().map_or(u64::MAX, |tiles| tiles as u64);
        let worst = pixels
            .saturating_mul(plan.sample.bytes() as u64 * 3 / 2 + 2)
            .saturating_add(tiles.saturating_mul(MAX_TILE_OVERHEAD_BYTES));
        let wide = worst > i32::MAX as u64;
        Self { arrays, scaled: plan.quantise.is_some(), wide }
    }

    fn row_bytes(&self) -> usize {
        self.arrays.len() * if self.wide { 16 } else { 8 } + if self.scaled { 16 } else { 0 }
    }

    fn cards(&self, longest: &[u64]) -> Vec<[u8; CARD_BYTES]> {
        let mut columns: Vec<(&str, String)> = self
            .arrays
            .iter()
            .zip(longest)
            .map(|((name, element), longest)| {
                let pointer = if self.wide { 'Q' } else { 'P' };
                (*name, format!("1{pointer}{}({longest})", char::from(*element)))
            })
            .collect();
        if self.scaled {
            columns.extend([("ZSCALE", "1D".to_owned()), ("ZZERO", "1D".to_owned())]);
        }
        let mut cards = vec![integer("TFIELDS", columns.len() as i64, "number of fields in each row")];
        for (n, (name, form)) in (1..).zip(&columns) {
            cards.push(text(&format!("TTYPE{n}"), name, ""));
            cards.push(text(&format!("TFORM{n}"), form, ""));
        }
        cards
    }

    fn write_row(&self, row: &Row, out: &mut Vec<u8>) {
        for (count, offset) in &row.arrays {
            if self.wide {
                out.extend_from_slice(&count.to_be_bytes());
                out.extend_from_slice(&offset.to_be_bytes());
            } else {
                // Narrow descriptors are chosen only where all counts and offsets fit.
                out.extend_from_slice(&(*count as u32).to_be_bytes());
                out.extend_from_slice(&(*offset as u32).to_be_bytes());
            }
        }
        if self.scaled {
            let scaling = row.scaling.unwrap_or(Scaling { scale: 0.0, zero: 0.0 });
            out.extend_from_slice(&scaling.scale.to_be_bytes());
            out.extend_from_slice(&scaling.zero.to_be_bytes());
        }
    }
}

fn element(sample: SampleType) -> u8 {
    match sample {
        SampleType::U8 => b'B',
        SampleType::I16 => b'I',
        SampleType::I32 => b'J',
        SampleType::I64 => b'K',
        SampleType::F32 => b'E',
        SampleType::F64 => b'D',
    }
}

fn element_bytes(element: u8) -> u64 {
    match element {
        b'B' => 1,
        b'I' => 2,
        b'J' | b'E' => 4,
        _ => 8,
    }
}

/// What became of the tiles.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Written {
    pub(super) bytes: u64,
    /// Tiles that were kept without loss though loss was allowed.
    pub(super) exact_tiles: usize,
    pub(super) largest_error: f64,
}

/// The header of the table; `None` if the image's header could not be restored from it exactly.
pub(super) fn packed_header(original: &Header, plan: &TilePlan) -> Option<Header> {
    let header = build_header(original, plan, &Layout::new(plan), &[0; 4], 0)?;
    (image_header(&header).bytes() == original.bytes()).then_some(header)
}

fn build_header(
    original: &Header,
    plan: &TilePlan,
    layout: &Layout,
    longest: &[u64],
    heap_bytes: u64,
) -> Option<Header> {
    let tiles = plan.grid.tiles().expect("an image in a file has a countable number of tiles");
    let mut cards = vec![
        text("XTENSION", "BINTABLE", "binary table extension"),
        integer("BITPIX", 8, "8-bit bytes"),
        integer("NAXIS", 2, "2-dimensional binary table"),
        integer("NAXIS1", layout.row_bytes() as i64, "width of table in bytes"),
        integer("NAXIS2", tiles as i64, "number of rows in table"),
        integer("PCOUNT", heap_bytes as i64, "size of special data area"),
        integer("GCOUNT", 1, "one data group"),
    ];
    cards.extend(layout.cards(longest));
    cards.push(logical("ZIMAGE", true, "extension contains compressed image"));
    for (n, side) in (1..).zip(&plan.grid.tile) {
        cards.push(integer(&format!("ZTILE{n}"), *side as i64, "size of tiles to be compressed"));
    }
    match plan.quantise {
        Some((how, seed)) => {
            cards.push(text("ZQUANTIZ", how.dither.name(), "quantisation of the pixels"));
            if how.dither != Dither::None {
                cards.push(integer("ZDITHER0", seed, "dithering offset"));
            }
            cards.push(integer("ZBLANK", NULL.into(), "null value in the compressed integer array"));
        }
        None if plan.sample.is_float() => {
            cards.push(text("ZQUANTIZ", "NONE", "lossless, without quantisation"))
        }
        None => {}
    }
    cards.extend(plan.algorithm.cards(plan.sample));
    cards.extend(plan.creator.iter().flat_map(|creator| comment(creator)));
    for card in original.cards() {
        cards.push(pack_card(card)?);
    }
    cards.push(text("CHECKSUM", "0000000000000000", "HDU checksum"));
    cards.push(text("DATASUM", "0", "data unit checksum"));
    Some(Header::from_cards(cards.iter().map(|card| &card[..]), original.hdu()))
}

/// A card of the image in the table's header: verbatim, under another keyword where the table needs
/// its own; `None` where that keyword is too long (ZNAXIS100).
fn pack_card(card: Card<'_>) -> Option<[u8; CARD_BYTES]> {
    let mut bytes: [u8; CARD_BYTES] = card.bytes().try_into().expect("a card has 80 bytes");
    if let Some(packed) = std::str::from_utf8(card.keyword()).ok().and_then(packed_keyword) {
        let field: [u8; 8] = format!("{packed:<8}").into_bytes().try_into().ok()?;
        bytes[..8].copy_from_slice(&field);
    }
    Some(bytes)
}

/// Writes the table of an image, whose header [`packed_header`] can keep, where `out` stands.
pub(super) fn write_image<W: Write + Seek>(
    image: &ImageHdu<'_>,
    original: &Header,
    plan: &TilePlan,
    codec: &dyn TileCodec,
    out: &mut W,
    progress: &mut dyn FnMut(u64),
) -> Result<Written> {
    let io = || Error::writing();
    let layout = Layout::new(plan);
    let start = out.stream_position().map_err(io())?;
    let tiles = plan.grid.tiles().expect("an image in a file has a countable number of tiles");
    let header = |longest: &[u64], heap_bytes| {
        build_header(original, plan, &layout, longest, heap_bytes)
            .ok_or_else(|| Error::request(image.index(), "a keyword is too long for a compressed image"))
    };
    let header_len = header(&[0; 4], 0)?.bytes().len();
    let rows_len = (tiles as u64) * layout.row_bytes() as u64;
    // Header and rows are written last, when all is known; their room is left free.
    let heap_start = start + header_len as u64 + rows_len;
    out.seek(SeekFrom::Start(heap_start)).map_err(io())?;
    let mut heap =
        Heap { layout: &layout, bytes: 0, sum: Sum::default(), longest: vec![0; layout.arrays.len()] };
    let mut rows = Vec::with_capacity(tiles * layout.row_bytes());
    let mut written = Written::default();
    for band in plan.grid.bands(BAND_PX) {
        for tile in encode_band(image, plan, &band, codec)? {
            written.exact_tiles += usize::from(tile.largest_error == 0.0);
            written.largest_error = written.largest_error.max(tile.largest_error);
            let row = heap.add(&tile, out)?;
            layout.write_row(&row, &mut rows);
        }
        progress(band.pixels() as u64);
    }
    if !layout.wide && heap.bytes > i32::MAX as u64 {
        let problem = format!("its tiles take {} bytes, more than their table can point to", heap.bytes);
        return Err(Error::request(image.index(), problem));
    }
    let mut header = header(&heap.longest, heap.bytes)?;
    debug_assert_eq!(header.bytes().len(), header_len);
    let mut datasum = heap.sum;
    datasum.add(Sum::of(&rows));
    stamp(&mut header, datasum.value());
    let data_bytes = rows_len + heap.bytes;
    let padding = (padded(data_bytes) - data_bytes) as usize;
    out.write_all(&[0; BLOCK_BYTES][..padding]).map_err(io())?;
    let end = out.stream_position().map_err(io())?;
    out.seek(SeekFrom::Start(start)).map_err(io())?;
    out.write_all(header.bytes()).map_err(io())?;
    out.write_all(&rows).map_err(io())?;
    out.seek(SeekFrom::Start(end)).map_err(io())?;
    written.bytes = end - start;
    Ok(written)
}

/// Why the algorithm cannot take a tile of the image, if it cannot: the message of the first that
/// it refuses.
pub(super) fn refusal(
    image: &ImageHdu<'_>,
    plan: &TilePlan,
    codec: &dyn TileCodec,
) -> Result<Option<String>> {
    for band in plan.grid.bands(BAND_PX) {
        match encode_band(image, plan, &band, codec) {
            Err(Error::Tile { tile, problem, .. }) => return Ok(Some(format!("tile {tile}: {problem}"))),
            encoded => drop(encoded?),
        }
    }
    Ok(None)
}

/// The tiles of a band, in order.
fn encode_band(
    image: &ImageHdu<'_>,
    plan: &TilePlan,
    band: &Section,
    codec: &dyn TileCodec,
) -> Result<Vec<EncodedTile>> {
    let pixels = image.read_section(band)?;
    let encode =
        plan.grid.tiles_of(band).into_par_iter().map_init(gzip::Deflater::default, |deflater, tile| {
            let tile_box = plan.grid.tile_box(tile);
            let cut = pixels.cut(band, &tile_box)?;
            let encoded = plan.encode(tile, &tile_box, &cut, deflater, codec);
            encoded.map_err(|problem| Error::Tile { hdu: image.index(), tile, problem })
        });
    in_order(encode)
}

struct Heap<'a> {
    layout: &'a Layout,
    bytes: u64,
    sum: Sum,
    /// Elements of the longest array of every column.
    longest: Vec<u64>,
}

impl Heap<'_> {
    fn add(&mut self, tile: &EncodedTile, out: &mut impl Write) -> Result<Row> {
        let mut arrays = Vec::with_capacity(self.layout.arrays.len());
        for (n, (name, element)) in self.layout.arrays.iter().enumerate() {
            let bytes: &[u8] = match (*name, tile.column) {
                ("COMPRESSED_DATA", Column::Compressed)
                | ("GZIP_COMPRESSED_DATA", Column::Gzipped)
                | ("UNCOMPRESSED_DATA", Column::Plain) => &tile.bytes,
                _ => &[],
            };
            if bytes.is_empty() {
                arrays.push((0, 0));
                continue;
            }
            let count = bytes.len() as u64 / element_bytes(*element);
            arrays.push((count, self.bytes));
            self.longest[n] = self.longest[n].max(count);
            self.bytes += bytes.len() as u64;
            self.sum.update(bytes);
            out.write_all(bytes).map_err(Error::writing())?;
        }
        Ok(Row { arrays, scaling: tile.scaling })
    }
}
