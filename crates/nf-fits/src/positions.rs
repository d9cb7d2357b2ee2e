//! Keywords that speak of places in pixels, and what becomes of them in a section of the image.
//!
//! | keywords | what becomes of them |
//! |---|---|
//! | CRPIXn, CRPIXna (alternate systems A to Z, P is IRAF's physical one), LTVn | less the start of the section |
//! | XORGSUBF, YORGSUBF, SUBSTRTn (where on the detector the image begins) | plus the start of the section |
//! | DATASEC, TRIMSEC, BIASSEC and their numbered forms (boxes of the image) | cut and moved with the section |
//! | DETSEC, CCDSEC, AMPSEC and theirs (boxes of the detector) | the part that belongs to what is left of the data section |
//! | other boxes (`...SEC`), and those that cannot follow | removed |
//! | CPDISn, D2IMDISn and theirs (distortion in pixels of the image, or looked up in an extension) | removed |
//!
//! A CRPIXna or LTVn that is not there, or has no value, means 0, which moves as well: the card is
//! added where another one speaks of that axis of the system. A number in a string is that number.
//!
//! SIP polynomials, PVn_m, CDn_m and CDELTn are relative to CRPIXn and stay as they are.

use crate::card::{CARD_BYTES, Card, Value, parse_number, write};
use crate::header::Header;
use crate::section::Section;
use std::collections::{BTreeMap, BTreeSet};

/// Cards of which each tells where on the detector an axis begins, and the axis.
const ORIGINS: [(&str, usize); 4] = [("XORGSUBF", 0), ("YORGSUBF", 1), ("SUBSTRT1", 0), ("SUBSTRT2", 1)];

/// Families of boxes in pixels of the image: where light fell, what is worth keeping, overscan.
const DATA_BOXES: [&str; 2] = ["DATASEC", "DSEC"];
const OTHER_IMAGE_BOXES: [&str; 4] = ["TRIMSEC", "TSEC", "BIASSEC", "BSEC"];

/// Families of boxes in pixels of a chip, an amplifier or a mosaic, onto which the data section
/// falls.
const DETECTOR_BOXES: [&str; 5] = ["DETSEC", "CCDSEC", "CSEC", "AMPSEC", "ASEC"];

/// Families of keywords of distortion, each before a number.
const DISTORTION: [&str; 8] = ["CPDIS", "CQDIS", "DP", "DQ", "CPERR", "CQERR", "D2IMDIS", "D2IM"];
const DISTORTION_WORDS: [&str; 3] = ["D2IMEXT", "AXISCORR", "D2IMERR"];

const REMOVED_BOX: &str = "no part of it is left, or where it lies cannot be told";
const REMOVED_DISTORTION: &str = "the distortion speaks of pixels of the whole image or of another extension";

/// What becomes of the cards of one image in a section of it.
pub(crate) struct Positions<'a> {
    header: &'a Header,
    axes: &'a [usize],
    section: &'a Section,
    /// Keywords that were removed, by reason.
    removed: BTreeMap<&'static str, Vec<String>>,
    tables: Vec<String>,
    /// Remarks on cards that could not be taken at their word.
    odd: Vec<String>,
}

impl<'a> Positions<'a> {
    pub(crate) fn new(header: &'a Header, axes: &'a [usize], section: &'a Section) -> Self {
        Self { header, axes, section, removed: BTreeMap::new(), tables: Vec::new(), odd: Vec::new() }
    }

    /// The card as it is to stand in the section's header; `None` where it is removed.
    pub(crate) fn card(&mut self, card: Card<'_>) -> Option<[u8; CARD_BYTES]> {
        let own: [u8; CARD_BYTES] = card.bytes().try_into().expect("a card has 80 bytes");
        let Ok(keyword) = std::str::from_utf8(card.keyword()) else { return Some(own) };
        if self.is_distortion(keyword) {
            return self.remove(keyword, REMOVED_DISTORTION);
        }
        if let (true, Some(Value::Text(kind))) = (keyword.starts_with("CTYPE"), card.value())
            && kind.ends_with("-TAB")
        {
            self.tables.push(keyword.to_owned());
        }
        if *self.section == Section::whole(self.axes) {
            return Some(own);
        }
        if let Some(by) = self.shift(keyword) {
            return Some(self.shifted(card, keyword, by).unwrap_or(own));
        }
        match card.value() {
            Some(Value::Text(text)) if is_box(keyword) && text.trim_start().starts_with('[') => {
                match self.follow(keyword, &text) {
                    Some(moved) => Some(write::text(keyword, &moved, &card.comment())),
                    None => self.remove(keyword, REMOVED_BOX),
                }
            }
            _ => Some(own),
        }
    }

    fn remove(&mut self, keyword: &str, reason: &'static str) -> Option<[u8; CARD_BYTES]> {
        self.removed.entry(reason).or_default().push(keyword.to_owned());
        None
    }

    /// What was removed and why, and what is missing beside the section.
    pub(crate) fn remarks(self) -> Vec<String> {
        let removed = self.removed.into_iter().map(|(reason, mut keywords)| {
            keywords.dedup();
            format!("removed {}: {reason}", keywords.join(", "))
        });
        let tables = self.tables.into_iter().map(|keyword| {
            format!("{keyword} needs a table of coordinates, which stays behind in the original file")
        });
        removed.chain(tables).chain(self.odd).collect()
    }

    /// The cards that the section's header needs besides: places that are 0 without being said.
    pub(crate) fn implied(&self) -> Vec<[u8; CARD_BYTES]> {
        let mut places: BTreeSet<(String, usize)> = BTreeSet::new();
        for card in self.header.cards().filter(|card| card.value().is_some()) {
            let Ok(keyword) = std::str::from_utf8(card.keyword()) else { continue };
            if keyword.starts_with("LTM") || keyword.starts_with("LTV") {
                places.extend((1..=self.axes.len()).map(|axis| (format!("LTV{axis}"), axis)));
            } else if let Some((axis, system)) = axis_spoken_of(keyword) {
                places.insert((format!("CRPIX{axis}{system}"), axis));
            }
        }
        places
            .into_iter()
            .filter(|(keyword, _)| self.header.card(keyword).is_none())
            .filter_map(|(keyword, axis)| {
                let start = self.section.0.get(axis - 1)?.start;
                (start > 0).then(|| write::real(&keyword, -(start as f64), ""))
            })
            .collect()
    }

    /// The card with its number moved; `None` if it stays as it is.
    fn shifted(&mut self, card: Card<'_>, keyword: &str, by: i64) -> Option<[u8; CARD_BYTES]> {
        if by == 0 {
            return None;
        }
        let value = card.value();
        let number = match &value {
            Some(Value::Text(text)) => parse_number(text.trim()),
            Some(Value::Other(word)) if word.is_empty() => Some(Value::Integer(0)),
            other => other.clone(),
        };
        let moved = match number {
            Some(Value::Integer(place)) => {
                place.checked_add(by).map(|place| write::integer(keyword, place, &card.comment()))
            }
            Some(Value::Real(place)) if place.is_finite() => {
                Some(write::real(keyword, place + by as f64, &card.comment()))
            }
            _ => None,
        };
        match (&moved, value) {
            (None, value) => {
                let found = value.map_or("without a value".to_owned(), |value| value.to_string());
                self.odd.push(format!("{keyword} is {found}, no place that could move: it stays"));
            }
            (Some(_), Some(Value::Other(_))) => {
                self.odd.push(format!("{keyword} has no value and is taken for 0"));
            }
            (Some(_), Some(text @ Value::Text(_))) => {
                self.odd.push(format!("{keyword} is the string {text}, which is taken for the number in it"));
            }
            _ => {}
        }
        moved
    }

    /// What is added to the number of a keyword that moves.
    fn shift(&self, keyword: &str) -> Option<i64> {
        let start = |axis: usize| self.section.0.get(axis).map(|range| range.start as i64);
        if let Some((_, axis)) = ORIGINS.into_iter().find(|(origin, _)| *origin == keyword) {
            return start(axis);
        }
        let number = match keyword.strip_prefix("CRPIX") {
            Some(rest) => rest.strip_suffix(|c: char| c.is_ascii_uppercase()).unwrap_or(rest),
            None => keyword.strip_prefix("LTV")?,
        };
        Some(-start(number.parse::<usize>().ok()?.checked_sub(1)?)?)
    }

    fn is_distortion(&self, keyword: &str) -> bool {
        let Some(family) = DISTORTION.into_iter().find(|family| {
            keyword.strip_prefix(family).is_some_and(|rest| {
                let digits = rest.trim_end_matches(|c: char| c.is_ascii_uppercase());
                digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.is_empty()
            })
        }) else {
            return DISTORTION_WORDS.iter().any(|word| keyword.starts_with(word));
        };
        // DPn and DQn are records of a distortion only beside the card that names it.
        match family {
            "DP" => self.header.card(&keyword.replacen("DP", "CPDIS", 1)).is_some(),
            "DQ" => self.header.card(&keyword.replacen("DQ", "CQDIS", 1)).is_some(),
            _ => true,
        }
    }

    /// The text of a box as it is in the section, if something is left of it.
    fn follow(&self, keyword: &str, text: &str) -> Option<String> {
        let own = PixelBox::parse(text)?;
        let (family, number) = split_number(keyword);
        if DATA_BOXES.contains(&family) || OTHER_IMAGE_BOXES.contains(&family) {
            return Some(own.cut(self.section)?.to_string());
        }
        if !DETECTOR_BOXES.contains(&family) {
            return None;
        }
        // The pixels of the image that the box stands for: the data section, or, where there is
        // none, all of them.
        let mut named = [&DATA_BOXES[..], &["TRIMSEC", "TSEC"]]
            .concat()
            .into_iter()
            .filter_map(|family| self.header.text(&format!("{family}{number}")))
            .peekable();
        let whole = || PixelBox(self.axes.iter().map(|&n| (1, n as i64)).collect());
        let candidates: Vec<PixelBox> = if named.peek().is_none() && number.is_empty() {
            vec![whole()]
        } else {
            named.filter_map(|text| PixelBox::parse(&text)).collect()
        };
        let seen = candidates.into_iter().find(|seen| seen.covers(&own))?;
        let left = seen.cut_only(self.section)?;
        Some(own.part(&seen, &left)?.to_string())
    }
}

/// Whether the keyword is that of a box: a name that ends in SEC, perhaps before a number.
fn is_box(keyword: &str) -> bool {
    split_number(keyword).0.ends_with("SEC")
}

fn split_number(keyword: &str) -> (&str, &str) {
    keyword.split_at(keyword.trim_end_matches(|c: char| c.is_ascii_digit()).len())
}

/// The axis of pixels, and the system of coordinates, that a keyword of the standard's world
/// coordinates speaks of: CTYPEna, CRVALna, CDELTna, CDm_na, PCm_na.
fn axis_spoken_of(keyword: &str) -> Option<(usize, &str)> {
    let (family, rest) = keyword.split_at(keyword.find(|c: char| c.is_ascii_digit())?);
    let (rest, system) = rest.split_at(rest.trim_end_matches(|c: char| c.is_ascii_uppercase()).len());
    let axis = match family {
        "CTYPE" | "CRVAL" | "CDELT" => rest,
        "CD" | "PC" => {
            let (row, axis) = rest.split_once('_')?;
            row.parse::<usize>().ok()?;
            axis
        }
        _ => return None,
    };
    let axis = axis.parse().ok().filter(|&axis| axis > 0)?;
    (system.len() <= 1).then_some((axis, system))
}

/// `[x0:x1,y0:y1]`: the first and the last pixel along every axis, counted from one; an axis may
/// run backwards.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PixelBox(Vec<(i64, i64)>);

impl PixelBox {
    fn parse(text: &str) -> Option<Self> {
        let inner = text.trim().strip_prefix('[')?.strip_suffix(']')?;
        let number = |text: &str| text.trim().parse::<i32>().ok().map(i64::from);
        let axis = |text: &str| {
            let (first, last) = text.split_once(':')?;
            Some((number(first)?, number(last)?))
        };
        inner.split(',').map(axis).collect::<Option<_>>().map(Self)
    }

    /// The part inside a section, in pixels of the whole image; `None` if there is none.
    fn cut_only(&self, section: &Section) -> Option<Self> {
        let axes = self.0.iter().enumerate().map(|(n, &(first, last))| {
            let range = section.0.get(n)?;
            let (start, end) = (range.start as i64 + 1, range.end as i64);
            let (low, high) = (first.min(last).max(start), first.max(last).min(end));
            let forward = if first <= last { (low, high) } else { (high, low) };
            (low <= high).then_some(forward)
        });
        axes.collect::<Option<_>>().map(Self)
    }

    /// The part inside a section, in pixels of the section.
    fn cut(&self, section: &Section) -> Option<Self> {
        let left = self.cut_only(section)?;
        let moved = left
            .0
            .iter()
            .zip(&section.0)
            .map(|(&(first, last), range)| (first - range.start as i64, last - range.start as i64));
        Some(Self(moved.collect()))
    }

    /// Whether a pixel of this box stands for a whole number of pixels of the other one along every
    /// axis (binning).
    fn covers(&self, other: &Self) -> bool {
        let length = |&(first, last): &(i64, i64)| (first - last).abs() + 1;
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|(own, other)| length(other) % length(own) == 0)
    }

    /// The part of this box that `left` is of `seen`, which stands for all of it.
    fn part(&self, seen: &Self, left: &Self) -> Option<Self> {
        let axes = self.0.iter().zip(&seen.0).zip(&left.0).map(|((own, seen), left)| {
            let pixels = (seen.0 - seen.1).abs() + 1;
            let binning = ((own.0 - own.1).abs() + 1) / pixels;
            // Pixels cut off at the first and at the last end of what was seen.
            let (at_first, at_last) = ((left.0 - seen.0).abs(), (seen.1 - left.1).abs());
            let sign = if own.0 <= own.1 { 1 } else { -1 };
            (own.0 + sign * at_first * binning, own.1 - sign * at_last * binning)
        });
        Some(Self(axes.collect()))
    }
}

impl std::fmt::Display for PixelBox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (n, (first, last)) in self.0.iter().enumerate() {
            write!(f, "{}{first}:{last}", if n == 0 { "[" } else { "," })?;
        }
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AXES: [usize; 2] = [120, 90];

    /// Cards of the section [21:60,31:70] of an image of 120 x 90 pixels, and the remarks.
    fn cut(cards: &[&str]) -> (Header, Vec<String>) {
        cut_at(cards, Section(vec![20..60, 30..70]))
    }

    fn cut_at(cards: &[&str], section: Section) -> (Header, Vec<String>) {
        let cards: Vec<String> = cards.iter().map(|line| format!("{line:<80}")).collect();
        let header = Header::from_cards(cards.iter().map(|card| card.as_bytes()), 0);
        let mut positions = Positions::new(&header, &AXES, &section);
        let mut moved: Vec<_> = header.cards().filter_map(|card| positions.card(card)).collect();
        moved.extend(positions.implied());
        let remarks = positions.remarks();
        (Header::from_cards(moved.iter().map(|card| &card[..]), 0), remarks)
    }

    #[test]
    fn every_system_of_coordinates_moves() {
        let (header, remarks) = cut(&[
            "CRPIX1  = 50.5 / [pix] reference",
            "CRPIX2  = 40",
            "CRPIX1A = 50.5",
            "CRPIX2Z = 40.5",
            "CRPIX1P = 1",
            "CRPIX2P = 1",
            "CRPIX3  = 7",
            "CRPIX   = 7",
            "LTV1    = -5.0",
            "LTV2    = 0",
            "LTM1_1  = 0.5",
            "XORGSUBF= 4",
            "YORGSUBF= 0",
            "CRPIX1B = 'x'",
        ]);
        let real = |keyword: &str| header.real(keyword).unwrap().unwrap();
        for (keyword, expected) in [
            ("CRPIX1", 30.5),
            ("CRPIX2", 10.0),
            ("CRPIX1A", 30.5),
            ("CRPIX2Z", 10.5),
            ("CRPIX1P", -19.0),
            ("CRPIX2P", -29.0),
            ("CRPIX3", 7.0),
            ("CRPIX", 7.0),
            ("LTV1", -25.0),
            ("LTV2", -30.0),
            ("LTM1_1", 0.5),
            ("XORGSUBF", 24.0),
            ("YORGSUBF", 30.0),
        ] {
            assert_eq!(real(keyword), expected, "{keyword}");
        }
        assert_eq!(header.card("CRPIX1").unwrap().comment(), "[pix] reference");
        assert_eq!(header.value("CRPIX1B"), Some(Value::Text("x".into())));
        assert_eq!(remarks, ["CRPIX1B is 'x', no place that could move: it stays"]);
    }

    #[test]
    fn places_that_are_zero_without_being_said_move_too() {
        type Moved<'a> = &'a [(&'a str, f64)];
        let cases: [(&[&str], Moved<'_>); 9] = [
            (&["LTV1    = -10", "LTM1_1  = 1", "LTM2_2  = 1"], &[("LTV1", -30.0), ("LTV2", -30.0)]),
            (&["LTM1_1  = 0.5"], &[("LTV1", -20.0), ("LTV2", -30.0)]),
            (&["CTYPE1  = 'RA---TAN'", "CRVAL2  = 7.5"], &[("CRPIX1", -20.0), ("CRPIX2", -30.0)]),
            (&["CDELT2A = 2.0", "CRPIX1A = 5"], &[("CRPIX1A", -15.0), ("CRPIX2A", -30.0)]),
            (&["CD1_2   = 2.0"], &[("CRPIX2", -30.0)]),
            (&["PC2_1P  = 2.0"], &[("CRPIX1P", -20.0)]),
            (&["CTYPE3  = 'FREQ'", "CDELT   = 1", "CTYPE0  = 'x'", "CD1_    = 2"], &[]),
            (&["CRPIX1  = '50.5' / text"], &[("CRPIX1", 30.5)]),
            (
                &["CRPIX1  =        / undefined", "LTV2    = '7'"],
                &[("CRPIX1", -20.0), ("LTV1", -20.0), ("LTV2", -23.0)],
            ),
        ];
        for (cards, expected) in cases {
            let (header, remarks) = cut(cards);
            let places: Vec<(String, f64)> = header
                .cards()
                .map(|card| String::from_utf8(card.keyword().to_vec()).unwrap())
                .filter(|keyword| keyword.starts_with("CRPIX") || keyword.starts_with("LTV"))
                .map(|keyword| (keyword.clone(), header.real(&keyword).unwrap().unwrap()))
                .collect();
            let mut places: Vec<(&str, f64)> =
                places.iter().map(|(keyword, place)| (&keyword[..], *place)).collect();
            places.sort_by(|a, b| a.0.cmp(b.0));
            assert_eq!(places, expected, "{cards:?}");
            let odd = cards
                .iter()
                .filter(|card| card.contains("= '5") || card.contains("= '7'") || card.contains("undef"));
            assert_eq!(remarks.len(), odd.count(), "{remarks:?}");
            // Only axes that lose their beginning move.
            let (header, _) = cut_at(cards, Section(vec![0..60, 0..70]));
            assert_eq!(header.cards().count(), cards.len(), "{cards:?}");
        }
    }

    #[test]
    fn boxes_of_the_image_are_cut_and_moved() {
        let (header, remarks) = cut(&[
            "DATASEC = '[1:50,1:90]' / data",
            "TRIMSEC = '[ 11 : 55 , 40:60 ]'",
            "BIASSEC = '[51:120,1:90]'",
            "DSEC12  = '[60:10,1:90]'",
            "BSEC12  = '[61:120,1:90]'",
            "ODDSEC  = '[1:50,1:90]'",
            "DARKSEC = 12.5",
            "OBSEC   = 'none'",
            "CCDSIZE = '[1:120,1:90]'",
        ]);
        let text = |keyword: &str| header.text(keyword);
        assert_eq!(text("DATASEC").as_deref(), Some("[1:30,1:40]"));
        assert_eq!(header.card("DATASEC").unwrap().comment(), "data");
        assert_eq!(text("TRIMSEC").as_deref(), Some("[1:35,10:30]"));
        assert_eq!(text("BIASSEC").as_deref(), Some("[31:40,1:40]"));
        assert_eq!(text("DSEC12").as_deref(), Some("[40:1,1:40]"));
        assert_eq!((text("BSEC12"), text("ODDSEC")), (None, None));
        assert_eq!(text("OBSEC").as_deref(), Some("none"));
        assert_eq!(text("CCDSIZE").as_deref(), Some("[1:120,1:90]"));
        assert_eq!(header.real("DARKSEC").unwrap(), Some(12.5));
        assert_eq!(remarks, [format!("removed BSEC12, ODDSEC: {REMOVED_BOX}")]);
    }

    #[test]
    fn boxes_of_the_detector_follow_the_data_section() {
        // Binned twice along the columns, read backwards along the rows, overscan at the end.
        let (header, remarks) = cut(&[
            "DATASEC = '[11:110,1:90]'",
            "CCDSEC  = '[1:200,1:90]'",
            "DETSEC  = '[1200:1001,590:501]'",
            "AMPSEC  = '[100:1,1:90]'",
            "DETSEC2 = '[1:100,1:90]'",
            "DATASEC2= '[1:10,1:90]'",
        ]);
        // Columns 21 to 60 are 11 to 50 of the data section, rows 31 to 70.
        assert_eq!(header.text("DATASEC").as_deref(), Some("[1:40,1:40]"));
        assert_eq!(header.text("CCDSEC").as_deref(), Some("[21:100,31:70]"));
        assert_eq!(header.text("DETSEC").as_deref(), Some("[1180:1101,560:521]"));
        assert_eq!(header.text("AMPSEC").as_deref(), Some("[90:51,31:70]"));
        assert_eq!(remarks, [format!("removed DETSEC2, DATASEC2: {REMOVED_BOX}")]);
        // Without a data section all pixels count, if there are as many or a multiple.
        let (header, remarks) = cut(&["DETSEC  = '[1:240,91:180]'", "CCDSEC  = '[1:100,1:90]'"]);
        assert_eq!(header.text("DETSEC").as_deref(), Some("[41:120,121:160]"));
        assert_eq!((header.text("CCDSEC"), remarks.len()), (None, 1));
    }

    #[test]
    fn a_section_of_everything_changes_no_place() {
        let cards = ["CRPIX1  = 50.5", "DETSEC  = '[1:7,1:9]'", "ODDSEC  = '[1:2]'", "LTV1    = 1"];
        let (header, remarks) = cut_at(&cards, Section::whole(&AXES));
        assert_eq!((header.cards().count(), remarks.len()), (4, 0));
    }

    #[test]
    fn distortions_that_stay_behind_are_named() {
        let (header, remarks) = cut(&[
            "CTYPE1  = 'RA---TAN-SIP'",
            "CTYPE3  = 'WAVE-TAB'",
            "A_ORDER = 2",
            "A_2_0   = 1E-5",
            "PV1_1   = 1.0",
            "CPDIS1  = 'Lookup'",
            "DP1     = 'EXTVER: 1'",
            "DP1     = 'NAXES: 2'",
            "D2IMDIS1= 'Lookup'",
            "D2IM1   = 'EXTVER: 1'",
            "D2IMERR1= 0.0",
            "DP2     = 'not of a distortion'",
        ]);
        for keyword in ["CTYPE1", "CTYPE3", "A_ORDER", "A_2_0", "PV1_1", "DP2"] {
            assert!(header.card(keyword).is_some(), "{keyword}");
        }
        // And the CRPIX1 that CTYPE1 implies.
        assert_eq!(header.cards().count(), 7);
        assert_eq!(
            remarks,
            [
                format!("removed CPDIS1, DP1, D2IMDIS1, D2IM1, D2IMERR1: {REMOVED_DISTORTION}"),
                "CTYPE3 needs a table of coordinates, which stays behind in the original file".to_owned(),
            ]
        );
    }
}
