//! The predictive distribution of a pixel: a mixture of normal distributions around its location,
//! in units of its scale.
//!
//! The weights belong to a context (octave of the scale; whether the location is far from the
//! centre of the neighbours) and are learnt by expectation-maximisation from every fifth step. The
//! CDF of a context is tabulated as integers over a grid that is even near zero and ever coarser
//! away from it.

use super::lanes::{LANES, Lanes};
use crate::maths::{clamp_or_low, normal_cdf};
use nf_simd::{InstructionSet, kernel};
use std::sync::LazyLock;

/// Components of a mixture: relative standard deviations, and weights at the start.
const COMPONENTS: usize = 8;
const WIDTHS: [f64; COMPONENTS] = [0.6, 0.85, 1.15, 1.6, 3.0, 10.0, 60.0, 600.0];
const START: [f32; COMPONENTS] = [0.1, 0.4, 0.3, 0.15, 0.04, 0.009, 0.0009, 0.0001];

/// Pixels that these weights count for.
const START_PX: f32 = 30.0;

/// A context gets new weights after this share of the pixels that the old ones count for, or after
/// this many. The old ones then count for at most `KEEP` pixels for each new one: the fewer, the
/// longer the step towards the most likely weights.
const FRESH: f32 = 0.3;
const FRESH_PX: f32 = 1500.0;
const KEEP: f32 = 0.5;

/// Contexts: two per octave of the scale.
const OCTAVES: usize = 16;
pub(super) const CONTEXTS: usize = 2 * OCTAVES;

/// Masses are integers on the scale `2^MASS_BITS`.
pub(super) const MASS_BITS: u32 = 28;

/// Values of a block, each of which keeps at least one unit of mass.
pub(super) const BLOCK: usize = 8;
pub(super) const BLOCKS: usize = (1 << 16) / BLOCK;

/// The mass that the mixtures share out.
const SHARED: f64 = ((1 << MASS_BITS) - (1 << 16)) as f64;

/// Entries of a table: deviations from far below to far above, and one more.
const ENTRIES: usize = 1024;
const ENTRY_BITS: u32 = 10;
const TABLE_LEN: usize = 2 * ENTRIES;

/// Bits of the mass by which a decoder makes its first guess.
const GUESS_BITS: u32 = 8;

/// Deviations are bounded to this many scales.
const FARTHEST: f32 = 4000.0;

/// The position of a deviation `z` in the tables: the entry and, in the low [`ENTRY_BITS`] bits,
/// the share of the next.
#[inline(always)]
fn position(z: f32) -> u32 {
    /// Added to a number below 2^23, rounds it to an integer, which then is in the low bits.
    const ROUND: f32 = 8_388_608.0;
    let z = clamp_or_low(z, -FARTHEST, FARTHEST);
    let t = z / (8.0 + z.abs());
    ((t + 1.0) * (1 << (2 * ENTRY_BITS - 1)) as f32 + ROUND).to_bits() & 0x003F_FFFF
}

/// The mass at a position whose entry is `pair`.
#[inline(always)]
fn interpolate(pair: u64, position: u32) -> u32 {
    let (mass, more) = (pair as u32, (pair >> 32) as u32);
    mass + ((more * (position & ((1 << ENTRY_BITS) - 1))) >> ENTRY_BITS)
}

/// The deviation of an entry.
fn deviation(entry: usize) -> f64 {
    let t = entry as f64 / (ENTRIES / 2) as f64 - 1.0;
    let left = 1.0 - t.abs();
    if left > 0.0 { 8.0 * t / left } else { t * 1e9 }
}

/// The mixtures of all contexts.
#[derive(Clone, Debug)]
pub(super) struct Distributions {
    /// Masses below the entries (low halves) and what the next entries have more (high halves),
    /// context after context.
    tables: Vec<[u64; TABLE_LEN]>,
    /// Deviations below which lie the masses `(n + 1/2) / 2^GUESS_BITS`, about.
    guesses: Vec<[f32; 1 << GUESS_BITS]>,
    /// CDFs of the components at the entries.
    components: Box<[[f32; COMPONENTS]]>,
    weights: [[f32; COMPONENTS]; CONTEXTS],
    fresh: [[f32; COMPONENTS]; CONTEXTS],
}

/// Which distributions the pixels of a step have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameters {
    /// Less the shift of a dithered pixel.
    pub(super) location: Lanes,
    inverse_scale: Lanes,
    context: [u32; LANES],
}

impl Parameters {
    #[inline(always)]
    pub(super) fn new(location: &Lanes, scale: &Lanes, log: &Lanes, middle: &Lanes, shift: &Lanes) -> Self {
        let mut this = Self { location: *location, inverse_scale: [0.0; LANES], context: [0; LANES] };
        for k in 0..LANES {
            this.location[k] = location[k] - shift[k];
            this.inverse_scale[k] = 1.0 / scale[k];
            let octave = clamp_or_low(log[k] * std::f32::consts::LOG2_E + 4.0, 0.0, (OCTAVES - 1) as f32);
            let far = (location[k] - middle[k]).abs() > scale[k];
            this.context[k] = 2 * octave as i32 as u32 + u32::from(far);
        }
        this
    }

    #[inline(always)]
    fn deviation(&self, lane: usize, edge: f32) -> f32 {
        (edge - self.location[lane]) * self.inverse_scale[lane]
    }
}

impl Distributions {
    pub(super) fn new() -> Self {
        /// The distributions at the start, which are the same for all contexts and tiles.
        static START_STATE: LazyLock<Distributions> = LazyLock::new(|| {
            let component = |entry| WIDTHS.map(|width| normal_cdf(deviation(entry) / width) as f32);
            let mut this = Distributions {
                tables: vec![[0; TABLE_LEN]; CONTEXTS],
                guesses: vec![[0.0; 1 << GUESS_BITS]; CONTEXTS],
                components: (0..=ENTRIES).map(component).collect(),
                weights: [START.map(|weight| weight * START_PX); CONTEXTS],
                fresh: [[0.0; COMPONENTS]; CONTEXTS],
            };
            tabulate(InstructionSet::Baseline, &mut this, 0);
            this.tables = vec![this.tables[0]; CONTEXTS];
            this.guesses = vec![this.guesses[0]; CONTEXTS];
            this
        });
        START_STATE.clone()
    }

    /// Contexts with enough pixels since their table was made get another.
    pub(super) fn refresh(&mut self, isa: InstructionSet) {
        for context in 0..CONTEXTS {
            let (old, new) = (&mut self.weights[context], &mut self.fresh[context]);
            let (known, count): (f32, f32) = (old.iter().sum(), new.iter().sum());
            if count > 8.0 && (count > known * FRESH || count > FRESH_PX) {
                let most = count * KEEP;
                let keep = if known > most { most / known } else { 1.0 };
                for (old, new) in old.iter_mut().zip(new) {
                    *old = keep * *old + *new;
                    *new = 0.0;
                }
                tabulate(isa, self, context);
            }
        }
    }

    /// The mass below `edge` in the distribution of `lane`, out of [`SHARED`].
    #[inline(always)]
    pub(super) fn below(&self, at: &Parameters, lane: usize, edge: f32) -> u32 {
        let position = position(at.deviation(lane, edge));
        let table = &self.tables[at.context[lane] as usize % CONTEXTS];
        interpolate(table[(position >> ENTRY_BITS) as usize % TABLE_LEN], position)
    }

    /// The mass of all blocks below `block`, up to `2^MASS_BITS`: grows by at least one unit per
    /// sample.
    #[inline(always)]
    pub(super) fn below_block(&self, at: &Parameters, lane: usize, block: usize) -> u32 {
        let mass = self.below(at, lane, (block * BLOCK) as f32 - 0.5) + (block * BLOCK) as u32;
        let mass = if block == 0 { 0 } else { mass };
        if block >= BLOCKS { 1 << MASS_BITS } else { mass }
    }

    /// The same for all lanes.
    #[inline(always)]
    pub(super) fn below_blocks(&self, at: &Parameters, blocks: &[u32; LANES]) -> [u32; LANES] {
        let tables = self.tables.as_flattened().first_chunk::<{ CONTEXTS * TABLE_LEN }>();
        let tables = tables.expect("a table per context");
        let mut masses = [0; LANES];
        for k in 0..LANES {
            let edge = (blocks[k] as i32 * BLOCK as i32) as f32 - 0.5;
            let position = position((edge - at.location[k]) * at.inverse_scale[k]);
            let entry = (at.context[k] * TABLE_LEN as u32 + (position >> ENTRY_BITS)) as usize
                % (CONTEXTS * TABLE_LEN);
            let mass = interpolate(tables[entry], position) + blocks[k] * BLOCK as u32;
            let mass = if blocks[k] == 0 { 0 } else { mass };
            masses[k] = if blocks[k] >= BLOCKS as u32 { 1 << MASS_BITS } else { mass };
        }
        masses
    }

    /// The masses of the values of `block` in the distribution of `lane`; `end` is the mass below
    /// the next block.
    #[inline(always)]
    pub(super) fn within(&self, at: &Parameters, lane: usize, block: u32, end: u32) -> [u32; BLOCK] {
        let first = (block as i32 * BLOCK as i32) as f32 - 0.5;
        let mut below = [0; BLOCK + 1];
        for k in 0..BLOCK {
            below[k] = self.below(at, lane, first + k as f32);
        }
        below[BLOCK] = end - (block + 1) * BLOCK as u32;
        let mut masses = [0; BLOCK];
        for k in 0..BLOCK {
            masses[k] = below[k + 1].saturating_sub(below[k]);
        }
        masses
    }

    /// Blocks with about these masses below them.
    #[inline(always)]
    pub(super) fn guess(&self, at: &Parameters, masses: &[u32; LANES]) -> [u32; LANES] {
        let mut blocks = [0; LANES];
        for k in 0..LANES {
            let part = (masses[k] >> (MASS_BITS - GUESS_BITS)) as usize % (1 << GUESS_BITS);
            let z = self.guesses[at.context[k] as usize % CONTEXTS][part];
            let sample = clamp_or_low(at.location[k] + z / at.inverse_scale[k] + 0.5, 0.0, 65_535.0);
            blocks[k] = sample as i32 as u32 / BLOCK as u32;
        }
        blocks
    }

    /// The pixel of `lane` has this value.
    #[inline(always)]
    pub(super) fn update(&mut self, at: &Parameters, lane: usize, value: f32) {
        let cdfs = |edge: f32| -> [f32; COMPONENTS] {
            let position = position(at.deviation(lane, edge));
            let entry = (position >> ENTRY_BITS) as usize;
            let entry = if entry < ENTRIES { entry } else { ENTRIES - 1 };
            let share = (position & ((1 << ENTRY_BITS) - 1)) as f32 * (1.0 / (1 << ENTRY_BITS) as f32);
            let (from, to) = (&self.components[entry], &self.components[entry + 1]);
            std::array::from_fn(|k| from[k] + (to[k] - from[k]) * share)
        };
        let (low, high) = (cdfs(value - 0.5), cdfs(value + 0.5));
        let weights = &self.weights[at.context[lane] as usize % CONTEXTS];
        let mut shares = [0.0; COMPONENTS];
        for k in 0..COMPONENTS {
            let mass = (high[k] - low[k]) * weights[k];
            shares[k] = if mass > 0.0 { mass } else { 0.0 };
        }
        let sum: f32 = shares.iter().sum();
        let factor = 1.0 / (sum + 1e-12);
        for (fresh, share) in self.fresh[at.context[lane] as usize % CONTEXTS].iter_mut().zip(shares) {
            *fresh += share * factor;
        }
    }
}

kernel! {
    /// Makes the table of a context from its weights.
    fn tabulate<'a>(this: &'a mut Distributions, context: usize) -> () {
        let sum: f32 = this.weights[context].iter().sum();
        let weights = this.weights[context].map(|weight| f64::from(weight / sum) * SHARED);
        let table = &mut this.tables[context];
        // Whatever rounding does: masses never fall, and end with all there is.
        let mut most = 0.0;
        for (entry, cdfs) in table.iter_mut().zip(&this.components) {
            let mut mass = 0.0;
            for (weight, &cdf) in weights.iter().zip(cdfs) {
                mass += weight * f64::from(cdf);
            }
            most = if mass > most { mass } else { most };
            *entry = (if most < SHARED { most } else { SHARED }) as u64;
        }
        for entry in 0..ENTRIES {
            table[entry] |= (table[entry + 1] - table[entry]) << 32;
        }
        let mut entry = 0;
        for (n, guess) in this.guesses[context].iter_mut().enumerate() {
            let mass = (2 * n as u32 + 1) << (MASS_BITS - GUESS_BITS - 1);
            while entry < ENTRIES && (table[entry] as u32) < mass {
                entry += 1;
            }
            *guess = clamp_or_low(deviation(entry) as f32, -FARTHEST, FARTHEST);
        }
    }
}
