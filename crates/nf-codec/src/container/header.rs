//! The header: everything that must be known before the first tile.

use super::layout::Layout;
use super::version::Version;
use super::{MAGIC, VERSION};
use crate::{Codec, Error, Fields, Limits, Model, Reproducibility, Result, Spec, put_varint};
use nf_image::{Digest, PlaneAxis, Shape};
use std::sync::Arc;

/// What a container says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The codec of every tile.
    pub codec: Spec,
    /// Where the tiles can be decoded.
    pub reproducibility: Reproducibility,
    /// The model that decoding needs.
    pub model: Option<ModelHeader>,
    /// The stacks, in order.
    pub images: Vec<ImageHeader>,
    /// How to write the original file again; without it the container holds pixels only.
    pub layout: Option<Layout>,
    /// Which program wrote it, or nothing; for people only.
    pub creator: String,
    /// The detector profile that the codec's spec names, where the container carries it.
    pub profile: Option<Arc<[u8]>>,
    /// After which stage the tiles end, if they do not hold the samples without loss.
    pub cut: Option<Cut>,
}

/// What a container says whose tiles end with a stage of [`Staged`](crate::Staged): the digests of
/// its index are those of the samples as they are known then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The last stage that every tile has, counted from 0.
    pub stage: usize,
    /// No sample is further from its original than this.
    pub bound_dn: u32,
    /// Digest of the original samples of every stack.
    pub originals: Vec<Digest>,
}

/// What a container says of the model that decoding needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelHeader {
    /// Digest of the weights.
    pub digest: Digest,
    /// Their size.
    pub bytes: u64,
    /// Where the tiles can be decoded, for people only.
    pub device: String,
}

impl ModelHeader {
    /// What a container of streams of this codec says of a model, if it has to say anything.
    pub fn of(codec: &dyn Codec) -> Option<Self> {
        let Model { digest, bytes, .. } = codec.model().filter(|model| !model.is_named_by_spec)?;
        Some(Self { digest, bytes, device: "any machine".to_owned() })
    }
}

/// What a container says of one stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageHeader {
    /// Extent in pixels.
    pub shape: Shape,
    /// What the next plane means.
    pub axis: PlaneAxis,
    /// Extent of a tile in pixels, at least one each way.
    pub tile: Shape,
}

const CODEC: u8 = 1;
const REPRODUCIBILITY: u8 = 2;
const MODEL: u8 = 3;
const IMAGE: u8 = 4;
const LAYOUT: u8 = 5;
const CREATOR: u8 = 6;
const CUT: u8 = 7;
const PROFILE: u8 = 128;
/// The code of a class that the format has and no program writes.
const SAME_BUILD_AND_DEVICE: u8 = 2;
/// Tags from here on may be skipped by readers that do not know them.
const FIRST_OPTIONAL: u8 = 128;

const WHAT: &str = "the container's header";

impl Header {
    /// Names the program as the creator, unless all stacks are so small (2^16 pixels) that its name
    /// would show in the size.
    pub fn with_creator(mut self, program: &str) -> Self {
        const MOST_PX: usize = 1 << 16;
        let is_small = |image: &ImageHeader| image.shape.checked_pixels().is_some_and(|px| px <= MOST_PX);
        self.creator = if self.images.iter().all(is_small) { String::new() } else { program.to_owned() };
        self
    }

    /// The prologue: magic, version, header, checksum.
    pub(super) fn to_prologue(&self) -> Result<Vec<u8>> {
        let mut header = Vec::new();
        let mut record = |tag: u8, value: &[u8]| {
            header.push(tag);
            put_varint(&mut header, value.len() as u64);
            header.extend(value);
        };
        record(CODEC, self.codec.to_string().as_bytes());
        let place = |class| Reproducibility::ALL.iter().position(|known| *known == class).unwrap_or_default();
        if self.reproducibility != Reproducibility::Anywhere {
            record(REPRODUCIBILITY, &[place(self.reproducibility) as u8]);
        }
        if let Some(model) = &self.model {
            let value = [&model.digest.0[..], &model.bytes.to_le_bytes(), model.device.as_bytes()].concat();
            record(MODEL, &value);
        }
        for image in &self.images {
            let mut value = Vec::new();
            put_shape(&mut value, image.shape);
            let is_whole = image.tile == whole(image.shape);
            if !(is_whole && image.axis == PlaneAxis::None) {
                let axis = PlaneAxis::ALL.iter().position(|known| *known == image.axis);
                value.push(axis.unwrap_or_default() as u8);
            }
            if !is_whole {
                put_shape(&mut value, image.tile);
            }
            record(IMAGE, &value);
        }
        if let Some(layout) = &self.layout {
            record(LAYOUT, &layout.to_record()?);
        }
        if !self.creator.is_empty() {
            record(CREATOR, self.creator.as_bytes());
        }
        if let Some(cut) = &self.cut {
            let mut value = Vec::new();
            put_varint(&mut value, cut.stage as u64);
            put_varint(&mut value, u64::from(cut.bound_dn));
            value.extend(cut.originals.iter().flat_map(|digest| digest.0));
            record(CUT, &value);
        }
        if let Some(profile) = &self.profile {
            record(PROFILE, profile);
        }

        let length = u64::try_from(header.len()).ok().filter(|&n| n <= super::MAX_HEADER_BYTES);
        let length = length.ok_or_else(|| Error::TooLarge {
            what: WHAT.to_owned(),
            needed: header.len() as u64,
            most: super::MAX_HEADER_BYTES,
        })?;
        let mut prologue = [&MAGIC[..], &VERSION.to_le_bytes()].concat();
        put_varint(&mut prologue, length);
        prologue.extend(header);
        prologue.extend(crc32fast::hash(&prologue).to_le_bytes());
        Ok(prologue)
    }

    /// Reads the records of a header of this version; its checksum has been checked.
    pub(super) fn from_records(records: &[u8], version: Version, limits: &Limits) -> Result<Self> {
        let mut bytes = Fields::new(records, WHAT);
        let (mut codec, mut reproducibility, mut model, mut layout) = (None, None, None, None);
        let mut images = Vec::new();
        let mut creator = String::new();
        let (mut profile, mut cut) = (None, None);
        let once = |tag: u8, seen: bool| match seen {
            true => Err(Error::corrupt(WHAT, format!("record {tag} appears twice"))),
            false => Ok(()),
        };
        while !bytes.is_empty() {
            let tag = bytes.u8()?;
            let length = version.number::<4>(|| bytes.u8(), WHAT)?;
            let value = bytes.take(length)?;
            let mut fields = Fields::new(value, WHAT);
            match tag {
                CODEC => {
                    once(tag, codec.is_some())?;
                    codec = Some(fields.text(value)?.parse::<Spec>()?);
                }
                REPRODUCIBILITY => {
                    once(tag, reproducibility.is_some())?;
                    let code = fields.u8()?;
                    reproducibility = Some(reproducibility_of(code)?);
                }
                MODEL => {
                    once(tag, model.is_some())?;
                    let (digest, size) = (fields.digest()?, fields.u64()?);
                    let device = fields.rest();
                    model = Some(ModelHeader { digest, bytes: size, device: fields.text(device)? });
                }
                IMAGE => images.push(image_header(&mut fields, version, limits)?),
                LAYOUT => {
                    once(tag, layout.is_some())?;
                    layout = Some(value);
                }
                CREATOR => creator = fields.text(value)?,
                CUT => {
                    once(tag, cut.is_some())?;
                    cut = Some(cut_of(&mut fields)?);
                }
                PROFILE => {
                    once(tag, profile.is_some())?;
                    profile = Some(value.into());
                }
                tag if tag >= FIRST_OPTIONAL => {}
                tag => return Err(newer(format!("header record {tag}"))),
            }
        }
        let missing = |record: &str| Error::corrupt(WHAT, format!("the {record} record is missing"));
        let reproducibility = match reproducibility {
            Some(class) => class,
            None if version == Version::Varints => Reproducibility::Anywhere,
            None => return Err(missing("reproducibility")),
        };
        if reproducibility != Reproducibility::Anywhere && model.is_none() {
            return Err(missing("model"));
        }
        if cut.as_ref().is_some_and(|cut: &Cut| cut.originals.len() != images.len()) {
            return Err(Error::corrupt(WHAT, "the cut record does not have a digest for every stack"));
        }
        Ok(Self {
            codec: codec.ok_or_else(|| missing("codec"))?,
            reproducibility,
            model,
            layout: layout
                .map(|record| Layout::from_record(record, version, images.len(), limits))
                .transpose()?,
            images,
            creator,
            profile,
            cut,
        })
    }
}

/// The value of a cut record, of which digests come last.
fn cut_of(fields: &mut Fields<'_>) -> Result<Cut> {
    const MOST_STAGES: u64 = 256;
    let mut number = || Version::Varints.number::<8>(|| fields.u8(), WHAT);
    let (stage, bound_dn) = (number()?, number()?);
    let wrong = || Error::corrupt(WHAT, format!("a cut after stage {stage} within {bound_dn}"));
    if stage >= MOST_STAGES {
        return Err(wrong());
    }
    let bound_dn = u32::try_from(bound_dn).map_err(|_| wrong())?;
    let mut originals = Vec::new();
    while !fields.is_empty() {
        originals.push(fields.digest()?);
    }
    Ok(Cut { stage: stage as usize, bound_dn, originals })
}

/// The class that a code stands for.
fn reproducibility_of(code: u8) -> Result<Reproducibility> {
    match Reproducibility::ALL.get(usize::from(code)) {
        Some(class) => Ok(*class),
        None if code == SAME_BUILD_AND_DEVICE => Err(Error::Mismatch {
            what: "the container".to_owned(),
            needed: "the build and the device that wrote it".to_owned(),
            present: "a build that is bound to no device".to_owned(),
        }),
        None => Err(newer(format!("reproducibility {code}"))),
    }
}

fn newer(needed: String) -> Error {
    let present = format!("a program that knows version {VERSION}");
    Error::Mismatch {
        what: "the container".to_owned(),
        needed: format!("a newer program ({needed})"),
        present,
    }
}

fn put_shape(bytes: &mut Vec<u8>, shape: Shape) {
    [shape.planes, shape.height, shape.width].iter().for_each(|&extent| put_varint(bytes, extent as u64));
}

/// The tile that is the whole stack.
fn whole(stack: Shape) -> Shape {
    Shape::new(stack.planes.max(1), stack.height.max(1), stack.width.max(1))
}

fn shape(fields: &mut Fields<'_>, version: Version) -> Result<Shape> {
    let mut extent = || -> Result<usize> {
        let n = version.number::<8>(|| fields.u8(), WHAT)?;
        usize::try_from(n).map_err(|_| Error::corrupt(WHAT, format!("an extent of {n} pixels")))
    };
    Ok(Shape::new(extent()?, extent()?, extent()?))
}

/// A tile and the digesters of its planes must fit the memory that is allowed.
pub(super) fn check_tile(stack: Shape, tile: Shape, limits: &Limits) -> Result<()> {
    const DIGESTER_BYTES: u64 = 2048;
    let largest =
        Shape::new(tile.planes.min(stack.planes), tile.height.min(stack.height), tile.width.min(stack.width));
    let needed = 2 * largest.pixels() as u64 + DIGESTER_BYTES * largest.planes as u64;
    limits.check_memory("a tile of the container", needed)
}

fn image_header(fields: &mut Fields<'_>, version: Version, limits: &Limits) -> Result<ImageHeader> {
    let stack = shape(fields, version)?;
    limits.check_shape("the container", stack)?;
    // What is left out at the end stands for no axis, and for a tile that is the whole stack.
    let is_out = |fields: &Fields<'_>| version == Version::Varints && fields.is_empty();
    let code = if is_out(fields) { 0 } else { fields.u8()? };
    let axis = *PlaneAxis::ALL.get(usize::from(code)).ok_or_else(|| newer(format!("plane axis {code}")))?;
    let tile = if is_out(fields) { whole(stack) } else { shape(fields, version)? };
    if tile.planes == 0 || tile.height == 0 || tile.width == 0 {
        return Err(Error::corrupt(WHAT, format!("a tile of {tile} pixels")));
    }
    if !fields.is_empty() {
        return Err(Error::corrupt(WHAT, "the image record is too long"));
    }
    check_tile(stack, tile, limits)?;
    Ok(ImageHeader { shape: stack, axis, tile })
}
