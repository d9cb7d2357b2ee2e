//! Which part of which repository, and how to stream it.

use super::client::HubOptions;
use super::copy::cache_of_other_clients;
use super::rule::Rule;
use super::split::Row;
use super::store::Store;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A repository of the hub, as a manifest names it.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct HubSource {
    /// `owner/name` of the dataset.
    pub repository: String,
    /// Branch, tag or commit.
    #[serde(default = "main_branch")]
    pub revision: String,
    /// Rules from files to images, by view.
    pub rules: BTreeMap<String, Rule>,
    /// Parquet files by split, instead of the benchmark's lists of FITS files: every row is a
    /// file's content.
    #[serde(default)]
    pub row_files: BTreeMap<String, Vec<String>>,
    /// Only rows of the split's list whose `image_id` starts so.
    #[serde(default)]
    pub id_prefix: Option<String>,
    /// Only rows of the split's list with this `telescope`.
    #[serde(default)]
    pub telescope: Option<String>,
}

impl HubSource {
    /// Whether a row of a split's list is one of the dataset's.
    pub(super) fn takes(&self, row: &Row) -> bool {
        self.id_prefix.as_ref().is_none_or(|prefix| row.id().starts_with(prefix))
            && self.telescope.as_ref().is_none_or(|name| row.telescope.as_ref() == Some(name))
    }
}

fn main_branch() -> String {
    "main".into()
}

/// What may be said about where and how to stream.
#[derive(Clone, Debug)]
pub struct StreamOptions {
    /// The hub.
    pub hub: HubOptions,
    /// Folder for fetched files.
    pub cache: PathBuf,
    /// Bytes that they may take.
    pub budget_bytes: u64,
    /// Folder in which other clients of the hub keep what they fetched; only read.
    pub other_cache: Option<PathBuf>,
    /// Files fetched ahead of the one asked for.
    pub ahead: usize,
    /// Whether files that were fetched before are compared with their digests when they are first
    /// asked for; wrong ones are fetched anew.
    pub check_fetched: bool,
}

impl StreamOptions {
    /// From the environment's variables.
    pub fn from_environment() -> Self {
        Self {
            hub: HubOptions::from_environment(),
            cache: Store::default_root(),
            budget_bytes: Store::default_budget_bytes(),
            other_cache: cache_of_other_clients(),
            ahead: 2,
            check_fetched: false,
        }
    }
}
