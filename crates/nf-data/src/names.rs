//! Names: what a file's name says it holds, how it is shown, and names from outside as file names.

use nf_image::Digest;
use std::ffi::OsStr;
use std::fmt::Write;

/// Endings of the names of FITS files.
const FITS: [&str; 3] = [".fits", ".fit", ".fts"];
/// What a program that compresses the images in a FITS file adds to its name.
const TILE_COMPRESSED: &str = ".fz";
/// What a program that compresses a file as a whole adds to its name.
const COMPRESSED: [&str; 3] = [".gz", ".bz2", ".z"];
/// Ending of the names of Parquet files, every row of which is an image file of its own.
const ROWS: &str = ".parquet";
const NUMPY: &str = ".npy";
/// What [`image_stem`] takes, in words.
pub(crate) const READABLE: &str = ".fits, .fit or .fts (also with .fz, .gz, .bz2 or .Z), .npy or .parquet";

/// Whether a name is that of an image file which is read: FITS, `.npy` or Parquet, in either case
/// of letters.
pub fn is_image_name(name: &str) -> bool {
    image_stem(name).is_some()
}

/// A file's name without the ending that says it holds images, in letters of either case; `None` if
/// it has no such ending.
pub(crate) fn image_stem(name: &str) -> Option<&str> {
    let of_fits = |name| {
        let added = ["", TILE_COMPRESSED].into_iter().chain(COMPRESSED);
        let ends = added.filter_map(|ending| without(name, ending));
        ends.flat_map(|rest| FITS.iter().filter_map(move |ending| without(rest, ending))).next()
    };
    of_fits(name).or_else(|| without(name, NUMPY)).or_else(|| without(name, ROWS))
}

/// Whether the name is that of a Parquet file.
pub(crate) fn is_rows(name: &str) -> bool {
    without(name, ROWS).is_some()
}

/// Whether the name is that of a file of which nothing can be read without all of it.
pub(crate) fn is_read_as_a_whole(name: &str) -> bool {
    COMPRESSED.iter().chain([&NUMPY]).any(|ending| without(name, ending).is_some())
}

/// Whether a name that is not taken as that of an image file looks like one: `a.fits.xz`,
/// `b.fit.zip`, `c.fits~`.
pub(crate) fn looks_like_an_image(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    FITS.iter().any(|ending| {
        name.split_once(ending).is_some_and(|(stem, rest)| {
            !stem.is_empty() && !rest.starts_with(|next: char| next.is_ascii_alphanumeric())
        })
    })
}

fn without<'a>(name: &'a str, ending: &str) -> Option<&'a str> {
    let (stem, end) = name.split_at_checked(name.len().checked_sub(ending.len())?)?;
    end.eq_ignore_ascii_case(ending).then_some(stem)
}

/// A name of the system as text: what is no Unicode is shown as `\xE9`, so that two names stay two.
pub(crate) fn shown(name: &OsStr) -> String {
    let mut text = String::with_capacity(name.len());
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        text.push_str(&printable(chunk.valid()));
        for byte in chunk.invalid() {
            write!(text, "\\x{byte:02X}").expect("a String takes all that is written to it");
        }
    }
    text
}

/// A name from outside as it may be printed: what would move the cursor, change colours or turn the
/// direction of writing is shown as `\u{1b}`.
pub fn printable(name: &str) -> String {
    let acts = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    name.chars().fold(String::with_capacity(name.len()), |mut text, c| {
        if acts(c) {
            text.extend(c.escape_unicode())
        } else {
            text.push(c)
        }
        text
    })
}

/// Longest stem of a file's name that [`file_stem`] makes, bytes.
const MOST_STEM_BYTES: usize = 120;
/// Names that Windows keeps for devices, whatever their ending.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// A name from outside (a list of the hub, a table, a manifest) as the stem of a file's name:
/// letters and digits of ASCII, `.`, `_` and `-` stay, all else becomes `-`. A name that had to be
/// changed gets eight digits of its BLAKE3 digest at the end, so that different names stay
/// different.
///
/// ```
/// assert_eq!(nf_data::file_stem("a.0_raw-1"), "a.0_raw-1");
/// let stem = nf_data::file_stem("../../etc/passwd");
/// assert!(stem.starts_with("etc-passwd-") && stem.len() == 19, "{stem}");
/// ```
pub fn file_stem(name: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let stem: String = name.chars().map(kept).collect();
    let stem = stem.trim_start_matches(['.', '-']);
    let stem = &stem[..stem.len().min(MOST_STEM_BYTES)];
    let first = stem.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let device = DEVICES.contains(&first.trim_end_matches(|c: char| c.is_ascii_digit()));
    // Windows drops dots at the end of a name.
    if stem == name && !stem.is_empty() && !device && !stem.ends_with('.') {
        return stem.to_owned();
    }
    let digest = Digest::of_bytes(name.as_bytes()).to_string();
    let stem = if stem.is_empty() || device { "image" } else { stem.trim_end_matches('.') };
    format!("{stem}-{}", &digest[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_in_either_case() {
        for (name, stem) in [
            ("a.fits", "a"),
            ("B.FITS", "B"),
            ("C.FIT", "C"),
            ("d.fit.fz", "d"),
            ("e.Fts.GZ", "e"),
            ("f.fits.fz", "f"),
            ("g.NPY", "g"),
            ("h.1.parquet", "h.1"),
            ("ü.fits", "ü"),
        ] {
            assert_eq!(image_stem(name), Some(stem), "{name}");
            assert!(!looks_like_an_image(name) || image_stem(name).is_some());
        }
        for name in ["a.fits.zst", "a.FIT.zip", "a.fits~", "a.fts.xz", "a.fits.part"] {
            assert!(image_stem(name).is_none() && looks_like_an_image(name), "{name}");
        }
        for name in ["fits", "a.fitsio", "README.txt", "a.fz", "\u{e9}", "MANIFEST.json"] {
            assert!(image_stem(name).is_none() && !looks_like_an_image(name), "{name}");
        }
    }

    #[test]
    fn compressed_files_and_arrays_are_read_as_a_whole() {
        for name in ["a.fits.gz", "A.FIT.GZ", "a.fits.bz2", "a.fts.Z", "a.npy"] {
            assert!(is_read_as_a_whole(name), "{name}");
        }
        for name in ["a.fits", "a.fits.fz", "a.gz.fits", "a.dat"] {
            assert!(!is_read_as_a_whole(name), "{name}");
        }
    }

    #[test]
    fn names_from_outside_stay_where_they_are_put() {
        for name in [
            "../x",
            "/etc/x",
            "..",
            ".",
            "",
            "a/../../b",
            "a\\b",
            "c:d",
            "a\0b",
            "NUL",
            "com1.fits",
            "x\u{202e}y",
            "-rf",
            ".hidden",
            "a ",
            "dot.",
        ] {
            let stem = file_stem(name);
            assert!(stem.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)), "{stem}");
            assert!(!stem.starts_with(['.', '-']) && !stem.ends_with('.'), "{name}: {stem}");
            assert_ne!(stem, name);
        }
        assert!(file_stem(&"x".repeat(5000)).len() < 200);
        assert_ne!(file_stem("a/b"), file_stem("a b"));
        assert_ne!(file_stem("a/b"), file_stem("a-b"));
        assert_eq!(file_stem("night_b.p004"), "night_b.p004");
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_no_text_are_shown() {
        use std::os::unix::ffi::OsStrExt;
        assert_eq!(shown(OsStr::from_bytes(b"fr\xe9d.fits")), "fr\\xE9d.fits");
        assert_ne!(shown(OsStr::from_bytes(b"\xe8")), shown(OsStr::from_bytes(b"\xe9")));
        assert_eq!(shown(OsStr::new("ü")), "ü");
    }
}
