//! `gzip2`: GZIP_2 of tile-compressed FITS files: bytes shuffled by significance, then DEFLATE.
//!
//! Specification: FITS standard 4.0, section 10.4.2, <https://fits.gsfc.nasa.gov/fits_standard.html>. The tile is a plane (FITS writers often take
//! a row); the content of its gzip member is the high bytes of all samples minus 32768, as FITS
//! stores unsigned data, then the low bytes. One member per plane; planes are independent.

use crate::gzip::{DEFAULT_LEVEL, LEVEL, compress, decompress, expect_end, max_member_bytes};
use crate::sample_bytes::ByteOrder;
use nf_codec::{Codec, Entry, Limits, Result, Spec};
use nf_image::{Image16, Shape};

/// The line of the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "gzip2",
    summary: "GZIP_2 of FITS: high bytes, then low bytes, then DEFLATE",
    source: "FITS standard 4.0, section 10.4.2",
    options: &[LEVEL],
    build: |spec| {
        let mut options = spec.options();
        let level = options.take("level", DEFAULT_LEVEL, LEVEL.values, |l| (1..=9).contains(l))?;
        options.finish()?;
        Ok(Box::new(Gzip2 { level }))
    },
};

struct Gzip2 {
    level: u32,
}

/// What FITS subtracts from unsigned samples, seen as an operation on the high byte.
const SIGN_BIT: u8 = 0x80;

impl Codec for Gzip2 {
    fn spec(&self) -> Spec {
        Spec::new(ENTRY.name).with("level", self.level, DEFAULT_LEVEL)
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        let mut stream = Vec::new();
        for plane in image.samples().chunks(image.shape().plane_pixels().max(1)) {
            let mut bytes = ByteOrder::HighThenLow.bytes_of(plane);
            bytes[..plane.len()].iter_mut().for_each(|high| *high ^= SIGN_BIT);
            compress(&bytes, self.level, &mut stream);
        }
        Ok(stream)
    }

    fn decode(&self, mut bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        limits.check_shape("gzip2 stream", shape)?;
        limits.check_memory("gzip2 stream", 2 * shape.plane_pixels() as u64)?;
        let mut image = Image16::zeros(shape);
        let plane_px = shape.plane_pixels();
        for plane in image.samples_mut().chunks_mut(plane_px.max(1)) {
            let content = decompress(&mut bytes, plane_px * 2, "gzip2 stream")?;
            let (high, low) = content.split_at(plane_px);
            for ((sample, &high), &low) in plane.iter_mut().zip(high).zip(low) {
                *sample = u16::from_be_bytes([high ^ SIGN_BIT, low]);
            }
        }
        expect_end(bytes, "gzip2 stream")?;
        Ok(image)
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        if shape.pixels() == 0 {
            return 0;
        }
        shape.planes as u64 * max_member_bytes(2 * shape.plane_pixels())
    }
}
