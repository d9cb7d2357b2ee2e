//! `gzip`: the samples as little-endian pairs of bytes, compressed with DEFLATE.
//!
//! Specification: RFC 1951 and RFC 1952, <https://www.rfc-editor.org/rfc/rfc1952>. One gzip member, without a name or a time. The planes
//! follow one another; matches reach 32 KiB back, so seldom into another plane.

use crate::sample_bytes::ByteOrder;
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use nf_codec::{Codec, Entry, Error, Limits, OptionDoc, PlaneTreatment, Result, Spec};
use nf_image::{Image16, Shape};
use std::io::{Read, Write};

/// The line of the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "gzip",
    summary: "DEFLATE over little-endian pairs of bytes",
    source: "RFC 1951, RFC 1952",
    options: &[LEVEL],
    build: |spec| {
        let mut options = spec.options();
        let level = options.take("level", DEFAULT_LEVEL, LEVEL.values, |l| (1..=9).contains(l))?;
        options.finish()?;
        Ok(Box::new(Gzip { level }))
    },
};

/// The option that codecs made of DEFLATE share.
pub(crate) const LEVEL: OptionDoc =
    OptionDoc { key: "level", values: "1..=9", default: "6", help: "effort of the search for matches" };
pub(crate) const DEFAULT_LEVEL: u32 = 6;

struct Gzip {
    level: u32,
}

impl Codec for Gzip {
    fn spec(&self) -> Spec {
        Spec::new(ENTRY.name).with("level", self.level, DEFAULT_LEVEL)
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        let mut stream = Vec::new();
        compress(&ByteOrder::Pairs.bytes_of(image.samples()), self.level, &mut stream);
        Ok(stream)
    }

    fn decode(&self, mut bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        let pixels = limits.check_shape("gzip stream", shape)?;
        limits.check_memory("gzip stream", 2 * pixels as u64)?;
        let samples = decompress(&mut bytes, pixels * 2, "gzip stream")?;
        expect_end(bytes, "gzip stream")?;
        ByteOrder::Pairs.image_of(&samples, shape, "gzip stream")
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        max_member_bytes(shape.raw_bytes())
    }

    fn planes(&self) -> PlaneTreatment {
        PlaneTreatment::Concatenated
    }
}

/// Appends a gzip member that holds `bytes`.
pub(crate) fn compress(bytes: &[u8], level: u32, stream: &mut Vec<u8>) {
    let mut encoder = GzEncoder::new(stream, Compression::new(level));
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("writing to a vector does not fail");
}

/// Takes a gzip member of exactly `expected` bytes of content off the front of `stream`, called
/// `what` in errors.
pub(crate) fn decompress(stream: &mut &[u8], expected: usize, what: &str) -> Result<Vec<u8>> {
    let mut decoder = GzDecoder::new(stream);
    let mut content = vec![0; expected];
    decoder.read_exact(&mut content).map_err(|error| wrong(what, &error))?;
    match decoder.read(&mut [0]) {
        Ok(0) => Ok(content),
        Ok(_) => Err(Error::corrupt(what, format!("more than the expected {expected} bytes of content"))),
        Err(error) => Err(wrong(what, &error)),
    }
}

fn wrong(what: &str, error: &std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => Error::truncated(what),
        _ => Error::corrupt(what, error.to_string()),
    }
}

/// An error unless all of a stream has been read.
pub(crate) fn expect_end(rest: &[u8], what: &str) -> Result<()> {
    match rest.len() {
        0 => Ok(()),
        extra => Err(Error::corrupt(what, format!("{extra} bytes are left after the last pixel"))),
    }
}

/// Most bytes of a member of `content` bytes: a byte coded by the fixed table takes 9 bits at most.
pub(crate) fn max_member_bytes(content: usize) -> u64 {
    let content = content as u64;
    content + content / 8 + content / 1024 + 64
}
