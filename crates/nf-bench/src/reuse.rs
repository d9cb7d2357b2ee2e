//! Rows of earlier runs that need not be measured again.
//!
//! Sizes are deterministic, and times of an earlier run are as good as new ones where program and
//! machine are the same: a row is taken over for the same samples in the same shape and the same
//! codec spec, whatever the dataset is called, and says where it comes from.

use crate::folder::{RunFolder, machines};
use crate::machine::Machine;
use crate::measurement::Measurement;
use crate::{Error, Result};
use nf_image::Image16;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Verified rows by image and codec.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reusable {
    rows: BTreeMap<(String, String), Measurement>,
}

/// What tells an image's samples and shape from all others.
pub(crate) fn fingerprint(image: &Image16) -> String {
    let digest = image.digest().to_string();
    // Half of the digest is more than enough to tell images apart.
    format!("{}:{}", image.shape(), &digest[..digest.len() / 2])
}

impl Reusable {
    /// The rows of the runs in these folders.
    ///
    /// # Errors
    /// If one of them is not the folder of a run, or was measured elsewhere or by another program.
    pub(crate) fn read(folders: &[PathBuf], here: &Machine) -> Result<Self> {
        let mut all = Self::default();
        for folder in folders {
            let (_, rows) = RunFolder::read(folder)?;
            let refused = |reason: String| Error::Reuse { folder: folder.clone(), reason };
            for machine in machines(folder)? {
                if !machine.is_like(here) {
                    let reason = format!(
                        "it was measured on {} by commit {}, this is {} and commit {}",
                        machine.line(),
                        machine.build.commit,
                        here.line(),
                        here.build.commit
                    );
                    return Err(refused(reason));
                }
                if machine.build.dirty != "clean" {
                    return Err(refused("its program had local changes, so nobody knows what it was".into()));
                }
            }
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            for row in rows.into_iter().filter(|row| row.is_verified() && !row.image_fingerprint.is_empty()) {
                let origin = if row.origin.is_empty() { name.clone() } else { row.origin.clone() };
                let key = (row.image_fingerprint.clone(), row.codec.clone());
                all.rows.entry(key).or_insert(Measurement { origin, ..row });
            }
        }
        Ok(all)
    }

    /// A row of these samples and this codec; `all_threads`: one with times of all cores.
    pub(crate) fn find(&self, fingerprint: &str, codec: &str, all_threads: bool) -> Option<&Measurement> {
        let row = self.rows.get(&(fingerprint.to_owned(), codec.to_owned()))?;
        Some(row).filter(|row| !all_threads || row.figures.encode_all_ns.is_some())
    }
}
