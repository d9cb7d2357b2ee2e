//! A decoder of the lossless image streams of `floor`, versions 1 to 5.
//!
//! It was written from the pages `format-floor.md`, `format-floor-max.md` and `format-profile.md`
//! alone and follows their steps one by one, with their names and their numbers
//! ("format-floor.md, 4.2"). It is slow and obvious; it exists to check the pages and other
//! decoders.
//!
//! Malformed streams give an [`Error`]. The memory that is taken depends on the extent that the
//! caller gives, and is taken only when the index of the stream fits this extent.
#![forbid(unsafe_code)]
// Loops run over the numbers that the pages give.
#![allow(clippy::needless_range_loop)]

mod bits;
mod bytes;
mod crc;
mod dither;
mod error;
mod functions;
mod least_squares;
mod mixing;
mod normal;
mod notation;
mod patterns;
mod profile;
mod read_profile;
mod reference_planes;
mod split_rows;
mod start;
mod stream;
mod tile;
mod wavefront;

pub use error::Error;
pub use profile::Profile;
pub use read_profile::read_profile;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

/// Restores the samples of the stack of `planes` planes with `height` rows of `width` pixels that
/// `stream` holds, in the order of planes, rows, columns.
///
/// # Errors
///
/// If `stream` is not a valid stream of a stack of this extent, or if it needs a profile.
pub fn decode(stream: &[u8], planes: usize, height: usize, width: usize) -> Result<Vec<u16>, Error> {
    stream::decode(stream, None, planes, height, width)
}

/// As [`decode`], of a stream that was coded with the detector profile `profile`. Streams that need
/// no profile are taken as well.
///
/// # Errors
///
/// If `stream` is not a valid stream of a stack of this extent, or if it needs another profile.
pub fn decode_with_profile(
    stream: &[u8],
    profile: &Profile,
    planes: usize,
    height: usize,
    width: usize,
) -> Result<Vec<u16>, Error> {
    stream::decode(stream, Some(profile), planes, height, width)
}
