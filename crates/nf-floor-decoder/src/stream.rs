//! format-floor.md, 2: the stream, its tiles and their index.

use crate::bytes::Bytes;
use crate::crc::crc32;
use crate::dither::Dither;
use crate::profile::{Area, Profile};
use crate::tile::Detector;
use crate::{Error, tile};

/// 2.3: the largest number of pixels of a tile.
const LARGEST_TILE: usize = 1 << 22;

/// 2.5: the largest number of reference planes.
const MOST_REFERENCES: usize = 4;

/// A rectangle of one plane, in pixels.
#[derive(Clone, Copy)]
struct Place {
    plane: usize,
    top: usize,
    left: usize,
    height: usize,
    width: usize,
}

/// 2.5: an entry of the index.
struct Entry {
    bytes: usize,
    crc: u32,
    references: usize,
}

/// The whole stack, planes, rows, columns.
struct Stack {
    height: usize,
    width: usize,
    samples: Vec<u16>,
}

impl Stack {
    /// The place of a row of a tile in `samples`.
    fn row(&self, place: Place, row: usize) -> std::ops::Range<usize> {
        let start = (place.plane * self.height + place.top + row) * self.width + place.left;
        start..start + place.width
    }

    /// The samples of a tile, row by row.
    fn tile(&self, place: Place) -> Vec<u16> {
        let rows = 0..place.height;
        rows.flat_map(|row| &self.samples[self.row(place, row)]).copied().collect()
    }

    /// Sets the samples of a tile, row by row.
    fn set_tile(&mut self, place: Place, samples: &[u16]) {
        for (row, numbers) in samples.chunks_exact(place.width).enumerate() {
            let range = self.row(place, row);
            self.samples[range].copy_from_slice(numbers);
        }
    }
}

/// 2.4: the places of all tiles, in their order.
fn places(
    planes: usize,
    height: usize,
    width: usize,
    tile_height: usize,
    tile_width: usize,
) -> impl Iterator<Item = Place> {
    (0..planes).flat_map(move |plane| {
        (0..height).step_by(tile_height).flat_map(move |top| {
            (0..width).step_by(tile_width).map(move |left| Place {
                plane,
                top,
                left,
                height: tile_height.min(height - top),
                width: tile_width.min(width - left),
            })
        })
    })
}

/// 2.5: the entry of a tile of this plane.
fn read_entry(bytes: &mut Bytes<'_>, version: u8, plane: usize) -> Result<Entry, Error> {
    let entry = Entry {
        bytes: bytes.varint_usize()?,
        crc: bytes.u32()?,
        references: if version >= 2 { usize::from(bytes.u8()?) } else { 0 },
    };
    let most = MOST_REFERENCES.min(plane);
    Error::unless(entry.references <= most, "a tile has too many reference planes")?;
    Ok(entry)
}

/// 2.8: the profile, and the row and the column of the detector where a plane begins.
fn read_origin<'a>(
    bytes: &mut Bytes<'_>,
    profile: Option<&'a Profile>,
) -> Result<(&'a Profile, u64, u64), Error> {
    let key = bytes.take(8)?;
    let profile = profile.ok_or(Error::new("the stream needs a profile"))?;
    Error::unless(profile.key == key, "the stream needs another profile")?;
    Ok((profile, bytes.varint()?, bytes.varint()?))
}

/// 20.2: the shifts of a tile, row by row.
fn shifts(dither: &Dither, place: Place) -> Vec<f32> {
    let pixels = (0..place.height).flat_map(|y| (0..place.width).map(move |x| (y, x)));
    pixels.map(|(y, x)| dither.shift(place.plane, place.top + y, place.left + x)).collect()
}

/// 2.2: a whole stream.
pub(crate) fn decode(
    stream: &[u8],
    profile: Option<&Profile>,
    planes: usize,
    height: usize,
    width: usize,
) -> Result<Vec<u16>, Error> {
    let too_large = Error::new("the stack is too large");
    let pixels = planes.checked_mul(height).and_then(|rows| rows.checked_mul(width));
    let pixels = pixels.ok_or(too_large)?;

    let mut bytes = Bytes::new(stream);
    let version = bytes.u8()?;
    Error::unless((1..=5).contains(&version), "the version is not 1, 2, 3, 4 or 5")?;
    let tile_height = bytes.varint_usize()?;
    let tile_width = bytes.varint_usize()?;
    Error::unless(tile_height >= 1 && tile_width >= 1, "tiles have no pixels")?;
    let area = tile_height.min(height).checked_mul(tile_width.min(width));
    let fits = area.is_some_and(|area| area <= LARGEST_TILE);
    Error::unless(fits, "a tile has more than 2^22 pixels")?;
    let origin = if version == 3 { Some(read_origin(&mut bytes, profile)?) } else { None };
    let dither = if version >= 4 { Some(Dither::read(&mut bytes)?) } else { None };
    if pixels == 0 {
        bytes.end()?;
        return Ok(Vec::new());
    }

    // Nothing is kept that the stream does not hold: the index grows entry by entry.
    let mut index = Vec::new();
    for place in places(planes, height, width, tile_height, tile_width) {
        index.push((place, read_entry(&mut bytes, version, place.plane)?));
    }
    let mut tiles = Vec::new();
    for (place, entry) in index {
        let tile = bytes.take(entry.bytes)?;
        Error::unless(crc32(tile) == entry.crc, "the CRC-32 of a tile is wrong")?;
        tiles.push((place, entry.references, tile));
    }
    bytes.end()?;

    let mut samples = Vec::new();
    samples.try_reserve_exact(pixels).map_err(|_| too_large)?;
    samples.resize(pixels, 0);
    let mut stack = Stack { height, width, samples };
    for (place, references, tile) in tiles {
        // 2.7: the latest plane is R[0].
        let references: Vec<Vec<u16>> =
            (1..=references).map(|back| stack.tile(Place { plane: place.plane - back, ..place })).collect();
        let detector = origin.map(|(profile, row, column)| {
            let (row, column) = (row + place.top as u64, column + place.left as u64);
            Detector { profile, area: Area { row, column, height: place.height, width: place.width } }
        });
        let shifts = dither.map(|dither| shifts(&dither, place));
        let shifts = shifts.as_deref();
        let samples = tile::decode(tile, place.height, place.width, &references, detector, shifts)?;
        stack.set_tile(place, &samples);
    }
    Ok(stack.samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(stream: &[u8], planes: usize, height: usize, width: usize) -> Result<Vec<u16>, Error> {
        super::decode(stream, None, planes, height, width)
    }

    /// A stream with tiles of this extent (up to 127), each with its number of reference planes.
    fn stream(version: u8, height: u8, width: u8, tiles: &[(&[u8], u8)]) -> Vec<u8> {
        let mut bytes = vec![version, height, width];
        for (tile, references) in tiles {
            bytes.push(tile.len() as u8);
            bytes.extend(crc32(tile).to_le_bytes());
            bytes.extend((version == 2).then_some(*references));
        }
        bytes.extend(tiles.iter().flat_map(|(tile, _)| *tile));
        bytes
    }

    #[test]
    fn tiles_come_plane_by_plane_and_row_by_row() {
        let tiles: Vec<[u8; 3]> = (0..8).map(|k| [1, k, 0]).collect();
        let tiles: Vec<(&[u8], u8)> = tiles.iter().map(|tile| (&tile[..], 0)).collect();
        let samples = decode(&stream(1, 2, 3, &tiles), 2, 3, 4);
        let plane = [0, 0, 0, 1, 0, 0, 0, 1, 2, 2, 2, 3];
        let right: Vec<u16> = plane.into_iter().chain(plane.map(|sample| sample + 4)).collect();
        assert_eq!(samples, Ok(right));
        assert!(decode(&stream(1, 2, 3, &tiles[..7]), 2, 3, 4).is_err());
    }

    #[test]
    fn reference_planes_come_before_their_tile() {
        let constant: &[u8] = &[1, 7, 0];
        let difference: &[u8] = &[7, 0, 1, 1, 1, 128];
        let right = stream(2, 1, 1, &[(constant, 0), (difference, 1)]);
        assert_eq!(decode(&right, 2, 1, 1), Ok(vec![7, 8]));
        for version in [1, 3] {
            let wrong = stream(version, 1, 1, &[(constant, 0), (difference, 1)]);
            assert!(decode(&wrong, 2, 1, 1).is_err());
        }
        assert!(decode(&stream(2, 1, 1, &[(difference, 1), (constant, 0)]), 2, 1, 1).is_err());
        let many = [(constant, 0); 6];
        assert_eq!(decode(&stream(2, 1, 1, &many), 6, 1, 1), Ok(vec![7; 6]));
        let five: &[u8] = &[7, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 128];
        let many = [many[0], many[0], many[0], many[0], many[0], (five, 5)];
        assert!(decode(&stream(2, 1, 1, &many), 6, 1, 1).is_err());
    }

    #[test]
    fn a_stack_without_pixels_has_no_tiles() {
        for [p, h, w] in [[0, 3, 4], [1, 0, 4], [1, 3, 0], [0, usize::MAX, 1]] {
            assert_eq!(decode(&[1, 1, 1], p, h, w), Ok(Vec::new()));
            assert!(decode(&[1, 1, 1, 0], p, h, w).is_err());
            assert!(decode(&[1, 0, 1], p, h, w).is_err());
            assert!(decode(&[1, 1, 0], p, h, w).is_err());
        }
    }

    #[test]
    fn large_tiles_are_errors() {
        // 2^11 rows of 2^11 columns are allowed, one row more is not.
        let bytes = [1, 129, 16, 128, 16];
        assert!(decode(&bytes, 0, 1 << 11, 1 << 11).is_ok());
        assert!(decode(&bytes, 0, (1 << 11) + 1, 1 << 11).is_err());
    }
}
