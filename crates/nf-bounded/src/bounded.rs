//! What a bounded coder promises, and the one that puts a quantiser before a lossless codec.

use crate::bound::Bound;
use crate::container::{Head, Reader, write};
use crate::noise::Noise;
use crate::quantise::{QuantiseOptions, quantise};
use crate::{Array, Error, Result};
use nf_codec::{Codec, Limits, Spec};
use std::io::Cursor;

/// A coder of arrays that may change samples, and by how much at most.
///
/// Beside [`Codec`], whose promise is that no bit is lost.
///
/// # What implementers promise
///
/// 1. `decode(encode(x))` has the type and the axes of `x`, and `|x_i - x'_i|` is within the bound
///    for every sample, evaluated exactly: proved before `encode` returns. NaN and infinities come
///    back with the same bits.
/// 2. What cannot be kept within the bound is an error, never a loss in silence.
/// 3. Hostile bytes give an error or a wrong array, never a panic, and never more memory than
///    `Limits` allows.
/// 4. The stream says that it is bounded, how, and what the largest error was.
pub trait Bounded: Send + Sync {
    /// Name and options, for tables.
    fn spec(&self) -> Spec;

    /// The bound.
    fn bound(&self) -> Bound;

    /// The bytes of an array.
    ///
    /// # Errors
    /// If the bound means nothing for it, or a codec fails.
    fn encode(&self, array: &Array) -> Result<Vec<u8>>;

    /// The array that the bytes stand for.
    ///
    /// # Errors
    /// If the bytes are not what `encode` writes, or decoding would exceed `limits`.
    fn decode(&self, bytes: &[u8], limits: &Limits) -> Result<Array>;
}

/// Quantises every sample by itself and codes the indices by a lossless codec.
pub struct OpenLoop {
    codec: Box<dyn Codec>,
    bound: Bound,
    noise: Option<Noise>,
}

impl OpenLoop {
    /// In front of this codec; `noise` is needed by a bound in sigmas.
    pub fn new(codec: Box<dyn Codec>, bound: Bound, noise: Option<Noise>) -> Self {
        Self { codec, bound, noise }
    }
}

impl Bounded for OpenLoop {
    fn spec(&self) -> Spec {
        self.codec.spec().with("bound", self.bound.to_string(), String::new())
    }

    fn bound(&self) -> Bound {
        self.bound
    }

    fn encode(&self, array: &Array) -> Result<Vec<u8>> {
        let options = QuantiseOptions { noise: self.noise, ..QuantiseOptions::default() };
        let quantised = quantise(array, &self.bound, &options)?;
        let mut bytes = Vec::new();
        let limits = Limits { max_pixels: u64::MAX, max_memory_bytes: u64::MAX };
        write(&mut bytes, &Head::default(), &[quantised], None, &*self.codec, None, limits)?;
        Reader::open(Cursor::new(&bytes[..]), limits)?.prove(0, array, &*self.codec)?;
        Ok(bytes)
    }

    fn decode(&self, bytes: &[u8], limits: &Limits) -> Result<Array> {
        let mut reader = Reader::open(Cursor::new(bytes), *limits)?;
        if reader.arrays().len() != 1 {
            return Err(Error::corrupt(
                "the stream",
                format!("{} arrays, expected one", reader.arrays().len()),
            ));
        }
        reader.decode(0, &*self.codec)
    }
}
