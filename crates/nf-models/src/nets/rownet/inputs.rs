//! What the two stages of the net see of a pixel's surroundings.

use super::place::{
    Place, add_activity, column_inputs, deviations, find_units, last_level_inputs, level_inputs, measure,
    offset_inputs, place_inputs, residual_inputs, size_inputs, sizes_of, uncut, uncut_size_inputs,
};
use super::rows::{ABOVE, Columns, Extents, Offset, REACH, Rows};
use super::units::{LEAST_ACTIVITY, Unit, units};
use super::updates::{count_apart, find_residuals, update_levels, update_means, update_sizes};
use nf_simd::InstructionSet;

/// Neighbours that enter the first stage.
pub(super) const TAPS: usize = 32;

/// By the parity of the column, the neighbours whose median is the centre: four, and the mean of
/// the last two.
pub(super) const CENTRES: [[Offset; 6]; 2] =
    [[(1, 0), (1, -1), (1, 1), (2, 0), (1, -2), (1, 2)], [(0, -1), (0, 1), (1, 0), (1, -1), (1, 1), (1, 1)]];

/// Neighbours whose deviations make the activity.
pub(super) const ACTIVE: usize = 16;

/// Columns whose levels enter the first stage, counted from the pixel's.
pub(super) const LEVELS: [isize; 7] = [0, -1, 1, -2, 2, -3, 3];

/// Rows after which levels begin anew.
pub(super) const ROWS_APART: u32 = 4;

/// Columns whose means and whose sizes of residuals enter the second stage.
pub(super) const MEANS: [isize; 3] = [0, -1, 1];
pub(super) const SIZES: [isize; 5] = [0, -1, 1, -2, 2];

/// Inputs of the first stage: neighbours, four numbers of the place, four deviations uncut, levels
/// of columns and the mean residual of the own one.
pub(super) const FIRST_INPUTS: usize = TAPS + 4 + 4 + LEVELS.len() + 1;

/// Residuals that enter the second stage with their signs, and without.
const SIGNED: usize = 12;
const UNSIGNED: usize = 14;

/// Residuals that enter the second stage of even columns: with their signs the first of them, all
/// of them without.
const OF_EVEN: [Offset; UNSIGNED] = [
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
/// Those of odd columns, with their signs and without.
const OF_ODD: [Offset; SIGNED] =
    [(0, -1), (0, 1), (1, 0), (1, -1), (1, 1), (0, -3), (0, 3), (2, 0), (1, -2), (1, 2), (0, -5), (0, 5)];
const OF_ODD_SIZES: [Offset; UNSIGNED] = [
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
/// By the parity of the column: with their signs, without.
pub(super) const RESIDUALS: [[&[Offset]; 2]; 2] =
    [[OF_EVEN.split_at(SIGNED).0, &OF_EVEN], [&OF_ODD, &OF_ODD_SIZES]];

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

impl Surroundings {
    /// Those of a tile of so many columns before its first row.
    pub(super) fn new(width: usize, level: Level) -> Self {
        let extents = Extents::new(width);
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
            place: Place::new(extents.padded),
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
        measure(isa, &mut self.place, &self.values, parity, CENTRES[parity]);
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
            level_inputs(isa, &self.place, two, pair());
        }
        let (level, mean) = (self.column_level.at(parity, last[0]), self.column.at(parity, 0));
        last_level_inputs(isa, &self.place, level, mean, pair());
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
        let [signed, sizes] = RESIDUALS[parity];
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
