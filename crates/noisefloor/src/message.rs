//! Errors as the user meets them: one line, every name once.

use crate::limits;
use std::io::Write;
use std::path::Path;

/// The error and its causes in one printable line.
///
/// A part that the next one repeats, such as a file's name before a message that begins with it, is
/// left out, and so is a cause that the message before it already ends with. Where a limit was
/// reached, the option that sets it is named.
pub(crate) fn one_line(error: &anyhow::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string();
        while parts.last().is_some_and(|last| text.contains(last.as_str())) {
            parts.pop();
        }
        if !parts.last().is_some_and(|last| last.ends_with(&text)) {
            parts.push(text);
        }
    }
    let mut line = parts.join(": ");
    if limits::is_limit(error) {
        line += &format!("; --max-memory (or {}) sets the limit", limits::VARIABLE);
    }
    printable(&line)
}

/// The error of one of several inputs, with its name.
pub(crate) fn about(input: &Path, error: &anyhow::Error) -> String {
    let (name, line) = (printable(&input.display().to_string()), one_line(error));
    if line.contains(&name) { line } else { format!("{name}: {line}") }
}

/// With blanks in place of line breaks and other control characters, which a terminal would obey,
/// whatever names and headers put in.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// As [`plain`], with the line breaks kept.
fn plain_lines(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}

/// As [`plain`], and of several blanks one.
fn printable(text: &str) -> String {
    plain(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Prints to the standard error; where nobody reads it, that is no reason to stop the work.
pub(crate) fn say(lines: &str) {
    let _ = writeln!(std::io::stderr(), "{}", plain_lines(lines));
}

/// Where the log goes: the standard error, every event on one line. Other control characters are
/// spelt out by the log itself.
pub(crate) struct LogLines;

impl Write for LogLines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let end = bytes.len() - usize::from(bytes.ends_with(b"\n"));
        let mut line = bytes.to_vec();
        line[..end].iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b' ');
        std::io::stderr().write_all(&line).map(|()| bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn names_are_said_once() {
        let error = anyhow!("a.fits: not a FITS file").context("a.fits").context("a.fits");
        assert_eq!(one_line(&error), "a.fits: not a FITS file");
        assert_eq!(about(Path::new("a.fits"), &error), "a.fits: not a FITS file");
        let error = anyhow!("HDU 0: BITPIX is 17").context("a.fits");
        assert_eq!(one_line(&error), "a.fits: HDU 0: BITPIX is 17");
        assert_eq!(about(Path::new("b.fits"), &error), "b.fits: a.fits: HDU 0: BITPIX is 17");
        let io = std::io::Error::from(std::io::ErrorKind::NotFound);
        let error = anyhow::Error::new(io).context("x: entity not found");
        assert_eq!(one_line(&error), "x: entity not found");
    }

    #[test]
    fn a_message_is_one_line() {
        let error = anyhow!("two\nlines\x1b[31m and colour");
        assert_eq!(one_line(&error), "two lines [31m and colour");
        assert_eq!(about(Path::new("a\nb"), &error), "a b: two lines [31m and colour");
    }

    #[test]
    fn the_option_is_named_where_a_limit_was_reached() {
        let limit = nf_codec::Error::Limit { what: "it".into(), needed: 2, limit: 1, unit: "pixels" };
        let line = one_line(&anyhow::Error::new(limit).context("a.nfl"));
        assert!(line.starts_with("a.nfl: it needs 2 pixels, the limit is 1; --max-memory"), "{line}");
    }
}
