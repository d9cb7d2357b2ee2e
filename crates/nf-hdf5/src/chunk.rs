//! Chunks to containers and back.

use crate::options::Options;
use nf_codec::container::{
    Header, ImageHeader, Layout, Reader, SampleFormat, Segment, WriteOptions, default_tile, write,
};
use nf_codec::{Codec, Error, Limits, Registry, Result};
use nf_fits::npy::{self, ValueForm};
use nf_floor::Floor;
use nf_image::{Image16, PlaneAxis};
use std::io::Cursor;

const WHAT: &str = "the chunk";

fn format(of: ValueForm) -> SampleFormat {
    match (of.wide, of.big_endian) {
        (false, _) => SampleFormat::U8,
        (true, false) => SampleFormat::U16Le,
        (true, true) => SampleFormat::I16Be,
    }
}

/// The container of a chunk, every tile decoded again and compared.
///
/// # Errors
/// If the chunk is not as long as the options say, or cannot be coded.
pub(crate) fn encode(chunk: &[u8], options: &Options) -> Result<Vec<u8>> {
    let wrong = || Error::corrupt(WHAT, format!("{} bytes, which are not those of its axes", chunk.len()));
    let shape = options.shape().filter(|_| options.chunk_bytes() == Some(chunk.len())).ok_or_else(wrong)?;
    let mut image = Image16::new(shape, options.form.samples(chunk)).map_err(|_| wrong())?;
    let codec = Floor { level: options.level };
    let sample_offset = i64::from(options.form.offset());
    let layout = vec![
        Segment::Verbatim(npy::header(options.form.descr(), &options.axes, false)),
        Segment::Samples { image: 0, format: format(options.form), offset: sample_offset },
    ];
    let header = Header {
        codec: codec.spec(),
        reproducibility: codec.reproducibility(),
        model: None,
        images: vec![ImageHeader { shape, axis: PlaneAxis::None, tile: default_tile(&codec, shape) }],
        layout: Some(Layout { segments: layout }),
        creator: String::new(),
        profile: None,
        cut: None,
    };
    let mut out = Vec::new();
    let write_options = WriteOptions { encoder: &codec, verifier: Some(&codec), limits: Limits::default() };
    write(&mut out, &header, &mut [&mut image], write_options)?;
    Ok(out)
}

/// The bytes of a chunk from its container.
///
/// # Errors
/// If it is damaged, or not the chunk that the options describe.
pub(crate) fn decode(container: &[u8], options: &Options) -> Result<Vec<u8>> {
    let registry = Registry::new([nf_floor::ENTRY]);
    let mut reader = Reader::open(Cursor::new(container), Limits::default())?;
    let (Some(shape), Some(bytes)) = (options.shape(), options.chunk_bytes()) else {
        return Err(Error::corrupt(WHAT, "its axes are too long"));
    };
    match reader.header().images[..] {
        [ImageHeader { shape: found, .. }] if found == shape => {}
        _ => return Err(Error::corrupt(WHAT, format!("it does not hold one stack of {shape}"))),
    }
    if reader.header().cut.is_some() {
        return Err(Error::corrupt(WHAT, "it is cut after a stage and not lossless, expected a whole one"));
    }
    let codec = reader.codec(&registry)?;
    let image = reader.decode(0, &*codec)?;
    let mut chunk = Vec::with_capacity(bytes);
    let (format, offset) = (format(options.form), i64::from(options.form.offset()));
    format
        .write(image.samples(), offset, &mut chunk)
        .map_err(|source| Error::Io { what: WHAT.to_owned(), source })?;
    Ok(chunk)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nf_floor::Level;
    use nf_image::testing::Rng;

    #[test]
    fn chunks_of_every_type_come_back() {
        let mut rng = Rng::new(1);
        for flags in 0..8 {
            let form = ValueForm { wide: flags & 1 == 1, signed: flags & 2 == 2, big_endian: flags & 4 == 4 };
            for axes in [vec![], vec![9], vec![20, 30], vec![3, 10, 12], vec![2, 2, 5, 6]] {
                let options = Options { level: Level::Fast, form, axes };
                let bytes = options.chunk_bytes().unwrap();
                let chunk: Vec<u8> = (0..bytes).map(|_| rng.next_u64() as u8).collect();
                let container = encode(&chunk, &options).unwrap();
                assert_eq!(decode(&container, &options).unwrap(), chunk, "{options:?}");
                // What it holds is the .npy file of the chunk.
                let mut reader = Reader::open(Cursor::new(&container), Limits::default()).unwrap();
                let mut npy_file = Vec::new();
                reader.restore(&Floor::default(), &mut npy_file).unwrap();
                assert!(npy_file.ends_with(&chunk) && npy::parse(&npy_file, &Default::default()).is_ok());
            }
        }
    }

    #[test]
    fn chunks_of_another_shape_and_damage_are_refused() {
        let form = ValueForm { wide: true, signed: false, big_endian: false };
        let options = Options { level: Level::Fast, form, axes: vec![8, 8] };
        let container = encode(&[7; 128], &options).unwrap();
        assert!(encode(&[7; 127], &options).is_err());
        let other = Options { axes: vec![8, 9], ..options.clone() };
        assert!(decode(&container, &other).unwrap_err().to_string().contains("one stack of 8x9"));
        for length in 0..container.len() {
            assert!(decode(&container[..length], &options).is_err());
        }
    }
}
