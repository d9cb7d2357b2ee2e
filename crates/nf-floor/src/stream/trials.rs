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
    /// The payload of the whole tile, if the centre is all of it.
    pub(super) payload: Option<Vec<u8>>,
}

/// The centre of a tile.
pub(super) struct Trials<'a> {
    placed: Option<Placed<'a>>,
    width: usize,
    rows: Range<usize>,
    columns: Range<usize>,
    samples: Vec<u16>,
    /// Whether this is the whole tile.
    is_whole: bool,
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
        let is_whole = samples.len() == tile.samples.len();
        Self { placed, width: tile.width, rows, columns, samples, is_whole }
    }

    fn tile(&self) -> TileView<'_> {
        TileView::new(self.rows.len(), self.columns.len(), &self.samples)
    }

    /// The best of the candidates with their fitted weights or none, if any is worth coding the
    /// whole tile with; with `nothing` for a start alone. The tile by itself takes `alone` bytes.
    pub(super) fn best<'a, 'b>(
        &self,
        candidates: &'a [Candidate<'b>],
        fits: &[Fit],
        nothing: &'a Candidate<'b>,
        alone: usize,
    ) -> Option<Trial<'a, 'b>> {
        let no_weights = Weights::none(&nothing.terms);
        let most = match self.is_whole {
            true => alone as f64,
            false => SLACK * self.encode(nothing, &no_weights, true, None)?.len() as f64,
        };
        let mut best: (f64, Option<Trial<'a, 'b>>) = (most, None);
        let offer = |best: &mut (f64, Option<Trial<'a, 'b>>), candidate, weights: &Weights, helps, start| {
            let Some(payload) = self.encode(candidate, weights, helps, start) else { return };
            let bytes = payload.len() as f64;
            if bytes < best.0 {
                let (weights, payload) = (weights.clone(), self.is_whole.then_some(payload));
                *best = (bytes, Some(Trial { candidate, weights, helps, start, payload }));
            }
        };
        for (candidate, fit) in candidates.iter().zip(fits) {
            offer(&mut best, candidate, &Weights::none(&candidate.terms), true, None);
            if fit.gradient < MOST_GRADIENT {
                offer(&mut best, candidate, &fit.weights, true, None);
                if candidate.maps.is_some() {
                    offer(&mut best, candidate, &fit.weights, false, None);
                }
            }
        }
        if let Some(placed) = self.placed {
            let found = best.1.as_ref();
            let (candidate, weights, helps) = found
                .map(|trial| (trial.candidate, trial.weights.clone(), trial.helps))
                .unwrap_or((nothing, no_weights, true));
            let start = candidate.maps.as_ref().and_then(|maps| placed.choose_start(self.tile(), maps));
            if start.is_some() {
                offer(&mut best, candidate, &weights, helps, start);
            }
        }
        best.1
    }

    /// The payload of the centre.
    fn encode(
        &self,
        candidate: &Candidate,
        weights: &Weights,
        helps: bool,
        start: Option<(u8, u8)>,
    ) -> Option<Vec<u8>> {
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
        let extras = Extras { terms: &terms, helps, by_position: false, warmup: &warmup };
        mixing::encode_with_extras(self.tile(), extras, weights)
    }
}

/// These rows and columns of values in rows of `width`.
fn crop<T: Copy>(values: &[T], width: usize, rows: &Range<usize>, columns: &Range<usize>) -> Vec<T> {
    rows.clone().flat_map(|row| &values[row * width..][columns.clone()]).copied().collect()
}
