//! `raw`: the samples as they are, as little-endian pairs of bytes; the yardstick of every ratio.
//!
//! Plane by plane, row by row; planes are independent.

use crate::sample_bytes::ByteOrder;
use nf_codec::{Codec, Entry, Error, Limits, Result, Spec};
use nf_image::{Image16, ImageRef, Shape};

/// The line of the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "raw",
    summary: "no compression: little-endian samples",
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
        self.encode_ref(image.into())
    }

    fn encode_ref(&self, image: ImageRef<'_>) -> Result<Vec<u8>> {
        Ok(ByteOrder::Pairs.bytes_of(image.samples()))
    }

    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        let pixels = limits.check_shape("raw stream", shape)?;
        if bytes.len() < pixels * 2 {
            return Err(Error::truncated("raw stream"));
        }
        ByteOrder::Pairs.image_of(bytes, shape, "raw stream")
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        shape.raw_bytes() as u64
    }
}
