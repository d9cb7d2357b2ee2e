//! Cut-outs: a section of an image as a file of its own.
//!
//! Sections are written as astronomers write them, `[x0:x1,y0:y1]`, counted from 1, ends included; `*` is a whole axis.

use crate::card::write::{integer, logical, real};
use crate::card::{CARD_BYTES, Card, Value};
use crate::hdu::padded;
use crate::header::{BLOCK_BYTES, Header};
use crate::image::ImageHdu;
use crate::section::Section;
use crate::{Error, FitsFile, Result};
use std::io::Write;

/// A file, one of its HDUs and a section of it, as in `frame.fits[1][101:200,*]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What stands before the brackets.
    pub path: String,
    /// Number or EXTNAME of the HDU.
    pub hdu: Option<String>,
    /// What stands between the brackets of the section.
    pub section: Option<String>,
}

impl Target {
    /// Takes a target apart; brackets that are no HDU and no section belong to the path.
    pub fn parse(text: &str) -> Self {
        let mut target = Self { path: text.to_owned(), hdu: None, section: None };
        for _ in 0..2 {
            let Some(open) = target.path.rfind('[').filter(|_| target.path.ends_with(']')) else { break };
            let inner = target.path[open + 1..target.path.len() - 1].to_owned();
            let is_section = inner.contains([':', '*']);
            if is_section && target.section.is_none() && target.hdu.is_none() {
                target.section = Some(inner);
            } else if !is_section && target.hdu.is_none() {
                target.hdu = Some(inner);
            } else {
                break;
            }
            target.path.truncate(open);
        }
        target
    }

    /// The image that is meant: that of the HDU named, or the first one.
    ///
    /// # Errors
    /// If there is no such HDU, or no image in it.
    pub fn image<'a>(&self, file: &'a FitsFile) -> Result<ImageHdu<'a>> {
        match &self.hdu {
            None => file.image_hdus().next().ok_or_else(|| Error::request(0, "the file holds no image")),
            Some(name) => match name.trim().parse() {
                Ok(index) => file.image(index),
                Err(_) => {
                    let named =
                        |hdu: &&crate::Hdu| hdu.name().is_some_and(|n| n.eq_ignore_ascii_case(name.trim()));
                    let hdu = file.hdus().iter().find(named);
                    file.image(
                        hdu.ok_or_else(|| Error::request(0, format!("no HDU is named '{name}'")))?.index(),
                    )
                }
            },
        }
    }

    /// The section that is meant, of an image of these axes; axes that are not named are taken whole.
    ///
    /// # Errors
    /// If the text is no section, or it does not lie inside the image.
    pub fn section(&self, image: &ImageHdu<'_>) -> Result<Section> {
        let axes = image.axes();
        let mut section = Section::whole(axes);
        let Some(text) = &self.section else { return Ok(section) };
        let wrong = || {
            let problem =
                format!("'[{text}]' is no section of axes {axes:?}, expected such as [x0:x1,y0:y1]");
            Error::request(image.index(), problem)
        };
        for (n, part) in text.split(',').map(str::trim).enumerate() {
            let range = section.0.get_mut(n).ok_or_else(wrong)?;
            if part == "*" {
                continue;
            }
            let (first, last) = part.split_once(':').unwrap_or((part, part));
            let number = |text: &str| text.trim().parse::<usize>().map_err(|_| wrong());
            let (first, last) = (number(first)?, number(last)?);
            if first < 1 || last < first || last > range.end {
                return Err(wrong());
            }
            *range = first - 1..last;
        }
        Ok(section)
    }
}

/// Writes a section of an image as the primary image of a new file; only the tiles that it touches are read.
///
/// The header is the image's, with NAXISn and CRPIXn those of the section, and without sums.
///
/// # Errors
/// If the section does not lie inside the image, the image is damaged, or writing fails.
pub fn cutout(image: &ImageHdu<'_>, section: &Section, out: &mut dyn Write) -> Result<()> {
    let pixels = image.read_section(section)?;
    let header = section_header(&image.image_header(), section, pixels.sample_type().bitpix());
    let mut bytes = Vec::with_capacity(pixels.len() * pixels.sample_type().bytes() + BLOCK_BYTES);
    pixels.write_be_bytes(&mut bytes);
    bytes.resize(padded(bytes.len() as u64) as usize, 0);
    let io = || Error::writing();
    out.write_all(header.bytes()).map_err(io())?;
    out.write_all(&bytes).map_err(io())
}

fn section_header(original: &Header, section: &Section, bitpix: i64) -> Header {
    const DROPPED: [&str; 9] =
        ["SIMPLE", "XTENSION", "BITPIX", "PCOUNT", "GCOUNT", "EXTEND", "CHECKSUM", "DATASUM", "NAXIS"];
    let mut cards = vec![
        logical("SIMPLE", true, "conforms to the FITS standard"),
        integer("BITPIX", bitpix, ""),
        integer("NAXIS", section.0.len() as i64, ""),
    ];
    for (n, range) in (1..).zip(&section.0) {
        cards.push(integer(&format!("NAXIS{n}"), range.len() as i64, ""));
    }
    let axis = |card: &Card<'_>, family: &str| -> Option<usize> {
        std::str::from_utf8(card.keyword()).ok()?.strip_prefix(family)?.parse::<usize>().ok()?.checked_sub(1)
    };
    for card in original.cards() {
        if DROPPED.iter().any(|keyword| card.is(keyword)) || axis(&card, "NAXIS").is_some() {
            continue;
        }
        let bytes: [u8; CARD_BYTES] = card.bytes().try_into().expect("a card has 80 bytes");
        let shifted = axis(&card, "CRPIX").and_then(|n| {
            let start = section.0.get(n)?.start as f64;
            let place = match card.value()? {
                Value::Integer(place) => place as f64,
                Value::Real(place) => place,
                _ => return None,
            };
            let keyword = std::str::from_utf8(card.keyword()).ok()?;
            (start > 0.0).then(|| real(keyword, place - start, "moved with the section"))
        });
        cards.push(shifted.unwrap_or(bytes));
    }
    Header::from_cards(cards.iter().map(|card| &card[..]), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_taken_apart() {
        let target = |path: &str, hdu: Option<&str>, section: Option<&str>| Target {
            path: path.into(),
            hdu: hdu.map(Into::into),
            section: section.map(Into::into),
        };
        assert_eq!(Target::parse("a.fits"), target("a.fits", None, None));
        assert_eq!(Target::parse("a.fits[1]"), target("a.fits", Some("1"), None));
        assert_eq!(Target::parse("a.fits[1:2,3:4]"), target("a.fits", None, Some("1:2,3:4")));
        assert_eq!(Target::parse("a.fits[SCI][*,3:4]"), target("a.fits", Some("SCI"), Some("*,3:4")));
        assert_eq!(Target::parse("a[1].fits"), target("a[1].fits", None, None));
    }

    #[test]
    fn cutouts_are_files_of_the_section() {
        let frame = nf_image::Image16::from_fn(nf_image::Shape::new(2, 6, 9), |p, r, c| {
            (p * 1000 + r * 10 + c) as u16
        });
        let file = FitsFile::from_bytes(crate::write_image(&frame, None).unwrap()).unwrap();
        let cut = |text: &str| -> Result<nf_image::Image16> {
            let target = Target::parse(text);
            let image = target.image(&file)?;
            let mut bytes = Vec::new();
            cutout(&image, &target.section(&image)?, &mut bytes)?;
            FitsFile::from_bytes(bytes)?.image(0)?.read()
        };
        assert_eq!(cut("f[2:4,3:6,2:2]").unwrap().samples(), frame.crop(1..2, 2..6, 1..4).samples());
        assert_eq!(cut("f[0][*,2]").unwrap().samples(), frame.crop(0..2, 1..2, 0..9).samples());
        assert_eq!(cut("f[*,2:2]").unwrap().samples(), frame.crop(0..2, 1..2, 0..9).samples());
        for wrong in
            ["f[0:3,1:2]", "f[3:2,1:2]", "f[1:10,1:1]", "f[1:2,1:2,1:1,1:1]", "f[a:b]", "f[5]", "f[X]"]
        {
            assert!(cut(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn reference_pixels_move_with_the_section() {
        let cards = [integer("NAXIS1", 9, ""), real("CRPIX1", 5.5, ""), integer("CRPIX2", 3, "")];
        let header = Header::from_cards(cards.iter().map(|card| &card[..]), 0);
        let cut = section_header(&header, &Section(vec![2..4, 0..6]), 16);
        assert_eq!(cut.real("CRPIX1").unwrap(), Some(3.5));
        assert_eq!(cut.real("CRPIX2").unwrap(), Some(3.0));
        assert_eq!(cut.integer("NAXIS1").unwrap(), Some(2));
    }
}
