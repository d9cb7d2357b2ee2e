//! From the header of a compressed image back to the header of the image.

use super::codec::FLOOR_1;
use crate::card::write::{integer, text};
use crate::card::{CARD_BYTES, Card, Value};
use crate::checksum::{renew, renew_completed};
use crate::header::Header;
use std::collections::HashSet;

/// Keywords that the convention renames, so that the image's own cards survive beside the table's.
const RENAMED: [(&str, &str); 10] = [
    ("ZSIMPLE", "SIMPLE"),
    ("ZTENSION", "XTENSION"),
    ("ZBITPIX", "BITPIX"),
    ("ZNAXIS", "NAXIS"),
    ("ZPCOUNT", "PCOUNT"),
    ("ZGCOUNT", "GCOUNT"),
    ("ZEXTEND", "EXTEND"),
    ("ZBLOCKED", "BLOCKED"),
    ("ZHECKSUM", "CHECKSUM"),
    ("ZDATASUM", "DATASUM"),
];

/// Keywords that speak of the table or of the compression only.
const DROPPED: [&str; 19] = [
    "XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "PCOUNT", "GCOUNT", "TFIELDS", "THEAP", "ZIMAGE",
    "ZCMPTYPE", "ZQUANTIZ", "ZDITHER0", "ZMASKCMP", "ZSCALE", "ZBLANK", "ZZERO", "CHECKSUM", "DATASUM",
];

/// Families of numbered keywords that speak of the table or of the compression only.
const DROPPED_NUMBERED: [&str; 6] = ["TTYPE", "TFORM", "ZTILE", "ZNAME", "ZVAL", "TDIM"];

/// The header that the image had, or would have, without compression: the mandatory cards first,
/// then all others in their order, every card verbatim but for its keyword.
pub(crate) fn image_header(table: &Header) -> Header {
    let mut cards: Vec<[u8; CARD_BYTES]> = Vec::new();
    let own_algorithm = table.text("ZCMPTYPE").is_some_and(|name| name.trim() == FLOOR_1);
    // Strings go on in CONTINUE cards, and behind its parameters FLOOR_1 has words for people: they
    // go with their card.
    let mut dropped = false;
    for card in table.cards() {
        let follows = card.is("CONTINUE") || (own_algorithm && card.is("COMMENT"));
        if follows && dropped {
            continue;
        }
        let restored = restore(card);
        dropped = restored.is_none();
        cards.extend(restored);
    }
    let mut head = Vec::new();
    let mut take = |keyword: &str| {
        let at = cards.iter().position(|card| Card::new(card).is(keyword))?;
        Some(cards.remove(at))
    };
    let (simple, xtension) = (take("SIMPLE"), take("XTENSION"));
    let of_extension = xtension.is_some();
    let extension = simple.is_none();
    // Whether a card had to be made whose text in the original is not known.
    let mut completed = simple.is_none() && xtension.is_none();
    head.push(simple.or(xtension).unwrap_or_else(|| text("XTENSION", "IMAGE", "Image extension")));
    head.extend(take("BITPIX"));
    head.extend(take("NAXIS"));
    head.extend((1..=999).map_while(|n| take(&format!("NAXIS{n}"))));
    // Some writers put the mandatory cards of both kinds of HDUs into one header.
    let counts = if extension || of_extension { [take("PCOUNT"), take("GCOUNT")] } else { [None, None] };
    if extension {
        // Parameters and groups are not kept in tiles, whatever the cards say.
        let mut kept = |card: Option<[u8; CARD_BYTES]>, count: i64, made: [u8; CARD_BYTES]| {
            let card = card.filter(|card| Card::new(card).value() == Some(Value::Integer(count)));
            completed |= card.is_none();
            card.unwrap_or(made)
        };
        let [pcount, gcount] = counts;
        head.push(kept(pcount, 0, integer("PCOUNT", 0, "number of parameters")));
        head.push(kept(gcount, 1, integer("GCOUNT", 1, "number of groups")));
    }
    let mut header = Header::from_cards(head.iter().chain(&cards).map(|card| &card[..]), table.hdu());
    if completed {
        renew_completed(&mut header);
    }
    header
}

/// The card of the image that a card of the table stands for.
fn restore(card: Card<'_>) -> Option<[u8; CARD_BYTES]> {
    let keyword = std::str::from_utf8(card.keyword()).unwrap_or("");
    let mut bytes: [u8; CARD_BYTES] = card.bytes().try_into().expect("a card has 80 bytes");
    if let Some(own) = renamed(keyword) {
        bytes[..8].copy_from_slice(format!("{own:<8}").as_bytes());
        return Some(bytes);
    }
    let numbered = |family: &&str| {
        keyword.strip_prefix(*family).is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    let dropped = DROPPED.contains(&keyword)
        || DROPPED_NUMBERED.iter().any(numbered)
        || (keyword == "EXTNAME" && is_default_name(card));
    (!dropped).then_some(bytes)
}

fn renamed(keyword: &str) -> Option<String> {
    if let Some(n) = keyword.strip_prefix("ZNAXIS").filter(|n| !n.is_empty()) {
        return n.bytes().all(|byte| byte.is_ascii_digit()).then(|| format!("NAXIS{n}"));
    }
    RENAMED.iter().find(|(z, _)| *z == keyword).map(|(_, own)| (*own).to_owned())
}

/// The keyword under which a card of an image stands in the header of the table, where it is not
/// its own.
pub(crate) fn packed_keyword(keyword: &str) -> Option<String> {
    if let Some(n) = keyword.strip_prefix("NAXIS").filter(|n| !n.is_empty()) {
        return n.bytes().all(|byte| byte.is_ascii_digit()).then(|| format!("ZNAXIS{n}"));
    }
    RENAMED.iter().find(|(_, own)| *own == keyword).map(|(z, _)| (*z).to_owned())
}

/// The name that writers give to tables of images without a name.
fn is_default_name(card: Card<'_>) -> bool {
    card.value() == Some(Value::Text("COMPRESSED_IMAGE".into()))
}

/// The header of an image with the cards appended that the empty primary HDU before it has of its
/// own; as `funpack` does, which leaves out all HISTORY and COMMENT cards, not only the usual ones.
/// CHECKSUM is renewed.
pub(crate) fn merged(image: &Header, stand_in: &Header) -> Header {
    const OWN: [&str; 9] =
        ["SIMPLE", "BITPIX", "NAXIS", "EXTEND", "PCOUNT", "GCOUNT", "CHECKSUM", "DATASUM", "EXTNAME"];
    // What cfitsio puts into every primary header.
    const USUAL: [&[u8]; 2] = [
        b"COMMENT   FITS (Flexible Image Transport System) format is defined in 'Astronomy",
        b"COMMENT   and Astrophysics', volume 376, page 359; bibcode: 2001A&A...376..359H ",
    ];
    let known: HashSet<&[u8]> = image.cards().map(|card| card.bytes()).collect();
    let mut cards: Vec<&[u8]> = image.cards().map(|card| card.bytes()).collect();
    let mut appended = false;
    for card in stand_in.cards() {
        // A string goes on in CONTINUE cards, wherever it went.
        appended = if card.is("CONTINUE") {
            appended
        } else {
            !OWN.iter().any(|keyword| card.is(keyword))
                && !USUAL.contains(&card.bytes())
                && !card.bytes().trim_ascii().is_empty()
                && !known.contains(card.bytes())
        };
        cards.extend(appended.then_some(card.bytes()));
    }
    let mut header = Header::from_cards(cards, image.hdu());
    renew(&mut header, image);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_return_in_order_with_their_comments() {
        let header = |lines: &[&str]| {
            let cards: Vec<String> = lines.iter().map(|line| format!("{line:<80}")).collect();
            Header::from_cards(cards.iter().map(|card| card.as_bytes()), 1)
        };
        let table = header(&[
            "XTENSION= 'BINTABLE'",
            "BITPIX  = 8",
            "NAXIS   = 2",
            "NAXIS1  = 8",
            "NAXIS2  = 3",
            "PCOUNT  = 99",
            "GCOUNT  = 1",
            "TFIELDS = 1",
            "TTYPE1  = 'COMPRESSED_DATA'",
            "TFORM1  = '1PB(33)'",
            "ZIMAGE  = T",
            "ZTILE1  = 5",
            "ZCMPTYPE= 'RICE_1'",
            "ZSIMPLE = T / mine",
            "ZBITPIX = 16 / bits",
            "ZNAXIS  = 2",
            "ZNAXIS1 = 5",
            "ZNAXIS2 = 3",
            "OBJECT  = 'M31' / name",
            "ZEXTEND = T",
            "COMMENT free text",
            "EXTNAME = 'COMPRESSED_IMAGE'",
            "ZHECKSUM= 'abc'",
            "CHECKSUM= 'xyz'",
        ]);
        let image = header(&[
            "SIMPLE  = T / mine",
            "BITPIX  = 16 / bits",
            "NAXIS   = 2",
            "NAXIS1  = 5",
            "NAXIS2  = 3",
            "OBJECT  = 'M31' / name",
            "EXTEND  = T",
            "COMMENT free text",
            "CHECKSUM= 'abc'",
        ]);
        assert_eq!(image_header(&table), image);
    }
}
