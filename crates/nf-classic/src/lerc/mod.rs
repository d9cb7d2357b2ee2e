//! `lerc`: Limited Error Raster Compression, as rasters of GIS hold it.
//!
//! Definition: Esri's LERC, <https://github.com/Esri/lerc>, format Lerc2, versions 3 and 4. It is
//! small and is written here from its description; the bytes of a plane equal those of Esri's
//! library, but for floating-point data of few decimals, where that may raise the error.
//!
//! Here is the lossless codec of 16-bit stacks, with half a unit of error. Every plane is a Lerc2
//! blob of its own, version 4; several follow one another as `plane_streams` says.
//!
//! - `blob`: a plane of any type, with an error and a mask.
//! - `block`: the blocks that a plane is cut into.
//! - `mask`: which pixels are valid.
//! - `value`: the types of pixels.

pub(crate) mod blob;
mod block;
mod mask;
mod value;

pub(crate) use value::Value;

use crate::plane_streams;
use blob::Form;
use nf_codec::{Codec, Entry, Error, Limits, Result, Spec};
use nf_image::{Image16, Shape};

/// The line of the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "lerc",
    summary: "LERC with an error of zero: blocks less their minimum, packed",
    source: SOURCE,
    options: &[],
    build: |spec| {
        spec.options().finish()?;
        Ok(Box::new(Lerc))
    },
};

/// Where the format is defined.
pub(crate) const SOURCE: &str = "https://github.com/Esri/lerc, format Lerc2 version 4";

/// Names the input in errors.
const STREAM: &str = "lerc stream";

/// Half a unit of error is none for integers.
const LOSSLESS: f64 = 0.5;

struct Lerc;

impl Codec for Lerc {
    fn spec(&self) -> Spec {
        Spec::new(ENTRY.name)
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        let shape = image.shape();
        // The format counts pixels and bytes with 31 bits.
        if shape.pixels() > 0 && plane_bound(shape) > i32::MAX as u64 {
            let reason = "a plane must fit into 2 GiB".to_owned();
            return Err(Error::Unsupported { codec: ENTRY.name.to_owned(), shape, reason });
        }
        let form = Form { width: shape.width, error: LOSSLESS, version: 4 };
        plane_streams::encode(ENTRY.name, image, |samples| Ok(blob::encode(samples, None, form)))
    }

    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        let form = Form { width: shape.width, error: LOSSLESS, version: 4 };
        plane_streams::decode(ENTRY.name, bytes, shape, limits, |bytes, samples| {
            match blob::decode(bytes, form, samples)? {
                None => Ok(()),
                Some(_) => Err(Error::corrupt(STREAM, "some pixels are said to be invalid")),
            }
        })
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        plane_streams::max_bytes(shape, plane_bound(shape))
    }
}

/// Most bytes of a plane: header, range, flag and the samples as they are.
fn plane_bound(shape: Shape) -> u64 {
    blob::most_bytes::<u16>(shape.plane_pixels()) as u64
}
