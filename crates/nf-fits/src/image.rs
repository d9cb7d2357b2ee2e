//! Reading the image of one HDU: whole, in rows and planes, or any section of it.

use crate::file::FitsFile;
use crate::geometry::Geometry;
use crate::hdu::{Hdu, HduKind};
use crate::header::Header;
use crate::pixels::{Pixels, SampleType, each_type};
use crate::samples16::SampleMap;
use crate::section::{Section, copy_shared};
use crate::tiled::restore::image_header;
use crate::tiled::{Algorithm, Grid, Scratch, TileReader, Tiling};
use crate::{Error, Result, detector};
use nf_image::{Detector, Image16, Shape};
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::Range;

/// Bytes of a plain image that are read at once.
const PIECE_BYTES: usize = 1 << 20;

/// Pixels of tiles that are decoded before they are put in their places.
const BATCH_PX: usize = 1 << 21;

/// The image of one HDU, plain or tile-compressed.
#[derive(Clone, Copy)]
pub struct ImageHdu<'a> {
    file: &'a FitsFile,
    hdu: &'a Hdu,
}

impl FitsFile {
    /// The units that hold an image of at least one pixel, plain or compressed.
    pub fn image_hdus(&self) -> impl Iterator<Item = ImageHdu<'_>> {
        (0..self.hdus().len()).filter_map(|index| self.image(index).ok()).filter(|image| image.pixels() > 0)
    }

    /// The image in HDU `index`.
    ///
    /// # Errors
    /// If there is no such HDU, or it holds no image.
    pub fn image(&self, index: usize) -> Result<ImageHdu<'_>> {
        let hdu = self.hdus().get(index).ok_or_else(|| self.missing(index))?;
        match hdu.kind() {
            HduKind::Image(_) | HduKind::TiledImage(_) => Ok(ImageHdu::new(self, hdu)),
            HduKind::UnreadableImage => {
                Err(hdu.unreadable().unwrap_or_else(|| Error::request(index, "holds no image")))
            }
            _ => Err(Error::request(index, "holds no image")),
        }
    }

    /// Why there is no HDU of this number.
    fn missing(&self, index: usize) -> Error {
        let count = self.hdus().len();
        let problem = match self.fault() {
            None => format!("does not exist, the file has {count} HDUs"),
            Some(fault) if index == count => fault.without_hdu(),
            Some(fault) => format!("cannot be found, because of {fault}"),
        };
        Error::request(index, problem)
    }
}

impl<'a> ImageHdu<'a> {
    pub(crate) fn new(file: &'a FitsFile, hdu: &'a Hdu) -> Self {
        Self { file, hdu }
    }

    /// The HDU itself.
    pub fn hdu(&self) -> &'a Hdu {
        self.hdu
    }

    /// Number of the HDU in the file.
    pub fn index(&self) -> usize {
        self.hdu.index()
    }

    /// The header as it stands in the file: of a compressed image, the header of the table.
    pub fn header(&self) -> &'a Header {
        self.hdu.header()
    }

    /// The header of the image: that of the file, or of a compressed image the one that it had
    /// before compression. This is what [`FitsWriter::image`](crate::FitsWriter::image) takes to
    /// write the image back.
    pub fn image_header(&self) -> Cow<'a, Header> {
        match self.tiling() {
            None => Cow::Borrowed(self.header()),
            Some(_) => Cow::Owned(image_header(self.header())),
        }
    }

    /// What the header says of the tiles, if the image is compressed.
    pub fn tiling(&self) -> Option<&'a Tiling> {
        match self.hdu.kind() {
            HduKind::TiledImage(tiling) => Some(tiling),
            _ => None,
        }
    }

    /// How the image is compressed, if it is.
    pub fn compression(&self) -> Option<&'a Algorithm> {
        self.tiling().map(Tiling::algorithm)
    }

    fn geometry(&self) -> &'a Geometry {
        match self.hdu.kind() {
            HduKind::Image(geometry) => geometry,
            HduKind::TiledImage(tiling) => tiling.geometry(),
            _ => unreachable!("made of HDUs that hold images only"),
        }
    }

    /// How a pixel is stored (before compression).
    pub fn sample_type(&self) -> SampleType {
        self.geometry().sample
    }

    /// NAXIS1, NAXIS2, ...: the first varies fastest.
    pub fn axes(&self) -> &'a [usize] {
        &self.geometry().axes
    }

    /// Number of pixels.
    pub fn pixels(&self) -> u64 {
        self.geometry().pixels()
    }

    /// The image as a stack: width NAXIS1, height NAXIS2, and all further axes flattened to planes.
    pub fn shape(&self) -> Shape {
        let axes = self.axes();
        let width = axes.first().copied().unwrap_or(0);
        let height = axes.get(1).copied().unwrap_or(1);
        Shape::new(axes.iter().skip(2).product(), height, width)
    }

    /// What the header says of the detector: INSTRUME and DETECTOR, and the sections that lie
    /// inside the plane.
    pub fn detector(&self) -> Option<Detector> {
        let primary = self.file.hdus()[0].header();
        detector::of_headers(self.header(), primary, self.shape())
    }

    /// The whole image as unsigned 16-bit samples.
    ///
    /// # Errors
    /// If it is damaged, too large for the limits, or its values do not fit.
    pub fn read(&self) -> Result<Image16> {
        let shape = self.shape();
        self.read_stack(0..shape.planes, 0..shape.height)
    }

    /// Whole planes as unsigned 16-bit samples.
    ///
    /// # Errors
    /// As for [`ImageHdu::read`], and if there are no such planes.
    pub fn read_planes(&self, planes: Range<usize>) -> Result<Image16> {
        self.read_stack(planes, 0..self.shape().height)
    }

    /// Rows `rows` of one plane as unsigned 16-bit samples.
    ///
    /// # Errors
    /// As for [`ImageHdu::read`], and if there is no such plane or row.
    pub fn read_rows(&self, plane: usize, rows: Range<usize>) -> Result<Image16> {
        self.read_stack(plane..plane.saturating_add(1), rows)
    }

    fn read_stack(&self, planes: Range<usize>, rows: Range<usize>) -> Result<Image16> {
        let whole = self.shape();
        let wrong = |range: &Range<usize>, n: usize| range.start > range.end || range.end > n;
        if wrong(&planes, whole.planes) || wrong(&rows, whole.height) {
            let problem = format!("planes {planes:?}, rows {rows:?} do not lie inside a stack of {whole}");
            return Err(Error::request(self.index(), problem));
        }
        let complete = planes.len() == whole.planes && rows.len() == whole.height;
        let shape = Shape::new(planes.len(), rows.len(), whole.width);
        let axes = self.axes();
        let samples = if complete || axes.len() <= 3 {
            let mut section = Section::whole(axes);
            if !complete {
                [Some(rows), Some(planes)].into_iter().flatten().zip(1..axes.len()).for_each(
                    |(range, axis)| {
                        section.0[axis] = range;
                    },
                );
            }
            self.read_section_u16(&section)?
        } else {
            // More than one axis of planes: a range of planes need not be a box, so they come one
            // by one.
            let mut samples = Vec::new();
            for plane in planes {
                samples.extend(self.read_section_u16(&self.plane_section(plane, rows.clone()))?);
            }
            samples
        };
        let image = Image16::new(shape, samples).expect("a section holds as many samples as its shape says");
        Ok(match self.detector() {
            Some(detector) if complete => image.with_detector(detector),
            _ => image,
        })
    }

    fn plane_section(&self, mut plane: usize, rows: Range<usize>) -> Section {
        let axes = self.axes();
        let mut section = Section(vec![0..axes[0], rows]);
        for &axis in &axes[2..] {
            section.0.push(plane % axis..plane % axis + 1);
            plane /= axis;
        }
        section
    }

    /// A section as unsigned 16-bit samples, the first axis fastest; only the tiles that it touches
    /// are read.
    ///
    /// # Errors
    /// As for [`ImageHdu::read`], and if the section does not lie inside the image.
    pub fn read_section_u16(&self, section: &Section) -> Result<Vec<u16>> {
        let map = SampleMap::new(self.sample_type(), self.header())?;
        self.check(section)?;
        let mut out = vec![0u16; section.pixels()];
        match self.tile_reader() {
            None => self.each_piece(section, |bytes, range| map.samples_of_bytes(bytes, &mut out[range]))?,
            Some(reader) => each_tile(&reader, section, |tile_box, pixels| {
                let mut samples = vec![0u16; pixels.len()];
                map.samples_of(pixels, 0, &mut samples)?;
                copy_shared(&samples, tile_box, &mut out, section, |from, to| {
                    to.copy_from_slice(from);
                    Ok(())
                })
            })?,
        }
        Ok(out)
    }

    /// Whether every pixel is an unsigned 16-bit sample: known from the header for pixels of 8 and
    /// 16 bits; wider ones are all read.
    ///
    /// # Errors
    /// [`Error::NotU16`] with the first pixel that does not fit, or as for [`ImageHdu::read`].
    pub fn check_samples(&self) -> Result<()> {
        let map = SampleMap::new(self.sample_type(), self.header())?;
        if self.sample_type().bytes() <= 2 {
            return Ok(());
        }
        let mut samples = Vec::new();
        for band in self.bands(BATCH_PX) {
            let pixels = self.read_section(&band)?;
            samples.resize(pixels.len(), 0);
            map.samples_of(&pixels, 0, &mut samples)?;
        }
        Ok(())
    }

    /// The image in pieces of about `wanted_px` pixels that follow one another and cut no tile.
    pub(crate) fn bands(&self, wanted_px: usize) -> Vec<Section> {
        let axes = self.axes().to_vec();
        let tile = self.tiling().map_or_else(|| vec![1; axes.len()], |tiling| tiling.tile().to_vec());
        Grid { axes, tile }.bands(wanted_px)
    }

    /// A section as it is stored (BSCALE and BZERO not applied), the first axis fastest.
    ///
    /// # Errors
    /// If it does not lie inside the image, is damaged, or too large for the limits.
    pub fn read_section(&self, section: &Section) -> Result<Pixels> {
        self.check(section)?;
        let mut out = Pixels::zeros(self.sample_type(), section.pixels());
        match self.tile_reader() {
            None => self.each_piece(section, |bytes, range| {
                out.set_be_bytes(range, bytes);
                Ok(())
            })?,
            Some(reader) => each_tile(&reader, section, |tile_box, pixels| {
                out.copy_shared_from(pixels, tile_box, section)
            })?,
        }
        Ok(out)
    }

    /// Refuses a compressed image whose table is not the one that its sums were made of. Every way
    /// of reading pixels comes through here first; the whole table is read once for it.
    ///
    /// # Errors
    /// [`Error::Damaged`], unless the file is [`FitsFile::salvaged`].
    pub fn check_sums(&self) -> Result<()> {
        if self.tiling().is_none() || self.file.is_salvaged() {
            return Ok(());
        }
        self.file.refuse_damaged(self.hdu)
    }

    /// Refuses sections outside the image, above the limits, or with more pixels than the stored
    /// bytes can mean.
    fn check(&self, section: &Section) -> Result<()> {
        section.check(self.index(), self.axes())?;
        let name = format!("HDU {}", self.index());
        self.file.limits().check_pixels(&name, section.pixels() as u64)?;
        match self.tile_reader() {
            Some(reader) => {
                self.check_sums()?;
                reader.check_tiles(&reader.tiling.grid().tiles_of(section))
            }
            None => Ok(()),
        }
    }

    pub(crate) fn tile_reader(&self) -> Option<TileReader<'a>> {
        let data = self.hdu.data_range().start;
        Some(TileReader {
            tiling: self.tiling()?,
            source: self.file.source(),
            data,
            codec: self.file.codec(),
        })
    }

    /// Hands out the big-endian bytes of a section of a plain image, with the pixels of the section
    /// that they are.
    fn each_piece(
        &self,
        section: &Section,
        mut take: impl FnMut(&[u8], Range<usize>) -> Result<()>,
    ) -> Result<()> {
        let width = self.sample_type().bytes();
        let data = self.hdu.data_range().start;
        let mut scratch = Vec::new();
        let mut done = 0;
        section.for_each_run(self.axes(), |start, len| {
            let mut at = 0;
            while at < len {
                let n = (len - at).min(PIECE_BYTES / width);
                let offset = data + ((start + at) * width) as u64;
                take(self.file.source().bytes(offset, n * width, &mut scratch)?, done..done + n)?;
                at += n;
                done += n;
            }
            Ok(())
        })
    }
}

/// Decodes the tiles that a section touches, in parallel, and hands them out in order.
fn each_tile(
    reader: &TileReader<'_>,
    section: &Section,
    mut take: impl FnMut(&Section, &Pixels) -> Result<()>,
) -> Result<()> {
    let grid = reader.tiling.grid();
    for batch in grid.tiles_of(section).chunks(grid.tiles_at_once(BATCH_PX)) {
        let decoded: Vec<_> = batch
            .par_iter()
            .map_init(Scratch::default, |scratch, &tile| reader.read_tile(tile, scratch))
            .collect();
        for (&tile, pixels) in batch.iter().zip(decoded) {
            take(&grid.tile_box(tile), &pixels?)?;
        }
    }
    Ok(())
}

impl Pixels {
    /// The pixels of `tile_box` out of these, which are those of `section`.
    pub(crate) fn cut(&self, section: &Section, tile_box: &Section) -> Result<Pixels> {
        if tile_box == section {
            return Ok(self.clone());
        }
        let mut tile = Pixels::zeros(self.sample_type(), tile_box.pixels());
        tile.copy_shared_from(self, section, tile_box)?;
        Ok(tile)
    }

    /// Overwrites the pixels of `range` with big-endian bytes.
    fn set_be_bytes(&mut self, range: Range<usize>, bytes: &[u8]) {
        use crate::pixels::Sample;
        fn set<T: Sample>(out: &mut [T], bytes: &[u8]) {
            out.iter_mut()
                .zip(bytes.chunks_exact(T::BYTES))
                .for_each(|(pixel, piece)| *pixel = T::from_be(piece));
        }
        each_type!(self, values => set(&mut values[range], bytes));
    }

    /// Copies what `from_box`, the place of `from`, shares with `own_box`, the place of these
    /// pixels.
    fn copy_shared_from(&mut self, from: &Pixels, from_box: &Section, own_box: &Section) -> Result<()> {
        fn copy<T: Copy>(from: &[T], from_box: &Section, to: &mut [T], to_box: &Section) -> Result<()> {
            copy_shared(from, from_box, to, to_box, |from, to| {
                to.copy_from_slice(from);
                Ok(())
            })
        }
        match (self, from) {
            (Self::U8(to), Self::U8(from)) => copy(from, from_box, to, own_box),
            (Self::I16(to), Self::I16(from)) => copy(from, from_box, to, own_box),
            (Self::I32(to), Self::I32(from)) => copy(from, from_box, to, own_box),
            (Self::I64(to), Self::I64(from)) => copy(from, from_box, to, own_box),
            (Self::F32(to), Self::F32(from)) => copy(from, from_box, to, own_box),
            (Self::F64(to), Self::F64(from)) => copy(from, from_box, to, own_box),
            _ => unreachable!("tiles are decoded to the type of their image"),
        }
    }
}
