//! Which files of a folder are images.

use crate::names::{READABLE, image_stem, looks_like_an_image, shown};
use crate::{Error, Result};
use std::ffi::OsString;
use std::path::Path;

/// The files of a folder, sorted.
pub(crate) struct Names {
    /// Image files.
    pub(crate) taken: Vec<OsString>,
    /// Those that look like image files and are in no form that is read.
    pub(crate) left_out: Vec<String>,
}

/// Image files of a folder; hidden files and folders are not looked at.
pub(crate) fn every_image_file(folder: &Path) -> Result<Names> {
    let (mut names, mut left_out, mut folders) = (vec![], vec![], 0);
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
        let entry = entry.map_err(Error::io(folder))?;
        let (name, text) = (entry.file_name(), shown(&entry.file_name()));
        if entry.path().is_dir() {
            folders += 1;
        } else if text.starts_with('.') {
        } else if image_stem(&text).is_some() {
            if entry.path().exists() && !entry.path().is_file() {
                // A pipe would be waited for, for ever.
                tracing::warn!("{}: left out: no regular file", folder.join(&name).display());
            } else {
                names.push(name);
            }
        } else if looks_like_an_image(&text) {
            left_out.push(text);
        }
    }
    names.sort();
    left_out.sort();
    if names.is_empty() {
        let searched = if folders > 0 { "; folders in it are not searched" } else { "" };
        let left_out =
            if left_out.is_empty() { String::new() } else { format!(" (but {})", some_of(&left_out)) };
        let reason = format!("the folder holds no file whose name ends in {READABLE}{left_out}{searched}");
        return Err(Error::missing(folder.display().to_string(), reason));
    }
    Ok(Names { taken: names, left_out })
}

/// The first few of many names.
pub(crate) fn some_of(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let more = names.len().saturating_sub(SHOWN);
    let first = names[..names.len() - more].join(", ");
    if more == 0 { first } else { format!("{first} and {more} more") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_an_image_and_is_left_out_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str| std::fs::write(dir.path().join(name), name).unwrap();
        ["b.fits.xz", "c.FIT.zip", "MANIFEST.json", ".d.fits.part"].into_iter().for_each(write);
        let error = every_image_file(dir.path()).err().unwrap().to_string();
        assert!(error.contains("(but b.fits.xz, c.FIT.zip)"), "{error}");
        write("A.FITS");
        let names = every_image_file(dir.path()).unwrap();
        assert_eq!(
            (names.taken, names.left_out.join(" ")),
            (vec!["A.FITS".into()], "b.fits.xz c.FIT.zip".into())
        );
        let many: Vec<String> = (0..20).map(|i| i.to_string()).collect();
        assert_eq!(some_of(&many), "0, 1, 2, 3, 4, 5, 6, 7 and 12 more");
    }
}
