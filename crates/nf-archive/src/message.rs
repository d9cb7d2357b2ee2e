//! Errors as they are read: one line, every name once.

/// The error and its causes in one printable line.
///
/// A part that the next one repeats, such as a file's name before a message that begins with it, is
/// left out, and so is a cause that the message before it already has.
pub fn one_line(error: &anyhow::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string();
        while parts.last().is_some_and(|last| text.contains(last.as_str())) {
            parts.pop();
        }
        if !parts.last().is_some_and(|last| last.contains(&text)) {
            parts.push(text);
        }
    }
    printable(&parts.join(": "))
}

/// With blanks in place of line breaks and other control characters, which a terminal would obey,
/// whatever names and headers put in.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// As [`plain`], and of several blanks one.
pub fn printable(text: &str) -> String {
    plain(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn names_are_said_once() {
        let error = anyhow!("a.fits: not a FITS file").context("a.fits").context("a.fits");
        assert_eq!(one_line(&error), "a.fits: not a FITS file");
        let error = anyhow!("HDU 0: BITPIX is 17").context("a.fits");
        assert_eq!(one_line(&error), "a.fits: HDU 0: BITPIX is 17");
        let io = std::io::Error::from(std::io::ErrorKind::NotFound);
        let error = anyhow::Error::new(io).context("x: entity not found");
        assert_eq!(one_line(&error), "x: entity not found");
        let error = anyhow!("filters is 0").context("net: filters is 0; change the section net");
        assert_eq!(one_line(&error), "net: filters is 0; change the section net");
    }

    #[test]
    fn a_message_is_one_line() {
        assert_eq!(one_line(&anyhow!("two\nlines\x1b[31m and colour")), "two lines [31m and colour");
    }
}
