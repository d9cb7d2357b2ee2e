//! format-floor.md, 19.9: the exposures of a start.

use crate::Error;
use crate::profile::{Area, Profile};

/// 19.9: a plane of an exposure of a start.
pub(crate) struct Exposure<'a> {
    pub area: Area,
    pub samples: &'a [u16],
    /// The latest plane first.
    pub references: Vec<Vec<u16>>,
}

/// 19.9: the exposures of the start that a tile with `n` reference planes names.
pub(crate) fn exposures(
    profile: &Profile,
    start: usize,
    read: usize,
    n: usize,
) -> Result<Vec<Exposure<'_>>, Error> {
    if start == 0 {
        Error::unless(read == 0, "a tile without a start has a read")?;
        return Ok(Vec::new());
    }
    let start = profile.starts.get(start - 1);
    let start = start.ok_or(Error::new("the profile lacks the start of a tile"))?;
    Error::unless(read < start.reads && read >= n, "the read of a tile does not fit its start")?;
    let exposure = |planes: &'_ [Vec<u16>]| planes[read - n..read].iter().rev().cloned().collect();
    let exposures = start.planes.chunks_exact(start.reads).map(|planes| Exposure {
        area: start.area,
        samples: &planes[read],
        references: exposure(planes),
    });
    Ok(exposures.collect())
}
