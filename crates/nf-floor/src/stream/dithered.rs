//! A tile of indices of a dithered quantiser: four modes whose models know the shifts.
//!
//! | mode | payload | levels |
//! |---:|---|---|
//! | 11 | [`split_rows`] with shifts | all |
//! | 12 | [`wavefront`] with shifts | `high`, and small tiles from `default` on |
//! | 13 | [`mixing`] of the samples plus their shifts | none, only read |
//! | 14 | the same with biases by the position of the lattice | `max` |
//!
//! A shift is what the lattice of a pixel adds to its index to give its value, in steps. The models
//! predict values, and code the index around the prediction less the shift of its pixel: the edges
//! of the bins are where they were for the quantiser.

use super::grid::TileBox;
use super::mode::Mode;
use crate::models::mixing::{self, Extras};
use crate::models::split_rows::{self, Directed, Effort};
use crate::models::{TileView, wavefront};
use crate::predict::terms::{SHARE_UNIT, Terms, Weights};
use nf_codec::{DitheredStack, Error, Result};

/// Shifts count 256ths of a step.
const SHIFT_UNIT: f32 = 256.0;

/// Bytes of the share of the only map of modes 13 and 14, which is always one and left out.
const SHARE_BYTES: usize = 2;

/// The shifts of a tile.
pub(super) fn shifts(dither: &DitheredStack, place: &TileBox) -> Vec<i16> {
    let planes = place.plane..place.plane + 1;
    dither.shifts(&nf_image::TileBox { planes, rows: place.rows.clone(), columns: place.columns.clone() })
}

/// A tile of one of the modes of this module, with a large effort, whether that pays or not; `None`
/// if the mode does not take it, or is another.
pub fn encode(mode: Mode, tile: TileView, shifts: &[i16]) -> Option<Vec<u8>> {
    let steps = in_steps(shifts);
    let payload = match mode {
        Mode::DitheredSplitRows => {
            Directed::new(tile, &steps).map(|directed| directed.encode(&[Effort::LARGE]))
        }
        Mode::DitheredWavefront => wavefront::encode(tile, wavefront::Beside::shifts(&steps)),
        Mode::DitheredMixing | Mode::DitheredMixingByPosition => encode_mixing(mode, tile, shifts),
        _ => None,
    };
    payload.map(|payload| mode.with_payload(&payload))
}

pub(super) fn in_steps(shifts: &[i16]) -> Vec<f32> {
    shifts.iter().map(|&shift| f32::from(shift) / SHIFT_UNIT).collect()
}

/// The samples of a tile of one of the modes of this module.
///
/// # Errors
/// If the payload is not one of such a tile.
pub(super) fn decode(
    what: &str,
    mode: Mode,
    payload: &[u8],
    (height, width): (usize, usize),
    shifts: &[i16],
) -> Result<Vec<u16>> {
    match mode {
        Mode::DitheredSplitRows => split_rows::decode(what, payload, height, width, &in_steps(shifts)),
        Mode::DitheredWavefront => {
            wavefront::decode(what, payload, height, width, wavefront::Beside::shifts(&in_steps(shifts)))
        }
        Mode::DitheredMixing | Mode::DitheredMixingByPosition => {
            decode_mixing(what, mode, payload, (height, width), shifts)
        }
        _ => Err(Error::corrupt(what, format!("tile mode {} has no shifts", mode as u8))),
    }
}

/// The model of tiles that lie on a pattern takes it off the samples: here that is less the shift.
fn pattern(shifts: &[i16]) -> Vec<i32> {
    shifts.iter().map(|&shift| -i32::from(shift)).collect()
}

fn terms(pattern: &[i32]) -> Terms<'_> {
    Terms { own: Some(pattern), ..Terms::default() }
}

fn weights() -> Weights {
    Weights { share: SHARE_UNIT as i16, planes: Vec::new() }
}

/// What the model of such a tile is given.
fn extras<'a>(mode: Mode, terms: &'a Terms<'a>) -> Extras<'a> {
    Extras { terms, helps: false, by_position: mode == Mode::DitheredMixingByPosition, warmup: &[] }
}

pub(super) fn encode_mixing(mode: Mode, tile: TileView, shifts: &[i16]) -> Option<Vec<u8>> {
    let pattern = pattern(shifts);
    let terms = terms(&pattern);
    let extras = extras(mode, &terms);
    let payload = mixing::encode_with_extras(tile, extras, &weights())?;
    Some(payload[SHARE_BYTES..].to_vec())
}

fn decode_mixing(
    what: &str,
    mode: Mode,
    payload: &[u8],
    (height, width): (usize, usize),
    shifts: &[i16],
) -> Result<Vec<u16>> {
    let pattern = pattern(shifts);
    let terms = terms(&pattern);
    let payload = [weights().bytes(&terms).as_slice(), payload].concat();
    let extras = extras(mode, &terms);
    mixing::decode_with_extras(what, &payload, height, width, extras)
}
