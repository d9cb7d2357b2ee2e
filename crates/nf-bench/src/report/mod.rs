//! Runs as a page for people: `report.html`, which needs no other file, and `report.md` with its plots beside it.
//!
//! - `document`: what a report is made of; `html` and `markdown` write it.
//! - `sections`: from a run to sections; `frames`: pictures of its images.
//! - `charts`: from summaries to plots; `xy` (with the words of `labels`) and `heat` draw them; `plot` holds what they share.
//! - `picture`: pixels, bits and residuals of a frame.

pub(crate) mod charts;
pub(crate) mod document;
mod frames;
pub(crate) mod heat;
mod html;
mod labels;
mod markdown;
pub(crate) mod picture;
pub(crate) mod plot;
mod sections;
pub(crate) mod xy;

use crate::folder::{write, write_bytes};
use crate::run::{Opener, Run};
use crate::{Error, Result};
use document::{Block, Document};
use nf_codec::{Registry, Spec};
use std::fs;
use std::path::{Path, PathBuf};

/// How a report is made.
#[derive(Clone, Debug)]
pub struct ReportOptions {
    /// Frames shown of every run, at most; none where the data are absent.
    pub frames: usize,
    /// The codec whose sizes of blocks show where the bits go.
    pub map_codec: Spec,
    /// The command line, repeated at the end.
    pub command: String,
}

/// What a report needs besides the rows of its runs: codecs and pixels.
pub struct Sources<'a> {
    /// The codecs.
    pub registry: &'a Registry,
    /// Where datasets are found; what is missing is left out with a remark.
    pub open: &'a Opener<'a>,
    /// The log of a checkpoint's training (CSV: `step`, and columns in bits), if it is at hand.
    pub training: &'a dyn Fn(&str) -> Option<String>,
}

/// Writes the report on `runs` into the folder `out`, and gives the path of the page.
///
/// # Errors
/// If a file cannot be written.
pub fn write_report(runs: &[Run], sources: &Sources, options: &ReportOptions, out: &Path) -> Result<PathBuf> {
    save(&sections::document(runs, sources, options), out)
}

/// The two plots of size against speed of a run, as SVG files `<stem>-encode.svg` and `<stem>-decode.svg`.
///
/// # Errors
/// If a file cannot be written.
pub fn write_size_speed(run: &Run, stem: &Path) -> Result<Vec<PathBuf>> {
    let all = crate::table::overview(run, &crate::summary::summarise(run));
    let plots = charts::size_speed(&all, "x");
    let name = |direction: &str| {
        let stem = stem.file_name().unwrap_or_default().to_string_lossy().into_owned();
        format!("{stem}-{direction}.svg")
    };
    let mut paths = vec![];
    for (plot, direction) in plots.iter().zip(["encode", "decode"]) {
        let path = stem.with_file_name(name(direction));
        make_folder(path.parent().unwrap_or(Path::new("")))?;
        write(&path, &plot.standalone_svg())?;
        paths.push(path);
    }
    Ok(paths)
}

/// Writes a document as `report.html`, `report.md` and the folder `plots`.
pub(crate) fn save(document: &Document, out: &Path) -> Result<PathBuf> {
    let plots = out.join(markdown::PLOTS);
    make_folder(&plots)?;
    for block in document.sections.iter().flat_map(|section| &section.blocks) {
        match block {
            Block::Plots(list) => {
                for plot in list {
                    write(&plots.join(format!("{}.svg", plot.name)), &plot.standalone_svg())?;
                    write(&plots.join(format!("{}.csv", plot.name)), &plot.csv)?;
                }
            }
            Block::Pictures { pictures, .. } => {
                for picture in pictures {
                    write_bytes(&plots.join(format!("{}.png", picture.name)), &picture.png)?;
                    if let Some(grid) = &picture.grid {
                        write(&plots.join(format!("{}.csv", picture.name)), &grid.csv())?;
                    }
                }
            }
            _ => {}
        }
    }
    write(&out.join("report.md"), &markdown::page(document))?;
    let page = out.join("report.html");
    write(&page, &html::page(document))?;
    Ok(page)
}

fn make_folder(path: &Path) -> Result<()> {
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    fs::create_dir_all(path).map_err(Error::io(path))
}
