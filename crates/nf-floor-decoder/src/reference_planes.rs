//! format-floor.md, 3.5: weights of reference planes, and what they predict.

use crate::Error;
use crate::bytes::Bytes;

/// 3.5: the weights of `n` reference planes (modes 7 and 8).
pub(crate) fn read_weights(bytes: &mut Bytes<'_>, n: usize) -> Result<Vec<i64>, Error> {
    let mut weights = Vec::new();
    for _ in 0..n {
        let weight = i64::from(bytes.i16()?);
        Error::unless(weight.abs() <= 4095, "a weight of a reference plane is too large")?;
        weights.push(weight);
    }
    Ok(weights)
}

/// 3.5: `S`, the weighted sum of the samples of the reference planes at a place.
pub(crate) fn weighted_sum(weights: &[i64], references: &[Vec<u16>], place: usize) -> i64 {
    weights.iter().zip(references).map(|(w, plane)| w * i64::from(plane[place])).sum()
}
