//! `raw`: the samples as they are, as little-endian pairs of bytes. The yardstick of every ratio.
//!
//! Planes follow one another; nothing is gained from their likeness.

use crate::sample_bytes;
use nf_codec::{Codec, Entry, Error, Limits, PlaneTreatment, Result, Spec};
use nf_image::{Image16, Shape};

/// The line of the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "raw",
    summary: "uncompressed little-endian samples",
    source: "two bytes per pixel, plane by plane, row by row",
    options: &[],
    build: |spec| {
        spec.options().finish()?;
        Ok(Box::new(Raw))
    },
};

struct Raw;

impl Codec for Raw {
    fn spec(&self) -> Spec {
        Spec::new(ENTRY.name)
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        Ok(sample_bytes::from_samples(image.samples()))
    }

    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        let pixels = limits.check_shape("raw stream", shape)?;
        if bytes.len() < pixels * 2 {
            return Err(Error::truncated("raw stream"));
        }
        sample_bytes::to_image(ENTRY.name, bytes, shape)
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        shape.raw_bytes() as u64
    }

    fn planes(&self) -> PlaneTreatment {
        PlaneTreatment::Independent
    }
}
