//! A tile that decodes alone: a mode and its payload.

use super::{Wrong, half_rows, max, wavefront};

/// The samples of a tile of `height` rows of `width` pixels.
pub(super) fn decode(bytes: &[u8], height: usize, width: usize) -> Result<Vec<u16>, Wrong> {
    let (&mode, payload) = bytes.split_first().ok_or("a tile of no bytes")?;
    let number = |i: usize| u16::from_le_bytes([payload[i], payload[i + 1]]);
    let pixels = height * width;
    match mode {
        0 if payload.len() == 2 * pixels => Ok((0..pixels).map(|i| number(2 * i)).collect()),
        1 if payload.len() == 2 => Ok(vec![number(0); pixels]),
        2 => half_rows::decode(payload, height, width),
        4 => max::decode(payload, height, width),
        5 if payload.first() != Some(&5) => {
            let turned = decode(payload, height, width)?;
            Ok(turned.into_iter().map(|sample| sample.wrapping_sub(32_768)).collect())
        }
        3 => wavefront::decode(payload, height, width),
        _ => Err(format!("mode {mode} with {} bytes", payload.len())),
    }
}
