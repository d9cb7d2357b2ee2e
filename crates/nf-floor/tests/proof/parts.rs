//! Streams put together by hand: small tiles, any needs, wrong numbers, with checksums that hold all the same.

use nf_floor::Level;
use nf_floor::stack::{self, Coded, MAX_EARLIER};
use nf_floor::tile::TileView;
use nf_image::{Image16, Shape};

/// What a stream consists of.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) version: u8,
    pub(crate) tile_height: usize,
    pub(crate) tile_width: usize,
    pub(crate) tiles: Vec<Coded>,
}

impl Parts {
    /// `image` in tiles of this extent, with the help of earlier planes where that pays.
    pub(crate) fn of(image: &Image16, (tile_height, tile_width): (usize, usize), level: Level) -> Self {
        let Shape { planes, height, width, .. } = image.shape();
        let mut tiles = Vec::new();
        for plane in 0..planes {
            for top in (0..height).step_by(tile_height) {
                for left in (0..width).step_by(tile_width) {
                    let rows = top..(top + tile_height).min(height);
                    let columns = left..(left + tile_width).min(width);
                    let cut = |plane: usize| image.crop(plane..plane + 1, rows.clone(), columns.clone());
                    let tile = cut(plane);
                    let earlier: Vec<Image16> = (0..plane).rev().take(MAX_EARLIER).map(cut).collect();
                    let earlier: Vec<&[u16]> = earlier.iter().map(Image16::samples).collect();
                    tiles.push(stack::encode(TileView::new(tile.shape(), tile.samples()), &earlier, level));
                }
            }
        }
        let version = if tiles.iter().all(|tile| tile.needs == 0) { 1 } else { 2 };
        Self { version, tile_height, tile_width, tiles }
    }

    /// The stream.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.version];
        varint(&mut bytes, self.tile_height);
        varint(&mut bytes, self.tile_width);
        for tile in &self.tiles {
            varint(&mut bytes, tile.bytes.len());
            bytes.extend_from_slice(&crc32fast::hash(&tile.bytes).to_le_bytes());
            if self.version != 1 {
                bytes.push(tile.needs as u8);
            }
        }
        self.tiles.iter().for_each(|tile| bytes.extend_from_slice(&tile.bytes));
        bytes
    }
}

/// Four planes of a strong pattern that stays.
pub(crate) fn pattern() -> Image16 {
    let mut dice = Dice(9);
    let pattern: Vec<u32> = (0..20 * 64).map(|_| 9000 + dice.roll() % 1000).collect();
    Image16::from_fn(Shape::new(4, 20, 64), |plane, y, x| {
        (pattern[y * 64 + x] + 30 * plane as u32 + dice.roll() % 8) as u16
    })
}

/// The last plane of [`pattern`] coded by level `max` with the help of all before it (mode 8), the others by themselves.
pub(crate) fn given(image: &Image16) -> Parts {
    let shape = Shape::frame(20, 64);
    let plane = |plane: usize| &image.samples()[plane * shape.pixels()..][..shape.pixels()];
    let view = |at: usize| TileView::new(shape, plane(at));
    let mut tiles: Vec<Coded> = (0..3).map(|at| stack::encode(view(at), &[], Level::Fast)).collect();
    tiles.push(stack::encode(view(3), &[plane(2), plane(1), plane(0)], Level::Max));
    assert_eq!((tiles[3].bytes[0], tiles[3].needs), (8, 3), "the pattern pays");
    Parts { version: 2, tile_height: 20, tile_width: 64, tiles }
}

/// Mode 7, whatever pays: half rows of what weights, in units of 1/256, leave of a tile; the latest plane comes first.
pub(crate) fn difference(tile: TileView<'_>, earlier: &[&[u16]], weights: &[i16]) -> Vec<u8> {
    let left: Vec<u16> = (0..tile.samples.len())
        .map(|i| {
            let sum: i32 =
                weights.iter().zip(earlier).map(|(w, plane)| i32::from(*w) * i32::from(plane[i])).sum();
            (i32::from(tile.samples[i]) - ((sum + 128) >> 8) + 32_768).rem_euclid(65_536) as u16
        })
        .collect();
    let inner = nf_floor::tile::encode(TileView { samples: &left, ..tile }, Level::Fast);
    let weights: Vec<u8> = weights.iter().flat_map(|weight| weight.to_le_bytes()).collect();
    [&[7], weights.as_slice(), &inner].concat()
}

fn varint(bytes: &mut Vec<u8>, mut value: usize) {
    while value >= 128 {
        bytes.push((value % 128 + 128) as u8);
        value /= 128;
    }
    bytes.push(value as u8);
}

/// Numbers that look random and never change.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }

    /// Below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.roll() as usize % end.max(1)
    }

    /// Roughly normal, of width 1.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| f64::from(self.roll() % 4096) / 4096.0).sum::<f64>() - 6.0
    }
}

/// A star on a sloping sky with a pattern of the detector, noise of `noise` DN, and cosmic rays; planes differ by noise and by level.
pub(crate) fn scene(shape: Shape, noise: f64, seed: u64) -> Image16 {
    let mut dice = Dice(seed);
    let pattern: Vec<f64> = (0..shape.height * shape.width).map(|_| 4.0 * noise * dice.normal()).collect();
    Image16::from_fn(shape, |plane, y, x| {
        let ray = if dice.below(200) == 0 { dice.below(30_000) as f64 } else { 0.0 };
        let distance = (y as f64 - 20.0).powi(2) + (x as f64 - 30.0).powi(2);
        let star = 5000.0 / (1.0 + distance / 9.0);
        let repeats = if shape.planes > 1 { pattern[y * shape.width + x] } else { 0.0 };
        let level = 900.0 + 13.0 * plane as f64 + 0.3 * x as f64 + star + repeats;
        (level + noise * dice.normal() + ray).round().clamp(0.0, 65_535.0) as u16
    })
}
