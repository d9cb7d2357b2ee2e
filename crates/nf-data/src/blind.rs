//! Blind parts of detectors that a manifest knows of, where headers are silent.

use nf_image::{Region, RegionKind, Shape};
use serde::Deserialize;

/// One blind region of every image of some files.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Blind {
    /// How the names of these images begin.
    pub images: String,
    /// What the region is.
    pub kind: BlindKind,
    /// Number of the amplifier that read it, from zero.
    #[serde(default)]
    pub amplifier: usize,
    /// First column and the one after the last, from zero; all columns without.
    pub columns: Option<[usize; 2]>,
    /// First row and the one after the last, from zero; all rows without.
    pub rows: Option<[usize; 2]>,
}

/// Why a region is blind; see [`RegionKind`].
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum BlindKind {
    /// Physical columns clocked out before the light-sensitive ones.
    Prescan,
    /// Virtual columns or rows clocked out after the light-sensitive ones.
    Overscan,
    /// Reference pixels of an infrared array.
    Reference,
}

impl Blind {
    /// The region in planes of this shape; `None` if it reaches beyond them.
    fn region(&self, shape: Shape) -> Option<Region> {
        let range = |ends: Option<[usize; 2]>, extent: usize| {
            let [start, end] = ends.unwrap_or([0, extent]);
            (start < end && end <= extent).then_some(start..end)
        };
        Some(Region {
            kind: match self.kind {
                BlindKind::Prescan => RegionKind::Prescan,
                BlindKind::Overscan => RegionKind::Overscan,
                BlindKind::Reference => RegionKind::Reference,
            },
            amplifier: self.amplifier,
            rows: range(self.rows, shape.height)?,
            columns: range(self.columns, shape.width)?,
            reversed_columns: false,
            reversed_rows: false,
        })
    }
}

/// The regions of an image of this name and shape; none if no entry is for it.
///
/// # Errors
/// In words, if a region reaches beyond the image.
pub(crate) fn regions(blind: &[Blind], name: &str, shape: Shape) -> Result<Vec<Region>, String> {
    let region = |entry: &Blind| {
        entry.region(shape).ok_or_else(|| {
            format!("{shape} pixels, but the manifest has a blind region beyond them: {entry:?}")
        })
    };
    blind.iter().filter(|entry| name.starts_with(&entry.images)).map(region).collect()
}
