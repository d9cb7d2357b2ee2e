//! `xz`: LZMA2 over the samples as little-endian pairs of bytes.
//!
//! Specification: the .xz file format 1.2.1, <https://tukaani.org/xz/xz-file-format.txt>. One stream with a CRC-32, made by liblzma. The
//! planes are concatenated; matches reach other planes within the dictionary (8 MiB at level 6).

use crate::sample_bytes::ByteOrder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{Check, Stream};
use liblzma::write::XzEncoder;
use nf_codec::{Codec, Entry, Error, Limits, OptionDoc, PlaneTreatment, Result, Spec};
use nf_image::{Image16, Shape};
use std::io::{Read, Write};

/// The line of the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "xz",
    summary: "LZMA2 over little-endian pairs of bytes",
    source: "the .xz file format 1.2.1",
    options: &[OptionDoc { key: "level", values: "0..=9", default: "6", help: "effort and dictionary" }],
    build: |spec| {
        let mut options = spec.options();
        let level = options.take("level", DEFAULT_LEVEL, "0..=9", |l| (0..=9).contains(l))?;
        options.finish()?;
        Ok(Box::new(Xz { level }))
    },
};

const DEFAULT_LEVEL: u32 = 6;
/// What a decoder needs for the largest dictionary that an encoder here takes: 64 MiB at level 9,
/// and its state.
const DECODER_BYTES: u64 = 66 << 20;

struct Xz {
    level: u32,
}

impl Codec for Xz {
    fn spec(&self) -> Spec {
        Spec::new(ENTRY.name).with("level", self.level, DEFAULT_LEVEL)
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        let stream = Stream::new_easy_encoder(self.level, Check::Crc32)
            .map_err(|error| Error::backend(ENTRY.name, error.to_string()))?;
        let mut encoder = XzEncoder::new_stream(Vec::new(), stream);
        encoder
            .write_all(&ByteOrder::Pairs.bytes_of(image.samples()))
            .and_then(|()| encoder.finish())
            .map_err(|error| Error::backend(ENTRY.name, error.to_string()))
    }

    fn decode(&self, mut bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        let pixels = limits.check_shape("xz stream", shape)?;
        limits.check_memory("xz stream", 2 * pixels as u64)?;
        let wrong = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Error::truncated("xz stream"),
            _ => Error::corrupt("xz stream", error.to_string()),
        };
        let stream =
            Stream::new_stream_decoder(DECODER_BYTES.min(limits.max_memory_bytes - 2 * pixels as u64), 0)
                .map_err(|error| Error::backend(ENTRY.name, error.to_string()))?;
        let mut decoder = XzDecoder::new_stream(&mut bytes, stream);
        let mut samples = vec![0; pixels * 2];
        decoder.read_exact(&mut samples).map_err(wrong)?;
        if decoder.read(&mut [0]).map_err(wrong)? != 0 || !bytes.is_empty() {
            return Err(Error::corrupt("xz stream", "more bytes than the image needs"));
        }
        ByteOrder::Pairs.image_of(&samples, shape, "xz stream")
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        // Incompressible data is stored in chunks of 64 KiB, each with 3 bytes of header; then
        // headers and index.
        let content = shape.raw_bytes() as u64;
        content + 3 * content.div_ceil(1 << 16) + 128
    }

    fn planes(&self) -> PlaneTreatment {
        PlaneTreatment::Concatenated
    }
}
