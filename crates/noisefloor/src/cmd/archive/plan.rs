//! Which files a shard has, and which of them are proved done.

use super::receipts::Known;
use super::row::{Identity, Row};
use crate::files::batch::place;
use crate::files::kinds::is_compressible;
use crate::files::walk::walk;
use anyhow::{Context, Error, Result, anyhow, bail, ensure};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A part of the files: the `part`-th of `parts`, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shard {
    pub(super) part: u32,
    pub(super) parts: u32,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is no shard, expected I/N with I from 1 to N, such as 3/16");
        let (part, parts) = text.split_once('/').ok_or_else(wrong)?;
        let shard =
            Self { part: part.parse().map_err(|_| wrong())?, parts: parts.parse().map_err(|_| wrong())? };
        if (1..=shard.parts).contains(&shard.part) { Ok(shard) } else { Err(wrong()) }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.parts)
    }
}

impl Shard {
    /// Whether a source belongs to this part: by its name alone, so that new files move no others.
    pub(super) fn has(self, source: &str) -> bool {
        let digest = blake3::hash(source.as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&digest.as_bytes()[..8]);
        u64::from_le_bytes(first) % u64::from(self.parts) == u64::from(self.part - 1)
    }
}

/// A source that is there.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// Its name below the folder of sources.
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
}

/// The work of a shard.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// To be worked on.
    pub(super) todo: Vec<Source>,
    /// Proved done, with their receipts.
    pub(super) done: Vec<(Source, Row)>,
    /// What could not be looked at.
    pub(super) failed: Vec<(PathBuf, Error)>,
    /// Files in the folders that are no FITS or .npy files, by their names.
    pub(super) others: u64,
}

/// Walks the folder of sources.
///
/// # Errors
/// If the two folders are one, or the sources lie in the archive.
pub(super) fn plan(sources: &Path, archive: &Path, shard: Shard, spec: &str, known: &Known) -> Result<Plan> {
    let meta = fs::metadata(sources).with_context(|| sources.display().to_string())?;
    ensure!(meta.is_dir(), "{}: expected a folder; `noisefloor compress` takes files", sources.display());
    let (from, to) = (place(sources), place(archive));
    if from.starts_with(&to) {
        bail!("{}: the sources lie in the archive; choose another folder for it", sources.display());
    }
    let found = walk(sources, &is_compressible, &|folder| place(folder) != to);
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
                match known.proved.get(&source.name).filter(|row| is_done(row, &source, archive, spec)) {
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
    let unchanged = Identity { bytes: row.source_bytes, mtime_ns: row.source_mtime_ns } == source.identity;
    let is_there = || {
        fs::metadata(archive.join(&row.output))
            .is_ok_and(|meta| meta.is_file() && meta.len() == row.output_bytes)
    };
    unchanged && row.spec == spec && row.check_names().is_ok() && is_there()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_is_in_one_part() {
        let names: Vec<String> = (0..1000).map(|i| format!("night/{i}.fits")).collect();
        let shards: Vec<Shard> = (1..=7).map(|part| Shard { part, parts: 7 }).collect();
        for name in &names {
            assert_eq!(shards.iter().filter(|shard| shard.has(name)).count(), 1, "{name}");
        }
        for shard in shards {
            let share = names.iter().filter(|name| shard.has(name)).count();
            assert!((90..200).contains(&share), "{shard} has {share} of 1000");
        }
    }

    #[test]
    fn shards_are_counted_from_one() {
        assert_eq!("3/16".parse(), Ok(Shard { part: 3, parts: 16 }));
        for text in ["0/4", "5/4", "1", "a/b", "1/0", "-1/2", "1/2/3"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
