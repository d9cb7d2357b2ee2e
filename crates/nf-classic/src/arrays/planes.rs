//! Arrays as planes, and the streams of planes behind one another: every stream but the last stands
//! behind its length (u32, little-endian), so that the stream of one plane is the codec's own.

use nf_bounded::{Result, Samples};
use nf_codec::{Error, Limits};

/// Rows and columns of a plane, and the number of planes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Planes {
    pub(super) count: usize,
    pub(super) height: usize,
    pub(super) width: usize,
}

impl Planes {
    /// All axes before the last two are planes.
    pub(super) fn of(axes: &[usize]) -> Self {
        match *axes {
            [.., height, width] => Self {
                // A product that cannot be counted is above every limit.
                count: axes[..axes.len() - 2].iter().fold(1, |n: usize, &axis| n.saturating_mul(axis)),
                height,
                width,
            },
            [width] => Self { count: 1, height: 1, width },
            [] => Self { count: 0, height: 0, width: 0 },
        }
    }

    pub(super) fn plane_pixels(self) -> usize {
        self.height.saturating_mul(self.width)
    }

    pub(super) fn pixels(self) -> usize {
        self.count.saturating_mul(self.plane_pixels())
    }

    /// As many numbers of so many bytes as the planes have pixels, if the limits allow it.
    pub(super) fn zeros<T: Default + Clone>(self, codec: &str, limits: &Limits) -> Result<Vec<T>> {
        let bytes = (self.pixels() as u64).saturating_mul(size_of::<T>() as u64);
        limits.check_memory(codec, bytes)?;
        Ok(vec![T::default(); self.pixels()])
    }
}

/// Puts the streams of planes behind one another.
pub(super) fn join(codec: &str, streams: Vec<Vec<u8>>) -> Result<Vec<u8>> {
    let last = streams.len().saturating_sub(1);
    let mut bytes = Vec::new();
    for (plane, stream) in streams.into_iter().enumerate() {
        if plane < last {
            let length = u32::try_from(stream.len())
                .map_err(|_| Error::backend(codec, format!("plane {plane} needs more than 4 GiB")))?;
            bytes.extend(length.to_le_bytes());
        }
        bytes.extend(stream);
    }
    Ok(bytes)
}

/// The streams of so many planes.
pub(super) fn split<'a>(codec: &str, mut bytes: &'a [u8], count: usize) -> Result<Vec<&'a [u8]>> {
    let cut = || Error::truncated(format!("{codec} stream"));
    if count == 0 {
        return if bytes.is_empty() { Ok(Vec::new()) } else { Err(cut().into()) };
    }
    // No more planes than there are lengths for.
    if bytes.len() / size_of::<u32>() < count - 1 {
        return Err(cut().into());
    }
    let mut streams = Vec::with_capacity(count);
    for _ in 1..count {
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(cut)?;
        let (stream, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(cut)?;
        streams.push(stream);
        bytes = rest;
    }
    streams.push(bytes);
    Ok(streams)
}

/// Integers of at most 16 bits and single precision as single precision.
pub(super) fn as_f32(samples: &Samples) -> Option<Vec<f32>> {
    Some(match samples {
        Samples::U8(values) => values.iter().map(|&value| f32::from(value)).collect(),
        Samples::I16(values) => values.iter().map(|&value| f32::from(value)).collect(),
        Samples::U16(values) => values.iter().map(|&value| f32::from(value)).collect(),
        Samples::F32(values) => values.clone(),
        Samples::I32(_) | Samples::F64(_) => return None,
    })
}

/// All samples as doubles.
pub(super) fn as_f64(samples: &Samples) -> Vec<f64> {
    (0..samples.len()).map(|place| samples.value(place)).collect()
}

/// Numbers as samples of a type: integers are rounded, and cut off at the ends of their range.
pub(super) fn samples_of<T: Into<f64> + Copy>(values: &[T], sample: nf_bounded::SampleType) -> Samples {
    use nf_bounded::SampleType::{F32, F64, I16, I32, U8, U16};
    fn all<T: Into<f64> + Copy, S: nf_bounded::Sample>(values: &[T]) -> Vec<S> {
        values.iter().map(|&value| S::nearest(value.into())).collect()
    }
    match sample {
        U8 => Samples::U8(all(values)),
        I16 => Samples::I16(all(values)),
        U16 => Samples::U16(all(values)),
        I32 => Samples::I32(all(values)),
        F32 => Samples::F32(all(values)),
        F64 => Samples::F64(all(values)),
    }
}
