//! Runs as a page: `report.html`, which needs no other file, and `report.md` with its plots beside
//! it.

use crate::Result;
use crate::charts::size_speed;
use crate::names::Names;
use crate::save::{make_folder, save};
use crate::sections;
pub use crate::sources::{ReportOptions, Sources};
use crate::summary::summarise;
use crate::tables::overview;
use nf_bench::Run;
use nf_bench::files::write_atomically;
use std::path::{Path, PathBuf};

/// Writes the report on `runs` into the folder `out`, and gives the path of the page.
///
/// # Errors
/// If a file cannot be written.
pub fn write_report(runs: &[Run], sources: &Sources, options: &ReportOptions, out: &Path) -> Result<PathBuf> {
    save(sections::document(runs, sources, options), out)
}

/// The two plots of size against speed of a run, as SVG files `<stem>-encode.svg` and
/// `<stem>-decode.svg`.
///
/// # Errors
/// If a file cannot be written.
pub fn write_size_speed(run: &Run, names: &Names, stem: &Path) -> Result<Vec<PathBuf>> {
    let all = overview(run, &summarise(run));
    let plots = size_speed(&all, names, "x");
    let name = |direction: &str| {
        let stem = stem.file_name().unwrap_or_default().to_string_lossy().into_owned();
        format!("{stem}-{direction}.svg")
    };
    let mut paths = vec![];
    for (plot, direction) in plots.iter().zip(["encode", "decode"]) {
        let path = stem.with_file_name(name(direction));
        make_folder(path.parent().unwrap_or(Path::new("")))?;
        write_atomically(&path, plot.standalone_svg().as_bytes())?;
        paths.push(path);
    }
    Ok(paths)
}
