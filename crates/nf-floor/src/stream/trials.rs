//! Trials of level `max`: what a tile is worth coding with, by coding its centre.

use super::inter_plane::{Candidate, MOST_GRADIENT};
use super::plane_weights::Fit;
use super::profile_maps::{Placed, StartTiles};
use crate::models::TileView;
use crate::models::mixing::{self, Extras};
use crate::predict::terms::{Terms, Weights};
use std::ops::Range;

/// Rows and columns of the centre.
const SIDE_PX: usize = 256;
/// A trial may be this much larger than the centre alone: it learns more weights from fewer pixels
/// than the tile has.
const SLACK: f64 = 1.005;

/// What a tile may be coded with.
pub(super) struct Trial<'a, 'b> {
    pub(super) candidate: &'a Candidate<'b>,
    pub(super) weights: Weights,
    pub(super) helps: bool,
    pub(super) start: Option<(u8, u8)>,
}

/// The centre of a tile.
pub(super) struct Trials<'a> {
    placed: Option<Placed<'a>>,
    width: usize,
    rows: Range<usize>,
    columns: Range<usize>,
    samples: Vec<u16>,
}

impl<'p> Trials<'p> {
    /// The centre of this tile of a stack that may have a profile.
    pub(super) fn new(tile: TileView, placed: Option<Placed<'p>>) -> Self {
        let middle = |length: usize| {
            let side = length.min(SIDE_PX);
            (length - side) / 2..(length - side) / 2 + side
        };
        let (rows, columns) = (middle(tile.height), middle(tile.width));
        let samples = crop(tile.samples, tile.width, &rows, &columns);
        Self { placed, width: tile.width, rows, columns, samples }
    }

    fn tile(&self) -> TileView<'_> {
        TileView::new(self.rows.len(), self.columns.len(), &self.samples)
    }

    /// The best of the candidates with their fitted weights or none, if any is worth coding the
    /// whole tile with; with `nothing` for a start alone.
    pub(super) fn best<'a, 'b>(
        &self,
        candidates: &'a [Candidate<'b>],
        fits: &[Fit],
        nothing: &'a Candidate<'b>,
    ) -> Option<Trial<'a, 'b>> {
        let no_weights = Weights::none(&nothing.terms);
        let mut best = (self.bytes(nothing, &no_weights, true, None)? as f64 * SLACK, None);
        let mut offer = |candidate, weights: &Weights, helps| {
            if let Some(bytes) = self.bytes(candidate, weights, helps, None)
                && (bytes as f64) < best.0
            {
                let trial = Trial { candidate, weights: weights.clone(), helps, start: None };
                best = (bytes as f64, Some(trial));
            }
        };
        for (candidate, fit) in candidates.iter().zip(fits) {
            offer(candidate, &Weights::none(&candidate.terms), true);
            if fit.gradient < MOST_GRADIENT {
                offer(candidate, &fit.weights, true);
                if candidate.maps.is_some() {
                    offer(candidate, &fit.weights, false);
                }
            }
        }
        if let Some(placed) = self.placed {
            let found = best.1.as_ref();
            let (candidate, weights, helps) = found
                .map(|trial| (trial.candidate, trial.weights.clone(), trial.helps))
                .unwrap_or((nothing, no_weights, true));
            let start = candidate.maps.as_ref().and_then(|maps| placed.choose_start(self.tile(), maps));
            if let Some(start) = start
                && let Some(bytes) = self.bytes(candidate, &weights, helps, Some(start))
                && (bytes as f64) < best.0
            {
                best.1 = Some(Trial { candidate, weights, helps, start: Some(start) });
            }
        }
        best.1
    }

    /// Bytes of the centre.
    fn bytes(
        &self,
        candidate: &Candidate,
        weights: &Weights,
        helps: bool,
        start: Option<(u8, u8)>,
    ) -> Option<usize> {
        let crop_samples = |samples: &[u16]| crop(samples, self.width, &self.rows, &self.columns);
        let crop_map = |map: &[i32]| crop(map, self.width, &self.rows, &self.columns);
        let terms = &candidate.terms;
        let (own, response) = (terms.own.map(crop_map), terms.response.map(crop_map));
        let planes: Vec<_> =
            terms.planes.iter().map(|(plane, map)| (crop_samples(plane), map.map(crop_map))).collect();
        let terms = Terms {
            own: own.as_deref(),
            response: response.as_deref(),
            planes: planes.iter().map(|(plane, map)| (plane.as_slice(), map.as_deref())).collect(),
        };
        let found = match (start, self.placed, &candidate.maps) {
            (Some(start), Some(placed), Some(maps)) => Some(placed.start("the start", start, maps).ok()?),
            _ => None,
        };
        let warmup = found.as_ref().map(StartTiles::warmup).unwrap_or_default();
        let extras = Extras { terms: &terms, helps, warmup: &warmup };
        Some(mixing::encode_with_extras(self.tile(), extras, weights)?.len())
    }
}

/// These rows and columns of values in rows of `width`.
fn crop<T: Copy>(values: &[T], width: usize, rows: &Range<usize>, columns: &Range<usize>) -> Vec<T> {
    rows.clone().flat_map(|row| &values[row * width..][columns.clone()]).copied().collect()
}
