//! Words for file names and anchors.

use std::collections::BTreeSet;

/// Lower case letters, digits and hyphens.
pub(crate) fn slug(text: &str) -> String {
    let plain: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    plain.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

/// Longest word made of a name: file systems take 255 bytes, and endings are added.
const LONGEST_CHARS: usize = 120;

/// A word for `text` that is not among those taken, which it joins; `fallback` where nothing of the
/// text can stay.
pub(crate) fn unique_slug(text: &str, fallback: &str, taken: &mut BTreeSet<String>) -> String {
    let whole = slug(text);
    let stem = whole[..whole.len().min(LONGEST_CHARS)].trim_end_matches('-');
    let stem = if stem.is_empty() { fallback } else { stem };
    let mut word = stem.to_owned();
    for number in 2.. {
        if taken.insert(word.clone()) {
            break;
        }
        word = format!("{stem}-{number}");
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_words_of_their_own() {
        let mut taken = BTreeSet::new();
        let mut word = |text: &str| unique_slug(text, "figure", &mut taken);
        assert_eq!(word("../A b.fits"), "a-b-fits");
        assert_eq!(word("a_b/FITS"), "a-b-fits-2");
        assert_eq!(word("a b fits"), "a-b-fits-3");
        assert_eq!((word("\u{661f}"), word("")), ("figure".into(), "figure-2".into()));
        assert_eq!(word(&"x".repeat(1000)).len(), LONGEST_CHARS);
    }
}
