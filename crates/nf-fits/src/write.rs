//! Writing plain images.

use crate::card::write::{integer, logical, text};
use crate::card::{CARD_BYTES, Card};
use crate::checksum::renew;
use crate::geometry::{Geometry, read_axes};
use crate::hdu::padded;
use crate::header::{BLOCK_BYTES, Header};
use crate::pixel_form::PixelForm;
use crate::samples16::SampleMap;
use crate::{Error, Result, SampleType};
use nf_image::{Image16, Shape};
use std::io::Write;

/// Samples that are turned into bytes at once.
const PIECE_PX: usize = 1 << 19;

/// Writes a file of plain images, one HDU after the other.
///
/// ```
/// use nf_fits::{FitsFile, FitsWriter};
/// use nf_image::{Image16, Shape};
///
/// let frame = Image16::from_fn(Shape::frame(3, 5), |_, row, column| (row * 100 + column) as u16);
/// let mut writer = FitsWriter::new(Vec::new());
/// writer.image(&frame, None)?;
/// let file = FitsFile::from_bytes(writer.into_inner())?;
/// assert_eq!(file.image(0)?.read()?, frame);
/// # Ok::<(), nf_fits::Error>(())
/// ```
pub struct FitsWriter<W> {
    out: W,
    hdus: usize,
}

impl<W: Write> FitsWriter<W> {
    /// A file that is still empty.
    pub fn new(out: W) -> Self {
        Self { out, hdus: 0 }
    }

    /// Appends an image.
    ///
    /// With the header of the HDU that the image was read from, the HDU becomes what it was, byte
    /// for byte (header verbatim, pixels stored as its BITPIX and BZERO say, padding of zeros).
    /// Without one, the image is stored as BITPIX 16 with BZERO 32768. Where the first HDU's header
    /// is that of an extension, an empty primary HDU is written before it; where a later one is
    /// that of a primary HDU, its first card is replaced.
    ///
    /// # Errors
    /// If the header does not describe an image of this shape, a sample does not fit its BITPIX, or
    /// writing fails.
    pub fn image(&mut self, image: &Image16, header: Option<&[u8]>) -> Result<()> {
        let header = match header {
            Some(bytes) => Header::from_bytes(bytes.to_vec())?,
            None => plain_header(image.shape(), &PixelForm::default(), self.hdus == 0),
        };
        self.image_under(image, header)
    }

    /// Appends an image whose pixels are stored in this form, with no other cards than that needs:
    /// a part of an image gets the physical values that it has in the whole.
    ///
    /// # Errors
    /// If a sample does not fit the form, or writing fails.
    pub fn image_as(&mut self, image: &Image16, form: &PixelForm) -> Result<()> {
        self.image_under(image, plain_header(image.shape(), form, self.hdus == 0))
    }

    fn image_under(&mut self, image: &Image16, header: Header) -> Result<()> {
        let geometry = geometry(&header)?;
        if stack_shape(&geometry.axes) != Some(image.shape()) {
            let problem = format!("announces axes {:?}, the image is {}", geometry.axes, image.shape());
            return Err(Error::header(self.hdus, "NAXISn", problem));
        }
        let map = SampleMap::new(geometry.sample, &header)?;
        let header = self.place(header)?;
        self.write(header.bytes())?;
        let mut bytes = Vec::with_capacity(PIECE_PX.min(image.samples().len()) * geometry.sample.bytes());
        for piece in image.samples().chunks(PIECE_PX) {
            bytes.clear();
            map.bytes_of_samples(piece, &mut bytes)?;
            self.write(&bytes)?;
        }
        let data_bytes = geometry.pixels() * geometry.sample.bytes() as u64;
        self.write(&[0; BLOCK_BYTES][..(padded(data_bytes) - data_bytes) as usize])?;
        self.hdus += 1;
        Ok(())
    }

    /// Hands back where the file was written to.
    pub fn into_inner(self) -> W {
        self.out
    }

    /// Makes the header one that may stand where the file has come to.
    fn place(&mut self, header: Header) -> Result<Header> {
        let extension = header.card("XTENSION").is_some();
        if self.hdus == 0 && extension {
            let cards = [
                logical("SIMPLE", true, ""),
                integer("BITPIX", 8, ""),
                integer("NAXIS", 0, ""),
                logical("EXTEND", true, ""),
            ];
            let primary = Header::from_cards(cards.iter().map(|card| &card[..]), 0);
            self.write(primary.bytes())?;
            self.hdus += 1;
        }
        if self.hdus > 0 && !extension {
            return Ok(primary_to_extension(&header));
        }
        Ok(header)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).map_err(Error::writing())
    }
}

/// The bytes of a file that holds one image; see [`FitsWriter::image`] for the meaning of `header`.
///
/// # Errors
/// As for [`FitsWriter::image`].
pub fn write_image(image: &Image16, header: Option<&[u8]>) -> Result<Vec<u8>> {
    let mut writer = FitsWriter::new(Vec::with_capacity(image.shape().raw_bytes() + 4 * BLOCK_BYTES));
    writer.image(image, header)?;
    Ok(writer.into_inner())
}

fn geometry(header: &Header) -> Result<Geometry> {
    let bitpix = header.required_integer("BITPIX")?;
    let sample = SampleType::from_bitpix(bitpix).ok_or_else(|| {
        Error::header(header.hdu(), "BITPIX", format!("is {bitpix}, expected that of an image"))
    })?;
    Ok(Geometry { sample, axes: read_axes(header, "NAXIS")? })
}

fn stack_shape(axes: &[usize]) -> Option<Shape> {
    let planes = axes.iter().skip(2).try_fold(1usize, |n, &axis| n.checked_mul(axis))?;
    Some(Shape::new(planes, axes.get(1).copied().unwrap_or(1), *axes.first()?))
}

fn plain_header(shape: Shape, form: &PixelForm, primary: bool) -> Header {
    let mut cards = vec![if primary {
        logical("SIMPLE", true, "conforms to the FITS standard")
    } else {
        text("XTENSION", "IMAGE", "image extension")
    }];
    cards.push(integer("BITPIX", form.sample_type().bitpix(), "bits per pixel"));
    let axes = if shape.planes == 1 { 2 } else { 3 };
    cards.push(integer("NAXIS", axes, ""));
    for (n, length) in (1..=axes).zip([shape.width, shape.height, shape.planes]) {
        cards.push(integer(&format!("NAXIS{n}"), length as i64, ""));
    }
    if primary {
        cards.push(logical("EXTEND", true, ""));
    } else {
        cards.push(integer("PCOUNT", 0, ""));
        cards.push(integer("GCOUNT", 1, ""));
    }
    cards.extend(form.cards());
    Header::from_cards(cards.iter().map(|card| &card[..]), 0)
}

/// Turns the header of a primary image into that of an extension; CHECKSUM is renewed.
pub(crate) fn primary_to_extension(header: &Header) -> Header {
    let first = text("XTENSION", "IMAGE", "image extension");
    let (pcount, gcount) = (integer("PCOUNT", 0, ""), integer("GCOUNT", 1, ""));
    let mut cards: Vec<&[u8; CARD_BYTES]> = vec![&first];
    let mandatory = |card: &Card<'_>| card.is("BITPIX") || card.keyword().starts_with(b"NAXIS");
    let bytes =
        |card: Card<'_>| -> [u8; CARD_BYTES] { card.bytes().try_into().expect("a card has 80 bytes") };
    let head: Vec<_> = header.cards().filter(mandatory).map(bytes).collect();
    let tail: Vec<_> = header
        .cards()
        .filter(|card| !mandatory(card))
        .filter(|card| {
            !["SIMPLE", "EXTEND", "PCOUNT", "GCOUNT", "BLOCKED"].iter().any(|keyword| card.is(keyword))
        })
        .map(bytes)
        .collect();
    cards.extend(&head);
    cards.extend([&pcount, &gcount]);
    cards.extend(&tail);
    let mut extension = Header::from_cards(cards.iter().map(|card| &card[..]), header.hdu());
    renew(&mut extension, header);
    extension
}
