//! The codec of stacks with a loss: `tec:checkpoint=ID`, for bounded containers.
//!
//! # Stream
//!
//! ```text
//! first bytes of the digest of the weights file   8 bytes
//! arithmetic                                      u8   ARITHMETIC: how numbers are computed
//! quality                                         u8   sixteenths of a trained quality
//! height and width of tiles                       u16, little-endian
//! largest error of the residuals                  u16, NO_RESIDUALS if there are none
//! per tile: length in bytes                       u32
//!           median and noise scale of every plane 3 bytes each
//!           rANS stream of the latents of all planes
//! residuals                                       a stream of the codec of residuals
//! ```
//!
//! A residual is an integer `q`: of the error `e` of a decoded sample, `|e| + k` over `2 k + 1`,
//! rounded down, with the sign of `e`, `k` being the largest error. The decoded sample plus
//! `q (2 k + 1)`, modulo 2^16 where `k` is 0, else not beyond 0..=65535, is the sample within `k`.

use crate::checkpoint::Checkpoint;
use crate::named_weights;
use crate::nets::LossyModel;
use crate::tile::Tile;
use crate::tile_stats::TileStats;
use nf_bounded::{AS_BOUND, Array, ArrayCodec, ArrayEntry, Result, SampleType, Samples, stack_shape};
use nf_codec::{Codec, Error, Limits, OptionDoc, Spec};
use nf_entropy::{Reader, Writer};
use nf_image::{Digest, Grid, Image16, Shape, TileBox, in_order};
use rayon::prelude::*;
use std::sync::Arc;

const NAME: &str = "tec";

/// Version of the arithmetic; it changes whenever equal weights would give other numbers.
const ARITHMETIC: u8 = 1;

const DIGEST_BYTES: usize = 8;
const HEAD_BYTES: usize = DIGEST_BYTES + 1 + 1 + 2 + 2;

/// Rows and columns of tiles.
const TILE_PX: usize = 256;
const MAX_TILE_PX: usize = 1024;

/// The largest error of a stream without residuals.
const NO_RESIDUALS: u16 = u16::MAX;

/// Largest error with residuals: a half of all samples.
const MAX_ERROR: u16 = 1 << 14;

/// What a residual of zero is coded as.
const MIDDLE: i32 = 1 << 15;

/// What errors call the bytes.
const STREAM: &str = "tec stream";

/// The line of the registry of array codecs; `residuals` codes residuals.
pub fn array_entry(residuals: Arc<dyn Codec>) -> ArrayEntry {
    ArrayEntry {
        name: NAME.into(),
        summary:
            "a trained network for stacks with a loss: latents, predicted from those of earlier planes; \
                  decodes on every machine"
                .into(),
        source: "arXiv:2206.07307, arXiv:2510.12670".into(),
        options: &[
            named_weights::OPTION,
            OptionDoc {
                key: "quality",
                values: "0 up to the last one of the net, in sixteenths",
                default: "1",
                help: "what distortion costs; between two qualities gains are interpolated",
            },
            OptionDoc {
                key: "residuals",
                values: "none, bound, or 0..=16384",
                default: "bound",
                help: "largest error after residuals; without them samples outside the bound are listed",
            },
        ],
        modes: &["residuals"],
        is_homonym: false,
        values_of_bound: |_, _, _, tolerance| vec![tolerance.floor().clamp(0.0, f64::from(MAX_ERROR))],
        build: Arc::new(move |spec| build(spec, &residuals)),
    }
}

fn build(spec: &Spec, residuals: &Arc<dyn Codec>) -> Result<Box<dyn ArrayCodec>> {
    let mut options = spec.options();
    let id = named_weights::take(&mut options)?;
    let quality =
        options.take("quality", 1.0, "0 to 15 in sixteenths, such as 1 or 2.5", |quality: &f64| {
            (0.0..=15.0).contains(quality) && (16.0 * quality).fract() == 0.0
        })?;
    let is_legal = |text: &String| {
        text == "none" || text == AS_BOUND || text.parse().is_ok_and(|error: u16| error <= MAX_ERROR)
    };
    let error = options.take("residuals", "none".to_owned(), "none, bound, or 0..=16384", is_legal)?;
    options.finish()?;
    let folder = named_weights::folder(spec, &id)?;
    let largest_error = match error.as_str() {
        "none" => None,
        AS_BOUND => return Err(spec.error("residuals=bound needs a bound").into()),
        number => number.parse().ok(),
    };
    let (digest, model) = Checkpoint::load_lossy(&folder).map_err(|error| spec.error(error.to_string()))?;
    let (quality_steps, most) = ((16.0 * quality) as usize, model.most_quality_steps());
    if quality_steps > most {
        let last = most as f64 / 16.0;
        return Err(spec.error(format!("quality={quality}: the last one of these weights is {last}")).into());
    }
    let residuals = Arc::clone(residuals);
    Ok(Box::new(TecCodec { id, digest, model, quality_steps, largest_error, residuals }))
}

/// A trained network with a loss, with or without residuals.
struct TecCodec {
    id: String,
    digest: Digest,
    model: LossyModel,
    quality_steps: usize,
    largest_error: Option<u16>,
    residuals: Arc<dyn Codec>,
}

/// A stream without its head.
struct Open<'a> {
    quality_steps: usize,
    largest_error: Option<u16>,
    boxes: Vec<TileBox>,
    rest: &'a [u8],
}

impl TecCodec {
    /// What a stream begins with.
    fn head(&self) -> Vec<u8> {
        let mut bytes = self.digest.0[..DIGEST_BYTES].to_vec();
        bytes.extend([ARITHMETIC, self.quality_steps as u8]);
        bytes.extend((TILE_PX as u16).to_le_bytes());
        bytes.extend(self.largest_error.unwrap_or(NO_RESIDUALS).to_le_bytes());
        bytes
    }

    /// A checked head.
    ///
    /// # Errors
    /// If the bytes begin with no head, or with one of other weights.
    fn open<'a>(&self, bytes: &'a [u8], shape: Shape, limits: &Limits) -> nf_codec::Result<Open<'a>> {
        limits.check_shape(STREAM, shape)?;
        let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>().ok_or_else(|| Error::truncated(STREAM))?;
        let (digest, own) = head.split_at(DIGEST_BYTES);
        if digest != &self.digest.0[..DIGEST_BYTES] {
            return Err(named_weights::of_others(STREAM, digest, &self.id, &self.digest));
        }
        if own[0] != ARITHMETIC {
            return Err(named_weights::of_other_arithmetic(STREAM, NAME, own[0], ARITHMETIC));
        }
        let number = |at: usize| u16::from_le_bytes([own[at], own[at + 1]]);
        let (quality_steps, tile_px, error) = (usize::from(own[1]), usize::from(number(2)), number(4));
        if quality_steps > self.model.most_quality_steps()
            || !(1..=MAX_TILE_PX).contains(&tile_px)
            || (error > MAX_ERROR && error != NO_RESIDUALS)
        {
            let reason = format!("quality {quality_steps}/16, tiles of {tile_px}, largest error {error}");
            return Err(Error::corrupt(STREAM, reason));
        }
        let (height, width) = (tile_px.min(shape.height), tile_px.min(shape.width));
        let threads = rayon::current_num_threads() as u64;
        let memory = self.model.memory_bytes(height.max(1), width.max(1)).saturating_mul(threads);
        // The decoded samples are held as tiles and as a stack.
        let samples = 4 * shape.pixels() as u64;
        limits.check_memory(STREAM, memory.saturating_add(samples))?;
        // Every tile has a length: a hostile shape fails before it is allocated.
        let tiles = shape.height.div_ceil(tile_px).saturating_mul(shape.width.div_ceil(tile_px));
        if shape.pixels() > 0 && tiles.saturating_mul(4) > rest.len() {
            return Err(Error::truncated(STREAM));
        }
        let largest_error = (error != NO_RESIDUALS).then_some(error);
        Ok(Open { quality_steps, largest_error, boxes: boxes(shape, tile_px), rest })
    }

    /// The bytes of the tiles of an image, and what they decode to.
    fn encode_tiles(&self, image: &Image16) -> nf_codec::Result<(Vec<u8>, Image16)> {
        let boxes = boxes(image.shape(), TILE_PX);
        let coded = in_order(boxes.par_iter().map(|place| {
            let own = image.crop_box(place);
            let mut tile = Tile::known(place.rows.len(), place.columns.len(), own.samples().to_vec());
            let mut bytes: Vec<u8> = tile.stats.iter().flat_map(|stats| stats.to_bytes()).collect();
            let mut writer = Writer::new();
            let coded = self.model.code(&mut writer, &mut tile, self.quality_steps);
            coded.map_err(|error| Error::backend(NAME, error.to_string()))?;
            bytes.extend(writer.finish());
            Ok::<_, Error>((bytes, tile.samples))
        }))?;
        let (mut bytes, mut decoded) = (vec![], Image16::zeros(image.shape()));
        for ((part, samples), place) in coded.into_iter().zip(&boxes) {
            bytes.extend((part.len() as u32).to_le_bytes());
            bytes.extend(part);
            paste(&mut decoded, samples, place)?;
        }
        Ok((bytes, decoded))
    }

    /// What the tiles of a stream decode to, and its bytes behind them.
    fn decode_tiles<'a>(&self, open: &Open<'a>, shape: Shape) -> nf_codec::Result<(Image16, &'a [u8])> {
        let mut rest = open.rest;
        let mut parts = vec![];
        for _ in &open.boxes {
            let (length, after) = rest.split_first_chunk::<4>().ok_or_else(|| Error::truncated(STREAM))?;
            let part = after.split_at_checked(u32::from_le_bytes(*length) as usize);
            let (part, after) = part.ok_or_else(|| Error::truncated(STREAM))?;
            parts.push(part);
            rest = after;
        }
        let tiles = parts.par_iter().zip(&open.boxes);
        let decoded = in_order(tiles.map(|(part, place)| self.decode_tile(part, place, open.quality_steps)))?;
        let mut image = Image16::zeros(shape);
        for (samples, place) in decoded.into_iter().zip(&open.boxes) {
            paste(&mut image, samples, place)?;
        }
        Ok((image, rest))
    }

    fn decode_tile(&self, part: &[u8], place: &TileBox, quality_steps: usize) -> nf_codec::Result<Vec<u16>> {
        let heads = TileStats::BYTES * place.planes.len();
        let (heads, stream) = part.split_at_checked(heads).ok_or_else(|| Error::truncated(STREAM))?;
        let heads = heads.as_chunks::<{ TileStats::BYTES }>().0.iter().map(|&head| {
            let reason = "a noise scale beyond 2^13 samples";
            TileStats::from_bytes(head).ok_or_else(|| Error::corrupt(STREAM, reason))
        });
        let stats = heads.collect::<nf_codec::Result<_>>()?;
        let mut tile = Tile::blank(place.rows.len(), place.columns.len(), stats);
        let mut reader = Reader::new(stream);
        let coded = self.model.code(&mut reader, &mut tile, quality_steps).and_then(|()| reader.finish());
        coded.map_err(|error| Error::corrupt(STREAM, error.to_string()))?;
        Ok(tile.samples)
    }
}

impl ArrayCodec for TecCodec {
    fn spec(&self) -> Spec {
        let error = self.largest_error.map_or_else(|| "none".to_owned(), |error| error.to_string());
        named_weights::spec(NAME, &self.id)
            .with("quality", self.quality_steps as f64 / 16.0, 1.0)
            .set("residuals", error)
    }

    fn encode(&self, array: &Array) -> Result<Vec<u8>> {
        let shape = stack_shape(array.axes());
        let mut words = words(array)?;
        // The last row of a long array of one axis is filled up.
        if let Some(&last) = words.last() {
            words.resize(shape.pixels(), last);
        }
        let image = Image16::new(shape, words).map_err(|e| Error::backend(NAME, e.to_string()))?;
        let mut bytes = self.head();
        let (tiles, decoded) = self.encode_tiles(&image)?;
        bytes.extend(tiles);
        if let Some(error) = self.largest_error {
            let pairs = image.samples().iter().zip(decoded.samples());
            let indices = pairs.map(|(&sample, &base)| index(sample, base, error)).collect();
            let residuals = Image16::new(shape, indices).map_err(|e| Error::backend(NAME, e.to_string()))?;
            bytes.extend(self.residuals.encode(&residuals)?);
        }
        Ok(bytes)
    }

    fn decode(&self, bytes: &[u8], sample: SampleType, axes: &[usize], limits: &Limits) -> Result<Samples> {
        let shape = stack_shape(axes);
        let open = self.open(bytes, shape, limits)?;
        let (image, rest) = self.decode_tiles(&open, shape)?;
        let mut samples = image.samples().to_vec();
        match open.largest_error {
            None if rest.is_empty() => {}
            None => {
                return Err(
                    Error::corrupt(STREAM, format!("{} bytes after the last tile", rest.len())).into()
                );
            }
            Some(error) => {
                let residuals = self.residuals.decode(rest, shape, limits)?;
                if residuals.shape() != shape {
                    return Err(Error::corrupt(STREAM, "residuals of another shape").into());
                }
                for (sample, &index) in samples.iter_mut().zip(residuals.samples()) {
                    *sample = corrected(*sample, index, error);
                }
            }
        }
        samples.truncate(axes.iter().product());
        match sample {
            SampleType::U16 => Ok(Samples::U16(samples)),
            SampleType::I16 => {
                Ok(Samples::I16(samples.into_iter().map(|word| (word ^ 0x8000) as i16).collect()))
            }
            other => Err(Error::corrupt(STREAM, format!("{other} samples")).into()),
        }
    }

    fn is_lossless(&self) -> bool {
        self.largest_error == Some(0)
    }
}

/// The residual of a sample, as it is coded.
fn index(sample: u16, base: u16, largest_error: u16) -> u16 {
    if largest_error == 0 {
        return sample.wrapping_sub(base).wrapping_add(MIDDLE as u16);
    }
    let (error, k) = (i32::from(sample) - i32::from(base), i32::from(largest_error));
    ((error.abs() + k) / (2 * k + 1) * error.signum() + MIDDLE) as u16
}

/// The sample of a residual.
fn corrected(base: u16, index: u16, largest_error: u16) -> u16 {
    if largest_error == 0 {
        return base.wrapping_add(index).wrapping_sub(MIDDLE as u16);
    }
    // At most 2^15 times 2^15, plus 2^16.
    let steps = i64::from(index) - i64::from(MIDDLE);
    let sample = i64::from(base) + steps * (2 * i64::from(largest_error) + 1);
    sample.clamp(0, i64::from(u16::MAX)) as u16
}

/// The tiles of a stack, each with all planes.
fn boxes(shape: Shape, tile_px: usize) -> Vec<TileBox> {
    if shape.pixels() == 0 {
        return vec![];
    }
    Grid::new(shape, Shape::new(shape.planes, tile_px, tile_px)).boxes().collect()
}

fn paste(image: &mut Image16, samples: Vec<u16>, place: &TileBox) -> nf_codec::Result<()> {
    let part = Image16::new(place.shape(), samples).map_err(|e| Error::corrupt(STREAM, e.to_string()))?;
    image.paste(&part, place.planes.start, place.rows.start, place.columns.start);
    Ok(())
}

/// The samples as numbers of 0..=65535.
fn words(array: &Array) -> Result<Vec<u16>> {
    match array.samples() {
        Samples::U16(samples) => Ok(samples.clone()),
        Samples::I16(samples) => Ok(samples.iter().map(|&sample| sample as u16 ^ 0x8000).collect()),
        other => {
            let reason = format!("{} samples; it takes uint16 and int16", other.sample_type());
            Err(Error::backend(NAME, reason).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn residuals_keep_their_bound() {
        let samples = [0, 1, 2, 500, 32_767, 32_768, 65_530, 65_535];
        for error in [0, 1, 2, 7, 1000, MAX_ERROR] {
            for sample in samples {
                for base in samples {
                    let back = corrected(base, index(sample, base, error), error);
                    assert!(back.abs_diff(sample) <= error, "{sample} from {base} within {error}: {back}");
                }
            }
            // Damaged indices make samples, too.
            for index in [0, u16::MAX] {
                assert!(samples.map(|base| corrected(base, index, error)).len() == samples.len());
            }
        }
    }
}
