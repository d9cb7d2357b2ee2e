//! Pixels in, container out.

use super::header::{Header, ImageHeader, check_tile};
use super::opening::read_header;
use super::tiling::{bands, bands_at_once};
use super::trailer::{self, ImageIndex, TileEntry};
use crate::{Codec, DitheredStack, Error, Limits, Result};
use nf_image::{Digest, Grid, Image16, ImageRef, PlaneAxis, Shape, StackDigester, TileBox, in_order};
use rayon::prelude::*;
use std::borrow::{Borrow, Cow};
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;

/// Pixels that can be asked for in bands of rows, so that a stack need not be in memory as a whole.
pub trait ImageSource {
    /// Extent of the stack.
    fn shape(&self) -> Shape;

    /// What its next plane means.
    fn axis(&self) -> PlaneAxis;

    /// Row and column of the detector where its first pixel lies, for codecs that know detectors.
    fn origin(&self) -> [usize; 2] {
        [0, 0]
    }

    /// How its samples were dithered, if they are indices of a dithered quantiser.
    fn dither(&self) -> Option<DitheredStack> {
        None
    }

    /// The full rows `rows` of the planes `planes`. They are asked for in the order of the file.
    ///
    /// # Errors
    /// If they cannot be read.
    fn band(&mut self, planes: Range<usize>, rows: Range<usize>) -> Result<Cow<'_, Image16>>;

    /// The whole stack, if it lies in memory as it is; then it is coded from there, and no band is
    /// asked for.
    fn in_memory(&self) -> Option<ImageRef<'_>> {
        None
    }
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

    fn in_memory(&self) -> Option<ImageRef<'_>> {
        let image: &Image16 = self.borrow();
        Some(image.into())
    }
}

/// A stack in memory that belongs to somebody else.
#[derive(Clone, Copy, Debug)]
pub struct Borrowed<'a>(pub ImageRef<'a>);

impl ImageSource for Borrowed<'_> {
    fn shape(&self) -> Shape {
        self.0.shape()
    }

    fn axis(&self) -> PlaneAxis {
        self.0.axis()
    }

    fn origin(&self) -> [usize; 2] {
        self.0.origin()
    }

    fn band(&mut self, planes: Range<usize>, rows: Range<usize>) -> Result<Cow<'_, Image16>> {
        Ok(Cow::Owned(self.0.crop(planes, rows, 0..self.0.shape().width)))
    }

    fn in_memory(&self) -> Option<ImageRef<'_>> {
        Some(self.0)
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
    /// Whether any tile takes the detector profile of the codec.
    pub needs_profile: bool,
}

/// How [`write()`] codes the tiles.
#[derive(Clone, Copy)]
pub struct WriteOptions<'a> {
    /// The codec that `Header::codec` names; it codes all tiles.
    pub encoder: &'a dyn Codec,
    /// With a codec here, every tile is decoded by it and compared before it is written. For
    /// destinations that cannot be read back; reading the container back proves more.
    pub verifier: Option<&'a dyn Codec>,
    /// What a reader of the container may spend.
    pub limits: Limits,
}

/// Writes a container of these stacks; `header.images` must describe them.
///
/// Tiles of a band are coded in parallel on the current rayon pool.
///
/// # Errors
/// If a stack cannot be read or coded, does not verify, or the destination fails.
///
/// # Panics
/// If `sources` and `header.images` differ in number or shape, or the header names another codec.
pub fn write(
    out: &mut dyn Write,
    header: &Header,
    sources: &mut [&mut dyn ImageSource],
    options: WriteOptions<'_>,
) -> Result<Written> {
    assert_eq!(sources.len(), header.images.len(), "one header for each stack");
    assert_eq!(options.encoder.spec(), header.codec, "the header names the codec of the tiles");
    let failed = |source| Error::Io { what: "writing the container".to_owned(), source };
    let limits = &options.limits;
    let prologue = header.to_prologue()?;
    out.write_all(&prologue).map_err(failed)?;
    let (mut stream_bytes, mut needs_profile) = (0, false);
    let mut offset_bytes = prologue.len() as u64;
    let mut indices = Vec::with_capacity(sources.len());
    for (source, image) in sources.iter_mut().zip(&header.images) {
        assert_eq!(source.shape(), image.shape, "the header tells the shape of its stack");
        // What a reader with these limits would refuse is not written.
        limits.check_shape("the image", image.shape)?;
        check_tile(image.shape, image.tile, limits)?;
        let origin = Origin { pixel: source.origin(), dither: source.dither() };
        let mut tiles = Vec::new();
        let mut put = |payload: &[u8]| -> Result<()> {
            let length_bytes = payload.len() as u64;
            tiles.push(TileEntry { offset_bytes, length_bytes, crc: crc32fast::hash(payload) });
            offset_bytes += length_bytes;
            stream_bytes += length_bytes;
            needs_profile |= options.encoder.needs_profile(payload);
            out.write_all(payload).map_err(failed)
        };
        let digest = match source.in_memory() {
            Some(whole) => {
                let read = |place: &TileBox| {
                    Ok(match whole.band(place.planes.clone(), place.rows.clone()) {
                        Some(part) => Pixels::Borrowed(part),
                        None => Pixels::Owned(whole.crop(
                            place.planes.clone(),
                            place.rows.clone(),
                            place.columns.clone(),
                        )),
                    })
                };
                write_stack(read, image, origin, options, &mut put)?
            }
            None => {
                let read = |place: &TileBox| {
                    Ok(Pixels::Owned(source.band(place.planes.clone(), place.rows.clone())?.into_owned()))
                };
                write_stack(read, image, origin, options, &mut put)?
            }
        };
        indices.push(ImageIndex { digest, tiles });
    }
    let trailer = trailer::to_bytes(&indices)?;
    out.write_all(&trailer).and_then(|()| out.flush()).map_err(failed)?;
    Ok(Written {
        container_bytes: (prologue.len() + trailer.len()) as u64 + stream_bytes,
        stream_bytes,
        digests: indices.iter().map(|index| index.digest).collect(),
        needs_profile,
    })
}

/// Gives a container whose tiles need no profile a shorter header, in place; its new length, to
/// which the caller cuts the file.
///
/// # Errors
/// If the header is longer than the one that is there, or reading or writing fails.
pub fn shorten_header(
    file: &mut (impl Read + Write + Seek),
    header: &Header,
    limits: &Limits,
) -> Result<u64> {
    const PIECE_BYTES: usize = 1 << 20;
    let failed = |source| Error::Io { what: "writing the container".to_owned(), source };
    let bytes = file.seek(SeekFrom::End(0)).map_err(failed)?;
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    // Tiles and trailer do not depend on where they lie.
    let (.., mut from) = read_header(file, bytes, limits)?;
    let prologue = header.to_prologue()?;
    let mut to = prologue.len() as u64;
    if to > from {
        return Err(Error::TooLarge { what: "a shorter header".to_owned(), needed: to, most: from });
    }
    file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(&prologue)).map_err(failed)?;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        file.seek(SeekFrom::Start(from)).map_err(failed)?;
        let count = file.read(&mut piece).map_err(failed)?;
        if count == 0 {
            return file.flush().map_err(failed).map(|()| to);
        }
        file.seek(SeekFrom::Start(to)).and_then(|_| file.write_all(&piece[..count])).map_err(failed)?;
        (from, to) = (from + count as u64, to + count as u64);
    }
}

/// The pixels of a row of tiles.
struct Band<'a> {
    place: TileBox,
    pixels: Pixels<'a>,
}

/// Pixels that were read, or that lie where the caller has them.
enum Pixels<'a> {
    Owned(Image16),
    Borrowed(ImageRef<'a>),
}

impl Pixels<'_> {
    fn get(&self) -> ImageRef<'_> {
        match self {
            Self::Owned(image) => image.into(),
            Self::Borrowed(image) => *image,
        }
    }

    /// The stream of pixels that lie there.
    fn encode(&self, encoder: &dyn Codec, Origin { pixel: origin, dither }: Origin) -> Result<Vec<u8>> {
        if let Some(dither) = dither {
            return encoder.encode_dithered(self.get().with_origin(origin), &dither);
        }
        match self {
            Self::Owned(image) => encoder.encode_at(image, origin[0], origin[1]),
            Self::Borrowed(image) => encoder.encode_ref(image.with_origin(origin)),
        }
    }
}

/// Where pixels lie: row and column of their detector, and among the lattices of their dither.
#[derive(Clone, Copy)]
struct Origin {
    pixel: [usize; 2],
    dither: Option<DitheredStack>,
}

impl Origin {
    /// The origin of the pixels of this box.
    fn of(self, place: &TileBox) -> Self {
        let [row, column] = self.pixel;
        Self {
            pixel: [row + place.rows.start, column + place.columns.start],
            dither: self.dither.map(|dither| dither.cut(place)),
        }
    }
}

/// Hands out the streams of a stack's tiles in order; the digest of its pixels.
///
/// Bands are coded side by side, while the next ones are read.
fn write_stack<'a>(
    mut read: impl FnMut(&TileBox) -> Result<Pixels<'a>>,
    image: &ImageHeader,
    origin: Origin,
    options: WriteOptions<'_>,
    put: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<Digest> {
    let mut digester = StackDigester::default();
    let places = bands(image.shape, image.tile);
    let mut groups = places.chunks(bands_at_once(image.shape, image.tile));
    let mut read = |group: Option<&[TileBox]>| -> Result<Vec<Band<'a>>> {
        let band = |place: &TileBox| Ok(Band { place: place.clone(), pixels: read(place)? });
        group.unwrap_or_default().iter().map(band).collect()
    };
    let mut next = read(groups.next())?;
    while !next.is_empty() {
        let now = std::mem::take(&mut next);
        let mut coded = Ok(Vec::new());
        rayon::in_place_scope(|scope| {
            scope.spawn(|_| coded = encode_bands(&now, image, origin, options));
            scope.spawn(|_| {
                for Band { place, pixels } in &now {
                    let pixels = pixels.get();
                    let planes = (0..place.planes.len()).map(|i| pixels.plane(i));
                    digester.update(place.planes.start, planes);
                }
            });
            read(groups.next()).map(|bands| next = bands)
        })?;
        coded?.iter().flatten().try_for_each(|payload| put(payload))?;
    }
    Ok(digester.finish(image.shape.planes))
}

/// The streams of the tiles of several bands.
fn encode_bands(
    bands: &[Band<'_>],
    image: &ImageHeader,
    origin: Origin,
    options: WriteOptions<'_>,
) -> Result<Vec<Vec<Vec<u8>>>> {
    match bands {
        // Alone, a band is coded on this thread, so that its tiles or their codec have the pool to
        // themselves.
        [only] => Ok(vec![encode_band(only, image, origin, options)?]),
        _ => in_order(bands.par_iter().map(|band| encode_band(band, image, origin, options))),
    }
}

/// The streams of the tiles of one band.
fn encode_band(
    band: &Band<'_>,
    image: &ImageHeader,
    origin: Origin,
    options: WriteOptions<'_>,
) -> Result<Vec<Vec<u8>>> {
    let Band { place, pixels } = band;
    let WriteOptions { encoder, verifier, limits } = options;
    let encode = |columns: &Range<usize>| {
        let cut;
        let tile = if columns.len() == image.shape.width {
            pixels
        } else {
            let crop = pixels.get().crop(0..place.planes.len(), 0..place.rows.len(), columns.clone());
            cut = Pixels::Owned(crop);
            &cut
        };
        let place = TileBox { columns: columns.clone(), ..place.clone() };
        let payload = tile.encode(encoder, origin.of(&place))?;
        let tile = tile.get();
        if let Some(verifier) = verifier {
            let decoded = verifier.decode(&payload, tile.shape(), &limits)?;
            if decoded.samples() != tile.samples() {
                return Err(Error::corrupt(format!("tile at {place}"), "it does not decode to its pixels"));
            }
        }
        Ok(payload)
    };
    let tiles = Grid::new(Shape { planes: 1, height: 1, ..image.shape }, image.tile).boxes();
    let columns: Vec<Range<usize>> = tiles.map(|tile| tile.columns).collect();
    match &columns[..] {
        // Alone, a tile is coded on this thread, so that the codec has the pool to itself.
        [only] => Ok(vec![encode(only)?]),
        _ => in_order(columns.par_iter().map(encode)),
    }
}
