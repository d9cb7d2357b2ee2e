//! PLIO_1: the line lists of IRAF's pixel lists, run lengths for masks (FITS 4.0 section 10.4.3).
//!
//! A list is a header of seven 16-bit words (0, length of the header, -100, low 15 bits and high
//! bits of the length of the list, 0, 0), then words whose upper four bits are an instruction and
//! whose lower twelve are its operand `n`. A register holds the present high value, at first 1;
//! pixels are written from left to right:
//!
//! | code | name | what it does |
//! |---|---|---|
//! | 0 | ZN | `n` zeros |
//! | 1 | SH | the register becomes `n` + 4096 times the next word |
//! | 2, 3 | IH, DH | `n` is added to, or taken from, the register |
//! | 4 | HN | `n` pixels of the register's value |
//! | 5 | PN | `n` - 1 zeros and one pixel of the register's value |
//! | 6, 7 | IS, DS | as IH and DH, and one pixel of the new value |
//!
//! What the list does not reach is zero. Negative pixels cannot be coded, nor values above
//! 2^24 - 1.

/// The largest value that a list can hold.
pub const MAX_VALUE: i32 = (1 << 24) - 1;

/// Longest run of one instruction.
const MAX_RUN: usize = 4095;

const HEADER_WORDS: usize = 7;

/// Encodes pixels as big-endian words.
///
/// # Errors
/// If a pixel is negative or above [`MAX_VALUE`], or there are more than 2^30 words.
pub fn encode(pixels: &[i32]) -> Result<Vec<u8>, &'static str> {
    if pixels.iter().any(|pixel| !(0..=MAX_VALUE).contains(pixel)) {
        return Err("PLIO_1 holds values of 0 to 16777215 only");
    }
    let mut words: Vec<u16> = vec![0; HEADER_WORDS];
    let mut high = 1;
    let mut at = 0;
    while at < pixels.len() {
        let zeros = run(&pixels[at..], 0);
        let Some(&value) = pixels.get(at + zeros) else {
            zero_runs(&mut words, zeros);
            break;
        };
        let highs = run(&pixels[at + zeros..], value);
        at += zeros + highs;
        let step = value - high;
        high = value;
        if step != 0 && step.unsigned_abs() as usize > MAX_RUN {
            words.extend([0x1000 | (value & 0xfff) as u16, (value >> 12) as u16]);
        } else if step != 0 {
            words.push(if step < 0 { 0x3000 } else { 0x2000 } | step.unsigned_abs() as u16);
            if (zeros, highs) == (0, 1) {
                // One pixel of a new value: IH and DH become IS and DS.
                *words.last_mut().expect("a word was just pushed") |= 0x4000;
                continue;
            }
        }
        zero_runs(&mut words, zeros);
        // One pixel behind zeros: ZN becomes PN, unless the count would not fit (see
        // docs/interoperability.md).
        match words.last_mut().filter(|last| zeros > 0 && highs == 1 && usize::from(**last) < MAX_RUN) {
            Some(last) => *last += 0x5001,
            None => runs(&mut words, highs, 0x4000),
        }
    }
    let len =
        u32::try_from(words.len()).ok().filter(|len| len >> 30 == 0).ok_or("PLIO_1: the list is too long")?;
    words[1] = HEADER_WORDS as u16;
    words[2] = (-100i16) as u16;
    words[3] = (len & 0x7fff) as u16;
    words[4] = (len >> 15) as u16;
    Ok(words.iter().flat_map(|word| word.to_be_bytes()).collect())
}

/// How many pixels from the start have the value `value`.
fn run(pixels: &[i32], value: i32) -> usize {
    pixels.iter().take_while(|&&pixel| pixel == value).count()
}

fn zero_runs(words: &mut Vec<u16>, count: usize) {
    runs(words, count, 0);
}

fn runs(words: &mut Vec<u16>, mut count: usize, code: u16) {
    while count > 0 {
        let now = count.min(MAX_RUN);
        words.push(code | now as u16);
        count -= now;
    }
}

/// Fewest bytes that a list can have: a header (that of the old format has three words).
pub fn min_bytes() -> usize {
    6
}

/// Decodes `pixels` pixels from big-endian words.
///
/// # Errors
/// If the list contradicts its header, has an unknown instruction, or sets values that cannot be.
pub fn decode(bytes: &[u8], pixels: usize) -> Result<Vec<i32>, &'static str> {
    let words: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    let &[_, header, version, ..] = &words[..] else { return Err("PLIO_1: the list has no header") };
    // In the oldest format the third word is the length, and the instructions follow it.
    let (start, end) = if (version as i16) > 0 {
        (3, usize::from(version))
    } else {
        let &[_, _, _, low, high, ..] = &words[..] else { return Err("PLIO_1: the list has no length") };
        (usize::from(header), (usize::from(high) << 15) + usize::from(low))
    };
    let list = words.get(start..end).ok_or("PLIO_1: the list is shorter than its header says")?;
    let mut out = vec![0; pixels];
    let mut high = 1i32;
    let mut at = 0usize;
    let mut list = list.iter();
    let value = |value: i32| {
        if (0..=MAX_VALUE).contains(&value) { Ok(value) } else { Err("PLIO_1: a value beyond 24 bits") }
    };
    while at < pixels {
        let Some(&word) = list.next() else { break };
        let n = i32::from(word & 0xfff);
        // Runs may reach beyond the last pixel.
        let end = |count: i32| at.saturating_add(count as usize).min(pixels);
        match word >> 12 {
            0 => at = end(n),
            1 => {
                let upper = i32::from(*list.next().ok_or("PLIO_1: SH without its second word")?);
                high = value(upper.checked_mul(4096).ok_or("PLIO_1: a value beyond 24 bits")? + n)?;
            }
            2 => high = value(high + n)?,
            3 => high = value(high - n)?,
            4 => {
                let end = end(n);
                out[at..end].fill(high);
                at = end;
            }
            5 => {
                // The last of the n pixels is set, if it lies inside.
                let behind = at + n as usize;
                at = end(n);
                if n > 0 && behind <= pixels {
                    out[at - 1] = high;
                }
            }
            6 | 7 => {
                high = value(if word >> 12 == 6 { high + n } else { high - n })?;
                out[at] = high;
                at += 1;
            }
            _ => return Err("PLIO_1: an unknown instruction"),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(pixels: &[i32]) {
        let bytes = encode(pixels).unwrap();
        assert_eq!(decode(&bytes, pixels.len()).unwrap(), pixels);
    }

    fn masks() -> impl Strategy<Value = Vec<i32>> {
        let run = (prop_oneof![Just(0), 0..3i32, 0..5000i32, 0..=MAX_VALUE], 1usize..40);
        proptest::collection::vec(run, 0..60)
            .prop_map(|runs| runs.into_iter().flat_map(|(value, n)| std::iter::repeat_n(value, n)).collect())
    }

    proptest! {
        #[test]
        fn round_trip(pixels in masks()) {
            check(&pixels);
        }

        #[test]
        fn any_words_decode_or_fail(bytes in proptest::collection::vec(any::<u8>(), 0..300), n in 0usize..5000) {
            let _ = decode(&bytes, n);
        }
    }

    #[test]
    fn runs_around_the_longest_instruction() {
        for zeros in [0, 1, 4094, 4095, 4096, 8190, 8191] {
            for highs in [0, 1, 2, 4095, 4096, 4097] {
                let mut pixels = vec![0; zeros];
                pixels.resize(zeros + highs, 1);
                check(&pixels);
                pixels.resize(zeros + highs + 5, 70_000);
                check(&pixels);
            }
        }
    }

    #[test]
    fn known_lists() {
        let words =
            |bytes: Vec<u8>| bytes.chunks(2).map(|p| u16::from_be_bytes([p[0], p[1]])).collect::<Vec<_>>();
        // Three zeros and a one; then two pixels of 5000; then one of 4999.
        let list = words(encode(&[0, 0, 0, 1, 5000, 5000, 4999]).unwrap());
        assert_eq!(list[..7], [0, 7, 0xff9c, 12, 0, 0, 0]);
        assert_eq!(list[7..], [0x5004, 0x1388, 0x0001, 0x4002, 0x7001]);
    }

    #[test]
    fn values_out_of_range_are_refused() {
        assert!(encode(&[-1]).is_err());
        assert!(encode(&[MAX_VALUE + 1]).is_err());
    }

    #[test]
    fn illegal_lists_are_refused() {
        let list = |words: &[u16]| words.iter().flat_map(|w| w.to_be_bytes()).collect::<Vec<u8>>();
        for (words, reason) in [
            (&[0, 7][..], "header"),
            (&[0, 7, 0xff9c, 20, 0, 0, 0], "shorter"),
            (&[0, 7, 0xff9c, 8, 0, 0, 0, 0x8000], "unknown"),
            (&[0, 7, 0xff9c, 8, 0, 0, 0, 0x1000], "second word"),
            (&[0, 7, 0xff9c, 8, 0, 0, 0, 0x3002], "beyond"),
            (&[0, 9, 0xff9c, 8, 0, 0, 0, 0x4002], "shorter"),
        ] {
            let error = decode(&list(words), 10).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
