//! Headers of images whose pixels were changed within a bound: cards that say what was lost.
//!
//! | keyword | value |
//! |---|---|
//! | `NFBOUND` | the bound, as it was asked for |
//! | `NFBUNIT` | its unit: `dn` (stored units), `rel` (of the range of the pixels), `sigma` |
//! | `NFBTOL` | largest error allowed, in stored units of the original; absent for `sigma` |
//! | `NFBOFFS`, `NFBSLOPE`, `NFBREAD` | for `sigma`: `sigma^2 = read^2 + slope max(x - offset, 0)` |
//! | `NFBMAX` | largest error found, in stored units of the original |
//! | `NFBORIG` | BLAKE3 of the original pixels, little-endian |
//!
//! HISTORY cards behind them say the same to people.

use crate::card::write::{integer, real, text};
use crate::card::{CARD_BYTES, Card};
use crate::checksum::{Sum, stamp};
use crate::header::Header;

/// What was lost of the pixels of an image.
#[derive(Clone, Debug, PartialEq)]
pub struct BoundCards {
    /// The bound, as it was asked for.
    pub value: f64,
    /// Its unit: `dn`, `rel` or `sigma`.
    pub unit: String,
    /// Largest error allowed.
    pub tolerance: BoundTolerance,
    /// Largest error found.
    pub largest_error: f64,
    /// Digest of the original pixels.
    pub original: String,
}

/// The largest error that a pixel may have, in stored units of the original.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BoundTolerance {
    /// The same for all.
    Absolute(f64),
    /// In standard deviations of a noise with this offset, slope and read noise.
    Noise {
        /// How many standard deviations.
        sigmas: f64,
        /// Offset, DN.
        offset: f64,
        /// Variance that a DN of light adds.
        slope: f64,
        /// Standard deviation without light, DN.
        read: f64,
    },
}

impl BoundTolerance {
    /// The largest error of a pixel of this value.
    pub fn at(&self, value: f64) -> f64 {
        match *self {
            Self::Absolute(error) => error,
            Self::Noise { sigmas, offset, slope, read } => {
                sigmas * (read * read + slope * (value - offset).max(0.0)).sqrt()
            }
        }
    }
}

/// Pixels that became whole numbers: `physical = zero + scale x stored`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rescaled {
    /// Their BITPIX.
    pub bitpix: i64,
    /// BSCALE.
    pub scale: f64,
    /// BZERO.
    pub zero: f64,
    /// BLANK.
    pub blank: Option<i64>,
}

/// The keywords of this module.
const KEYWORDS: [&str; 8] =
    ["NFBOUND", "NFBUNIT", "NFBTOL", "NFBOFFS", "NFBSLOPE", "NFBREAD", "NFBMAX", "NFBORIG"];

impl BoundCards {
    /// What a header says of its pixels, if it says that they were changed within a bound.
    pub fn of_header(header: &Header) -> Option<Self> {
        let number = |keyword| header.real(keyword).ok().flatten().filter(|value: &f64| value.is_finite());
        let (value, unit) = (number("NFBOUND")?, header.text("NFBUNIT")?);
        let tolerance = match unit.as_str() {
            "sigma" => BoundTolerance::Noise {
                sigmas: value,
                offset: number("NFBOFFS")?,
                slope: number("NFBSLOPE")?,
                read: number("NFBREAD")?,
            },
            _ => BoundTolerance::Absolute(number("NFBTOL")?),
        };
        let (largest_error, original) = (number("NFBMAX")?, header.text("NFBORIG").unwrap_or_default());
        Some(Self { value, unit, tolerance, largest_error, original })
    }

    /// The header of the changed image: cards of an earlier bound replaced, `data` (the whole data
    /// unit) in its sums, and another type and scale of pixels where they were rescaled; `creator`
    /// names the program.
    pub fn put(&self, original: &Header, scale: Option<Rescaled>, data: &[u8], creator: &str) -> Header {
        let is_old = |card: &Card<'_>| {
            let own = KEYWORDS.iter().any(|keyword| card.is(keyword));
            own || scale.is_some() && ["BSCALE", "BZERO", "BLANK"].iter().any(|keyword| card.is(keyword))
        };
        let kept = original.cards().filter(|card| !is_old(card)).map(|card| match scale {
            Some(scale) if card.is("BITPIX") => integer("BITPIX", scale.bitpix, "bits per pixel").to_vec(),
            _ => card.bytes().to_vec(),
        });
        let mut cards: Vec<Vec<u8>> = kept.collect();
        if let Some(Rescaled { scale, zero, blank, .. }) = scale {
            cards.push(real("BSCALE", scale, "physical = BZERO + BSCALE x stored").to_vec());
            cards.push(real("BZERO", zero, "").to_vec());
            cards.extend(blank.map(|blank| integer("BLANK", blank, "undefined pixels").to_vec()));
        }
        cards.extend(self.cards().into_iter().map(|card| card.to_vec()));
        for line in self.words(creator) {
            cards.push(format!("{:<CARD_BYTES$}", format!("HISTORY {line}")).into_bytes());
        }
        let mut header = Header::from_cards(cards.iter().map(Vec::as_slice), original.hdu());
        stamp(&mut header, Sum::of(data));
        header
    }

    fn cards(&self) -> Vec<[u8; CARD_BYTES]> {
        let mut cards = vec![
            real("NFBOUND", self.value, "bound on the error of every pixel"),
            text("NFBUNIT", &self.unit, "unit of the bound"),
        ];
        match self.tolerance {
            BoundTolerance::Absolute(error) => {
                cards.push(real("NFBTOL", error, "largest error allowed, stored units"));
            }
            BoundTolerance::Noise { offset, slope, read, .. } => {
                cards.push(real("NFBOFFS", offset, "noise: offset, DN"));
                cards.push(real("NFBSLOPE", slope, "noise: variance of a DN of light"));
                cards.push(real("NFBREAD", read, "noise: read noise, DN"));
            }
        }
        cards.push(real("NFBMAX", self.largest_error, "largest error found, stored units"));
        if !self.original.is_empty() {
            cards.push(text("NFBORIG", &self.original, ""));
        }
        cards
    }

    fn words(&self, creator: &str) -> Vec<String> {
        let creator: String =
            creator.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(40).collect();
        vec![
            format!("{creator}: the pixels of this image are NOT the original ones."),
            format!("Each was changed by at most {:?} {} (NFBOUND); the", self.value, self.unit),
            format!("largest change is {:?} (NFBMAX, in stored units of the original).", self.largest_error),
        ]
        .into_iter()
        // A card has room for 72 characters behind its keyword.
        .map(|line| line.chars().take(CARD_BYTES - 8).collect())
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Checksums, FitsFile};

    fn loss(tolerance: BoundTolerance, unit: &str) -> BoundCards {
        let original = "ab".repeat(32);
        BoundCards { value: 0.5, unit: unit.to_owned(), tolerance, largest_error: 3.0, original }
    }

    #[test]
    fn cards_come_back_and_sums_are_those_of_the_data() {
        let image = nf_image::Image16::from_fn(nf_image::Shape::frame(4, 5), |_, y, x| (y * x) as u16);
        let bytes = crate::write_image(&image, None).unwrap();
        let file = FitsFile::from_bytes(bytes.clone()).unwrap();
        let mut cards: Vec<Vec<u8>> =
            file.hdus()[0].header().cards().map(|card| card.bytes().to_vec()).collect();
        cards.push(text("CHECKSUM", "wrong", "of before").to_vec());
        cards.push(text("DATASUM", "1", "of before").to_vec());
        let header = Header::from_cards(cards.iter().map(Vec::as_slice), 0);
        let data = &bytes[2880..];
        let noise = BoundTolerance::Noise { sigmas: 0.5, offset: -1.5, slope: 0.25, read: 1e-7 };
        let scale = Rescaled { bitpix: 16, scale: 5.0, zero: 32768.0, blank: Some(-7) };
        for (tolerance, unit) in [(BoundTolerance::Absolute(7.25), "dn"), (noise, "sigma")] {
            let loss = loss(tolerance, unit);
            let changed = loss.put(&header, None, data, "a program");
            assert_eq!(BoundCards::of_header(&changed), Some(loss.clone()));
            let again = loss.put(&changed, Some(scale), data, "a program");
            assert_eq!(again.cards().filter(|card| card.is("NFBOUND")).count(), 1);
            let found = again.physical_scale();
            assert_eq!((found.scale, found.zero, found.blank), (5.0, 32768.0, Some(-7)));
            let file = FitsFile::from_bytes([again.bytes(), data].concat()).unwrap();
            assert_eq!(file.checksums(&file.hdus()[0]).unwrap(), Checksums::Good);
            let words = String::from_utf8_lossy(again.bytes()).into_owned();
            assert!(words.contains("NOT the original ones"));
        }
        assert_eq!(BoundCards::of_header(&header), None);
    }
}
