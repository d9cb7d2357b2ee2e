//! Names of files with stars.

/// The folder of a pattern, with its slash, and the pattern of the file's name.
pub(super) fn split(pattern: &str) -> (&str, &str) {
    pattern.split_at(pattern.rfind('/').map_or(0, |slash| slash + 1))
}

/// Whether a path is one that a pattern stands for. A star is anything but a slash, and stands in
/// the name of the file.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let ((folder, pattern), (own, name)) = (split(pattern), split(path));
    folder == own && name_matches(pattern, name)
}

pub(super) fn name_matches(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(start) else { return false };
    let (middle, end) = rest.rsplit_once('*').map_or(("", rest), |(middle, end)| (middle, end));
    // Between the first and the last star every piece is found as early as can be.
    for piece in middle.split('*').filter(|piece| !piece.is_empty()) {
        match left.split_once(piece) {
            Some((_, after)) => left = after,
            None => return false,
        }
    }
    left.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_are_anything_but_a_slash() {
        for (pattern, path, is_match) in [
            ("a/b.parquet", "a/b.parquet", true),
            ("a/*.parquet", "a/0000.parquet", true),
            ("a/*.parquet", "a/b/0000.parquet", false),
            ("a/*.parquet", "b/0000.parquet", false),
            ("*", "x", true),
            ("test-*-of-*.parquet", "test-00-of-07.parquet", true),
            ("test-*-of-*.parquet", "test-00.parquet", false),
            ("a*b*b", "a-b", false),
            ("a*b*b", "a-b-b", true),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(matches(pattern, path), is_match, "{pattern} {path}");
        }
    }
}
