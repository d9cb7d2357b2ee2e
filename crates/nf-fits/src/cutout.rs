//! Cut-outs: a section of an image as a file of its own.

use crate::card::write::{integer, logical};
use crate::card::{CARD_BYTES, Card};
use crate::hdu::padded;
use crate::header::{BLOCK_BYTES, Header};
use crate::image::ImageHdu;
use crate::positions::Positions;
use crate::section::Section;
use crate::{Error, Result};
use std::io::Write;

/// Writes a section of an image as the primary image of a new file; only the tiles that it touches
/// are read. Returns what the new header lacks, in words.
///
/// The header is the image's, with NAXISn those of the section, and without sums. Keywords that
/// speak of places in pixels follow: the reference pixels of all coordinate systems (CRPIXn,
/// CRPIXna, LTVn), sections of the image and of the detector (DATASEC, BIASSEC, DETSEC, ...). Those
/// that cannot follow are removed.
///
/// # Errors
/// If the section does not lie inside the image, the image is damaged, or writing fails.
pub fn cutout(image: &ImageHdu<'_>, section: &Section, out: &mut dyn Write) -> Result<Vec<String>> {
    let pixels = image.read_section(section)?;
    let (header, remarks) =
        section_header(&image.image_header(), image.axes(), section, pixels.sample_type().bitpix());
    let mut bytes = Vec::with_capacity(pixels.len() * pixels.sample_type().bytes() + BLOCK_BYTES);
    pixels.write_be_bytes(&mut bytes);
    bytes.resize(padded(bytes.len() as u64) as usize, 0);
    out.write_all(header.bytes()).map_err(Error::writing())?;
    out.write_all(&bytes).map_err(Error::writing())?;
    Ok(remarks)
}

fn section_header(
    original: &Header,
    axes: &[usize],
    section: &Section,
    bitpix: i64,
) -> (Header, Vec<String>) {
    const REPLACED: [&str; 9] =
        ["SIMPLE", "XTENSION", "BITPIX", "PCOUNT", "GCOUNT", "EXTEND", "CHECKSUM", "DATASUM", "NAXIS"];
    let mut cards: Vec<[u8; CARD_BYTES]> = vec![
        logical("SIMPLE", true, "conforms to the FITS standard"),
        integer("BITPIX", bitpix, ""),
        integer("NAXIS", section.0.len() as i64, ""),
    ];
    for (n, range) in (1..).zip(&section.0) {
        cards.push(integer(&format!("NAXIS{n}"), range.len() as i64, ""));
    }
    let is_axis = |card: &Card<'_>| {
        let digits = card.keyword().strip_prefix(b"NAXIS");
        digits.is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
    };
    let mut positions = Positions::new(original, axes, section);
    let mut removed = false;
    for card in original.cards() {
        // A long string goes with its first card.
        if card.is("CONTINUE") && removed {
            continue;
        }
        let replaced = REPLACED.iter().any(|keyword| card.is(keyword)) || is_axis(&card);
        let kept = if replaced { None } else { positions.card(card) };
        removed = kept.is_none();
        cards.extend(kept);
    }
    cards.extend(positions.implied());
    (Header::from_cards(cards.iter().map(|card| &card[..]), 0), positions.remarks())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::write::{real, text};
    use crate::{FitsFile, Target};

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
    fn the_header_is_that_of_the_section() {
        let long = [&b"CONTINUE  'and its end'"[..], &[b' '; 57]].concat();
        let cards = [
            integer("NAXIS1", 9, ""),
            real("CRPIX1", 5.5, ""),
            integer("CRPIX2", 3, ""),
            text("NAXISSEC", "[1:9,1:6]&", ""),
            long.try_into().unwrap(),
            integer("NAXISOME", 4, ""),
            text("CHECKSUM", "x", ""),
        ];
        let header = Header::from_cards(cards.iter().map(|card| &card[..]), 0);
        let (cut, remarks) = section_header(&header, &[9, 6], &Section(vec![2..4, 0..6]), 16);
        assert_eq!(cut.real("CRPIX1").unwrap(), Some(3.5));
        assert_eq!(cut.real("CRPIX2").unwrap(), Some(3.0));
        assert_eq!(cut.integer("NAXIS1").unwrap(), Some(2));
        assert_eq!(cut.integer("NAXISOME").unwrap(), Some(4));
        assert!(["NAXISSEC", "CONTINUE", "CHECKSUM"].iter().all(|keyword| cut.card(keyword).is_none()));
        assert_eq!(remarks.len(), 1);
    }
}
