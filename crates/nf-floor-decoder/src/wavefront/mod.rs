//! format-floor.md, 8: mode 3, wavefront.

mod batch;
mod block;
mod distribution;
mod inputs;
mod lanes;
mod map;
mod pixel;
mod profile;
mod residuals;
mod source;
mod state;
mod values;

use crate::Error;
use crate::bytes::Bytes;
use lanes::Lanes;
use pixel::Pixel;
pub(crate) use profile::decode as decode_with_profile;
use residuals::RowSums;
use source::Source;
use state::State;

/// 8.2: the number of rows of a band, and the number of lanes.
pub(crate) const LANES: usize = 16;

/// 8.1: the numbers at the start of the payload, without the states.
pub(crate) struct Head {
    pub median: f32,
    pub floor: f32,
    pub least_range: f32,
}

/// 8.1: the samples of a tile of `height` rows of `width` pixels, row by row. In mode 12 there are
/// shifts (20.5).
pub(crate) fn decode(
    payload: &[u8],
    height: usize,
    width: usize,
    shifts: Option<&[f32]>,
) -> Result<Vec<u16>, Error> {
    let mut bytes = Bytes::new(payload);
    let head = read_head(&mut bytes)?;
    let mut state = State::new(head, height, width, shifts);
    run(&mut state, &mut Source::Coded(Lanes::read(bytes)?), height)?;
    Ok(state.samples)
}

/// 8.1: reads the numbers at the start of the payload.
fn read_head(bytes: &mut Bytes<'_>) -> Result<Head, Error> {
    Ok(Head {
        median: f32::from(bytes.u16()?),
        floor: f32::from(bytes.u16()?),
        least_range: f32::from(bytes.u16()?),
    })
}

/// 8.2: the bands of a tile of `height` rows.
fn run(state: &mut State, source: &mut Source<'_>, height: usize) -> Result<(), Error> {
    for top in (0..height).step_by(LANES) {
        decode_band(state, source, top, LANES.min(height - top))?;
    }
    source.end()
}

/// 8.2 and 8.6: a band of `h` rows from the row `top` on.
fn decode_band(state: &mut State, source: &mut Source<'_>, top: usize, h: usize) -> Result<(), Error> {
    let mut sums = [RowSums::default(); LANES];
    for t in 0..state.width + 3 * (h - 1) {
        // 1.
        if state.known > 0 && (t % 64 == 0 || (state.known < 8192 && t % 16 == 0)) {
            state.new_weights(t);
        }
        // 2.: the active lanes
        let mut pixels = Vec::new();
        for lane in 0..h {
            if let Some(column) = t.checked_sub(3 * lane)
                && column < state.width
            {
                pixels.push(Pixel::predict(state, &sums[lane], lane, top + lane, column));
            }
        }
        // 3.
        for pixel in &mut pixels {
            block::decode(state, pixel, source)?;
        }
        // 4.
        for pixel in &mut pixels {
            values::decode(state, pixel, source)?;
        }
        // 5.
        if t % 5 == 0 {
            for pixel in &pixels {
                state.update_distributions(pixel);
            }
        }
        // 6.
        for pixel in &pixels {
            residuals::update(state, &mut sums[pixel.lane], pixel);
        }
        // 7.
        if t % 4 < 2 {
            state.add_to_batch(&pixels);
        }
        // 8.
        state.known += pixels.len();
    }
    Ok(())
}
