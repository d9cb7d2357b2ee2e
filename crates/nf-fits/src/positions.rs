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
mod tests;
