//! format-floor.md, 19.10: mode 14, wavefront with a detector profile.

use super::lanes::Lanes;
use super::source::Source;
use super::state::State;
use super::{Head, read_head, run};
use crate::Error;
use crate::bytes::Bytes;
use crate::patterns::{Named, Weights};
use crate::profile::{Area, Profile};
use crate::start::{Exposure, exposures};

/// The samples of a tile in `area` of the detector, row by row. Every reference plane has as many.
pub(crate) fn decode(
    payload: &[u8],
    profile: &Profile,
    area: Area,
    references: &[Vec<u16>],
) -> Result<Vec<u16>, Error> {
    let n = references.len();
    let mut bytes = Bytes::new(payload);
    let named = Named::read(&mut bytes, profile, n)?;
    let (start, read) = (usize::from(bytes.u8()?), usize::from(bytes.u8()?));
    Error::unless(start > 0, "a tile of mode 14 has no start")?;
    let exposures = exposures(profile, start, read, n)?;
    let weights = named.read_weights(&mut bytes)?;
    let relative = named.any() || n > 0;
    let sums = |area: Area, references: &[Vec<u16>], weights: &Weights| -> Result<Vec<i64>, Error> {
        let sums = named.at(area, references)?.sums(weights);
        // Of a tile without maps and planes, the samples are coded.
        Ok(sums.into_iter().map(|s| if relative { ((s + (1 << 19)) >> 20) - 32768 } else { 0 }).collect())
    };

    let head = read_head(&mut bytes)?;
    let (median, floor, least_range) = (head.median, head.floor, head.least_range);
    let mut state: Option<State> = None;
    for Exposure { area, samples, references } in &exposures {
        let Area { height, width, .. } = *area;
        Error::unless(is_wide(height, width), "the start of a tile of mode 14 is too narrow")?;
        let sums = sums(*area, references, &weights)?;
        let left = |(&sample, sum): (&u16, i64)| (i64::from(sample) - sum).rem_euclid(65536) as u16;
        let known: Vec<u16> = samples.iter().zip(sums).map(left).collect();
        let mut sorted = known.clone();
        sorted.sort_unstable();
        let median = f32::from(sorted[sorted.len() / 2]);
        let floor = f32::from(sorted[sorted.len() / 200]);
        let state = begin(&mut state, Head { median, floor, least_range }, height, width);
        run(state, &mut Source::Known(&known), height)?;
    }
    let Area { height, width, .. } = area;
    let sums = sums(area, references, &weights)?;
    let state = begin(&mut state, Head { median, floor, least_range }, height, width);
    run(state, &mut Source::Coded(Lanes::read(bytes)?), height)?;
    let add = |(&d, sum): (&u16, i64)| (i64::from(d) + sum).rem_euclid(65536) as u16;
    Ok(state.samples.iter().zip(sums).map(add).collect())
}

/// The state at the start of a tile, which is its first if there is none yet.
fn begin(state: &mut Option<State>, head: Head, height: usize, width: usize) -> &mut State {
    match state {
        None => state.insert(State::new(head, height, width, None)),
        Some(state) => {
            state.begin_tile(head, height, width);
            state
        }
    }
}

/// 19.10: whether the steps of an exposure are few enough.
fn is_wide(height: usize, width: usize) -> bool {
    let steps = |rows: usize| if rows == 0 { 0 } else { width + 3 * (rows - 1) };
    let all = height / 16 * steps(16) + steps(height % 16);
    16 * all <= 4 * (height * width).max(4096)
}
