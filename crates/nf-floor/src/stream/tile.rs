//! A tile that decodes alone: a mode byte and its payload.

use super::mode::Mode;
use crate::Level;
use crate::models::split_rows::{Directed, Effort};
use crate::models::{TileView, mixing, split_rows, wavefront};
use nf_codec::{Error, Result};

/// Most bytes of a tile of `pixels` pixels: raw samples and the mode byte.
pub(super) const fn max_bytes(pixels: usize) -> usize {
    1 + 2 * pixels
}

/// Tiles of up to this many pixels are tried as a wavefront from level `default` on: fitted models
/// cost small tiles most. Tiles of 256 x 256 pixels would be half a percent smaller, and take ten
/// times as long to decode.
const SMALL_PX: usize = 1 << 15;

/// Whether a level tries a tile of this many pixels as a wavefront.
pub(super) fn tries_wavefront(level: Level, pixels: usize) -> bool {
    level >= Level::High || level == Level::Default && pixels <= SMALL_PX
}

/// How hard a level tries to model split rows.
pub(super) fn efforts(level: Level) -> &'static [Effort] {
    if level >= Level::Default { &[Effort::SMALL, Effort::LARGE] } else { &[Effort::SMALL] }
}

/// What a tile of [`Mode::Offset`] adds to its samples: half of their range.
const OFFSET: u16 = 1 << 15;

/// The smallest tile of the modes that `level` tries.
pub fn encode(tile: TileView, level: Level) -> Vec<u8> {
    if let Some(first) = tile.samples.first()
        && is_constant(tile.samples)
    {
        return Mode::Constant.with_payload(&first.to_le_bytes());
    }
    let direct = encode_direct(tile, level);
    if !wraps(tile.samples) {
        return direct;
    }
    let offset: Vec<u16> = tile.samples.iter().map(|sample| sample.wrapping_add(OFFSET)).collect();
    let offset = encode_direct(TileView { samples: &offset, ..tile }, level);
    if offset.len() + 1 < direct.len() { Mode::Offset.with_payload(&offset) } else { direct }
}

/// Whether all samples are equal.
pub(super) fn is_constant(samples: &[u16]) -> bool {
    samples.windows(2).all(|pair| pair[0] == pair[1])
}

/// Whether samples cluster at both ends of their range, as differences modulo 2^16 do.
fn wraps(samples: &[u16]) -> bool {
    let step = samples.len() / 1024 + 1;
    let mut quarters = [0; 4];
    samples.iter().step_by(step).for_each(|sample| quarters[usize::from(sample >> 14)] += 1);
    let [low, middle_low, middle_high, high] = quarters;
    low.min(high) > 8 * (middle_low + middle_high)
}

fn encode_direct(tile: TileView, level: Level) -> Vec<u8> {
    let mut best: Option<Vec<u8>> = None;
    let mut offer = |mode: Mode, payload: Option<Vec<u8>>| {
        let Some(payload) = payload else { return };
        if best.as_ref().is_none_or(|best| 1 + payload.len() < best.len()) {
            best = Some(mode.with_payload(&payload));
        }
    };
    let directed = Directed::new(tile, &[]);
    // Every level tries what the levels below try, so that a higher level is never larger.
    offer(Mode::SplitRows, directed.map(|directed| directed.encode(efforts(level))));
    if tries_wavefront(level, tile.samples.len()) {
        offer(Mode::Wavefront, wavefront::encode(tile, wavefront::Beside::default()));
    }
    if level >= Level::Max {
        offer(Mode::Mixing, mixing::encode(tile));
    }
    match best {
        Some(best) if best.len() < max_bytes(tile.samples.len()) => best,
        _ => Mode::Raw.with_payload(&raw_bytes(tile.samples)),
    }
}

/// Two bytes per sample, low byte first.
pub(crate) fn raw_bytes(samples: &[u16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// The samples that [`raw_bytes`] wrote.
pub(crate) fn raw_samples(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// The samples of a tile; `what` names it in errors.
///
/// # Errors
/// If the bytes are not those of a tile of that extent that decodes alone.
pub fn decode(what: &str, bytes: &[u8], height: usize, width: usize) -> Result<Vec<u16>> {
    let (mode, payload) = Mode::split(what, bytes)?;
    let pixels = height * width;
    match mode {
        Mode::Raw if payload.len() == 2 * pixels => Ok(raw_samples(payload)),
        Mode::Constant if payload.len() == 2 => Ok(vec![raw_samples(payload)[0]; pixels]),
        Mode::Raw | Mode::Constant => {
            let (found, mode) = (payload.len(), mode as u8);
            let reason = format!("a payload of {found} bytes for {pixels} pixels of tile mode {mode}");
            Err(Error::corrupt(what, reason))
        }
        Mode::SplitRows => split_rows::decode(what, payload, height, width, &[]),
        Mode::Wavefront => wavefront::decode(what, payload, height, width, wavefront::Beside::default()),
        Mode::Mixing => mixing::decode(what, payload, height, width),
        Mode::Offset if payload.first() == Some(&(Mode::Offset as u8)) => {
            Err(Error::corrupt(what, "a tile of mode 5 within another of mode 5"))
        }
        Mode::Offset => {
            let mut samples = decode(what, payload, height, width)?;
            samples.iter_mut().for_each(|sample| *sample = sample.wrapping_sub(OFFSET));
            Ok(samples)
        }
        Mode::Difference
        | Mode::MixingWithReferences
        | Mode::DifferenceFromProfile
        | Mode::MixingWithProfile
        | Mode::DitheredSplitRows
        | Mode::DitheredWavefront
        | Mode::DitheredMixing
        | Mode::WarmWavefront
        | Mode::DitheredMixingByPosition => {
            let mode = mode as u8;
            Err(Error::corrupt(
                what,
                format!("tile mode {mode} does not decode alone, expected one that does"),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nf_image::testing::{Rng, noise};
    use nf_image::{Image16, Shape};

    /// Bits of a pixel of normal noise of this deviation around the middle between two integers,
    /// rounded.
    fn entropy_bits(deviation: f64) -> f64 {
        if deviation > 20.0 {
            return 0.5 * (17.079_468_445_347_132 * deviation * deviation).log2();
        }
        // Masses of the samples by sums of the density at 64 points each.
        let mass = |sample: i32| -> f64 {
            let at = |i: i32| f64::from(sample) + (f64::from(i) + 0.5) / 64.0;
            let sum: f64 = (0..64).map(|i| (-0.5 * (at(i) / deviation).powi(2)).exp()).sum();
            sum / 64.0 / (deviation * std::f64::consts::TAU.sqrt())
        };
        (-300..300).map(mass).filter(|&mass| mass > 0.0).map(|mass| -mass * mass.log2()).sum()
    }

    #[test]
    fn white_noise_costs_its_entropy() {
        for deviation in [0.3, 1.0, 3.0, 10.0, 100.0, 3000.0_f64] {
            let image = noise(Shape::frame(768, 768), 30_000.5, deviation, 11);
            let bytes = encode(TileView::of(&image), Level::Default);
            let bits = bytes.len() as f64 * 8.0 / image.samples().len() as f64;
            let entropy = entropy_bits(deviation);
            assert!(bits < entropy * 1.005 + 0.01, "{deviation}: {bits} bits, entropy {entropy}");
            assert!(bits > entropy * 0.995 - 0.01, "{deviation}: {bits} bits, entropy {entropy}");
        }
    }

    #[test]
    fn differences_modulo_the_range_cost_no_more_than_centred_ones() {
        let centred = noise(Shape::frame(96, 128), 32_768.0, 20.0, 3);
        let wrapped =
            Image16::from_fn(centred.shape(), |_, y, x| centred.samples()[128 * y + x].wrapping_sub(32_768));
        for level in Level::ALL {
            let bytes = encode(TileView::of(&wrapped), level);
            assert_eq!(bytes.len(), encode(TileView::of(&centred), level).len() + 1, "{level}");
            assert!(decode("tile", &bytes, 96, 128).unwrap() == wrapped.samples(), "{level}");
            let twice = Mode::Offset.with_payload(&bytes);
            assert!(decode("tile", &twice, 96, 128).unwrap_err().to_string().contains("mode 5"));
        }
    }

    #[test]
    fn uniform_noise_is_stored_raw() {
        let mut rng = Rng::new(5);
        for (height, width) in [(3, 40), (128, 128), (300, 257)] {
            let samples: Vec<u16> = (0..height * width).map(|_| rng.next_u16()).collect();
            let tile = TileView::new(height, width, &samples);
            for level in [Level::Fast, Level::Default, Level::High] {
                let bytes = encode(tile, level);
                assert_eq!(
                    (bytes[0], bytes.len()),
                    (0, max_bytes(samples.len())),
                    "{height}x{width} {level}"
                );
            }
        }
    }
}
