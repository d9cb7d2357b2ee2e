//! How the pixels of an image are stored, apart from the image: what a part of it needs in order to
//! have the physical values of the whole.

use crate::card::CARD_BYTES;
use crate::card::write::integer;
use crate::header::Header;
use crate::npy::{self, ValueForm};
use crate::samples16::SampleMap;
use crate::{Error, PhysicalScale, Result, SampleType};
use nf_image::Image16;

/// The type of stored pixels, and the cards that make physical values of them: BSCALE, BZERO and
/// BLANK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PixelForm {
    sample: SampleType,
    cards: Vec<[u8; CARD_BYTES]>,
}

/// BITPIX 16 with BZERO 32768, the convention for unsigned 16-bit samples.
impl Default for PixelForm {
    fn default() -> Self {
        let cards = vec![integer("BSCALE", 1, ""), integer("BZERO", 32768, "unsigned 16-bit integers")];
        Self { sample: SampleType::I16, cards }
    }
}

/// The form in FITS of the values of an `.npy` file.
impl From<ValueForm> for PixelForm {
    fn from(form: ValueForm) -> Self {
        match (form.wide, form.signed) {
            (true, false) => Self::default(),
            (true, true) => Self { sample: SampleType::I16, cards: Vec::new() },
            (false, false) => Self { sample: SampleType::U8, cards: Vec::new() },
            (false, true) => Self {
                sample: SampleType::U8,
                cards: vec![integer("BSCALE", 1, ""), integer("BZERO", -128, "signed 8-bit integers")],
            },
        }
    }
}

/// NumPy's integers, the smallest first, and what they hold.
const INTEGERS: [(&str, i128, i128); 6] = [
    ("|u1", 0, u8::MAX as i128),
    ("|i1", i8::MIN as i128, i8::MAX as i128),
    ("<u2", 0, u16::MAX as i128),
    ("<i2", i16::MIN as i128, i16::MAX as i128),
    ("<i4", i32::MIN as i128, i32::MAX as i128),
    ("<i8", i64::MIN as i128, i64::MAX as i128),
];

impl PixelForm {
    /// The form of the image that this header describes.
    ///
    /// # Errors
    /// If its BITPIX is none of an image.
    pub fn of_header(header: &Header) -> Result<Self> {
        let bitpix = header.required_integer("BITPIX")?;
        let sample = SampleType::from_bitpix(bitpix).ok_or_else(|| {
            Error::header(header.hdu(), "BITPIX", format!("is {bitpix}, expected that of an image"))
        })?;
        let cards = ["BSCALE", "BZERO", "BLANK"].iter().filter_map(|keyword| header.card(keyword));
        let cards = cards.filter_map(|card| card.bytes().try_into().ok()).collect();
        Ok(Self { sample, cards })
    }

    /// The form of the image whose header, of whole blocks, ends these bytes; `None` where they end
    /// in no header.
    pub fn of_last_header(bytes: &[u8]) -> Option<Self> {
        let starts = (0..=bytes.len() / crate::BLOCK_BYTES)
            .filter_map(|blocks| bytes.len().checked_sub(blocks * crate::BLOCK_BYTES));
        // A block in the middle of a header may begin like one: its BITPIX is missing.
        let headers = starts
            .map(|start| &bytes[start..])
            .filter(|rest| rest.starts_with(b"SIMPLE  =") || rest.starts_with(b"XTENSION="));
        headers
            .filter_map(|rest| Header::from_bytes(rest.to_vec()).ok())
            .find_map(|header| Self::of_header(&header).ok())
    }

    /// Type of the stored pixels.
    pub fn sample_type(&self) -> SampleType {
        self.sample
    }

    /// The cards BSCALE, BZERO and BLANK, as far as there are such.
    pub(crate) fn cards(&self) -> impl Iterator<Item = [u8; CARD_BYTES]> + '_ {
        self.cards.iter().copied()
    }

    fn header(&self) -> Header {
        Header::from_cards(self.cards.iter().map(|card| &card[..]), 0)
    }

    /// The map between stored pixels and samples.
    ///
    /// # Errors
    /// As [`SampleMap::new`].
    pub fn map(&self) -> Result<SampleMap> {
        SampleMap::new(self.sample, &self.header())
    }

    /// The sample whose physical value is next to this one, and whether it is that value.
    ///
    /// # Errors
    /// As [`SampleMap::new`].
    pub fn nearest_sample(&self, value: f64) -> Result<(u16, bool)> {
        let (offset, lowest, highest) = self.stored_range()?;
        let PhysicalScale { scale, zero, .. } = self.header().physical_scale();
        let stored = ((value - zero) / scale).round().clamp(lowest as f64, highest as f64);
        let stored = if stored.is_finite() { stored } else { lowest as f64 };
        Ok(((stored as i128 + offset) as u16, zero + scale * stored == value))
    }

    /// What is added to a stored value to make a sample, and the lowest and the highest stored
    /// value of a sample.
    fn stored_range(&self) -> Result<(i128, i128, i128)> {
        let offset = self.map()?.wide_offset();
        let highest = if self.sample == SampleType::U8 { 0xff } else { 0xffff };
        Ok((offset, -offset, highest - offset))
    }

    /// The bytes of an `.npy` file of the physical values: of the smallest integer type that holds
    /// those of all pixels which the form can store, or of `<f8` where BSCALE is not 1 or BZERO no
    /// whole number. Undefined pixels (BLANK) are NaN in the latter, and what is stored plus BZERO
    /// in the former, since integers of NumPy know none.
    ///
    /// # Errors
    /// As [`SampleMap::new`].
    pub fn npy(&self, image: &Image16) -> Result<Vec<u8>> {
        let (offset, lowest, highest) = self.stored_range()?;
        let PhysicalScale { scale, zero, whole_zero, blank } = self.header().physical_scale();
        let stored = image.samples().iter().map(|&sample| i128::from(sample) - offset);
        let whole = whole_zero.filter(|_| scale == 1.0).and_then(|zero| {
            let holds =
                |&(_, least, most): &(&str, i128, i128)| least <= lowest + zero && highest + zero <= most;
            INTEGERS.iter().find(|integer| holds(integer)).map(|&(descr, ..)| (zero, descr))
        });
        let Some((zero, descr)) = whole else {
            let mut bytes = npy::header_of_stack("<f8", image.shape());
            bytes.extend(stored.flat_map(|stored| {
                let is_blank = blank.is_some_and(|blank| i128::from(blank) == stored);
                let value = if is_blank { f64::NAN } else { zero + scale * stored as f64 };
                value.to_le_bytes()
            }));
            return Ok(bytes);
        };
        let mut bytes = npy::header_of_stack(descr, image.shape());
        let width: usize = match descr.as_bytes().last() {
            Some(b'1') => 1,
            Some(b'2') => 2,
            Some(b'4') => 4,
            _ => 8,
        };
        bytes.reserve(image.samples().len() * width);
        for stored in stored {
            bytes.extend_from_slice(&(stored + zero).to_le_bytes()[..width]);
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FitsFile;
    use crate::card::write::{real, text};
    use crate::{FitsWriter, write_image};
    use nf_image::Shape;

    fn form(bitpix: i64, cards: &[[u8; CARD_BYTES]]) -> PixelForm {
        let first = integer("BITPIX", bitpix, "");
        let all = std::iter::once(&first).chain(cards).map(|card| &card[..]);
        PixelForm::of_header(&Header::from_cards(all, 0)).unwrap()
    }

    fn npy_of(form: &PixelForm, samples: [u16; 2]) -> (String, Vec<u8>) {
        let image = Image16::new(Shape::frame(1, 2), samples.to_vec()).unwrap();
        let bytes = form.npy(&image).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let descr = text.split('\'').nth(3).unwrap().to_owned();
        (descr, bytes[128..].to_vec())
    }

    #[test]
    fn npy_values_are_the_physical_ones() {
        let zero = |zero: i64| vec![integer("BZERO", zero, "")];
        let two = |a: i64, b: i64, width: usize| {
            [a, b].iter().flat_map(|value| value.to_le_bytes()[..width].to_vec()).collect::<Vec<u8>>()
        };
        for (bitpix, cards, samples, descr, expected) in [
            (8, vec![], [3, 255], "|u1", two(3, 255, 1)),
            (8, zero(-128), [3, 255], "|i1", two(-125, 127, 1)),
            (8, zero(1000), [3, 255], "<u2", two(1003, 1255, 2)),
            (8, zero(-1000), [3, 255], "<i2", two(-997, -745, 2)),
            (16, vec![], [32765, 0], "<i2", two(-3, -32768, 2)),
            (16, zero(32768), [32765, 0], "<u2", two(32765, 0, 2)),
            (16, zero(1000), [32771, 65535], "<i4", two(1003, 33767, 4)),
            (16, zero(1 << 40), [32771, 32768], "<i8", two((1 << 40) + 3, 1 << 40, 8)),
            (32, zero(-5), [0, 65535], "<u2", two(0, 65535, 2)),
            (64, vec![real("BZERO", 9_223_372_036_854_775_808.0, "")], [1, 2], "<u2", two(1, 2, 2)),
        ] {
            assert_eq!(npy_of(&form(bitpix, &cards), samples), (descr.to_owned(), expected), "{bitpix}");
        }
        let scaled = form(16, &[real("BSCALE", 0.5, ""), real("BZERO", 1.25, ""), integer("BLANK", 7, "")]);
        let (descr, bytes) = npy_of(&scaled, [32765, 32775]);
        let values: Vec<f64> =
            bytes.chunks(8).map(|value| f64::from_le_bytes(value.try_into().unwrap())).collect();
        assert_eq!((descr.as_str(), values[0]), ("<f8", -0.25));
        assert!(values[1].is_nan(), "BLANK");
    }

    #[test]
    fn samples_next_to_a_value() {
        assert_eq!(form(16, &[]).nearest_sample(0.0).unwrap(), (32768, true));
        assert_eq!(form(16, &[]).nearest_sample(-40000.0).unwrap(), (0, false));
        assert_eq!(PixelForm::default().nearest_sample(7.0).unwrap(), (7, true));
        assert_eq!(form(8, &[integer("BZERO", 1000, "")]).nearest_sample(0.0).unwrap(), (0, false));
        assert_eq!(form(32, &[integer("BZERO", -7, "")]).nearest_sample(65535.0).unwrap(), (65535, true));
        let halves = form(16, &[real("BSCALE", -0.5, "")]);
        assert_eq!(halves.nearest_sample(3.5).unwrap(), (32761, true));
        assert!(!form(16, &[integer("BSCALE", 0, "")]).nearest_sample(1.0).unwrap().1);
    }

    #[test]
    fn the_last_header_is_found_behind_other_hdus() {
        let image = Image16::zeros(Shape::frame(2, 3));
        let mut writer = FitsWriter::new(Vec::new());
        writer.image(&image, None).unwrap();
        let comments = vec![text("SIMPLE", "a card like a first one", ""); 36];
        let signed = form(16, &[integer("BLANK", -1, "")]);
        writer.image_as(&image, &signed).unwrap();
        let bytes = writer.into_inner();
        let file = FitsFile::from_bytes(bytes.clone()).unwrap();
        assert_eq!(file.image(1).unwrap().header().card("BZERO"), None);
        assert_eq!(PixelForm::of_last_header(&bytes[..bytes.len() - 2880]), Some(signed));
        assert_eq!(PixelForm::of_last_header(&bytes), None, "they end in pixels");
        assert_eq!(PixelForm::of_last_header(&[]), None);
        // Blocks of a header that begin like a header.
        let header = Header::from_bytes(write_image(&image, None).unwrap()[..2880].to_vec()).unwrap();
        let cards: Vec<&[u8]> = header.cards().map(|card| card.bytes()).collect();
        let blanks = vec![text("FILLER", "", ""); 36 - cards.len()];
        let all = cards
            .into_iter()
            .chain(blanks.iter().map(|card| &card[..]))
            .chain(comments.iter().map(|card| &card[..]));
        let long = Header::from_cards(all, 0);
        assert_eq!(PixelForm::of_last_header(long.bytes()), Some(PixelForm::default()));
    }
}
