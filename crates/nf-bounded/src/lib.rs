//! Arrays coded within a bound on the error of every sample, proved on every array.
//!
//! ```
//! use nf_bounded::{Array, Bound, Bounded, OpenLoop, Samples};
//! use nf_codec::Limits;
//! use nf_floor::Floor;
//!
//! let values: Vec<f32> = (0..600).map(|i| 100.0 + (i as f32 * 0.7).sin()).collect();
//! let array = Array::new(vec![20, 30], values.clone())?;
//! let coder = OpenLoop::new(Box::new(Floor::default()), "0.01dn".parse::<Bound>()?, None);
//! let bytes = coder.encode(&array)?;
//! let Samples::F32(decoded) = coder.decode(&bytes, &Limits::default())?.into_samples() else {
//!     unreachable!("the type is kept")
//! };
//! assert!(values.iter().zip(&decoded).all(|(x, y)| (x - y).abs() <= 0.01));
//! # Ok::<(), nf_bounded::Error>(())
//! ```
//!
//! - [`Array`], [`Samples`], [`SampleType`]: one to four axes of integers or floating-point
//!   numbers; with the feature `ndarray` from and to arrays of that crate.
//! - [`Bound`] with its [`Unit`]; [`Tolerance`]: what it means for a sample; [`NoiseModel`] and
//!   [`measure`]: the noise that a bound in sigmas refers to.
//! - [`quantise()`]: samples to indices of 16 bits, which any lossless codec can code; [`Dither`];
//!   [`check`] and
//!   [`within`]: the proof.
//! - [`container`]: arrays and the file around them on disk; [`layout`]: how the file is put
//!   together.
//! - [`ArrayCodec`]: coders of others with a loss of their own, in an [`ArrayRegistry`];
//!   [`encode_within`] makes them keep a bound.
//! - [`Bounded`]: what a bounded coder promises; [`OpenLoop`]: a quantiser before a lossless codec;
//!   [`Listed`]: a codec of arrays with a list of what it misses.
//! - [`Error`].
#![forbid(unsafe_code)]

mod array_codec;
mod bins;
mod bound;
mod bounded;
mod boxes;
pub mod container;
mod dither;
mod encode_within;
mod error;
mod exceptions;
pub mod layout;
mod measure;
mod noise;
mod packing;
mod quantise;
mod record;
mod salvage;
mod sample;
#[cfg(feature = "ndarray")]
mod views;
mod within;

pub use array_codec::{AS_BOUND, ArrayCodec, ArrayEntry, ArrayRegistry, BuildArrayCodec, ValuesOfBound};
pub use bound::{Bound, Tolerance, Unit};
pub use bounded::{Bounded, Listed, OpenLoop};
pub use encode_within::{WHOLE, encode_within};
pub use error::{Error, Result};
pub use measure::measure;
pub use nf_codec::Dither;
pub use noise::{Noise, NoiseModel, NoiseSource};
pub use quantise::{Comparison, QuantiseOptions, Quantised, check, quantise};
pub use record::ArrayRecord;
pub use salvage::Salvaged;
pub use sample::{Array, MAX_AXES, Sample, SampleType, Samples, stack_shape};
pub use within::within;
