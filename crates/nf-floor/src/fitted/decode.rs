//! From a tile's payload to its pixels.

use super::coder::Decoder;
use super::laws::{Laws, raw_bits, sample_of, symbol_at};
use super::model::{Model, Traversal};
use super::plane::{MARGIN, Plane, signed};
use nf_codec::{Error, Result};
use nf_entropy::bits::BitReader;

/// The samples of a tile of `height` rows of `width` pixels, neither of them zero.
#[inline(always)]
pub(crate) fn decode(what: &str, payload: &[u8], height: usize, width: usize) -> Result<Vec<u16>> {
    let (head, rest) = payload.split_first_chunk::<8>().ok_or_else(|| Error::truncated(what))?;
    let length = |i: usize| u32::from_le_bytes([head[i], head[i + 1], head[i + 2], head[i + 3]]) as usize;
    let (header, rest) = rest.split_at_checked(length(0)).ok_or_else(|| Error::truncated(what))?;
    let (symbols, raw) = rest.split_at_checked(length(4)).ok_or_else(|| Error::truncated(what))?;
    let mut reader = BitReader::new(header);
    let model = Model::read(what, &mut reader)?;
    let wrong = |error: nf_entropy::Error| Error::corrupt(what, error.to_string());
    reader.finish().map_err(wrong)?;
    let mut decoder = Decoder::new(what, symbols)?;
    let mut raw = BitReader::new(raw);
    let plane = pixels(&model, height, width, &mut decoder, &mut raw);
    decoder.finish(what)?;
    raw.finish().map_err(wrong)?;
    Ok(plane.into_samples())
}

#[inline(always)]
fn pixels(model: &Model, height: usize, width: usize, decoder: &mut Decoder, raw: &mut BitReader) -> Plane {
    let mut plane = Plane::new(height, width, model.origin);
    let mut laws = Laws::new();
    let law_of = model.groups.laws(&mut laws);
    let mut traversal = Traversal::new(model, width);
    for y in 0..height {
        let (above, row) = plane.open(y);
        traversal.enter(y, &above);
        for x in 0..width {
            let expected = traversal.expect(x, &above, row);
            let (starts, first_bin, low_bits) =
                laws.at(law_of[usize::from(expected.cell)], expected.location);
            let (symbol, interval) = symbol_at(starts, decoder.point());
            decoder.take(interval);
            let bits = raw_bits(symbol, low_bits);
            let low = if bits > 0 { raw.read(bits) as u32 } else { 0 };
            let value = signed(sample_of(symbol, low, first_bin, low_bits));
            row[MARGIN + x] = value;
            traversal.learn(x, value, expected.location);
        }
        plane.close(y);
    }
    plane
}
