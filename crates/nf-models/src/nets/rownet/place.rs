//! Numbers of a pixel's place that the stages share, and the inputs that are made with them.

use super::rows::{Offset, Rows};
use super::units::{EIGHTHS, Unit, clamp, coarse, fine, step};
use nf_engine::integer::pack;
use nf_simd::kernel;

/// Numbers of the place that the stages share, pixel by pixel.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Median of five neighbours, less 2^15.
    pub(super) centre: Vec<i16>,
    /// From the second to the fourth of them.
    range: Vec<i16>,
    /// The sum of deviations; in whole steps once units are found.
    pub(super) activity: Vec<i16>,
    /// Limits, powers, factors and logarithms.
    pub(super) unit: [Vec<i16>; 4],
    /// The same for residuals.
    pub(super) residual_unit: [Vec<i16>; 3],
}

impl Place {
    pub(super) fn new(padded: usize) -> Self {
        let numbers = || vec![0_i16; padded];
        Self {
            centre: numbers(),
            range: numbers(),
            activity: numbers(),
            unit: [numbers(), numbers(), numbers(), numbers()],
            residual_unit: [numbers(), numbers(), numbers()],
        }
    }
}

/// The larger first.
#[inline(always)]
fn sort(a: i16, b: i16) -> (i16, i16) {
    (a.min(b), a.max(b))
}

/// The mean, rounded down.
#[inline(always)]
fn mean(a: i16, b: i16) -> i16 {
    (a >> 1) + (b >> 1) + (a & b & 1)
}

/// The units of the activities.
pub(super) fn find_units(units: &[Unit], place: &mut Place) {
    let [limits, powers, factors, logs] = &mut place.unit;
    let [residual_limits, residual_powers, residual_factors] = &mut place.residual_unit;
    for (i, sum) in place.activity.iter_mut().enumerate() {
        let step = step(*sum);
        let Unit { limit, power, factor, log, activity } = units[step];
        *sum = activity;
        (limits[i], powers[i], factors[i], logs[i]) = (limit, power, factor, log);
        let Unit { limit, power, factor, .. } = units[step + EIGHTHS];
        (residual_limits[i], residual_powers[i], residual_factors[i]) = (limit, power, factor);
    }
}

/// A pair of inputs: what `of` makes of two numbers of every pixel, given the pixel and the limit,
/// power and factor of its unit.
#[inline(always)]
fn fill<T: Copy>(
    pair: &mut [i32],
    unit: &[Vec<i16>],
    two: [&[T]; 2],
    of: impl Fn(T, usize, [i16; 3]) -> i16,
) {
    let n = pair.len();
    let [a, b] = two.map(|numbers| &numbers[..n]);
    let (limit, power, factor) = (&unit[0][..n], &unit[1][..n], &unit[2][..n]);
    for i in 0..n {
        let unit = [limit[i], power[i], factor[i]];
        pair[i] = pack(of(a[i], i, unit), of(b[i], i, unit));
    }
}

/// A number of 32 bits, cut off at those of 16.
#[inline(always)]
fn cut(number: i32) -> i16 {
    number.max(-32767).min(32767) as i16
}

kernel! {
    /// Medians and trimmed ranges of five neighbours; the fifth is the mean of the last two.
    pub(super) fn measure<'a>(place: &'a mut Place, values: &'a Rows, parity: usize, five: [Offset; 6]) -> () {
        let [a, b, c, d, e, f] = five.map(|offset| values.at(parity, offset));
        let n = a.len();
        let (centres, ranges) = (&mut place.centre[..n], &mut place.range[..n]);
        let (b, c, d, e, f) = (&b[..n], &c[..n], &d[..n], &e[..n], &f[..n]);
        for i in 0..n {
            let fifth = mean(e[i], f[i]);
            let (a, b) = sort(a[i], b[i]);
            let (c, d) = sort(c[i], d[i]);
            let (first, low) = sort(a, c);
            let (high, last) = sort(b, d);
            let (low, high) = sort(low, high);
            // Four in order; the fifth is inserted.
            let second = sort(first, sort(fifth, low).0).1;
            let third = sort(low, sort(fifth, high).0).1;
            let fourth = sort(high, sort(fifth, last).0).1;
            centres[i] = third;
            ranges[i] = fourth.saturating_sub(second);
        }
    }

    /// Adds what four neighbours deviate from the centre, each cut off at twice the range.
    pub(super) fn add_activity<'a>(place: &'a mut Place, four: [&'a [i16]; 4], least: i16) -> () {
        let n = place.centre.len();
        let [a, b, c, d] = four.map(|values| &values[..n]);
        let (centre, range, activity) =
            (&place.centre[..n], &place.range[..n], &mut place.activity[..n]);
        for i in 0..n {
            let most = range[i].max(least).saturating_mul(2);
            let size = |value: i16| value.saturating_sub(centre[i]).saturating_abs().min(most);
            let sum = activity[i].saturating_add(size(a[i])).saturating_add(size(b[i]));
            activity[i] = sum.saturating_add(size(c[i])).saturating_add(size(d[i]));
        }
    }

    /// Deviations from the centre.
    pub(super) fn deviations<'a>(place: &'a Place, two: [&'a [i16]; 2], pair: &'a mut [i32]) -> () {
        let centre = &place.centre[..pair.len()];
        fill(pair, &place.unit, two, |value, i, unit| fine(value.saturating_sub(centre[i]), unit));
    }

    /// The same, cut off later.
    pub(super) fn uncut<'a>(place: &'a Place, two: [&'a [i16]; 2], pair: &'a mut [i32]) -> () {
        let centre = &place.centre[..pair.len()];
        fill(pair, &place.unit, two, |value, i, unit| coarse(value.saturating_sub(centre[i]), unit));
    }

    /// The trimmed range and the column's sizes of residuals; the activity, and the height above
    /// the column's level.
    pub(super) fn place_inputs<'a>(place: &'a Place, size: &'a [i32], level: &'a [i32], pairs: &'a mut [i32]) -> () {
        let (one, two) = pairs.split_at_mut(pairs.len() / 2);
        let n = one.len();
        let (centre, range) = (&place.centre[..n], &place.range[..n]);
        let [limit, power, factor, log] = &place.unit;
        let (limit, power, factor, log) = (&limit[..n], &power[..n], &factor[..n], &log[..n]);
        let [limit8, power8, factor8] = &place.residual_unit;
        let (limit8, power8, factor8) = (&limit8[..n], &power8[..n], &factor8[..n]);
        let (size, level, two) = (&size[..n], &level[..n], &mut two[..n]);
        for i in 0..n {
            let range = fine(range[i], [limit[i], power[i], factor[i]]);
            let size = fine((size[i] >> 4) as i16, [limit8[i], power8[i], factor8[i]]);
            let height = centre[i].saturating_sub((level[i] >> 4) as i16);
            let height = coarse(height, [limit[i], power[i], factor[i]]);
            one[i] = pack(range, size);
            two[i] = pack(clamp(log[i] - 64, 127), height);
        }
    }

    pub(super) fn residual_inputs<'a>(place: &'a Place, two: [&'a [i16]; 2], pair: &'a mut [i32]) -> () {
        fill(pair, &place.residual_unit, two, |residual, _, unit| fine(residual, unit));
    }

    pub(super) fn size_inputs<'a>(place: &'a Place, two: [&'a [i16]; 2], pair: &'a mut [i32]) -> () {
        fill(pair, &place.residual_unit, two, |residual, _, unit| fine(residual.saturating_abs(), unit));
    }

    pub(super) fn uncut_size_inputs<'a>(place: &'a Place, two: [&'a [i16]; 2], pair: &'a mut [i32]) -> () {
        fill(pair, &place.residual_unit, two, |residual, _, unit| coarse(residual.saturating_abs(), unit));
    }

    /// Levels of columns less the centre.
    pub(super) fn level_inputs<'a>(place: &'a Place, two: [&'a [i32]; 2], pair: &'a mut [i32]) -> () {
        let centre = &place.centre[..pair.len()];
        fill(pair, &place.residual_unit, two, |level, i, unit| {
            fine(cut((level - 16 * i32::from(centre[i])) >> 1), unit)
        });
    }

    /// The level of a column less the centre, and the mean residual of one.
    pub(super) fn last_level_inputs<'a>(
        place: &'a Place,
        level: &'a [i32],
        mean: &'a [i32],
        pair: &'a mut [i32],
    ) -> () {
        let n = pair.len();
        let (level, mean, centre) = (&level[..n], &mean[..n], &place.centre[..n]);
        let [limit, power, factor] = &place.residual_unit;
        let (limit, power, factor) = (&limit[..n], &power[..n], &factor[..n]);
        for i in 0..n {
            let unit = [limit[i], power[i], factor[i]];
            let level = (level[i] - 16 * i32::from(centre[i])) >> 1;
            pair[i] = pack(fine(cut(level), unit), fine(cut(mean[i] >> 4), unit));
        }
    }

    /// Numbers of columns in 128ths of a sample.
    pub(super) fn column_inputs<'a>(place: &'a Place, two: [&'a [i32]; 2], pair: &'a mut [i32]) -> () {
        fill(pair, &place.residual_unit, two, |mean, _, unit| fine((mean >> 4) as i16, unit));
    }

    /// The sizes of both numbers of every word.
    pub(super) fn sizes_of<'a>(words: &'a [i32], pair: &'a mut [i32]) -> () {
        for (to, &word) in pair.iter_mut().zip(words) {
            *to = pack((word as i16).abs(), ((word >> 16) as i16).abs());
        }
    }

    /// The first stage's result and its size.
    pub(super) fn offset_inputs<'a>(offsets: &'a [i32], pair: &'a mut [i32]) -> () {
        for (to, &offset) in pair.iter_mut().zip(offsets) {
            let offset = ((offset + 128) >> 8).max(-127).min(127) as i16;
            *to = pack(offset, offset.abs());
        }
    }
}
