//! Files to containers that are read back and compared.

use crate::Tools;
use crate::detector::cards_of;
use crate::input::{Input, Original};
use crate::profiles::{Choice, Frames, Profiles, check_codec};
use anyhow::Result;
use nf_codec::container::{
    self, Header, ImageHeader, ImageSource, ModelHeader, Reader, WriteOptions, default_tile, shorten_header,
};
use nf_codec::{Codec, Spec};
use nf_image::{Digest, Image16, PlaneAxis, Shape};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, IntoInnerError, Seek, Write};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// What codes files, one after the other or side by side.
pub struct Coder {
    tools: Tools,
    codecs: Arc<Codecs>,
    tile: Option<Shape>,
    verify: bool,
    profiles: Option<WithProfiles>,
}

/// The two ends of a codec.
struct Codecs {
    encoder: Box<dyn Codec>,
    /// The proof has a decoder of its own, with nothing left over from encoding.
    decoder: Option<Box<dyn Codec>>,
    /// The bytes of its detector profile, if it has one.
    profile: Option<Arc<[u8]>>,
}

impl Codecs {
    fn of(tools: &Tools, spec: &Spec, verify: bool) -> Result<Self> {
        let registry = tools.registry();
        let encoder = registry.build(spec)?;
        let decoder = if verify { Some(registry.build(spec)?) } else { None };
        let profile = encoder.profile().map(Arc::from);
        Ok(Self { encoder, decoder, profile })
    }
}

/// The detector profiles that files may be coded with.
struct WithProfiles {
    profiles: Profiles,
    /// Whether containers carry the profile that they need.
    embed: bool,
    /// The codecs of those that were needed, by their specs.
    codecs: Mutex<HashMap<String, Arc<Codecs>>>,
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
    /// The bytes of the detector profile that the container needs and does not carry.
    pub needed_profile: Option<Arc<[u8]>>,
    /// What there is to say of the choice of a profile.
    pub remark: Option<String>,
    /// Whether any tile takes a profile.
    needs_profile: bool,
}

impl Coder {
    /// A coder for this spec, which proves what it writes if `verify` is set.
    ///
    /// # Errors
    /// If the spec makes no sense.
    pub fn new(tools: Tools, spec: &Spec, tile: Option<Shape>, verify: bool) -> Result<Self> {
        let codecs = Arc::new(Codecs::of(&tools, spec, verify)?);
        Ok(Self { tools, codecs, tile, verify, profiles: None })
    }

    /// The same, which codes every file with the one of these profiles that makes it smallest. With
    /// `embed`, containers carry the profiles that they need.
    ///
    /// # Errors
    /// If the codec knows no profiles.
    pub fn with_profiles(self, profiles: Profiles, embed: bool) -> Result<Self> {
        let spec = self.codecs.encoder.spec();
        check_codec(&spec)?;
        Ok(Self { profiles: Some(WithProfiles { profiles, embed, codecs: Mutex::default() }), ..self })
    }

    /// The spec with its options in canonical order, as it was asked for: files may have been coded
    /// without the profile, or with one of several.
    pub fn spec(&self) -> Spec {
        let spec = self.codecs.encoder.spec();
        match &self.profiles {
            Some(with) => spec.set("profile", with.profiles.label()),
            None => spec,
        }
    }

    /// The codecs of a file, and what there is to say of the choice.
    fn codecs(&self, input: &mut Input) -> Result<(Arc<Codecs>, Option<String>)> {
        let Some(with) = &self.profiles else { return Ok((Arc::clone(&self.codecs), None)) };
        let cards = match &input.original {
            Original::Fits(file) => cards_of(file),
            Original::Npy(_) => vec![],
        };
        let plain = self.codecs.encoder.spec();
        let mut stacks: Vec<&mut dyn ImageSource> =
            input.stacks.iter_mut().map(|stack| &mut **stack as &mut dyn ImageSource).collect();
        let frames = Frames { cards: &cards, stacks: &mut stacks };
        let Choice { spec, remark } = with.profiles.choose(&plain, frames, &self.tools)?;
        if spec == plain {
            return Ok((Arc::clone(&self.codecs), remark));
        }
        let mut known = with.codecs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(codecs) = known.get(&spec.to_string()) {
            return Ok((Arc::clone(codecs), remark));
        }
        let codecs = Arc::new(Codecs::of(&self.tools, &spec, self.verify)?);
        known.insert(spec.to_string(), Arc::clone(&codecs));
        Ok((codecs, remark))
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
        let restored = match self.verify {
            true => Some(input.original.prove_layout(&input.layout, &mut input.stacks)?),
            false => None,
        };
        let (codecs, remark) = self.codecs(&mut input)?;
        let mut coded = self.write(input, &codecs, codecs.decoder.as_deref(), out, share)?.0;
        (coded.restored, coded.remark) = (restored, remark);
        Ok(coded)
    }

    /// Writes a container into an empty file, reads it back and compares.
    ///
    /// # Errors
    /// As [`Coder::to_stream`].
    pub fn to_file(&self, mut input: Input, file: &mut File, share: &mut dyn FnMut(f64)) -> Result<Coded> {
        let (codecs, remark) = self.codecs(&mut input)?;
        let mut out = BufWriter::with_capacity(1 << 18, file);
        let (mut coded, original) = self.write(input, &codecs, None, &mut out, share)?;
        coded.remark = remark;
        let file = out.into_inner().map_err(IntoInnerError::into_error)?;
        let mut decoder = &codecs.decoder;
        if codecs.profile.is_some() && !coded.needs_profile {
            // What nothing needs is not named.
            coded.header.codec = self.codecs.encoder.spec();
            (coded.header.profile, coded.needed_profile) = (None, None);
            coded.container_bytes = shorten_header(file, &coded.header, &self.tools.codec_limits())?;
            file.set_len(coded.container_bytes)?;
            decoder = &self.codecs.decoder;
        }
        if let Some(decoder) = decoder {
            file.rewind()?;
            let mut reader = Reader::open(&mut *file, self.tools.codec_limits())?;
            coded.restored = Some(original.prove(|sink| reader.restore(&**decoder, sink))?);
        }
        Ok(coded)
    }

    fn header(&self, input: &Input, codecs: &Codecs) -> Header {
        let Codecs { encoder, profile, .. } = codecs;
        let embed = self.profiles.as_ref().is_some_and(|with| with.embed);
        Header {
            codec: encoder.spec(),
            reproducibility: encoder.reproducibility(),
            model: ModelHeader::of(&**encoder),
            images: input.stacks.iter().map(|stack| image_header(&**encoder, &**stack, self.tile)).collect(),
            layout: Some(input.layout.clone()),
            creator: String::new(),
            profile: profile.clone().filter(|_| embed),
            cut: None,
        }
        .with_creator(crate::PROGRAM)
    }

    fn write(
        &self,
        input: Input,
        codecs: &Codecs,
        verifier: Option<&dyn Codec>,
        out: &mut dyn Write,
        share: &mut dyn FnMut(f64),
    ) -> Result<(Coded, Original)> {
        let header = self.header(&input, codecs);
        let Input { mut stacks, raw_bytes, original, .. } = input;
        let all: u64 = pixels(&header);
        let times = if self.verify { 2 } else { 1 };
        let mut done = 0;
        let seen = RefCell::new(|pixels: u64| {
            done += pixels;
            share(done as f64 / (times * all).max(1) as f64);
        });
        let mut watched: Vec<_> =
            stacks.iter_mut().map(|stack| Watched { stack: &mut **stack, seen: &seen }).collect();
        let mut sources: Vec<&mut dyn ImageSource> =
            watched.iter_mut().map(|stack| stack as &mut dyn ImageSource).collect();
        let options = WriteOptions { encoder: &*codecs.encoder, verifier, limits: self.tools.codec_limits() };
        let written = container::write(out, &header, &mut sources, options)?;
        let coded = Coded {
            needed_profile: codecs.profile.clone().filter(|_| header.profile.is_none()),
            header,
            raw_bytes,
            container_bytes: written.container_bytes,
            digests: written.digests,
            restored: None,
            remark: None,
            needs_profile: written.needs_profile,
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
