//! Figures of others beside ours.

use crate::document::Section;
use crate::published::published;
use crate::summary::DatasetSummary;
use crate::table::Table;
use nf_bench::Run;

/// Published figures beside ours, where a dataset bears the name of a published one.
pub(super) fn section(run: &Run, datasets: &[DatasetSummary]) -> Option<Section> {
    let mut rows = vec![
        [
            "dataset",
            "published codec",
            "ratio published",
            "bits/pixel published",
            "codec here",
            "ratio here (pooled)",
            "ratio here (mean)",
            "remark",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    let mut sources: Vec<&str> = vec![];
    let published = published();
    for figure in
        published.iter().filter(|figure| run.suite.datasets.iter().any(|d| d.name == figure.dataset))
    {
        let ours = datasets.iter().find(|d| d.dataset == figure.dataset).and_then(|d| {
            d.codecs.iter().find(|c| !figure.codec_here.is_empty() && c.codec == figure.codec_here)
        });
        let ratio = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.3}"));
        rows.push(vec![
            figure.dataset.clone(),
            figure.codec.clone(),
            format!("{:.2}", figure.ratio),
            format!("{:.2}", 16.0 / figure.ratio),
            figure.codec_here.clone(),
            ratio(ours.and_then(|c| c.ratio_pooled)),
            ratio(ours.and_then(|c| c.ratio_mean)),
            figure.remark.clone(),
        ]);
        if !sources.contains(&figure.source.as_str()) {
            sources.push(&figure.source);
        }
    }
    let mut section = Section::below("Beside the published figures");
    section.table("Compression ratios as published, and of the same codec here", Table { rows });
    if section.blocks.is_empty() {
        return None;
    }
    let splits: Vec<String> = run.suite.datasets.iter().map(|d| format!("{}@{}", d.name, d.split)).collect();
    section.text(format!("Source: {}. Splits here: {}.", sources.join("; "), splits.join(", ")));
    Some(section)
}
