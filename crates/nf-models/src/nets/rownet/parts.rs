//! The bytes of a tile, put together and taken apart.
//!
//! ```text
//! median u16, noise u8   as in `TileStats`; bit 7 of the noise: rows are columns
//! of version 1:          length u32 of the symbols in bytes
//! of later ones:         length of the raw bits in bytes, 7 bits to a byte, lowest first;
//!                        if bit 6 of the noise is set: densities of ranks, see `calibration`
//! symbols                table rANS, see nf-entropy
//! raw bits               low bits of bins, and those of ranges
//! ```
//!
//! All integers are little-endian.

use super::calibration::{CLASSES, Densities};
use super::net::RowNet;
use crate::batch::take_length;
use crate::tile::Tile;
use crate::tile_model::Version;
use crate::tile_stats::TileStats;
use nf_codec::{Error, Result, put_varint};
use nf_entropy::bits::{BitReader, BitWriter};
use nf_entropy::table::{Calibration, RankMap, TableDecoder};

/// What errors call the bytes of a tile.
pub(super) const WHAT: &str = "rownet tile";

/// Set in the noise's step where the columns of a tile are coded as rows.
const TRANSPOSED: u8 = 0x80;

/// Set where the densities of ranks follow.
const CALIBRATED: u8 = 0x40;

/// A tile by rows as it goes into the coder.
pub(super) struct CodedTile {
    /// The table of every symbol.
    pub(super) tables: Vec<u16>,
    pub(super) symbols: Vec<u8>,
    pub(super) raw: Vec<u8>,
}

impl CodedTile {
    fn plain(&self, net: &RowNet) -> Vec<u8> {
        net.encode_tables.encode(&self.tables, &self.symbols).expect("tables hold all symbols")
    }

    /// Bytes of symbols and raw bits without densities.
    pub(super) fn plain_len(&self, net: &RowNet) -> usize {
        self.plain(net).len() + self.raw.len()
    }

    /// Densities, and the symbols under them, if these are fewer bytes than so many.
    fn calibrated(&self, net: &RowNet, most: usize) -> Option<Vec<u8>> {
        let densities = Densities::fitted(&net.tables, &net.classes, &self.tables, &self.symbols)?;
        let maps = densities.maps();
        let calibration = Calibration::new(&maps, &net.classes).expect("every class has a map");
        let coded = calibration.encode(&net.tables, &self.tables, &self.symbols);
        let mut writer = BitWriter::new();
        densities.write(&mut writer);
        let bytes = [writer.finish(), coded.expect("tables hold all symbols")].concat();
        (bytes.len() < most).then_some(bytes)
    }

    /// The bytes of the tile, if they are fewer than those of its samples.
    pub(super) fn bytes(&self, net: &RowNet, tile: &Tile) -> Option<Vec<u8>> {
        let [stats] = tile.stats[..] else { return None };
        let plain = self.plain(net);
        let (symbols, calibrated) = match self.calibrated(net, plain.len()) {
            Some(symbols) => (symbols, CALIBRATED),
            None => (plain, 0),
        };
        let mut bytes = Vec::with_capacity(TileStats::BYTES + 5 + symbols.len() + self.raw.len());
        bytes.extend(stats.to_bytes());
        bytes[2] |= calibrated;
        put_varint(&mut bytes, self.raw.len() as u64);
        bytes.extend(symbols);
        bytes.extend(&self.raw);
        (bytes.len() < 2 * tile.samples.len()).then_some(bytes)
    }
}

/// Marks bytes of a tile as those of its columns.
pub(super) fn mark_direction(bytes: &mut [u8], by_columns: bool) {
    bytes[2] |= if by_columns { TRANSPOSED } else { 0 };
}

/// The bytes of a tile taken apart.
pub(super) struct TileParts<'a> {
    pub(super) stats: TileStats,
    by_columns: bool,
    /// Extents as they are coded.
    pub(super) height: usize,
    pub(super) width: usize,
    /// The maps of ranks, class by class, if tables were recalibrated.
    pub(super) maps: Option<[RankMap; CLASSES]>,
    pub(super) symbols: &'a [u8],
    pub(super) raw: &'a [u8],
}

impl<'a> TileParts<'a> {
    /// # Errors
    /// If the bytes are too short, or their noise is none.
    pub(super) fn of(bytes: &'a [u8], [height, width]: [usize; 2], version: Version) -> Result<Self> {
        let cut_short = || Error::truncated(WHAT);
        let (&[a, b, c], mut rest) = bytes.split_first_chunk().ok_or_else(cut_short)?;
        let by_columns = c & TRANSPOSED != 0;
        let (flags, calibrated) = match version {
            Version::First => (TRANSPOSED, false),
            Version::Calibrated => (TRANSPOSED | CALIBRATED, c & CALIBRATED != 0),
        };
        let step = c & !flags;
        let stats = TileStats::from_bytes([a, b, step]).ok_or_else(|| {
            Error::corrupt(WHAT, format!("a noise scale of step {step}, expected at most 52"))
        })?;
        let (height, width) = if by_columns { (width, height) } else { (height, width) };
        let (symbols, raw, maps);
        match version {
            Version::First => {
                let length;
                (length, rest) = rest.split_first_chunk::<4>().ok_or_else(cut_short)?;
                let length = u32::from_le_bytes(*length) as usize;
                (symbols, raw) = rest.split_at_checked(length).ok_or_else(cut_short)?;
                maps = None;
            }
            Version::Calibrated => {
                let length;
                (length, rest) = take_length(rest).ok_or_else(cut_short)?;
                let at = rest.len().checked_sub(length).ok_or_else(cut_short)?;
                (rest, raw) = rest.split_at(at);
                maps = if calibrated {
                    let mut reader = BitReader::new(rest);
                    let densities = Densities::read(WHAT, &mut reader)?;
                    rest = &rest[reader.position_bits().div_ceil(8) as usize..];
                    Some(densities.maps())
                } else {
                    None
                };
                symbols = rest;
            }
        }
        Ok(Self { stats, by_columns, height, width, maps, symbols, raw })
    }

    /// The decoder of its symbols.
    ///
    /// # Errors
    /// What the coder refuses at its beginning.
    pub(super) fn decoder<'t>(&'t self, net: &'t RowNet) -> Result<TableDecoder<'t>> {
        let decoder = match &self.maps {
            Some(maps) => Calibration::new(maps, &net.classes)
                .and_then(|maps| TableDecoder::calibrated(&net.decode_tables, maps, self.symbols)),
            None => TableDecoder::new(&net.decode_tables, self.symbols),
        };
        decoder.map_err(|error| Error::corrupt(WHAT, error.to_string()))
    }

    /// The samples in the tile's own rows.
    pub(super) fn in_place(&self, samples: Vec<u16>) -> Vec<u16> {
        if self.by_columns { nf_image::transpose(&samples, self.width) } else { samples }
    }
}
