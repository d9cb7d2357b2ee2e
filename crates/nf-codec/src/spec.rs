//! A codec and its options as one string.

use crate::{Error, Result};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Name and options of a codec; prints to and parses from `name` or `name:key=value,key=value`.
///
/// Options print in alphabetical order, and a codec leaves those at their defaults out, so that
/// equal codecs have equal strings: the string is the key of ledgers and tables.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Spec {
    name: String,
    options: BTreeMap<String, String>,
}

impl Spec {
    /// A codec without options.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), options: BTreeMap::new() }
    }

    /// The same with one option more; left out when `value` equals `default`.
    pub fn with<T: fmt::Display + PartialEq>(mut self, key: &str, value: T, default: T) -> Self {
        if value != default {
            self.options.insert(key.to_owned(), value.to_string());
        }
        self
    }

    /// The same with this value for an option, whatever it was.
    pub fn set(mut self, key: &str, value: impl fmt::Display) -> Self {
        self.options.insert(key.to_owned(), value.to_string());
        self
    }

    /// The same with this option at its default.
    pub fn without(mut self, key: &str) -> Self {
        self.options.remove(key);
        self
    }

    /// The text of an option, where it is given.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.options.get(key).map(String::as_str)
    }

    /// The options that are given and their texts, in alphabetical order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.options.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The codec's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The options, to be taken one by one; what is left over is refused by [`Options::finish`].
    pub fn options(&self) -> Options<'_> {
        Options { spec: self, left: self.options.clone(), known: Vec::new() }
    }

    /// An error about this spec.
    pub fn error(&self, reason: impl Into<String>) -> Error {
        Error::Spec { spec: self.to_string(), reason: reason.into() }
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (i, (key, value)) in self.options.iter().enumerate() {
            write!(f, "{}{key}={value}", if i == 0 { ':' } else { ',' })?;
        }
        Ok(())
    }
}

impl FromStr for Spec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let error = |reason: &str| Error::Spec { spec: text.to_owned(), reason: reason.to_owned() };
        let (name, rest) = match text.split_once(':') {
            Some((name, rest)) => (name, Some(rest)),
            None => (text, None),
        };
        let word =
            |s: &str| !s.is_empty() && s.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if !word(name) {
            return Err(error("expected a name such as 'rice' or 'jpegxl:effort=9'"));
        }
        let mut options = BTreeMap::new();
        for pair in rest.into_iter().flat_map(|rest| rest.split(',')) {
            let (key, value) =
                pair.split_once('=').ok_or_else(|| error("expected key=value after the colon"))?;
            if !word(key) || value.is_empty() || value.chars().any(char::is_control) {
                return Err(error("expected key=value after the colon"));
            }
            if options.insert(key.to_owned(), value.to_owned()).is_some() {
                return Err(error(&format!("option '{key}' is given twice")));
            }
        }
        Ok(Self { name: name.to_owned(), options })
    }
}

/// The options of a [`Spec`] while a codec takes them.
pub struct Options<'a> {
    spec: &'a Spec,
    left: BTreeMap<String, String>,
    known: Vec<&'static str>,
}

impl Options<'_> {
    /// The value of `key`, or `default`; `expected` describes legal values and `legal` decides.
    ///
    /// # Errors
    /// [`Error::Spec`] if the value does not parse or is not legal.
    pub fn take<T: FromStr>(
        &mut self,
        key: &'static str,
        default: T,
        expected: &str,
        legal: impl Fn(&T) -> bool,
    ) -> Result<T> {
        self.known.push(key);
        match self.left.remove(key) {
            None => Ok(default),
            Some(text) => {
                text.parse().ok().filter(legal).ok_or_else(|| {
                    self.spec.error(format!("option '{key}' is '{text}', expected {expected}"))
                })
            }
        }
    }

    /// Ends the taking.
    ///
    /// # Errors
    /// [`Error::Spec`] if an option is left that nobody took.
    pub fn finish(self) -> Result<()> {
        match self.left.keys().next() {
            None => Ok(()),
            Some(key) if self.known.is_empty() => {
                Err(self.spec.error(format!("unknown option '{key}', this codec has none")))
            }
            Some(key) => {
                Err(self.spec.error(format!("unknown option '{key}', expected {}", self.known.join(", "))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trip_sorts_the_options() {
        let spec: Spec = "jpegxl:effort=9,best=true".parse().unwrap();
        assert_eq!(spec.to_string(), "jpegxl:best=true,effort=9");
        assert_eq!(spec.to_string().parse::<Spec>().unwrap(), spec);
        assert_eq!(Spec::new("rice").with("block", 32, 32).to_string(), "rice");
        assert_eq!(Spec::new("rice").with("block", 16, 32).to_string(), "rice:block=16");
    }

    #[test]
    fn malformed_strings_are_refused() {
        for text in ["", ":", "a:", "a:b", "a:b=", "a:=c", "a b", "a:b=1,b=2", "a:b=1,", "naïve"] {
            assert!(text.parse::<Spec>().is_err(), "{text}");
        }
    }

    #[test]
    fn options_are_checked_and_leftovers_refused() {
        let spec: Spec = "zstd:level=99".parse().unwrap();
        let mut options = spec.options();
        let level = options.take("level", 3, "1..=22", |l| (1..=22).contains(l));
        assert_eq!(
            level.unwrap_err().to_string(),
            "codec spec 'zstd:level=99': option 'level' is '99', expected 1..=22"
        );
        let spec: Spec = "zstd:speed=9".parse().unwrap();
        let mut options = spec.options();
        assert_eq!(options.take("level", 3, "1..=22", |l| (1..=22).contains(l)).unwrap(), 3);
        let text = options.finish().unwrap_err().to_string();
        assert_eq!(text, "codec spec 'zstd:speed=9': unknown option 'speed', expected level");
    }
}
