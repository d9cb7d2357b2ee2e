//! Files to containers that are read back and compared.

use crate::Tools;
use crate::input::{Input, Original};
use anyhow::Result;
use nf_codec::container::{
    self, Header, ImageHeader, ImageSource, ModelHeader, Reader, WriteOptions, default_tile,
};
use nf_codec::{Codec, Spec};
use nf_image::{Digest, Image16, PlaneAxis, Shape};
use std::borrow::Cow;
use std::cell::RefCell;
use std::fs::File;
use std::io::{BufWriter, IntoInnerError, Seek, Write};
use std::ops::Range;

/// What codes files, one after the other or side by side.
pub struct Coder {
    tools: Tools,
    encoder: Box<dyn Codec>,
    /// The proof has a decoder of its own, with nothing left over from encoding.
    decoder: Option<Box<dyn Codec>>,
    tile: Option<Shape>,
}

/// What became of a file.
pub struct Coded {
    /// What the container says of itself.
    pub header: Header,
    /// Bytes of the samples as the file stores them without compression.
    pub raw_bytes: u64,
    /// Length of the container.
    pub container_bytes: u64,
    /// Digest of the pixels of every stack.
    pub digests: Vec<Digest>,
    /// BLAKE3 of the file that the container gives back, if that was proved.
    pub restored: Option<blake3::Hash>,
}

impl Coder {
    /// A coder for this spec, which proves what it writes if `verify` is set.
    ///
    /// # Errors
    /// If the spec makes no sense.
    pub fn new(tools: Tools, spec: &Spec, tile: Option<Shape>, verify: bool) -> Result<Self> {
        let registry = tools.registry();
        let encoder = registry.build(spec)?;
        let decoder = if verify { Some(registry.build(spec)?) } else { None };
        Ok(Self { tools, encoder, decoder, tile })
    }

    /// The spec with its options in canonical order.
    pub fn spec(&self) -> Spec {
        self.encoder.spec()
    }

    /// Writes a container to what cannot be read back: it is proved tile by tile, and its layout
    /// before anything is written.
    ///
    /// # Errors
    /// If the file cannot be read or coded, does not prove equal, or `out` fails.
    pub fn to_stream(
        &self,
        mut input: Input,
        out: &mut dyn Write,
        share: &mut dyn FnMut(f64),
    ) -> Result<Coded> {
        let restored = match self.decoder {
            Some(_) => Some(input.original.prove_layout(&input.layout, &mut input.stacks)?),
            None => None,
        };
        let header = self.header(&input);
        let mut coded = self.write(input, header, self.decoder.as_deref(), out, share)?.0;
        coded.restored = restored;
        Ok(coded)
    }

    /// Writes a container into an empty file, reads it back and compares.
    ///
    /// # Errors
    /// As [`Coder::to_stream`].
    pub fn to_file(&self, input: Input, file: &mut File, share: &mut dyn FnMut(f64)) -> Result<Coded> {
        let header = self.header(&input);
        let mut out = BufWriter::with_capacity(1 << 18, file);
        let (mut coded, original) = self.write(input, header, None, &mut out, share)?;
        let file = out.into_inner().map_err(IntoInnerError::into_error)?;
        if let Some(decoder) = &self.decoder {
            file.rewind()?;
            let mut reader = Reader::open(&mut *file, self.tools.codec_limits())?;
            coded.restored = Some(original.prove(|sink| reader.restore(&**decoder, sink))?);
        }
        Ok(coded)
    }

    fn header(&self, input: &Input) -> Header {
        Header {
            codec: self.encoder.spec(),
            reproducibility: self.encoder.reproducibility(),
            model: ModelHeader::of(&*self.encoder),
            images: input
                .stacks
                .iter()
                .map(|stack| image_header(&*self.encoder, &**stack, self.tile))
                .collect(),
            layout: Some(input.layout.clone()),
            creator: String::new(),
        }
        .with_creator(crate::PROGRAM)
    }

    fn write(
        &self,
        input: Input,
        header: Header,
        verifier: Option<&dyn Codec>,
        out: &mut dyn Write,
        share: &mut dyn FnMut(f64),
    ) -> Result<(Coded, Original)> {
        let Input { mut stacks, raw_bytes, original, .. } = input;
        let all: u64 = pixels(&header);
        let times = if self.decoder.is_some() { 2 } else { 1 };
        let mut done = 0;
        let seen = RefCell::new(|pixels: u64| {
            done += pixels;
            share(done as f64 / (times * all).max(1) as f64);
        });
        let mut watched: Vec<_> =
            stacks.iter_mut().map(|stack| Watched { stack: &mut **stack, seen: &seen }).collect();
        let mut sources: Vec<&mut dyn ImageSource> =
            watched.iter_mut().map(|stack| stack as &mut dyn ImageSource).collect();
        let options = WriteOptions { encoder: &*self.encoder, verifier, limits: self.tools.codec_limits() };
        let written = container::write(out, &header, &mut sources, options)?;
        let coded = Coded {
            header,
            raw_bytes,
            container_bytes: written.container_bytes,
            digests: written.digests,
            restored: None,
        };
        Ok((coded, original))
    }
}

impl Coded {
    /// Pixels of all stacks.
    pub fn pixels(&self) -> u64 {
        pixels(&self.header)
    }
}

/// A stack that tells how many of its pixels have been asked for.
struct Watched<'a, F: FnMut(u64)> {
    stack: &'a mut dyn ImageSource,
    seen: &'a RefCell<F>,
}

impl<F: FnMut(u64)> ImageSource for Watched<'_, F> {
    fn shape(&self) -> Shape {
        self.stack.shape()
    }

    fn axis(&self) -> PlaneAxis {
        self.stack.axis()
    }

    fn origin(&self) -> [usize; 2] {
        self.stack.origin()
    }

    fn band(&mut self, planes: Range<usize>, rows: Range<usize>) -> nf_codec::Result<Cow<'_, Image16>> {
        let band = self.stack.band(planes, rows)?;
        (self.seen.borrow_mut())(band.shape().pixels() as u64);
        Ok(band)
    }
}

fn pixels(header: &Header) -> u64 {
    header.images.iter().map(|image| image.shape.pixels() as u64).sum()
}

fn image_header(codec: &dyn Codec, stack: &(dyn ImageSource + '_), tile: Option<Shape>) -> ImageHeader {
    let shape = stack.shape();
    ImageHeader { shape, axis: stack.axis(), tile: tile.unwrap_or_else(|| default_tile(codec, shape)) }
}
