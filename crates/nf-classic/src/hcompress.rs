//! `hcompress`: HCOMPRESS_1 of tile-compressed FITS files, lossless.
//!
//! Specification: FITS standard 4.0, section 10.4.4, <https://fits.gsfc.nasa.gov/fits_standard.html>; R. L. White, M. Postman and M. G. Lattanzi
//! (1992), "Compression of the Guide Star Digitised Schmidt Plates". A tile goes through the
//! integer H-transform (a two-dimensional Haar transform whose sums h0 = a + b + c + d keep their
//! low bits through the differences), and the bit planes of the coefficients are coded as quadtrees
//! with a fixed Huffman table. With scale 0 nothing is rounded away.
//!
//! Planes are independent and cut into tiles of full rows: 16 by default, as FITS writers do (a
//! last tile of fewer than 4 rows joins the one before), or the whole plane with `rows=0`. Tiles
//! are at most 4096 pixels wide and high, beyond which sums would not fit. Samples enter minus
//! 32768, as FITS stores unsigned data.
//!
//! The stream is a little-endian u32 with the byte count of each tile, for all tiles, then the
//! tiles, which [`nf_fits::tiled::hcompress`] describes and codes.

use nf_codec::{Codec, Entry, Error, Limits, OptionDoc, Result, Spec};
use nf_fits::tiled::hcompress;
use nf_image::{Image16, Shape};
use std::ops::Range;

/// The line of the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "hcompress",
    summary: "HCOMPRESS_1 of FITS: H-transform, quadtree of bit planes; lossless",
    source: "FITS standard 4.0, section 10.4.4; White, Postman and Lattanzi 1992",
    options: &[OptionDoc {
        key: "rows",
        values: "0 or 4..=4096",
        default: "16",
        help: "rows of a tile; 0 takes the whole plane",
    }],
    build: |spec| {
        let mut options = spec.options();
        let rows = options
            .take("rows", DEFAULT_ROWS, "0 or 4..=4096", |&r| r == 0 || (4..=MAX_SIDE_PX).contains(&r))?;
        options.finish()?;
        Ok(Box::new(Hcompress { rows }))
    },
};

const DEFAULT_ROWS: usize = 16;
/// A tile of fewer rows than this joins the one before.
const MIN_ROWS: usize = 4;
/// With 2^12 pixels a side, coefficients stay below 2^28, within the 32 bits that other decoders
/// have for them.
const MAX_SIDE_PX: usize = 1 << 12;
/// Bytes of a tile before its quadtrees: magic number, sides, scale, sum, numbers of bit planes.
const TILE_HEADER_BYTES: u64 = 25;
/// The scale at which nothing is rounded away.
const LOSSLESS: u32 = 0;
const SIGN_OFFSET: i32 = 1 << 15;

struct Hcompress {
    rows: usize,
}

impl Hcompress {
    /// The rows and columns of every tile of one plane.
    fn tiles(&self, shape: Shape) -> Vec<(Range<usize>, Range<usize>)> {
        let rows = if self.rows == 0 { MAX_SIDE_PX } else { self.rows };
        let bands = cut(shape.height, rows);
        let columns = cut(shape.width, MAX_SIDE_PX);
        bands.iter().flat_map(|rows| columns.iter().map(|columns| (rows.clone(), columns.clone()))).collect()
    }
}

/// Cuts `0..length` into pieces of `step`; a last one of less than `MIN_ROWS` joins the one before.
fn cut(length: usize, step: usize) -> Vec<Range<usize>> {
    let mut pieces: Vec<Range<usize>> =
        (0..length).step_by(step).map(|start| start..length.min(start + step)).collect();
    if let [.., before, last] = &mut pieces[..]
        && last.len() < MIN_ROWS
        && before.len() + last.len() <= MAX_SIDE_PX
    {
        before.end = last.end;
        pieces.pop();
    }
    pieces
}

impl Codec for Hcompress {
    fn spec(&self) -> Spec {
        Spec::new(ENTRY.name).with("rows", self.rows, DEFAULT_ROWS)
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        let tiles = self.tiles(image.shape());
        let table_bytes = 4 * tiles.len() * image.shape().planes;
        let mut stream = vec![0; table_bytes];
        let mut entry = 0;
        let mut samples = Vec::new();
        for plane in 0..image.shape().planes {
            for (rows, columns) in &tiles {
                samples.clear();
                for row in rows.clone() {
                    let row = &image.row(plane, row)[columns.clone()];
                    samples.extend(row.iter().map(|&sample| i32::from(sample) - SIGN_OFFSET));
                }
                let tile = hcompress::encode(&samples, columns.len(), LOSSLESS)
                    .map_err(|reason| Error::backend(ENTRY.name, reason))?;
                let length = u32::try_from(tile.len()).map_err(|_| Error::Unsupported {
                    codec: ENTRY.name.to_owned(),
                    shape: image.shape(),
                    reason: "a tile takes more than 4 GiB".to_owned(),
                })?;
                stream[entry..entry + 4].copy_from_slice(&length.to_le_bytes());
                stream.extend_from_slice(&tile);
                entry += 4;
            }
        }
        Ok(stream)
    }

    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        limits.check_shape("hcompress stream", shape)?;
        let mut image = Image16::zeros(shape);
        if image.samples().is_empty() {
            return Ok(image);
        }
        let tiles = self.tiles(shape);
        let largest_px = tiles.iter().map(|(rows, columns)| rows.len() * columns.len()).max().unwrap_or(0);
        limits.check_memory("hcompress stream", 12 * largest_px as u64)?;
        let tile_count = tiles.len() * shape.planes;
        let (table, mut rest) =
            bytes.split_at_checked(4 * tile_count).ok_or_else(|| Error::truncated("hcompress stream"))?;
        let mut lengths = table.as_chunks::<4>().0.iter().map(|&length| u32::from_le_bytes(length) as usize);
        for plane in 0..shape.planes {
            for (rows, columns) in &tiles {
                let length = lengths.next().expect("the table has an entry for every tile");
                let tile;
                (tile, rest) =
                    rest.split_at_checked(length).ok_or_else(|| Error::truncated("hcompress stream"))?;
                let samples = hcompress::decode(tile, rows.len() * columns.len(), columns.len(), false)
                    .map_err(|reason| Error::corrupt("hcompress stream", reason))?;
                for (from, row) in samples.chunks(columns.len()).zip(rows.clone()) {
                    let start = (plane * shape.height + row) * shape.width + columns.start;
                    let to = &mut image.samples_mut()[start..start + columns.len()];
                    for (sample, &value) in to.iter_mut().zip(from) {
                        *sample = u16::try_from(value.wrapping_add(SIGN_OFFSET)).map_err(|_| {
                            Error::corrupt(
                                "hcompress stream",
                                format!("a pixel of {value} needs more than 16 bits"),
                            )
                        })?;
                    }
                }
            }
        }
        match rest.len() {
            0 => Ok(image),
            extra => {
                Err(Error::corrupt("hcompress stream", format!("{extra} bytes are left after the last tile")))
            }
        }
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        let of_tile = |(rows, columns): &(Range<usize>, Range<usize>)| {
            // Per quadrant at most 32 bit planes, each a 4-bit mark and the bits in blocks of 2 x
            // 2; then signs.
            let halves = |side: usize| [side.div_ceil(2), side / 2];
            let quadrant_bits =
                |h: usize, w: usize| 32 * (4 + 4 * h.div_ceil(2) as u64 * w.div_ceil(2) as u64);
            let trees: u64 = halves(rows.len())
                .into_iter()
                .flat_map(|h| halves(columns.len()).map(|w| quadrant_bits(h, w)))
                .sum();
            4 + TILE_HEADER_BYTES + (trees + rows.len() as u64 * columns.len() as u64) / 8 + 2
        };
        shape.planes as u64 * self.tiles(shape).iter().map(of_tile).sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_the_longest_tiles_fit() {
        for shape in
            [Shape::frame(4, MAX_SIDE_PX), Shape::frame(MAX_SIDE_PX, 5), Shape::frame(1, MAX_SIDE_PX + 2)]
        {
            let halves = |_, r: usize, c: usize| if r * c < MAX_SIDE_PX { 0 } else { u16::MAX };
            for image in [
                Image16::zeros(shape),
                Image16::from_fn(shape, |_, _, _| u16::MAX),
                Image16::from_fn(shape, halves),
                Image16::from_fn(shape, |_, r, c| if (r + c) % 2 == 0 { 0 } else { u16::MAX }),
            ] {
                let bytes = Hcompress { rows: 0 }.encode(&image).unwrap();
                let decoded = Hcompress { rows: 0 }.decode(&bytes, shape, &Limits::default()).unwrap();
                assert!(decoded == image, "{shape}");
            }
        }
    }

    #[test]
    fn a_short_last_piece_joins_the_one_before() {
        assert_eq!(cut(35, 16), [0..16, 16..35]);
        assert_eq!(cut(36, 16), [0..16, 16..32, 32..36]);
        assert_eq!(cut(3, 16), std::slice::from_ref(&(0..3)));
        assert!(cut(0, 16).is_empty());
        assert_eq!(cut(MAX_SIDE_PX + 1, MAX_SIDE_PX), [0..MAX_SIDE_PX, MAX_SIDE_PX..MAX_SIDE_PX + 1]);
    }
}
