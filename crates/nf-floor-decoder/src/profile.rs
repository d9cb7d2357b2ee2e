//! format-profile.md: what a detector profile holds.

/// A detector profile: what streams of version 3 need besides their own bytes. It is made by
/// [`read_profile`](crate::read_profile).
pub struct Profile {
    /// The first eight bytes of its digest.
    pub(crate) key: [u8; 8],
    pub(crate) maps: Vec<Map>,
    pub(crate) starts: Vec<Start>,
}

/// A rectangle of the detector, in pixels.
#[derive(Clone, Copy)]
pub(crate) struct Area {
    pub row: u64,
    pub column: u64,
    pub height: usize,
    pub width: usize,
}

/// What the numbers of a map are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Offset,
    Response,
}

/// A number for every pixel of an area of the detector.
pub(crate) struct Map {
    pub kind: Kind,
    pub base: i64,
    pub fraction: u32,
    pub area: Area,
    pub samples: Vec<u16>,
}

/// Exposures that a model learns from before it codes.
pub(crate) struct Start {
    pub area: Area,
    /// Planes of one exposure.
    pub reads: usize,
    /// Planes of `area`, exposure after exposure.
    pub planes: Vec<Vec<u16>>,
}

impl Map {
    /// The numbers in `area`, row by row, in units of 1/256 DN, if all of its pixels have one.
    pub(crate) fn numbers(&self, area: Area) -> Option<Vec<i64>> {
        let top = usize::try_from(area.row.checked_sub(self.area.row)?).ok()?;
        let left = usize::try_from(area.column.checked_sub(self.area.column)?).ok()?;
        let inside = top.checked_add(area.height)? <= self.area.height
            && left.checked_add(area.width)? <= self.area.width;
        if !inside {
            return None;
        }
        let mut numbers = Vec::new();
        for y in top..top + area.height {
            for x in left..left + area.width {
                let sample = i64::from(self.samples[y * self.area.width + x]);
                numbers.push(256 * self.base + (sample << (8 - self.fraction)));
            }
        }
        Some(numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_their_place_on_the_detector() {
        let area = |row, column, height, width| Area { row, column, height, width };
        let samples = (0..6).collect();
        let map = Map { kind: Kind::Offset, base: -2, fraction: 2, area: area(10, 20, 2, 3), samples };
        let number = |s: i64| -512 + 64 * s;
        assert_eq!(map.numbers(area(10, 21, 2, 2)), Some([1, 2, 4, 5].map(number).to_vec()));
        for outside in [area(9, 20, 1, 1), area(10, 19, 1, 1), area(11, 20, 2, 1), area(10, 22, 1, 2)] {
            assert!(map.numbers(outside).is_none());
        }
        assert!(map.numbers(area(u64::MAX, 20, usize::MAX, 1)).is_none());
    }
}
