//! format-floor.md, 19.1 to 19.4: the maps of a profile in a tile, and what they predict.

use crate::Error;
use crate::bytes::Bytes;
use crate::profile::{Area, Kind, Map, Profile};
use crate::reference_planes::read_weights;

/// 19.1: the maps that a tile names.
pub(crate) struct Named<'a> {
    own: Option<&'a Map>,
    response: Option<&'a Map>,
    /// One for each reference plane, the latest plane's first.
    planes: Vec<Option<&'a Map>>,
}

/// 19.3: the weights.
pub(crate) struct Weights {
    share: i64,
    w: Vec<i64>,
}

/// 19.2: the numbers of the maps at all pixels of a tile, and its reference planes.
pub(crate) struct Patterns {
    /// `O`.
    pub own: Vec<i64>,
    /// `G`, if `response` is not 0.
    pub response: Option<Vec<i64>>,
    /// `D[k]`.
    pub differences: Vec<Vec<i64>>,
}

impl<'a> Named<'a> {
    /// 19.1: reads the numbers of the maps of a tile with `n` reference planes.
    pub(crate) fn read(bytes: &mut Bytes<'_>, profile: &'a Profile, n: usize) -> Result<Self, Error> {
        let mut named = |kind| match bytes.u8()? {
            0 => Ok(None),
            number => match profile.maps.get(usize::from(number) - 1) {
                Some(map) if map.kind == kind => Ok(Some(map)),
                Some(_) => Err(Error::new("a map of a tile is not of the kind that it must be")),
                None => Err(Error::new("the profile lacks a map of a tile")),
            },
        };
        Ok(Self {
            own: named(Kind::Offset)?,
            response: named(Kind::Response)?,
            planes: (0..n).map(|_| named(Kind::Offset)).collect::<Result<_, _>>()?,
        })
    }

    /// 19.3: reads the weights.
    pub(crate) fn read_weights(&self, bytes: &mut Bytes<'_>) -> Result<Weights, Error> {
        let share = if self.own.is_some() { bytes.i16()?.into() } else { 0 };
        Ok(Weights { share, w: read_weights(bytes, self.planes.len())? })
    }

    /// Whether there is any map.
    pub(crate) fn any(&self) -> bool {
        self.own.is_some() || self.response.is_some() || self.planes.iter().any(Option::is_some)
    }

    /// 19.2: the numbers in `area` of the detector. Every reference plane has its samples there.
    pub(crate) fn at(&self, area: Area, references: &[Vec<u16>]) -> Result<Patterns, Error> {
        let numbers = |map: &Map| {
            let beyond = Error::new("a map of a tile does not have all pixels of the tile");
            map.numbers(area).ok_or(beyond)
        };
        let or_zeros = |map: Option<&Map>| match map {
            Some(map) => numbers(map),
            None => Ok(vec![0; area.height * area.width]),
        };
        let mut differences = Vec::new();
        for (&map, plane) in self.planes.iter().zip(references) {
            let pattern = or_zeros(map)?;
            differences.push(plane.iter().zip(pattern).map(|(&r, p)| 256 * i64::from(r) - p).collect());
        }
        Ok(Patterns {
            own: or_zeros(self.own)?,
            response: self.response.map(numbers).transpose()?,
            differences,
        })
    }
}

impl Patterns {
    /// 19.4: `S` at every pixel, in units of 2^-20 DN.
    pub(crate) fn sums(&self, weights: &Weights) -> Vec<i64> {
        let sum = |(place, own): (usize, &i64)| {
            let planes: i64 = weights.w.iter().zip(&self.differences).map(|(w, d)| w * d[place]).sum();
            weights.share * own + 16 * planes
        };
        self.own.iter().enumerate().map(sum).collect()
    }
}
