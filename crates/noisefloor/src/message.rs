//! Errors as the user meets them: one line, every name once.

use crate::limits;
use nf_archive::printable;
use std::io::Write;
use std::path::Path;

/// The error and its causes in one printable line. Where a limit was reached, the option that sets
/// it is named.
pub(crate) fn one_line(error: &anyhow::Error) -> String {
    let line = nf_archive::one_line(error);
    if limits::is_limit(error) { format!("{line}; {}", limits::ADVICE) } else { line }
}

/// The error of one of several inputs, with its name.
pub(crate) fn about(input: &Path, error: &anyhow::Error) -> String {
    let (name, line) = (printable(&input.display().to_string()), one_line(error));
    if line.contains(&name) { line } else { format!("{name}: {line}") }
}

/// As [`nf_archive::plain`], with the line breaks kept.
fn plain_lines(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
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
        let error = anyhow!("a.fits: not a FITS file").context("a.fits");
        assert_eq!(about(Path::new("a.fits"), &error), "a.fits: not a FITS file");
        let error = anyhow!("HDU 0: BITPIX is 17").context("a.fits");
        assert_eq!(about(Path::new("b.fits"), &error), "b.fits: a.fits: HDU 0: BITPIX is 17");
        assert_eq!(about(Path::new("a\nb"), &error), "a b: a.fits: HDU 0: BITPIX is 17");
    }

    #[test]
    fn the_option_is_named_where_a_limit_was_reached() {
        let limit = || nf_codec::Error::Limit { what: "it".into(), needed: 2, limit: 1, unit: "pixels" };
        let bounded = nf_bounded::Error::Codec(limit());
        for error in [anyhow::Error::new(limit()), anyhow::Error::new(bounded)] {
            let line = one_line(&error.context("a.nfl"));
            assert!(line.starts_with("a.nfl: it needs 2 pixels, the limit is 1; --max-memory"), "{line}");
        }
    }
}
