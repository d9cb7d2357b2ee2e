//! The numbers that a file keeps for its filter.

use nf_fits::npy::{ValueForm, stack_shape};
use nf_floor::Level;
use nf_image::Shape;

/// Version of these numbers.
const VERSION: u32 = 1;

/// How values are stored in a chunk, as a number.
const fn flags(of: ValueForm) -> u32 {
    of.wide as u32 | (of.signed as u32) << 1 | (of.big_endian as u32) << 2
}

fn of_flags(flags: u32) -> Option<ValueForm> {
    let bit = |n: u32| flags >> n & 1 == 1;
    (flags < 8).then(|| ValueForm { wide: bit(0), signed: bit(1), big_endian: bit(2) })
}

/// What a chunk is, and how hard to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) level: Level,
    pub(crate) form: ValueForm,
    /// Extents of a chunk, the last one fastest.
    pub(crate) axes: Vec<usize>,
}

impl Options {
    /// The level that a user asks for by the first number, or the default one; `None` for a number
    /// that means no level.
    pub(crate) fn level_of_user(values: &[u32]) -> Option<Level> {
        match values {
            [] => Some(Level::Default),
            // What was completed before stays as it is, when a dataset is made like another.
            [VERSION, level, _, _, ..] => Level::ALL.get(*level as usize).copied(),
            [level, ..] => Level::ALL.get(*level as usize).copied(),
        }
    }

    /// The numbers: version, level (0 to 3), type (bit 0: two bytes, 1: signed, 2: big-endian),
    /// number of axes, extents.
    pub(crate) fn to_values(&self) -> Option<Vec<u32>> {
        let level = Level::ALL.iter().position(|level| *level == self.level)?;
        let mut values = vec![VERSION, level as u32, flags(self.form), self.axes.len() as u32];
        for &axis in &self.axes {
            values.push(u32::try_from(axis).ok()?);
        }
        Some(values)
    }

    /// Reads the numbers; `None` if they are not what [`Options::to_values`] writes.
    pub(crate) fn of_values(values: &[u32]) -> Option<Self> {
        let [VERSION, level, flags, count, axes @ ..] = values else { return None };
        (axes.len() == *count as usize).then_some(())?;
        Some(Self {
            level: *Level::ALL.get(*level as usize)?,
            form: of_flags(*flags)?,
            axes: axes.iter().map(|&axis| axis as usize).collect(),
        })
    }

    /// The chunk as a stack: leading axes are flattened to planes.
    pub(crate) fn shape(&self) -> Option<Shape> {
        stack_shape(&self.axes).filter(|shape| shape.checked_pixels().is_some())
    }

    /// Bytes of a chunk.
    pub(crate) fn chunk_bytes(&self) -> Option<usize> {
        self.shape()?.checked_pixels()?.checked_mul(self.form.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for flags in 0..8 {
            let form = of_flags(flags).unwrap();
            for (level, axes) in Level::ALL.into_iter().zip([vec![], vec![7], vec![5, 6], vec![2, 3, 4, 5]]) {
                let options = Options { level, form, axes };
                assert_eq!(Options::of_values(&options.to_values().unwrap()), Some(options));
            }
        }
    }

    #[test]
    fn other_numbers_are_refused() {
        for wrong in [&[][..], &[1], &[2, 0, 0, 0], &[1, 4, 0, 0], &[1, 0, 8, 0], &[1, 0, 0, 2, 5]] {
            assert_eq!(Options::of_values(wrong), None, "{wrong:?}");
        }
        let huge = Options::of_values(&[1, 0, 1, 3, u32::MAX, u32::MAX, u32::MAX]).unwrap();
        assert_eq!(huge.chunk_bytes(), None);
    }

    #[test]
    fn users_name_a_level_alone() {
        assert_eq!(Options::level_of_user(&[]), Some(Level::Default));
        assert_eq!(Options::level_of_user(&[0]), Some(Level::Fast));
        assert_eq!(Options::level_of_user(&[3]), Some(Level::Max));
        assert_eq!(Options::level_of_user(&[4]), None);
        assert_eq!(Options::level_of_user(&[1, 2, 1, 1, 9]), Some(Level::High));
    }
}
