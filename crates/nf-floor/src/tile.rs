//! One tile: a mode byte and its payload.

use crate::fitted::{self, Search};
use crate::halves::{self, Effort};
use crate::{Level, max};
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
    /// Pixel by pixel with a fitted model.
    Fitted = 3,
    /// Level `max`.
    Max = 4,
}

impl Mode {
    fn of_byte(byte: u8) -> Option<Self> {
        [Self::Raw, Self::Constant, Self::Halves, Self::Fitted, Self::Max]
            .into_iter()
            .find(|mode| *mode as u8 == byte)
    }
}

/// Most bytes of a tile of `pixels` pixels: raw samples and the mode byte.
pub const fn max_bytes(pixels: usize) -> usize {
    1 + 2 * pixels
}

/// Tiles up to this many pixels are also tried pixel by pixel, which takes longer and pays for less.
const FITTED_PX: usize = 1 << 16;

/// The bytes of a tile: of the modes that `level` tries, the one that gives the fewest.
pub fn encode(tile: TileView, level: Level) -> Vec<u8> {
    if let Some((&first, rest)) = tile.samples.split_first()
        && rest.iter().all(|&sample| sample == first)
    {
        return with_mode(Mode::Constant, &first.to_le_bytes());
    }
    let mut best: Option<Vec<u8>> = None;
    let mut offer = |bytes: Vec<u8>| {
        if best.as_ref().is_none_or(|best| bytes.len() < best.len()) {
            best = Some(bytes);
        }
    };
    // Every level tries what the levels below try, so that a higher level is never larger.
    let efforts: &[Effort] = match level {
        Level::Fast => &[Effort::SMALL],
        Level::Default | Level::Max => &[Effort::SMALL, Effort::LARGE],
    };
    for &effort in efforts {
        if let Some(payload) = halves::encode(tile, effort) {
            offer(with_mode(Mode::Halves, &payload));
        }
    }
    if level >= Level::Default
        && tile.samples.len() <= FITTED_PX
        && let Some(payload) = fitted::encode(tile, Search::Thorough)
    {
        offer(with_mode(Mode::Fitted, &payload));
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
        Some(Mode::Fitted) => fitted::decode(what, payload, shape),
        Some(Mode::Max) => max::decode(what, payload, shape),
        None => Err(Error::corrupt(what, format!("tile mode {mode} is unknown"))),
    }
}
