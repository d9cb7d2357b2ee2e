//! FITS files as the verbs open them, and what is said of all of them.

use crate::files::source::Source;
use crate::registry::{fits_of_bytes, open_fits};
use anyhow::{Context, Result};
use nf_fits::FitsFile;
use std::path::Path;

/// A FITS file, of which `-` is the one on the standard input.
pub(super) fn open(path: &Path) -> Result<FitsFile> {
    match path == Path::new("-") {
        false => open_fits(path),
        true => match Source::open(path)? {
            Source::Memory(bytes, name) => fits_of_bytes(bytes).context(name),
            Source::Disk(path) => open_fits(&path),
        },
    }
}

/// Turns pixels done into the share of a file whose pixels are seen so many times.
pub(super) fn shares<'a>(
    file: &FitsFile,
    times: u64,
    share: &'a mut dyn FnMut(f64),
) -> impl FnMut(u64) + use<'a> {
    let all: u64 = times * file.image_hdus().map(|image| image.pixels()).sum::<u64>();
    let mut done = 0;
    move |pixels| {
        done += pixels;
        share(done as f64 / all.max(1) as f64);
    }
}

/// Why a file should stay although its output proves equal: its last block is not whole, or it has
/// bytes behind its compressed data, which no output holds.
pub(crate) fn reason_to_keep(file: &FitsFile) -> Option<String> {
    let missing = file.missing_bytes();
    if file.has_ignored_bytes() {
        return Some(
            "bytes behind its compressed data are neither such data nor zero, and no output holds them"
                .into(),
        );
    }
    (missing > 0).then(|| format!("its last block lacks {missing} bytes, the file may have been cut"))
}
