//! How astronomers name a part of a file: `frame.fits[SCI,2][101:200,*]`.

use crate::image::ImageHdu;
use crate::section::Section;
use crate::{Error, FitsFile, Hdu, HduKind, Result};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// A file, one of its HDUs and a section of it.
///
/// The HDU is a number, an EXTNAME, or an EXTNAME and an EXTVER (`[SCI,2]`); the section is
/// `[x0:x1,y0:y1]`, counted from 1, ends included, `*` for a whole axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What stands before the brackets.
    pub path: PathBuf,
    /// What stands between the brackets of the HDU.
    pub hdu: Option<String>,
    /// What stands between the brackets of the section.
    pub section: Option<String>,
}

impl Target {
    /// Takes a target apart; brackets that are no HDU and no section belong to the path.
    pub fn parse(text: impl AsRef<OsStr>) -> Self {
        Self::parse_unless(text.as_ref(), |_| false)
    }

    /// As [`Target::parse`], but a file that exists goes by its whole name: where there is a file
    /// `m31[1]`, that is what `m31[1]` means.
    pub fn locate(text: impl AsRef<OsStr>) -> Self {
        Self::parse_unless(text.as_ref(), Path::exists)
    }

    fn parse_unless(text: &OsStr, is_path: impl Fn(&Path) -> bool) -> Self {
        let mut target = Self { path: text.into(), hdu: None, section: None };
        while !is_path(&target.path) {
            let Some((before, inner)) = last_brackets(target.path.as_os_str()) else { break };
            let is_section = inner.contains([':', '*']);
            match (is_section, &target.section, &target.hdu) {
                (true, None, None) => target.section = Some(inner),
                (false, _, None) => target.hdu = Some(inner),
                _ => break,
            }
            target.path = before;
        }
        target
    }

    /// The image that is meant: that of the HDU named, or the first one. Where several images have
    /// the name, the first is taken, as by other programs, with a warning.
    ///
    /// # Errors
    /// If there is no such HDU, or no image in it.
    pub fn image<'a>(&self, file: &'a FitsFile) -> Result<ImageHdu<'a>> {
        let Some(wanted) = self.hdu.as_deref().map(str::trim) else {
            let unreadable = |hdu: &&Hdu| matches!(hdu.kind(), HduKind::UnreadableImage);
            return match (file.image_hdus().next(), file.hdus().iter().find(unreadable)) {
                (Some(image), _) => Ok(image),
                (None, Some(hdu)) => file.image(hdu.index()),
                (None, None) => Err(Error::no_image(format!("the file holds no image{}", fault(file)))),
            };
        };
        match wanted.parse() {
            Ok(index) => file.image(index),
            Err(_) => named(file, wanted),
        }
    }

    /// The section that is meant, of an image of these axes; axes that are not named are taken
    /// whole.
    ///
    /// # Errors
    /// If the text is no section, or it does not lie inside the image.
    pub fn section(&self, image: &ImageHdu<'_>) -> Result<Section> {
        let axes = image.axes();
        let mut section = Section::whole(axes);
        let Some(text) = &self.section else { return Ok(section) };
        let wrong = || {
            let problem =
                format!("'[{text}]' is no section of axes {axes:?}, expected such as [x0:x1,y0:y1]");
            Error::request(image.index(), problem)
        };
        for (n, part) in text.split(',').map(str::trim).enumerate() {
            let range = section.0.get_mut(n).ok_or_else(wrong)?;
            if part == "*" {
                continue;
            }
            let (first, last) = part.split_once(':').unwrap_or((part, part));
            let number = |text: &str| text.trim().parse::<usize>().map_err(|_| wrong());
            let (first, last) = (number(first)?, number(last)?);
            if first < 1 || last < first || last > range.end {
                return Err(wrong());
            }
            *range = first - 1..last;
        }
        Ok(section)
    }
}

/// What stands before the last brackets of a path, and what between them, if it ends in brackets.
/// The path may be any bytes, what the brackets hold must be text.
#[cfg(unix)]
fn last_brackets(path: &OsStr) -> Option<(PathBuf, String)> {
    use std::os::unix::ffi::OsStrExt;
    let inner = path.as_bytes().strip_suffix(b"]")?;
    let open = inner.iter().rposition(|&byte| byte == b'[')?;
    let text = String::from_utf8(inner[open + 1..].to_vec()).ok()?;
    Some((OsStr::from_bytes(&inner[..open]).into(), text))
}

#[cfg(not(unix))]
fn last_brackets(path: &OsStr) -> Option<(PathBuf, String)> {
    let (before, inner) = path.to_str()?.strip_suffix(']')?.rsplit_once('[')?;
    Some((before.into(), inner.to_owned()))
}

/// The image of that EXTNAME, or EXTNAME and EXTVER.
fn named<'a>(file: &'a FitsFile, wanted: &str) -> Result<ImageHdu<'a>> {
    let with_version = wanted
        .rsplit_once(',')
        .and_then(|(name, version)| Some((name.trim(), version.trim().parse::<i64>().ok()?)));
    let version = |hdu: &Hdu| hdu.header().integer("EXTVER").ok().flatten().unwrap_or(1);
    let has_name = |hdu: &Hdu, name: &str| match hdu.name() {
        Some(found) => found.trim().eq_ignore_ascii_case(name),
        None => hdu.index() == 0 && name.eq_ignore_ascii_case("PRIMARY"),
    };
    let matches = |hdu: &&Hdu| match with_version {
        // A name may hold a comma itself.
        Some((name, number)) => has_name(hdu, wanted) || has_name(hdu, name) && version(hdu) == number,
        None => has_name(hdu, wanted),
    };
    let found: Vec<&Hdu> = file.hdus().iter().filter(matches).collect();
    let images: Vec<ImageHdu<'_>> = found.iter().filter_map(|hdu| file.image(hdu.index()).ok()).collect();
    match (&images[..], &found[..]) {
        ([], []) => Err(Error::no_image(format!("no HDU is named '{wanted}'{}{}", names(file), fault(file)))),
        ([], [hdu, ..]) => file.image(hdu.index()),
        ([image], _) => Ok(*image),
        ([first, ..], _) => {
            let all: Vec<String> = images
                .iter()
                .map(|image| format!("HDU {} (EXTVER {})", image.index(), version(image.hdu())))
                .collect();
            tracing::warn!(
                "{} images are named '{wanted}': {}; the first is taken, [NAME,EXTVER] or [NUMBER] names another",
                all.len(),
                all.join(", ")
            );
            Ok(*first)
        }
    }
}

/// What is wrong with the rest of the file, for a message.
fn fault(file: &FitsFile) -> String {
    file.fault().map(|fault| format!("; {fault}")).unwrap_or_default()
}

/// The names that there are, for a message.
fn names(file: &FitsFile) -> String {
    let names: Vec<String> = file
        .hdus()
        .iter()
        .filter_map(|hdu| {
            let version = hdu.header().integer("EXTVER").ok().flatten();
            Some(hdu.name()? + &version.map(|version| format!(",{version}")).unwrap_or_default())
        })
        .collect();
    if names.is_empty() { String::new() } else { format!("; there are {}", names.join(" ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::write::{integer, text};
    use crate::header::Header;

    fn target(path: &str, hdu: Option<&str>, section: Option<&str>) -> Target {
        Target { path: path.into(), hdu: hdu.map(Into::into), section: section.map(Into::into) }
    }

    #[test]
    fn targets_are_taken_apart() {
        assert_eq!(Target::parse("a.fits"), target("a.fits", None, None));
        assert_eq!(Target::parse("a.fits[1]"), target("a.fits", Some("1"), None));
        assert_eq!(Target::parse("a.fits[1:2,3:4]"), target("a.fits", None, Some("1:2,3:4")));
        assert_eq!(Target::parse("a.fits[SCI][*,3:4]"), target("a.fits", Some("SCI"), Some("*,3:4")));
        assert_eq!(Target::parse("a.fits[SCI,2][1:2]"), target("a.fits", Some("SCI,2"), Some("1:2")));
        assert_eq!(Target::parse("a[1].fits"), target("a[1].fits", None, None));
        assert_eq!(Target::parse("a[1][2][3:4]"), target("a[1]", Some("2"), Some("3:4")));
    }

    #[test]
    fn files_that_exist_go_by_their_whole_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("m31[1]"), b"").unwrap();
        std::fs::write(path("m31"), b"").unwrap();
        let located = |name: &str| {
            let Target { path, hdu, section } = Target::locate(path(name));
            (path.file_name().unwrap().to_str().unwrap().to_owned(), hdu, section)
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(located("m31[1]"), ("m31[1]".into(), None, None));
        assert_eq!(located("m31[1][2]"), ("m31[1]".into(), some("2"), None));
        assert_eq!(located("m31[1][5:6,*]"), ("m31[1]".into(), None, some("5:6,*")));
        assert_eq!(located("m31[2][5:6,*]"), ("m31".into(), some("2"), some("5:6,*")));
    }

    #[cfg(unix)]
    #[test]
    fn paths_are_bytes() {
        use std::os::unix::ffi::OsStrExt;
        let found = Target::parse(OsStr::from_bytes(b"fr\xe9d.fits[1][2:3]"));
        assert_eq!(found.path.as_os_str().as_bytes(), b"fr\xe9d.fits");
        assert_eq!((found.hdu.as_deref(), found.section.as_deref()), (Some("1"), Some("2:3")));
    }

    /// A file of one-pixel images of these names and versions; the pixel is the number of the HDU.
    fn file(hdus: &[(&str, Option<i64>)]) -> FitsFile {
        let mut bytes = Vec::new();
        for (index, (name, version)) in hdus.iter().enumerate() {
            let mut cards = vec![if index == 0 {
                crate::card::write::logical("SIMPLE", true, "")
            } else {
                text("XTENSION", "IMAGE", "")
            }];
            cards.extend([integer("BITPIX", 8, ""), integer("NAXIS", 1, ""), integer("NAXIS1", 1, "")]);
            if !name.is_empty() {
                cards.push(text("EXTNAME", name, ""));
            }
            cards.extend(version.map(|version| integer("EXTVER", version, "")));
            bytes.extend_from_slice(Header::from_cards(cards.iter().map(|card| &card[..]), index).bytes());
            bytes.push(index as u8);
            bytes.resize(bytes.len().next_multiple_of(2880), 0);
        }
        FitsFile::from_bytes(bytes).unwrap()
    }

    #[test]
    fn extensions_go_by_name_and_version() {
        let file = file(&[
            ("", None),
            ("SCI", Some(1)),
            ("ERR", None),
            ("SCI", Some(2)),
            ("A,2", None),
            ("A", Some(2)),
            ("DQ", None),
        ]);
        let index = |name: &str| {
            target("f", Some(name), None).image(&file).map(|image| image.index()).map_err(|e| e.to_string())
        };
        for (name, expected) in [
            ("SCI,2", 3),
            ("SCI,1", 1),
            ("sci , 2", 3),
            ("SCI", 1),
            ("ERR,1", 2),
            ("A,2", 4),
            ("3", 3),
            ("primary", 0),
        ] {
            assert_eq!(index(name), Ok(expected), "{name}");
        }
        let error = index("SCI,3").unwrap_err();
        assert_eq!(error, "no HDU is named 'SCI,3'; there are SCI,1 ERR SCI,2 A,2 A,2 DQ");
        assert!(index("ERR,2").is_err());
        assert!(index("7").is_err());
    }
}
