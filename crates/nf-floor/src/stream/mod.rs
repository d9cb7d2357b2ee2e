//! A stack as tiles, alone or with the same tile of the planes right before as a reference.
//!
//! - [`grid`]: the boxes of the tiles.
//! - [`index`]: what comes before the bytes of the tiles.
//! - [`mode`]: how the bytes of a tile are to be read.
//! - [`tile`]: a tile that decodes alone.
//! - [`inter_plane`]: a tile predicted from earlier planes or a profile; [`plane_weights`]: their
//!   weights; [`profile_maps`]: the maps of a profile at the place of a tile.
//! - [`dithered`]: a tile of indices of a dithered quantiser; [`dithered_trials`]: whether it pays.
//! - [`trials`]: what level `max` tries on the centre of a tile.
//! - [`dependency_chains`]: which tiles decode together.

mod dependency_chains;
pub mod dithered;
mod dithered_trials;
mod grid;
mod index;
pub mod inter_plane;
pub(crate) mod mode;
mod plane_weights;
mod profile_maps;
pub mod tile;
mod trials;
mod warm_wavefront;

use crate::level::Level;
use crate::models::TileView;
use crate::predict::terms::MAX_REFERENCES;
use dependency_chains::{chains, decode_tile};
pub(crate) use grid::TILE_SIDE_PX;
use grid::{Grid, TileBox};
use index::{Needs, Place};
use inter_plane::{Beside, Candidate, CodedTile};
use nf_codec::{DitheredStack, Error, Limits, Result};
use nf_image::{Image16, ImageRef, Shape};
use nf_profile::Profile;
use profile_maps::MapNumbers;
pub(crate) use profile_maps::Placed;
use rayon::prelude::*;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Mutex;

/// Most pixels of a tile: bounds a decoder's memory per thread.
const MAX_TILE_PX: usize = 1 << 22;

/// Bytes that one thread may hold besides the decoded stack, per pixel of a tile.
const WORK_BYTES_PER_TILE_PX: u64 = 16;

/// More of them where tiles have reference planes: these planes, and what is computed from them.
/// Shifts of a dither take no more.
const REFERENCE_BYTES_PER_TILE_PX: u64 = 2 * MAX_REFERENCES as u64 + 16;

/// More of them where maps of a profile are used: those of the tile and of its reference planes.
const PROFILE_BYTES_PER_TILE_PX: u64 = 4 * (MAX_REFERENCES as u64 + 2) + 16;

/// Rows and columns of the tiles that the encoder cuts planes of a stack into.
pub(crate) fn tile_px(shape: Shape) -> [usize; 2] {
    let grid = Grid::of(shape);
    [grid.tile_height, grid.tile_width]
}

/// The bytes of a stack.
pub fn encode<'a>(image: impl Into<ImageRef<'a>>, level: Level) -> Vec<u8> {
    let image = image.into();
    let grid = Grid::of(image.shape());
    let one = |index: usize| {
        let (tile, references) = with_earlier_planes(image, &grid.tile(index));
        let references: Vec<&[u16]> = references.iter().map(Image16::samples).collect();
        inter_plane::encode(TileView::of(&tile), &references, level)
    };
    join(&grid, &each(grid.tiles(), one), Needs::Nothing)
}

/// The bytes of a stack of indices of a dithered quantiser.
pub(crate) fn encode_dithered(image: ImageRef<'_>, level: Level, dither: &DitheredStack) -> Vec<u8> {
    let grid = Grid::of(image.shape());
    let one = |index: usize| {
        let place = grid.tile(index);
        let (tile, references) = with_earlier_planes(image, &place);
        let references: Vec<&[u16]> = references.iter().map(Image16::samples).collect();
        dithered_trials::encode(TileView::of(&tile), &references, &dithered::shifts(dither, &place), level)
    };
    let tiles: Vec<CodedTile> = each(grid.tiles(), one);
    let needs_dither = tiles.iter().any(CodedTile::needs_dither);
    join(&grid, &tiles, if needs_dither { Needs::Dither(*dither) } else { Needs::Nothing })
}

/// About what naming a profile costs, in the stream and in a container.
const NAME_BYTES: usize = index::MOST_PLACE_BYTES + 46;

/// The bytes of a stack that lies at this place on the detector of a profile.
pub(crate) fn encode_placed(image: ImageRef<'_>, level: Level, placed: Placed) -> Vec<u8> {
    let grid = Grid::of(image.shape());
    let choose = |index: usize| {
        let TileBox { plane, rows, columns } = grid.tile(index);
        let tile = image.crop(plane..plane + 1, rows.clone(), columns.clone());
        placed.choose(TileView::of(&tile), &rows, &columns)
    };
    let chosen: Vec<(u8, u8)> = each(grid.tiles(), choose);
    let one = |index: usize| {
        let tile_box = grid.tile(index);
        let (tile, planes) = with_earlier_planes(image, &tile_box);
        let planes: &[Image16] = if level >= Level::Default { &planes } else { &[] };
        let planes: Vec<&[u16]> = planes.iter().map(Image16::samples).collect();
        let (own, response) = chosen[index];
        let numbers = |planes: usize| MapNumbers {
            own,
            response: if planes == 0 { response } else { 0 },
            planes: (1..=planes).map(|back| chosen[index - back * grid.tiles_per_plane()].0).collect(),
        };
        // The maps alone, and with the earlier planes.
        let mut numbers = vec![numbers(0), numbers(planes.len())];
        numbers.dedup();
        numbers.retain(|numbers| *numbers != MapNumbers::default());
        let maps: Result<Vec<_>> = numbers
            .iter()
            .map(|numbers| placed.maps("the tile", numbers, &tile_box.rows, &tile_box.columns))
            .collect();
        // Maps were chosen because they cover the tile.
        let maps = maps.unwrap_or_default();
        let candidates: Vec<Candidate> = numbers
            .into_iter()
            .zip(&maps)
            .map(|(numbers, maps)| {
                let terms = maps.terms(&planes[..numbers.planes.len()]);
                // Without maps, planes have a mode of their own, which states no numbers.
                Candidate { terms, maps: Some(numbers).filter(|numbers| !numbers.is_none()) }
            })
            .collect();
        inter_plane::encode_with(TileView::of(&tile), &candidates, level, Some(placed))
    };
    let (tiles, saved): (Vec<CodedTile>, Vec<usize>) = each(grid.tiles(), one).into_iter().unzip();
    let needs_profile = tiles.iter().any(CodedTile::needs_profile);
    // Where only little is saved, naming the profile costs more.
    if needs_profile && saved.iter().sum::<usize>() < NAME_BYTES + grid.tiles() {
        return encode(image, level);
    }
    let place = Place { key: placed.profile.id().key, row: placed.row, column: placed.column };
    join(&grid, &tiles, if needs_profile { Needs::Profile(place) } else { Needs::Nothing })
}

/// A tile, and the same tile of the planes right before its own, the latest first.
fn with_earlier_planes(image: ImageRef<'_>, tile: &TileBox) -> (Image16, Vec<Image16>) {
    let crop = |plane: usize| image.crop(plane..plane + 1, tile.rows.clone(), tile.columns.clone());
    (crop(tile.plane), (0..tile.plane).rev().take(MAX_REFERENCES).map(crop).collect())
}

/// The results of `one` for `0..count`, side by side where there are threads.
fn each<T: Send>(count: usize, one: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    match rayon::current_num_threads() > 1 {
        true => (0..count).into_par_iter().map(one).collect(),
        false => (0..count).map(one).collect(),
    }
}

fn join(grid: &Grid, tiles: &[CodedTile], needs: Needs) -> Vec<u8> {
    let mut bytes = index::write(grid, tiles, needs);
    bytes.reserve_exact(tiles.iter().map(|tile| tile.bytes.len()).sum());
    for tile in tiles {
        bytes.extend_from_slice(&tile.bytes);
    }
    bytes
}

/// Whether a stream names a profile.
pub(crate) fn needs_profile(stream: &[u8]) -> bool {
    stream.first() == Some(&index::VERSION_PROFILE)
}

/// Most bytes that [`encode`] writes for a stack of `shape`.
pub(crate) fn max_bytes(shape: Shape) -> u64 {
    let Some(pixels) = shape.checked_pixels() else { return u64::MAX };
    let grid = Grid::of(shape);
    // Version, two varints, the place on a detector or the dither; per tile a length of at most 10
    // bytes, a checksum, references and the mode byte.
    (2 * pixels as u64).saturating_add(60).saturating_add(16 * grid.tiles() as u64)
}

/// The stack of `shape` that the bytes stand for.
///
/// # Errors
/// If the bytes are damaged (the error names the tile), need a profile, or the stack exceeds the
/// limits.
pub fn decode(bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
    decode_region(bytes, shape, 0..shape.planes, 0..shape.height, 0..shape.width, limits)
}

/// The box of pixels (planes, rows, columns) of a stack of `shape`; reads only the tiles that
/// overlap it, and those that these need.
///
/// # Errors
/// If the box reaches beyond the stack, one of its tiles is damaged (the error names it) or needs a
/// profile, or it exceeds the limits.
pub fn decode_region(
    bytes: &[u8],
    shape: Shape,
    planes: Range<usize>,
    rows: Range<usize>,
    columns: Range<usize>,
    limits: &Limits,
) -> Result<Image16> {
    decode_placed(bytes, shape, (planes, rows, columns), limits, None)
}

/// As [`decode_region`], of a stream that may need this profile.
///
/// # Errors
/// As [`decode_region`], and if it needs another profile.
pub(crate) fn decode_placed(
    bytes: &[u8],
    shape: Shape,
    (planes, rows, columns): (Range<usize>, Range<usize>, Range<usize>),
    limits: &Limits,
    profile: Option<&Profile>,
) -> Result<Image16> {
    let inside = |range: &Range<usize>, end: usize| range.start <= range.end && range.end <= end;
    if !(inside(&planes, shape.planes) && inside(&rows, shape.height) && inside(&columns, shape.width)) {
        let reason = format!("planes {planes:?}, rows {rows:?}, columns {columns:?} of a stack of {shape}");
        return Err(Error::Unsupported { codec: "floor".into(), shape, reason });
    }
    let wanted = Shape::new(planes.len(), rows.len(), columns.len());
    limits.check_shape("floor stream", wanted)?;
    if shape.checked_pixels().is_none() {
        return Err(Error::corrupt("floor stream", format!("a stack of {shape} has no address space")));
    }
    let (grid, index, needs) = index::read(bytes, shape)?;
    let beside = match needs {
        Needs::Nothing => Beside::default(),
        Needs::Profile(place) => Beside { placed: Some(find_profile(place, profile)?), dither: None },
        Needs::Dither(dither) => Beside { placed: None, dither: Some(dither) },
    };
    let threads = rayon::current_num_threads().max(1);
    let tile_px = grid.tile_height.min(shape.height) * grid.tile_width.min(shape.width);
    let alone = index.iter().all(|entry| entry.references == 0);
    let work_bytes = WORK_BYTES_PER_TILE_PX
        + if alone && needs == Needs::Nothing { 0 } else { REFERENCE_BYTES_PER_TILE_PX }
        + if beside.placed.is_some() { PROFILE_BYTES_PER_TILE_PX } else { 0 };
    limits.check_memory("floor stream", work_bytes * (tile_px * threads) as u64)?;
    let chains: Vec<Vec<usize>> = (0..if grid.tiles() > 0 { grid.tiles_per_plane() } else { 0 })
        .filter(|&i| {
            let tile_box = grid.tile(i);
            overlap(&tile_box.rows, &rows) && overlap(&tile_box.columns, &columns)
        })
        .flat_map(|first| chains(&grid, &index, first, &planes))
        .collect();
    let image = Mutex::new(Image16::zeros(wanted));
    let paste = |tile_box: &TileBox, tile: &Image16| {
        let r = tile_box.rows.start.max(rows.start)..tile_box.rows.end.min(rows.end);
        let c = tile_box.columns.start.max(columns.start)..tile_box.columns.end.min(columns.end);
        let at = (tile_box.plane - planes.start, r.start - rows.start, c.start - columns.start);
        let mut image = image.lock().expect("no thread panics while it holds the image");
        if (&r, &c) == (&tile_box.rows, &tile_box.columns) {
            image.paste(tile, at.0, at.1, at.2);
            return;
        }
        let cut = tile.crop(
            0..1,
            r.start - tile_box.rows.start..r.end - tile_box.rows.start,
            c.start - tile_box.columns.start..c.end - tile_box.columns.start,
        );
        image.paste(&cut, at.0, at.1, at.2);
    };
    // One chain per thread at a time, and of it the few planes that the next may need, so that
    // memory is bounded by tiles.
    let one = |chain: &Vec<usize>| -> Result<()> {
        let mut earlier: VecDeque<(usize, Image16)> = VecDeque::new();
        for &i in chain {
            let tile_box = grid.tile(i);
            let tile = decode_tile(bytes, &grid, &index, i, &earlier, beside)?;
            if planes.contains(&tile_box.plane) {
                paste(&tile_box, &tile);
            }
            earlier.truncate(MAX_REFERENCES - 1);
            earlier.push_front((tile_box.plane, tile));
        }
        Ok(())
    };
    let done: Vec<Result<()>> =
        if threads > 1 { chains.par_iter().map(one).collect() } else { chains.iter().map(one).collect() };
    done.into_iter().collect::<Result<()>>()?;
    Ok(image.into_inner().expect("no thread panics while it holds the image"))
}

/// The place of a stream on the profile's detector.
///
/// # Errors
/// If it needs another profile.
fn find_profile(place: Place, profile: Option<&Profile>) -> Result<Placed<'_>> {
    let Place { key, row, column } = place;
    match profile {
        Some(profile) if profile.id().key == key => Ok(Placed { profile, row, column }),
        _ => Err(Error::Mismatch {
            what: "the floor stream".into(),
            needed: format!("the detector profile {:016x}", u64::from_be_bytes(key)),
            present: match profile {
                Some(profile) => format!("profile {}", profile.id()),
                None => "a decoder without a profile".into(),
            },
        }),
    }
}

fn overlap(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

#[cfg(test)]
mod tests;
