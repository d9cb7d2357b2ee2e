//! The law of a pixel: a mixture of normal laws around its location, in units of its scale.
//!
//! Weights belong to a context (octave of the scale; whether the location is far from the centre of the pixels around) and are
//! learnt by expectation and maximisation from every fourth step. The distribution function of a context is tabulated as
//! integers over a grid that is even near zero and ever coarser away from it.

use super::lanes::{LANES, Lanes};
use crate::max::math::bound;
use std::sync::LazyLock;

/// Normal laws of a mixture: relative widths, and weights at the start.
const PARTS: usize = 8;
const WIDTHS: [f64; PARTS] = [0.6, 0.85, 1.15, 1.6, 3.0, 10.0, 60.0, 600.0];
const START: [f32; PARTS] = [0.1, 0.4, 0.3, 0.15, 0.04, 0.009, 0.0009, 0.0001];

/// Pixels that speak for these weights.
const START_PX: f32 = 30.0;

/// A context gets new weights when it has seen this share of the pixels that speak for the old ones, or so many; the old ones then
/// speak with so many pixels for each fresh one: the fewer, the longer the step towards the likeliest weights.
const FRESH: f32 = 0.3;
const FRESH_PX: f32 = 1500.0;
const KEEP: f32 = 0.5;

/// Contexts: two per octave of the scale.
const OCTAVES: usize = 16;
pub(super) const CONTEXTS: usize = 2 * OCTAVES;

/// Masses are integers on the scale `2^MASS_BITS`.
pub(super) const MASS_BITS: u32 = 28;

/// Samples of a block, each of which keeps at least one unit of mass.
pub(super) const BLOCK: usize = 8;
pub(super) const BLOCKS: usize = (1 << 16) / BLOCK;

/// What is left to share.
const SHARED: f64 = ((1 << MASS_BITS) - (1 << 16)) as f64;

/// Entries of a table: deviations from far below to far above, and one more.
const ENTRIES: usize = 1024;
const ENTRY_BITS: u32 = 10;
const ROOM: usize = 2 * ENTRIES;

/// A decoder's first guess goes by so many bits of the mass.
const GUESS_BITS: u32 = 8;

/// Deviations beyond so many scales count as these.
const FARTHEST: f32 = 4000.0;

/// The place of a deviation `z` in the tables: entry and, in the low [`ENTRY_BITS`] bits, the share of the next.
#[inline(always)]
fn place(z: f32) -> u32 {
    /// Added to a number below 2^23, rounds it to an integer, which then is in the low bits.
    const ROUND: f32 = 8_388_608.0;
    let z = bound(z, -FARTHEST, FARTHEST);
    let t = z / (8.0 + z.abs());
    ((t + 1.0) * (1 << (2 * ENTRY_BITS - 1)) as f32 + ROUND).to_bits() & 0x003F_FFFF
}

/// The mass at a place whose entry is `pair`.
#[inline(always)]
fn interpolate(pair: u64, place: u32) -> u32 {
    let (mass, more) = (pair as u32, (pair >> 32) as u32);
    mass + ((more * (place & ((1 << ENTRY_BITS) - 1))) >> ENTRY_BITS)
}

/// The deviation of an entry.
fn deviation(entry: usize) -> f64 {
    let t = entry as f64 / (ENTRIES / 2) as f64 - 1.0;
    let left = 1.0 - t.abs();
    if left > 0.0 { 8.0 * t / left } else { t * 1e9 }
}

/// Laws of all contexts.
#[derive(Clone, Debug)]
pub(super) struct Laws {
    /// Masses below the entries (low halves) and what the next entries have more (high halves), context after context.
    tables: Vec<[u64; ROOM]>,
    /// Deviations below which lie the masses `(n + 1/2) / 2^GUESS_BITS`, about.
    guesses: Vec<[f32; 1 << GUESS_BITS]>,
    /// Distribution functions of the parts at the entries.
    parts: Box<[[f32; PARTS]]>,
    weights: [[f32; PARTS]; CONTEXTS],
    fresh: [[f32; PARTS]; CONTEXTS],
}

/// Where the laws of the pixels of a step stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) location: Lanes,
    inverse_scale: Lanes,
    context: [u32; LANES],
}

impl Place {
    #[inline(always)]
    pub(super) fn new(location: &Lanes, scale: &Lanes, log: &Lanes, middle: &Lanes) -> Self {
        let mut this = Self { location: *location, inverse_scale: [0.0; LANES], context: [0; LANES] };
        for k in 0..LANES {
            this.inverse_scale[k] = 1.0 / scale[k];
            let octave = bound(log[k] * std::f32::consts::LOG2_E + 4.0, 0.0, (OCTAVES - 1) as f32);
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

impl Laws {
    pub(super) fn new() -> Self {
        /// The laws at the start, which are the same for all contexts and tiles.
        static START_LAWS: LazyLock<Laws> = LazyLock::new(|| {
            let part = |entry| WIDTHS.map(|width| normal(deviation(entry) / width) as f32);
            let mut laws = Laws {
                tables: vec![[0; ROOM]; CONTEXTS],
                guesses: vec![[0.0; 1 << GUESS_BITS]; CONTEXTS],
                parts: (0..=ENTRIES).map(part).collect(),
                weights: [START.map(|weight| weight * START_PX); CONTEXTS],
                fresh: [[0.0; PARTS]; CONTEXTS],
            };
            laws.tabulate(0);
            laws.tables = vec![laws.tables[0]; CONTEXTS];
            laws.guesses = vec![laws.guesses[0]; CONTEXTS];
            laws
        });
        START_LAWS.clone()
    }

    /// Contexts that have seen enough since their table was made get another.
    #[inline(always)]
    pub(super) fn refresh(&mut self) {
        for context in 0..CONTEXTS {
            let (old, new) = (&mut self.weights[context], &mut self.fresh[context]);
            let (known, seen): (f32, f32) = (old.iter().sum(), new.iter().sum());
            if seen > 8.0 && (seen > known * FRESH || seen > FRESH_PX) {
                let most = seen * KEEP;
                let keep = if known > most { most / known } else { 1.0 };
                for (old, new) in old.iter_mut().zip(new) {
                    *old = keep * *old + *new;
                    *new = 0.0;
                }
                self.tabulate(context);
            }
        }
    }

    #[inline(always)]
    fn tabulate(&mut self, context: usize) {
        let sum: f32 = self.weights[context].iter().sum();
        let weights = self.weights[context].map(|weight| f64::from(weight / sum) * SHARED);
        let table = &mut self.tables[context];
        // Whatever rounding does: masses never fall, and end with all there is.
        let mut most = 0.0;
        for (entry, parts) in table.iter_mut().zip(&self.parts) {
            let mut mass = 0.0;
            for (weight, &part) in weights.iter().zip(parts) {
                mass += weight * f64::from(part);
            }
            most = if mass > most { mass } else { most };
            *entry = (if most < SHARED { most } else { SHARED }) as u64;
        }
        for entry in 0..ENTRIES {
            table[entry] |= (table[entry + 1] - table[entry]) << 32;
        }
        let mut entry = 0;
        for (n, guess) in self.guesses[context].iter_mut().enumerate() {
            let mass = (2 * n as u32 + 1) << (MASS_BITS - GUESS_BITS - 1);
            while entry < ENTRIES && (table[entry] as u32) < mass {
                entry += 1;
            }
            *guess = bound(deviation(entry) as f32, -FARTHEST, FARTHEST);
        }
    }

    /// The mass below `edge` of the law of `lane`, out of [`SHARED`].
    #[inline(always)]
    pub(super) fn below(&self, at: &Place, lane: usize, edge: f32) -> u32 {
        let place = place(at.deviation(lane, edge));
        let table = &self.tables[at.context[lane] as usize % CONTEXTS];
        interpolate(table[(place >> ENTRY_BITS) as usize % ROOM], place)
    }

    /// The mass of all blocks below `block`, up to `2^MASS_BITS`: grows by at least one unit per sample.
    #[inline(always)]
    pub(super) fn below_block(&self, at: &Place, lane: usize, block: usize) -> u32 {
        let mass = self.below(at, lane, (block * BLOCK) as f32 - 0.5) + (block * BLOCK) as u32;
        let mass = if block == 0 { 0 } else { mass };
        if block >= BLOCKS { 1 << MASS_BITS } else { mass }
    }

    /// The same for all lanes.
    #[inline(always)]
    pub(super) fn below_blocks(&self, at: &Place, blocks: &[u32; LANES]) -> [u32; LANES] {
        let tables = self.tables.as_flattened().first_chunk::<{ CONTEXTS * ROOM }>();
        let tables = tables.expect("a table per context");
        let mut masses = [0; LANES];
        for k in 0..LANES {
            let edge = (blocks[k] as i32 * BLOCK as i32) as f32 - 0.5;
            let place = place((edge - at.location[k]) * at.inverse_scale[k]);
            let entry = (at.context[k] * ROOM as u32 + (place >> ENTRY_BITS)) as usize % (CONTEXTS * ROOM);
            let mass = interpolate(tables[entry], place) + blocks[k] * BLOCK as u32;
            let mass = if blocks[k] == 0 { 0 } else { mass };
            masses[k] = if blocks[k] >= BLOCKS as u32 { 1 << MASS_BITS } else { mass };
        }
        masses
    }

    /// The masses of the samples of `block` under the law of `lane`; below the next block lies `end`.
    #[inline(always)]
    pub(super) fn within(&self, at: &Place, lane: usize, block: u32, end: u32) -> [u32; BLOCK] {
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

    /// The blocks below which lie about these masses.
    #[inline(always)]
    pub(super) fn guess(&self, at: &Place, masses: &[u32; LANES]) -> [u32; LANES] {
        let mut blocks = [0; LANES];
        for k in 0..LANES {
            let part = (masses[k] >> (MASS_BITS - GUESS_BITS)) as usize % (1 << GUESS_BITS);
            let z = self.guesses[at.context[k] as usize % CONTEXTS][part];
            let sample = bound(at.location[k] + z / at.inverse_scale[k] + 0.5, 0.0, 65_535.0);
            blocks[k] = sample as i32 as u32 / BLOCK as u32;
        }
        blocks
    }

    /// `lane` turned out to be `value`.
    #[inline(always)]
    pub(super) fn learn(&mut self, at: &Place, lane: usize, value: f32) {
        let share = |edge: f32| -> [f32; PARTS] {
            let place = place(at.deviation(lane, edge));
            let entry = (place >> ENTRY_BITS) as usize;
            let entry = if entry < ENTRIES { entry } else { ENTRIES - 1 };
            let share = (place & ((1 << ENTRY_BITS) - 1)) as f32 * (1.0 / (1 << ENTRY_BITS) as f32);
            let (from, to) = (&self.parts[entry], &self.parts[entry + 1]);
            std::array::from_fn(|k| from[k] + (to[k] - from[k]) * share)
        };
        let (low, high) = (share(value - 0.5), share(value + 0.5));
        let weights = &self.weights[at.context[lane] as usize % CONTEXTS];
        let mut shares = [0.0; PARTS];
        for k in 0..PARTS {
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

/// Distribution function of the normal law: the series of Marsaglia (2004) in f64, with basic operations only.
fn normal(z: f64) -> f64 {
    let x = z.abs();
    let tail = if x > 8.0 {
        0.0
    } else {
        let (mut term, mut sum, mut n) = (x, x, 1.0);
        while term > 1e-18 * sum {
            n += 2.0;
            term *= x * x / n;
            sum += term;
        }
        let tail = 0.5 - sum * density(x);
        if tail > 0.0 { tail } else { 0.0 }
    };
    if z < 0.0 { tail } else { 1.0 - tail }
}

/// Density of the normal law, by the series of the exponential function at a part of `z^2 / 2` and powers of `e^(-1/2)`.
fn density(z: f64) -> f64 {
    let halves = (z * z) as u64;
    let rest = -0.5 * (z * z - halves as f64);
    let (mut term, mut series) = (1.0, 1.0);
    for k in 1..20 {
        term *= rest / f64::from(k);
        series += term;
    }
    let mut power = 1.0;
    for _ in 0..halves {
        power *= 0.606_530_659_712_633_4;
    }
    power * series * 0.398_942_280_401_432_7
}
