//! What a suite asks for beyond its tables.
//!
//! - `noise`: bits per pixel against the noise of every image; `sigma` holds the estimators, `line` the fit;
//!   `exposure`: ratios against the exposure time.
//! - `options`: bits per pixel against a numeric option of a codec.
//! - `planes`: bits per pixel against the number of the plane; `series`: what series of planes cost in every form.
//! - `runtime`: speeds, memory, and what models cost.

mod exposure;
mod line;
mod noise;
mod options;
mod planes;
mod runtime;
mod series;
pub mod sigma;

use crate::report::Sources;
use crate::report::document::Section;
use crate::run::Run;
use crate::suite::Analysis;

/// The sections that the suite asks for.
pub(crate) fn sections(run: &Run, prefix: &str, sources: &Sources) -> Vec<Section> {
    let section = |analysis: &Analysis| match analysis {
        Analysis::Noise => noise::section(run, prefix, sources),
        Analysis::Options => options::section(run, prefix),
        Analysis::Planes => planes::section(run, prefix),
        Analysis::Runtime => runtime::section(run),
    };
    run.suite.analyses.iter().map(section).collect()
}
