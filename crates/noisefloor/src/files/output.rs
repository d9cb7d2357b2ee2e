//! Writing a file so that its final name never holds half of it.

use anyhow::{Context, Result, bail};
use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tempfile::NamedTempFile;

/// The temporary file that an interruption must remove.
static UNFINISHED: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Refuses to write a file over the one that it is made from.
///
/// # Errors
/// If both names mean the same file.
pub(crate) fn ensure_distinct(input: &Path, output: &Path) -> Result<()> {
    match (fs::canonicalize(input), fs::canonicalize(output)) {
        (Ok(a), Ok(b)) if a == b && a.is_file() => {
            bail!("{}: input and output are the same file", output.display())
        }
        _ => Ok(()),
    }
}

/// Writes `path` by `write`: to a temporary name in the same folder, which becomes `path` only when all has
/// been written. `-` is the standard output; what is no regular file (a device, a pipe) is written to
/// directly.
///
/// # Errors
/// If `path` exists and `force` is not given, cannot be written, or `write` fails.
pub(crate) fn write_file<T>(
    path: &Path,
    force: bool,
    write: impl FnOnce(&mut (dyn Write + Send)) -> Result<T>,
) -> Result<T> {
    if path == Path::new("-") {
        let mut out = BufWriter::new(std::io::stdout());
        let value = write(&mut out)?;
        out.flush().context("writing to the standard output")?;
        return Ok(value);
    }
    let unwritable = || format!("{}: cannot be written", path.display());
    if fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        let out = fs::File::options().write(true).open(path).with_context(|| path.display().to_string())?;
        let mut out = BufWriter::new(out);
        let value = write(&mut out)?;
        out.flush().with_context(unwritable)?;
        return Ok(value);
    }
    fill_file(path, force, |file| {
        let mut out = BufWriter::with_capacity(1 << 18, file);
        let value = write(&mut out)?;
        out.flush().with_context(unwritable)?;
        Ok(value)
    })
}

/// Makes the regular file `path` by `fill`, which is given an empty file under a temporary name in the same folder to
/// write, seek and read in; it becomes `path` only when `fill` has succeeded.
///
/// # Errors
/// As for [`write_file`], and if `path` is there and no regular file.
pub(crate) fn fill_file<T>(
    path: &Path,
    force: bool,
    fill: impl FnOnce(&mut fs::File) -> Result<T>,
) -> Result<T> {
    let name = || path.display().to_string();
    // Through a link, the file that it names is replaced, not the link.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let path = target.as_path();
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => bail!("{}: this is a folder", name()),
        Ok(found) if !found.is_file() => bail!("{}: this is no regular file", name()),
        Ok(_) if !force => bail!("{}: the file exists already; --force replaces it", name()),
        _ => {}
    }
    let unwritable = || format!("{}: cannot be written", name());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".noisefloor-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What a new file gets under the user's mask, or what the file had that is replaced.
        let mode = fs::metadata(path).map_or(0o666, |found| found.permissions().mode() & 0o777);
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    let file = builder
        .tempfile_in(folder_of(path))
        .map_err(|error| error.kind())
        .map_err(std::io::Error::from)
        .with_context(unwritable)?;
    let mut file = Unfinished::begin(file)?;
    let value = fill(file.0.as_file_mut())?;
    file.finish(path, force).with_context(unwritable)?;
    Ok(value)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Removes `path`, and makes sure first that `kept`, which holds the same, is on the disk under its name.
///
/// # Errors
/// If the system refuses; `path` is then still there.
pub(crate) fn remove_in_favour_of(path: &Path, kept: &Path) -> Result<()> {
    let sync = |path: &Path| fs::File::open(path).and_then(|file| file.sync_all());
    sync(kept).with_context(|| kept.display().to_string())?;
    #[cfg(unix)]
    sync(folder_of(kept)).with_context(|| folder_of(kept).display().to_string())?;
    fs::remove_file(path).with_context(|| format!("{}: cannot be removed", path.display()))
}

/// A temporary file that Ctrl-C removes as well.
struct Unfinished(NamedTempFile);

impl Unfinished {
    fn begin(file: NamedTempFile) -> Result<Self> {
        let first = unfinished().replace(file.path().to_owned()).is_none();
        watch_interruptions()?;
        debug_assert!(first, "one file is written at a time");
        Ok(Self(file))
    }

    /// Gives the file its final name.
    fn finish(self, path: &Path, force: bool) -> std::io::Result<()> {
        let mut guard = unfinished();
        let persisted = if force { self.0.persist(path) } else { self.0.persist_noclobber(path) };
        *guard = None;
        persisted.map(|_| ()).map_err(|error| error.error)
    }
}

fn unfinished() -> std::sync::MutexGuard<'static, Option<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on Ctrl-C removes what is unfinished and stops external programs before it ends this one.
///
/// # Errors
/// If the system refuses.
pub(crate) fn watch_interruptions() -> Result<()> {
    static HANDLER: std::sync::Once = std::sync::Once::new();
    let mut installed = Ok(());
    HANDLER.call_once(|| installed = ctrlc::set_handler(interrupted));
    installed.context("watching for interruptions")
}

fn interrupted() {
    nf_classic::stop_external_programs();
    if let Some(path) = unfinished().take() {
        let _ = fs::remove_file(path);
    }
    // 128 + SIGINT, as shells report it.
    std::process::exit(130);
}
