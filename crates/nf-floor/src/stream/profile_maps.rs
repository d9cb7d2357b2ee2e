//! Maps of a detector profile at the place of a tile.

use super::plane_weights;
use crate::models::TileView;
use crate::predict::terms::Terms;
use nf_codec::{Error, Result};
use nf_image::Shape;
use nf_profile::{Map, MapKind, Profile};
use std::ops::Range;
use std::sync::Arc;

/// A stack on the detector of a profile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed<'a> {
    /// The profile.
    pub(crate) profile: &'a Profile,
    /// Row and column of the detector where the first pixel of the stack lies.
    pub(crate) row: usize,
    /// See `row`.
    pub(crate) column: usize,
}

/// Which maps a tile uses: 0 for none, otherwise one more than the map's index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct MapNumbers {
    /// The additive pattern of the tile.
    pub(super) own: u8,
    /// The response of its pixels.
    pub(super) response: u8,
    /// The additive pattern of every reference plane, the latest first.
    pub(super) planes: Vec<u8>,
}

impl MapNumbers {
    /// No maps for a tile with so many reference planes.
    pub(super) fn none(planes: usize) -> Self {
        Self { planes: vec![0; planes], ..Self::default() }
    }

    /// Whether it names no map.
    pub(super) fn is_none(&self) -> bool {
        self.own == 0 && self.response == 0 && self.planes.iter().all(|&map| map == 0)
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        [&[self.own, self.response], &self.planes[..]].concat()
    }

    /// The numbers of a tile with `planes` reference planes, and the bytes behind them.
    ///
    /// # Errors
    /// If there are fewer bytes.
    pub(super) fn split<'a>(what: &str, payload: &'a [u8], planes: usize) -> Result<(Self, &'a [u8])> {
        match payload.split_at_checked(2 + planes) {
            Some(([own, response, planes @ ..], rest)) => {
                Ok((Self { own: *own, response: *response, planes: planes.to_vec() }, rest))
            }
            _ => Err(Error::truncated(what)),
        }
    }
}

/// The numbers of maps in a box of pixels.
#[derive(Clone, Debug, Default)]
pub(super) struct Maps {
    own: Option<Arc<Vec<i32>>>,
    response: Option<Arc<Vec<i32>>>,
    /// Of a series, the same as the own one.
    planes: Vec<Option<Arc<Vec<i32>>>>,
}

impl Maps {
    /// These maps, with planes that lie at the same place, the latest first.
    pub(super) fn terms<'a>(&'a self, planes: &[&'a [u16]]) -> Terms<'a> {
        fn numbers(map: &Option<Arc<Vec<i32>>>) -> Option<&[i32]> {
            map.as_ref().map(|map| map.as_slice())
        }
        Terms {
            own: numbers(&self.own),
            response: numbers(&self.response),
            planes: planes.iter().copied().zip(self.planes.iter().map(numbers)).collect(),
        }
    }
}

/// How a tile of mode 10 is coded beside its maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MixingHead {
    /// Whether maps and planes are inputs of the predictors, beside their weighted sum.
    pub(super) helps: bool,
    /// The start of the profile that the model has seen before, and which of its reads.
    pub(super) start: Option<(u8, u8)>,
}

impl MixingHead {
    pub(super) fn bytes(self) -> [u8; 3] {
        let [number, plane] = self.start.map_or([0, 0], |(index, plane)| [index + 1, plane]);
        [u8::from(self.helps), number, plane]
    }

    /// What [`bytes`](Self::bytes) wrote, and the bytes behind it.
    ///
    /// # Errors
    /// If there are fewer bytes, or they are none that it writes.
    pub(super) fn split<'a>(what: &str, payload: &'a [u8]) -> Result<(Self, &'a [u8])> {
        let [helps, number, plane, rest @ ..] = payload else { return Err(Error::truncated(what)) };
        if *helps > 1 || (*number == 0 && *plane != 0) {
            return Err(Error::corrupt(what, format!("a head of {helps}, {number}, {plane}")));
        }
        let start = number.checked_sub(1).map(|index| (index, *plane));
        Ok((Self { helps: *helps == 1, start }, rest))
    }
}

/// A read of the exposures of a start, with its maps and the reads before it.
#[derive(Clone, Debug)]
pub(super) struct StartTiles<'a> {
    exposures: Vec<(TileView<'a>, Vec<&'a [u16]>)>,
    maps: Maps,
}

impl<'a> StartTiles<'a> {
    /// The first exposure.
    pub(super) fn first(&self) -> Option<TileView<'a>> {
        self.exposures.first().map(|(tile, _)| *tile)
    }

    /// What the model sees before the tile.
    pub(super) fn warmup(&self) -> Vec<(TileView<'a>, Terms<'_>)> {
        self.exposures.iter().map(|(tile, planes)| (*tile, self.maps.terms(planes))).collect()
    }
}

/// Pairs of neighbours by which the encoder chooses among maps.
const CHOICE_PAIRS: usize = 6000;
/// A map is used where its differences have at most this share of the gradient of the samples.
const MOST_GRADIENT: f64 = 0.995;
/// Most maps that numbers can name.
const MOST_MAPS: usize = 255;

impl<'a> Placed<'a> {
    /// A read of a start with the maps of these numbers, and the reads before it.
    ///
    /// # Errors
    /// If the profile has no such start, or not as many reads before it, or its maps do not cover
    /// it.
    pub(super) fn start(
        &self,
        what: &str,
        (index, read): (u8, u8),
        numbers: &MapNumbers,
    ) -> Result<StartTiles<'a>> {
        let (read, needed) = (usize::from(read), numbers.planes.len());
        let start = self.profile.starts().get(usize::from(index));
        let start = start.filter(|start| read < start.reads && read >= needed).ok_or_else(|| {
            let id = self.profile.id();
            let reason = format!("profile {id} has no start {index} with {needed} reads before read {read}");
            Error::corrupt(what, reason)
        })?;
        let Shape { height, width, .. } = start.stack.shape();
        let at = Placed { profile: self.profile, row: start.row, column: start.column };
        let stack = start.stack.image()?;
        let exposure = |exposure: usize| {
            let plane = exposure * start.reads + read;
            let tile = TileView::new(height, width, stack.plane(plane));
            (tile, (1..=needed).map(|back| stack.plane(plane - back)).collect())
        };
        Ok(StartTiles {
            exposures: (0..start.exposures()).map(exposure).collect(),
            maps: at.maps(what, numbers, &(0..height), &(0..width))?,
        })
    }

    /// The start that is most like a tile: whose differences of neighbours are about as large.
    pub(super) fn choose_start(&self, tile: TileView, numbers: &MapNumbers) -> Option<(u8, u8)> {
        let starts = self.profile.starts().iter().take(MOST_MAPS).enumerate();
        let reads = starts.flat_map(|(index, start)| {
            let reads = numbers.planes.len()..start.reads.min(MOST_MAPS);
            reads.map(move |read| (index as u8, read as u8))
        });
        let own = plane_weights::gradient(tile);
        reads
            .filter_map(|place| {
                let found = self.start("the start", place, numbers).ok()?;
                let ratio = plane_weights::gradient(found.first()?) / own.max(1e-3);
                Some((ratio.max(1e-3).ln().abs(), place))
            })
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, place)| place)
    }

    /// The maps of these numbers in a box of the stack.
    ///
    /// # Errors
    /// If the profile has no such maps, or they do not cover the box.
    pub(super) fn maps(
        &self,
        what: &str,
        numbers: &MapNumbers,
        rows: &Range<usize>,
        columns: &Range<usize>,
    ) -> Result<Maps> {
        let map = |number: u8, kind: MapKind| -> Result<Option<Arc<Vec<i32>>>> {
            let Some(index) = usize::from(number).checked_sub(1) else { return Ok(None) };
            let map = self.profile.maps().get(index).filter(|map| map.kind == kind);
            let map = map.ok_or_else(|| {
                let (id, kind) = (self.profile.id(), kind.name());
                Error::corrupt(what, format!("map {index} of profile {id} is no {kind}"))
            })?;
            let (rows, columns) = self.on_detector(rows, columns);
            map.pixels.image()?;
            let values = map.crop(&rows, &columns).ok_or_else(|| {
                let reason = format!(
                    "map {index} of profile {} lacks rows {rows:?}, columns {columns:?}",
                    self.profile.id()
                );
                Error::corrupt(what, reason)
            })?;
            Ok(Some(Arc::new(values)))
        };
        let own = map(numbers.own, MapKind::Offset)?;
        let of_plane = |&number: &u8| match number == numbers.own {
            true => Ok(own.clone()),
            false => map(number, MapKind::Offset),
        };
        let planes = numbers.planes.iter().map(of_plane).collect::<Result<_>>()?;
        Ok(Maps { own, response: map(numbers.response, MapKind::Response)?, planes })
    }

    fn on_detector(&self, rows: &Range<usize>, columns: &Range<usize>) -> (Range<usize>, Range<usize>) {
        let shift =
            |range: &Range<usize>, by: usize| range.start.saturating_add(by)..range.end.saturating_add(by);
        (shift(rows, self.row), shift(columns, self.column))
    }

    /// The additive pattern that fits a tile best, and the response that belongs to it; zero where
    /// there is none.
    pub(super) fn choose(&self, tile: TileView, rows: &Range<usize>, columns: &Range<usize>) -> (u8, u8) {
        if plane_weights::gradient(tile) == 0.0 {
            return (0, 0);
        }
        let (rows, columns) = self.on_detector(rows, columns);
        let of_kind = |kind: MapKind| {
            let maps = self.profile.maps().iter().take(MOST_MAPS).enumerate();
            maps.filter(move |(_, map)| map.kind == kind)
        };
        let own = of_kind(MapKind::Offset).filter_map(|(index, map)| {
            let values = map.crop(&rows, &columns)?;
            let terms = Terms { own: Some(&values), ..Terms::default() };
            let fit = plane_weights::fit(tile, &terms, CHOICE_PAIRS);
            (fit.gradient < MOST_GRADIENT).then_some((fit.gradient, index))
        });
        let own = own.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, index)| index);
        let belongs = |map: &Map| own.is_none_or(|own| self.profile.maps()[own].image == map.image);
        let covers = |map: &Map| map.crop(&rows, &columns).is_some();
        let response = of_kind(MapKind::Response).find(|(_, map)| belongs(map) && covers(map));
        let response = response.map(|(index, _)| index);
        let number = |index: Option<usize>| index.map_or(0, |index| (index + 1) as u8);
        (number(own), number(response))
    }
}
