//! Which pixels are valid: one bit each, the first the top bit of a byte, as runs of bytes.
//!
//! Bits beyond the last pixel are set. A count (i16) of bytes that follow as they are, or,
//! negative, of repeats of the byte that follows; -32768 ends the mask.

use super::STREAM;
use super::block::take;
use nf_codec::{Error, Result};

const END: i16 = i16::MIN;
/// Equal bytes from so many on are a run.
const SHORTEST_RUN: usize = 5;
const LONGEST: usize = i16::MAX as usize;

/// The mask of a plane.
pub(super) fn encode(valid: &[bool]) -> Vec<u8> {
    let bits = |eight: &[bool]| {
        eight.iter().enumerate().fold(0xffu8, |byte, (n, &is_valid)| byte & !(u8::from(!is_valid) << (7 - n)))
    };
    let bytes: Vec<u8> = valid.chunks(8).map(bits).collect();
    let mut out = Vec::new();
    let mut literal = 0;
    let mut at = 0;
    let flush = |out: &mut Vec<u8>, from: usize, to: usize| {
        for piece in bytes[from..to].chunks(LONGEST) {
            out.extend((piece.len() as i16).to_le_bytes());
            out.extend(piece);
        }
    };
    while at < bytes.len() {
        let run = bytes[at..].iter().take(LONGEST).take_while(|&&byte| byte == bytes[at]).count();
        if run >= SHORTEST_RUN && at + SHORTEST_RUN < bytes.len() {
            flush(&mut out, literal, at);
            out.extend((-(run as i16)).to_le_bytes());
            out.push(bytes[at]);
            at += run;
            literal = at;
        } else {
            at += 1;
        }
    }
    flush(&mut out, literal, bytes.len());
    out.extend(END.to_le_bytes());
    out
}

/// The valid pixels of a plane of so many.
pub(super) fn decode(mut bytes: &[u8], pixels: usize) -> Result<Vec<bool>> {
    let wrong = || Error::corrupt(STREAM, "its mask is not that of the plane");
    let size = pixels.div_ceil(8);
    let mut mask = Vec::new();
    loop {
        let pair = take(&mut bytes, 2)?;
        match i16::from_le_bytes([pair[0], pair[1]]) {
            END => break,
            count if usize::from(count.unsigned_abs()) > size - mask.len() || count == 0 => {
                return Err(wrong());
            }
            count if count > 0 => mask.extend(take(&mut bytes, count as usize)?),
            count => {
                let byte = take(&mut bytes, 1)?[0];
                mask.resize(mask.len() + usize::from(count.unsigned_abs()), byte);
            }
        }
    }
    if mask.len() != size || !bytes.is_empty() {
        return Err(wrong());
    }
    Ok((0..pixels).map(|pixel| mask[pixel / 8] >> (7 - pixel % 8) & 1 == 1).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_come_back_and_lies_do_not_pass() {
        for pixels in [1, 7, 8, 9, 39, 40, 41, 48, 4000, 8 * 40_000 + 3] {
            for period in [2, 5, 64, 700, 1 << 30] {
                let valid: Vec<bool> = (0..pixels).map(|n| n % period != 1).collect();
                let bytes = encode(&valid);
                assert_eq!(decode(&bytes, pixels).unwrap(), valid, "{pixels} {period}");
                assert!(decode(&bytes[..bytes.len() - 1], pixels).is_err());
                assert!(decode(&bytes, pixels + 8).is_err());
            }
        }
        assert!(decode(&[0, 0], 8).is_err() && decode(&[0, 0x80], 8).is_err());
    }
}
