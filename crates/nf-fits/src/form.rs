//! TFORMn: how a column of a binary table is stored (FITS 4.0 section 7.3).

/// What TFORMn says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    /// Elements of a row; of a column of arrays: descriptors, none or one.
    pub(crate) repeat: usize,
    /// Type letter of the elements; P or Q where they are descriptors of arrays in the heap.
    pub(crate) code: u8,
    /// Type letter of the elements in the heap; 0 where there are none.
    pub(crate) element: u8,
}

impl Form {
    /// Reads the value of TFORMn, such as `2E` or `1PI(17)`; `None` if it is no form.
    pub(crate) fn parse(form: &str) -> Option<Self> {
        let form = form.trim().as_bytes();
        let digits = form.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let count = std::str::from_utf8(&form[..digits]).ok()?;
        let repeat = if count.is_empty() { 1 } else { count.parse::<u32>().ok()? as usize };
        let code = form.get(digits)?.to_ascii_uppercase();
        if !matches!(code, b'P' | b'Q') {
            return (code == b'X' || width(code).is_some()).then_some(Self { repeat, code, element: 0 });
        }
        let element = form.get(digits + 1)?.to_ascii_uppercase();
        let known = element == b'X' || !matches!(element, b'P' | b'Q') && width(element).is_some();
        (known && repeat <= 1).then_some(Self { repeat, code, element })
    }

    /// Bytes of a row.
    pub(crate) fn row_bytes(&self) -> u64 {
        bytes_of(self.code, self.repeat as u64).unwrap_or(u64::MAX)
    }

    /// Whether it is a column of descriptors, one per row.
    pub(crate) fn is_array(&self) -> bool {
        matches!(self.code, b'P' | b'Q') && self.repeat == 1
    }

    /// Bytes of an array of so many elements in the heap; `None` if that is more than can be.
    pub(crate) fn array_bytes(&self, count: u64) -> Option<u64> {
        bytes_of(self.element, count)
    }

    /// Number of elements and place in the heap that a descriptor, the field of a row, names;
    /// `None` of negative ones.
    pub(crate) fn descriptor(&self, field: &[u8]) -> Option<(u64, u64)> {
        let (count, offset) = if self.code == b'P' {
            let word = |at: usize| Some(i32::from_be_bytes(field.get(at..at + 4)?.try_into().ok()?));
            (i64::from(word(0)?), i64::from(word(4)?))
        } else {
            let word = |at: usize| Some(i64::from_be_bytes(field.get(at..at + 8)?.try_into().ok()?));
            (word(0)?, word(8)?)
        };
        // Where there is no array, its place means nothing.
        let offset = if count == 0 { 0 } else { offset };
        Some((u64::try_from(count).ok()?, u64::try_from(offset).ok()?))
    }
}

/// Bytes of `count` elements of a type.
fn bytes_of(code: u8, count: u64) -> Option<u64> {
    match code {
        b'X' => Some(count.div_ceil(8)),
        code => count.checked_mul(width(code)? as u64),
    }
}

/// Bytes of one element; bits (X) are no whole byte.
fn width(code: u8) -> Option<usize> {
    Some(match code {
        b'L' | b'B' | b'A' => 1,
        b'I' => 2,
        b'J' | b'E' => 4,
        b'K' | b'D' | b'C' | b'P' => 8,
        b'M' | b'Q' => 16,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_every_kind() {
        let bytes = |form: &str| Form::parse(form).map(|form| form.row_bytes());
        let cases = [("L", 1), ("11X", 2), ("0I", 0), ("3J", 12), (" 2E ", 8), ("M", 16), ("12A", 12)];
        for (form, expected) in
            cases.into_iter().chain([("60A12", 60), ("PI(9)", 8), ("1qd", 16), ("0PB", 0)])
        {
            assert_eq!(bytes(form), Some(expected), "{form}");
        }
        for form in ["", "7", "Y", "2PI", "1P", "1PQ(3)", "PP", "99999999999I"] {
            assert_eq!(bytes(form), None, "{form}");
        }
        let bits = Form::parse("1PX(77)").unwrap();
        assert_eq!((bits.array_bytes(77), bits.is_array()), (Some(10), true));
        assert_eq!(Form::parse("1QM").unwrap().array_bytes(u64::MAX), None);
    }

    #[test]
    fn descriptors_are_narrow_or_wide() {
        let of = |form: &str, field: &[u8]| Form::parse(form).unwrap().descriptor(field);
        assert_eq!(of("PI", &[0, 0, 0, 3, 0, 0, 1, 0]), Some((3, 256)));
        assert_eq!(of("QI", &[0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 1, 0]), Some((3, 256)));
        assert_eq!(of("PI", &[0, 0, 0, 0, 0xff, 0, 0, 0]), Some((0, 0)));
        assert_eq!(of("PI", &[0xff, 0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(of("PI", &[0, 0, 0, 1, 0xff, 0, 0, 0]), None);
        assert_eq!(of("PI", &[0; 7]), None);
    }
}
