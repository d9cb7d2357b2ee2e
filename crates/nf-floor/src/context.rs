//! `floor-context`: the model of [`halves`] with another number of taps, to measure what context is worth.
//!
//! A stack is one tile of all its rows, without an index: a byte, 0 for raw samples (two bytes each, low byte first) and 1 for a payload
//! of [`halves`].

use crate::halves::{self, Effort};
use crate::tile::TileView;
use nf_codec::{Codec, Entry, Error, Limits, OptionDoc, Result, Spec};
use nf_image::{Image16, Shape};

/// Taps when none are asked for: those of the large effort.
const DEFAULT_TAPS: usize = Effort::LARGE.taps[0];

/// The codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FloorContext {
    taps: usize,
}

/// The line of the registry.
pub const ENTRY: Entry = Entry {
    name: "floor-context",
    summary: "an experiment: floor's half rows with fewer or more pixels of context",
    source: "docs/floor.md",
    options: &[OptionDoc {
        key: "taps",
        values: "4, 8, ..., 64",
        default: "64",
        help: "pixels that a prediction is made from",
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
        // Always stated, for it is what the codec is about.
        Spec::new(ENTRY.name).with("taps", self.taps, 0)
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        let effort = Effort { taps: [self.taps; 2], ..Effort::LARGE };
        let payload = halves::encode(TileView::new(image.shape(), image.samples()), effort);
        if let Some(payload) = payload.filter(|payload| payload.len() < image.shape().raw_bytes()) {
            return Ok([vec![1], payload].concat());
        }
        let raw = image.samples().iter().flat_map(|sample| sample.to_le_bytes());
        Ok(std::iter::once(0).chain(raw).collect())
    }

    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        const WHAT: &str = "floor-context stream";
        let pixels = limits.check_shape(WHAT, shape)?;
        // The rows of a plane and what is made of them.
        limits.check_memory(WHAT, 16 * pixels as u64)?;
        let samples = match bytes.split_first() {
            Some((0, raw)) if raw.len() == 2 * pixels => {
                raw.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect()
            }
            Some((1, payload)) => halves::decode(WHAT, payload, shape)?,
            Some((first, _)) => {
                let reason = format!("{} bytes that begin with {first} are no {shape}", bytes.len());
                return Err(Error::corrupt(WHAT, reason));
            }
            None => return Err(Error::truncated(WHAT)),
        };
        Image16::new(shape, samples)
            .map_err(|_| Error::corrupt(WHAT, format!("another number of samples than {shape} has")))
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        shape.checked_pixels().map_or(u64::MAX, |pixels| (2 * pixels as u64).saturating_add(1))
    }
}
