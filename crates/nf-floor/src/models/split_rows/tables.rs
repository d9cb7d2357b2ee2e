//! Frequency tables of the symbols of a context: neighbouring contexts share one where a table of
//! their own does not pay.

use super::scale::SCALES;
use super::symbols::{SYMBOLS, contexts, most_phase_bits, phase_bits};
use crate::maths::log2;
use nf_codec::{Error, Result};
use nf_entropy::bits::{BitReader, BitWriter};
use nf_entropy::{Distribution, Frequencies};
use std::sync::LazyLock;

/// Points of a table.
const POINT_BITS: u32 = 14;

/// Counts of symbols in one context.
pub(super) type Counts = [u32; SYMBOLS];

/// The tables, and where each begins in the order of contexts of [`chains`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tables {
    dithered: usize,
    pub(super) frequencies: Vec<Frequencies>,
    begins: Vec<bool>,
}

/// Contexts in an order in which neighbours are alike: of the scales with the same number of
/// phases, the finest first, phase by phase.
fn chains(dithered: usize) -> Vec<Vec<usize>> {
    let most = most_phase_bits(dithered);
    let of = |bits: u32, phase: usize| -> Vec<usize> {
        let scales = (0..SCALES).filter(|&scale| phase_bits(dithered, scale as i32) == bits);
        scales.map(|scale| scale << most | phase).collect()
    };
    let chains = (0..=most).rev().flat_map(|bits| (0..1 << bits).map(move |phase| of(bits, phase)));
    chains.filter(|chain| !chain.is_empty()).collect()
}

/// Bits of a table besides those of its symbols.
const TABLE_BITS: [f64; 2] = [80.0, 30.0];

/// Bits of the first symbol of a table of a dithered tile.
const FIRST_BITS: u32 = 7;

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
fn bits(dithered: usize, counts: &Counts) -> f64 {
    let symbols = counts.iter().filter(|&&count| count > 0).count();
    entropy_bits(counts) + TABLE_BITS[dithered.min(1)] + SYMBOL_BITS * symbols as f64
}

impl Tables {
    /// Tables for symbols with these counts in every context.
    pub(super) fn of_counts(dithered: usize, counts: &[Counts]) -> Self {
        let (mut frequencies, mut begins) = (Vec::new(), Vec::new());
        for chain in chains(dithered) {
            let own = |context: usize| Run {
                first: context,
                counts: Box::new(counts[context]),
                bits: bits(dithered, &counts[context]),
            };
            let occurs = |&context: &usize| counts[context].iter().any(|&count| count > 0);
            let mut runs: Vec<Run> = chain.iter().copied().filter(occurs).map(own).collect();
            merge(dithered, &mut runs);
            // No symbol has a context before the first that occurs: its table begins with the
            // chain.
            if let Some(run) = runs.first_mut() {
                run.first = chain[0];
            }
            begins.extend(chain.iter().map(|&context| runs.iter().any(|run| run.first == context)));
            frequencies.extend(runs.iter().map(|run| {
                let table = Frequencies::from_counts(&run.counts[..], POINT_BITS);
                table.expect("a run has symbols, and fewer than a table has points")
            }));
        }
        Self { dithered, frequencies, begins }
    }

    /// Index of a table, by context.
    pub(super) fn of_contexts(&self) -> Vec<u16> {
        let mut of_context = vec![0; contexts(self.dithered)];
        let mut begun = 0_u16;
        for (context, &begins) in chains(self.dithered).into_iter().flatten().zip(&self.begins) {
            begun += u16::from(begins);
            of_context[context] = begun.saturating_sub(1);
        }
        of_context
    }

    /// A bit per context, in order: whether a table begins there; then the tables.
    pub(super) fn write(&self, writer: &mut BitWriter) {
        self.begins.iter().for_each(|&begins| writer.write(u64::from(begins), 1));
        for table in &self.frequencies {
            if self.dithered == 0 {
                table.write(writer);
                continue;
            }
            let frequencies = table.frequencies();
            let first = frequencies.iter().position(|&frequency| frequency > 0).unwrap_or(0);
            let beyond = frequencies.iter().rposition(|&frequency| frequency > 0).unwrap_or(0) + 1;
            writer.write(first as u64, FIRST_BITS);
            let some = Frequencies::new(frequencies[first..beyond].to_vec(), POINT_BITS);
            some.expect("zeros are left out").write(writer);
        }
    }

    pub(super) fn read(what: &str, dithered: usize, reader: &mut BitReader<'_>) -> Result<Self> {
        let wrong = |error: nf_entropy::Error| Error::corrupt(what, error.to_string());
        let begins: Vec<bool> = chains(dithered).iter().flatten().map(|_| reader.read(1) == 1).collect();
        reader.check().map_err(wrong)?;
        let mut frequencies = Vec::new();
        for _ in begins.iter().filter(|&&begins| begins) {
            let first = if dithered > 0 { reader.read(FIRST_BITS) as usize } else { 0 };
            let mut table = Frequencies::read(reader).map_err(wrong)?;
            if dithered > 0 {
                let frequencies = [&vec![0; first][..], table.frequencies()].concat();
                table = Frequencies::new(frequencies, table.scale_bits()).map_err(wrong)?;
            }
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
        Ok(Self { dithered, frequencies, begins })
    }
}

/// Joins the neighbours that save most, as long as any two save something.
fn merge(dithered: usize, runs: &mut Vec<Run>) {
    let join = |a: &Run, b: &Run| -> (Box<Counts>, f64) {
        let mut counts = a.counts.clone();
        for (sum, &count) in counts.iter_mut().zip(b.counts.iter()) {
            *sum += count;
        }
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
