//! A tile that needs the same tile of earlier planes.

use super::{Wrong, max, tile};

/// The samples of a tile; `earlier` holds the planes that it needs, the latest first.
pub(super) fn decode(
    bytes: &[u8],
    height: usize,
    width: usize,
    earlier: &[Vec<u16>],
) -> Result<Vec<u16>, Wrong> {
    if earlier.is_empty() {
        return tile::decode(bytes, height, width);
    }
    let mode = *bytes.first().ok_or("a tile of no bytes")?;
    if bytes.len() < 1 + 2 * earlier.len() {
        return Err("no room for the weights".into());
    }
    let (weights, payload) = bytes[1..].split_at(2 * earlier.len());
    let weights: Vec<i64> =
        weights.chunks(2).map(|pair| i64::from(i16::from_le_bytes([pair[0], pair[1]]))).collect();
    if weights.iter().any(|weight| weight.abs() > 4095) {
        return Err("a weight beyond 4095".into());
    }
    match mode {
        7 => {
            let left = tile::decode(payload, height, width)?;
            let mut samples = Vec::new();
            for i in 0..height * width {
                let sum: i64 = weights.iter().zip(earlier).map(|(w, plane)| w * i64::from(plane[i])).sum();
                let foretold = (sum + 128).div_euclid(256);
                samples.push((i64::from(left[i]) + foretold - 32_768).rem_euclid(65_536) as u16);
            }
            Ok(samples)
        }
        8 => max::decode_given(payload, (height, width), earlier, &weights),
        _ => Err(format!("mode {mode} of a tile that needs planes")),
    }
}
