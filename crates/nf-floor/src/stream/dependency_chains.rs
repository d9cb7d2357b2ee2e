//! Tiles with reference planes: the order in which they decode, and what a damaged one affects.

use super::grid::Grid;
use super::index::IndexEntry;
use super::inter_plane::{self, Beside};
use nf_codec::{Error, Result};
use nf_image::Image16;
use std::collections::VecDeque;
use std::ops::Range;

/// The tiles at the place of tile `first` (of plane 0) that the wanted `planes` need, as chains
/// that depend on nothing else: every chain decodes alone, in its order.
pub(super) fn chains(
    grid: &Grid,
    index: &[IndexEntry],
    first: usize,
    planes: &Range<usize>,
) -> Vec<Vec<usize>> {
    let tile = |plane: usize| first + plane * grid.tiles_per_plane();
    // Backward: the earliest plane that those from here on need.
    let mut chains: Vec<Vec<usize>> = Vec::new();
    let mut chain: Vec<usize> = Vec::new();
    let mut needed_from = planes.end;
    for plane in (0..planes.end).rev() {
        if !planes.contains(&plane) && plane < needed_from {
            break;
        }
        // Between needed planes all are needed: a tile needs the planes right before it.
        needed_from = needed_from.min(plane - index[tile(plane)].references);
        chain.push(tile(plane));
        if needed_from == plane {
            chain.reverse();
            chains.push(std::mem::take(&mut chain));
        }
    }
    chains.reverse();
    chains
}

/// Tile `i`, with the decoded planes right before it, latest first.
pub(super) fn decode_tile(
    bytes: &[u8],
    grid: &Grid,
    index: &[IndexEntry],
    i: usize,
    earlier: &VecDeque<(usize, Image16)>,
    beside: Beside,
) -> Result<Image16> {
    let tile_box = grid.tile(i);
    let what = tile_box.name(i);
    let entry = &index[i];
    let decoded = || -> Result<Image16> {
        let tile = bytes.get(entry.bytes.clone()).ok_or_else(|| Error::truncated(&what))?;
        let found = crc32fast::hash(tile);
        if found != entry.crc {
            return Err(Error::corrupt(&what, format!("checksum {found:08x}, expected {:08x}", entry.crc)));
        }
        let references: Vec<&[u16]> =
            earlier.iter().take(entry.references).map(|(_, tile)| tile.samples()).collect();
        let samples = inter_plane::decode_at(&what, tile, &tile_box, &references, beside)?;
        Image16::new(tile_box.shape(), samples).map_err(|error| Error::corrupt(&what, error.to_string()))
    };
    decoded().map_err(|error| {
        // Planes that need this one, directly or through others.
        let (mut last, mut lost) = (tile_box.plane, 0);
        for plane in tile_box.plane + 1..grid.shape.planes {
            let first_needed =
                plane - index[i + (plane - tile_box.plane) * grid.tiles_per_plane()].references;
            // A tile needs the planes right before it, so the latest that is lost decides.
            if first_needed <= last {
                (last, lost) = (plane, lost + 1);
            }
        }
        match lost {
            0 => error,
            _ => Error::corrupt(
                "floor stream",
                format!("{error}; the same tile of {lost} later planes, up to plane {last}, needs it"),
            ),
        }
    })
}
