//! What the names of files say of them.

use std::path::{Path, PathBuf};

/// Endings of files of pixels, as they are without compression.
const FITS: [&str; 3] = ["fits", "fit", "fts"];
const NPY: &str = "npy";
/// The ending of containers.
pub const CONTAINER: &str = "nfl";
/// The ending of bounded containers.
pub const BOUNDED: &str = "nfb";
/// The ending of tile-compressed FITS files.
pub const PACKED: &str = "fz";
/// What programs that compress whole files append to names: gzip, bzip2 and `compress`.
const ZIPPED: [&str; 3] = ["gz", "bz2", "z"];

/// Whether a name has this ending, whatever its case.
pub fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending))
}

/// Whether a name is that of a FITS file, plain.
pub fn is_fits(path: &Path) -> bool {
    FITS.iter().any(|ending| has_ending(path, ending))
}

/// Whether a name is that of a file of pixels, FITS or .npy, plain.
pub fn is_plain(path: &Path) -> bool {
    is_fits(path) || has_ending(path, NPY)
}

/// Whether a name is that of a FITS file, plain or compressed as a whole.
pub fn is_fits_or_zipped(path: &Path) -> bool {
    is_fits(&unzipped(path))
}

/// The name without the ending of gzip, bzip2 or `compress`, if it has one.
pub fn unzipped(path: &Path) -> PathBuf {
    let zipped = ZIPPED.iter().any(|ending| has_ending(path, ending));
    if zipped { path.with_extension("") } else { path.to_owned() }
}

/// Whether a name is that of a tile-compressed FITS file.
pub fn is_packed(path: &Path) -> bool {
    has_ending(path, PACKED)
}

/// Whether a name is that of a container.
pub fn is_container(path: &Path) -> bool {
    has_ending(path, CONTAINER)
}

/// Whether a name is that of a bounded container.
pub fn is_bounded(path: &Path) -> bool {
    has_ending(path, BOUNDED)
}

/// Whether a name is that of a container, lossless or bounded.
pub fn is_any_container(path: &Path) -> bool {
    is_container(path) || is_bounded(path)
}

/// Whether a name is that of a file that `compress` reads.
pub fn is_compressible(path: &Path) -> bool {
    is_plain(path) || is_fits_or_zipped(path) || is_packed(path)
}

/// Whether a name is that of a file that can be proved.
pub fn is_provable(path: &Path) -> bool {
    is_compressible(path) || is_any_container(path)
}

/// The name without this ending, if it has it.
pub fn without(path: &Path, ending: &str) -> PathBuf {
    if has_ending(path, ending) { path.with_extension("") } else { path.to_owned() }
}

/// The name of the file inside one that is compressed as a whole or in tiles.
pub fn inside(path: &Path) -> PathBuf {
    without(&unzipped(path), PACKED)
}

/// The name with one more ending; its bytes stay what they are.
pub fn with_ending(path: PathBuf, ending: &str) -> PathBuf {
    let mut name = path.into_os_string();
    name.push(".");
    name.push(ending);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_files_are() {
        for name in ["a.fits", "a.FIT", "a.fts", "a.fits.gz", "a.fits.bz2", "a.fit.Z", "a.fits.fz", "b/a.npy"]
        {
            assert!(is_compressible(Path::new(name)) && is_provable(Path::new(name)), "{name}");
        }
        for name in ["a.txt", "fits", "a.fits.bak", "a.gz", "a.nfl", ".fits"] {
            assert!(!is_compressible(Path::new(name)), "{name}");
        }
        assert!(is_provable(Path::new("a.nfl")) && !is_provable(Path::new("a")));
        assert_eq!(inside(Path::new("n/a.fits.gz")), Path::new("n/a.fits"));
        assert_eq!(inside(Path::new("n/a.fits.bz2")), Path::new("n/a.fits"));
        assert_eq!(inside(Path::new("n/a.fits.Z")), Path::new("n/a.fits"));
        assert_eq!(inside(Path::new("a.fits.FZ")), Path::new("a.fits"));
        assert_eq!(with_ending(inside(Path::new("a.fits")), CONTAINER), Path::new("a.fits.nfl"));
    }
}
