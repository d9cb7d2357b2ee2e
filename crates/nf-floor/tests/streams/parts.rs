//! Streams put together by hand: small tiles, any references, wrong numbers, with valid checksums
//! all the same.

use nf_codec::{DitheredStack, put_varint};
use nf_floor::Level;
use nf_floor::lab::{CodedTile, MAX_REFERENCES, Mode, TileView, inter_plane, tile};
use nf_image::testing::Rng;
use nf_image::{Image16, Shape};

/// What a stream consists of.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) version: u8,
    pub(crate) tile_height: usize,
    pub(crate) tile_width: usize,
    /// From version 4 on.
    pub(crate) dither: Option<DitheredStack>,
    pub(crate) tiles: Vec<CodedTile>,
}

impl Parts {
    /// `image` in tiles of this extent, with reference planes where that pays.
    pub(crate) fn of(image: &Image16, extent: (usize, usize), level: Level) -> Self {
        Self::by(image, extent, |_, tile, references| inter_plane::encode(tile, references, level))
    }

    /// `image` in tiles of this extent, every plane as differences from as many reference planes.
    pub(crate) fn with_references(image: &Image16, extent: (usize, usize), references: &[usize]) -> Self {
        Self::by(image, extent, |plane, tile, earlier| match references[plane] {
            0 => CodedTile { bytes: tile::encode(tile, Level::Fast), references: 0 },
            references => {
                let bytes = difference(tile, &earlier[..references], &[256, 0, 0, 0][..references]);
                CodedTile { bytes, references }
            }
        })
    }

    /// `image` in tiles of this extent, coded by plane, tile and the planes before it, latest
    /// first.
    fn by(
        image: &Image16,
        (tile_height, tile_width): (usize, usize),
        code: impl Fn(usize, TileView<'_>, &[&[u16]]) -> CodedTile,
    ) -> Self {
        let Shape { planes, height, width, .. } = image.shape();
        let mut tiles = Vec::new();
        for plane in 0..planes {
            for top in (0..height).step_by(tile_height) {
                for left in (0..width).step_by(tile_width) {
                    let rows = top..(top + tile_height).min(height);
                    let columns = left..(left + tile_width).min(width);
                    let cut = |plane: usize| image.crop(plane..plane + 1, rows.clone(), columns.clone());
                    let tile = cut(plane);
                    let earlier: Vec<Image16> = (0..plane).rev().take(MAX_REFERENCES).map(cut).collect();
                    let earlier: Vec<&[u16]> = earlier.iter().map(Image16::samples).collect();
                    tiles.push(code(plane, TileView::of(&tile), &earlier));
                }
            }
        }
        let version = if tiles.iter().all(|tile| tile.references == 0) { 1 } else { 2 };
        Self { version, tile_height, tile_width, dither: None, tiles }
    }

    /// The stream.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.version];
        put_varint(&mut bytes, self.tile_height as u64);
        put_varint(&mut bytes, self.tile_width as u64);
        if let Some(DitheredStack { dither, rising, first, row, plane }) = self.dither {
            bytes.extend_from_slice(&dither.seed.to_le_bytes());
            bytes.extend([dither.phases, u8::from(rising)]);
            [first, row, plane].into_iter().for_each(|places| put_varint(&mut bytes, places));
        }
        for tile in &self.tiles {
            put_varint(&mut bytes, tile.bytes.len() as u64);
            bytes.extend_from_slice(&crc32fast::hash(&tile.bytes).to_le_bytes());
            if self.version != 1 {
                bytes.push(tile.references as u8);
            }
        }
        self.tiles.iter().for_each(|tile| bytes.extend_from_slice(&tile.bytes));
        bytes
    }
}

/// Four planes of a strong pattern that stays.
pub(crate) fn pattern() -> Image16 {
    let mut rng = Rng::new(9);
    let pattern: Vec<usize> = (0..20 * 64).map(|_| 9000 + rng.below(1000)).collect();
    Image16::from_fn(Shape::new(4, 20, 64), |plane, y, x| {
        (pattern[y * 64 + x] + 30 * plane + rng.below(8)) as u16
    })
}

/// The last plane of [`pattern`] by adaptive mixing with all before it as references (mode 8), the
/// others alone.
pub(crate) fn with_references(image: &Image16) -> Parts {
    let pixels = 20 * 64;
    let plane = |plane: usize| &image.samples()[plane * pixels..][..pixels];
    let view = |at: usize| TileView::new(20, 64, plane(at));
    let mut tiles: Vec<CodedTile> =
        (0..3).map(|at| inter_plane::encode(view(at), &[], Level::Fast)).collect();
    tiles.push(inter_plane::encode(view(3), &[plane(2), plane(1), plane(0)], Level::Max));
    assert_eq!((tiles[3].bytes[0], tiles[3].references), (8, 3), "the pattern pays");
    Parts { version: 2, tile_height: 20, tile_width: 64, dither: None, tiles }
}

/// Mode 7, whatever pays: split rows of the differences from a weighted sum of reference planes,
/// latest plane first, with weights in units of 1/256.
pub(crate) fn difference(tile: TileView<'_>, references: &[&[u16]], weights: &[i16]) -> Vec<u8> {
    let differences: Vec<u16> = (0..tile.samples.len())
        .map(|i| {
            let sum: i32 =
                weights.iter().zip(references).map(|(w, plane)| i32::from(*w) * i32::from(plane[i])).sum();
            (i32::from(tile.samples[i]) - ((sum + 128) >> 8) + 32_768).rem_euclid(65_536) as u16
        })
        .collect();
    let inner = tile::encode(TileView { samples: &differences, ..tile }, Level::Fast);
    let weights: Vec<u8> = weights.iter().flat_map(|weight| weight.to_le_bytes()).collect();
    [&[Mode::Difference as u8], weights.as_slice(), &inner].concat()
}
