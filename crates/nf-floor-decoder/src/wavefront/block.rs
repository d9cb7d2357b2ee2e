//! format-floor.md, 8.15: the block of a sample.

use super::pixel::Pixel;
use super::source::Source;
use super::state::State;
use crate::Error;

/// Decodes the block of a pixel.
pub(crate) fn decode(state: &State, pixel: &mut Pixel, source: &mut Source<'_>) -> Result<(), Error> {
    let context = &state.contexts[pixel.context];
    let below = |b: i64| match b {
        0 => 0,
        8192 => 1 << 28,
        _ => context.mass(&pixel.edges, (8 * b) as f32 - 0.5) + 8 * b,
    };
    let point = source.point(pixel.lane, 28);
    // below(b) <= point < below(end)
    let mut b = 0;
    let mut end = 8192;
    while end - b > 1 {
        let middle = (b + end) / 2;
        if below(middle) <= point {
            b = middle;
        } else {
            end = middle;
        }
    }
    if let Some(sample) = source.known(state.index(pixel.at)) {
        b = i64::from(sample) / 8;
        end = b + 1;
    }
    pixel.block = b;
    pixel.below = [below(b), below(end)];
    source.advance(pixel.lane, pixel.below[0], pixel.below[1], 28)
}
