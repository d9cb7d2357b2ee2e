//! The readable list of codecs.

use crate::{Codec, Result, Spec};
use std::sync::{Arc, Mutex, PoisonError};

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

/// A codec that becomes known at run time, such as a program that a configuration file describes.
#[derive(Clone)]
pub struct Added {
    /// The name that a [`Spec`] starts with.
    pub name: String,
    /// What it is, in one line.
    pub summary: String,
    /// Builds it from a spec of this name, refusing options that it does not have.
    pub build: Arc<Build>,
}

/// What builds a codec from a spec, and may know more than the spec says.
pub type Build = dyn Fn(&Spec) -> Result<Box<dyn Codec>> + Send + Sync;

/// All codecs that a program knows.
#[derive(Clone, Default)]
pub struct Registry {
    entries: Vec<Entry>,
    added: Vec<Added>,
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
        Self { entries, added: Vec::new() }
    }

    /// Adds a codec at run time.
    ///
    /// # Errors
    /// [`Error::Spec`](crate::Error::Spec) if there is a codec of that name.
    pub fn add(&mut self, codec: Added) -> Result<()> {
        if self.names().any(|name| name == codec.name) {
            return Err(Spec::new(codec.name).error("there is a codec of that name already"));
        }
        self.added.push(codec);
        Ok(())
    }

    /// The codecs, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The codecs that were added at run time, in order.
    pub fn added(&self) -> &[Added] {
        &self.added
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name).chain(self.added.iter().map(|added| added.name.as_str()))
    }

    /// The codec that a spec describes.
    ///
    /// # Errors
    /// [`Error::Spec`](crate::Error::Spec) if no codec has that name, or it refuses the options.
    pub fn build(&self, spec: &Spec) -> Result<Box<dyn Codec>> {
        if let Some(entry) = self.entries.iter().find(|entry| entry.name == spec.name()) {
            return (entry.build)(spec);
        }
        if let Some(added) = self.added.iter().find(|added| added.name == spec.name()) {
            return (added.build)(spec);
        }
        let names: Vec<&str> = self.names().collect();
        Err(spec.error(format!("no codec of that name; there are {}", names.join(", "))))
    }
}

/// The codec that was built last, for callers that are given the same spec tile after tile: one
/// codec serves all tiles and threads.
#[derive(Default)]
pub struct LastBuilt {
    last: Mutex<Option<(String, Arc<dyn Codec>)>>,
}

impl LastBuilt {
    /// The codec of a spec; it is built only if another one was asked for before.
    ///
    /// # Errors
    /// As for [`Registry::build`], and if the text is no spec.
    pub fn codec(&self, spec: &str, registry: impl FnOnce() -> Registry) -> Result<Arc<dyn Codec>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, codec)) = &*last
            && of == spec
        {
            return Ok(Arc::clone(codec));
        }
        let codec: Arc<dyn Codec> = Arc::from(registry().build(&spec.parse()?)?);
        *last = Some((spec.to_owned(), Arc::clone(&codec)));
        Ok(codec)
    }
}
