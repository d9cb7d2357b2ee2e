//! A probability distribution over integers, as intervals on an integer scale.

/// Finest scale of a [`Distribution`]: intervals lie on `0..2^30`.
pub const MAX_SCALE_BITS: u32 = 30;

/// The share of a symbol: `width` points of a scale, beginning at `start`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Interval {
    /// First point.
    pub start: u32,
    /// Number of points, at least 1.
    pub width: u32,
}

/// A probability distribution over an integer alphabet on a scale of `2^scale_bits` points.
///
/// The probability of a symbol is the width of its interval over the number of points.
///
/// # What implementers promise
///
/// 1. The intervals of the alphabet tile `0..2^scale_bits` exactly: no gap, no overlap.
/// 2. Every symbol of the alphabet has `width >= 1`, so it can be coded; every other symbol has
///    none.
/// 3. `locate(point)` answers for every point of the scale, and `locate(p) == (s, i)` exactly when
///    `interval(s) == Some(i)` and `i` holds `p`.
/// 4. Integers only, in both directions: equal parameters give equal intervals on every machine.
/// 5. `1 <= scale_bits <= MAX_SCALE_BITS`, and it never changes for a given distribution.
pub trait Distribution {
    /// Base-2 logarithm of the number of points.
    fn scale_bits(&self) -> u32;

    /// The share of `symbol`; `None` if it is not in the alphabet.
    fn interval(&self, symbol: u32) -> Option<Interval>;

    /// The symbol whose interval holds `point`, and that interval. `point < 2^scale_bits`.
    fn locate(&self, point: u32) -> (u32, Interval);
}

impl<D: Distribution + ?Sized> Distribution for &D {
    fn scale_bits(&self) -> u32 {
        (**self).scale_bits()
    }

    fn interval(&self, symbol: u32) -> Option<Interval> {
        (**self).interval(symbol)
    }

    fn locate(&self, point: u32) -> (u32, Interval) {
        (**self).locate(point)
    }
}
