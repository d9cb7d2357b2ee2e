//! The H-transform: per 2 x 2 block a sum and three differences, again and again over the sums.
//!
//! Level by level the low bits that the four values of a block share (their parities agree) are
//! dropped and found again on the way back, so that the transform loses nothing and grows by one
//! bit per level.
//!
//! Arithmetic wraps: streams that are no streams must not stop the program.

/// Number of levels for an array whose longer side is `longest`.
fn levels(longest: usize) -> u32 {
    usize::BITS - longest.saturating_sub(1).leading_zeros()
}

/// Rounds to a multiple of `mask`'s lowest bit; ties go away from zero upwards as `up` and `down`
/// say.
#[inline(always)]
fn round(value: i64, up: i64, down: i64, mask: i64) -> i64 {
    value.wrapping_add(if value >= 0 { up } else { down }) & mask
}

/// Transforms an array of `width` columns in place; the sum of all comes first.
pub(super) fn forward(a: &mut [i64], height: usize, width: usize) {
    let mut scratch = Vec::new();
    let (mut rows, mut columns) = (height, width);
    for level in 0..levels(height.max(width)) {
        // The first level keeps all bits; later ones drop the one that all four values share.
        let shift = u32::from(level > 0);
        let unit = 1i64 << level;
        let (mask, mask2) = (-2 * unit, -4 * unit);
        let sum = |value: i64| round(value, 2 * unit, 2 * unit - 1, mask2);
        let difference = |value: i64| round(value, unit, 0, mask);
        for row in (0..rows).step_by(2) {
            let (upper, lower) = a[row * width..].split_at_mut(width);
            let upper = &mut upper[..columns];
            if row + 1 == rows {
                // A last row alone: pairs instead of blocks, doubled to the same scale.
                for pair in upper.chunks_mut(2) {
                    if let [first, second] = pair {
                        let (h0, hy) = ((*second + *first) << (1 - shift), (*second - *first) << (1 - shift));
                        (*first, *second) = (sum(h0), difference(hy));
                    } else {
                        pair[0] = sum(pair[0] << (2 - shift));
                    }
                }
                continue;
            }
            for (upper, lower) in upper.chunks_mut(2).zip(lower[..columns].chunks_mut(2)) {
                if let ([p, q], [r, s]) = (&mut *upper, &mut *lower) {
                    let h0 = (*s + *r + *q + *p) >> shift;
                    let hx = (*s + *r - *q - *p) >> shift;
                    let hy = (*s - *r + *q - *p) >> shift;
                    let hc = (*s - *r - *q + *p) >> shift;
                    (*p, *q, *r, *s) = (sum(h0), difference(hy), difference(hx), hc);
                } else {
                    let h0 = (lower[0] + upper[0]) << (1 - shift);
                    let hx = (lower[0] - upper[0]) << (1 - shift);
                    (upper[0], lower[0]) = (sum(h0), difference(hx));
                }
            }
        }
        for row in a.chunks_mut(width).take(rows) {
            Items { count: columns, size: 1, stride: 1 }.gather(row, &mut scratch);
        }
        Items { count: rows, size: columns, stride: width }.gather(a, &mut scratch);
        rows = rows.div_ceil(2);
        columns = columns.div_ceil(2);
    }
}

/// Items of `size` values, each `stride` behind the one before.
#[derive(Clone, Copy)]
struct Items {
    count: usize,
    size: usize,
    stride: usize,
}

impl Items {
    /// Brings the items at even places to the front, those at odd places behind them.
    fn gather(self, a: &mut [i64], scratch: &mut Vec<i64>) {
        let Self { count, size, stride } = self;
        scratch.clear();
        for odd in (1..count).step_by(2) {
            scratch.extend_from_slice(&a[odd * stride..][..size]);
        }
        for even in (2..count).step_by(2) {
            a.copy_within(even * stride..even * stride + size, even / 2 * stride);
        }
        for (at, item) in (count.div_ceil(2)..count).zip(scratch.chunks(size)) {
            a[at * stride..][..size].copy_from_slice(item);
        }
    }

    /// Undoes [`Items::gather`].
    fn scatter(self, a: &mut [i64], scratch: &mut Vec<i64>) {
        let Self { count, size, stride } = self;
        scratch.clear();
        for at in count.div_ceil(2)..count {
            scratch.extend_from_slice(&a[at * stride..][..size]);
        }
        for even in (2..count).step_by(2).rev() {
            a.copy_within(even / 2 * stride..even / 2 * stride + size, even * stride);
        }
        for (odd, item) in (1..count).step_by(2).zip(scratch.chunks(size)) {
            a[odd * stride..][..size].copy_from_slice(item);
        }
    }
}

/// Undoes [`forward`]; `smooth_scale` above 1 smooths what quantising by that scale has lost.
pub(super) fn inverse(a: &mut [i64], height: usize, width: usize, smooth_scale: i64) {
    let levels = levels(height.max(width));
    if levels == 0 {
        return;
    }
    let mut scratch = Vec::new();
    // The bits that the coefficients of this level, of the one above, and of the sum are multiples
    // of.
    let mut bit0 = 1i64 << (levels - 1);
    a[0] = round(a[0], bit0 << 1, (bit0 << 1) - 1, -(bit0 << 2));
    for level in (0..levels).rev() {
        let rows = height.div_ceil(1 << level);
        let columns = width.div_ceil(1 << level);
        for row in a.chunks_mut(width).take(rows) {
            Items { count: columns, size: 1, stride: 1 }.scatter(row, &mut scratch);
        }
        Items { count: rows, size: columns, stride: width }.scatter(a, &mut scratch);
        if smooth_scale > 1 {
            super::smooth::smooth(a, rows, columns, width, smooth_scale);
        }
        expand(a, rows, columns, width, bit0, level == 0);
        bit0 >>= 1;
    }
}

/// Turns every block of coefficients into four values: sums of the next level, or pixels at the
/// last one.
fn expand(a: &mut [i64], rows: usize, columns: usize, width: usize, bit0: i64, last: bool) {
    let bit1 = bit0 << 1;
    let shift = if last { 2 } else { 1 };
    let (mask0, mask1) = (-bit0, -bit1);
    // Half a unit; for negative values one less, but at the last level there is nothing below to
    // round.
    let (half0, half1) = (bit0 >> 1, bit1 >> 1);
    let round0 = |value: i64| round(value, half0, if last { 0 } else { half0 - 1 }, mask0);
    let round1 = |value: i64| round(value, half1, half1 - 1, mask1);
    // Towards zero by a bit that rounding had taken away.
    let inwards =
        |value: i64, low: i64| if value >= 0 { value.wrapping_sub(low) } else { value.wrapping_add(low) };
    for row in (0..rows).step_by(2) {
        let (upper, lower) = a[row * width..].split_at_mut(width);
        let upper = &mut upper[..columns];
        if row + 1 == rows {
            for pair in upper.chunks_mut(2) {
                if let [first, second] = pair {
                    let hy = round1(*second);
                    let h0 = inwards(*first, hy & bit1);
                    (*first, *second) = (h0.wrapping_sub(hy) >> shift, h0.wrapping_add(hy) >> shift);
                } else {
                    pair[0] >>= shift;
                }
            }
            continue;
        }
        for (upper, lower) in upper.chunks_mut(2).zip(lower[..columns].chunks_mut(2)) {
            if let ([p, q], [r, s]) = (&mut *upper, &mut *lower) {
                let (mut h0, mut hx, mut hy, hc) = (*p, round1(*r), round1(*q), round0(*s));
                // Bit 0 of hc is that of all four; rounding had moved hx and hy away from zero by
                // it.
                let low0 = hc & bit0;
                (hx, hy) = (inwards(hx, low0), inwards(hy, low0));
                let low1 = (hc ^ hx ^ hy) & bit1;
                h0 = if h0 >= 0 {
                    h0.wrapping_add(low0).wrapping_sub(low1)
                } else {
                    h0.wrapping_add(if low0 == 0 { low1 } else { low0.wrapping_sub(low1) })
                };
                let (plus, minus) = (h0.wrapping_add(hc), h0.wrapping_sub(hc));
                *s = plus.wrapping_add(hx).wrapping_add(hy) >> shift;
                *r = minus.wrapping_add(hx).wrapping_sub(hy) >> shift;
                *q = minus.wrapping_sub(hx).wrapping_add(hy) >> shift;
                *p = plus.wrapping_sub(hx).wrapping_sub(hy) >> shift;
            } else {
                let hx = round1(lower[0]);
                let h0 = inwards(upper[0], hx & bit1);
                (upper[0], lower[0]) = (h0.wrapping_sub(hx) >> shift, h0.wrapping_add(hx) >> shift);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_undoes_the_transform() {
        let mut state = 1u64;
        for (height, width) in [(1, 1), (1, 2), (2, 2), (4, 4), (5, 4), (7, 9), (1, 13), (13, 1), (33, 6)] {
            for spread in 0..40 {
                let pixels: Vec<i64> = (0..height * width)
                    .map(|_| {
                        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        (state as i64) >> (63 - spread)
                    })
                    .collect();
                let mut a = pixels.clone();
                forward(&mut a, height, width);
                inverse(&mut a, height, width, 0);
                assert_eq!(a, pixels, "{height}x{width}, spread {spread}");
            }
        }
    }
}
