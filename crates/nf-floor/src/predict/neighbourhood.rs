//! The pixels around a pixel.

/// A place relative to a pixel: rows up and columns to the right.
pub(crate) type Offset = (usize, isize);

/// The `count` nearest of the candidates, by Euclidean distance; equally near ones keep their
/// order.
pub(crate) fn nearest(candidates: impl IntoIterator<Item = Offset>, count: usize) -> Vec<Offset> {
    let mut offsets: Vec<Offset> = candidates.into_iter().collect();
    offsets.sort_by_key(|&(up, right)| up * up + right.unsigned_abs().pow(2));
    offsets.truncate(count);
    offsets
}
