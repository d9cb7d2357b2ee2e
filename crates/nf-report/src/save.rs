//! A document as files.

use crate::document::{Block, Document};
use crate::{Error, Result, html, markdown};
use nf_bench::files::write_atomically;
use std::fs;
use std::path::{Path, PathBuf};

/// Writes a document as `report.html`, `report.md` and the folder `plots`.
pub(crate) fn save(document: Document, out: &Path) -> Result<PathBuf> {
    let document = &document.with_own_names();
    let plots = out.join(markdown::PLOTS);
    make_folder(&plots)?;
    for block in document.sections.iter().flat_map(|section| &section.blocks) {
        match block {
            Block::Plots(list) => {
                for plot in list {
                    write_atomically(
                        &plots.join(format!("{}.svg", plot.name)),
                        plot.standalone_svg().as_bytes(),
                    )?;
                    write_atomically(&plots.join(format!("{}.csv", plot.name)), plot.csv.as_bytes())?;
                }
            }
            Block::Pictures { pictures, .. } => {
                for picture in pictures {
                    write_atomically(&plots.join(format!("{}.png", picture.name)), &picture.png)?;
                    if let Some(grid) = &picture.grid {
                        write_atomically(
                            &plots.join(format!("{}.csv", picture.name)),
                            grid.csv().as_bytes(),
                        )?;
                    }
                }
            }
            _ => {}
        }
    }
    write_atomically(&out.join("report.md"), markdown::page(document).as_bytes())?;
    let page = out.join("report.html");
    write_atomically(&page, html::page(document).as_bytes())?;
    Ok(page)
}

pub(crate) fn make_folder(path: &Path) -> Result<()> {
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    fs::create_dir_all(path).map_err(Error::io(path))
}
