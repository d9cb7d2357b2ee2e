//! format-floor.md, 19.6 and 19.9: mode 10, adaptive mixing with a detector profile.

use super::coder::Coder;
use super::helpers::Helpers;
use super::model::{Model, Tile};
use super::source::Source;
use crate::Error;
use crate::bytes::Bytes;
use crate::notation::{clamp, trunc};
use crate::patterns::{Named, Weights};
use crate::profile::{Area, Profile};
use crate::start::{Exposure, exposures};

/// 19.6: what the tile and the exposures of its start have in common.
struct Common<'a> {
    named: Named<'a>,
    weights: Weights,
    helps: bool,
    /// Whether there are maps or reference planes.
    relative: bool,
}

/// 19.6: the samples of a tile in `area` of the detector, row by row. Every reference plane has as
/// many.
pub(crate) fn decode(
    payload: &[u8],
    profile: &Profile,
    area: Area,
    references: &[Vec<u16>],
) -> Result<Vec<u16>, Error> {
    let n = references.len();
    let mut bytes = Bytes::new(payload);
    let named = Named::read(&mut bytes, profile, n)?;
    let helps = bytes.u8()?;
    Error::unless(helps <= 1, "whether a profile helps is neither 0 nor 1")?;
    let (start, read) = (usize::from(bytes.u8()?), usize::from(bytes.u8()?));
    let exposures = exposures(profile, start, read, n)?;
    let weights = named.read_weights(&mut bytes)?;
    let relative = named.any() || n > 0;
    let common = Common { named, weights, helps: helps == 1, relative };

    let mut tile = common.tile(area, references)?;
    tile.median = if relative { f32::from(bytes.i16()?) } else { f32::from(bytes.u16()?) };
    tile.floor = f32::from(bytes.u16()?);
    let coded = Source::Coded(Coder::new(bytes.rest()));

    let mut model: Option<Model> = None;
    for Exposure { area, samples, references } in &exposures {
        let mut tile = common.tile(*area, references)?;
        (tile.median, tile.floor) = levels(samples, &tile.offsets, relative);
        let known = Source::Known(samples, 0);
        begin(&mut model, &tile).run(&tile, known)?;
    }
    let model = begin(&mut model, &tile);
    if !exposures.is_empty() {
        model.end_start();
    }
    model.run(&tile, coded)
}

/// The model at the start of `tile`, which is its first if there is no model yet.
fn begin<'m>(model: &'m mut Option<Model>, tile: &Tile) -> &'m mut Model {
    if let Some(model) = model {
        model.start_tile(tile);
    }
    model.get_or_insert_with(|| Model::new(tile))
}

impl Common<'_> {
    /// A tile in `area` of the detector; `median` and `floor` are still to be set.
    fn tile(&self, area: Area, references: &[Vec<u16>]) -> Result<Tile, Error> {
        let Area { height, width, .. } = area;
        let patterns = self.named.at(area, references)?;
        let sums = patterns.sums(&self.weights);
        let offsets: Vec<f32> = sums.into_iter().map(|s| s as f32 * (1.0 / (1 << 20) as f32)).collect();
        let helps = self.helps && self.relative;
        let helpers = helps.then(|| Helpers::of_patterns(&patterns, &offsets, height, width));
        Ok(Tile { height, width, median: 0.0, floor: 0.0, offsets, helpers, by_position: false })
    }
}

/// 19.9: `median` and `floor` of the tile of an exposure with these samples and offsets.
fn levels(samples: &[u16], offsets: &[f32], relative: bool) -> (f32, f32) {
    let count = samples.len();
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    let floor = f32::from(sorted[count / 200]);
    if !relative {
        return (f32::from(sorted[count / 2]), floor);
    }
    let value = |(&sample, o): (&u16, &f32)| trunc(clamp(f32::from(sample) - o, -32768.0, 32767.0));
    let mut values: Vec<i64> = samples.iter().zip(offsets).map(value).collect();
    values.sort_unstable();
    (values[count / 2] as f32, floor)
}
