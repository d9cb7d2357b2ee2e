//! Pixels in, container out.

use super::header::{Header, ImageHeader, check_tile};
use super::tiling::{TileBox, bands, steps};
use super::trailer::{self, ImageIndex, TileEntry};
use crate::{Codec, Error, Limits, Registry, Result};
use nf_image::{Digest, Image16, PlaneAxis, Shape, StackDigester};
use rayon::prelude::*;
use std::borrow::{Borrow, Cow};
use std::io::Write;
use std::ops::Range;

/// Pixels that can be asked for in bands of rows, so that a stack need not be in memory as a whole.
pub trait ImageSource {
    /// Extent of the stack.
    fn shape(&self) -> Shape;

    /// What its next plane means.
    fn axis(&self) -> PlaneAxis;

    /// The full rows `rows` of the planes `planes`. They are asked for in the order of the file.
    ///
    /// # Errors
    /// If they cannot be read.
    fn band(&mut self, planes: Range<usize>, rows: Range<usize>) -> Result<Cow<'_, Image16>>;
}

/// A stack in memory, owned or borrowed.
impl<T: Borrow<Image16>> ImageSource for T {
    fn shape(&self) -> Shape {
        self.borrow().shape()
    }

    fn axis(&self) -> PlaneAxis {
        self.borrow().axis()
    }

    fn band(&mut self, planes: Range<usize>, rows: Range<usize>) -> Result<Cow<'_, Image16>> {
        let image: &Image16 = (*self).borrow();
        let whole = image.shape();
        if planes.len() == whole.planes && rows.len() == whole.height {
            return Ok(Cow::Borrowed(image));
        }
        Ok(Cow::Owned(image.crop(planes, rows, 0..whole.width)))
    }
}

/// What [`write()`] wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Size of the whole container.
    pub container_bytes: u64,
    /// Of which codec streams.
    pub stream_bytes: u64,
    /// Digest of every stack.
    pub digests: Vec<Digest>,
}

/// Writes a container of these stacks; `header.images` must describe them.
///
/// Tiles of a band are coded in parallel on the current rayon pool, each by a codec of its own. With
/// `verify`, every tile is decoded again by a fresh codec and compared before it is written.
///
/// # Errors
/// If a stack cannot be read or coded, does not verify, or the destination fails.
///
/// # Panics
/// If `sources` and `header.images` differ in number or shape.
pub fn write(
    out: &mut dyn Write,
    header: &Header,
    sources: &mut [&mut dyn ImageSource],
    registry: &Registry,
    verify: bool,
) -> Result<Written> {
    assert_eq!(sources.len(), header.images.len(), "one header for each stack");
    let failed = |source| Error::Io { what: "writing the container".to_owned(), source };
    let build = || registry.build(&header.codec);
    // What a reader with the usual limits would refuse is not written.
    let limits = Limits::default();
    let prologue = header.to_prologue()?;
    out.write_all(&prologue).map_err(failed)?;
    let mut stream_bytes = 0;
    let mut offset_bytes = prologue.len() as u64;
    let mut indices = Vec::with_capacity(sources.len());
    for (source, image) in sources.iter_mut().zip(&header.images) {
        assert_eq!(source.shape(), image.shape, "the header tells the shape of its stack");
        limits.check_shape("the image", image.shape)?;
        check_tile(image.shape, image.tile, &limits)?;
        let mut digester = StackDigester::default();
        let mut tiles = Vec::new();
        for (planes, rows) in bands(image.shape, image.tile) {
            let band = source.band(planes.clone(), rows.clone())?;
            let (payloads, ()) = rayon::join(
                || encode_band(&band, image, &planes, &rows, &build, verify),
                || digester.update(planes.start, (0..planes.len()).map(|i| band.plane(i))),
            );
            for payload in payloads? {
                let length_bytes = payload.len() as u64;
                tiles.push(TileEntry { offset_bytes, length_bytes, crc: crc32fast::hash(&payload) });
                offset_bytes += length_bytes;
                stream_bytes += length_bytes;
                out.write_all(&payload).map_err(failed)?;
            }
        }
        indices.push(ImageIndex { digest: digester.finish(image.shape.planes), tiles });
    }
    let trailer = trailer::to_bytes(&indices);
    out.write_all(&trailer).and_then(|()| out.flush()).map_err(failed)?;
    Ok(Written {
        container_bytes: (prologue.len() + trailer.len()) as u64 + stream_bytes,
        stream_bytes,
        digests: indices.iter().map(|index| index.digest).collect(),
    })
}

/// The streams of the tiles of one band.
fn encode_band(
    band: &Image16,
    image: &ImageHeader,
    planes: &Range<usize>,
    rows: &Range<usize>,
    build: &(impl Fn() -> Result<Box<dyn Codec>> + Sync),
    verify: bool,
) -> Result<Vec<Vec<u8>>> {
    let encode = |columns: Range<usize>| {
        let whole = columns.len() == image.shape.width;
        let tile = match whole {
            true => Cow::Borrowed(band),
            false => Cow::Owned(band.crop(0..planes.len(), 0..rows.len(), columns.clone())),
        };
        let payload = build()?.encode(&tile)?;
        if verify {
            let decoded = build()?.decode(&payload, tile.shape(), &Limits::default())?;
            if decoded.samples() != tile.samples() {
                let place = TileBox { planes: planes.clone(), rows: rows.clone(), columns };
                return Err(Error::corrupt(format!("tile at {place}"), "it does not decode to its pixels"));
            }
        }
        Ok(payload)
    };
    let columns: Vec<Range<usize>> = steps(image.shape.width, image.tile.width).collect();
    match &columns[..] {
        // Alone, a tile is coded on this thread, so that the codec has the pool to itself.
        [only] => Ok(vec![encode(only.clone())?]),
        _ => columns.into_par_iter().map(encode).collect(),
    }
}
