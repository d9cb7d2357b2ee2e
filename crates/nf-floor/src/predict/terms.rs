//! What predicts a tile beside its own pixels: maps of a detector profile, and earlier planes.

use nf_codec::{Error, Result};
use nf_profile::UNITS_PER_DN;

/// Most reference planes of a tile.
pub const MAX_REFERENCES: usize = 4;
/// Most terms of a sum: an own map, and the planes.
pub(crate) const MAX_TERMS: usize = MAX_REFERENCES + 1;

/// Weights of planes are integers in units of `1 / PLANE_UNIT`.
const PLANE_UNIT: i32 = 256;
/// Largest weight of a plane, of either sign.
const MAX_WEIGHT: i16 = 4095;
/// The share of the own map is an integer in units of `1 / SHARE_UNIT`.
pub(crate) const SHARE_UNIT: i32 = 4096;
/// Sums count in units of `2^-SUM_BITS` DN: that of maps times that of shares.
const SUM_BITS: u32 = (UNITS_PER_DN * SHARE_UNIT).ilog2();
/// What the product of a plane, less its map, and its weight has to be shifted by.
const PLANE_SHIFT: u32 = SUM_BITS - (UNITS_PER_DN * PLANE_UNIT).ilog2();

/// Pixels whose sums are made at once.
const RUN_PX: usize = 256;

/// Maps and planes at the place of a tile, all of its extent; maps in units of
/// `1 / UNITS_PER_DN` DN.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terms<'a> {
    /// The additive pattern of the tile itself.
    pub(crate) own: Option<&'a [i32]>,
    /// The response of its pixels, less one; a DN is 1/4096.
    pub(crate) response: Option<&'a [i32]>,
    /// Earlier planes, the latest first, and the additive pattern of each.
    pub(crate) planes: Vec<(&'a [u16], Option<&'a [i32]>)>,
}

/// What the encoder fits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weights {
    /// Of the own map.
    pub(crate) share: i16,
    /// Of every plane.
    pub(crate) planes: Vec<i16>,
}

impl Weights {
    /// No weight for anything: the terms help as inputs only.
    pub(crate) fn none(terms: &Terms) -> Self {
        Self { share: 0, planes: vec![0; terms.planes.len()] }
    }

    /// The share if there is an own map, then the weights; 16 bits each, low byte first.
    pub(crate) fn bytes(&self, terms: &Terms) -> Vec<u8> {
        let share = terms.own.map(|_| self.share);
        share.iter().chain(&self.planes).flat_map(|weight| weight.to_le_bytes()).collect()
    }

    /// What [`bytes`](Self::bytes) wrote, and the bytes behind it.
    ///
    /// # Errors
    /// If there are fewer bytes, or the weight of a plane is too large.
    pub(crate) fn split<'a>(what: &str, payload: &'a [u8], terms: &Terms) -> Result<(Self, &'a [u8])> {
        let (share, rest) = match (terms.own, payload) {
            (None, rest) => (0, rest),
            (Some(_), [low, high, rest @ ..]) => (i16::from_le_bytes([*low, *high]), rest),
            (Some(_), _) => return Err(Error::truncated(what)),
        };
        let count = terms.planes.len();
        let (bytes, rest) = rest.split_at_checked(2 * count).ok_or_else(|| Error::truncated(what))?;
        let planes: Vec<i16> =
            bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
        if let Some(weight) = planes.iter().find(|weight| weight.unsigned_abs() > MAX_WEIGHT.unsigned_abs()) {
            let reason = format!("a plane weight of {weight}, expected -{MAX_WEIGHT} to {MAX_WEIGHT}");
            return Err(Error::corrupt(what, reason));
        }
        Ok((Self { share, planes }, rest))
    }
}

impl<'a> Terms<'a> {
    /// Earlier planes alone, the latest first.
    pub(crate) fn of_planes(planes: &[&'a [u16]]) -> Self {
        Self { own: None, response: None, planes: planes.iter().map(|plane| (*plane, None)).collect() }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.own.is_none() && self.response.is_none() && self.planes.is_empty()
    }

    /// The weighted sum at pixel `i`, in units of 2^-20 DN: the own map by its share, and every
    /// plane less its map by its weight.
    #[inline(always)]
    fn sum(&self, weights: &Weights, i: usize) -> i64 {
        let own = self.own.map_or(0, |own| i64::from(weights.share) * i64::from(own[i]));
        let planes = self.planes.iter().zip(&weights.planes);
        own + planes
            .map(|(plane, &weight)| (i64::from(weight) * i64::from(less_map(*plane, i))) << PLANE_SHIFT)
            .sum::<i64>()
    }

    /// The weighted sum at pixel `i`, in DN.
    #[inline(always)]
    pub(crate) fn offset(&self, weights: &Weights, i: usize) -> f32 {
        self.sum(weights, i) as f32 * (1.0 / (1u32 << SUM_BITS) as f32)
    }

    /// Calls `each` with the number of every pixel and the weighted sum there, rounded to a sample,
    /// modulo 2^16: term by term over short runs of pixels, for loops without a choice inside.
    pub(crate) fn for_each_rounded(
        &self,
        weights: &Weights,
        pixels: usize,
        mut each: impl FnMut(usize, u16),
    ) {
        let mut sums = [0i64; RUN_PX];
        for start in (0..pixels).step_by(RUN_PX) {
            let run = start..(start + RUN_PX).min(pixels);
            let sums = &mut sums[..run.len()];
            // Half a DN.
            sums.fill(1 << (SUM_BITS - 1));
            if let Some(own) = self.own {
                let share = i64::from(weights.share);
                sums.iter_mut().zip(&own[run.clone()]).for_each(|(sum, &own)| *sum += share * i64::from(own));
            }
            for ((plane, map), &weight) in self.planes.iter().zip(&weights.planes) {
                let (weight, pixels) =
                    (i64::from(weight) << PLANE_SHIFT, sums.iter_mut().zip(&plane[run.clone()]));
                match map {
                    Some(map) => pixels.zip(&map[run.clone()]).for_each(|((sum, &sample), &map)| {
                        *sum += weight * i64::from(i32::from(sample) * UNITS_PER_DN - map);
                    }),
                    None => pixels.for_each(|(sum, &sample)| {
                        *sum += weight * i64::from(i32::from(sample) * UNITS_PER_DN);
                    }),
                }
            }
            run.zip(sums).for_each(|(i, sum)| each(i, (*sum >> SUM_BITS) as u16));
        }
    }

    /// What the latest plane, and all on average, say of pixel `i` (in DN): less their maps, plus
    /// the own one. Without planes, what the own map says.
    #[inline(always)]
    pub(crate) fn helpers(&self, i: usize) -> [f32; 2] {
        let own = self.own.map_or(0, |own| own[i]);
        let dn = |units: i32| units as f32 * (1.0 / UNITS_PER_DN as f32);
        match &self.planes[..] {
            [] => [dn(own); 2],
            [latest, ..] => {
                let sum: f32 = self.planes.iter().map(|plane| dn(less_map(*plane, i))).sum();
                [dn(less_map(*latest, i) + own), sum / self.planes.len() as f32 + dn(own)]
            }
        }
    }

    /// Regressors of the fit at pixel `i`, in DN: the own map, then the planes less their maps;
    /// zero where there are fewer.
    pub(crate) fn regressors(&self, i: usize) -> [f64; MAX_TERMS] {
        let mut regressors = [0.0; MAX_TERMS];
        let dn = |units: i32| f64::from(units) / f64::from(UNITS_PER_DN);
        regressors[0] = self.own.map_or(0.0, |own| dn(own[i]));
        for (regressor, plane) in regressors[1..].iter_mut().zip(&self.planes) {
            *regressor = dn(less_map(*plane, i));
        }
        regressors
    }

    /// Weights from those of the [`regressors`](Self::regressors).
    pub(crate) fn weights(&self, fitted: &[f64; MAX_TERMS]) -> Weights {
        let share = (fitted[0] * f64::from(SHARE_UNIT)).round().clamp(-32_768.0, 32_767.0) as i16;
        let limit = f64::from(MAX_WEIGHT);
        let plane = |weight: &f64| (weight * f64::from(PLANE_UNIT)).round().clamp(-limit, limit) as i16;
        Weights { share, planes: fitted[1..=self.planes.len()].iter().map(plane).collect() }
    }

    /// Weights of the [`regressors`](Self::regressors) from rounded ones.
    pub(crate) fn fitted(&self, weights: &Weights) -> [f64; MAX_TERMS] {
        let mut fitted = [0.0; MAX_TERMS];
        fitted[0] = f64::from(weights.share) / f64::from(SHARE_UNIT);
        for (weight, rounded) in fitted[1..].iter_mut().zip(&weights.planes) {
            *weight = f64::from(*rounded) / f64::from(PLANE_UNIT);
        }
        fitted
    }
}

/// A plane less its map, in units of `1 / UNITS_PER_DN` DN.
#[inline(always)]
fn less_map((plane, map): (&[u16], Option<&[i32]>), i: usize) -> i32 {
    i32::from(plane[i]) * UNITS_PER_DN - map.map_or(0, |map| map[i])
}
