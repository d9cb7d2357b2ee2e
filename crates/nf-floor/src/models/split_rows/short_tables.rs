//! Frequency tables of dithered tiles, which have many: in few bits.
//!
//! Of a frequency only the leading five bits are stored, and what all together lack of the points
//! of a table goes to the largest one.

use super::symbols::SYMBOLS;
use super::tables::POINT_BITS;
use crate::golomb::{fold, unfold};
use nf_codec::{Error, Result};
use nf_entropy::Frequencies;
use nf_entropy::bits::{BitReader, BitWriter};

const POINTS: i32 = 1 << POINT_BITS;

/// Bits of a symbol.
const SYMBOL_BITS: u32 = SYMBOLS.ilog2();

/// Bits below the leading one that are stored.
const MANTISSA_BITS: u32 = 4;

/// Bits of a frequency that are not stored.
fn dropped(length: u32) -> u32 {
    length.saturating_sub(MANTISSA_BITS + 1)
}

fn length(frequency: u16) -> u32 {
    u16::BITS - frequency.leading_zeros()
}

/// The first of the largest.
fn largest(frequencies: &[u16]) -> usize {
    let most = frequencies.iter().max();
    frequencies.iter().position(|frequency| Some(frequency) == most).unwrap_or(0)
}

/// What the stored frequencies stand for: the largest takes the rest. `None` if it cannot.
fn completed(stored: &[u16]) -> Option<Vec<u16>> {
    let sum: i32 = stored.iter().map(|&frequency| i32::from(frequency)).sum();
    let mut frequencies = stored.to_vec();
    let largest = frequencies.get_mut(largest(stored))?;
    let completed = i32::from(*largest) + POINTS - sum;
    *largest = u16::try_from(completed).ok().filter(|&frequency| frequency > 0)?;
    Some(frequencies)
}

/// The frequencies with their leading bits only, cut, or rounded up from the half on.
fn leading(frequencies: &[u16], round: bool) -> Vec<u16> {
    let of = |&frequency: &u16| {
        let dropped = dropped(length(frequency));
        let half = if round { 1 << dropped >> 1 } else { 0 };
        (frequency + half) >> dropped << dropped
    };
    frequencies.iter().map(of).collect()
}

/// The table that [`write_short`] keeps of one.
pub(super) fn shortened(table: &Frequencies) -> Frequencies {
    let of = |round: bool| {
        let frequencies = completed(&leading(table.frequencies(), round))?;
        // The largest, having given what others got, may no longer be it.
        (completed(&leading(&frequencies, false)).as_ref() == Some(&frequencies)).then_some(frequencies)
    };
    let frequencies = of(true).or_else(|| of(false)).expect("what was cut makes the largest larger");
    Frequencies::new(frequencies, POINT_BITS).expect("they sum up to all points")
}

/// Writes a table that was [`shortened`].
pub(super) fn write_short(frequencies: &[u16], writer: &mut BitWriter) {
    let first = frequencies.iter().position(|&frequency| frequency > 0).unwrap_or(0);
    let last = frequencies.iter().rposition(|&frequency| frequency > 0).unwrap_or(0);
    writer.write(first as u64, SYMBOL_BITS);
    writer.write((last - first) as u64, SYMBOL_BITS);
    let mut previous = 0;
    for &frequency in &frequencies[first..=last] {
        let length = length(frequency) as i32;
        let step = length - previous;
        writer.write_gamma(fold(step));
        let kept = (length as u32).saturating_sub(1).min(MANTISSA_BITS);
        let mantissa = u64::from(frequency) >> dropped(length as u32);
        writer.write(mantissa & ((1 << kept) - 1), kept);
        previous = length;
    }
}

/// The table that [`write_short`] wrote.
///
/// # Errors
/// If the bits are not such a table.
pub(super) fn read_short(what: &str, reader: &mut BitReader<'_>) -> Result<Frequencies> {
    let wrong = |error: nf_entropy::Error| Error::corrupt(what, error.to_string());
    let first = reader.read(SYMBOL_BITS) as usize;
    let count = reader.read(SYMBOL_BITS) as usize + 1;
    if first + count > SYMBOLS {
        let reason = format!("a table of {count} symbols from {first} on, expected at most {SYMBOLS}");
        return Err(Error::corrupt(what, reason));
    }
    let mut stored = vec![0; first];
    let mut previous = 0_i32;
    for _ in 0..count {
        let step = unfold(reader.read_gamma().map_err(wrong)?);
        let length = previous.saturating_add(step);
        if !(0..=POINT_BITS as i32 + 1).contains(&length) {
            return Err(Error::corrupt(what, format!("a frequency of {length} bits, expected at most 15")));
        }
        let kept = (length as u32).saturating_sub(1).min(MANTISSA_BITS);
        let leading = u16::from(length > 0);
        stored.push((leading << kept | reader.read(kept) as u16) << dropped(length as u32));
        previous = length;
    }
    let frequencies =
        completed(&stored).ok_or_else(|| Error::corrupt(what, "a table whose frequencies have no sum"))?;
    Frequencies::new(frequencies, POINT_BITS).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nf_image::testing::Rng;

    #[test]
    fn shortened_tables_come_back() {
        let mut rng = Rng::new(4);
        for round in 0..400 {
            let mut counts = vec![0_u32; 1 + rng.below(SYMBOLS)];
            let most = 1 + (round << rng.below(8));
            counts.iter_mut().for_each(|count| *count = rng.below(most) as u32);
            counts[0] += 1;
            let table = Frequencies::from_counts(&counts, POINT_BITS).unwrap();
            let short = shortened(&table);
            for (a, b) in table.frequencies().iter().zip(short.frequencies()) {
                assert_eq!(*a == 0, *b == 0, "what occurs stays");
            }
            let mut writer = BitWriter::new();
            write_short(short.frequencies(), &mut writer);
            let bytes = writer.finish();
            let mut reader = BitReader::new(&bytes);
            let read = read_short("the table", &mut reader).unwrap();
            let beyond = read.frequencies().len();
            assert_eq!(read.frequencies(), &short.frequencies()[..beyond]);
            assert!(short.frequencies()[beyond..].iter().all(|&frequency| frequency == 0));
            reader.finish().unwrap();
        }
    }
}
