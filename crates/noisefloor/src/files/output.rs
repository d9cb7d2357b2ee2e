//! Writing a file so that its final name never holds half of it.

use anyhow::{Context, Result, bail};
use nf_archive::output::{folder_of, of_destination};
use std::borrow::Cow;
use std::fs;
use std::io::{self, BufWriter, ErrorKind, Seek, StdoutLock, Write};
use std::path::Path;

pub(crate) use nf_archive::output::{checked_target, fill_file, remove_unfinished};

/// The standard output as the destination of data.
const STDOUT: &str = "the standard output";

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

/// Whether `path` is written in order and cannot be read back: the standard output, a pipe, a
/// device.
pub(crate) fn is_stream(path: &Path) -> bool {
    path == Path::new("-") || fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// Writes `path` by `write`: to a temporary name in the same folder, which becomes `path` only when
/// all has been written. `-` is the standard output; what is no regular file (a device, a pipe) is
/// written to directly.
///
/// # Errors
/// If `path` exists and `force` is not given, cannot be written, or `write` fails.
pub(crate) fn write_file<T>(
    path: &Path,
    force: bool,
    write: impl FnOnce(&mut (dyn Write + Send)) -> Result<T>,
) -> Result<T> {
    let buffered = |name: &str, out: &mut (dyn Write + Send)| {
        let mut out = BufWriter::with_capacity(1 << 18, out);
        let written = write(&mut out).and_then(|value| {
            out.flush()?;
            Ok(value)
        });
        // What the destination refused is not tried again when the buffer is dropped.
        let _ = out.into_parts();
        written.map_err(|error| of_destination(name, error))
    };
    if path == Path::new("-") {
        return buffered(STDOUT, &mut io::stdout());
    }
    let name = path.display().to_string();
    if is_stream(path) {
        let mut out = fs::File::options().write(true).open(path).with_context(|| name.clone())?;
        return buffered(&name, &mut out);
    }
    fill_file(path, force, |file| buffered(&name, file))
}

/// Makes a file of which the whole is needed before its first byte may go on, and hands it to the
/// standard output: `fill` is given an empty file without a name, in the folder that `TMPDIR`
/// names.
///
/// # Errors
/// If `fill` fails, or the standard output does.
pub(crate) fn spool<T>(fill: impl FnOnce(&mut fs::File) -> Result<T>) -> Result<T> {
    let mut file = tempfile::tempfile().context("a temporary file")?;
    let value = fill(&mut file)?;
    file.rewind()?;
    write_file(Path::new("-"), false, |mut out| {
        io::copy(&mut file, &mut out)?;
        Ok(value)
    })
}

/// Removes `path`, and makes sure first that `kept`, which holds the same, is on the disk under its
/// name.
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

/// The standard output as the place of text for people.
///
/// Whoever reads it may stop early, as `head` does; then the error is one that [`is_closed_text`]
/// knows.
pub(crate) fn text() -> Text {
    Text(io::stdout().lock())
}

/// See [`text`].
pub(crate) struct Text(StdoutLock<'static>);

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(&harmless(bytes)).map_err(closed)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(closed)
    }
}

/// The text with blanks in place of control characters other than line breaks and tabs: whatever
/// comes from a file or its name, a terminal does not obey it. As many bytes as there were.
fn harmless(bytes: &[u8]) -> Cow<'_, [u8]> {
    let is_harmful = |at: usize| match bytes[at] {
        b'\n' | b'\t' => false,
        0..0x20 | 0x7f => true,
        // U+0080 to U+009F, which are C2 80 to C2 9F in UTF-8.
        0xc2 => matches!(bytes.get(at + 1), Some(0x80..0xa0)),
        0x80..0xa0 => at > 0 && bytes[at - 1] == 0xc2,
        _ => false,
    };
    match (0..bytes.len()).any(is_harmful) {
        false => Cow::Borrowed(bytes),
        true => (0..bytes.len()).map(|at| if is_harmful(at) { b' ' } else { bytes[at] }).collect(),
    }
}

/// Nobody reads our text any more.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("nobody reads the standard output")
    }
}

impl std::error::Error for Closed {}

fn closed(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::BrokenPipe => io::Error::new(ErrorKind::BrokenPipe, Closed),
        kind => io::Error::new(kind, format!("{STDOUT}: cannot be written: {error}")),
    }
}

/// Whether the reader of our text has gone away: no failure of ours.
pub(crate) fn is_closed_text(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.get_ref().is_some_and(|inner| inner.is::<Closed>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_nothing_that_is_printed() {
        let text = "a\x1b[31m\r\u{9b}2J\x7f\x07 é\u{a0}Â – b\tc\n";
        let printed = harmless(text.as_bytes());
        assert_eq!(printed.len(), text.len());
        assert_eq!(std::str::from_utf8(&printed).expect("UTF-8"), "a [31m   2J   é\u{a0}Â – b\tc\n");
        assert!(matches!(harmless("as it is –\n".as_bytes()), Cow::Borrowed(_)));
    }
}
