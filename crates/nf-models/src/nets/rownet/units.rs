//! Numbers in units of the local activity, as integers of 8 bits.
//!
//! The activity of a pixel is the sum of what 16 neighbours deviate from their centre, so that a
//! unit is a sixteenth of it: the mean deviation. It counts in quarter octaves with a linear
//! mantissa: step `4 q + f` is the activity `(4 + f) 2^(q - 2)`.

/// Added to every activity, so that it is at least four.
pub(super) const LEAST_ACTIVITY: i16 = 4;

/// Residuals are in eighths of a sample: their unit is so many steps above.
pub(super) const EIGHTHS: usize = 12;

/// Steps of activity, of residuals too: those of 15 bits, and three octaves.
const STEPS: usize = 4 * 15 + EIGHTHS;

/// What turns a deviation into units.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unit {
    /// Deviations are cut off here.
    pub(super) limit: i16,
    /// A power of two.
    pub(super) power: i16,
    /// `2^16 / (power * unit * 32)`.
    pub(super) factor: i16,
    /// 16 times the binary logarithm of the activity.
    pub(super) log: i16,
    /// The activity, as far as the step tells: a unit is a sixteenth.
    pub(super) activity: i16,
}

/// The step of an activity, at least [`LEAST_ACTIVITY`].
#[inline(always)]
pub(super) fn step(activity: i16) -> usize {
    let octave = 15 - (activity as u16).leading_zeros();
    (octave << 2 | (u32::from(activity as u16) << 2 >> octave) & 3) as usize
}

/// The units of all steps; those of the first two octaves are not used.
pub(super) fn units() -> [Unit; STEPS] {
    // 16 log2 of 1, 5/4, 6/4, 7/4.
    const LOGS: [i16; 4] = [0, 5, 9, 13];
    std::array::from_fn(|step| {
        let (q, f) = ((step / 4) as u32, (step % 4) as i64);
        // A deviation d is 1024 d / ((4 + f) 2^q) sixteenths of a unit; twice that, times 2^16,
        // over what deviations are multiplied with first.
        let power = if q < 11 { 1 << (11 - q) } else { 1 };
        let shift = if q < 11 { 16 } else { 27 - q };
        let limit = ((255 * (4 + f)) << q) / 2048;
        Unit {
            limit: limit.min(i64::from(i16::MAX)) as i16,
            power,
            factor: (((1_i64 << shift) + (4 + f) / 2) / (4 + f)).min(i64::from(i16::MAX)) as i16,
            log: 16 * q as i16 + LOGS[f as usize],
            activity: (((4 + f) << q) >> 2).min(i64::from(i16::MAX)) as i16,
        }
    })
}

#[inline(always)]
pub(super) fn clamp(x: i16, limit: i16) -> i16 {
    x.max(-limit).min(limit)
}

/// The high half of a product.
#[inline(always)]
fn multiply_high(a: i16, b: i16) -> i16 {
    ((i32::from(a) * i32::from(b)) >> 16) as i16
}

/// A deviation in sixteenths of a unit (limit, power and factor of a [`Unit`]), cut off at 127.
#[inline(always)]
pub(super) fn fine(deviation: i16, [limit, power, factor]: [i16; 3]) -> i16 {
    let product = clamp(deviation, limit).wrapping_mul(power);
    clamp((multiply_high(product, factor) + 1) >> 1, 127)
}

/// A deviation in whole units, cut off at 127.
#[inline(always)]
pub(super) fn coarse(deviation: i16, [limit, power, factor]: [i16; 3]) -> i16 {
    let limit = limit.saturating_mul(16);
    let product = clamp(deviation, limit).wrapping_mul(power);
    clamp((multiply_high(product, factor) + 16) >> 5, 127)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviations_are_in_units_of_the_mean_deviation() {
        let units = units();
        for activity in [4_i16, 5, 7, 20, 100, 999, 5000, 32_000] {
            let Unit { limit, power, factor, .. } = units[step(activity)];
            let unit = f64::from(activity) / 16.0;
            for deviation in [-30_000_i16, -500, -3, -1, 0, 1, 2, 40, 700, 9000] {
                let exact = f64::from(deviation) / unit;
                let found = f64::from(fine(deviation, [limit, power, factor]));
                let expected = (16.0 * exact).clamp(-127.0, 127.0);
                // A quarter octave, and what small limits cut off.
                let near = (found - expected).abs() <= 1.0 + 0.25 * expected.abs();
                let cut = deviation.abs() > limit && found * expected >= 64.0 * 64.0;
                assert!(near || cut, "{activity} {deviation}: {found} {expected}");
                let found = f64::from(coarse(deviation, [limit, power, factor]));
                let expected = exact.clamp(-127.0, 127.0);
                let near = (found - expected).abs() <= 1.0 + 0.25 * expected.abs();
                let cut = deviation.unsigned_abs() > 16 * limit as u16 && found * expected >= 64.0 * 64.0;
                assert!(near || cut, "{activity} {deviation}: {found} {expected}");
            }
        }
    }

    #[test]
    fn products_fit_into_16_bits() {
        for unit in &units()[8..] {
            let most = i32::from(unit.limit.saturating_mul(16)) * i32::from(unit.power);
            assert!(most <= i32::from(i16::MAX), "{unit:?}");
        }
    }
}
