//! Which part of which repository, and how to stream it.

use super::client::HubOptions;
use super::environment::PROCESS;
use super::rule::Rule;
use super::split::Row;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The variable that names the folder for fetched frames, and for files of the hub where none of
/// the hub's own variables names one.
pub(super) const CACHE_VARIABLE: &str = "NOISEFLOOR_CACHE";
/// The variable that states how many gigabytes (10^9 bytes) fetched files of one repository may
/// take; 20 without it.
pub const BUDGET_VARIABLE: &str = "NOISEFLOOR_CACHE_GB";
const DEFAULT_BUDGET_GB: f64 = 20.0;

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
    /// file's content. A star in a name stands for anything but a slash.
    #[serde(default)]
    pub row_files: BTreeMap<String, Vec<String>>,
    /// The same set as Parquet files on another branch, for splits that are not to be had
    /// otherwise.
    #[serde(default)]
    pub converted: Option<Converted>,
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

/// Parquet files of a set, as the hub makes them from many of its datasets.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Converted {
    /// Branch, tag or commit.
    #[serde(default = "parquet_branch")]
    pub revision: String,
    /// Parquet files by split, as in [`HubSource::row_files`].
    pub row_files: BTreeMap<String, Vec<String>>,
}

fn main_branch() -> String {
    "main".into()
}

/// Where the hub puts what it has converted.
fn parquet_branch() -> String {
    "refs/convert/parquet".into()
}

/// What may be said about where and how to stream.
#[derive(Clone, Debug)]
pub struct StreamOptions {
    /// The hub.
    pub hub: HubOptions,
    /// The cache, in the layout of the hub's clients, in which fetched files are put. Where it may
    /// not be written, `cache` takes its place.
    pub hub_cache: PathBuf,
    /// Folder for frames that are fetched at their origins.
    pub cache: PathBuf,
    /// Further caches in that layout in which files are looked for.
    pub read_caches: Vec<PathBuf>,
    /// Bytes that fetched files of one repository may take.
    pub budget_bytes: u64,
    /// Only the first files of a split, of so many bytes together; all without.
    pub most_bytes: Option<u64>,
    /// Files fetched ahead of the one asked for.
    pub ahead: usize,
    /// Whether files that were fetched before are compared with their digests when they are first
    /// asked for; wrong ones are fetched anew.
    pub check_fetched: bool,
    /// Is told of every byte that comes.
    pub progress: Progress,
}

impl StreamOptions {
    /// From the environment's variables.
    pub fn from_environment() -> Self {
        let cache = default_root();
        let named = PROCESS.named_hub_cache();
        let hub = named.clone().or_else(|| PROCESS.hub_cache());
        // Whoever names a folder for all that is fetched means the hub's files as well, unless one
        // of the hub's variables says where these are.
        let is_own = named.is_none() && PROCESS.path(CACHE_VARIABLE).is_some();
        let hub_cache = hub.clone().filter(|_| !is_own).unwrap_or_else(|| cache.clone());
        Self {
            hub: HubOptions::from_environment(),
            hub_cache,
            cache,
            read_caches: hub.into_iter().collect(),
            budget_bytes: default_budget_bytes(),
            most_bytes: None,
            ahead: 2,
            check_fetched: false,
            progress: Progress::default(),
        }
    }
}

/// Somebody who is told how many bytes came; nobody by default.
#[derive(Clone, Default)]
pub struct Progress(Option<Arc<dyn Fn(u64) + Send + Sync>>);

impl Progress {
    /// Tells `came`, from any thread, whenever bytes came, how many.
    pub fn new(came: impl Fn(u64) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(came)))
    }

    pub(super) fn came(&self, bytes: u64) {
        if let Some(came) = &self.0 {
            came(bytes);
        }
    }
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Progress").field(&self.0.is_some()).finish()
    }
}

/// The folder for fetched frames that the environment names: `NOISEFLOOR_CACHE`, or `noisefloor` in
/// the user's cache.
pub(crate) fn default_root() -> PathBuf {
    PROCESS
        .path(CACHE_VARIABLE)
        .or_else(|| Some(PROCESS.user_cache()?.join("noisefloor")))
        .unwrap_or_else(|| PathBuf::from("noisefloor-cache"))
}

/// Bytes that fetched files may take by the environment.
fn default_budget_bytes() -> u64 {
    let gigabytes = PROCESS.text(BUDGET_VARIABLE).and_then(|text| match text.parse::<f64>() {
        Ok(value) if value >= 0.0 => Some(value),
        _ => {
            tracing::warn!(
                "{BUDGET_VARIABLE} is '{text}', expected a number of gigabytes; {DEFAULT_BUDGET_GB} is taken"
            );
            None
        }
    });
    (gigabytes.unwrap_or(DEFAULT_BUDGET_GB) * 1e9) as u64
}
