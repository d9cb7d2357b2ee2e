//! How the nets of a run were trained.

use crate::charts::curves;
use crate::document::Section;
use crate::names::{Names, checkpoint};
use crate::sources::Sources;
use nf_bench::Run;
use std::fs;

/// How the nets of the run were trained: their logs, and what lies in the run's folder as
/// `*train*.csv`.
pub(super) fn section(run: &Run, names: &Names, prefix: &str, sources: &Sources) -> Option<Section> {
    let mut logs: Vec<(String, String)> = vec![];
    for codec in run.facts.keys() {
        let Some(id) = checkpoint(codec) else { continue };
        let name = names.short(codec);
        if let Some(text) = (sources.training)(id).filter(|_| !logs.iter().any(|(other, _)| *other == name)) {
            logs.push((name, text));
        }
    }
    let mut files: Vec<_> = fs::read_dir(&run.folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    files.sort();
    for path in files {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.contains("train") && name.ends_with(".csv") {
            logs.push((name, fs::read_to_string(&path).unwrap_or_default()));
        }
    }
    let mut section = Section::below("Training");
    section.plots(curves(&format!("{prefix}-training"), &logs));
    (!section.blocks.is_empty()).then_some(section)
}
