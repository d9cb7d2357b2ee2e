//! One tile: a mode byte and its payload.

use crate::halves::{self, Effort};
use crate::{Level, max, wave};
use nf_codec::{Error, Result};
use nf_image::Shape;

/// Pixels of a tile, plane by plane, row by row.
#[derive(Clone, Copy, Debug)]
pub struct TileView<'a> {
    /// Number of planes.
    pub planes: usize,
    /// Rows of a plane.
    pub height: usize,
    /// Columns of a plane.
    pub width: usize,
    /// `planes * height * width` samples.
    pub samples: &'a [u16],
}

impl<'a> TileView<'a> {
    /// A view of `samples` as `shape`.
    ///
    /// # Panics
    /// If the number of samples is not that of `shape`.
    pub fn new(shape: Shape, samples: &'a [u16]) -> Self {
        assert_eq!(shape.checked_pixels(), Some(samples.len()), "a tile has as many samples as its shape");
        Self { planes: shape.planes, height: shape.height, width: shape.width, samples }
    }

    /// The extent.
    pub fn shape(&self) -> Shape {
        Shape::new(self.planes, self.height, self.width)
    }
}

/// How the payload of a tile is to be read. The number is the mode byte of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    /// Two bytes per sample, low byte first.
    Raw = 0,
    /// One sample (two bytes, low byte first) that all pixels share.
    Constant = 1,
    /// Half rows at a time: levels `fast` and `default`.
    Halves = 2,
    /// Sixteen rows at a time: level `high`, and small tiles from `default` on.
    Wave = 3,
    /// Level `max`.
    Max = 4,
    /// A tile of any mode above whose samples are 32768 more, modulo 2^16.
    Turned = 5,
}

impl Mode {
    fn of_byte(byte: u8) -> Option<Self> {
        [Self::Raw, Self::Constant, Self::Halves, Self::Wave, Self::Max, Self::Turned]
            .into_iter()
            .find(|mode| *mode as u8 == byte)
    }
}

/// Most bytes of a tile of `pixels` pixels: raw samples and the mode byte.
pub const fn max_bytes(pixels: usize) -> usize {
    1 + 2 * pixels
}

/// Tiles up to this many pixels go in a wave from level `default` on: fitted models cost small tiles most.
const SMALL_PX: usize = 1 << 16;

/// Half of the range of samples: what a turned tile adds.
const HALF_TURN: u16 = 1 << 15;

/// The bytes of a tile: of the modes that `level` tries, the one that gives the fewest.
pub fn encode(tile: TileView, level: Level) -> Vec<u8> {
    if let Some((&first, rest)) = tile.samples.split_first()
        && rest.iter().all(|&sample| sample == first)
    {
        return with_mode(Mode::Constant, &first.to_le_bytes());
    }
    let straight = encode_straight(tile, level);
    if !wraps(tile.samples) {
        return straight;
    }
    let turned: Vec<u16> = tile.samples.iter().map(|sample| sample.wrapping_add(HALF_TURN)).collect();
    let turned = encode_straight(TileView { samples: &turned, ..tile }, level);
    if turned.len() + 1 < straight.len() { with_mode(Mode::Turned, &turned) } else { straight }
}

/// Whether samples keep to both ends of their range, as differences modulo 2^16 do.
fn wraps(samples: &[u16]) -> bool {
    let step = samples.len() / 1024 + 1;
    let mut quarters = [0; 4];
    samples.iter().step_by(step).for_each(|sample| quarters[usize::from(sample >> 14)] += 1);
    let [low, middle_low, middle_high, high] = quarters;
    low.min(high) > 8 * (middle_low + middle_high)
}

fn encode_straight(tile: TileView, level: Level) -> Vec<u8> {
    let mut best: Option<Vec<u8>> = None;
    let mut offer = |bytes: Vec<u8>| {
        if best.as_ref().is_none_or(|best| bytes.len() < best.len()) {
            best = Some(bytes);
        }
    };
    // Every level tries what the levels below try, so that a higher level is never larger.
    let efforts: &[Effort] = match level {
        Level::Fast => &[Effort::SMALL],
        Level::Default | Level::High | Level::Max => &[Effort::SMALL, Effort::LARGE],
    };
    for &effort in efforts {
        if let Some(payload) = halves::encode(tile, effort) {
            offer(with_mode(Mode::Halves, &payload));
        }
    }
    if (level >= Level::High || level == Level::Default && tile.samples.len() <= SMALL_PX)
        && let Some(payload) = wave::encode(tile)
    {
        offer(with_mode(Mode::Wave, &payload));
    }
    if level >= Level::Max
        && let Some(payload) = max::encode(tile)
    {
        offer(with_mode(Mode::Max, &payload));
    }
    if let Some(best) = best
        && best.len() < max_bytes(tile.samples.len())
    {
        return best;
    }
    let raw: Vec<u8> = tile.samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    with_mode(Mode::Raw, &raw)
}

fn with_mode(mode: Mode, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + payload.len());
    bytes.push(mode as u8);
    bytes.extend_from_slice(payload);
    bytes
}

/// The pixels of a tile of `shape`; `what` names it in errors.
///
/// # Errors
/// If the bytes are not those of a tile of that shape.
pub fn decode(what: &str, bytes: &[u8], shape: Shape) -> Result<Vec<u16>> {
    let Some((&mode, payload)) = bytes.split_first() else { return Err(Error::truncated(what)) };
    let pixels = shape.pixels();
    match Mode::of_byte(mode) {
        Some(Mode::Raw) if payload.len() == 2 * pixels => {
            Ok(payload.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect())
        }
        Some(Mode::Constant) if payload.len() == 2 => {
            Ok(vec![u16::from_le_bytes([payload[0], payload[1]]); pixels])
        }
        Some(Mode::Raw | Mode::Constant) => {
            Err(Error::corrupt(what, format!("a payload of {} bytes for {pixels} pixels", payload.len())))
        }
        Some(Mode::Halves) => halves::decode(what, payload, shape),
        Some(Mode::Wave) => wave::decode(what, payload, shape),
        Some(Mode::Max) => max::decode(what, payload, shape),
        Some(Mode::Turned) if payload.first() != Some(&mode) => {
            let mut samples = decode(what, payload, shape)?;
            samples.iter_mut().for_each(|sample| *sample = sample.wrapping_sub(HALF_TURN));
            Ok(samples)
        }
        Some(Mode::Turned) => Err(Error::corrupt(what, "a tile that is turned twice")),
        None => Err(Error::corrupt(what, format!("tile mode {mode} is unknown"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenes::Dice;

    /// Bits of a pixel that is normal noise of this width around the middle between two integers, rounded.
    fn entropy_bits(width: f64) -> f64 {
        if width > 20.0 {
            return 0.5 * (17.079_468_445_347_132 * width * width).log2();
        }
        // Masses of the samples by sums of the density at 64 points each.
        let mass = |sample: i32| -> f64 {
            let at = |i: i32| f64::from(sample) + (f64::from(i) + 0.5) / 64.0;
            let sum: f64 = (0..64).map(|i| (-0.5 * (at(i) / width).powi(2)).exp()).sum();
            sum / 64.0 / (width * std::f64::consts::TAU.sqrt())
        };
        (-300..300).map(mass).filter(|&mass| mass > 0.0).map(|mass| -mass * mass.log2()).sum()
    }

    #[test]
    fn white_noise_costs_its_entropy() {
        let mut dice = Dice::new(11);
        let shape = Shape::frame(768, 768);
        for width in [0.3, 1.0, 3.0, 10.0, 100.0, 3000.0_f64] {
            let samples: Vec<u16> =
                (0..shape.pixels()).map(|_| (30_000.0 + dice.normal() * width) as u16).collect();
            let bytes = encode(TileView::new(shape, &samples), Level::Default);
            let bits = bytes.len() as f64 * 8.0 / samples.len() as f64;
            let entropy = entropy_bits(width);
            assert!(bits < entropy * 1.005 + 0.01, "{width}: {bits} bits, entropy {entropy}");
            assert!(bits > entropy * 0.995 - 0.01, "{width}: {bits} bits, entropy {entropy}");
        }
    }

    #[test]
    fn differences_modulo_the_range_cost_no_more_than_centred_ones() {
        let mut dice = Dice::new(3);
        let shape = Shape::frame(96, 128);
        let centred: Vec<u16> =
            (0..shape.pixels()).map(|_| (32_768.0 + 20.0 * dice.normal()).round() as u16).collect();
        let wrapped: Vec<u16> = centred.iter().map(|sample| sample.wrapping_sub(32_768)).collect();
        for level in Level::ALL {
            let bytes = encode(TileView::new(shape, &wrapped), level);
            assert_eq!(bytes.len(), encode(TileView::new(shape, &centred), level).len() + 1, "{level}");
            assert_eq!(decode("tile", &bytes, shape).unwrap(), wrapped, "{level}");
            let twice = [&[Mode::Turned as u8], bytes.as_slice()].concat();
            assert!(decode("tile", &twice, shape).unwrap_err().to_string().contains("twice"));
        }
    }

    #[test]
    fn what_cannot_be_compressed_hardly_grows() {
        let mut dice = Dice::new(5);
        for (height, width) in [(1, 1), (3, 40), (128, 128), (300, 257)] {
            let shape = Shape::frame(height, width);
            let samples: Vec<u16> = (0..shape.pixels()).map(|_| dice.roll() as u16).collect();
            for level in [Level::Fast, Level::Default, Level::High] {
                let bytes = encode(TileView::new(shape, &samples), level);
                assert!(bytes.len() <= max_bytes(samples.len()), "{shape} {level}");
            }
        }
    }
}
