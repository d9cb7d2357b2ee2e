//! A codec whose bytes are the samples, and what tests of golden files share.
#![allow(dead_code, reason = "not every test has a golden file")]

use nf_codec::{Codec, Limits, Result, Spec};
use nf_image::{Image16, Shape};

/// Little-endian samples, so that no golden byte depends on a codec.
pub(crate) struct Plain;

impl Codec for Plain {
    fn spec(&self) -> Spec {
        Spec::new("plain")
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        Ok(image.samples().iter().flat_map(|sample| sample.to_le_bytes()).collect())
    }

    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        let pixels = limits.check_shape("the plain stream", shape)?;
        if bytes.len() != pixels * 2 {
            return Err(nf_codec::Error::truncated("the plain stream"));
        }
        let samples = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        Ok(Image16::new(shape, samples).expect("as many samples as pixels"))
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        shape.raw_bytes() as u64
    }
}

/// A bounded container up to its indices, which are in a container with versions of its own.
pub(crate) fn before_indices(bytes: &[u8]) -> &[u8] {
    let magic = nf_codec::container::MAGIC;
    let at = bytes.windows(magic.len()).position(|window| window == magic);
    &bytes[..at.expect("a container begins with its magic number")]
}
