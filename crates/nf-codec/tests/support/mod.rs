//! A codec that stores samples as they are, and containers of it.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

use nf_codec::container::{Header, ImageHeader, ImageSource, ModelHeader, Reader, WriteOptions, write};
use nf_codec::{Codec, Entry, Error, Limits, Model, Registry, Reproducibility, Result, Spec};
use nf_image::{Digest, Image16, Shape};
use std::io::Cursor;

/// Little-endian samples; with `model=1` it claims to need a model.
pub struct Plain {
    pub model: u8,
}

impl Codec for Plain {
    fn spec(&self) -> Spec {
        Spec::new("plain").with("model", self.model, 0)
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        Ok(image.samples().iter().flat_map(|sample| sample.to_le_bytes()).collect())
    }

    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        let pixels = limits.check_shape("the plain stream", shape)?;
        if bytes.len() != pixels * 2 {
            return Err(Error::truncated("the plain stream"));
        }
        let samples = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        Ok(Image16::new(shape, samples).expect("as many samples as pixels"))
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        shape.raw_bytes() as u64
    }

    fn model(&self) -> Option<Model> {
        let digest = Digest::of_bytes(&[self.model]);
        (self.model > 0).then_some(Model {
            digest,
            bytes: 1,
            parameters: 1,
            macs_per_px: 0.0,
            is_named_by_spec: false,
        })
    }
}

/// Forgets the last sample of a tile.
struct Forgetful;

impl Codec for Forgetful {
    fn spec(&self) -> Spec {
        Spec::new("forgetful")
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        Plain { model: 0 }.encode(image)
    }

    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        let mut image = Plain { model: 0 }.decode(bytes, shape, limits)?;
        if let Some(last) = image.samples_mut().last_mut() {
            *last ^= 1;
        }
        Ok(image)
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        shape.raw_bytes() as u64
    }
}

pub fn build_plain(spec: &Spec) -> Result<Box<dyn Codec>> {
    let mut options = spec.options();
    let model = options.take("model", 0, "0..=9", |model| *model <= 9)?;
    options.finish()?;
    Ok(Box::new(Plain { model }))
}

pub fn registry() -> Registry {
    let entry = |name, build| Entry { name, summary: "", source: "", options: &[], build };
    Registry::new([entry("plain", build_plain), entry("forgetful", |_| Ok(Box::new(Forgetful)))])
}

pub fn plain() -> Box<dyn Codec> {
    Box::new(Plain { model: 0 })
}

pub fn header(codec: &str, images: &[(&Image16, Shape)]) -> Header {
    Header {
        codec: codec.parse().unwrap(),
        reproducibility: Reproducibility::Anywhere,
        model: ModelHeader::of(&*registry().build(&codec.parse().unwrap()).unwrap()),
        images: images
            .iter()
            .map(|(image, tile)| ImageHeader { shape: image.shape(), axis: image.axis(), tile: *tile })
            .collect(),
        layout: None,
        creator: String::new(),
        profile: None,
        cut: None,
    }
}

pub fn pack(header: &Header, images: &[&Image16], verify: bool) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut sources: Vec<&Image16> = images.to_vec();
    let mut sources: Vec<&mut dyn ImageSource> =
        sources.iter_mut().map(|source| source as &mut dyn ImageSource).collect();
    let codec = registry().build(&header.codec)?;
    let verifier = verify.then_some(&*codec);
    let options = WriteOptions { encoder: &*codec, verifier, limits: Limits::default() };
    let written = write(&mut out, header, &mut sources, options)?;
    assert_eq!(written.container_bytes, out.len() as u64);
    assert_eq!(written.digests, images.iter().map(|image| image.digest()).collect::<Vec<_>>());
    Ok(out)
}

pub fn open(bytes: &[u8]) -> Result<Reader<Cursor<&[u8]>>> {
    Reader::open(Cursor::new(bytes), Limits::default())
}

pub fn ramp(shape: Shape) -> Image16 {
    Image16::from_fn(shape, |p, r, c| (p * 7000 + r * 130 + c) as u16)
}
