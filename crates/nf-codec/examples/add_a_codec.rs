//! A codec of one's own: differences to the pixel on the left, deflated.
//!
//! ```sh
//! cargo run --release -p nf-codec --example add_a_codec
//! cargo test -p nf-codec --example add_a_codec
//! ```
//!
//! In this project such a file goes to `crates/nf-classic/src`, and its `ENTRY` to the list there.

use flate2::Compression;
use flate2::read::{ZlibDecoder, ZlibEncoder};
use nf_codec::{Codec, Entry, Error, Limits, OptionDoc, Registry, Result, Spec};
use nf_image::{Image16, Shape};
use std::io::Read;

/// What the registry knows of it: `left` or `left:level=9`.
const ENTRY: Entry = Entry {
    name: "left",
    summary: "differences to the pixel on the left, deflated",
    source: "an example",
    options: &[OptionDoc { key: "level", values: "1..=9", default: "6", help: "effort of DEFLATE" }],
    build: |spec| {
        let mut options = spec.options();
        let level = options.take("level", 6, "1..=9", |level| (1..=9).contains(level))?;
        options.finish()?; // what is left over is a mistake of the user's
        Ok(Box::new(Left { level }))
    },
};

/// Names the input in errors.
const STREAM: &str = "left stream";

struct Left {
    level: u32,
}

impl Codec for Left {
    fn spec(&self) -> Spec {
        Spec::new(ENTRY.name).with("level", self.level, 6)
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        let mut left = 0;
        let differences = image.samples().iter().flat_map(|&sample| {
            let difference = sample.wrapping_sub(left);
            left = sample;
            difference.to_le_bytes()
        });
        let differences: Vec<u8> = differences.collect();
        let mut stream = vec![];
        ZlibEncoder::new(&differences[..], Compression::new(self.level))
            .read_to_end(&mut stream)
            .map_err(|error| Error::backend(ENTRY.name, error.to_string()))?;
        Ok(stream)
    }

    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        // The shape comes from a file: nothing is allocated before it has passed.
        let pixels = limits.check_shape(STREAM, shape)?;
        let mut differences = vec![];
        // One byte more than there may be, so that a stream without end is noticed.
        ZlibDecoder::new(bytes)
            .take(2 * pixels as u64 + 1)
            .read_to_end(&mut differences)
            .map_err(|error| Error::corrupt(STREAM, error.to_string()))?;
        let mut left = 0_u16;
        let samples = differences.chunks_exact(2).map(|pair| {
            left = left.wrapping_add(u16::from_le_bytes([pair[0], pair[1]]));
            left
        });
        let samples: Vec<u16> = samples.collect();
        if differences.len() != 2 * pixels {
            let reason = format!("{} bytes of differences for {pixels} pixels", differences.len());
            return Err(Error::corrupt(STREAM, reason));
        }
        Image16::new(shape, samples).map_err(|error| Error::corrupt(STREAM, error.to_string()))
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        // At its lowest level DEFLATE may spend 9 bits on a byte that it cannot compress.
        let raw = shape.raw_bytes() as u64;
        raw + raw / 8 + 64
    }
}

fn main() -> Result<()> {
    let registry = Registry::new([ENTRY]);
    let codec = registry.build(&"left:level=9".parse()?)?;
    let image = Image16::from_fn(Shape::frame(64, 64), |_, row, column| (row + column) as u16);
    let bytes = codec.encode(&image)?;
    let again = codec.decode(&bytes, image.shape(), &Limits::default())?;
    assert_eq!(again.samples(), image.samples());
    println!("{}: {} bytes instead of {}", codec.spec(), bytes.len(), image.shape().raw_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{ENTRY, main};
    use nf_codec::conformance::{Effort, check};

    #[test]
    fn it_runs() {
        main().unwrap();
    }

    #[test]
    fn it_keeps_every_promise_of_a_codec() {
        for spec in ["left", "left:level=1"] {
            check(&spec.parse().unwrap(), &ENTRY.build, Effort { mutations: 500, ..Effort::default() });
        }
    }
}
