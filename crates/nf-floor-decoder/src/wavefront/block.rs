//! format-floor.md, 8.15: the block of a sample.

use super::lanes::Lanes;
use super::pixel::Pixel;
use super::state::State;
use crate::Error;

/// Decodes the block of a pixel.
pub(crate) fn decode(state: &State, pixel: &mut Pixel, lanes: &mut Lanes<'_>) -> Result<(), Error> {
    let context = &state.contexts[pixel.context];
    let below = |b: i64| match b {
        0 => 0,
        8192 => 1 << 28,
        _ => context.mass(&pixel.edges, (8 * b) as f32 - 0.5) + 8 * b,
    };
    let point = lanes.point(pixel.lane, 28);
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
    pixel.block = b;
    pixel.below = [below(b), below(end)];
    lanes.advance(pixel.lane, pixel.below[0], pixel.below[1], 28)
}
