//! A file as it is, or was, without compression.

use crate::file::FitsFile;
use crate::hdu::{Hdu, HduKind};
use crate::header::Header;
use crate::image::ImageHdu;
use crate::write::primary_to_extension;

/// One HDU of the uncompressed file.
pub(crate) enum Part<'a> {
    /// It is not an image, or has no pixels, and stands in the file as it is.
    Verbatim(&'a Hdu),
    /// An image, with the header of the uncompressed file.
    Image(ImageHdu<'a>, Header),
}

impl<'a> Part<'a> {
    pub(crate) fn hdu(&self) -> &'a Hdu {
        match self {
            Self::Verbatim(hdu) => hdu,
            Self::Image(image, _) => image.hdu(),
        }
    }

    /// The header of the uncompressed file.
    pub(crate) fn header(&self) -> &Header {
        match self {
            Self::Verbatim(hdu) => hdu.header(),
            Self::Image(_, header) => header,
        }
    }
}

/// The HDUs of the uncompressed file. The empty primary HDU that was put before a compressed primary image is not one.
pub(crate) fn parts(file: &FitsFile) -> Vec<Part<'_>> {
    let image = |hdu: &Hdu| file.image(hdu.index()).expect("the kind of the HDU was looked at");
    let mut parts: Vec<Part<'_>> = file
        .hdus()
        .iter()
        .map(|hdu| match hdu.kind() {
            HduKind::TiledImage(_) => {
                let image = image(hdu);
                Part::Image(image, image.image_header().into_owned())
            }
            HduKind::Image(geometry) if geometry.pixels() > 0 => {
                Part::Image(image(hdu), hdu.header().clone())
            }
            _ => Part::Verbatim(hdu),
        })
        .collect();
    let was_primary = |part: &Part<'_>| part.header().card("SIMPLE").is_some();
    let stand_in = matches!(parts.first(), Some(Part::Verbatim(hdu)) if matches!(hdu.kind(), HduKind::Empty));
    if stand_in && parts.get(1).is_some_and(was_primary) {
        parts.remove(0);
    }
    // A primary header anywhere else makes no file.
    for part in parts.iter_mut().skip(1) {
        if let Part::Image(_, header) = part
            && header.card("SIMPLE").is_some()
        {
            *header = primary_to_extension(header);
        }
    }
    parts
}
