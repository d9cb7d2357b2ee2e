//! Which files a shard has, and which of them are proved done.

use crate::copies::Copies;
use crate::kinds::is_compressible;
use crate::receipts::Known;
use crate::row::{Identity, Row};
use crate::shard::Shard;
use crate::walk::{place, walk};
use anyhow::{Context, Error, Result, anyhow, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};

/// A source that is there.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its name below the folder of sources.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its length and time when it was found.
    pub identity: Identity,
}

/// The work of a shard.
#[derive(Debug, Default)]
pub struct Plan {
    /// To be worked on.
    pub todo: Vec<Source>,
    /// Proved done, with their receipts.
    pub done: Vec<(Source, Row)>,
    /// What could not be looked at.
    pub failed: Vec<(PathBuf, Error)>,
    /// Files in the folders that are no FITS or .npy files, by their names.
    pub others: u64,
}

/// Walks the folder of sources.
///
/// # Errors
/// If the two folders are one, or the sources lie in the archive.
pub(crate) fn plan(sources: &Path, archive: &Path, shard: Shard, spec: &str, known: &Known) -> Result<Plan> {
    let meta = fs::metadata(sources).with_context(|| sources.display().to_string())?;
    ensure!(meta.is_dir(), "{}: expected a folder; `noisefloor compress` takes files", sources.display());
    let (from, to) = (place(sources), place(archive));
    if from.starts_with(&to) {
        bail!("{}: the sources lie in the archive; choose another folder for it", sources.display());
    }
    let found = walk(sources, &is_compressible, &|folder| place(folder) != to);
    let copies = Copies::of(archive);
    let mut plan = Plan { others: found.others, ..Plan::default() };
    plan.failed = found.failed.into_iter().map(|(path, error)| (path, error.into())).collect();
    for path in found.files {
        let Some(name) = name_below(&path, sources) else {
            plan.failed.push((path, anyhow!("its name is no UTF-8, which receipts are; rename it")));
            continue;
        };
        if !shard.has(&name) {
            continue;
        }
        match fs::metadata(&path).and_then(|meta| Identity::of(&meta)) {
            Err(error) => plan.failed.push((path, error.into())),
            Ok(identity) => {
                let source = Source { name, path, identity };
                let proved = known
                    .proved
                    .get(&source.name)
                    .filter(|row| is_done(row, &source, archive, spec) && copies.have_profile_of(row));
                match proved {
                    Some(row) => plan.done.push((source, row.clone())),
                    None => plan.todo.push(source),
                }
            }
        }
    }
    Ok(plan)
}

/// The name of a file below a folder, with `/` between its parts.
fn name_below(path: &Path, folder: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> =
        path.strip_prefix(folder).ok()?.components().map(|part| part.as_os_str().to_str()).collect();
    Some(parts?.join("/"))
}

/// Whether a receipt fits the source, the codec that is asked for, and the output as they are now.
fn is_done(row: &Row, source: &Source, archive: &Path, spec: &str) -> bool {
    let unchanged = row.identity() == source.identity;
    let is_there = || {
        fs::metadata(archive.join(&row.output))
            .is_ok_and(|meta| meta.is_file() && meta.len() == row.output_bytes)
    };
    unchanged && row.spec == spec && row.check_names().is_ok() && is_there()
}
