//! `floor-context` (feature `experiments`): split rows with another number of taps, to measure the
//! value of context.
//!
//! A stack is one tile of all its rows, without an index: a byte, 0 for raw samples (two bytes
//! each, low byte first) and 1 for a payload of [`split_rows`].

use crate::models::TileView;
use crate::models::split_rows::{self, Effort};
use crate::stream::tile::{raw_bytes, raw_samples};
use nf_codec::{Codec, Entry, Error, Limits, OptionDoc, Result, Spec};
use nf_image::{Image16, Shape};

/// Taps by default: those of the large effort.
const DEFAULT_TAPS: usize = Effort::LARGE.taps[0];

/// The codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FloorContext {
    taps: usize,
}

/// The entry of the registry.
pub const FLOOR_CONTEXT: Entry = Entry {
    name: "floor-context",
    summary: "an experiment: floor's split rows with fewer or more pixels of context",
    source: "docs/floor.md",
    options: &[OptionDoc {
        key: "taps",
        values: "4, 8, ..., 64",
        default: "64",
        help: "pixels of the linear predictor",
    }],
    build,
};

fn build(spec: &Spec) -> Result<Box<dyn Codec>> {
    let mut options = spec.options();
    let legal = |taps: &usize| (4..=64).contains(taps) && taps.is_multiple_of(4);
    let taps = options.take("taps", DEFAULT_TAPS, "a multiple of four in 4..=64", legal)?;
    options.finish()?;
    Ok(Box::new(FloorContext { taps }))
}

impl Codec for FloorContext {
    fn spec(&self) -> Spec {
        // Always printed: the number of taps is the experiment.
        Spec::new(FLOOR_CONTEXT.name).with("taps", self.taps, 0)
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        let effort = Effort { taps: [self.taps; 2], ..Effort::LARGE };
        let payload = split_rows::encode(TileView::of(image), effort);
        if let Some(payload) = payload.filter(|payload| payload.len() < image.shape().raw_bytes()) {
            return Ok([vec![1], payload].concat());
        }
        Ok([vec![0], raw_bytes(image.samples())].concat())
    }

    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        const WHAT: &str = "floor-context stream";
        let pixels = limits.check_shape(WHAT, shape)?;
        // The rows of a plane and what is computed from them.
        limits.check_memory(WHAT, 16 * pixels as u64)?;
        let samples = match bytes.split_first() {
            Some((0, raw)) if raw.len() == 2 * pixels => raw_samples(raw),
            Some((1, payload)) => {
                split_rows::decode(WHAT, payload, shape.planes * shape.height, shape.width, &[])?
            }
            Some((first, _)) => {
                let reason = format!("{} bytes of mode {first} for {shape}", bytes.len());
                return Err(Error::corrupt(WHAT, reason));
            }
            None => return Err(Error::truncated(WHAT)),
        };
        Image16::new(shape, samples)
            .map_err(|_| Error::corrupt(WHAT, format!("the number of samples is not that of {shape}")))
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        shape.checked_pixels().map_or(u64::MAX, |pixels| (2 * pixels as u64).saturating_add(1))
    }
}
