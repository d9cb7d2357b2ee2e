//! Sixteen rows in a wave: level `high`, and small tiles from level `default` on.
//!
//! Everything adapts backward, so that nothing but the pixels is sent; sixteen rows go forward together, each three columns
//! behind the one above, one per lane of a wide register ([`lanes`]). A pixel's location is a least-squares sum of 34
//! pixels around and some means ([`location`]), its scale a regression ([`scale`]), its law a mixture learnt on the way ([`law`]);
//! it is coded as a block of eight samples and the place in it, where codes have weights ([`codes`]), by range ANS
//! with one state per lane ([`coder`]). Arithmetic is IEEE 754 in a fixed order: additions, multiplications, divisions, square
//! roots and comparisons, so that every machine computes the same numbers.
// Loops over several arrays at one index are what compilers turn into wide registers.
#![allow(clippy::needless_range_loop)]

mod coder;
mod codes;
mod lanes;
mod law;
mod least_squares;
mod location;
mod products;
mod scale;
mod traverse;

use crate::machine::{Machine, Work};
use crate::tile::TileView;
use coder::{Decoder, Encoder};
use nf_codec::{Error, Result};
use nf_image::Shape;
use traverse::{Header, traverse};

/// Bytes of a header.
const HEADER_BYTES: usize = 6;

impl Header {
    /// Of a tile with at least one pixel.
    fn of(samples: &[u16]) -> Self {
        let step = samples.len() / 8192 + 1;
        let mut some: Vec<u16> = samples.iter().step_by(step).copied().collect();
        some.sort_unstable();
        let mut apart: Vec<u16> =
            samples.windows(2).step_by(step).map(|pair| pair[0].abs_diff(pair[1])).collect();
        apart.sort_unstable();
        let apart = apart.get(apart.len() / 2).copied().unwrap_or(0);
        Self {
            median: some[some.len() / 2],
            floor: some[some.len() / 200],
            // One and a half of the median difference.
            scatter: apart.saturating_add(apart / 2).saturating_add(1),
        }
    }

    fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let [[a, b], [c, d], [e, f]] = [self.median, self.floor, self.scatter].map(u16::to_le_bytes);
        [a, b, c, d, e, f]
    }

    fn of_bytes([a, b, c, d, e, f]: [u8; HEADER_BYTES]) -> Self {
        let [median, floor, scatter] = [[a, b], [c, d], [e, f]].map(u16::from_le_bytes);
        Self { median, floor, scatter }
    }
}

/// The payload of a tile, or `None` if the mode cannot take it: no pixel.
pub fn encode(tile: TileView) -> Option<Vec<u8>> {
    (!tile.samples.is_empty()).then(|| encode_on(Machine::best(), tile))
}

fn encode_on(machine: Machine, tile: TileView) -> Vec<u8> {
    struct Encode<'a>(Machine, TileView<'a>);
    impl Work for Encode<'_> {
        type Output = Vec<u8>;
        #[inline(always)]
        fn run(self) -> Vec<u8> {
            let Self(machine, tile) = self;
            let header = Header::of(tile.samples);
            let mut encoder = Encoder::new(tile.samples.len());
            traverse(machine, &mut encoder, header, tile.width, &mut tile.samples.to_vec());
            let mut payload = header.to_bytes().to_vec();
            encoder.finish(&mut payload);
            payload
        }
    }
    machine.run(Encode(machine, tile))
}

/// The pixels of a tile of `shape`; `what` names it in errors.
///
/// # Errors
/// If the payload is not what [`encode`] writes for a tile of that shape.
pub fn decode(what: &str, payload: &[u8], shape: Shape) -> Result<Vec<u16>> {
    if shape.pixels() == 0 {
        return Err(Error::corrupt(what, "this mode codes at least one pixel"));
    }
    decode_on(Machine::best(), what, payload, shape)
}

fn decode_on(machine: Machine, what: &str, payload: &[u8], shape: Shape) -> Result<Vec<u16>> {
    struct Decode<'a>(Machine, &'a str, &'a [u8], Shape);
    impl Work for Decode<'_> {
        type Output = Result<Vec<u16>>;
        #[inline(always)]
        fn run(self) -> Result<Vec<u16>> {
            let Self(machine, what, payload, shape) = self;
            let (header, coded) = payload.split_first_chunk().ok_or_else(|| Error::truncated(what))?;
            let mut decoder =
                Decoder::new(coded).ok_or_else(|| Error::corrupt(what, "states of no encoder"))?;
            let mut samples = vec![0; shape.pixels()];
            traverse(machine, &mut decoder, Header::of_bytes(*header), shape.width, &mut samples);
            if decoder.is_at_end() {
                Ok(samples)
            } else {
                Err(Error::corrupt(what, "the coded pixels do not end where the payload does"))
            }
        }
    }
    machine.run(Decode(machine, what, payload, shape))
}

#[cfg(test)]
mod tests;
