//! The one loop over the pixels of a tile: encoder and decoder run the same code.

use super::coder::Coder;
use super::codes::Codes;
use super::lanes::{LANES, Lanes, Plane, SKEW, active, steps};
use super::law::{BLOCK, Laws, Place};
use super::location::{BLOCK_STEPS, Centre, Location, Seen};
use super::scale::Scale;
use crate::machine::Machine;

/// What the encoder measures of a tile beforehand, and sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Median of the samples: the past of the first pixels.
    pub(super) median: u16,
    /// About the darkest level.
    pub(super) floor: u16,
    /// Least spread that a clip assumes.
    pub(super) scatter: u16,
}

/// While fewer pixels are known, the equations are solved every few steps.
const EARLY_PX: usize = 8192;
const EARLY_STEPS: usize = 16;

/// The regressions learn from the first half of so many steps, the laws from one of so many. Of two or six, always the same colours of a
/// colour sensor would be seen.
const FIT_STEPS: usize = 4;
const LAW_STEPS: usize = 5;

/// Residuals beyond so many scales weigh less (Huber).
const HUBER: f32 = 1.5;

/// Codes `samples`, rows of `width`, in place: an encoder reads them, a decoder fills them in.
#[inline(always)]
pub(super) fn traverse<C: Coder>(
    machine: Machine,
    coder: &mut C,
    header: Header,
    width: usize,
    samples: &mut [u16],
) {
    let scatter = f32::from(header.scatter);
    let mut pixels = Plane::new(width, f32::from(header.median));
    let mut location = Location::new(machine, width);
    let mut scale = Scale::new(machine, width, f32::from(header.floor));
    let (mut laws, mut codes) = (Laws::new(), Codes::new());
    let (mut known, mut block) = (0, 0);
    for rows in samples.chunks_mut(LANES * width) {
        let count = rows.len() / width;
        for t in 0..steps(width, count) {
            let begins = t % BLOCK_STEPS == 0;
            if known > 0 && (begins || known < EARLY_PX && t % EARLY_STEPS == 0) {
                location.join(block);
                scale.solve();
                laws.refresh();
                codes.refresh();
                if begins {
                    block = t / BLOCK_STEPS;
                    location.begin_block(block);
                }
                location.solve(block);
            }
            if t % SKEW == 0 && t / SKEW < count {
                pixels.begin_row(t / SKEW);
                scale.begin_row(t / SKEW);
            }
            let lanes = active(t, width, count);
            let activity = scale.activity(t);
            let centre = Centre::look(&pixels, t, scatter);
            let locations = location.predict(&pixels, t, &centre, &activity.scale);
            let (scales, logs) = scale.expect(&pixels, t, &activity, &centre, &locations);
            let at = Place::new(&locations, &scales, &logs, &centre.middle);

            let mut coded = [0; LANES];
            for lane in lanes.clone() {
                coded[lane] = rows[lane * width + t - SKEW * lane];
            }
            let [blocks, ends] = coder.blocks(lanes.clone(), &coded, &laws, &at);
            let mut masses = [[0; BLOCK]; LANES];
            for lane in lanes.clone() {
                masses[lane] = laws.within(&at, lane, blocks[lane], ends[lane]);
            }
            let mut values: Lanes = locations;
            let mut on = [false; LANES];
            for lane in lanes.clone() {
                let block = blocks[lane] as usize;
                let fine = codes.fine(block, &masses[lane]);
                let place = coder.place(lane, coded[lane], &fine);
                codes.learn(block, place, &fine);
                let sample = (block * BLOCK + place) as u16;
                rows[lane * width + t - SKEW * lane] = sample;
                values[lane] = f32::from(sample);
                on[lane] = true;
            }
            if t % LAW_STEPS == 0 {
                for lane in lanes.clone() {
                    laws.learn(&at, lane, values[lane]);
                }
            }

            let fits = t % FIT_STEPS < FIT_STEPS / 2;
            let zero = [0.0; LANES];
            let mut seen = Seen { differences: zero, residuals: zero, weights: zero };
            for k in 0..LANES {
                let residual = values[k] - locations[k];
                seen.differences[k] = values[k] - centre.middle[k];
                seen.residuals[k] = residual;
                let distance = residual.abs() / scales[k];
                let share = if distance > HUBER { HUBER / distance } else { 1.0 };
                seen.weights[k] = if on[k] { share / (scales[k] * scales[k]) } else { 0.0 };
            }
            pixels.set(t, &on, &values);
            location.learn(t, fits, &on, &activity.scale, &seen);
            scale.learn(t, fits, &on, &activity, &scales, &seen.residuals);
            known += lanes.len();
            for lane in lanes {
                if t + 1 == SKEW * lane + width {
                    pixels.end_row(t, lane);
                    scale.end_row(t, lane);
                }
            }
        }
        pixels.advance();
        location.begin_rows();
        scale.begin_rows();
    }
}
