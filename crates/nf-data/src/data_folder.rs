//! Where the files of datasets lie, if the user says so.

use std::path::{Path, PathBuf};

/// The variable that names the folder of folder datasets when no option does.
pub const DATA_VARIABLE: &str = "NOISEFLOOR_DATA";

/// A folder that holds the files of datasets, instead of where they are to be had otherwise.
pub(crate) struct DataFolder {
    pub(crate) path: PathBuf,
    /// Whether it was named for this dataset, and not for all by the variable.
    pub(crate) is_asked_for: bool,
}

impl DataFolder {
    /// The folder that is named, or else that of the variable.
    pub(crate) fn of(named: Option<&Path>) -> Option<Self> {
        let named = named.map(|path| Self { path: path.to_owned(), is_asked_for: true });
        let variable = || std::env::var_os(DATA_VARIABLE).filter(|value| !value.is_empty());
        named.or_else(|| Some(Self { path: variable()?.into(), is_asked_for: false }))
    }
}
