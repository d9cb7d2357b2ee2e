//! Files that are never seen half-written.

use crate::{Error, Result};
use std::io::Write;
use std::path::Path;

/// Writes a file under a temporary name beside it and renames it; on failure nothing of it stays.
///
/// # Errors
/// If it cannot be written.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let written = || -> std::io::Result<()> {
        let mut file = new_file_in(folder.unwrap_or(Path::new(".")))?;
        // Past the wrapper, whose errors name the temporary file.
        file.as_file_mut().write_all(bytes)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    written().map_err(Error::io(path))
}

/// A temporary file that is removed unless it gets a name.
pub(crate) fn new_file_in(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".noisefloor-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What any new file gets, less what the user's mask takes away.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    // The library's own text would name the temporary file, which means nothing to anybody.
    builder.tempfile_in(folder).map_err(|error| std::io::Error::from(error.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn files_are_replaced_whole_and_failures_name_them_and_leave_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_atomically(&path, b"one").unwrap();
        write_atomically(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        let blocked = path.join("b.txt");
        assert!(write_atomically(&blocked, b"x").unwrap_err().to_string().contains("b.txt"));
        fs::create_dir(folder.path().join("c")).unwrap();
        assert!(write_atomically(&folder.path().join("c"), b"x").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file stays");
    }
}
