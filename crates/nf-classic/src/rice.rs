//! `rice`: the RICE_1 coder of tile-compressed FITS files, for 16-bit integers.
//!
//! Specification: FITS standard 4.0, section 10.4.1, <https://fits.gsfc.nasa.gov/fits_standard.html>; the idea is from R. F. Rice, P. S. Yeh and
//! W. Miller (1993), "Algorithms for high-speed universal noiseless coding".
//!
//! The stream is described, and coded, in [`nf_fits::tiled::rice`]; samples are coded as FITS
//! stores them, less 32768, so that the bytes of a tile equal those that cfitsio writes. Since a
//! decoder knows when a tile's pixels are complete, tiles follow one another without a table (a
//! FITS file adds 8 bytes a tile).
//!
//! Planes are coded independently. `tile=whole` makes one tile of a plane, so that the difference
//! also runs from the end of a row to the start of the next; `tile=row` is the default of FITS
//! writers.

use nf_codec::{Codec, Entry, Error, Limits, OptionDoc, Result, Spec};
use nf_fits::tiled::rice;
use nf_image::{Image16, ImageRef, Shape};
use std::fmt;
use std::str::FromStr;

/// The line of the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "rice",
    summary: "RICE_1 of FITS: differences along the row, Golomb-Rice codes",
    source: "FITS standard 4.0, section 10.4.1; Rice, Yeh and Miller 1993",
    options: &[
        OptionDoc { key: "block", values: "2..=1024", default: "32", help: "pixels that share a split" },
        OptionDoc {
            key: "tile",
            values: "whole or row",
            default: "whole",
            help: "one tile a plane, or a row",
        },
    ],
    build: |spec| {
        let mut options = spec.options();
        let block_px =
            options.take("block", DEFAULT_BLOCK_PX, "2..=1024", |b| (2..=MAX_BLOCK_PX).contains(b))?;
        let tile = options.take("tile", Tile::Whole, "whole or row", |_| true)?;
        options.finish()?;
        Ok(Box::new(Rice { block_px, tile }))
    },
};

const DEFAULT_BLOCK_PX: usize = 32;
const MAX_BLOCK_PX: usize = 1024;
/// Bits of the number that announces the split of a block.
const SPLIT_BITS: usize = 4;

struct Rice {
    block_px: usize,
    tile: Tile,
}

/// What is coded as one row of pixels.
#[derive(Clone, Copy, PartialEq)]
enum Tile {
    Whole,
    Row,
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Tile::Whole => "whole",
            Tile::Row => "row",
        })
    }
}

impl FromStr for Tile {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "whole" => Ok(Tile::Whole),
            "row" => Ok(Tile::Row),
            _ => Err(()),
        }
    }
}

impl Rice {
    fn tile_px(&self, shape: Shape) -> usize {
        match self.tile {
            Tile::Whole => shape.plane_pixels(),
            Tile::Row => shape.width,
        }
    }
}

impl Codec for Rice {
    fn spec(&self) -> Spec {
        Spec::new(ENTRY.name).with("block", self.block_px, DEFAULT_BLOCK_PX).with(
            "tile",
            self.tile,
            Tile::Whole,
        )
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        self.encode_ref(image.into())
    }

    fn encode_ref(&self, image: ImageRef<'_>) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(image.shape().raw_bytes() / 2);
        for tile in image.samples().chunks(self.tile_px(image.shape()).max(1)) {
            rice::encode(tile, self.block_px, &mut bytes);
        }
        Ok(bytes)
    }

    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        limits.check_shape("rice stream", shape)?;
        let mut image = Image16::zeros(shape);
        let mut rest = bytes;
        for tile in image.samples_mut().chunks_mut(self.tile_px(shape).max(1)) {
            let taken = rice::decode_into(rest, self.block_px, tile)
                .map_err(|reason| Error::corrupt("rice stream", reason))?;
            rest = &rest[taken..];
        }
        match rest.len() {
            0 => Ok(image),
            extra => {
                Err(Error::corrupt("rice stream", format!("{extra} bytes are left after the last pixel")))
            }
        }
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        // A block needs at most 16 bits a pixel: with m < 2^(s+1) on average, the sum of m >> s is
        // at most 2 n + (n / 2 >> s), beside s + 1 bits a pixel; at s = 13, the worst, that is 2
        // n + 14 n.
        let tile_px = self.tile_px(shape);
        let tiles = shape.pixels().checked_div(tile_px).unwrap_or(0);
        let tile_bits = 16 + 16 * tile_px + SPLIT_BITS * tile_px.div_ceil(self.block_px);
        tiles as u64 * tile_bits.div_ceil(8) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_written_as_the_standard_says() {
        // First pixel 32770 -> 2; differences 0, 1, -1, 2 -> m = 0, 2, 1, 4: sum 7, mean (7 - 3) /
        // 4 = 1, s = 0.
        let bits = "0000000000000010 0001 1 001 01 00001".replace(' ', "");
        let rice = Rice { block_px: 4, tile: Tile::Whole };
        let image = Image16::new(Shape::frame(1, 4), vec![32770, 32771, 32770, 32772]).unwrap();
        let text: String = rice.encode(&image).unwrap().iter().map(|byte| format!("{byte:08b}")).collect();
        assert_eq!(text, format!("{bits:0<32}"));
    }

    #[test]
    fn rows_follow_one_another_without_a_table() {
        let image = Image16::from_fn(Shape::new(2, 5, 37), |p, r, c| (p * 7001 + r * 977 + c * c) as u16);
        let row = Rice { block_px: 32, tile: Tile::Row };
        let bytes = row.encode(&image).unwrap();
        let mut rows = Vec::new();
        image.samples().chunks(37).for_each(|samples| rice::encode(samples, 32, &mut rows));
        assert_eq!(bytes, rows);
        let limits = Limits::default();
        assert_eq!(row.decode(&bytes, image.shape(), &limits).unwrap(), image);
        let longer = [&bytes[..], &[0]].concat();
        let error = row.decode(&longer, image.shape(), &limits).unwrap_err().to_string();
        assert!(error.contains("1 bytes are left"), "{error}");
    }
}
