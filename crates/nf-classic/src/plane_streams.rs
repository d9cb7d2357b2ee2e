//! Stacks for codecs that know single frames: one stream per plane, one after the other.
//!
//! Every stream but the last stands behind its length in bytes (32 bits, little-endian), so that
//! the stream of a single frame is the codec's own file format and nothing else. A stack without
//! pixels is no bytes.

use nf_codec::{Error, Limits, Result};
use nf_image::{Image16, Shape};

/// Bytes of a length.
const LENGTH_BYTES: usize = size_of::<u32>();

/// The streams that `encode` makes of the planes of `image`; `codec` names it in errors.
pub(crate) fn encode(
    codec: &str,
    image: &Image16,
    mut encode: impl FnMut(&[u16]) -> Result<Vec<u8>>,
) -> Result<Vec<u8>> {
    let shape = image.shape();
    if shape.pixels() == 0 {
        return Ok(Vec::new());
    }
    let last = shape.planes - 1;
    let mut bytes = Vec::new();
    for plane in 0..last {
        let stream = encode(image.plane(plane))?;
        let length = u32::try_from(stream.len())
            .map_err(|_| Error::backend(codec, format!("plane {plane} needs more than 4 GiB")))?;
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&stream);
    }
    let stream = encode(image.plane(last))?;
    if last == 0 {
        return Ok(stream);
    }
    bytes.extend_from_slice(&stream);
    Ok(bytes)
}

/// The stack of `shape` whose planes `decode` makes of their streams; it gets zeros to write over.
pub(crate) fn decode(
    codec: &str,
    bytes: &[u8],
    shape: Shape,
    limits: &Limits,
    mut decode: impl FnMut(&[u8], &mut [u16]) -> Result<()>,
) -> Result<Image16> {
    let stream = format!("{codec} stream");
    let pixels = limits.check_shape(&stream, shape)?;
    if pixels == 0 {
        if !bytes.is_empty() {
            return Err(Error::corrupt(stream, "bytes for a stack without pixels"));
        }
        return Ok(Image16::zeros(shape));
    }
    // Every plane has a length before it or is the last, so that a lying number of planes ends
    // here.
    if bytes.len() / LENGTH_BYTES < shape.planes - 1 {
        return Err(Error::truncated(stream));
    }
    let mut samples = vec![0; pixels];
    let mut rest = bytes;
    for (plane, samples) in samples.chunks_exact_mut(pixels / shape.planes).enumerate() {
        let mine = if plane + 1 == shape.planes {
            rest
        } else {
            let (length, after) =
                rest.split_first_chunk::<LENGTH_BYTES>().ok_or_else(|| Error::truncated(&stream))?;
            let (mine, after) = after
                .split_at_checked(u32::from_le_bytes(*length) as usize)
                .ok_or_else(|| Error::truncated(&stream))?;
            rest = after;
            mine
        };
        decode(mine, samples)?;
    }
    Ok(Image16::new(shape, samples).expect("as many samples as the shape has pixels"))
}

/// Bytes of a stack whose planes need at most `plane_bytes` each.
pub(crate) fn max_bytes(shape: Shape, plane_bytes: u64) -> u64 {
    if shape.checked_pixels() == Some(0) {
        return 0;
    }
    (shape.planes as u64).saturating_mul(plane_bytes.saturating_add(LENGTH_BYTES as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A codec of frames: one byte that counts, then the low bytes of the samples.
    fn low_bytes(samples: &[u16]) -> Result<Vec<u8>> {
        Ok([&[samples.len() as u8][..], &samples.iter().map(|s| *s as u8).collect::<Vec<_>>()].concat())
    }

    fn from_low_bytes(bytes: &[u8], samples: &mut [u16]) -> Result<()> {
        if bytes.first() != Some(&(samples.len() as u8)) || bytes.len() != samples.len() + 1 {
            return Err(Error::corrupt("test stream", "wrong length"));
        }
        samples.iter_mut().zip(&bytes[1..]).for_each(|(sample, byte)| *sample = u16::from(*byte));
        Ok(())
    }

    #[test]
    fn one_plane_has_no_framing_and_several_come_back() {
        for (planes, framing) in [(1, 0), (2, 4), (5, 16)] {
            let image = Image16::from_fn(Shape::new(planes, 2, 3), |p, r, c| (10 * p + 3 * r + c) as u16);
            let bytes = encode("test", &image, low_bytes).unwrap();
            assert_eq!(bytes.len(), planes * 7 + framing);
            let back = decode("test", &bytes, image.shape(), &Limits::default(), from_low_bytes).unwrap();
            assert_eq!(back, image);
            for cut in 0..bytes.len() {
                let cut = decode("test", &bytes[..cut], image.shape(), &Limits::default(), from_low_bytes);
                assert!(cut.is_err());
            }
        }
    }

    #[test]
    fn a_stack_without_pixels_is_no_bytes() {
        for shape in [Shape::new(0, 4, 4), Shape::new(3, 0, 4), Shape::frame(0, 0)] {
            let image = Image16::zeros(shape);
            assert_eq!(encode("test", &image, low_bytes).unwrap(), []);
            assert_eq!(max_bytes(shape, 100), 0);
            assert_eq!(decode("test", &[], shape, &Limits::default(), from_low_bytes).unwrap(), image);
            assert!(decode("test", &[0], shape, &Limits::default(), from_low_bytes).is_err());
        }
    }

    #[test]
    fn more_planes_than_the_bytes_can_hold_are_refused_before_their_pixels_are_made() {
        let lie = Shape::new(1 << 29, 1, 1);
        let error = decode("test", &[0; 16], lie, &Limits::default(), from_low_bytes).unwrap_err();
        assert!(matches!(error, Error::Truncated { .. }), "{error}");
    }
}
