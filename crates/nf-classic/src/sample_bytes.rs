//! Samples as byte sequences and back: what general compressors see of an image.

use nf_codec::{Error, Result};
use nf_image::{Image16, Shape};

/// In which order the bytes of the samples stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByteOrder {
    /// The two bytes of a sample side by side, the low one first.
    Pairs,
    /// The high bytes of all samples, then the low bytes of all samples ("byte shuffle").
    HighThenLow,
}

impl ByteOrder {
    /// The bytes of the samples.
    pub(crate) fn bytes_of(self, samples: &[u16]) -> Vec<u8> {
        match self {
            Self::Pairs => samples.iter().flat_map(|sample| sample.to_le_bytes()).collect(),
            Self::HighThenLow => {
                let high = samples.iter().map(|sample| (sample >> 8) as u8);
                high.chain(samples.iter().map(|sample| *sample as u8)).collect()
            }
        }
    }

    /// The image of `shape` whose bytes these are; `what` names their source in errors.
    pub(crate) fn image_of(self, bytes: &[u8], shape: Shape, what: &str) -> Result<Image16> {
        let (pairs, rest) = bytes.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(Error::corrupt(what, format!("{} bytes of samples, an odd number", bytes.len())));
        }
        let samples = match self {
            Self::Pairs => pairs.iter().map(|&pair| u16::from_le_bytes(pair)).collect(),
            Self::HighThenLow => {
                let (high, low) = bytes.split_at(bytes.len() / 2);
                high.iter().zip(low).map(|(&high, &low)| u16::from_be_bytes([high, low])).collect()
            }
        };
        Image16::new(shape, samples).map_err(|error| Error::corrupt(what, error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stand_where_their_order_says() {
        let samples = [0x0102, 0x0304, 0x0506];
        assert_eq!(ByteOrder::Pairs.bytes_of(&samples), [2, 1, 4, 3, 6, 5]);
        assert_eq!(ByteOrder::HighThenLow.bytes_of(&samples), [1, 3, 5, 2, 4, 6]);
        for order in [ByteOrder::Pairs, ByteOrder::HighThenLow] {
            let shape = Shape::frame(1, 3);
            let image = order.image_of(&order.bytes_of(&samples), shape, "bytes").unwrap();
            assert_eq!(image.samples(), samples);
            assert!(order.image_of(&[1; 5], shape, "bytes").is_err());
            assert!(order.image_of(&[1; 8], shape, "bytes").is_err());
        }
    }
}
