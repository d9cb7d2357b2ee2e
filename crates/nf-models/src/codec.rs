//! A checkpoint as a codec: `net:checkpoint=ID`.
//!
//! A stream is a [head](head), then the heads and samples of batches of tiles (see batch.rs), or of
//! a network that codes in stages those of its stages (see staged.rs).
//!
//! The stack is cut into tiles of as many planes as the network takes; tiles of equal extents, in
//! the order of the stack, form batches. Every tile has its real borders: nothing is padded,
//! nothing is coded twice.

use crate::batch::{self, STREAM};
use crate::checkpoint::Checkpoint;
use crate::named_weights;
use crate::staged::{self, Stages};
use crate::tile::Tile;
#[cfg(feature = "gpu")]
use crate::tile_model::TilesOnGpu;
use crate::tile_model::{StagedModel, TileModel, Version};
use crate::trace::Recorder;
use head::{HEAD_BYTES, Head};
use nf_codec::{
    Codec, Entry, Error, Limits, Model, OptionDoc, PixelTrace, PlaneTreatment, Result, Spec, Stage, Staged,
};
use nf_image::{Digest, Grid, Image16, Shape, TileBox, in_order};
use rayon::prelude::*;
use std::sync::Arc;

#[cfg(feature = "gpu")]
mod gpu;
mod head;

#[cfg(feature = "gpu")]
pub use gpu::code_on;

const NAME: &str = "net";

// Over 20 test crops of 256 x 256, tiles of 128 cost a small PixelCNN++ 0.1 % on most frames and
// save 8 % where amplifiers of other levels meet.
const DEFAULT_TILE_PX: usize = 128;
// Of nets that make bytes of whole tiles, whose borders cost most.
const DEFAULT_WHOLE_TILE_PX: usize = 1024;
/// Planes of such nets of up to so many pixels are also tried in tiles of the other default.
const MOST_PIXELS_TRIED_IN_SMALL_TILES: usize = 1 << 18;
const MAX_TILE_PX: usize = 4096;
const BATCH: usize = 8;
const MAX_BATCH: usize = 64;

/// The line of the registry.
pub const ENTRY: Entry = Entry {
    name: NAME,
    summary: "a trained network: PixelCNN++, an integer discrete flow, L3C, a row net, one for stacks with temporal context, or diffusion on intervals; decodes on every machine",
    source: "arXiv:1701.05517, arXiv:1905.07376, arXiv:1811.12817, arXiv:2206.07307",
    options: &[
        named_weights::OPTION,
        OptionDoc {
            key: "tile",
            values: "1..=4096",
            default: "128; of a row net 1024",
            help: "height and width of the tiles, which are coded independently",
        },
    ],
    build,
};

fn build(spec: &Spec) -> Result<Box<dyn Codec>> {
    let mut options = spec.options();
    let id = named_weights::take(&mut options)?;
    // 0: the default of the network.
    let tile = options.take("tile", 0, "1..=4096", |tile| (1..=MAX_TILE_PX).contains(tile))?;
    options.finish()?;
    let checkpoint =
        Checkpoint::load(&named_weights::folder(spec, &id)?).map_err(|e| spec.error(e.to_string()))?;
    let tile = if tile == 0 { default_tile_px(&*checkpoint.model) } else { tile };
    let codec = NetCodec::new(checkpoint, id, tile);
    #[cfg(feature = "gpu")]
    let codec = gpu::chosen(codec).map_err(|error| spec.error(error.to_string()))?;
    Ok(Box::new(codec))
}

/// Height and width of tiles if nobody says.
fn default_tile_px(model: &dyn TileModel) -> usize {
    if model.bytes().is_some() { DEFAULT_WHOLE_TILE_PX } else { DEFAULT_TILE_PX }
}

/// A trained network as a codec. Clones share the weights.
#[derive(Clone, Debug)]
pub struct NetCodec {
    id: String,
    tile_px: usize,
    planes: usize,
    model: Arc<dyn TileModel>,
    digest: Digest,
    weights_bytes: u64,
    parameters: u64,
    #[cfg(feature = "gpu")]
    gpu: Option<Arc<dyn TilesOnGpu>>,
}

impl NetCodec {
    /// The codec of a checkpoint that is found again as `id`, in tiles of `tile_px` times `tile_px`
    /// pixels.
    pub fn new(checkpoint: Checkpoint, id: String, tile_px: usize) -> Self {
        let Checkpoint { planes, model, digest, weights_bytes, parameters, .. } = checkpoint;
        Self {
            id,
            tile_px,
            planes,
            model,
            digest,
            weights_bytes,
            parameters,
            #[cfg(feature = "gpu")]
            gpu: None,
        }
    }

    /// Tiles of a batch.
    fn batch(&self) -> usize {
        if self.model.bytes().is_some() { 1 } else { BATCH }
    }

    /// Planes of a tile, unless a stack has fewer left.
    fn tile_planes(&self) -> usize {
        self.model.most_planes().unwrap_or(self.planes)
    }

    /// The stream of a stack in tiles of `tile_px` times `tile_px` pixels.
    fn encode_in(&self, image: &Image16, tile_px: usize) -> Result<Vec<u8>> {
        let batches = self.batches(image.shape(), tile_px, self.batch())?;
        let head = self.head(tile_px);
        let mut bytes = head.to_bytes(&self.digest);
        if let Some(model) = self.model.stages() {
            bytes.extend(staged::encode(model, image.shape(), &batches, |boxes| cut(image, boxes))?);
            return Ok(bytes);
        }
        head.push_parts(&mut bytes, &self.streams(image, &batches)?);
        Ok(bytes)
    }

    /// The bytes of every batch.
    fn streams(&self, image: &Image16, batches: &[Vec<TileBox>]) -> Result<Vec<Vec<u8>>> {
        #[cfg(feature = "gpu")]
        if let Some(gpu) = &self.gpu {
            return gpu::encode(&**gpu, image, batches);
        }
        let encode = |boxes: &Vec<TileBox>| batch::encode(&*self.model, cut(image, boxes)).map_err(failed);
        in_order(batches.par_iter().map(encode))
    }

    /// The samples of the tiles of every batch.
    fn samples(
        &self,
        batches: &[Vec<TileBox>],
        parts: &[&[u8]],
        version: Version,
    ) -> Result<Vec<Vec<Vec<u16>>>> {
        #[cfg(feature = "gpu")]
        if let Some(gpu) = &self.gpu {
            return gpu::decode(&**gpu, batches, parts, version);
        }
        let coded = batches.par_iter().zip(parts);
        in_order(coded.map(|(boxes, part)| match (self.model.bytes(), &boxes[..]) {
            (Some(model), [tile]) => Ok(vec![batch::decode_whole(model, part, tile, version)?]),
            _ => batch::decode(&*self.model, part, boxes),
        }))
    }

    /// What a stream begins with.
    fn head(&self, tile_px: usize) -> Head {
        let version = if self.model.bytes().is_some() { Version::Calibrated } else { Version::First };
        Head { version, tile_px, batch: self.batch() }
    }

    /// The head of a stream, which is checked, its batches, and the bytes behind its head.
    ///
    /// # Errors
    /// As [`Codec::decode`].
    fn open<'a>(&self, bytes: &'a [u8], shape: Shape, limits: &Limits) -> Result<(Head, Batches, &'a [u8])> {
        limits.check_shape(STREAM, shape)?;
        let (head, rest) = Head::read(bytes, &self.digest, &self.id, self.model.bytes().is_some())?;
        let Head { tile_px, batch, .. } = head;
        let (rows, columns) = (tile_px.min(shape.height), tile_px.min(shape.width));
        let memory = self.model.memory_bytes(batch, rows.max(1), columns.max(1));
        limits.check_memory(STREAM, memory.saturating_mul(rayon::current_num_threads() as u64))?;
        // A hostile shape fails before it is allocated.
        let tiles = shape
            .planes
            .div_ceil(self.tile_planes())
            .saturating_mul(shape.height.div_ceil(tile_px))
            .saturating_mul(shape.width.div_ceil(tile_px));
        if head.least_bytes(tiles.div_ceil(batch)) > rest.len() {
            return Err(Error::truncated(STREAM));
        }
        Ok((head, self.batches(shape, tile_px, batch)?, rest))
    }

    /// The network, if it codes in stages.
    ///
    /// # Errors
    /// If it does not.
    fn staged_model(&self) -> Result<&dyn StagedModel> {
        let reason = "this network does not code in stages";
        self.model.stages().ok_or_else(|| Error::corrupt(STREAM, reason))
    }

    /// The stages of a stream of a network that codes in stages.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    fn open_stages<'a>(
        &'a self,
        model: &'a dyn StagedModel,
        bytes: &'a [u8],
        shape: Shape,
        limits: &Limits,
    ) -> Result<Stages<'a>> {
        let (_, batches, rest) = self.open(bytes, shape, limits)?;
        Ok(Stages::open(model, batches, HEAD_BYTES, rest))
    }

    /// The tiles of a stack in batches.
    fn batches(&self, shape: Shape, tile_px: usize, batch: usize) -> Result<Batches> {
        if self.model.most_planes().is_none() && !shape.planes.is_multiple_of(self.planes) {
            let reason =
                format!("the network of checkpoint {} takes {} planes at a time", self.id, self.planes);
            return Err(Error::Unsupported { codec: NAME.into(), shape, reason });
        }
        let mut classes: Vec<(Shape, Vec<TileBox>)> = vec![];
        for tile in Grid::new(shape, Shape::new(self.tile_planes(), tile_px, tile_px)).boxes() {
            let extents = tile.shape();
            match classes.iter_mut().find(|(class, _)| *class == extents) {
                Some((_, tiles)) => tiles.push(tile),
                None => classes.push((extents, vec![tile])),
            }
        }
        let batches = classes.iter().flat_map(|(_, tiles)| tiles.chunks(batch).map(<[TileBox]>::to_vec));
        Ok(batches.collect())
    }
}

/// The boxes of the tiles of every batch.
type Batches = Vec<Vec<TileBox>>;

/// The tiles of these boxes.
fn cut(image: &Image16, boxes: &[TileBox]) -> Vec<Tile> {
    let tile = |tile: &TileBox| {
        let cut = image.crop(tile.planes.clone(), tile.rows.clone(), tile.columns.clone());
        Tile::known(tile.rows.len(), tile.columns.len(), cut.into_samples())
    };
    boxes.iter().map(tile).collect()
}

fn failed(error: nf_entropy::Error) -> Error {
    Error::backend(NAME, error.to_string())
}

impl Codec for NetCodec {
    fn spec(&self) -> Spec {
        named_weights::spec(NAME, &self.id).with("tile", self.tile_px, default_tile_px(&*self.model))
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        let bytes = self.encode_in(image, self.tile_px)?;
        let shape = image.shape();
        // Small frames that nets code whole may be cheaper in tiles that end where amplifiers do.
        let whole = self.model.bytes().is_some() && self.tile_px == DEFAULT_WHOLE_TILE_PX;
        let small = shape.height * shape.width <= MOST_PIXELS_TRIED_IN_SMALL_TILES;
        if !whole || !small || shape.height.max(shape.width) <= DEFAULT_TILE_PX {
            return Ok(bytes);
        }
        let other = self.encode_in(image, DEFAULT_TILE_PX)?;
        Ok(if other.len() < bytes.len() { other } else { bytes })
    }

    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        if let Some(model) = self.model.stages() {
            let stages = self.open_stages(model, bytes, shape, limits)?;
            stages.check_whole()?;
            return stages.decode(shape, stages.count() - 1);
        }
        let (head, batches, rest) = self.open(bytes, shape, limits)?;
        let parts = head.take_parts(rest, batches.len())?;
        let samples = self.samples(&batches, &parts, head.version)?;
        Ok(batch::assembled(shape, samples.into_iter().zip(&batches)))
    }

    fn staged(&self) -> Option<&dyn Staged> {
        self.model.stages().map(|_| self as &dyn Staged)
    }

    fn ideal_bits(&self, image: &Image16) -> Result<Option<f64>> {
        let batches = self.batches(image.shape(), self.tile_px, self.batch())?.into_par_iter();
        let bits =
            batches.map(|boxes| batch::ideal_bits(&*self.model, &mut cut(image, &boxes)).map_err(failed));
        // Added up in the order of the batches, whatever the number of threads.
        let bits: Vec<f64> = in_order(bits)?;
        Ok(Some(bits.iter().sum()))
    }

    /// Those of PixelCNN++ for single planes; the other networks code numbers that are no samples.
    fn trace(&self, image: &Image16, uniform: &mut dyn FnMut() -> f64) -> Option<PixelTrace> {
        let shape = image.shape();
        if !self.model.codes_samples() || shape.planes != 1 {
            return None;
        }
        let pixels = image.samples().len();
        let mut trace = PixelTrace {
            pit_intervals: vec![[0.0; 2]; pixels],
            pixel_bits: vec![0.0; pixels],
            sample: vec![0; pixels],
            sample_bits: 0.0,
        };
        for boxes in self.batches(shape, self.tile_px, BATCH).ok()? {
            let mut recorder = Recorder::new(uniform);
            self.model.traverse(&mut recorder, &mut cut(image, &boxes)).ok()?;
            recorder.place(&boxes, image.samples(), shape.width, &mut trace)?;
        }
        Some(trace).filter(|_| pixels > 0)
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        let tile = self.tile_px;
        let planes = self.tile_planes().min(shape.planes);
        let tiles = (shape.planes.div_ceil(self.tile_planes())
            * shape.height.div_ceil(tile)
            * shape.width.div_ceil(tile)) as u64;
        // Every batch has a length, and at least one tile.
        let around =
            self.model.stages().map_or(4 * tiles, |model| staged::overhead_bytes(model.count(), tiles));
        HEAD_BYTES as u64 + around + batch::max_bytes(tiles, planes as u64, shape.pixels() as u64)
    }

    fn planes(&self) -> PlaneTreatment {
        if self.planes == 1 { PlaneTreatment::Independent } else { PlaneTreatment::Joint }
    }

    fn model(&self) -> Option<Model> {
        Some(Model {
            digest: self.digest,
            bytes: self.weights_bytes,
            parameters: self.parameters,
            macs_per_px: self.model.macs_per_px(),
            is_named_by_spec: false,
        })
    }
}

impl Staged for NetCodec {
    fn stages(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Vec<Stage>> {
        let model = self.staged_model()?;
        self.open_stages(model, bytes, shape, limits)?.describe()
    }

    fn decode_stage(&self, bytes: &[u8], shape: Shape, stage: usize, limits: &Limits) -> Result<Image16> {
        let model = self.staged_model()?;
        let stages = self.open_stages(model, bytes, shape, limits)?;
        if stage >= stages.count() {
            return Err(Error::truncated(STREAM));
        }
        stages.decode(shape, stage)
    }
}
