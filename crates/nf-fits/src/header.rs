//! The header of an HDU, kept verbatim.

use crate::card::{CARD_BYTES, Card, Value};
use crate::source::Source;
use crate::{Error, Result};

/// Bytes of a FITS block; headers and data are padded to whole blocks.
pub const BLOCK_BYTES: usize = 2880;

/// Most bytes of one header; a file without END would otherwise be taken for one endless header.
const MAX_HEADER_BYTES: usize = 64 << 20;

/// The cards of one HDU, byte for byte as they stand in the file, up to the end of the block of
/// END.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    bytes: Vec<u8>,
    end: usize,
    hdu: usize,
}

impl Header {
    /// Takes the bytes of a whole header, END card and padding included.
    ///
    /// # Errors
    /// If there is no END card, or the bytes are not whole blocks, or go on for blocks behind END.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        Self::parse(bytes, 0)
    }

    pub(crate) fn parse(bytes: Vec<u8>, hdu: usize) -> Result<Self> {
        let end = find_end(&bytes).ok_or_else(|| Error::header(hdu, "END", "is missing from the header"))?;
        let expected = (end + CARD_BYTES).next_multiple_of(BLOCK_BYTES);
        if bytes.len() != expected {
            let problem = format!("announces a header of {expected} bytes, {} were given", bytes.len());
            return Err(Error::header(hdu, "END", problem));
        }
        Ok(Self { bytes, end, hdu })
    }

    /// The same with one more line of HISTORY, of at most 72 ASCII characters.
    pub fn with_history(&self, line: &str) -> Self {
        let line: String =
            line.chars().filter(|c| c.is_ascii() && !c.is_control()).take(CARD_BYTES - 8).collect();
        let card = format!("{:<CARD_BYTES$}", format!("HISTORY {line}"));
        let cards: Vec<Vec<u8>> = self.cards().map(|card| card.bytes().to_vec()).collect();
        Self::from_cards(cards.iter().map(Vec::as_slice).chain([card.as_bytes()]), self.hdu())
    }

    /// Makes a header of cards (END is added) padded to whole blocks.
    pub(crate) fn from_cards<'a>(cards: impl IntoIterator<Item = &'a [u8]>, hdu: usize) -> Self {
        let mut bytes: Vec<u8> = cards.into_iter().flatten().copied().collect();
        let end = bytes.len();
        debug_assert_eq!(end % CARD_BYTES, 0);
        bytes.extend_from_slice(b"END");
        bytes.resize((end + CARD_BYTES).next_multiple_of(BLOCK_BYTES), b' ');
        Self { bytes, end, hdu }
    }

    /// Reads the header that begins at `offset`.
    pub(crate) fn read(source: &Source, offset: u64, hdu: usize) -> Result<Self> {
        let mut bytes = Vec::new();
        let mut scratch = Vec::new();
        loop {
            let at = offset + bytes.len() as u64;
            let left = source.len_bytes().saturating_sub(at);
            if left < BLOCK_BYTES as u64 {
                let found_bytes = bytes.len() as u64 + left;
                let needed_bytes = bytes.len() as u64 + BLOCK_BYTES as u64;
                return Err(Error::Truncated { hdu, what: "the header", needed_bytes, found_bytes });
            }
            if bytes.len() >= MAX_HEADER_BYTES {
                let problem = format!("is missing from the first {MAX_HEADER_BYTES} bytes of the header");
                return Err(Error::header(hdu, "END", problem));
            }
            let block = source.bytes(at, BLOCK_BYTES, &mut scratch)?;
            let end = find_end(block);
            if !bytes.is_empty() && block.starts_with(b"XTENSION=") {
                return Err(Error::header(hdu, "END", "is missing before the header of the next HDU"));
            }
            bytes.extend_from_slice(block);
            if let Some(end) = end {
                let end = bytes.len() - BLOCK_BYTES + end;
                return Ok(Self { bytes, end, hdu });
            }
        }
    }

    /// The header as it stands in the file: cards, END, padding.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The cards before END, in order.
    pub fn cards(&self) -> impl DoubleEndedIterator<Item = Card<'_>> + Clone {
        self.bytes[..self.end].chunks_exact(CARD_BYTES).map(Card::new)
    }

    /// The first card of `keyword` (the words behind `HIERARCH` for such cards).
    pub fn card(&self, keyword: &str) -> Option<Card<'_>> {
        self.cards().find(|card| card.is(keyword))
    }

    /// The value of the first card of `keyword`.
    pub fn value(&self, keyword: &str) -> Option<Value> {
        self.card(keyword)?.value()
    }

    /// The string of the first card of `keyword`, `CONTINUE` cards joined.
    pub fn text(&self, keyword: &str) -> Option<String> {
        let mut cards = self.cards().skip_while(|card| !card.is(keyword));
        let Some(Value::Text(mut text)) = cards.next()?.value() else { return None };
        for more in cards.map_while(|card| card.continued()) {
            // Only a string that ends in an ampersand goes on in the next card.
            if !text.ends_with('&') {
                break;
            }
            text.pop();
            text.push_str(&more);
        }
        Some(text)
    }

    /// The whole number of the first card of `keyword`; `None` where there is no such card.
    ///
    /// # Errors
    /// If the card holds anything else (a real without a fraction is accepted).
    pub fn integer(&self, keyword: &str) -> Result<Option<i64>> {
        let Some(card) = self.card(keyword) else { return Ok(None) };
        let found = match card.value() {
            Some(Value::Integer(number)) => return Ok(Some(number)),
            Some(Value::Real(x)) if x.fract() == 0.0 && x.abs() < 9e15 => return Ok(Some(x as i64)),
            Some(other) => other.to_string(),
            None => "without a value".to_owned(),
        };
        Err(Error::header(self.hdu, keyword, format!("is {found}, expected a whole number")))
    }

    /// The whole number of `keyword`, which must be there.
    pub(crate) fn required_integer(&self, keyword: &str) -> Result<i64> {
        self.integer(keyword)?.ok_or_else(|| Error::header(self.hdu, keyword, "is missing"))
    }

    /// The number of the first card of `keyword`; `None` where there is no such card.
    ///
    /// # Errors
    /// If the card holds anything but a number.
    pub fn real(&self, keyword: &str) -> Result<Option<f64>> {
        match self.value(keyword) {
            None => Ok(None),
            Some(Value::Integer(number)) => Ok(Some(number as f64)),
            Some(Value::Real(number)) => Ok(Some(number)),
            Some(other) => Err(Error::header(self.hdu, keyword, format!("is {other}, expected a number"))),
        }
    }

    /// Replaces the string of the first card of `keyword`, its comment kept; false where there is
    /// no such card.
    pub(crate) fn set_text(&mut self, keyword: &str, value: &str) -> bool {
        let Some(at) = self.cards().position(|card| card.is(keyword)) else { return false };
        let bytes = &mut self.bytes[at * CARD_BYTES..(at + 1) * CARD_BYTES];
        // The comment stands behind the first slash after the field of a fixed-format value.
        let old = String::from_utf8_lossy(&bytes[30..]).into_owned();
        let comment = old.split_once('/').map_or("", |(_, comment)| comment.trim());
        bytes.copy_from_slice(&crate::card::write::text(keyword, value, comment));
        true
    }

    /// Whether the card of `keyword` says `T`.
    pub fn is_true(&self, keyword: &str) -> bool {
        self.value(keyword) == Some(Value::Logical(true))
    }

    /// Number of the HDU that the header belongs to.
    pub fn hdu(&self) -> usize {
        self.hdu
    }
}

fn find_end(bytes: &[u8]) -> Option<usize> {
    let card = bytes.chunks_exact(CARD_BYTES).position(|card| Card::new(card).is_end())?;
    Some(card * CARD_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::write;

    fn header(lines: &[&str]) -> Header {
        let cards: Vec<String> = lines.iter().map(|line| format!("{line:<80}")).collect();
        Header::from_cards(cards.iter().map(|card| card.as_bytes()), 3)
    }

    #[test]
    fn continued_strings_are_joined_and_the_first_duplicate_counts() {
        let header = header(&[
            "LONG    = 'one &'",
            "CONTINUE  'two &'  / comment",
            "CONTINUE  'three'",
            "CONTINUE  'stray'",
            "TWICE   = 1",
            "TWICE   = 2",
        ]);
        assert_eq!(header.text("LONG").as_deref(), Some("one two three"));
        assert_eq!(header.integer("TWICE").unwrap(), Some(1));
        assert_eq!(header.text("TWICE"), None);
        assert_eq!(header.integer("NONE").unwrap(), None);
    }

    #[test]
    fn numbers_of_the_wrong_kind_name_their_keyword() {
        let header = header(&["NAXIS1  = 'x'", "NAXIS2  = 2.5", "NAXIS3  = 4.0"]);
        assert_eq!(
            header.integer("NAXIS1").unwrap_err().to_string(),
            "HDU 3: NAXIS1 is 'x', expected a whole number"
        );
        assert!(header.integer("NAXIS2").is_err());
        assert_eq!(header.integer("NAXIS3").unwrap(), Some(4));
        assert!(header.required_integer("NAXIS4").unwrap_err().to_string().contains("NAXIS4 is missing"));
    }

    #[test]
    fn whole_headers_only() {
        let card = write::integer("NAXIS", 0, "");
        let good = Header::from_cards([&card[..]], 0);
        assert_eq!(Header::from_bytes(good.bytes().to_vec()).unwrap(), good);
        assert!(Header::from_bytes(good.bytes()[..2800].to_vec()).is_err());
        assert!(Header::from_bytes(vec![b' '; 2880]).is_err());
        let mut long = good.bytes().to_vec();
        long.resize(5760, b' ');
        assert!(Header::from_bytes(long).is_err());
    }
}
