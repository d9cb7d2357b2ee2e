//! Codecs of whole arrays, with a loss of their own or none: what other people's coders are called
//! through.

use crate::sample::{SampleType, Samples};
use crate::{Array, Error, Result};
use nf_codec::{Limits, OptionDoc, Spec};
use std::fmt;
use std::sync::Arc;

/// A coder of arrays that may change samples in any way that it likes.
///
/// It promises no bound: [`encode_within`](crate::encode_within) makes it keep one, by listing
/// exactly what it missed.
///
/// # What implementers promise
///
/// 1. `decode` gives as many samples as the axes say, of the type asked for, and the same for the
///    same bytes on every machine that has the codec.
/// 2. Hostile bytes give an error or wrong samples, never a panic, and never more memory than
///    `Limits` allows.
pub trait ArrayCodec: Send + Sync {
    /// Name and options.
    fn spec(&self) -> Spec;

    /// The bytes of an array; they need not say its type and its axes.
    ///
    /// # Errors
    /// If the codec does not take such arrays, or fails.
    fn encode(&self, array: &Array) -> Result<Vec<u8>>;

    /// The samples of an array of this type and these axes.
    ///
    /// # Errors
    /// If the bytes are not what `encode` writes, or decoding would exceed `limits`.
    fn decode(&self, bytes: &[u8], sample: SampleType, axes: &[usize], limits: &Limits) -> Result<Samples>;

    /// Whether it can be given NaN and infinities; otherwise they are replaced by their neighbours
    /// before.
    fn takes_non_finite(&self) -> bool {
        false
    }

    /// Whether every sample comes back with its bits.
    fn is_lossless(&self) -> bool {
        false
    }
}

/// The value of an option that means "as the bound says".
pub const AS_BOUND: &str = "bound";

/// What builds a codec from a spec.
pub type BuildArrayCodec = dyn Fn(&Spec) -> Result<Box<dyn ArrayCodec>> + Send + Sync;

/// The values of an option that are tried for a bound, by the spec, the option, the type of the
/// samples and their smallest tolerance.
pub type ValuesOfBound = fn(&Spec, &str, SampleType, f64) -> Vec<f64>;

/// One line of the registry of array codecs.
#[derive(Clone)]
pub struct ArrayEntry {
    /// The name that a [`Spec`] starts with. A lossless codec may have the same.
    pub name: String,
    /// What it is, in one line.
    pub summary: String,
    /// Where it is defined: a paper, a standard, or a project page.
    pub source: String,
    /// Its options.
    pub options: &'static [OptionDoc],
    /// The options that say how it loses, of which a spec has one; where it has none, the first
    /// one is `bound`, unless a lossless codec has the name.
    pub modes: &'static [&'static str],
    /// Whether a lossless codec has the name, so that a spec needs one of `modes`.
    pub is_homonym: bool,
    /// What `bound` stands for.
    pub values_of_bound: ValuesOfBound,
    /// Builds it from a spec of this name, refusing options that it does not have.
    pub build: Arc<BuildArrayCodec>,
}

/// All array codecs that a program knows.
#[derive(Clone, Default)]
pub struct ArrayRegistry {
    entries: Vec<ArrayEntry>,
}

impl fmt::Debug for ArrayRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.iter().map(|entry| &entry.name)).finish()
    }
}

impl ArrayRegistry {
    /// A registry of these codecs, in this order.
    pub fn new(entries: impl IntoIterator<Item = ArrayEntry>) -> Self {
        Self { entries: entries.into_iter().collect() }
    }

    /// Adds a codec at run time.
    ///
    /// # Errors
    /// If there is one of that name.
    pub fn add(&mut self, entry: ArrayEntry) -> Result<()> {
        if self.entries.iter().any(|known| known.name == entry.name) {
            return Err(Spec::new(entry.name).error("there is a codec of that name already").into());
        }
        self.entries.push(entry);
        Ok(())
    }

    /// The codecs, in order.
    pub fn entries(&self) -> &[ArrayEntry] {
        &self.entries
    }

    fn entry(&self, spec: &Spec) -> Option<&ArrayEntry> {
        let has_mode = |entry: &ArrayEntry| entry.modes.iter().any(|mode| spec.get(mode).is_some());
        let fits = |entry: &&ArrayEntry| entry.name == spec.name() && (!entry.is_homonym || has_mode(entry));
        self.entries.iter().find(fits)
    }

    /// The spec with its mode, if it is that of an array codec and not of a lossless codec.
    pub fn of_spec(&self, spec: &Spec) -> Option<Spec> {
        let entry = self.entry(spec)?;
        let has_mode = entry.modes.iter().any(|mode| spec.get(mode).is_some());
        match entry.modes.first() {
            Some(mode) if !has_mode => Some(spec.clone().set(mode, AS_BOUND)),
            _ => Some(spec.clone()),
        }
    }

    /// The codec that a spec without `bound` describes.
    ///
    /// # Errors
    /// If no codec has that name, or it refuses the options.
    pub fn build(&self, spec: &Spec) -> Result<Box<dyn ArrayCodec>> {
        match self.entry(spec) {
            Some(entry) => (entry.build)(spec),
            None => {
                let names: Vec<&str> = self.entries.iter().map(|entry| entry.name.as_str()).collect();
                let reason = format!("no array codec of that name; there are {}", names.join(", "));
                Err(spec.error(reason).into())
            }
        }
    }

    /// The specs that are tried for a bound whose smallest tolerance is this.
    ///
    /// # Errors
    /// If no codec has that name.
    pub fn candidates(&self, spec: &Spec, sample: SampleType, tolerance: f64) -> Result<Vec<Spec>> {
        let Some(entry) = self.entry(spec) else {
            return Err(self.build(spec).err().unwrap_or(Error::NotBounded));
        };
        let open = spec.pairs().find(|(_, value)| *value == AS_BOUND).map(|(key, _)| key.to_owned());
        let Some(key) = open else { return Ok(vec![spec.clone()]) };
        let values = (entry.values_of_bound)(spec, &key, sample, tolerance);
        if values.is_empty() {
            let reason = format!("it has no bound for {sample} samples");
            return Err(spec.error(reason).into());
        }
        Ok(values.into_iter().map(|value| spec.clone().set(&key, value)).collect())
    }
}
