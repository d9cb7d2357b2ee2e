//! Where a split's files are stated: a list of the benchmark, or Parquet files by name.

use super::source::HubSource;
use super::split::{Part, SPLITS};
use crate::{Card, Error, Result};

/// A place at which the images of a split are to be had.
pub(super) struct Place<'a> {
    pub(super) revision: &'a str,
    pub(super) files: Files<'a>,
}

pub(super) enum Files<'a> {
    /// The files that a list states, or a part of them.
    List(&'static str, Part),
    /// Parquet files, whose rows are the images.
    Rows(&'a [String]),
}

impl<'a> Place<'a> {
    /// The places of a split, at least one; the first that can be had counts.
    ///
    /// # Errors
    /// If there is no such split.
    pub(super) fn of(source: &'a HubSource, split: &str, card: &Card) -> Result<Vec<Self>> {
        let rows = |rows: &'a std::collections::BTreeMap<String, Vec<String>>| {
            rows.get(split).filter(|files| !files.is_empty()).map(|files| Files::Rows(files))
        };
        let lists = if source.row_files.is_empty() { &SPLITS[..] } else { &[] };
        let list =
            || lists.iter().find(|(name, ..)| *name == split).map(|(_, list, part)| Files::List(list, *part));
        let own = rows(&source.row_files).or_else(list);
        let own = own.map(|files| Self { revision: &source.revision, files });
        let converted = source.converted.as_ref();
        let other = converted.and_then(|converted| {
            Some(Self { revision: &converted.revision, files: rows(&converted.row_files)? })
        });
        let places: Vec<Self> = own.into_iter().chain(other).collect();
        if places.is_empty() {
            let own = lists.iter().map(|(name, ..)| *name).chain(source.row_files.keys().map(String::as_str));
            let other =
                converted.into_iter().flat_map(|converted| converted.row_files.keys().map(String::as_str));
            let mut names: Vec<&str> = vec![];
            own.chain(other).for_each(|name| {
                if !names.contains(&name) {
                    names.push(name)
                }
            });
            let what = format!("{}@{split}", card.name);
            return Err(Error::missing(what, format!("no such split, there are: {}", names.join(", "))));
        }
        Ok(places)
    }

    /// The file that is needed first, or a pattern of its name.
    pub(super) fn wanted(&self) -> &str {
        match self.files {
            Files::List(list, _) => list,
            Files::Rows(files) => &files[0],
        }
    }
}
