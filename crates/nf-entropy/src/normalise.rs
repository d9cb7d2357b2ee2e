//! From counts to integer frequencies that sum to a power of two.

use crate::{Error, Result};
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Frequencies that sum to `2^scale_bits`, nearly those of fewest bits for such counts.
///
/// Symbols without a count get frequency 0; the shares of the others are rounded down, to 1 at
/// least. Then the points left over are handed out, or those given in excess taken back, one at a
/// time where it changes the coded size most (least): by about `count / (frequency +- 1/2)`. Ties
/// go to the lower symbol.
pub(crate) fn normalise(counts: &[u32], scale_bits: u32) -> Result<Vec<u32>> {
    let total: u64 = counts.iter().map(|&count| u64::from(count)).sum();
    let symbols = counts.iter().filter(|&&count| count > 0).count();
    if total == 0 || symbols > 1 << scale_bits {
        return Err(Error::distribution(format!(
            "{total} counts of {symbols} symbols on a scale of 2^{scale_bits}"
        )));
    }
    let share = |&count: &u32| match count {
        0 => 0,
        _ => ((u64::from(count) << scale_bits) / total).max(1) as u32,
    };
    let mut frequencies: Vec<u32> = counts.iter().map(share).collect();
    let sum: i64 = frequencies.iter().map(|&frequency| i64::from(frequency)).sum();
    move_points(&mut frequencies, counts, (1 << scale_bits) - sum);
    Ok(frequencies)
}

/// Adds `points` to the frequencies one by one, or takes `-points` away, always where it helps
/// most.
fn move_points(frequencies: &mut [u32], counts: &[u32], points: i64) {
    let adding = points > 0;
    let movable = |frequency: u32| if adding { frequency > 0 } else { frequency > 1 };
    let offer = |symbol: usize, frequency: u32| Offer {
        count: counts[symbol],
        twice: if adding { 2 * frequency + 1 } else { 2 * frequency - 1 },
        symbol,
        adding,
    };
    let mut offers: BinaryHeap<Offer> = (0..frequencies.len())
        .filter(|&symbol| movable(frequencies[symbol]))
        .map(|symbol| offer(symbol, frequencies[symbol]))
        .collect();
    for _ in 0..points.unsigned_abs() {
        let best = offers.pop().expect("there are at least as many points as symbols, so one can move");
        let frequency = &mut frequencies[best.symbol];
        *frequency = if adding { *frequency + 1 } else { *frequency - 1 };
        if movable(*frequency) {
            offers.push(offer(best.symbol, *frequency));
        }
    }
}

/// What moving one point of a symbol changes: `count / twice`, in units that do not matter.
#[derive(PartialEq, Eq)]
struct Offer {
    count: u32,
    /// Twice the frequency half a point further.
    twice: u32,
    symbol: usize,
    adding: bool,
}

impl Ord for Offer {
    fn cmp(&self, other: &Self) -> Ordering {
        let own = u64::from(self.count) * u64::from(other.twice);
        let others = u64::from(other.count) * u64::from(self.twice);
        let better = if self.adding { own.cmp(&others) } else { others.cmp(&own) };
        better.then(other.symbol.cmp(&self.symbol))
    }
}

impl PartialOrd for Offer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
