//! A table inside another document, between markers that survive the next run.

use crate::{Error, Result};
use nf_bench::files::write_atomically;
use std::fs;
use std::path::Path;

/// Replaces what stands in `file` between `<!-- noisefloor:bench NAME -->` and the next
/// `<!-- /noisefloor:bench -->`; the rest stays as it is to the byte.
///
/// # Errors
/// If the file cannot be read or written, or lacks a marker.
pub fn splice(file: &Path, name: &str, content: &str) -> Result<()> {
    let text = fs::read_to_string(file).map_err(Error::io(file))?;
    let spliced =
        spliced(&text, name, content).map_err(|reason| Error::Splice { file: file.to_owned(), reason })?;
    if spliced != text {
        write_atomically(file, spliced.as_bytes())?;
    }
    Ok(())
}

fn spliced(text: &str, name: &str, content: &str) -> Result<String, String> {
    const CLOSING: &str = "<!-- /noisefloor:bench -->";
    let opening = format!("<!-- noisefloor:bench {name} -->");
    let mut places = text.match_indices(&opening);
    let (start, _) = places.next().ok_or_else(|| format!("there is no line '{opening}'"))?;
    if places.next().is_some() {
        return Err(format!("'{opening}' is there twice"));
    }
    let start = start + opening.len();
    let length =
        text[start..].find(CLOSING).ok_or_else(|| format!("'{opening}' is not closed by '{CLOSING}'"))?;
    if text[start..start + length].contains("<!-- noisefloor:bench ") {
        return Err(format!("'{opening}' is not closed by '{CLOSING}' before the next one opens"));
    }
    Ok(format!("{}\n\n{}\n\n{}", &text[..start], content.trim(), &text[start + length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a\n<!-- noisefloor:bench x -->\nold\n<!-- /noisefloor:bench -->\nb\n\
                        <!-- noisefloor:bench y --><!-- /noisefloor:bench -->";

    #[test]
    fn only_the_named_place_changes_and_twice_is_once() {
        let once = spliced(TEXT, "x", "| new |\n").unwrap();
        assert!(
            once.starts_with("a\n<!-- noisefloor:bench x -->\n\n| new |\n\n<!-- /noisefloor:bench -->\nb\n")
        );
        assert!(once.ends_with("<!-- noisefloor:bench y --><!-- /noisefloor:bench -->"));
        assert_eq!(spliced(&once, "x", "| new |\n").unwrap(), once);
        assert!(spliced(&once, "y", "z").unwrap().contains("| new |"));
    }

    #[test]
    fn missing_markers_are_named() {
        assert!(spliced(TEXT, "z", "").unwrap_err().contains("bench z"));
        assert!(spliced(&TEXT.replace("/noise", "/n"), "x", "").unwrap_err().contains("not closed"));
        assert!(spliced(&TEXT.replacen("<!-- /noise", "/n", 1), "x", "").unwrap_err().contains("next one"));
        assert!(spliced(&TEXT.repeat(2), "x", "").unwrap_err().contains("twice"));
    }

    #[test]
    fn files_are_replaced_and_errors_name_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("README.md");
        assert!(splice(&file, "x", "").unwrap_err().to_string().contains("README.md"));
        fs::write(&file, TEXT).unwrap();
        splice(&file, "x", "new").unwrap();
        assert!(fs::read_to_string(&file).unwrap().contains("\nnew\n"));
        assert!(splice(&file, "z", "").unwrap_err().to_string().contains("README.md"));
    }
}
