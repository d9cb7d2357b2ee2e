//! Frequency tables of the symbols of a context: neighbouring contexts share one where a table of
//! their own does not pay.

use super::scale::{SCALES, SCALES_PER_OCTAVE};
use super::short_tables::{read_short, shortened, write_short};
use super::symbols::{FINE_OCTAVES, SYMBOLS, contexts, phase_bits};
use crate::maths::log2;
use nf_codec::{Error, Result};
use nf_entropy::bits::{BitReader, BitWriter};
use nf_entropy::{Distribution, Frequencies};
use std::ops::Range;
use std::sync::LazyLock;

/// Points of a table.
pub(super) const POINT_BITS: u32 = 14;

/// Counts of symbols in one context.
pub(super) type Counts = [u32; SYMBOLS];

/// The tables, and where each begins in the order of contexts of [`chains`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tables {
    dithered: bool,
    phases: Phases,
    pub(super) frequencies: Vec<Frequencies>,
    begins: Vec<bool>,
}

/// Fraction bits of the phases that have tables of their own, by octave of scales. The encoder
/// chooses them for dithered tiles.
type Phases = [u32; FINE_OCTAVES];

/// Neighbouring contexts that are one because their octave has fewer phases.
type Joint = Range<usize>;

/// The contexts of some scales with equal phases, phase by phase.
fn chains_of(dithered: bool, scales: Range<usize>, bits: u32) -> impl Iterator<Item = Vec<Joint>> {
    let all = phase_bits(dithered);
    let width = 1 << (all - bits);
    let context = move |scale: usize, phase: usize| (scale << all) + phase * width;
    let joint = move |scale: usize, phase: usize| context(scale, phase)..context(scale, phase) + width;
    (0..1 << bits).map(move |phase| scales.clone().map(|scale| joint(scale, phase)).collect())
}

/// Contexts in an order in which neighbours are alike: of octaves with equal phases, phase by
/// phase; then the scales without.
fn chains(dithered: bool, phases: &Phases) -> Vec<Vec<Joint>> {
    let mut chains = Vec::new();
    let mut octave = 0;
    for equal in phases.chunk_by(|a, b| a == b) {
        let beyond = octave + equal.len();
        let scales = octave * SCALES_PER_OCTAVE..beyond * SCALES_PER_OCTAVE;
        chains.extend(chains_of(dithered, scales, equal[0]));
        octave = beyond;
    }
    let coarse = octave * SCALES_PER_OCTAVE..SCALES;
    chains.extend(chains_of(dithered, coarse, 0));
    chains
}

/// The counts of contexts taken together.
pub(super) fn sum<'a>(of_contexts: impl IntoIterator<Item = &'a Counts>) -> Box<Counts> {
    let mut sum = Box::new([0; SYMBOLS]);
    for counts in of_contexts {
        for (sum, count) in sum.iter_mut().zip(counts) {
            *sum += count;
        }
    }
    sum
}

/// The phases with which the symbols of a dithered tile take fewest bits.
fn choose_phases(counts: &[Counts]) -> Phases {
    let of_octave = |octave: usize| {
        let scales = octave * SCALES_PER_OCTAVE..(octave + 1) * SCALES_PER_OCTAVE;
        let bits = |phase_bits: u32| -> f64 {
            let chains = chains_of(true, scales.clone(), phase_bits);
            chains.flat_map(|chain| runs(true, counts, &chain)).map(|run| run.bits).sum()
        };
        let all = (0..=phase_bits(true)).map(|phase_bits| (phase_bits, bits(phase_bits)));
        all.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |best| best.0)
    };
    std::array::from_fn(of_octave)
}

/// The runs of a chain that share tables.
fn runs(dithered: bool, counts: &[Counts], chain: &[Joint]) -> Vec<Run> {
    let own = |joint: &Joint| {
        let counts = sum(&counts[joint.clone()]);
        Run { first: joint.start, bits: bits(dithered, &counts), counts }
    };
    let occurs = |run: &Run| run.counts.iter().any(|&count| count > 0);
    let mut runs: Vec<Run> = chain.iter().map(own).filter(occurs).collect();
    merge(dithered, &mut runs);
    // No symbol has a context before the first that occurs: its table begins with the chain.
    if let (Some(run), Some(first)) = (runs.first_mut(), chain.first()) {
        run.first = first.start;
    }
    runs
}

/// Bits of the number of bits of a phase.
const PHASE_BITS_BITS: u32 = 3;

/// Bits of a table besides those of its symbols, and of a short one.
const TABLE_BITS: f64 = 80.0;
const SHORT_TABLE_BITS: f64 = 16.0;

/// Bits of a symbol of a table.
const SYMBOL_BITS: f64 = 5.0;

/// A run of contexts that share a table.
struct Run {
    /// The context with which it begins.
    first: usize,
    counts: Box<Counts>,
    bits: f64,
}

/// `n * log2(n)` of small numbers: comparing runs needs very many of them.
static N_LOG2_N: LazyLock<Vec<f64>> = LazyLock::new(|| (0..4096).map(n_log2_n).collect());

fn n_log2_n(n: u32) -> f64 {
    f64::from(n) * log2(f64::from(n.max(1)))
}

/// Bits of symbols with these counts, under the distribution that fits them best.
pub(super) fn entropy_bits(counts: &Counts) -> f64 {
    let small = N_LOG2_N.as_slice();
    let own = |n: u32| small.get(n as usize).copied().unwrap_or_else(|| n_log2_n(n));
    let mut bits = 0.0;
    for &count in counts {
        if count > 0 {
            bits -= own(count);
        }
    }
    bits + own(counts.iter().sum())
}

/// The same with their table; there is a symbol.
fn bits(dithered: bool, counts: &Counts) -> f64 {
    let symbols = counts.iter().filter(|&&count| count > 0).count();
    let table_bits = if dithered { SHORT_TABLE_BITS } else { TABLE_BITS };
    entropy_bits(counts) + table_bits + SYMBOL_BITS * symbols as f64
}

impl Tables {
    /// Tables for symbols with these counts in every context.
    pub(super) fn of_counts(dithered: bool, counts: &[Counts]) -> Self {
        let phases = if dithered { choose_phases(counts) } else { [phase_bits(false); FINE_OCTAVES] };
        let (mut frequencies, mut begins) = (Vec::new(), Vec::new());
        for chain in chains(dithered, &phases) {
            let runs = runs(dithered, counts, &chain);
            begins.extend(chain.iter().map(|joint| runs.iter().any(|run| run.first == joint.start)));
            frequencies.extend(runs.iter().map(|run| {
                let table = Frequencies::from_counts(&run.counts[..], POINT_BITS);
                let table = table.expect("a run has symbols, and fewer than a table has points");
                if dithered { shortened(&table) } else { table }
            }));
        }
        Self { dithered, phases, frequencies, begins }
    }

    /// Bits of symbols with these counts in every context.
    pub(super) fn bits(&self, counts: &[Counts]) -> f64 {
        let mut of_tables = vec![[0; SYMBOLS]; self.frequencies.len()];
        for (table, counts) in self.of_contexts().into_iter().zip(counts) {
            if let Some(of_table) = of_tables.get_mut(usize::from(table)) {
                of_table.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
            }
        }
        let mut bits = 0.0;
        for (counts, table) in of_tables.iter().zip(&self.frequencies) {
            for (&count, &frequency) in counts.iter().zip(table.frequencies()) {
                if count > 0 {
                    bits += f64::from(count) * (f64::from(POINT_BITS) - log2(f64::from(frequency)));
                }
            }
        }
        bits
    }

    /// Index of a table, by context.
    pub(super) fn of_contexts(&self) -> Vec<u16> {
        let mut of_context = vec![0; contexts(self.dithered)];
        let mut begun = 0_u16;
        for (joint, &begins) in chains(self.dithered, &self.phases).into_iter().flatten().zip(&self.begins) {
            begun += u16::from(begins);
            of_context[joint].fill(begun.saturating_sub(1));
        }
        of_context
    }

    /// A bit per context, in order: whether a table begins there; then the tables.
    pub(super) fn write(&self, writer: &mut BitWriter) {
        if self.dithered {
            self.phases.iter().for_each(|&bits| writer.write(u64::from(bits), PHASE_BITS_BITS));
        }
        self.begins.iter().for_each(|&begins| writer.write(u64::from(begins), 1));
        for table in &self.frequencies {
            match self.dithered {
                true => write_short(table.frequencies(), writer),
                false => table.write(writer),
            }
        }
    }

    pub(super) fn read(what: &str, dithered: bool, reader: &mut BitReader<'_>) -> Result<Self> {
        let wrong = |error: nf_entropy::Error| Error::corrupt(what, error.to_string());
        let mut phases = [phase_bits(dithered); FINE_OCTAVES];
        if dithered {
            phases.iter_mut().for_each(|bits| *bits = reader.read(PHASE_BITS_BITS) as u32);
            if let Some(bits) = phases.iter().find(|&&bits| bits > phase_bits(dithered)) {
                let reason = format!("phases of {bits} bits, expected at most {}", phase_bits(dithered));
                return Err(Error::corrupt(what, reason));
            }
        }
        let begins: Vec<bool> =
            chains(dithered, &phases).iter().flatten().map(|_| reader.read(1) == 1).collect();
        reader.check().map_err(wrong)?;
        let mut frequencies = Vec::new();
        for _ in begins.iter().filter(|&&begins| begins) {
            let table = match dithered {
                true => read_short(what, reader)?,
                false => Frequencies::read(reader).map_err(wrong)?,
            };
            let (points, symbols) = (1 << table.scale_bits(), table.frequencies().len());
            if table.scale_bits() != POINT_BITS || symbols > SYMBOLS {
                let reason = format!(
                    "a table of {symbols} symbols on {points} points, expected at most {SYMBOLS} on {}",
                    1 << POINT_BITS
                );
                return Err(Error::corrupt(what, reason));
            }
            frequencies.push(table);
        }
        Ok(Self { dithered, phases, frequencies, begins })
    }
}

/// Joins the neighbours that save most, as long as any two save something.
fn merge(dithered: bool, runs: &mut Vec<Run>) {
    let join = |a: &Run, b: &Run| -> (Box<Counts>, f64) {
        let counts = sum([&*a.counts, &*b.counts]);
        let bits = bits(dithered, &counts);
        (counts, bits)
    };
    let mut savings: Vec<f64> =
        runs.windows(2).map(|pair| pair[0].bits + pair[1].bits - join(&pair[0], &pair[1]).1).collect();
    while let Some((at, &saving)) = savings.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)) {
        if saving <= 0.0 {
            break;
        }
        let next = runs.remove(at + 1);
        let (counts, bits) = join(&runs[at], &next);
        runs[at].counts = counts;
        runs[at].bits = bits;
        savings.remove(at);
        for i in [at.wrapping_sub(1), at] {
            if let Some(saving) = savings.get_mut(i) {
                *saving = runs[i].bits + runs[i + 1].bits - join(&runs[i], &runs[i + 1]).1;
            }
        }
    }
}
