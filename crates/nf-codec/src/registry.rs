//! The readable list of codecs.

use crate::{Codec, Result, Spec};

/// One line of the registry: how a codec is called, described and built.
#[derive(Clone)]
pub struct Entry {
    /// The name that a [`Spec`] starts with.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// Where it is defined: a paper, a standard, or a project page.
    pub source: &'static str,
    /// Its options.
    pub options: &'static [OptionDoc],
    /// Builds it from a spec of this name, refusing options that it does not have.
    pub build: fn(&Spec) -> Result<Box<dyn Codec>>,
}

/// One option of a codec.
#[derive(Clone, Copy, Debug)]
pub struct OptionDoc {
    /// The key in a spec.
    pub key: &'static str,
    /// Legal values.
    pub values: &'static str,
    /// The value when it is left out.
    pub default: &'static str,
    /// What it does.
    pub help: &'static str,
}

/// All codecs that a program knows.
#[derive(Clone, Default)]
pub struct Registry {
    entries: Vec<Entry>,
}

impl Registry {
    /// A registry of these codecs, in this order.
    ///
    /// # Panics
    /// If two of them share a name.
    pub fn new(entries: impl IntoIterator<Item = Entry>) -> Self {
        let entries: Vec<Entry> = entries.into_iter().collect();
        for (i, entry) in entries.iter().enumerate() {
            assert!(
                entries[..i].iter().all(|other| other.name != entry.name),
                "two codecs named {}",
                entry.name
            );
        }
        Self { entries }
    }

    /// The codecs, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The codec that a spec describes.
    ///
    /// # Errors
    /// [`Error::Spec`](crate::Error::Spec) if no codec has that name, or it refuses the options.
    pub fn build(&self, spec: &Spec) -> Result<Box<dyn Codec>> {
        match self.entries.iter().find(|entry| entry.name == spec.name()) {
            Some(entry) => (entry.build)(spec),
            None => {
                let names: Vec<&str> = self.entries.iter().map(|entry| entry.name).collect();
                Err(spec.error(format!("no codec of that name; there are {}", names.join(", "))))
            }
        }
    }
}
