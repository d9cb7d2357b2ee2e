//! What the two stages of the net see of a pixel's surroundings.

use super::rows::{ABOVE, Columns, Extents, Offset, REACH, Rows};
use super::units::{EIGHTHS, LEAST_ACTIVITY, Unit, clamp, coarse, fine, step, units};
use nf_engine::integer::pack;
use nf_engine::{InstructionSet, integer_kernel};

/// Neighbours that enter the first stage.
pub(super) const TAPS: usize = 32;

/// Neighbours whose deviations make the activity.
const ACTIVE: usize = 16;

/// Columns whose levels enter the first stage, counted from the pixel's.
const LEVELS: [isize; 7] = [0, -1, 1, -2, 2, -3, 3];

/// Rows after which levels begin anew.
const ROWS_APART: u32 = 4;

/// Columns whose means and whose sizes of residuals enter the second stage.
const MEANS: [isize; 3] = [0, -1, 1];
const SIZES: [isize; 5] = [0, -1, 1, -2, 2];

/// Inputs of the first stage: neighbours, four numbers of the place, four deviations uncut, levels
/// of columns and the mean residual of the own one.
pub(super) const FIRST_INPUTS: usize = TAPS + 4 + 4 + LEVELS.len() + 1;

/// Residuals that enter the second stage with their signs, and without.
const SIGNED: usize = 12;
const UNSIGNED: usize = 14;

/// Inputs of the second stage: residuals, those of the column, the place, sizes of the nearest
/// deviations uncut and cut, the first stage's result, sizes of the nearest residuals uncut.
pub(super) const SECOND_INPUTS: usize = SIGNED + UNSIGNED + MEANS.len() + SIZES.len() + 4 + 4 + 4 + 2 + 2;

/// The nearest `count` pixels that are known before those of a half row: by distance, then row,
/// then column. Of its own row, the odd half knows the even one.
pub(super) fn taps(parity: usize, count: usize) -> Vec<Offset> {
    let own_row = (-REACH..=REACH).filter(|right| parity == 1 && right % 2 != 0).map(|right| (0, right));
    let above = (1..=ABOVE).flat_map(|up| (-REACH..=REACH).map(move |right| (up, right)));
    let mut taps: Vec<Offset> = own_row.chain(above).collect();
    taps.sort_by_key(|&(up, right)| ((up * up) as isize + right * right, up, right));
    taps.truncate(count);
    taps
}

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
    residual_unit: [Vec<i16>; 3],
}

/// What a tile says once: from where rows above the first one are made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    /// Median, less 2^15.
    pub(super) median: i16,
    /// Noise in samples, at least 1.
    pub(super) noise: i16,
}

impl Level {
    /// From the numbers of a tile's header: `scale_step` in quarter octaves.
    pub(super) fn new(median: u16, scale_step: u8) -> Self {
        // 2^(k/4) in sixteenths.
        const OCTAVE: [i32; 4] = [16, 19, 23, 27];
        let step = usize::from(scale_step);
        let noise = (OCTAVE[step % 4] << (step / 4)) >> 4;
        let noise = noise.min(1 << 12) as i16;
        Self { median: (i32::from(median) - 32768) as i16, noise }
    }
}

/// Everything that the inputs of a half row are made from.
#[derive(Clone, Debug)]
pub(super) struct Surroundings {
    pub(super) values: Rows,
    /// Samples less the first stage's locations, in eighths.
    residuals: Rows,
    /// Running means of residuals and of their sizes down a column, in 128ths of a sample.
    column: Columns,
    column_size: Columns,
    /// Running means of samples less 2^15 down a column, in sixteenths of a sample.
    column_level: Columns,
    /// Whether there is a row so far, and how many of the last ones were apart from their levels.
    has_rows: [bool; 2],
    rows_apart: [u32; 2],
    pub(super) place: Place,
    least_noise: i16,
    units: Vec<Unit>,
    taps: [Vec<Offset>; 2],
    pub(super) extents: Extents,
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

impl Surroundings {
    /// Those of a tile of so many columns before its first row.
    pub(super) fn new(width: usize, level: Level) -> Self {
        let extents = Extents::new(width);
        let numbers = || vec![0_i16; extents.padded];
        let around = [level.median.saturating_sub(level.noise), level.median.saturating_add(level.noise)];
        let residual = level.noise.saturating_mul(8);
        let size = 16 * i32::from(residual);
        Self {
            values: Rows::new(extents, around),
            residuals: Rows::new(extents, [-residual, residual]),
            column: Columns::new(extents, 0),
            column_size: Columns::new(extents, size),
            column_level: Columns::new(extents, 16 * i32::from(level.median)),
            has_rows: [false; 2],
            rows_apart: [0; 2],
            place: Place {
                centre: numbers(),
                range: numbers(),
                activity: numbers(),
                unit: [numbers(), numbers(), numbers(), numbers()],
                residual_unit: [numbers(), numbers(), numbers()],
            },
            least_noise: level.noise,
            units: units().to_vec(),
            taps: [taps(0, TAPS), taps(1, TAPS)],
            extents,
        }
    }

    /// Goes to the next row.
    pub(super) fn advance(&mut self) {
        self.values.advance();
        self.residuals.advance();
    }

    /// The first stage's inputs of a half row, two in a word, pair by pair.
    pub(super) fn first_inputs(&mut self, isa: InstructionSet, parity: usize, inputs: &mut [i32]) {
        let five: [Offset; 6] = match parity {
            0 => [(1, 0), (1, -1), (1, 1), (2, 0), (1, -2), (1, 2)],
            _ => [(0, -1), (0, 1), (1, 0), (1, -1), (1, 1), (1, 1)],
        };
        measure(isa, &mut self.place, &self.values, parity, five);
        let least = self.least_noise;
        self.place.activity.fill(LEAST_ACTIVITY);
        for tap in self.taps[parity][..ACTIVE].as_chunks::<4>().0 {
            add_activity(isa, &mut self.place, tap.map(|tap| self.values.at(parity, tap)), least);
        }
        find_units(&self.units, &mut self.place);
        let stride = self.extents.padded;
        let (pairs, rest) = inputs.split_at_mut(TAPS / 2 * stride);
        for (pair, tap) in pairs.chunks_exact_mut(stride).zip(self.taps[parity].as_chunks::<2>().0) {
            deviations(isa, &self.place, tap.map(|tap| self.values.at(parity, tap)), pair);
        }
        let (size, level) = (self.column_size.at(parity, 0), self.column_level.at(parity, 0));
        place_inputs(isa, &self.place, size, level, &mut rest[..2 * stride]);
        for (pair, tap) in
            rest[2 * stride..4 * stride].chunks_exact_mut(stride).zip(self.taps[parity].as_chunks::<2>().0)
        {
            uncut(isa, &self.place, tap.map(|tap| self.values.at(parity, tap)), pair);
        }
        let (pairs, last) = LEVELS.as_chunks::<2>();
        let mut to = rest[4 * stride..].chunks_exact_mut(stride);
        let mut pair = || to.next().expect("there are as many pairs as are written");
        for two in pairs {
            let two = two.map(|right| self.column_level.at(parity, right));
            level_inputs(isa, &self.place, two, 1, pair());
        }
        let two = [self.column_level.at(parity, last[0]), self.column.at(parity, 0)];
        level_inputs(isa, &self.place, two, 0, pair());
    }

    /// The second stage's inputs, from the first stage's and its results in units of 1/4096.
    pub(super) fn second_inputs(
        &mut self,
        isa: InstructionSet,
        parity: usize,
        first: &[i32],
        offsets: &[i32],
        inputs: &mut [i32],
    ) {
        const EVEN: [Offset; SIGNED] = [
            (1, 0),
            (1, -1),
            (1, 1),
            (1, -2),
            (1, 2),
            (2, 0),
            (2, -1),
            (2, 1),
            (1, -3),
            (1, 3),
            (2, -2),
            (2, 2),
        ];
        const ODD: [Offset; SIGNED] = [
            (0, -1),
            (0, 1),
            (1, 0),
            (1, -1),
            (1, 1),
            (0, -3),
            (0, 3),
            (2, 0),
            (1, -2),
            (1, 2),
            (0, -5),
            (0, 5),
        ];
        const EVEN_SIZES: [Offset; UNSIGNED] = [
            (1, 0),
            (1, -1),
            (1, 1),
            (1, -2),
            (1, 2),
            (2, 0),
            (2, -1),
            (2, 1),
            (1, -3),
            (1, 3),
            (2, -2),
            (2, 2),
            (3, 0),
            (1, -4),
        ];
        const ODD_SIZES: [Offset; UNSIGNED] = [
            (0, -1),
            (0, 1),
            (1, 0),
            (1, -1),
            (1, 1),
            (0, -3),
            (0, 3),
            (2, 0),
            (1, -2),
            (1, 2),
            (1, -3),
            (1, 3),
            (2, -1),
            (2, 1),
        ];
        let (signed, sizes) = if parity == 0 { (EVEN, EVEN_SIZES) } else { (ODD, ODD_SIZES) };
        let stride = self.extents.padded;
        let mut pairs = inputs.chunks_exact_mut(stride);
        let mut pair = || pairs.next().expect("there are as many pairs as are written");
        for two in signed.as_chunks::<2>().0 {
            residual_inputs(isa, &self.place, two.map(|at| self.residuals.at(parity, at)), pair());
        }
        for two in sizes.as_chunks::<2>().0 {
            size_inputs(isa, &self.place, two.map(|at| self.residuals.at(parity, at)), pair());
        }
        let means = MEANS.map(|right| self.column.at(parity, right));
        let sizes_of_columns = SIZES.map(|right| self.column_size.at(parity, right));
        let columns = [&means[..], &sizes_of_columns[..]].concat();
        for &two in columns.as_chunks::<2>().0 {
            column_inputs(isa, &self.place, two, pair());
        }
        let word = |k: usize| &first[k * stride..(k + 1) * stride];
        pair().copy_from_slice(word(TAPS / 2));
        pair().copy_from_slice(word(TAPS / 2 + 1));
        for k in [TAPS / 2 + 2, TAPS / 2 + 3, 0, 1] {
            sizes_of(isa, word(k), pair());
        }
        offset_inputs(isa, &offsets[..stride], pair());
        let nearest = [sizes[0], sizes[1]].map(|at| self.residuals.at(parity, at));
        uncut_size_inputs(isa, &self.place, nearest, pair());
    }

    /// Takes up the samples of a half row, less 2^15, and the first stage's locations in eighths.
    pub(super) fn set(&mut self, isa: InstructionSet, parity: usize, samples: &[i16], locations: &[i32]) {
        let length = self.extents.lengths[parity];
        let mut residuals = vec![0_i16; length];
        find_residuals(isa, &samples[..length], &locations[..length], &mut residuals);
        let anew = self.levels_begin_anew(isa, parity, &samples[..length]);
        let (limits, residual_limits) = (&self.place.unit[0], &self.place.residual_unit[0]);
        self.column.update(parity, |means| update_means(isa, &residuals, residual_limits, means));
        self.column_size.update(parity, |sizes| update_sizes(isa, &residuals, residual_limits, sizes));
        self.column_level.update(parity, |levels| update_levels(isa, samples, limits, anew, levels));
        self.values.set(parity, samples);
        self.residuals.set(parity, &residuals);
    }
}

impl Surroundings {
    /// Whether the levels of columns become the samples of this half row: in the first row, and
    /// where another amplifier begins. Most of its pixels, and of those of the rows before, are far
    /// from their levels then.
    fn levels_begin_anew(&mut self, isa: InstructionSet, parity: usize, samples: &[i16]) -> bool {
        let levels = self.column_level.at(parity, 0);
        let apart = count_apart(isa, samples, &self.place.unit[0], levels) as usize;
        let rows_apart = &mut self.rows_apart[parity];
        *rows_apart = if 4 * apart > 3 * samples.len() { *rows_apart + 1 } else { 0 };
        let anew = !self.has_rows[parity] || *rows_apart == ROWS_APART;
        *rows_apart = if anew { 0 } else { *rows_apart };
        self.has_rows[parity] = true;
        anew
    }
}

/// The units of the activities.
fn find_units(units: &[Unit], place: &mut Place) {
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

integer_kernel! {
    /// Medians and trimmed ranges of five neighbours; the fifth is the mean of the last two.
    fn measure<'a>(place: &'a mut Place, values: &'a Rows, parity: usize, five: [Offset; 6]) -> () {
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
    fn add_activity<'a>(place: &'a mut Place, four: [&'a [i16]; 4], least: i16) -> () {
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

    fn deviations<'a>(place: &'a Place, two: [&'a [i16]; 2], pair: &'a mut [i32]) -> () {
        let n = pair.len();
        let [a, b] = two.map(|values| &values[..n]);
        let centre = &place.centre[..n];
        let [limit, power, factor, _] = &place.unit;
        let (limit, power, factor) = (&limit[..n], &power[..n], &factor[..n]);
        for i in 0..n {
            let of = |value: i16| fine(value.saturating_sub(centre[i]), limit[i], power[i], factor[i]);
            pair[i] = pack(of(a[i]), of(b[i]));
        }
    }

    fn uncut<'a>(place: &'a Place, two: [&'a [i16]; 2], pair: &'a mut [i32]) -> () {
        let n = pair.len();
        let [a, b] = two.map(|values| &values[..n]);
        let centre = &place.centre[..n];
        let [limit, power, factor, _] = &place.unit;
        let (limit, power, factor) = (&limit[..n], &power[..n], &factor[..n]);
        for i in 0..n {
            let of = |value: i16| coarse(value.saturating_sub(centre[i]), limit[i], power[i], factor[i]);
            pair[i] = pack(of(a[i]), of(b[i]));
        }
    }

    /// The trimmed range and the column's sizes of residuals; the activity, and the height above
    /// the column's level.
    fn place_inputs<'a>(place: &'a Place, size: &'a [i32], level: &'a [i32], pairs: &'a mut [i32]) -> () {
        let (one, two) = pairs.split_at_mut(pairs.len() / 2);
        let n = one.len();
        let (centre, range) = (&place.centre[..n], &place.range[..n]);
        let [limit, power, factor, log] = &place.unit;
        let (limit, power, factor, log) = (&limit[..n], &power[..n], &factor[..n], &log[..n]);
        let [limit8, power8, factor8] = &place.residual_unit;
        let (limit8, power8, factor8) = (&limit8[..n], &power8[..n], &factor8[..n]);
        let (size, level, two) = (&size[..n], &level[..n], &mut two[..n]);
        for i in 0..n {
            let range = fine(range[i], limit[i], power[i], factor[i]);
            let size = fine((size[i] >> 4) as i16, limit8[i], power8[i], factor8[i]);
            let height = centre[i].saturating_sub((level[i] >> 4) as i16);
            let height = coarse(height, limit[i], power[i], factor[i]);
            one[i] = pack(range, size);
            two[i] = pack(clamp(log[i] - 64, 127), height);
        }
    }

    fn residual_inputs<'a>(place: &'a Place, two: [&'a [i16]; 2], pair: &'a mut [i32]) -> () {
        let n = pair.len();
        let [a, b] = two.map(|values| &values[..n]);
        let [limit, power, factor] = &place.residual_unit;
        let (limit, power, factor) = (&limit[..n], &power[..n], &factor[..n]);
        for i in 0..n {
            let of = |residual: i16| fine(residual, limit[i], power[i], factor[i]);
            pair[i] = pack(of(a[i]), of(b[i]));
        }
    }

    fn size_inputs<'a>(place: &'a Place, two: [&'a [i16]; 2], pair: &'a mut [i32]) -> () {
        let n = pair.len();
        let [a, b] = two.map(|values| &values[..n]);
        let [limit, power, factor] = &place.residual_unit;
        let (limit, power, factor) = (&limit[..n], &power[..n], &factor[..n]);
        for i in 0..n {
            let of = |residual: i16| fine(residual.saturating_abs(), limit[i], power[i], factor[i]);
            pair[i] = pack(of(a[i]), of(b[i]));
        }
    }

    fn uncut_size_inputs<'a>(place: &'a Place, two: [&'a [i16]; 2], pair: &'a mut [i32]) -> () {
        let n = pair.len();
        let [a, b] = two.map(|values| &values[..n]);
        let [limit, power, factor] = &place.residual_unit;
        let (limit, power, factor) = (&limit[..n], &power[..n], &factor[..n]);
        for i in 0..n {
            let of = |residual: i16| coarse(residual.saturating_abs(), limit[i], power[i], factor[i]);
            pair[i] = pack(of(a[i]), of(b[i]));
        }
    }

    /// Levels of columns less the centre, the second of them if `both` is not 0; a mean residual
    /// as it is otherwise.
    fn level_inputs<'a>(place: &'a Place, two: [&'a [i32]; 2], both: i32, pair: &'a mut [i32]) -> () {
        let n = pair.len();
        let [a, b] = two.map(|numbers| &numbers[..n]);
        let centre = &place.centre[..n];
        let [limit, power, factor] = &place.residual_unit;
        let (limit, power, factor) = (&limit[..n], &power[..n], &factor[..n]);
        for i in 0..n {
            let of = |eighths: i32| {
                fine(eighths.max(-32767).min(32767) as i16, limit[i], power[i], factor[i])
            };
            let middle = 16 * i32::from(centre[i]);
            let second = if both != 0 { (b[i] - middle) >> 1 } else { b[i] >> 4 };
            pair[i] = pack(of((a[i] - middle) >> 1), of(second));
        }
    }

    /// Numbers of columns in 128ths of a sample.
    fn column_inputs<'a>(place: &'a Place, two: [&'a [i32]; 2], pair: &'a mut [i32]) -> () {
        let n = pair.len();
        let [a, b] = two.map(|numbers| &numbers[..n]);
        let [limit, power, factor] = &place.residual_unit;
        let (limit, power, factor) = (&limit[..n], &power[..n], &factor[..n]);
        for i in 0..n {
            let of = |mean: i32| fine((mean >> 4) as i16, limit[i], power[i], factor[i]);
            pair[i] = pack(of(a[i]), of(b[i]));
        }
    }

    /// The sizes of both numbers of every word.
    fn sizes_of<'a>(words: &'a [i32], pair: &'a mut [i32]) -> () {
        for (to, &word) in pair.iter_mut().zip(words) {
            *to = pack((word as i16).abs(), ((word >> 16) as i16).abs());
        }
    }

    /// The first stage's result and its size.
    fn offset_inputs<'a>(offsets: &'a [i32], pair: &'a mut [i32]) -> () {
        for (to, &offset) in pair.iter_mut().zip(offsets) {
            let offset = ((offset + 128) >> 8).max(-127).min(127) as i16;
            *to = pack(offset, offset.abs());
        }
    }

    fn find_residuals<'a>(samples: &'a [i16], locations: &'a [i32], residuals: &'a mut [i16]) -> () {
        for ((to, &sample), &location) in residuals.iter_mut().zip(samples).zip(locations) {
            let residual = 8 * (i32::from(sample) + 32768) - location;
            *to = residual.max(-32767).min(32767) as i16;
        }
    }

    /// Pixels further from the levels of their columns than what moves these.
    fn count_apart<'a>(samples: &'a [i16], limits: &'a [i16], levels: &'a [i32]) -> u32 {
        let n = samples.len();
        let (limits, levels) = (&limits[..n], &levels[..n]);
        let mut count = 0;
        for i in 0..n {
            let apart = 16 * i32::from(samples[i]) - levels[i];
            count += u32::from(apart.abs() > 16 * i32::from(limits[i]));
        }
        count
    }

    /// Moves the levels of columns by a sixteenth of the way to the samples, which are cut off
    /// where they leave what enters the net; all the way if they begin `anew`.
    fn update_levels<'a>(samples: &'a [i16], limits: &'a [i16], anew: bool, levels: &'a mut [i32]) -> () {
        let n = levels.len();
        let (samples, limits) = (&samples[..n], &limits[..n]);
        for i in 0..n {
            let limit = 16 * i32::from(limits[i]);
            let sample = 16 * i32::from(samples[i]);
            let apart = (sample - levels[i]).max(-limit).min(limit);
            levels[i] = if anew { sample } else { levels[i] + (apart >> 4) };
        }
    }

    /// Moves the means of columns by a sixteenth of the way to the residuals, cut off at half of
    /// what enters the net.
    fn update_means<'a>(residuals: &'a [i16], limits: &'a [i16], means: &'a mut [i32]) -> () {
        let n = means.len();
        let (residuals, limits) = (&residuals[..n], &limits[..n]);
        for i in 0..n {
            let cut = i32::from(clamp(residuals[i], limits[i] >> 1));
            means[i] += (16 * cut - means[i]) >> 4;
        }
    }

    /// The same of the sizes of residuals, cut off at what enters the net.
    fn update_sizes<'a>(residuals: &'a [i16], limits: &'a [i16], sizes: &'a mut [i32]) -> () {
        let n = sizes.len();
        let (residuals, limits) = (&residuals[..n], &limits[..n]);
        for i in 0..n {
            let size = i32::from(residuals[i].saturating_abs().min(limits[i]));
            sizes[i] += (16 * size - sizes[i]) >> 4;
        }
    }
}
