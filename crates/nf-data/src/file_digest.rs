//! The digests in which archives, manifests and git name files.

use crate::{Error, Result};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// SHA-256 of a file's bytes, in hexadecimal digits.
pub(crate) fn sha256_of_file(path: &Path) -> Result<String> {
    of_file(Sha256::new(), path)
}

/// The name that git gives to a file of `bytes` bytes: SHA-1, after a header with their number, in
/// hexadecimal digits.
pub(crate) fn git_blob_of_file(path: &Path, bytes: u64) -> Result<String> {
    of_file(Sha1::new_with_prefix(format!("blob {bytes}\0")), path)
}

fn of_file<D: Digest>(mut hasher: D, path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(Error::io(path))?;
    let mut piece = vec![0; 1 << 18];
    loop {
        match file.read(&mut piece).map_err(Error::io(path))? {
            0 => return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            n => hasher.update(&piece[..n]),
        }
    }
}
