//! What a bounded coder promises; one that puts a quantiser before a lossless codec, and one that
//! makes a codec of arrays keep the bound.

use crate::array_codec::ArrayRegistry;
use crate::bound::Bound;
use crate::container::{Head, Reader, write};
use crate::encode_within::encode_within;
use crate::noise::Noise;
use crate::quantise::{QuantiseOptions, Quantised, quantise};
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

/// Quantises every sample by itself, dithered if the bound is in sigmas, and codes the indices by
/// a lossless codec.
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
        let options = options.with_dither(array, self.bound.is_dithered());
        let quantised = quantise(array, &self.bound, &options)?;
        proved(array, quantised, &*self.codec, &ArrayRegistry::default())
    }

    fn decode(&self, bytes: &[u8], limits: &Limits) -> Result<Array> {
        decode_only(bytes, limits, &*self.codec, &ArrayRegistry::default())
    }
}

/// A codec of arrays, and a list of what it misses.
pub struct Listed {
    registry: ArrayRegistry,
    spec: Spec,
    bound: Bound,
    noise: Option<Noise>,
    indices: Box<dyn Codec>,
}

impl Listed {
    /// The codec of a spec, in which `bound` is the bound; `noise` is needed by a bound in sigmas.
    /// The container has no indices, but names a codec of them all the same: `indices`.
    ///
    /// # Errors
    /// If the registry has no codec of that spec.
    pub fn new(
        registry: ArrayRegistry,
        spec: &Spec,
        bound: Bound,
        noise: Option<Noise>,
        indices: Box<dyn Codec>,
    ) -> Result<Self> {
        let Some(spec) = registry.of_spec(spec) else {
            return Err(spec.error("it is no codec of arrays").into());
        };
        Ok(Self { registry, spec, bound, noise, indices })
    }
}

impl Bounded for Listed {
    fn spec(&self) -> Spec {
        self.spec.clone()
    }

    fn bound(&self) -> Bound {
        self.bound
    }

    fn encode(&self, array: &Array) -> Result<Vec<u8>> {
        let options = QuantiseOptions { noise: self.noise, ..QuantiseOptions::default() };
        let coded = encode_within(array, &self.bound, &options, &self.registry, &self.spec)?;
        proved(array, coded, &*self.indices, &self.registry)
    }

    fn decode(&self, bytes: &[u8], limits: &Limits) -> Result<Array> {
        decode_only(bytes, limits, &*self.indices, &self.registry)
    }
}

/// The container of an array, after it was read back and compared.
fn proved(
    array: &Array,
    coded: Quantised,
    codec: &dyn Codec,
    array_codecs: &ArrayRegistry,
) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limits = Limits { max_pixels: u64::MAX, max_memory_bytes: u64::MAX };
    write(&mut bytes, &Head::default(), &[coded], None, codec, None, limits)?;
    let reader = Reader::open(Cursor::new(&bytes[..]), limits)?;
    reader.with_array_codecs(array_codecs.clone()).prove(0, array, codec)?;
    Ok(bytes)
}

/// The only array of a container.
fn decode_only(
    bytes: &[u8],
    limits: &Limits,
    codec: &dyn Codec,
    array_codecs: &ArrayRegistry,
) -> Result<Array> {
    let reader = Reader::open(Cursor::new(bytes), *limits)?;
    let mut reader = reader.with_array_codecs(array_codecs.clone());
    if reader.arrays().len() != 1 {
        return Err(Error::corrupt("the stream", format!("{} arrays, expected one", reader.arrays().len())));
    }
    reader.decode(0, codec)
}
