//! format-floor.md, 8.16: the value of a sample within its block.

use super::pixel::Pixel;
use super::source::Source;
use super::state::State;
use crate::Error;
use crate::functions::total;
use crate::notation::{min, round};

/// 8.5: how often every value was met and was expected.
pub(crate) struct Values {
    count: Vec<[f32; 8]>,
    expect: Vec<[f32; 8]>,
    low_count: [f32; 8],
    low_expect: [f32; 8],
    low_weight: [f32; 8],
}

impl Values {
    /// 8.5.
    pub(crate) fn new() -> Self {
        Self {
            count: vec![[0.0; 8]; 8192],
            expect: vec![[0.0; 8]; 8192],
            low_count: [0.0; 8],
            low_expect: [0.0; 8],
            low_weight: [1.0; 8],
        }
    }

    /// 8.20, step 5.
    pub(crate) fn new_low_weights(&mut self) {
        for k in 0..8 {
            self.low_weight[k] = (self.low_count[k] + 200.0) / (self.low_expect[k] + 200.0);
        }
    }
}

/// Decodes the value of a pixel whose block is known.
pub(crate) fn decode(state: &mut State, pixel: &mut Pixel, source: &mut Source<'_>) -> Result<(), Error> {
    let known = source.known(state.index(pixel.at));
    let context = &state.contexts[pixel.context];
    let values = &mut state.values;
    let b = pixel.block;
    let count = &mut values.count[b as usize];
    let expect = &mut values.expect[b as usize];

    let mut q = [0; 9];
    for (j, q) in q.iter_mut().enumerate().take(8) {
        *q = context.mass(&pixel.edges, (8 * b) as f32 - 0.5 + j as f32);
    }
    q[8] = pixel.below[1] - 8 * (b + 1);
    let mut c = [0.0; 8];
    let mut share = [0.0; 8];
    for k in 0..8 {
        c[k] = (q[k + 1] - q[k]).max(0) as f32 + 2.0;
        let weight = (count[k] + 20.0 * values.low_weight[k]) / (expect[k] + 20.0);
        share[k] = c[k] * min(weight, 8.0);
    }
    let inverse = 1.0 / total(&share);
    let factor = inverse * 65520.0;
    let mut start = [0; 9];
    for k in 0..8 {
        start[k + 1] = start[k] + round(share[k] * factor) + 1;
    }
    start[8] = 65536;

    let point = source.point(pixel.lane, 16);
    let mut value = 0;
    for k in 1..8 {
        if start[k] <= point {
            value = k;
        }
    }
    if let Some(sample) = known {
        value = usize::from(sample) % 8;
    }
    source.advance(pixel.lane, start[value], start[value + 1], 16)?;
    count[value] += 1.0;
    values.low_count[value] += 1.0;
    for j in 0..8 {
        expect[j] += c[j] * inverse;
        values.low_expect[j] += c[j] * inverse;
    }
    pixel.sample = (8 * b) as u16 + value as u16;
    Ok(())
}
