//! Streams of networks that code in stages.
//!
//! ```text
//! per stage: first 8 bytes of the digest of the stack as it is known after it
//!            per batch of tiles: length in bytes, u32, and so many bytes
//! ```
//!
//! The bytes of a batch are those of `batch.rs` cut at the ends of the stages: heads of tiles and
//! samples of raw ones are in the first, and each stage has a rANS stream of its own. A stream may
//! end with any stage.

use crate::batch::{MeteredWriter, STREAM, assembled, costly, heads, open, push_part, select, take_part};
use crate::intervals::Intervals;
use crate::tile::Tile;
use crate::tile_model::StagedModel;
use nf_codec::{Error, Result, Stage};
use nf_entropy::{Meter, Reader};
use nf_image::{Digest, Image16, Shape, TileBox, in_order};
use rayon::prelude::*;

/// Bytes of a digest that a stage has.
const DIGEST_BYTES: usize = 8;

/// Bytes of all stages beside those of `batch.rs`, for so many batches.
pub(crate) fn overhead_bytes(stages: usize, batches: u64) -> u64 {
    stages as u64 * (DIGEST_BYTES as u64 + 4 * batches)
}

/// One batch in stages.
struct Coded {
    /// Bytes of every stage.
    parts: Vec<Vec<u8>>,
    /// What is known after every stage: samples tile by tile.
    known: Vec<Vec<Vec<u16>>>,
}

/// What one pass over all stages of tiles gives: parts, what is known, and what each tile costs.
type Written = (Vec<Vec<u8>>, Vec<Vec<Vec<u16>>>, Vec<Meter>);

fn write(model: &dyn StagedModel, tiles: &[Tile]) -> nf_entropy::Result<Written> {
    let mut writer = MeteredWriter::new(tiles.len());
    let mut intervals = unknown(tiles);
    let (mut parts, mut known) = (vec![], vec![]);
    for stage in 0..model.count() {
        model.code_stage(stage, &mut writer, tiles, &mut intervals)?;
        parts.push(std::mem::take(&mut writer.writer).finish());
        known.push(intervals.iter().map(Intervals::samples).collect());
    }
    Ok((parts, known, writer.meters))
}

fn unknown(tiles: &[Tile]) -> Vec<Intervals> {
    tiles.iter().map(|tile| Intervals::unknown(tile.height * tile.width)).collect()
}

fn encode_batch(model: &dyn StagedModel, tiles: &[Tile]) -> nf_entropy::Result<Coded> {
    let (mut parts, mut known, meters) = write(model, tiles)?;
    let mut raw = costly(tiles, &meters);
    if raw.contains(&true) {
        let coded: Vec<Tile> = select(tiles, &raw, false).cloned().collect();
        (parts, known, _) = write(model, &coded)?;
    }
    let samples: usize = select(tiles, &raw, false).map(|tile| tile.samples.len()).sum();
    if parts.iter().map(Vec::len).sum::<usize>() > 2 * samples {
        raw.fill(true);
        parts.iter_mut().for_each(Vec::clear);
    }
    parts[0].splice(0..0, heads(tiles, &raw));
    for known in &mut known {
        let mut coded = std::mem::take(known).into_iter();
        let own = |(tile, &raw): (&Tile, &bool)| {
            if raw { tile.samples.clone() } else { coded.next().expect("a tile that was not raw was coded") }
        };
        *known = tiles.iter().zip(&raw).map(own).collect();
    }
    Ok(Coded { parts, known })
}

/// All stages of the tiles of a stack, which `cut` cuts out.
pub(crate) fn encode(
    model: &dyn StagedModel,
    shape: Shape,
    batches: &[Vec<TileBox>],
    cut: impl Fn(&[TileBox]) -> Vec<Tile> + Sync,
) -> Result<Vec<u8>> {
    let coded = batches.par_iter().map(|boxes| {
        encode_batch(model, &cut(boxes)).map_err(|error| Error::backend("net", error.to_string()))
    });
    let mut coded: Vec<Coded> = in_order(coded)?;
    let mut bytes = vec![];
    for stage in 0..model.count() {
        let known = coded.iter_mut().map(|coded| std::mem::take(&mut coded.known[stage]));
        let image = assembled(shape, known.zip(batches));
        bytes.extend(&image.digest().0[..DIGEST_BYTES]);
        for part in coded.iter().map(|coded| &coded.parts[stage]) {
            push_part(&mut bytes, part);
        }
    }
    Ok(bytes)
}

/// One stage of a stream.
struct Part<'a> {
    digest: &'a [u8],
    batches: Vec<&'a [u8]>,
    end_bytes: usize,
}

/// The stages of a stream, behind its head of `head_bytes`.
pub(crate) struct Stages<'a> {
    model: &'a dyn StagedModel,
    batches: Vec<Vec<TileBox>>,
    parts: Vec<Part<'a>>,
    /// Bytes behind the last stage that is there in full.
    rest_bytes: usize,
}

impl<'a> Stages<'a> {
    pub(crate) fn open(
        model: &'a dyn StagedModel,
        batches: Vec<Vec<TileBox>>,
        head_bytes: usize,
        bytes: &'a [u8],
    ) -> Self {
        let mut rest = bytes;
        let mut parts = vec![];
        while parts.len() < model.count() {
            let Some((own, after)) = part(rest, batches.len()) else { break };
            rest = after;
            parts.push(Part { end_bytes: head_bytes + bytes.len() - rest.len(), ..own });
        }
        Self { model, batches, parts, rest_bytes: rest.len() }
    }

    /// Refuses a stream that does not have all stages, and nothing behind them.
    ///
    /// # Errors
    /// If so.
    pub(crate) fn check_whole(&self) -> Result<()> {
        match (self.parts.len(), self.rest_bytes) {
            (parts, _) if parts < self.model.count() => Err(Error::truncated(STREAM)),
            (_, 0) => Ok(()),
            (_, rest) => Err(Error::corrupt(STREAM, format!("{rest} bytes after the last stage"))),
        }
    }

    /// Stages that are there in full.
    pub(crate) fn count(&self) -> usize {
        self.parts.len()
    }

    /// Where they end, and what they promise.
    ///
    /// # Errors
    /// If the heads of tiles are damaged.
    pub(crate) fn describe(&self) -> Result<Vec<Stage>> {
        let first = self.parts.first().ok_or_else(|| Error::truncated(STREAM))?;
        let mut bounds = vec![0; self.parts.len()];
        for (bytes, boxes) in first.batches.iter().zip(&self.batches) {
            let (_, coded, _) = open(bytes, boxes)?;
            for stats in coded.iter().flat_map(|tile| &tile.stats) {
                for (stage, bound) in bounds.iter_mut().enumerate() {
                    *bound = self.model.bound_samples(stage, *stats).max(*bound);
                }
            }
        }
        let stage = |(stage, (part, bound_dn)): (usize, (&Part<'_>, u32))| Stage {
            end_bytes: part.end_bytes,
            bound_dn,
            bound_sigma: if bound_dn == 0 { 0.0 } else { self.model.bound_sigmas(stage) },
        };
        Ok(self.parts.iter().zip(bounds).enumerate().map(stage).collect())
    }

    /// What is known of a stack of `shape` after a stage, which is there.
    ///
    /// # Errors
    /// If the bytes are not what [`encode`] writes.
    pub(crate) fn decode(&self, shape: Shape, stage: usize) -> Result<Image16> {
        let tiles = self.batches.par_iter().enumerate().map(|(batch, boxes)| {
            let parts = self.parts[..=stage].iter().map(|part| part.batches[batch]);
            decode_batch(self.model, parts, boxes)
        });
        let tiles: Vec<Vec<Vec<u16>>> = in_order(tiles)?;
        let image = assembled(shape, tiles.into_iter().zip(&self.batches));
        let Digest(found) = image.digest();
        if found[..DIGEST_BYTES] != *self.parts[stage].digest {
            let reason = format!("the samples of stage {} have another digest", stage + 1);
            return Err(Error::corrupt(STREAM, reason));
        }
        Ok(image)
    }
}

/// A stage of so many batches, and what follows it; `None` if it is not all there.
fn part(bytes: &[u8], batches: usize) -> Option<(Part<'_>, &[u8])> {
    let (digest, mut rest) = bytes.split_at_checked(DIGEST_BYTES)?;
    let mut parts = vec![];
    for _ in 0..batches {
        let (part, after) = take_part(rest)?;
        parts.push(part);
        rest = after;
    }
    Some((Part { digest, batches: parts, end_bytes: 0 }, rest))
}

/// Samples of the tiles of these boxes after the stages with these bytes.
fn decode_batch<'a>(
    model: &dyn StagedModel,
    parts: impl Iterator<Item = &'a [u8]>,
    boxes: &[TileBox],
) -> Result<Vec<Vec<u16>>> {
    let wrong = |error: nf_entropy::Error| Error::corrupt(STREAM, error.to_string());
    let (mut samples, mut coded, mut intervals) = (vec![], vec![], vec![]);
    for (stage, mut part) in parts.enumerate() {
        if stage == 0 {
            (samples, coded, part) = open(part, boxes)?;
            intervals = unknown(&coded);
        }
        let mut reader = Reader::new(part);
        model.code_stage(stage, &mut reader, &coded, &mut intervals).map_err(wrong)?;
        reader.finish().map_err(wrong)?;
    }
    let mut known = intervals.iter();
    for own in samples.iter_mut().filter(|own| own.is_empty()) {
        *own = known.next().expect("a tile that was not raw was coded").samples();
    }
    Ok(samples)
}
