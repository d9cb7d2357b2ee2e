//! format-floor-max.md, 15.2: the path of decisions.

use super::contexts::Contexts;
use super::decision::{Decider, Interval};
use super::experts::Expert;
use super::source::Source;
use crate::Error;
use crate::notation::{clamp, max, trunc};

/// Decodes the sample of a pixel.
pub(crate) fn decode(
    decider: &mut Decider,
    source: &mut Source<'_>,
    experts: &[Expert; 16],
    contexts: &Contexts,
) -> Result<u16, Error> {
    decider.start_pixel();
    let mut interval = Interval::new();
    let mut decide = |interval: &mut Interval, middle: i64, search: bool| {
        decider.decide(source, experts, contexts, interval, middle, search)
    };

    // 1.
    let mut level = 2;
    while ((1_i64 << level) as f32) < 8.0 * contexts.s && level < 15 {
        level += 1;
    }
    let side = 1_i64 << level;
    // 2.
    let block = trunc(max(clamp(contexts.m, 0.0, 65535.0) / side as f32 - 0.5, 0.0));
    let base = side * block.min(65536 / side - 2);

    let mut stride = 2 * side;
    if decide(&mut interval, base + side, true)? {
        // 3.
        let mut middle = base + 2 * side;
        while middle < 65536 && decide(&mut interval, middle, true)? {
            middle += stride;
            stride = (4 * stride).min(65536);
        }
    } else {
        // 4.
        let mut middle = base;
        while middle > 0 && !decide(&mut interval, middle, true)? {
            middle = (middle - stride).max(0);
            stride = (4 * stride).min(65536);
        }
    }
    // 5.
    let is_block = interval.length() == side && interval.low() % side == 0;
    // 6.
    while interval.length() > 1 {
        let middle = interval.low() + interval.length() / 2;
        decide(&mut interval, middle, !is_block)?;
    }
    // 7.
    Ok(interval.low() as u16)
}
