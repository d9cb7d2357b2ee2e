//! The codecs that a suite asks for.

use crate::measure::CodecFacts;
use crate::suite::Suite;
use crate::{Error, Result};
use nf_bounded::ArrayRegistry;
use nf_codec::{Codec, Registry, Spec};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A codec of the suite, under the name that its rows carry.
pub(crate) struct Candidate {
    pub(crate) spec: Spec,
    pub(crate) label: String,
    pub(crate) facts: Option<CodecFacts>,
    pub(crate) external: bool,
    /// Whether it has a loss of its own, and gets the samples and the bound.
    pub(crate) is_of_arrays: bool,
    /// The dataset of the suite that alone is measured with it: it has the profile of its detector.
    pub(crate) of_dataset: Option<usize>,
}

/// The codecs under their canonical specs, which drop options at their defaults.
pub(crate) fn candidates(
    suite: &Suite,
    registry: &Registry,
    array_codecs: &ArrayRegistry,
) -> Result<Vec<Candidate>> {
    let mut labels = BTreeSet::new();
    let candidate = |(index, spec): (usize, Spec)| {
        let external = suite.external.contains_key(spec.name());
        let of_arrays = array_codecs.of_spec(&spec);
        // A codec that cannot be built keeps its spec as given, and fails row by row.
        let built = catch_unwind(AssertUnwindSafe(|| {
            let codec: Box<dyn Codec> = registry.build(&spec).ok()?;
            Some((codec.spec(), CodecFacts::of(codec.as_ref(), external)))
        }));
        let is_of_arrays = of_arrays.is_some();
        let (spec, facts) = match (of_arrays, built.ok().flatten()) {
            (Some(spec), _) => (spec, Some(CodecFacts::of_arrays(external))),
            (None, Some((canonical, facts))) => (canonical, Some(facts)),
            (None, None) => (spec, None),
        };
        let label = spec.to_string();
        if !labels.insert(label.clone()) {
            let reason = format!("codecs[{index}]: '{label}' is there twice");
            return Err(Error::Suite { file: suite.name.clone(), reason });
        }
        Ok(Candidate { spec, label, facts, external, is_of_arrays, of_dataset: None })
    };
    suite.specs().into_iter().enumerate().map(candidate).collect()
}
