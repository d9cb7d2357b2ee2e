//! From the header of a compressed table back to that of the table, and there.

use super::tiling::Layout;
use crate::card::write::{integer, logical, text};
use crate::card::{CARD_BYTES, Card};
use crate::header::Header;

/// Keywords under which cards of the table stand in the header of the compressed one, where they
/// stay in their places.
const RENAMED: [(&str, &str); 3] = [("ZHECKSUM", "CHECKSUM"), ("ZDATASUM", "DATASUM"), ("ZTHEAP", "THEAP")];

/// Keywords that speak of the compressed table or of the compression only.
const DROPPED: [&str; 9] =
    ["ZTABLE", "ZTILELEN", "ZNAXIS1", "ZNAXIS2", "ZPCOUNT", "CHECKSUM", "DATASUM", "THEAP", "ZCMPTYPE"];

/// Bytes of a row for each column: a descriptor of 64 bits.
const DESCRIPTOR_BYTES: usize = 16;

/// Whether a THEAP of the compressed table is that of the table inside: `fpack` leaves it where it
/// was, which is right where both tables have one.
pub(super) fn keeps_theap(header: &Header) -> bool {
    let number = |keyword: &str| header.integer(keyword).ok().flatten();
    let inside = || {
        let rows_bytes = number("ZNAXIS1")?.checked_mul(number("ZNAXIS2")?)?;
        let end = rows_bytes.checked_add(number("ZPCOUNT")?)?;
        Some((rows_bytes..=end).contains(&number("THEAP")?))
    };
    header.card("ZTHEAP").is_none() && inside().unwrap_or(false)
}

/// The header that the table had before it was compressed: every card verbatim, but for the
/// keywords of those that had to make room.
pub(crate) fn table_header(compressed: &Header) -> Header {
    let keeps_theap = keeps_theap(compressed);
    let cards: Vec<[u8; CARD_BYTES]> = compressed
        .cards()
        .filter_map(|card| {
            let keyword = std::str::from_utf8(card.keyword()).unwrap_or("");
            if let Some((_, own)) = RENAMED.iter().find(|(z, _)| *z == keyword) {
                return Some(renamed(card, own));
            }
            if keyword == "THEAP" && keeps_theap {
                return Some(renamed(card, keyword));
            }
            if DROPPED.contains(&keyword) || is_numbered(keyword, "ZFORM") || is_numbered(keyword, "ZCTYP") {
                return None;
            }
            let own = original_keyword(keyword);
            let original = own.and_then(|z| compressed.card(&z));
            Some(original.map_or_else(|| renamed(card, keyword), |original| renamed(original, keyword)))
        })
        .collect();
    Header::from_cards(cards.iter().map(|card| &card[..]), compressed.hdu())
}

/// The keyword under which the original of a card stands that the compressed table needs itself.
fn original_keyword(keyword: &str) -> Option<String> {
    match keyword {
        "NAXIS1" | "NAXIS2" | "PCOUNT" => Some(format!("Z{keyword}")),
        _ if is_numbered(keyword, "TFORM") => Some(format!("Z{}", &keyword[1..])),
        _ => None,
    }
}

fn is_numbered(keyword: &str, family: &str) -> bool {
    let number = keyword.strip_prefix(family);
    number.is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The card under another keyword, all else verbatim; a longer keyword of `HIERARCH` stays.
fn renamed(card: Card<'_>, keyword: &str) -> [u8; CARD_BYTES] {
    let mut bytes: [u8; CARD_BYTES] = card.bytes().try_into().expect("a card has 80 bytes");
    if card.keyword() != keyword.as_bytes() {
        bytes[..8].copy_from_slice(format!("{keyword:<8}").as_bytes());
    }
    bytes
}

/// The header of the compressed table; `None` if that of the table could not be restored from it
/// exactly. `longest` are the bytes of the longest compressed tile of every column.
pub(crate) fn compressed_header(
    original: &Header,
    layout: &Layout,
    longest: &[u64],
    heap_bytes: u64,
) -> Option<Header> {
    let mut cards: Vec<[u8; CARD_BYTES]> = Vec::new();
    for card in original.cards() {
        let keyword = std::str::from_utf8(card.keyword()).unwrap_or("");
        let number = |value: usize| integer(keyword, value as i64, &card.comment());
        cards.push(match keyword {
            "NAXIS1" => number(DESCRIPTOR_BYTES * layout.columns.len()),
            "NAXIS2" => number(layout.tiles()),
            "PCOUNT" => integer(keyword, heap_bytes as i64, &card.comment()),
            _ if is_numbered(keyword, "TFORM") => {
                let longest =
                    keyword[5..].parse().ok().and_then(|n: usize| longest.get(n.checked_sub(1)?))?;
                text(keyword, &format!("1QB({longest})"), &card.comment())
            }
            _ => match RENAMED.iter().find(|(_, own)| *own == keyword) {
                Some((z, _)) => renamed(card, z),
                None => renamed(card, keyword),
            },
        });
    }
    cards.push(logical("ZTABLE", true, "this is a compressed table"));
    cards.push(integer("ZTILELEN", layout.tile_rows as i64, "number of rows in each tile"));
    for keyword in ["NAXIS1", "NAXIS2", "PCOUNT"] {
        cards.push(renamed(original.card(keyword)?, &format!("Z{keyword}")));
    }
    for n in 1..=layout.columns.len() {
        cards.push(renamed(original.card(&format!("TFORM{n}"))?, &format!("ZFORM{n}")));
    }
    for (n, column) in (1..).zip(&layout.columns) {
        cards.push(text(
            &format!("ZCTYP{n}"),
            column.algorithm.name(),
            "compression algorithm of the column",
        ));
    }
    cards.push(text("CHECKSUM", "0000000000000000", "HDU checksum"));
    cards.push(text("DATASUM", "0", "data unit checksum"));
    let header = Header::from_cards(cards.iter().map(|card| &card[..]), original.hdu());
    (table_header(&header).bytes() == original.bytes()).then_some(header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::TableTiling;

    fn header(lines: &[&str]) -> Header {
        let cards: Vec<String> = lines.iter().map(|line| format!("{line:<80}")).collect();
        Header::from_cards(cards.iter().map(|card| card.as_bytes()), 1)
    }

    const COMPRESSED: [&str; 24] = [
        "XTENSION= 'BINTABLE'",
        "BITPIX  = 8",
        "NAXIS   = 2",
        "NAXIS1  = 32",
        "NAXIS2  = 2",
        "PCOUNT  = 100",
        "GCOUNT  = 1",
        "TFIELDS = 2",
        "TTYPE1  = 'a'",
        "TFORM1  = '1QB(9)' / mine",
        "TFORM2  = '1QB(9)'",
        "ZHECKSUM= 'abc'",
        "ZTHEAP  = 47",
        "HISTORY of the table",
        "ZTABLE  = T",
        "ZTILELEN= 2",
        "ZNAXIS1 = 14 / width",
        "ZNAXIS2 = 3",
        "ZPCOUNT = 55",
        "ZFORM1  = '3I' / mine",
        "ZFORM2  = '1PE(4)'",
        "ZCTYP1  = 'RICE_1'",
        "ZCTYP2  = 'GZIP_2'",
        "CHECKSUM= 'xyz'",
    ];

    const ORIGINAL: [&str; 14] = [
        "XTENSION= 'BINTABLE'",
        "BITPIX  = 8",
        "NAXIS   = 2",
        "NAXIS1  = 14 / width",
        "NAXIS2  = 3",
        "PCOUNT  = 55",
        "GCOUNT  = 1",
        "TFIELDS = 2",
        "TTYPE1  = 'a'",
        "TFORM1  = '3I' / mine",
        "TFORM2  = '1PE(4)'",
        "CHECKSUM= 'abc'",
        "THEAP   = 47",
        "HISTORY of the table",
    ];

    #[test]
    fn cards_return_to_their_places() {
        assert_eq!(table_header(&header(&COMPRESSED)), header(&ORIGINAL));
        let tiling = TableTiling::parse(&header(&COMPRESSED)).unwrap();
        assert_eq!((tiling.rows(), tiling.tiles(), tiling.layout.gap_bytes), (3, 2, 5));
        let again = compressed_header(&header(&ORIGINAL), &tiling.layout, &[9, 9], 100).unwrap();
        assert_eq!(table_header(&again), header(&ORIGINAL));
        // What would not come back is not compressed.
        let odd = header(&[&ORIGINAL[..], &["ZFORM7  = 'mine'"]].concat());
        assert_eq!(compressed_header(&odd, &tiling.layout, &[9, 9], 100), None);
    }

    #[test]
    fn theap_is_restored_also_where_fpack_left_it() {
        let of =
            |lines: &[&str]| table_header(&header(&[&COMPRESSED[..12], &COMPRESSED[13..], lines].concat()));
        assert_eq!(of(&["THEAP   = 42"]).integer("THEAP").unwrap(), Some(42));
        assert_eq!(of(&["THEAP   = 98"]).integer("THEAP").unwrap(), None);
    }

    #[test]
    fn headers_that_contradict_themselves_are_refused() {
        let with = |from: &str, to: &str| {
            let lines: Vec<&str> =
                COMPRESSED.iter().map(|line| if line.starts_with(from) { to } else { line }).collect();
            TableTiling::parse(&header(&lines)).unwrap_err().to_string()
        };
        for (from, to, words) in [
            ("ZNAXIS1", "ZNAXIS1 = 13", "the columns of ZFORMn take 14 bytes"),
            ("NAXIS2", "NAXIS2  = 3", "NAXIS2 is 3, but 3 rows in tiles of 2 make 2 tiles"),
            ("ZNAXIS2", "ZNAXIS2 = 9000000000000000000", "more data than can exist"),
            ("ZPCOUNT", "ZPCOUNT = -1", "ZPCOUNT is -1"),
            ("ZTILELEN", "ZTILELEN= 0", "expected at least 1"),
            ("ZTHEAP", "ZTHEAP  = 41", "ZTHEAP is 41, expected 42 to 97"),
            ("ZFORM1", "ZFORM1  = 'Y'", "ZFORM1 is 'Y'"),
            ("ZFORM2", "OTHER   = 1", "ZFORM2 is missing"),
            ("ZCTYP1", "ZCTYP1  = 'PLIO_1'", "ZCTYP1 is 'PLIO_1', expected RICE_1"),
            ("ZCTYP2", "ZCTYP2  = 'RICE_1'", "does not take values of type E"),
            ("TFORM1", "TFORM1  = '1QI'", "TFORM1 is no column of arrays of bytes"),
        ] {
            assert!(with(from, to).contains(words), "{to}: {}", with(from, to));
        }
    }
}
