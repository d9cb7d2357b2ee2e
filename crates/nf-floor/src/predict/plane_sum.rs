//! The weighted sum of reference planes that predicts a plane of a stack.

use nf_codec::{Error, Result};

/// Most reference planes of a tile.
pub const MAX_REFERENCES: usize = 4;

/// Weights are integers in units of `1 / UNIT`.
pub(crate) const UNIT: i32 = 256;

/// Largest weight of either sign; [`MAX_REFERENCES`] of them times the largest sample fit 31 bits.
pub(crate) const MAX_WEIGHT: i16 = 4095;

/// The weighted sum of the planes at pixel `i`, in units of `1 / UNIT`.
#[inline(always)]
pub(crate) fn weighted_sum(references: &[&[u16]], weights: &[i16], i: usize) -> i32 {
    references.iter().zip(weights).map(|(plane, &weight)| i32::from(weight) * i32::from(plane[i])).sum()
}

/// The weights of `count` planes, and the bytes behind them.
///
/// # Errors
/// If there are fewer bytes, or a weight is beyond [`MAX_WEIGHT`].
pub(crate) fn split_weights<'a>(what: &str, payload: &'a [u8], count: usize) -> Result<(Vec<i16>, &'a [u8])> {
    let Some((bytes, rest)) = payload.split_at_checked(2 * count) else { return Err(Error::truncated(what)) };
    let weights: Vec<i16> =
        bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    if let Some(weight) = weights.iter().find(|weight| weight.unsigned_abs() > MAX_WEIGHT.unsigned_abs()) {
        let reason = format!("a plane weight of {weight}, expected -{MAX_WEIGHT} to {MAX_WEIGHT}");
        return Err(Error::corrupt(what, reason));
    }
    Ok((weights, rest))
}
