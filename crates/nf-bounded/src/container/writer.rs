//! Quantised arrays in, container out.

use super::{ARRAY, CREATOR, FIRST_VERSION, Head, LAYOUT, MAGIC, MAX_HEADER_BYTES, WHAT};
use crate::Result;
use crate::quantise::Quantised;
use nf_codec::container::{self, ImageHeader, ImageSource, ModelHeader, WriteOptions, Written, default_tile};
use nf_codec::{Codec, DitheredStack, Limits};
use nf_image::{Image16, ImageRef, PlaneAxis, Shape};
use std::borrow::Cow;
use std::io::Write;
use std::ops::Range;

/// Writes a bounded container; the indices are coded by `encoder` in tiles of extent `tile`.
///
/// # Errors
/// If a stack of indices cannot be coded, or the destination fails.
pub fn write(
    out: &mut dyn Write,
    head: &Head,
    arrays: &[Quantised],
    tile: Option<Shape>,
    encoder: &dyn Codec,
    verifier: Option<&dyn Codec>,
    limits: Limits,
) -> Result<Written> {
    let mut records = Vec::new();
    let mut put = |tag: u8, value: &[u8]| -> Result<()> {
        let length = u32::try_from(value.len()).map_err(|_| nf_codec::Error::TooLarge {
            what: format!("{WHAT}, record {tag},"),
            needed: value.len() as u64,
            most: u64::from(u32::MAX),
        })?;
        records.push(tag);
        records.extend(length.to_le_bytes());
        records.extend(value);
        Ok(())
    };
    arrays.iter().try_for_each(|array| put(ARRAY, &array.record.put()))?;
    head.layout.iter().try_for_each(|layout| put(LAYOUT, &layout.put()?))?;
    put(CREATOR, head.creator.as_bytes())?;
    if records.len() as u64 > MAX_HEADER_BYTES {
        let (what, needed) = (WHAT.to_owned(), records.len() as u64);
        return Err(nf_codec::Error::TooLarge { what, needed, most: MAX_HEADER_BYTES }.into());
    }
    let mut prologue = MAGIC.to_vec();
    let version = arrays.iter().map(|array| array.record.version()).max().unwrap_or(FIRST_VERSION);
    prologue.extend(version.to_le_bytes());
    prologue.extend((records.len() as u32).to_le_bytes());
    prologue.extend(records);
    prologue.extend(crc32fast::hash(&prologue).to_le_bytes());
    let failed = |source| nf_codec::Error::Io { what: "writing the container".to_owned(), source };
    out.write_all(&prologue).map_err(failed)?;
    let streams = || arrays.iter().flat_map(|array| &array.streams);
    streams().try_for_each(|stream| out.write_all(stream)).map_err(failed)?;

    let mut layers: Vec<Layer> = arrays.iter().flat_map(Layer::of).collect();
    let image = |shape: Shape| ImageHeader {
        shape,
        axis: PlaneAxis::None,
        tile: tile.unwrap_or_else(|| default_tile(encoder, shape)),
    };
    let header = container::Header {
        codec: encoder.spec(),
        reproducibility: encoder.reproducibility(),
        model: ModelHeader::of(encoder),
        images: layers.iter().map(|layer| image(layer.indices.shape())).collect(),
        layout: None,
        creator: String::new(),
        profile: None,
        cut: None,
    };
    let mut sources: Vec<&mut dyn ImageSource> =
        layers.iter_mut().map(|layer| layer as &mut dyn ImageSource).collect();
    let mut written =
        container::write(out, &header, &mut sources, WriteOptions { encoder, verifier, limits })?;
    written.container_bytes += prologue.len() as u64;
    written.container_bytes += streams().map(|stream| stream.len() as u64).sum::<u64>();
    Ok(written)
}

/// A stack of indices, and how they were dithered.
struct Layer<'a> {
    indices: &'a Image16,
    dither: Option<DitheredStack>,
}

impl<'a> Layer<'a> {
    /// The layers of an array. The upper 16 bits of indices hardly depend on the dither.
    fn of(array: &'a Quantised) -> impl Iterator<Item = Self> {
        array.layers.iter().enumerate().map(|(number, indices)| {
            let dither = array.record.dither.filter(|_| number == 0);
            let stack = |dither| DitheredStack::whole(dither, array.record.is_rising(), indices.shape());
            Layer { indices, dither: dither.map(stack) }
        })
    }
}

impl ImageSource for Layer<'_> {
    fn shape(&self) -> Shape {
        self.indices.shape()
    }

    fn axis(&self) -> PlaneAxis {
        self.indices.axis()
    }

    fn dither(&self) -> Option<DitheredStack> {
        self.dither
    }

    fn band(&mut self, planes: Range<usize>, rows: Range<usize>) -> nf_codec::Result<Cow<'_, Image16>> {
        self.indices.band(planes, rows)
    }

    fn in_memory(&self) -> Option<ImageRef<'_>> {
        Some(self.indices.into())
    }
}
