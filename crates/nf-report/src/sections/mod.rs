//! From runs to the sections of their page.
//!
//! - `comparison`: differences between codecs; `published`: figures of others; `frames`: pictures
//!   of a few images; `training`: how nets were trained; `provenance`: data, machines, commands.
//! - What a suite asks for beyond its tables: `noise`, bits per pixel against the noise of every
//!   image, with `exposure`, ratios against exposure times; `options`, against a numeric option of
//!   a codec; `planes`, against the number of the plane, with `series`, what series of planes cost
//!   in every form; `runtime`, speeds, memory, and what models cost; `errors`, what bounds do;
//!   `profiles`, what profiles of detectors take off.

mod comparison;
mod errors;
mod exposure;
mod frames;
mod measured;
mod noise;
mod options;
mod planes;
mod profiles;
mod provenance;
mod published;
mod runtime;
mod series;
mod training;

use crate::charts::{by_image, excess, size_speed};
use crate::document::{Block, Document, Section};
use crate::names::Names;
use crate::slug::slug;
use crate::sources::{ReportOptions, Sources};
use crate::summary::{DatasetSummary, summarise};
use crate::tables::{ESTIMATES, dataset_table, estimate_table, overview, remarks, summary_table, title};
use comparison::{differences, gains};
use nf_bench::{Analysis, Run};

/// The report on these runs.
pub(crate) fn document(runs: &[Run], sources: &Sources, options: &ReportOptions) -> Document {
    let names: Vec<&str> = runs.iter().map(|run| run.suite.name.as_str()).collect();
    let lead = match runs {
        [only] => only.suite.question.trim().to_owned(),
        _ => "Every stream behind these numbers was decoded by a fresh decoder and compared with its pixels."
            .into(),
    };
    let mut document =
        Document { title: format!("noisefloor: {}", names.join(", ")), lead, sections: vec![] };
    for (index, run) in runs.iter().enumerate() {
        // Two runs of one suite in one report keep their files apart.
        let again = names[..index].contains(&names[index]);
        let prefix = if again { format!("{}-{}", slug(names[index]), index + 1) } else { slug(names[index]) };
        let heading =
            if again { format!("{} ({})", names[index], index + 1) } else { names[index].to_owned() };
        document.sections.extend(of_run(run, &heading, &prefix, sources, options));
    }
    document.sections.push(provenance::section(runs, options));
    document
}

fn of_run(
    run: &Run,
    heading: &str,
    prefix: &str,
    sources: &Sources,
    options: &ReportOptions,
) -> Vec<Section> {
    let datasets = summarise(run);
    let all = overview(run, &datasets);
    let names = Names::of_run(run, sources.experiment);
    let pooled = run.suite.pooled;
    let mut first = Section::new(heading);
    let mut speed = Section::below("Size against speed");
    let mut comparison = Section::below("How sure the differences are");
    let mut by_dataset = Section::below("By dataset and by image");
    first.text(run.suite.question.trim());
    if pooled {
        first.table(caption(&all), summary_table(&all));
        speed.plots(size_speed(&all, &names, prefix));
        comparison.table(
            "Larger than the smallest codec, over the same images; 95 % interval over images (both codecs see the same draws)",
            differences(&all),
        );
    }
    if let Some(table) = dataset_table(&datasets, &all) {
        let section = if pooled { &mut by_dataset } else { &mut first };
        section.table("Bits per pixel by dataset", table);
    }
    by_dataset.plots(excess(run, &datasets, &all, &names, prefix).into_iter().collect());
    by_dataset.plots(by_image(run, &all, &names, prefix).into_iter().collect());
    if let Some((caption, table)) = pooled.then(|| gains(run, &all, &names)).flatten() {
        by_dataset.table(caption, table);
    }
    let mut estimates = Section::below("Estimates without a stream");
    if let Some(table) = estimate_table(&datasets, str::to_owned) {
        estimates.table(ESTIMATES, table);
    }
    let remarks = remarks(&all);
    if !remarks.is_empty() {
        first.blocks.push(Block::List(remarks));
    }
    for part in run.suite.analysis.trim().split("\n\n").filter(|part| !part.is_empty()) {
        first.text(part.replace('\n', " "));
    }

    let mut sections = vec![first, speed, comparison, by_dataset, estimates];
    sections.extend(published::section(run, &datasets));
    sections.extend(analyses(run, prefix, sources));
    sections.extend(training::section(run, &names, prefix, sources));
    sections.push(frames::section(run, prefix, sources, options));
    sections.retain(|section| !section.blocks.is_empty());
    for section in sections.iter_mut().skip(1) {
        // Headings are anchors, and several runs have the same parts.
        section.title = format!("{heading}: {}", lower_first(&section.title));
    }
    sections
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

fn caption(all: &DatasetSummary) -> String {
    let interval = if all.codecs.iter().any(|codec| codec.bits_per_pixel_interval.is_some()) {
        "; 95 %: interval of bits per pixel, had other images of the kind been measured (bootstrap over images)"
    } else {
        ""
    };
    format!("{}{interval}", title(all))
}

/// The sections that the suite asks for.
fn analyses(run: &Run, prefix: &str, sources: &Sources) -> Vec<Section> {
    let sections = |analysis: &Analysis| match analysis {
        Analysis::Noise => vec![noise::section(run, prefix, sources)],
        Analysis::Options => vec![options::section(run, prefix)],
        Analysis::Planes => vec![planes::section(run, prefix)],
        Analysis::Runtime => vec![runtime::section(run)],
        Analysis::Errors => errors::sections(run, prefix, sources),
        Analysis::Profiles => vec![profiles::section(run, prefix)],
    };
    run.suite.analyses.iter().flat_map(sections).collect()
}
