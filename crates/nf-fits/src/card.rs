//! One line of a header: 80 bytes of ASCII.

use std::fmt;

/// Bytes of a card.
pub const CARD_BYTES: usize = 80;

/// What a card says of its keyword.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `T` or `F`.
    Logical(bool),
    /// A whole number that fits 64 bits.
    Integer(i64),
    /// A number with a point, an exponent, or more digits than 64 bits hold.
    Real(f64),
    /// A string, quotes and trailing blanks removed.
    Text(String),
    /// Anything else behind a value indicator: an undefined or a complex value, as written.
    Other(String),
}

impl fmt::Display for Value {
    /// As for a message: strings in quotes, words as they stand in the header.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Logical(value) => f.write_str(if *value { "the logical T" } else { "the logical F" }),
            Self::Integer(number) => number.fmt(f),
            Self::Real(number) => f.write_str(&shown(*number)),
            Self::Text(text) => write!(f, "'{text}'"),
            Self::Other(word) if word.is_empty() => f.write_str("undefined"),
            Self::Other(word) => write!(f, "'{word}'"),
        }
    }
}

/// A number for a message: very small and very large ones with an exponent rather than hundreds of
/// zeros. 2^63, a zero point, is not one of these.
pub(crate) fn shown(number: f64) -> String {
    match number.abs() {
        0.0 | 1e-5..1e15 => number.to_string(),
        // Whole numbers: as reals they would be printed with zeros for their last digits.
        1e15..1e21 if number.fract() == 0.0 => (number as i128).to_string(),
        1e15..1e21 => number.to_string(),
        _ => format!("{number:e}"),
    }
}

/// A view of one card of a header.
///
/// NULs, with which some writers fill up their cards, count as blanks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Card<'a> {
    bytes: &'a [u8],
}

impl<'a> Card<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        debug_assert_eq!(bytes.len(), CARD_BYTES);
        Self { bytes }
    }

    /// The 80 bytes, verbatim.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The keyword: the first eight bytes without trailing blanks, or the words between `HIERARCH`
    /// and `=`.
    pub fn keyword(&self) -> &'a [u8] {
        if self.bytes.starts_with(b"HIERARCH ")
            && let Some(equals) = self.bytes.iter().position(|&byte| byte == b'=')
        {
            return trim(&self.bytes[9..equals]);
        }
        trim_end(&self.bytes[..8])
    }

    /// Whether this is the card of `keyword`.
    pub fn is(&self, keyword: &str) -> bool {
        self.keyword() == keyword.as_bytes()
    }

    /// The bytes behind the value indicator, or `None` for comments and other cards without one.
    fn value_field(&self) -> Option<&'a [u8]> {
        if self.bytes.starts_with(b"HIERARCH ") {
            let equals = self.bytes.iter().position(|&byte| byte == b'=')?;
            return Some(&self.bytes[equals + 1..]);
        }
        (&self.bytes[8..10] == b"= ").then(|| &self.bytes[10..])
    }

    /// The value, or `None` where the card has no value indicator.
    pub fn value(&self) -> Option<Value> {
        self.value_field().map(parse_value)
    }

    /// What stands behind the value and its slash; empty where there is nothing.
    pub fn comment(&self) -> String {
        let Some(field) = self.value_field() else { return String::new() };
        let mut quoted = false;
        let slash = field.iter().position(|&byte| {
            quoted ^= byte == b'\'';
            byte == b'/' && !quoted
        });
        let comment = slash.map_or(&[][..], |slash| trim(&field[slash + 1..]));
        String::from_utf8_lossy(comment).into_owned()
    }

    /// Whether this card ends the header: the word END and nothing that would make it another
    /// keyword.
    pub(crate) fn is_end(&self) -> bool {
        let goes_on = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        self.bytes.starts_with(b"END") && !goes_on(self.bytes[3])
    }

    /// The string of a `CONTINUE` card.
    pub(crate) fn continued(&self) -> Option<String> {
        if !self.bytes.starts_with(b"CONTINUE  ") {
            return None;
        }
        match parse_value(&self.bytes[10..]) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

fn is_blank(byte: u8) -> bool {
    byte == 0 || byte.is_ascii_whitespace()
}

fn trim_end(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.iter().rposition(|&byte| !is_blank(byte)).map_or(0, |last| last + 1)]
}

fn trim(bytes: &[u8]) -> &[u8] {
    let bytes = trim_end(bytes);
    &bytes[bytes.iter().position(|&byte| !is_blank(byte)).unwrap_or(bytes.len())..]
}

fn parse_value(field: &[u8]) -> Value {
    let field = trim(field);
    if field.first() == Some(&b'\'') {
        return parse_text(&field[1..]);
    }
    let end = field.iter().position(|&byte| byte == b'/').unwrap_or(field.len());
    let word = trim(&field[..end]);
    match word {
        b"T" => return Value::Logical(true),
        b"F" => return Value::Logical(false),
        _ => {}
    }
    let word = String::from_utf8_lossy(word).into_owned();
    parse_number(&word).unwrap_or(Value::Other(word))
}

/// The number that a word is, if it is one.
pub(crate) fn parse_number(word: &str) -> Option<Value> {
    if let Ok(number) = word.parse::<i64>() {
        return Some(Value::Integer(number));
    }
    let numeric = word.bytes().all(|b| b.is_ascii_digit() || b"+-.eEdD".contains(&b));
    let number = numeric.then(|| word.replace(['d', 'D'], "E").parse::<f64>().ok())??;
    Some(Value::Real(number))
}

/// `field` begins behind the opening quote; a doubled quote stands for one.
fn parse_text(field: &[u8]) -> Value {
    let mut text = Vec::new();
    let mut bytes = field.iter().peekable();
    while let Some(&byte) = bytes.next() {
        if byte == b'\'' && bytes.next_if(|&&next| next == b'\'').is_none() {
            break;
        }
        text.push(byte);
    }
    let blanks = text.iter().rev().take_while(|&&byte| byte == b' ').count();
    text.truncate(text.len() - blanks);
    Value::Text(String::from_utf8_lossy(&text).into_owned())
}

/// Writes cards in the fixed format of the standard: numbers end in column 30, strings begin in
/// column 11.
pub(crate) mod write {
    use super::CARD_BYTES;

    fn finish(line: String) -> [u8; CARD_BYTES] {
        let mut card = [b' '; CARD_BYTES];
        let n = line.len().min(CARD_BYTES);
        card[..n].copy_from_slice(&line.as_bytes()[..n]);
        card
    }

    fn with_comment(line: String, comment: &str) -> [u8; CARD_BYTES] {
        finish(if comment.is_empty() { line } else { format!("{line} / {comment}") })
    }

    pub(crate) fn logical(keyword: &str, value: bool, comment: &str) -> [u8; CARD_BYTES] {
        with_comment(format!("{keyword:<8}= {:>20}", if value { 'T' } else { 'F' }), comment)
    }

    pub(crate) fn integer(keyword: &str, value: i64, comment: &str) -> [u8; CARD_BYTES] {
        with_comment(format!("{keyword:<8}= {value:>20}"), comment)
    }

    pub(crate) fn real(keyword: &str, value: f64, comment: &str) -> [u8; CARD_BYTES] {
        // The shortest digits that give the same number, with a point, as the standard wants.
        with_comment(format!("{keyword:<8}= {:>20}", format!("{value:?}").to_uppercase()), comment)
    }

    /// A string of any length: what does not fit goes on in CONTINUE cards.
    pub(crate) fn long_text(keyword: &str, value: &str) -> Vec<[u8; CARD_BYTES]> {
        // Columns 11 to 80 without the quotes and the ampersand that says that more follows.
        const PIECE: usize = 67;
        let mut pieces = vec![String::new()];
        for character in value.chars() {
            let quoted = if character == '\'' { "''".to_owned() } else { character.to_string() };
            if pieces.last().is_some_and(|piece| piece.len() + quoted.len() > PIECE) {
                pieces.push(String::new());
            }
            if let Some(piece) = pieces.last_mut() {
                piece.push_str(&quoted);
            }
        }
        let last = pieces.len() - 1;
        let card = |(n, piece): (usize, &String)| {
            let start = if n == 0 { format!("{keyword:<8}= ") } else { format!("{:<10}", "CONTINUE") };
            finish(format!("{start}'{piece:<8}{}'", if n < last { "&" } else { "" }))
        };
        pieces.iter().enumerate().map(card).collect()
    }

    /// Free text in as many cards as it takes.
    pub(crate) fn comment(text: &str) -> Vec<[u8; CARD_BYTES]> {
        let characters: Vec<char> = text.chars().collect();
        characters
            .chunks(CARD_BYTES - 8)
            .map(|line| finish(format!("{:<8}{}", "COMMENT", line.iter().collect::<String>())))
            .collect()
    }

    pub(crate) fn text(keyword: &str, value: &str, comment: &str) -> [u8; CARD_BYTES] {
        let quoted = format!("'{:<8}'", value.replace('\'', "''"));
        with_comment(format!("{keyword:<8}= {quoted:<20}"), comment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(line: &str) -> Option<Value> {
        Card::new(format!("{line:<80}").as_bytes()).value()
    }

    #[test]
    fn numbers_of_messages_are_short() {
        let shown = |number: f64| Value::Real(number).to_string();
        let two_63 = 9_223_372_036_854_775_808.0;
        assert_eq!(["0", "-2.5", "0.001"], [0.0, -2.5, 1e-3].map(shown));
        assert_eq!(["1e-320", "-1e300"], [1e-320, -1e300].map(shown));
        assert_eq!(["9223372036854775808", "NaN"], [two_63, f64::NAN].map(shown));
    }

    #[test]
    fn values_of_every_kind() {
        assert_eq!(value("SIMPLE  =                    T / standard"), Some(Value::Logical(true)));
        assert_eq!(value("NAXIS1  = -12"), Some(Value::Integer(-12)));
        assert_eq!(value("BZERO   =              3.2768D4"), Some(Value::Real(32768.0)));
        assert_eq!(value("BIG     = 99999999999999999999"), Some(Value::Real(1e20)));
        assert_eq!(value("OBJECT  = 'it''s / here  '  / name"), Some(Value::Text("it's / here".into())));
        assert_eq!(value("OPEN    = 'no end"), Some(Value::Text("no end".into())));
        assert_eq!(value("UNDEF   =                      / nothing"), Some(Value::Other(String::new())));
        assert_eq!(value("COMMENT = of course"), Some(Value::Other("of course".into())));
        assert_eq!(value("HISTORY is not a value"), None);
        assert_eq!(value("NAN     = nan"), Some(Value::Other("nan".into())));
    }

    #[test]
    fn hierarch_cards_are_found_by_their_words() {
        let line = format!("{:<80}", "HIERARCH ESO DET ID = 'CCD # 40'  / chip");
        let card = Card::new(line.as_bytes());
        assert!(card.is("ESO DET ID"));
        assert_eq!(card.value(), Some(Value::Text("CCD # 40".into())));
    }

    #[test]
    fn nul_counts_as_blank() {
        let card = |text: &str| -> Vec<u8> { text.bytes().chain([0; 80]).take(80).collect() };
        let of = |text: &str| Card::new(&card(text)).value();
        assert_eq!(of("SIMPLE  =                    T"), Some(Value::Logical(true)));
        assert_eq!(of("NAXIS1  = 12"), Some(Value::Integer(12)));
        assert_eq!(of("OPEN    = 'no end"), Some(Value::Text("no end".into())));
        assert_eq!(Card::new(&card("HISTORY")).keyword(), b"HISTORY");
        assert_eq!(Card::new(&card("")).keyword(), b"");
    }

    #[test]
    fn the_end_is_a_word_of_its_own() {
        let ends = |text: &str| Card::new(format!("{text:<80}").as_bytes()).is_end();
        // The last ones as cfitsio and astropy have it.
        for end in ["END", "END\0\0\0\0\0\0", "END of the header", "END=    "] {
            assert!(ends(end), "{end:?}");
        }
        for card in ["ENDTIME = 5", "END-OBS = 1", "END_1   =", "end", " END", "EN"] {
            assert!(!ends(card), "{card:?}");
        }
    }

    #[test]
    fn comments_stand_behind_the_value() {
        let comment = |line: &str| Card::new(format!("{line:<80}").as_bytes()).comment();
        assert_eq!(comment("OBJECT  = 'a / b''s / c' / the name "), "the name");
        assert_eq!(comment("NAXIS1  = 12 / first / axis"), "first / axis");
        assert_eq!(comment("NAXIS1  = 12"), "");
        assert_eq!(comment("HISTORY a / b"), "");
    }

    #[test]
    fn written_cards_read_back() {
        for (card, expected) in [
            (write::logical("EXTEND", true, "c"), Value::Logical(true)),
            (write::integer("NAXIS", -3, ""), Value::Integer(-3)),
            (write::real("ZVAL1", 2.5, ""), Value::Real(2.5)),
            (write::real("ZVAL1", 1e-20, ""), Value::Real(1e-20)),
            (write::text("OBJECT", "O'Neill", "who"), Value::Text("O'Neill".into())),
        ] {
            assert_eq!(Card::new(&card).value(), Some(expected));
        }
    }
}
