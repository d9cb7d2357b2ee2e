//! What the header of an image says besides its pixels.

use nf_fits::{FitsFile, Header, Value};
use nf_image::{Detector, Region, RegionKind};
use std::ops::Range;

/// What is known of an exposure.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Facts {
    /// How long it collected light, seconds; zero for a bias.
    pub exposure_s: Option<f64>,
    /// Bytes of a pixel as the file stores it without compression; unknown where images of several
    /// types are meant, or no file is.
    pub pixel_bytes: Option<usize>,
}

/// Keywords of the exposure time in seconds, most common first: the FITS standard reserves none
/// beside `XPOSURE` (FITS 4.0, table 35). `ITIME` and `TTIME` are Keck's, `EFFINTTM` and `EFFEXPTM`
/// JWST's (one integration, all of them), `TEXPTIME` that of HST's spectrographs.
const EXPOSURE_KEYWORDS: [&str; 9] =
    ["EXPTIME", "EXPOSURE", "XPOSURE", "EFFINTTM", "EFFEXPTM", "TEXPTIME", "TTIME", "ITIME", "INTTIME"];

/// The longest exposure that is believed, seconds: some headers hold a date there, or a mark for
/// unknown.
const LONGEST_S: f64 = 1e7;

impl Facts {
    /// From the header of an image HDU, and where that is silent from the first one of the file.
    pub(crate) fn of_fits(file: &FitsFile, hdu: Option<usize>) -> Self {
        let own = hdu.and_then(|index| file.hdus().get(index));
        let headers = own.into_iter().chain(file.hdus().first()).map(|hdu| hdu.header());
        let exposure_s = headers.into_iter().find_map(exposure_s);
        let images = file.image_hdus().filter(|image| match hdu {
            Some(index) => image.index() == index,
            None => image.pixels() > 0,
        });
        let mut bytes = images.map(|image| image.sample_type().bytes());
        let first = bytes.next();
        Self { exposure_s, pixel_bytes: first.filter(|first| bytes.all(|other| other == *first)) }
    }
}

/// What the header of an image HDU says of its detector: the instrument, and the overscan by
/// `BIASSEC` (IRAF's convention, `[x1:x2,y1:y2]`, from one, ends included). `None` where there is
/// no such region.
pub(crate) fn detector(file: &FitsFile, hdu: usize) -> Option<Detector> {
    let header = file.hdus().get(hdu)?.header();
    let (columns, rows) = section(&header.text("BIASSEC")?)?;
    let overscan = Region {
        kind: RegionKind::Overscan,
        amplifier: 0,
        rows,
        columns,
        reversed_columns: false,
        reversed_rows: false,
    };
    Some(Detector { instrument: instrument(file, hdu), regions: vec![overscan] })
}

/// The instrument as the header of an image HDU names it, or the first one of the file; empty if
/// both are silent.
pub(crate) fn instrument(file: &FitsFile, hdu: usize) -> String {
    let named = |index: usize| file.hdus().get(index)?.header().text("INSTRUME");
    named(hdu).or_else(|| named(0)).unwrap_or_default()
}

/// Columns and rows of a section, from zero.
fn section(text: &str) -> Option<(Range<usize>, Range<usize>)> {
    let (columns, rows) = text.trim().strip_prefix('[')?.strip_suffix(']')?.split_once(',')?;
    let range = |text: &str| -> Option<Range<usize>> {
        let (a, b) = text.split_once(':')?;
        let (a, b): (usize, usize) = (a.trim().parse().ok()?, b.trim().parse().ok()?);
        Some(a.min(b).checked_sub(1)?..a.max(b))
    };
    Some((range(columns)?, range(rows)?))
}

fn exposure_s(header: &Header) -> Option<f64> {
    EXPOSURE_KEYWORDS.iter().find_map(|keyword| {
        let card = header.card(keyword)?;
        let number = match card.value()? {
            Value::Integer(number) => number as f64,
            Value::Real(number) => number,
            // Some writers quote their numbers.
            Value::Text(text) => text.trim().parse().ok()?,
            Value::Logical(_) | Value::Other(_) => return None,
        };
        // A comment may begin with its unit in brackets (FITS 4.0, section 4.3.2); without one,
        // seconds are meant.
        let is_milliseconds = card.bytes().windows(4).any(|word| word == b"[ms]");
        let seconds = if is_milliseconds { number / 1e3 } else { number };
        (0.0..LONGEST_S).contains(&seconds).then_some(seconds)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nf_fits::Header;

    fn of(cards: &[&str]) -> Option<f64> {
        let cards = cards.iter().copied().chain(["END"]).map(|card| format!("{card:80}"));
        let mut bytes = cards.collect::<String>().into_bytes();
        bytes.resize(2880, b' ');
        exposure_s(&Header::from_bytes(bytes).unwrap())
    }

    #[test]
    fn sections_count_from_one_and_hold_their_ends() {
        assert_eq!(section("[1025:1056,1:512]"), Some((1024..1056, 0..512)));
        assert_eq!(section("[ 8:1 , 3:3]"), Some((0..8, 2..3)));
        for text in ["", "[1:2]", "[0:2,1:2]", "[1:x,1:2]", "1:2,1:2", "[*,1:2]"] {
            assert_eq!(section(text), None, "{text}");
        }
    }

    #[test]
    fn exposure_times_are_in_seconds() {
        assert_eq!(of(&["EXPTIME =                120.4"]), Some(120.4));
        assert_eq!(of(&["ITIME   =                 1500 / [ms] per coadd"]), Some(1.5));
        assert_eq!(of(&["TTIME   = '600     '"]), Some(600.0));
        assert_eq!(of(&["EXPTIME =                    0 / a bias"]), Some(0.0));
        // The first keyword that holds a time is believed.
        assert_eq!(of(&["ITIME   =                    3", "EXPTIME =                   -1"]), Some(3.0));
        assert_eq!(of(&["EXPTIME = 'UNKNOWN '"]), None);
        assert_eq!(of(&["NAXIS   =                    0"]), None);
    }
}
