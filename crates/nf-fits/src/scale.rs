//! BSCALE, BZERO and BLANK, as far as they can be used.
//!
//! Stored pixels are read, packed and restored whatever these cards say, so a card that holds no
//! usable number does not spoil its file: it counts as absent, and a remark says so. A string that
//! holds a number counts as that number, as in cfitsio.

use crate::card::{Value, parse_number};
use crate::header::Header;

/// How stored pixels become physical values: `value = zero + scale * stored`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PhysicalScale {
    /// BSCALE, 1 where there is none.
    pub scale: f64,
    /// BZERO, 0 where there is none.
    pub zero: f64,
    /// BZERO to the last digit, where it is a whole number.
    pub(crate) whole_zero: Option<i128>,
    /// BLANK: the stored value of undefined pixels of an integer image.
    pub blank: Option<i64>,
}

impl Header {
    /// BSCALE, BZERO and BLANK; cards that hold no usable number count as absent.
    pub fn physical_scale(&self) -> PhysicalScale {
        PhysicalScale::of_header(self).0
    }
}

impl PhysicalScale {
    /// What the header says, and a remark for every card that cannot be taken at its word.
    pub(crate) fn of_header(header: &Header) -> (Self, Vec<String>) {
        let mut remarks = Vec::new();
        let scale = number(header, "BSCALE", &mut remarks).map_or(1.0, Number::real);
        let zero = number(header, "BZERO", &mut remarks).unwrap_or(Number::Whole(0));
        let blank = number(header, "BLANK", &mut remarks).and_then(|blank| {
            let whole = blank.whole().and_then(|blank| i64::try_from(blank).ok());
            if whole.is_none() {
                let problem = format!("BLANK is {}, expected a whole number; it is ignored", blank.real());
                remarks.push(problem);
            }
            whole
        });
        (Self { scale, zero: zero.real(), whole_zero: zero.whole(), blank }, remarks)
    }
}

/// A finite number.
#[derive(Clone, Copy)]
enum Number {
    Whole(i64),
    Real(f64),
}

impl Number {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Integer(whole) => Some(Self::Whole(*whole)),
            Value::Real(real) if real.is_finite() => Some(Self::Real(*real)),
            _ => None,
        }
    }

    fn real(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Real(real) => real,
        }
    }

    fn whole(self) -> Option<i128> {
        match self {
            Self::Whole(whole) => Some(i128::from(whole)),
            // Far beyond any pixel, and well inside what the conversion keeps exactly.
            Self::Real(real) => (real.fract() == 0.0 && real.abs() < 1e30).then_some(real as i128),
        }
    }
}

fn number(header: &Header, keyword: &str, remarks: &mut Vec<String>) -> Option<Number> {
    let value = header.card(keyword)?.value();
    if let Some(number) = value.as_ref().and_then(Number::of) {
        return Some(number);
    }
    let inside = match &value {
        Some(Value::Text(text)) => parse_number(text.trim()).as_ref().and_then(Number::of),
        _ => None,
    };
    let found = value.map_or("without a value".to_owned(), |value| value.to_string());
    remarks.push(match inside {
        Some(_) => format!("{keyword} is the string {found}, which is taken for the number in it"),
        None => format!("{keyword} is {found}, expected a number; it is ignored"),
    });
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cards: &[&str]) -> (PhysicalScale, Vec<String>) {
        let cards: Vec<String> = cards.iter().map(|line| format!("{line:<80}")).collect();
        PhysicalScale::of_header(&Header::from_cards(cards.iter().map(|card| card.as_bytes()), 0))
    }

    #[test]
    fn numbers_are_kept_to_the_last_digit() {
        let (scale, remarks) = of(&["BZERO   = 9223372036854775808", "BSCALE  = 2.5D0", "BLANK   = -32768."]);
        assert_eq!((scale.whole_zero, scale.scale, scale.blank), (Some(1 << 63), 2.5, Some(-32768)));
        assert_eq!(of(&["BZERO   = 9223372036854775807"]).0.whole_zero, Some((1 << 63) - 1));
        assert_eq!(of(&["BZERO   = 0.5"]).0.whole_zero, None);
        assert!(remarks.is_empty(), "{remarks:?}");
    }

    #[test]
    fn cards_without_a_usable_number_count_as_absent_and_are_named() {
        let absent = of(&[]);
        assert_eq!((absent.0.scale, absent.0.zero, absent.0.blank, absent.1.len()), (1.0, 0.0, None, 0));
        for value in ["'N/A'", "", "NaN", "1E400", "T", "(1, 2)", "'"] {
            let cards: Vec<String> =
                ["BZERO", "BSCALE", "BLANK"].iter().map(|keyword| format!("{keyword:<8}= {value}")).collect();
            let (scale, remarks) = of(&cards.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(scale, absent.0, "{value}");
            assert_eq!(remarks.len(), 3, "{remarks:?}");
            assert!(remarks.iter().all(|remark| remark.contains("ignored")), "{remarks:?}");
        }
        let (scale, remarks) = of(&["BLANK   = 2.5"]);
        assert_eq!((scale.blank, remarks.len()), (None, 1));
    }

    #[test]
    fn a_number_in_a_string_is_that_number() {
        let (scale, remarks) = of(&["BZERO   = '32768   '"]);
        assert_eq!(scale.whole_zero, Some(32768));
        assert_eq!(remarks, ["BZERO is the string '32768', which is taken for the number in it"]);
    }
}
