//! CHECKSUM and DATASUM (FITS 4.0 section 4.4.2.7 and appendix J).

use crate::card::Value;
use crate::header::Header;

/// The sum of 32-bit big-endian words, carries added back in, of bytes that arrive in pieces.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum {
    total: u64,
    /// Bytes taken so far, modulo 4.
    place: usize,
}

impl Sum {
    pub(crate) fn of(bytes: &[u8]) -> u32 {
        let mut sum = Self::default();
        sum.update(bytes);
        sum.value()
    }

    /// Takes the next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        let odd = ((4 - self.place) % 4).min(bytes.len());
        let (head, body) = bytes.split_at(odd);
        self.add_bytes(head);
        let words = body.chunks_exact(4);
        let tail = words.remainder();
        // Carries stay in the upper half until the end of a piece.
        for piece in body.chunks(1 << 24) {
            let sum: u64 = piece
                .chunks_exact(4)
                .map(|word| u64::from(u32::from_be_bytes([word[0], word[1], word[2], word[3]])))
                .sum();
            self.total = fold(self.total + sum);
        }
        self.add_bytes(tail);
    }

    fn add_bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.total += u64::from(byte) << (24 - 8 * self.place);
            self.place = (self.place + 1) % 4;
        }
        self.total = fold(self.total);
    }

    /// Adds the sum of other bytes, which began at a whole word.
    pub(crate) fn add(&mut self, sum: u32) {
        self.total = fold(self.total + u64::from(sum));
    }

    pub(crate) fn value(&self) -> u32 {
        self.total as u32
    }
}

/// Adds the carries back in.
fn fold(mut total: u64) -> u64 {
    while total >> 32 != 0 {
        total = (total & 0xffff_ffff) + (total >> 32);
    }
    total
}

/// The sixteen characters that make the sum of an HDU whose other bytes sum to `sum` all ones.
fn ascii(sum: u32) -> [u8; 16] {
    const PUNCTUATION: [u8; 13] = *b":;<=>?@[\\]^_`";
    let complement = (!sum).to_be_bytes();
    let mut text = [0u8; 16];
    for (place, byte) in complement.into_iter().enumerate() {
        let quarter = byte / 4 + b'0';
        let mut four = [quarter; 4];
        four[0] += byte % 4;
        // Pairs are moved apart until none of the four is a punctuation mark; their sum stays.
        while four.iter().any(|character| PUNCTUATION.contains(character)) {
            for pair in four.chunks_mut(2) {
                if pair.iter().any(|character| PUNCTUATION.contains(character)) {
                    pair[0] += 1;
                    pair[1] -= 1;
                }
            }
        }
        for (part, character) in four.into_iter().enumerate() {
            text[4 * part + place] = character;
        }
    }
    text.rotate_right(1);
    text
}

/// Writes the sums into the DATASUM and CHECKSUM cards of a header whose data sum to `datasum`;
/// cards that are not there are left out.
pub(crate) fn stamp(header: &mut Header, datasum: u32) {
    header.set_text("DATASUM", &datasum.to_string());
    complete(header, datasum);
}

/// Writes the CHECKSUM, where there is one, of a header whose data sum to `datasum`.
fn complete(header: &mut Header, datasum: u32) {
    if header.set_text("CHECKSUM", "0000000000000000") {
        let mut sum = Sum::default();
        sum.update(header.bytes());
        sum.add(datasum);
        let text = ascii(sum.value());
        header.set_text("CHECKSUM", std::str::from_utf8(&text).expect("the encoding makes ASCII"));
    }
}

/// Renews the CHECKSUM of a header that was made from `before` for the same data.
///
/// The sum of the header stays what it was, for which the data need not be known: a CHECKSUM that
/// was right is right again, and one that was wrong stays wrong, so that damage is still seen.
pub(crate) fn renew(header: &mut Header, before: &Header) {
    let sum = Sum::of(before.bytes());
    if has_checksum(before) && Sum::of(header.bytes()) != sum {
        complete(header, !sum);
    }
}

/// Makes the CHECKSUM of a header that had to be completed with cards whose text is not known from
/// before: from DATASUM, or blank (unknown, as the standard has it) where there is none.
pub(crate) fn renew_completed(header: &mut Header) {
    if !has_checksum(header) {
        return;
    }
    match stated(header).flatten() {
        None => {
            header.set_text("CHECKSUM", "");
        }
        Some(datasum) if judge(header, datasum) != Checksums::Good => complete(header, datasum),
        Some(_) => {}
    }
}

fn has_checksum(header: &Header) -> bool {
    header.text("CHECKSUM").is_some_and(|text| !text.trim().is_empty())
}

/// The number of DATASUM; `Some(None)` where there is something else in its place.
fn stated(header: &Header) -> Option<Option<u32>> {
    // Some writers do not put the number into a string; a blank one is the standard's way of saying
    // that it is unknown.
    let text = match header.value("DATASUM")? {
        Value::Text(text) => text.trim().to_owned(),
        Value::Integer(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then(|| text.parse().ok())
}

/// What the sums of an HDU say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksums {
    /// There are none.
    None,
    /// Those that are there are right.
    Good,
    /// DATASUM is not that of the data.
    BadData,
    /// CHECKSUM is not that of the HDU, though DATASUM is right or missing.
    BadHdu,
}

impl Checksums {
    /// Whether one of them is wrong.
    pub fn is_wrong(self) -> bool {
        matches!(self, Self::BadData | Self::BadHdu)
    }
}

/// Judges the cards of a header whose data sum to `datasum`.
pub(crate) fn judge(header: &Header, datasum: u32) -> Checksums {
    let stated = stated(header);
    // All ones and zero are the same sum.
    if stated.is_some_and(|stated| stated.map(|sum| sum % u32::MAX) != Some(datasum % u32::MAX)) {
        return Checksums::BadData;
    }
    if !has_checksum(header) {
        return if stated.is_some() { Checksums::Good } else { Checksums::None };
    }
    let mut sum = Sum::default();
    sum.update(header.bytes());
    sum.add(datasum);
    if matches!(sum.value(), 0 | u32::MAX) { Checksums::Good } else { Checksums::BadHdu }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::write::{integer, text};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_sum_like_the_whole(bytes in proptest::collection::vec(any::<u8>(), 0..200), cuts in proptest::collection::vec(0usize..20, 0..40)) {
            let mut sum = Sum::default();
            let mut rest = &bytes[..];
            for cut in cuts {
                let (piece, behind) = rest.split_at(cut.min(rest.len()));
                sum.update(piece);
                rest = behind;
            }
            sum.update(rest);
            let mut padded = bytes.clone();
            padded.resize(bytes.len().next_multiple_of(4), 0);
            let slow = padded.chunks(4).fold(0u64, |total, w| {
                let total = total + u64::from(u32::from_be_bytes(w.try_into().unwrap()));
                (total & 0xffff_ffff) + (total >> 32)
            });
            prop_assert_eq!(u64::from(sum.value()), slow);
        }

        #[test]
        fn stamped_headers_are_good_and_every_change_is_seen(datasum in any::<u32>(), value in any::<i64>(), bit in 0usize..2880 * 8) {
            let cards = [integer("NAXIS", value, ""), text("CHECKSUM", "", "c"), text("DATASUM", "", "d")];
            let mut header = Header::from_cards(cards.iter().map(|card| &card[..]), 0);
            stamp(&mut header, datasum);
            prop_assert_eq!(judge(&header, datasum), Checksums::Good);
            prop_assert_ne!(judge(&header, datasum ^ 1), Checksums::Good);
            let mut bytes = header.bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(changed) = Header::from_bytes(bytes)
                && changed.text("CHECKSUM").is_some_and(|text| !text.is_empty())
            {
                prop_assert_ne!(judge(&changed, datasum), Checksums::Good);
            }
        }
    }

    proptest! {
        #[test]
        fn renewed_sums_are_as_right_or_wrong_as_before(datasum in any::<u32>(), value in any::<i64>(), off in 0u32..3) {
            let cards = [integer("NAXIS", value, ""), text("CHECKSUM", "", "c")];
            let mut before = Header::from_cards(cards.iter().map(|card| &card[..]), 0);
            stamp(&mut before, datasum);
            let site = text("SITEID", "x", "");
            let mut after = Header::from_cards(before.cards().map(|card| card.bytes()).chain([&site[..]]), 0);
            renew(&mut after, &before);
            prop_assert_eq!(judge(&after, datasum ^ off), judge(&before, datasum ^ off));
            prop_assert_eq!(judge(&after, datasum), Checksums::Good);
        }
    }

    #[test]
    fn completed_headers_have_the_sum_of_their_datasum_or_none() {
        let made = |cards: &[[u8; 80]]| {
            let mut header = Header::from_cards(cards.iter().map(|card| &card[..]), 0);
            renew_completed(&mut header);
            header
        };
        let (checksum, datasum) = (text("CHECKSUM", "hcHjjc9ghcEghc9g", ""), text("DATASUM", "77", ""));
        assert_eq!(judge(&made(&[checksum, datasum]), 77), Checksums::Good);
        assert_eq!(judge(&made(&[checksum, datasum]), 78), Checksums::BadData);
        assert_eq!(judge(&made(&[checksum]), 77), Checksums::None);
        assert_eq!(made(&[datasum]).card("CHECKSUM"), None);
    }

    #[test]
    fn the_example_of_the_standard() {
        // Appendix J.4: the sum 868229149 is written as this text.
        assert_eq!(&ascii(868_229_149), b"hcHjjc9ghcEghc9g");
    }
}
