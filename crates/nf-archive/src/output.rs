//! Writing a file so that its final name never holds half of it.

use crate::parts::Part;
use anyhow::{Context, Result, anyhow, bail};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

pub use crate::parts::{remove_abandoned, remove_unfinished};

/// Makes the regular file `path` by `fill`, which is given an empty file under a temporary name in
/// the same folder to write, seek and read in; it becomes `path` only when `fill` has succeeded.
///
/// # Errors
/// If `path` exists and `force` is not given, is no regular file, or cannot be written, or `fill`
/// fails.
pub fn fill_file<T>(path: &Path, force: bool, fill: impl FnOnce(&mut fs::File) -> Result<T>) -> Result<T> {
    let name = path.display().to_string();
    let target = checked_target(path, force)?;
    let (path, folder) = (target.as_path(), folder_of(&target));
    #[cfg(unix)]
    let mode = {
        use std::os::unix::fs::PermissionsExt;
        // What a new file gets under the user's mask, or what the file had that is replaced.
        Some(fs::metadata(path).map_or(0o666, |found| found.permissions().mode() & 0o777))
    };
    #[cfg(not(unix))]
    let mode = None;
    let unwritable = |error: io::Error| anyhow!("{name}: cannot be written: {}", error.kind());
    let mut part = Part::begin(folder, mode).map_err(unwritable)?;
    let value = fill(part.file()).map_err(|error| of_destination(&name, error))?;
    part.finish(path, force).map_err(|error| match error.kind() {
        // Another process has made it since we looked.
        ErrorKind::AlreadyExists => anyhow!(exists(&name)),
        _ => unwritable(error),
    })?;
    Ok(value)
}

/// The regular file that is to be made under the name `path`: through a link, the file that it
/// names is replaced, not the link.
///
/// # Errors
/// If `path` exists and `force` is not given, is no regular file, or its folder is not there.
pub fn checked_target(path: &Path, force: bool) -> Result<PathBuf> {
    let name = path.display().to_string();
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let path = target.as_path();
    if let (Err(_), Ok(nowhere)) = (fs::metadata(path), fs::read_link(path)) {
        bail!("{name}: this is a link to {}, where there is no file; remove it", nowhere.display());
    }
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => bail!("{name}: this is a folder"),
        Ok(found) if !found.is_file() => bail!("{name}: this is no regular file"),
        Ok(_) if !force => bail!(exists(&name)),
        _ => {}
    }
    let folder = folder_of(path);
    if !folder.is_dir() {
        bail!("{name}: cannot be written: there is no folder {}", folder.display());
    }
    Ok(target)
}

fn exists(name: &str) -> String {
    format!("{name}: the file exists already; --force replaces it")
}

/// An error whose cause is the destination names the destination, and not what was being read.
pub fn of_destination(name: &str, error: anyhow::Error) -> anyhow::Error {
    let reason = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>()).find(|error| {
        matches!(
            error.kind(),
            ErrorKind::StorageFull
                | ErrorKind::QuotaExceeded
                | ErrorKind::FileTooLarge
                | ErrorKind::ReadOnlyFilesystem
                | ErrorKind::BrokenPipe
                | ErrorKind::WriteZero
        )
    });
    match reason {
        Some(reason) => anyhow!("{name}: cannot be written: {reason}"),
        None => error,
    }
}

/// The folder that a file lies in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// BLAKE3 of a file's bytes.
///
/// # Errors
/// If it cannot be read.
pub fn file_digest(path: &Path) -> Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    let file = fs::File::open(path).with_context(|| path.display().to_string())?;
    hasher.update_reader(file).with_context(|| path.display().to_string())?;
    Ok(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_that_appear_meanwhile_and_links_to_nothing_are_told_as_such() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("out");
        let raced = fill_file(&path, false, |_| Ok(fs::write(&path, b"theirs")?));
        let line = raced.expect_err("it is there").to_string();
        assert!(line.ends_with("out: the file exists already; --force replaces it"), "{line}");
        assert_eq!(fs::read(&path).expect("it is there"), b"theirs");
        #[cfg(unix)]
        for force in [false, true] {
            let link = folder.path().join(format!("link-{force}"));
            std::os::unix::fs::symlink(folder.path().join("nothing"), &link).expect("a link");
            let line = fill_file(&link, force, |_| Ok(())).expect_err("a link to nothing").to_string();
            assert!(line.contains("this is a link to ") && line.contains("nothing, where"), "{line}");
        }
    }
}
