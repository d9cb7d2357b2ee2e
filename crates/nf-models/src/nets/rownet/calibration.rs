//! What a tile says about its distributions: how often its samples fell into each segment of their
//! ranks, class by class.
//!
//! A class holds the tables of an octave of the scale. The density of its ranks in each segment is
//! told in eighths of an octave, and only where that saves more bits than it takes. (Rank of a
//! sample: the probability integral transform; Dawid 1984, doi:10.2307/2981683.)

use super::symbols::{PLACES, SYMBOLS};
use super::tables::SHAPES;
use nf_codec::{Error, Result};
use nf_entropy::bits::{BitReader, BitWriter};
use nf_entropy::table::{EDGES, MAPPED_BITS, RANK_BITS, RankMap, SEGMENTS};
use nf_entropy::{Distribution, Frequencies};

/// Octaves of the scale that have tables of their own.
pub(super) const CLASSES: usize = 7;

/// Densities are `2^(step / 8)`.
const MOST_STEP: i32 = 40;

/// `1024 2^(i / 8)`.
const FRACTIONS: [u32; 8] = [1024, 1117, 1218, 1328, 1448, 1579, 1722, 1878];

/// Rounds in which samples that lie in several segments are shared out anew.
const ROUNDS: usize = 6;

/// The class of every table.
pub(super) fn classes() -> Vec<u8> {
    let class = |place: usize| match place {
        0..256 => place / 64,
        256..288 => 4,
        288..304 => 5,
        _ => 6,
    };
    (0..SHAPES * PLACES).map(|table| class(table / SHAPES) as u8).collect()
}

/// Steps of the density in every segment, of the classes that are recalibrated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Densities([Option<[i32; SEGMENTS]>; CLASSES]);

impl Densities {
    /// Those that save bits for these symbols, `symbols[i]` under table `indices[i]`; `None` if
    /// there are none.
    pub(super) fn fitted(
        tables: &[Frequencies],
        classes: &[u8],
        indices: &[u16],
        symbols: &[u8],
    ) -> Option<Self> {
        let mut counts = vec![0_u32; tables.len() * SYMBOLS];
        for (&index, &symbol) in indices.iter().zip(symbols) {
            counts[usize::from(index) * SYMBOLS + usize::from(symbol)] += 1;
        }
        let mut found: [Vec<Ranks>; CLASSES] = Default::default();
        for ((counts, table), &class) in counts.chunks_exact(SYMBOLS).zip(tables).zip(classes) {
            let used = counts.iter().enumerate().filter(|&(_, &count)| count > 0);
            found[usize::from(class)].extend(used.filter_map(|(symbol, &count)| {
                let interval = table.interval(symbol as u32)?;
                Some(Ranks { start: interval.start, end: interval.start + interval.width, count })
            }));
        }
        let densities = Self(found.map(|ranks| fit(&ranks)));
        (densities != Self::default()).then_some(densities)
    }

    pub(super) fn write(&self, writer: &mut BitWriter) {
        for class in &self.0 {
            writer.write(u64::from(class.is_some()), 1);
            class.iter().for_each(|steps| write_steps(steps, writer));
        }
    }

    /// # Errors
    /// If the bits end too early or a step is beyond the greatest.
    pub(super) fn read(what: &'static str, reader: &mut BitReader<'_>) -> Result<Self> {
        let wrong = |error: nf_entropy::Error| Error::corrupt(what, error.to_string());
        let mut densities = Self::default();
        for class in &mut densities.0 {
            if reader.read(1) == 0 {
                continue;
            }
            let (mut steps, mut step) = ([0; SEGMENTS], 0_i32);
            for own in &mut steps {
                let folded = reader.read_gamma().map_err(wrong)?;
                step = step.saturating_add((folded >> 1) as i32 ^ -((folded & 1) as i32));
                if step.abs() > MOST_STEP {
                    let reason = format!("a density of step {step}, expected -{MOST_STEP} to {MOST_STEP}");
                    return Err(Error::corrupt(what, reason));
                }
                *own = step;
            }
            *class = Some(steps);
        }
        reader.check().map_err(wrong)?;
        Ok(densities)
    }

    /// The map of every class.
    pub(super) fn maps(&self) -> [RankMap; CLASSES] {
        self.0.map(|class| class.map_or(RankMap::IDENTITY, |steps| map(&steps)))
    }
}

fn write_steps(steps: &[i32; SEGMENTS], writer: &mut BitWriter) {
    let mut before = 0;
    for &step in steps {
        let change = step - before;
        writer.write_gamma(((change << 1) ^ (change >> 31)) as u32);
        before = step;
    }
}

/// `512 2^(step / 8)`, times 64.
fn density(step: i32) -> u32 {
    let step = (step + MOST_STEP) as usize;
    FRACTIONS[step % 8] << (step / 8)
}

fn map(steps: &[i32; SEGMENTS]) -> RankMap {
    let mut weights = [0; SEGMENTS];
    for (segment, weight) in weights.iter_mut().enumerate() {
        *weight = ((EDGES[segment + 1] - EDGES[segment]) >> 9) * density(steps[segment]);
    }
    RankMap::from_weights(&weights).expect("densities are positive")
}

/// Symbols of one table that occurred.
struct Ranks {
    start: u32,
    end: u32,
    count: u32,
}

/// Steps of the densities of a class, if they save bits.
fn fit(ranks: &[Ranks]) -> Option<[i32; SEGMENTS]> {
    let samples: f64 = ranks.iter().map(|ranks| f64::from(ranks.count)).sum();
    if samples == 0.0 {
        return None;
    }
    let width = |segment: usize| f64::from(EDGES[segment + 1] - EDGES[segment]);
    let mut densities = [1.0; SEGMENTS];
    for _ in 0..ROUNDS {
        let mut shares = [0.0; SEGMENTS];
        for &Ranks { start, end, count } in ranks {
            let mut own = [0.0; SEGMENTS];
            let mut sum = 0.0;
            for segment in 0..SEGMENTS {
                let (from, to) = (start.max(EDGES[segment]), end.min(EDGES[segment + 1]));
                own[segment] = if from < to { f64::from(to - from) * densities[segment] } else { 0.0 };
                sum += own[segment];
            }
            for segment in 0..SEGMENTS {
                shares[segment] += f64::from(count) * own[segment] / sum;
            }
        }
        let whole = f64::from(1 << RANK_BITS);
        for segment in 0..SEGMENTS {
            // As if one more sample had been seen in every segment of that width.
            let expected = width(segment) / whole;
            densities[segment] = (shares[segment] + expected) / ((samples + 1.0) * expected);
        }
    }
    // Half of the points is shared by width anyway.
    let steps = densities.map(|density| nearest_step(2.0 * density - 1.0));
    let after = map(&steps);
    let saved: f64 = ranks
        .iter()
        .map(|ranks| {
            let mapped = after.map(ranks.end) - after.map(ranks.start);
            let before = (ranks.end - ranks.start) << (MAPPED_BITS - RANK_BITS);
            f64::from(ranks.count) * (log2(mapped) - log2(before))
        })
        .sum();
    let mut told = BitWriter::new();
    write_steps(&steps, &mut told);
    (saved > told.len_bits() as f64).then_some(steps)
}

/// The step of the density nearest to this one.
fn nearest_step(wanted: f64) -> i32 {
    let one = f64::from(density(0));
    let beyond = |step: i32| wanted * one > f64::from(density(step) + density(step + 1)) / 2.0;
    (-MOST_STEP..MOST_STEP).find(|&step| !beyond(step)).unwrap_or(MOST_STEP)
}

/// The logarithm, of operations that give the same number on every machine.
fn log2(x: u32) -> f64 {
    let exponent = x.ilog2();
    let mantissa = f64::from(x) / f64::from(1_u32 << exponent);
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let (mut power, mut sum) = (t, 0.0);
    for odd in [1.0, 3.0, 5.0, 7.0, 9.0] {
        sum += power / odd;
        power *= t * t;
    }
    f64::from(exponent) + 2.0 * std::f64::consts::LOG2_E * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_those_of_numbers() {
        for x in [1, 2, 3, 7, 1000, 65_535, 65_536] {
            assert!((log2(x) - f64::from(x).log2()).abs() < 1e-5, "{x}");
        }
    }

    #[test]
    fn steps_are_the_nearest_and_come_back() {
        for step in -MOST_STEP..=MOST_STEP {
            assert_eq!(nearest_step(f64::from(density(step)) / f64::from(density(0))), step);
        }
        assert_eq!((nearest_step(-1.0), nearest_step(1e9)), (-MOST_STEP, MOST_STEP));
        let mut densities = Densities::default();
        densities.0[2] = Some([-40, 40, 0, 0, 1, -1, 5, 5, 5, 5, 5, 17]);
        densities.0[6] = Some([0; SEGMENTS]);
        let mut writer = BitWriter::new();
        densities.write(&mut writer);
        let bytes = writer.finish();
        assert_eq!(Densities::read("test", &mut BitReader::new(&bytes)).unwrap(), densities);
        for end in 0..bytes.len() {
            assert!(Densities::read("test", &mut BitReader::new(&bytes[..end])).is_err());
        }
        assert_eq!(densities.maps()[0], RankMap::IDENTITY);
        assert_eq!(densities.maps()[6], RankMap::IDENTITY);
    }

    #[test]
    fn steps_beyond_the_greatest_are_refused() {
        let mut writer = BitWriter::new();
        writer.write(1, 1);
        writer.write_gamma(2 * (MOST_STEP as u32 + 1));
        writer.write(0, 60);
        let error = Densities::read("test", &mut BitReader::new(&writer.finish())).unwrap_err();
        assert!(error.to_string().contains("expected -40 to 40"), "{error}");
    }
}
