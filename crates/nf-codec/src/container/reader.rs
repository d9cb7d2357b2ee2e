//! Container in, pixels out.

use super::header::{Cut, Header, ImageHeader};
use super::opening::{failed, read_exactly, read_header, read_index};
use super::tiling::{bands, bands_at_once};
use super::trailer::{self, ImageIndex};
use crate::{Codec, Error, Limits, Registry, Result, Stage, Staged};
use nf_image::{Digest, Grid, Image16, Shape, StackDigester, TileBox, in_order};
use rayon::prelude::*;
use std::io::{Read, Seek, SeekFrom, Write};

const WHAT: &str = "the container";

/// An open container: header and index are read and checked, tiles are read when asked for.
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    header: Header,
    index: Vec<ImageIndex>,
    container_bytes: u64,
    limits: Limits,
    /// The stage that tiles are decoded to; without one, wholly.
    stage: Option<usize>,
}

/// One tile of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileInfo {
    /// Which pixels.
    pub place: TileBox,
    /// Position of its stream in the container.
    pub offset_bytes: u64,
    /// Length of its stream.
    pub length_bytes: u64,
    /// CRC-32 of its stream.
    pub crc: u32,
}

impl<R: Read + Seek> Reader<R> {
    /// Opens a container.
    ///
    /// # Errors
    /// If it is cut short, damaged, of a newer version, or beyond `limits`.
    pub fn open(mut source: R, limits: Limits) -> Result<Self> {
        let container_bytes = source.seek(SeekFrom::End(0)).map_err(failed)?;
        source.seek(SeekFrom::Start(0)).map_err(failed)?;
        let (version, header, prologue_bytes) = read_header(&mut source, container_bytes, &limits)?;
        let index_bytes = read_index(&mut source, version, container_bytes, prologue_bytes, &limits)?;
        let tiles_end = container_bytes - version.suffix_bytes() as u64 - index_bytes.len() as u64;
        let index = trailer::from_index(&index_bytes, version, &header.images, prologue_bytes, tiles_end)?;
        let stage = header.cut.as_ref().map(|cut| cut.stage);
        Ok(Self { source, header, index, container_bytes, limits, stage })
    }

    /// The same container decoded to a stage only, counted from 0, where the codec is
    /// [`Staged`](crate::Staged). Digests of the index are then of other samples and are not
    /// compared; the streams have their own for every stage.
    pub fn to_stage(self, stage: usize) -> Self {
        Self { stage: Some(stage), ..self }
    }

    /// Whether the digests of the index are those of what is decoded.
    fn has_digests(&self) -> bool {
        self.stage == self.header.cut.as_ref().map(|cut| cut.stage)
    }

    /// The stages that all tiles have: their bytes summed up, the largest of their bounds.
    ///
    /// # Errors
    /// If the codec has no stages, or a tile is damaged.
    pub fn stages(&mut self, codec: &dyn Codec) -> Result<Vec<Stage>> {
        let staged = staged(codec)?;
        let mut all: Option<Vec<Stage>> = None;
        for image in 0..self.header.images.len() {
            for tile in self.tiles(image) {
                let payload = read_tile(&mut self.source, image, &tile)?;
                let own = staged.stages(&payload, tile.place.shape(), &self.limits)?;
                let all = all.get_or_insert_with(|| own.clone().into_iter().map(Stage::of_none).collect());
                all.truncate(own.len());
                all.iter_mut().zip(&own).for_each(|(all, own)| all.add(own));
            }
        }
        Ok(all.unwrap_or_default())
    }

    /// The stream of a tile.
    pub(super) fn payload(&mut self, image: usize, tile: &TileInfo) -> Result<Vec<u8>> {
        read_tile(&mut self.source, image, tile)
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What the container says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Where it is read from; every read seeks first.
    pub fn source_mut(&mut self) -> &mut R {
        &mut self.source
    }

    /// Size of the whole container.
    pub fn container_bytes(&self) -> u64 {
        self.container_bytes
    }

    /// Digest of the samples of stack `image`.
    pub fn digest(&self, image: usize) -> Digest {
        self.index[image].digest
    }

    /// The tiles of stack `image`, in order.
    pub fn tiles(&self, image: usize) -> Vec<TileInfo> {
        let whole = TileBox::whole(self.header.images[image].shape);
        self.tiles_touching(image, &whole).collect()
    }

    /// The tiles that share pixels with `region`.
    fn tiles_touching(&self, image: usize, region: &TileBox) -> impl Iterator<Item = TileInfo> {
        let ImageHeader { shape, tile, .. } = self.header.images[image];
        Grid::new(shape, tile).touching(region).map(move |(number, place)| {
            let trailer::TileEntry { offset_bytes, length_bytes, crc } = self.index[image].tiles[number];
            TileInfo { place, offset_bytes, length_bytes, crc }
        })
    }

    /// The codec of the tiles: one serves the whole container. A detector profile that the
    /// container carries is taken from there.
    ///
    /// # Errors
    /// If the codec is unknown, or is not the one that the streams need, or the profile is damaged.
    pub fn codec(&self, registry: &Registry) -> Result<Box<dyn Codec>> {
        let codec = match &self.header.profile {
            Some(profile) => self.codec_with(profile, registry)?,
            None => registry.build(&self.header.codec)?,
        };
        if let Some(needed) = &self.header.model {
            let words = |digest: Digest| format!("model {}", digest.short());
            let present = codec.model().map(|model| model.digest);
            if present != Some(needed.digest) {
                return Err(Error::Mismatch {
                    what: WHAT.to_owned(),
                    needed: words(needed.digest),
                    present: present.map_or_else(|| "a codec without a model".to_owned(), words),
                });
            }
        }
        Ok(codec)
    }

    /// The codec of the tiles with a profile, which has to be the one that its spec names.
    fn codec_with(&self, profile: &[u8], registry: &Registry) -> Result<Box<dyn Codec>> {
        const KEY: &str = "profile";
        let spec = &self.header.codec;
        let codec = registry.build(&spec.clone().without(KEY))?.with_profile(profile, &self.limits)?;
        let (found, named) = (codec.spec(), spec.get(KEY));
        if named.is_none() || found.get(KEY) != named {
            let words = |name: Option<&str>| match name {
                Some(name) => format!("the detector profile {name}"),
                None => "no detector profile".to_owned(),
            };
            return Err(Error::Mismatch {
                what: WHAT.to_owned(),
                needed: words(named),
                present: format!("{} inside it", words(found.get(KEY))),
            });
        }
        Ok(codec)
    }

    /// Decodes stack `image` whole and checks its digest.
    ///
    /// # Errors
    /// If a tile is damaged, or the pixels are not those of the digest.
    pub fn decode(&mut self, image: usize, codec: &dyn Codec) -> Result<Image16> {
        let whole = TileBox::whole(self.header.images[image].shape);
        let decoded = self.decode_region(image, &whole, codec)?;
        self.check_digest(image, decoded.digest())?;
        Ok(decoded)
    }

    /// Decodes stack `image` piece by piece in the order of its samples, and checks its digest at
    /// the end.
    ///
    /// A piece is a band of tiles; where tiles span several planes, all bands of those planes.
    ///
    /// # Errors
    /// As [`Reader::decode`], and those of `sink`; what `sink` was given before is then not to be
    /// trusted.
    pub fn decode_in_order(
        &mut self,
        image: usize,
        codec: &dyn Codec,
        sink: &mut dyn FnMut(&Image16) -> Result<()>,
    ) -> Result<()> {
        let ImageHeader { shape, tile, .. } = self.header.images[image];
        let unit = if tile.planes == 1 { tile } else { Shape { height: shape.height, ..tile } };
        let mut digester = StackDigester::default();
        let places = bands(shape, unit);
        let mut groups = places.chunks(bands_at_once(shape, unit));
        // Pieces are decoded side by side, while those before them are digested and handed on.
        let mut ready: Vec<(usize, Image16)> = Vec::new();
        loop {
            let group = groups.next().unwrap_or_default();
            let next = group.iter().map(|place| self.read_piece(image, place)).collect::<Result<Vec<_>>>()?;
            let (header, limits, stage) = (&self.header, &self.limits, self.stage);
            let mut decoded = Ok(Vec::new());
            rayon::in_place_scope(|scope| {
                scope.spawn(|_| {
                    decoded = in_order(
                        next.par_iter().map(|piece| piece.decode(image, header, codec, limits, stage)),
                    );
                });
                scope.spawn(|_| {
                    for (first, piece) in &ready {
                        digester.update(*first, (0..piece.shape().planes).map(|i| piece.plane(i)));
                    }
                });
                ready.iter().try_for_each(|(_, piece)| sink(piece))
            })?;
            if group.is_empty() {
                return self.check_digest(image, digester.finish(shape.planes));
            }
            ready = group.iter().map(|place| place.planes.start).zip(decoded?).collect();
        }
    }

    /// Writes the original file, whose layout the container must have; the stacks are decoded piece
    /// by piece and their digests are checked.
    ///
    /// # Errors
    /// As [`Reader::decode`], and if there is no layout, or `out` fails; what was written before is
    /// then not to be trusted.
    pub fn restore(&mut self, codec: &dyn Codec, out: &mut dyn Write) -> Result<()> {
        let layout = self.header.layout.take();
        let restored = match &layout {
            Some(layout) => {
                layout.write(|stack, sink| self.decode_in_order(stack as usize, codec, sink), out)
            }
            None => Err(Error::corrupt(WHAT, "it holds pixels only, expected the layout of a file")),
        };
        self.header.layout = layout;
        restored
    }

    /// Reads the tiles that `region` of stack `image` touches.
    fn read_piece(&mut self, image: usize, region: &TileBox) -> Result<Piece> {
        let touched: Vec<TileInfo> = self.tiles_touching(image, region).collect();
        let tiles = touched.into_iter().map(|tile| {
            let payload = read_tile(&mut self.source, image, &tile)?;
            Ok((tile, payload))
        });
        Ok(Piece { tiles: tiles.collect::<Result<_>>()?, region: region.clone() })
    }

    fn check_digest(&self, image: usize, found: Digest) -> Result<()> {
        if !self.has_digests() {
            return Ok(());
        }
        let expected = self.index[image].digest;
        if found != expected {
            let reason =
                format!("its pixels have the digest {}, expected {}", found.short(), expected.short());
            return Err(Error::corrupt(format!("stack {image}"), reason));
        }
        Ok(())
    }

    /// Decodes the pixels of `region` of stack `image`; only the tiles that it touches are read.
    ///
    /// # Errors
    /// If the region reaches beyond the stack, or one of its tiles is damaged.
    pub fn decode_region(&mut self, image: usize, region: &TileBox, codec: &dyn Codec) -> Result<Image16> {
        Error::check_region(region, self.header.images[image].shape)?;
        self.read_piece(image, region)?.decode(image, &self.header, codec, &self.limits, self.stage)
    }
}

/// The stages of a codec.
///
/// # Errors
/// If it has none.
pub(super) fn staged(codec: &dyn Codec) -> Result<&dyn Staged> {
    codec.staged().ok_or_else(|| codec.spec().error("its streams have no stages"))
}

/// A region whose tiles have been read, but not decoded.
struct Piece {
    /// Each with its stream.
    tiles: Vec<(TileInfo, Vec<u8>)>,
    region: TileBox,
}

impl Piece {
    /// Its pixels, which are those of stack `image`.
    fn decode(
        &self,
        image: usize,
        header: &Header,
        codec: &dyn Codec,
        limits: &Limits,
        stage: Option<usize>,
    ) -> Result<Image16> {
        let Self { tiles, region } = self;
        let how = How { limits, stage, promised: header.cut.as_ref().filter(|cut| stage == Some(cut.stage)) };
        let axis = header.images[image].axis;
        if let [(tile, payload)] = &tiles[..]
            && let Some(shared) = tile.place.intersection(region)
            && shared == *region
        {
            return Ok(decode_tile(codec, payload, image, tile, region, &how)?.with_axis(axis));
        }
        let mut decoded = Image16::zeros(region.shape()).with_axis(axis);
        // A few tiles per thread at a time: enough to keep all busy, few enough to bound the
        // memory.
        for group in tiles.chunks(4 * rayon::current_num_threads()) {
            let pieces = group.par_iter().filter_map(|(tile, payload)| {
                let shared = tile.place.intersection(region)?;
                let piece = decode_tile(codec, payload, image, tile, &shared, &how);
                Some(piece.map(|piece| (shared, piece)))
            });
            for (shared, piece) in in_order(pieces)? {
                let corner = shared.within(region);
                decoded.paste(&piece, corner.planes.start, corner.rows.start, corner.columns.start);
            }
        }
        Ok(decoded)
    }
}

fn tile_name(image: usize, tile: &TileInfo) -> String {
    format!("tile of stack {image} ({})", tile.place)
}

fn read_tile(source: &mut (impl Read + Seek), image: usize, tile: &TileInfo) -> Result<Vec<u8>> {
    source.seek(SeekFrom::Start(tile.offset_bytes)).map_err(failed)?;
    let payload = read_exactly(source, tile.length_bytes as usize)?;
    if crc32fast::hash(&payload) != tile.crc {
        return Err(Error::corrupt(tile_name(image, tile), "its checksum does not match"));
    }
    Ok(payload)
}

/// How tiles are decoded.
struct How<'a> {
    limits: &'a Limits,
    /// To this stage only.
    stage: Option<usize>,
    /// What the header says of the samples after it.
    promised: Option<&'a Cut>,
}

impl How<'_> {
    /// Refuses a stream that tells less of its samples than the header says.
    fn check_bound(&self, staged: &dyn Staged, payload: &[u8], shape: Shape) -> Result<()> {
        let Some(Cut { stage, bound_dn, .. }) = self.promised else { return Ok(()) };
        let stages = staged.stages(payload, shape, self.limits)?;
        match stages.get(*stage) {
            Some(own) if own.bound_dn > *bound_dn => {
                let (most, number) = (own.bound_dn, stage + 1);
                let reason =
                    format!("stage {number} tells samples within {most}, the header says {bound_dn}");
                Err(Error::corrupt("the bound", reason))
            }
            // A stage that is not there is told where it is decoded.
            _ => Ok(()),
        }
    }
}

/// The pixels of `region`, which lies inside `tile`.
fn decode_tile(
    codec: &dyn Codec,
    payload: &[u8],
    image: usize,
    tile: &TileInfo,
    region: &TileBox,
    how: &How<'_>,
) -> Result<Image16> {
    let (shape, wanted, limits) = (tile.place.shape(), region.shape(), how.limits);
    let pixels = match (how.stage, *region == tile.place) {
        (Some(stage), is_whole) => {
            let staged = staged(codec)?;
            let whole = how
                .check_bound(staged, payload, shape)
                .and_then(|()| staged.decode_stage(payload, shape, stage, limits));
            whole.map(|whole| if is_whole { whole } else { whole.crop_box(&region.within(&tile.place)) })
        }
        (None, true) => codec.decode(payload, shape, limits),
        (None, false) => codec.decode_region(payload, shape, &region.within(&tile.place), limits),
    };
    let pixels = pixels.map_err(|error| match error {
        // Damage is told with its place; what the machine or the limits refuse stays what it is.
        Error::Corrupt { .. } | Error::Truncated { .. } => {
            Error::corrupt(tile_name(image, tile), error.to_string())
        }
        other => other,
    })?;
    if pixels.shape() != wanted {
        let reason = format!("the codec gave a stack of {}, expected {wanted}", pixels.shape());
        return Err(Error::corrupt(tile_name(image, tile), reason));
    }
    Ok(pixels)
}
