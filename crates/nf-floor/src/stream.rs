//! A stack as tiles, alone or with the help of the same tile of the planes right before.
//!
//! ```text
//! version      u8       1; 2 if any tile needs earlier planes
//! tile height  varint   rows of a tile; the last row of tiles may be lower
//! tile width   varint   columns of a tile; the last column of tiles may be narrower
//! index        per tile, plane by plane, row by row: bytes (varint), CRC-32 of these bytes (u32 LE); in version
//!              2 then how many planes right before its own the tile needs (u8), at most 4
//! tiles        the bytes of every tile, in the same order, without gaps
//! ```
//!
//! A varint is base 128, least significant group first, the high bit set in all bytes but the last.

use crate::Level;
use crate::stack::{self, Coded, MAX_EARLIER};
use crate::tile::TileView;
use nf_codec::{Error, Limits, Result};
use nf_image::{Image16, Shape};
use rayon::prelude::*;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Mutex;

/// First byte of a stream whose tiles all decode alone.
pub const VERSION_ALONE: u8 = 1;

/// First byte of a stream with tiles that need earlier planes.
pub const VERSION_STACK: u8 = 2;

/// Rows and columns of the tiles that the encoder cuts.
pub const TILE_SIDE_PX: usize = 1024;

/// Most pixels that a tile may announce: what bounds a decoder's memory per thread.
pub const MAX_TILE_PX: usize = 1 << 22;

/// Bytes that one thread may hold beside the decoded stack, per pixel of a tile.
const WORK_BYTES_PER_TILE_PX: u64 = 16;

/// More of them, where tiles need earlier planes: these planes, and what is made of them.
const STACK_BYTES_PER_TILE_PX: u64 = 2 * MAX_EARLIER as u64 + 16;

/// How a stack is cut into tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Grid {
    shape: Shape,
    tile_height: usize,
    tile_width: usize,
}

/// One tile's place in the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    plane: usize,
    rows: Range<usize>,
    columns: Range<usize>,
}

impl Place {
    fn shape(&self) -> Shape {
        Shape::frame(self.rows.len(), self.columns.len())
    }

    fn name(&self, index: usize) -> String {
        format!("floor tile {index} (plane {}, rows {:?}, columns {:?})", self.plane, self.rows, self.columns)
    }
}

impl Grid {
    fn rows_of_tiles(&self) -> usize {
        self.shape.height.div_ceil(self.tile_height)
    }

    fn columns_of_tiles(&self) -> usize {
        self.shape.width.div_ceil(self.tile_width)
    }

    /// Number of tiles; zero for a stack without pixels.
    fn tiles(&self) -> usize {
        match self.shape.checked_pixels() {
            Some(0) => 0,
            _ => self.shape.planes * self.rows_of_tiles() * self.columns_of_tiles(),
        }
    }

    /// Tiles of a plane: the distance from a tile to the same tile of the next plane.
    fn tiles_per_plane(&self) -> usize {
        self.rows_of_tiles() * self.columns_of_tiles()
    }

    fn place(&self, index: usize) -> Place {
        let (down, across) = (self.rows_of_tiles(), self.columns_of_tiles());
        let (plane, row, column) = (index / (down * across), index / across % down, index % across);
        let row = row * self.tile_height;
        let column = column * self.tile_width;
        Place {
            plane,
            rows: row..(row + self.tile_height).min(self.shape.height),
            columns: column..(column + self.tile_width).min(self.shape.width),
        }
    }
}

/// The bytes of a stack.
pub fn encode(image: &Image16, level: Level) -> Vec<u8> {
    let grid = Grid { shape: image.shape(), tile_height: TILE_SIDE_PX, tile_width: TILE_SIDE_PX };
    let one = |index: usize| {
        let place = grid.place(index);
        let cut = |plane: usize| image.crop(plane..plane + 1, place.rows.clone(), place.columns.clone());
        let tile = cut(place.plane);
        let earlier: Vec<Image16> = (0..place.plane).rev().take(MAX_EARLIER).map(cut).collect();
        let earlier: Vec<&[u16]> = earlier.iter().map(Image16::samples).collect();
        stack::encode(TileView::new(tile.shape(), tile.samples()), &earlier, level)
    };
    let tiles: Vec<Coded> = if rayon::current_num_threads() > 1 {
        (0..grid.tiles()).into_par_iter().map(one).collect()
    } else {
        (0..grid.tiles()).map(one).collect()
    };
    let alone = tiles.iter().all(|tile| tile.needs == 0);
    let mut bytes = vec![if alone { VERSION_ALONE } else { VERSION_STACK }];
    put_varint(&mut bytes, grid.tile_height);
    put_varint(&mut bytes, grid.tile_width);
    for tile in &tiles {
        put_varint(&mut bytes, tile.bytes.len());
        bytes.extend_from_slice(&crc32fast::hash(&tile.bytes).to_le_bytes());
        if !alone {
            bytes.push(tile.needs as u8);
        }
    }
    bytes.reserve_exact(tiles.iter().map(|tile| tile.bytes.len()).sum());
    for tile in tiles {
        bytes.extend_from_slice(&tile.bytes);
    }
    bytes
}

/// Most bytes that [`encode`] writes for a stack of `shape`.
pub fn max_bytes(shape: Shape) -> u64 {
    let Some(pixels) = shape.checked_pixels() else { return u64::MAX };
    let grid = Grid { shape, tile_height: TILE_SIDE_PX, tile_width: TILE_SIDE_PX };
    // Version, two varints; per tile a length of at most 10 bytes, a checksum, needs and the mode byte.
    (2 * pixels as u64).saturating_add(21).saturating_add(16 * grid.tiles() as u64)
}

/// The stack of `shape` that the bytes stand for.
///
/// # Errors
/// If the bytes are damaged (the error names the tile), or the stack exceeds the limits.
pub fn decode(bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
    decode_region(bytes, shape, 0..shape.planes, 0..shape.height, 0..shape.width, limits)
}

/// The box of pixels (planes, rows, columns) of a stack of `shape`; reads only the tiles that touch it, and those
/// that these need.
///
/// # Errors
/// If the box reaches beyond the stack, one of its tiles is damaged (the error names it), or it exceeds
/// the limits.
pub fn decode_region(
    bytes: &[u8],
    shape: Shape,
    planes: Range<usize>,
    rows: Range<usize>,
    columns: Range<usize>,
    limits: &Limits,
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
    let (grid, index) = read_index(bytes, shape)?;
    let threads = rayon::current_num_threads().max(1);
    let tile_px = grid.tile_height.min(shape.height) * grid.tile_width.min(shape.width);
    let alone = index.iter().all(|entry| entry.needs == 0);
    let work_bytes = WORK_BYTES_PER_TILE_PX + if alone { 0 } else { STACK_BYTES_PER_TILE_PX };
    limits.check_memory("floor stream", work_bytes * (tile_px * threads) as u64)?;
    let chains: Vec<Vec<usize>> = (0..if grid.tiles() > 0 { grid.tiles_per_plane() } else { 0 })
        .filter(|&i| {
            let place = grid.place(i);
            overlap(&place.rows, &rows) && overlap(&place.columns, &columns)
        })
        .flat_map(|first| chains(&grid, &index, first, &planes))
        .collect();
    let image = Mutex::new(Image16::zeros(wanted));
    let paste = |place: &Place, tile: &Image16| {
        let r = place.rows.start.max(rows.start)..place.rows.end.min(rows.end);
        let c = place.columns.start.max(columns.start)..place.columns.end.min(columns.end);
        let at = (place.plane - planes.start, r.start - rows.start, c.start - columns.start);
        let mut image = image.lock().expect("no thread panics with the image in its hands");
        if (&r, &c) == (&place.rows, &place.columns) {
            image.paste(tile, at.0, at.1, at.2);
            return;
        }
        let cut = tile.crop(
            0..1,
            r.start - place.rows.start..r.end - place.rows.start,
            c.start - place.columns.start..c.end - place.columns.start,
        );
        image.paste(&cut, at.0, at.1, at.2);
    };
    // One chain per thread at a time, and of it the few planes that the next may need: memory stays bounded by tiles.
    let one = |chain: &Vec<usize>| -> Result<()> {
        let mut earlier: VecDeque<(usize, Image16)> = VecDeque::new();
        for &i in chain {
            let place = grid.place(i);
            let tile = decode_tile(bytes, &grid, &index, i, &earlier)?;
            if planes.contains(&place.plane) {
                paste(&place, &tile);
            }
            earlier.truncate(MAX_EARLIER - 1);
            earlier.push_front((place.plane, tile));
        }
        Ok(())
    };
    let done: Vec<Result<()>> =
        if threads > 1 { chains.par_iter().map(one).collect() } else { chains.iter().map(one).collect() };
    done.into_iter().collect::<Result<()>>()?;
    Ok(image.into_inner().expect("no thread panics with the image in its hands"))
}

/// The tiles at the place of tile `first` (of plane 0) that the wanted `planes` need, cut where nothing connects
/// them: every chain decodes alone, in its order.
fn chains(grid: &Grid, index: &[IndexEntry], first: usize, planes: &Range<usize>) -> Vec<Vec<usize>> {
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
        needed_from = needed_from.min(plane - index[tile(plane)].needs);
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
fn decode_tile(
    bytes: &[u8],
    grid: &Grid,
    index: &[IndexEntry],
    i: usize,
    earlier: &VecDeque<(usize, Image16)>,
) -> Result<Image16> {
    let place = grid.place(i);
    let what = place.name(i);
    let entry = &index[i];
    let decoded = || -> Result<Image16> {
        let tile = bytes.get(entry.bytes.clone()).ok_or_else(|| Error::truncated(&what))?;
        let found = crc32fast::hash(tile);
        if found != entry.crc {
            return Err(Error::corrupt(&what, format!("checksum {found:08x}, expected {:08x}", entry.crc)));
        }
        let earlier: Vec<&[u16]> = earlier.iter().take(entry.needs).map(|(_, tile)| tile.samples()).collect();
        let samples = stack::decode(&what, tile, place.shape(), &earlier)?;
        Image16::new(place.shape(), samples).map_err(|error| Error::corrupt(&what, error.to_string()))
    };
    decoded().map_err(|error| {
        // Planes that lean on this one, directly or through others.
        let (mut last, mut lost) = (place.plane, 0);
        for plane in place.plane + 1..grid.shape.planes {
            let first_needed = plane - index[i + (plane - place.plane) * grid.tiles_per_plane()].needs;
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

fn overlap(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

/// Where a tile's bytes are, their checksum, and how many planes right before its own it needs.
struct IndexEntry {
    bytes: Range<usize>,
    crc: u32,
    needs: usize,
}

fn read_index(bytes: &[u8], shape: Shape) -> Result<(Grid, Vec<IndexEntry>)> {
    let what = "floor index";
    let mut at = bytes;
    let alone = match take(&mut at, 1) {
        Some([VERSION_ALONE]) => true,
        Some([VERSION_STACK]) => false,
        Some(other) => {
            let needed = format!("a decoder of floor streams of version {}", other[0]);
            let present = format!("one of versions {VERSION_ALONE} and {VERSION_STACK}");
            return Err(Error::Mismatch { what: what.into(), needed, present });
        }
        None => return Err(Error::truncated(what)),
    };
    let varint = |at: &mut &[u8]| take_varint(at).ok_or_else(|| Error::truncated(what));
    let (tile_height, tile_width) = (varint(&mut at)?, varint(&mut at)?);
    let pixels = tile_height.min(shape.height).checked_mul(tile_width.min(shape.width));
    if tile_height == 0 || tile_width == 0 || pixels.is_none_or(|pixels| pixels > MAX_TILE_PX) {
        let reason = format!("tiles of {tile_height}x{tile_width}, at most {MAX_TILE_PX} pixels are allowed");
        return Err(Error::corrupt(what, reason));
    }
    let grid = Grid { shape, tile_height, tile_width };
    // A tile takes five bytes of index at least, so this also bounds the memory of the index.
    if grid.tiles() > at.len() / 5 {
        return Err(Error::truncated(what));
    }
    let mut lengths = Vec::with_capacity(grid.tiles());
    for _ in 0..grid.tiles() {
        let length = varint(&mut at)?;
        let crc = take(&mut at, 4).ok_or_else(|| Error::truncated(what))?;
        let needs =
            if alone { 0 } else { usize::from(take(&mut at, 1).ok_or_else(|| Error::truncated(what))?[0]) };
        let place = grid.place(lengths.len());
        if needs > place.plane.min(MAX_EARLIER) {
            let name = place.name(lengths.len());
            return Err(Error::corrupt(what, format!("{name} needs {needs} earlier planes")));
        }
        lengths.push((length, u32::from_le_bytes([crc[0], crc[1], crc[2], crc[3]]), needs));
    }
    let mut start = bytes.len() - at.len();
    let mut index = Vec::with_capacity(lengths.len());
    for (length, crc, needs) in lengths {
        let end = start.checked_add(length).ok_or_else(|| Error::truncated(what))?;
        index.push(IndexEntry { bytes: start..end, crc, needs });
        start = end;
    }
    if start < bytes.len() {
        return Err(Error::corrupt(
            "floor stream",
            format!("{} bytes after the last tile", bytes.len() - start),
        ));
    }
    Ok((grid, index))
}

fn take<'a>(at: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (head, tail) = at.split_at_checked(n)?;
    *at = tail;
    Some(head)
}

fn put_varint(bytes: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// A varint of at most 2^35 - 1; `None` if it is longer or cut short.
fn take_varint(at: &mut &[u8]) -> Option<usize> {
    let mut value = 0usize;
    for group in 0..5 {
        let byte = take(at, 1)?[0];
        value |= usize::from(byte & 0x7F) << (7 * group);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(shape: Shape) -> Image16 {
        let mut state = 1u32;
        Image16::from_fn(shape, |p, r, c| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if r < 1024 { 1000 + (p * 7 + c / 3) as u16 + (state >> 29) as u16 } else { 4095 }
        })
    }

    #[test]
    fn stacks_of_every_shape_come_back() {
        for shape in [
            Shape::frame(0, 0),
            Shape::new(3, 0, 5),
            Shape::frame(1, 1),
            Shape::frame(1, 1025),
            Shape::frame(2049, 3),
            Shape::new(2, 1030, 1100),
        ] {
            let image = frame(shape);
            for level in Level::ALL {
                let bytes = encode(&image, level);
                assert!(bytes.len() as u64 <= max_bytes(shape));
                assert_eq!(decode(&bytes, shape, &Limits::default()).unwrap(), image, "{shape}");
            }
        }
    }

    #[test]
    fn a_region_is_the_crop_of_the_whole() {
        let shape = Shape::new(2, 1500, 1300);
        let image = frame(shape);
        let bytes = encode(&image, Level::Fast);
        for (p, r, c) in [(0..2, 0..1500, 0..1300), (1..2, 1000..1100, 1020..1030), (0..1, 7..7, 0..3)] {
            let cut =
                decode_region(&bytes, shape, p.clone(), r.clone(), c.clone(), &Limits::default()).unwrap();
            assert_eq!(cut, image.crop(p, r, c));
        }
        let beyond = decode_region(&bytes, shape, 0..1, 0..1501, 0..1, &Limits::default());
        assert!(beyond.unwrap_err().to_string().contains("0..1501"));
    }

    #[test]
    fn a_damaged_tile_is_named_and_costs_only_itself() {
        let shape = Shape::frame(1100, 1100);
        let image = frame(shape);
        let mut bytes = encode(&image, Level::Fast);
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        let error = decode(&bytes, shape, &Limits::default()).unwrap_err().to_string();
        assert!(error.starts_with("floor tile 3 (plane 0, rows 1024..1100, columns 1024..1100)"), "{error}");
        let rest = decode_region(&bytes, shape, 0..1, 0..1024, 0..1100, &Limits::default()).unwrap();
        assert_eq!(rest, image.crop(0..1, 0..1024, 0..1100));
    }

    /// Planes with a strong pattern that stays, and a little noise.
    fn ramp(shape: Shape) -> Image16 {
        let mut state = 1u32;
        Image16::from_fn(shape, |p, r, c| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let pattern = (r * 7919 + c * 104_729) as u32 % 3001;
            (9000 + pattern + 20 * p as u32 + (state >> 30)) as u16
        })
    }

    #[test]
    fn planes_that_need_others_decode_in_any_region() {
        let shape = Shape::new(7, 40, 1060);
        let image = ramp(shape);
        let limits = Limits::default();
        for level in [Level::Default, Level::Max] {
            let bytes = encode(&image, level);
            assert_eq!(bytes[0], VERSION_STACK);
            for (p, r, c) in [
                (0..7, 0..40, 0..1060),
                (6..7, 3..5, 1000..1050),
                (2..4, 0..40, 1030..1031),
                (3..3, 0..4, 0..4),
            ] {
                let cut = decode_region(&bytes, shape, p.clone(), r.clone(), c.clone(), &limits).unwrap();
                assert_eq!(cut, image.crop(p, r, c), "{level}");
            }
        }
        assert_eq!(encode(&image, Level::Fast)[0], VERSION_ALONE);
    }

    #[test]
    fn a_damaged_tile_costs_the_planes_that_need_it_and_names_them() {
        let shape = Shape::new(5, 40, 50);
        let image = ramp(shape);
        let mut bytes = encode(&image, Level::Default);
        let (_, index) = read_index(&bytes, shape).unwrap();
        assert_eq!(index.iter().map(|entry| entry.needs).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        bytes[index[2].bytes.start] ^= 1;
        let region = |planes| decode_region(&bytes, shape, planes, 0..40, 0..50, &Limits::default());
        assert_eq!(region(0..2).unwrap(), image.crop(0..2, 0..40, 0..50));
        let error = region(4..5).unwrap_err().to_string();
        assert!(
            error.contains("tile 2 (plane 2") && error.contains("2 later planes, up to plane 4"),
            "{error}"
        );
    }

    #[test]
    fn needs_that_lie_are_refused() {
        let shape = Shape::new(2, 1, 1);
        let index = |needs: [u8; 2]| {
            let tile = crate::tile::encode(TileView::new(Shape::frame(1, 1), &[5]), Level::Fast);
            let mut bytes = vec![VERSION_STACK, 1, 1];
            for needs in needs {
                bytes.push(tile.len() as u8);
                bytes.extend_from_slice(&crc32fast::hash(&tile).to_le_bytes());
                bytes.push(needs);
            }
            [bytes, tile.clone(), tile].concat()
        };
        assert_eq!(decode(&index([0, 0]), shape, &Limits::default()).unwrap().samples(), [5, 5]);
        for needs in [[1, 0], [0, 2], [0, 255], [0, 1]] {
            assert!(decode(&index(needs), shape, &Limits::default()).is_err(), "{needs:?}");
        }
    }

    #[test]
    fn headers_that_lie_are_refused_before_memory_is_taken() {
        let shape = Shape::frame(1 << 14, 1 << 14);
        let limits = Limits::default();
        for bytes in [vec![], vec![3], vec![1, 0x80], vec![1, 0, 8, 0], vec![1, 0xFF, 0xFF, 3, 0xFF, 0xFF, 3]]
        {
            assert!(decode(&bytes, shape, &limits).is_err());
        }
        let tight = Limits { max_memory_bytes: 1 << 20, ..limits };
        let mut bytes = encode(&frame(Shape::frame(1024, 1024)), Level::Fast);
        assert!(matches!(decode(&bytes, Shape::frame(1024, 1024), &tight).unwrap_err(), Error::Limit { .. }));
        bytes.push(0);
        assert!(decode(&bytes, Shape::frame(1024, 1024), &limits).is_err());
    }
}
