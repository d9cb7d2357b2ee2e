//! Samples as byte sequences and back: what general compressors see of an image.

use nf_codec::{Error, Result};
use nf_image::{Image16, Shape};

/// The samples as little-endian pairs of bytes.
pub(crate) fn from_samples(samples: &[u16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// The image whose samples `bytes` are, as little-endian pairs; `codec` names the stream in errors.
pub(crate) fn to_image(codec: &str, bytes: &[u8], shape: Shape) -> Result<Image16> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(Error::corrupt(format!("{codec} stream"), "an odd number of bytes of samples"));
    }
    let samples = pairs.iter().map(|&pair| u16::from_le_bytes(pair)).collect();
    Image16::new(shape, samples).map_err(|error| Error::corrupt(format!("{codec} stream"), error.to_string()))
}
