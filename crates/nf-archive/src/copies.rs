//! The copies of detector profiles in an archive: what was coded with a profile is done only while
//! its copy is there and intact.

use crate::profiles::KEY;
use crate::row::{Method, Row};
use nf_codec::container::Reader;
use nf_codec::{Limits, Result};
use nf_profile::{Id, format, library};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::sync::OnceLock;

/// The profiles that lie in an archive, read when the first of them is asked for.
pub(crate) struct Copies<'a> {
    archive: &'a Path,
    intact: OnceLock<BTreeSet<[u8; 8]>>,
}

impl<'a> Copies<'a> {
    pub(crate) fn of(archive: &'a Path) -> Self {
        Self { archive, intact: OnceLock::new() }
    }

    /// Whether the output of a receipt needs no profile beside it, or an intact copy of it lies in
    /// the archive.
    pub(crate) fn have_profile_of(&self, row: &Row) -> bool {
        // Only what was asked for with a profile may need one; the container says which.
        if row.method == Method::Copy || !row.spec.contains(KEY) {
            return true;
        }
        let needed = needed(&self.archive.join(&row.output));
        needed.is_ok_and(|id| id.is_none_or(|id| self.intact().contains(&id.key)))
    }

    /// The keys of the intact ones.
    fn intact(&self) -> &BTreeSet<[u8; 8]> {
        self.intact.get_or_init(|| {
            let read = |path| format::outline(&fs::read(path).ok()?, &Limits::default()).ok();
            library::files(self.archive).into_iter().filter_map(read).map(|outline| outline.id.key).collect()
        })
    }
}

/// The profile that a container needs and does not carry.
fn needed(container: &Path) -> Result<Option<Id>> {
    let what = || container.display().to_string();
    let file = File::open(container).map_err(|source| nf_codec::Error::Io { what: what(), source })?;
    let reader = Reader::open(file, Limits::default())?;
    let header = reader.header();
    match header.codec.get(KEY) {
        Some(id) if header.profile.is_none() => id.parse().map(Some),
        _ => Ok(None),
    }
}
