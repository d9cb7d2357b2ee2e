//! The contract between codecs and everybody who uses them.
//!
//! - [`Codec`]: what a codec promises.
//! - [`Spec`]: a codec and its options as one string, such as `jpegxl:effort=9`.
//! - [`Registry`] and [`Entry`]: the readable list of what exists.
//! - [`container`]: coded stacks that describe themselves (`docs/format.md`).
//! - [`Staged`]: streams that tell ever more of every sample.
//! - [`PixelTrace`]: the predictive distribution of every pixel, from codecs that give it.
//! - [`Dither`]: what a codec of dithered indices may know of their lattices.
//! - [`Limits`]: what a decoder may spend on bytes it does not trust.
//! - [`Error`]: what can go wrong, each case naming the input at fault.
#![forbid(unsafe_code)]

mod codec;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod container;
mod dither;
mod error;
mod fields;
mod limits;
mod registry;
mod spec;
mod staged;
mod trace;

pub use codec::{Codec, Model, PlaneTreatment, Reproducibility};
pub use dither::{Dither, DitheredStack};
pub use error::{Error, Result};
pub use fields::{Fields, put_varint};
pub use limits::Limits;
pub use registry::{Added, Build, Entry, LastBuilt, OptionDoc, Registry};
pub use spec::{Options, Spec};
pub use staged::{Stage, Staged};
pub use trace::PixelTrace;

// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
