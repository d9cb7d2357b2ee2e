//! `zstd`: Zstandard over the bytes of the samples, as pairs or shuffled by significance.
//!
//! Specification: RFC 8878, <https://www.rfc-editor.org/rfc/rfc8878>. One frame that states the size of its content. `shuffle=none`
//! compresses little-endian pairs, plane by plane; `shuffle=byte` the high bytes of the whole stack
//! and then its low bytes, which is what shuffling containers (HDF5, Zarr) do. The planes are
//! concatenated; at high levels matches reach other planes.

use crate::sample_bytes::ByteOrder;
use nf_codec::{Codec, Entry, Error, Limits, OptionDoc, PlaneTreatment, Result, Spec};
use nf_image::{Image16, Shape};
use std::fmt;
use std::str::FromStr;
use zstd::bulk::{Compressor, Decompressor};

/// The line of the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "zstd",
    summary: "Zstandard, with or without byte shuffle",
    source: "RFC 8878",
    options: &[
        OptionDoc { key: "level", values: "1..=22", default: "3", help: "effort" },
        OptionDoc { key: "shuffle", values: "none or byte", default: "none", help: "order of the bytes" },
    ],
    build: |spec| {
        let mut options = spec.options();
        let level = options.take("level", DEFAULT_LEVEL, "1..=22", |l| (1..=22).contains(l))?;
        let shuffle = options.take("shuffle", Shuffle::None, "none or byte", |_| true)?;
        options.finish()?;
        Ok(Box::new(Zstd { level, shuffle }))
    },
};

const DEFAULT_LEVEL: i32 = 3;

struct Zstd {
    level: i32,
    shuffle: Shuffle,
}

#[derive(Clone, Copy, PartialEq)]
enum Shuffle {
    None,
    Byte,
}

impl fmt::Display for Shuffle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Shuffle::None => "none",
            Shuffle::Byte => "byte",
        })
    }
}

impl FromStr for Shuffle {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "none" => Ok(Shuffle::None),
            "byte" => Ok(Shuffle::Byte),
            _ => Err(()),
        }
    }
}

impl Zstd {
    fn order(&self) -> ByteOrder {
        match self.shuffle {
            Shuffle::None => ByteOrder::Pairs,
            Shuffle::Byte => ByteOrder::HighThenLow,
        }
    }
}

impl Codec for Zstd {
    fn spec(&self) -> Spec {
        Spec::new(ENTRY.name).with("level", self.level, DEFAULT_LEVEL).with(
            "shuffle",
            self.shuffle,
            Shuffle::None,
        )
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        let failed = |error: std::io::Error| Error::backend(ENTRY.name, error.to_string());
        let mut compressor = Compressor::new(self.level).map_err(failed)?;
        compressor.compress(&self.order().bytes_of(image.samples())).map_err(failed)
    }

    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        let pixels = limits.check_shape("zstd stream", shape)?;
        limits.check_memory("zstd stream", 2 * pixels as u64)?;
        // Decoding in one call uses the destination as the window, so that a window size that lies
        // costs nothing.
        let mut samples = vec![0; pixels * 2];
        let written = Decompressor::new()
            .and_then(|mut decompressor| decompressor.decompress_to_buffer(bytes, &mut samples))
            .map_err(|error| Error::corrupt("zstd stream", error.to_string()))?;
        self.order().image_of(&samples[..written], shape, "zstd stream")
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        zstd::zstd_safe::compress_bound(shape.raw_bytes()) as u64
    }

    fn planes(&self) -> PlaneTreatment {
        PlaneTreatment::Concatenated
    }
}
