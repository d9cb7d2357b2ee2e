//! Which images of a file a dataset takes, and what of them.

use nf_image::PlaneAxis;
use serde::Deserialize;
use std::num::NonZeroUsize;
use std::ops::Range;

/// More images than this in one file or one list are a mistake, or a lie that would cost memory.
pub(crate) const MOST_IMAGES: usize = 1 << 22;

/// A rule from a file to images.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// Which image HDUs.
    #[serde(default)]
    pub hdus: HduChoice,
    /// Which planes of each.
    #[serde(default)]
    pub planes: PlaneChoice,
    /// Only the first so many planes, or as many as there are; not with the middle one.
    #[serde(default)]
    pub first_planes: Option<NonZeroUsize>,
    /// Of these, only the last so many.
    #[serde(default)]
    pub last_planes: Option<NonZeroUsize>,
    /// Side of the central square that is cut out of each plane, pixels; an axis shorter than that
    /// is taken whole. The first pixel taken is `floor((extent - side) / 2)`.
    #[serde(default)]
    pub centre_px: Option<usize>,
    /// What the next plane means: `none`, `time`, `wavelength` or `group`.
    #[serde(default, deserialize_with = "axis")]
    pub axis: PlaneAxis,
}

/// Which image HDUs of a file; those without pixels do not count.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum HduChoice {
    /// The first one.
    #[default]
    First,
    /// Each of them.
    All,
}

/// Which planes of an HDU. All axes beyond rows and columns are run through in the file's order.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum PlaneChoice {
    /// All, as one stack.
    #[default]
    Stack,
    /// The one whose index is half the number of planes, rounded down.
    Middle,
    /// Every plane as an image of its own.
    Each,
}

impl View {
    /// The planes that are taken of a stack of so many.
    pub(crate) fn planes_of(&self, planes: usize) -> Range<usize> {
        let end = self.first_planes.map_or(planes, |first| first.get().min(planes));
        self.last_planes.map_or(0, |last| end.saturating_sub(last.get()))..end
    }
}

fn axis<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<PlaneAxis, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

/// The central `side` of `extent` pixels.
pub(crate) fn centre(extent: usize, side: Option<usize>) -> Range<usize> {
    match side {
        Some(side) if side < extent => {
            let first = (extent - side) / 2;
            first..first + side
        }
        _ => 0..extent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_of_a_stack() {
        let planes = |first: Option<usize>, last: Option<usize>| {
            let [first_planes, last_planes] = [first, last].map(|planes| planes.and_then(NonZeroUsize::new));
            View { first_planes, last_planes, ..View::default() }
        };
        assert_eq!(planes(None, None).planes_of(7), 0..7);
        assert_eq!(planes(Some(5), None).planes_of(7), 0..5);
        assert_eq!(planes(Some(5), Some(2)).planes_of(7), 3..5);
        assert_eq!(planes(Some(9), Some(9)).planes_of(7), 0..7);
    }

    #[test]
    fn centres() {
        assert_eq!(centre(1030, Some(1024)), 3..1027);
        assert_eq!(centre(1031, Some(1024)), 3..1027);
        assert_eq!(centre(500, Some(1024)), 0..500);
        assert_eq!(centre(7, None), 0..7);
        assert_eq!(centre(0, Some(4)), 0..0);
    }
}
