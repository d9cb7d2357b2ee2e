//! From runs to the sections of a report.

use super::charts::{best_of_families, by_image, curves, excess, family, reference, size_speed, whole};
use super::document::{Block, Document, Section};
use super::frames::frames;
use super::plot::slug;
use super::{ReportOptions, Sources};
use crate::bootstrap::Interval;
use crate::measurement::short_name;
use crate::published::published;
use crate::run::Run;
use crate::summary::{DatasetSummary, ImageSizes, summarise};
use crate::table::{Table, dataset_table, overview, remarks, summary_table, title};
use std::fs;

/// The report on these runs.
pub(super) fn document(runs: &[Run], sources: &Sources, options: &ReportOptions) -> Document {
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
        let twin = names[..index].contains(&names[index]);
        let prefix = if twin { format!("{}-{}", slug(names[index]), index + 1) } else { slug(names[index]) };
        let heading =
            if twin { format!("{} ({})", names[index], index + 1) } else { names[index].to_owned() };
        document.sections.extend(of_run(run, &heading, &prefix, sources, options));
    }
    document.sections.push(provenance(runs, options));
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
    let pooled = run.suite.pooled;
    let mut first = Section::new(heading);
    let mut speed = Section::below("Size against speed");
    let mut comparison = Section::below("How sure the differences are");
    let mut by_dataset = Section::below("By dataset and by image");
    first.text(run.suite.question.trim());
    if pooled {
        first.table(caption(&all), summary_table(&all, false));
        speed.plots(size_speed(&all, prefix));
        comparison.table(
            "Larger than the smallest codec, over the same images; 95 % interval over images (both codecs see the same draws)",
            differences(&all),
        );
    }
    if let Some(table) = dataset_table(&datasets, &all) {
        let section = if pooled { &mut by_dataset } else { &mut first };
        section.table("Bits per pixel by dataset", table);
    }
    by_dataset.plots(excess(run, &datasets, &all, prefix).into_iter().collect());
    by_dataset.plots(by_image(run, &all, prefix).into_iter().collect());
    if let Some((caption, table)) = pooled.then(|| gains(run, &all)).flatten() {
        by_dataset.table(caption, table);
    }
    let remarks = remarks(&all);
    if !remarks.is_empty() {
        first.blocks.push(Block::List(remarks));
    }
    for part in run.suite.analysis.trim().split("\n\n").filter(|part| !part.is_empty()) {
        first.text(part.replace('\n', " "));
    }

    let mut sections = vec![first, speed, comparison, by_dataset];
    sections.extend(with_published(run, &datasets));
    sections.extend(crate::analysis::sections(run, prefix, sources));
    sections.extend(training(run, prefix, sources));
    sections.push(frames(run, prefix, sources, options));
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

/// How much larger every codec is than the smallest, and how sure that is.
fn differences(all: &DatasetSummary) -> Table {
    let interval = |i: Option<Interval>, digits: usize| {
        i.map_or_else(String::new, |i| format!("{:.digits$} to {:.digits$}", i.low, i.high))
    };
    let head =
        ["codec", "larger, %", "95 %", "ratio (mean)", "95 % of ratio (mean)"].map(str::to_owned).to_vec();
    let rows = whole(all).filter_map(|codec| {
        let (larger, range) = codec.over_smallest_percent?;
        let mean = codec.ratio_mean.map_or_else(String::new, |mean| format!("{mean:.3}"));
        Some(vec![
            codec.codec.clone(),
            format!("{larger:.2}"),
            interval(range, 2),
            mean,
            interval(codec.ratio_mean_interval, 2),
        ])
    });
    Table { rows: [head].into_iter().chain(rows).collect() }
}

/// Image by image: what the smallest codecs save against the best reference of that image.
fn gains(run: &Run, all: &DatasetSummary) -> Option<(String, Table)> {
    let name = family(&reference(all)?.codec).to_owned();
    let opponents: Vec<&str> =
        whole(all).filter(|c| family(&c.codec) == name).map(|c| c.codec.as_str()).collect();
    let mut shown: Vec<&str> =
        whole(all).filter(|c| family(&c.codec) == "floor").map(|c| c.codec.as_str()).collect();
    let others = best_of_families(all).into_iter().map(|c| c.codec.as_str());
    shown.extend(others.filter(|c| family(c) != name && family(c) != "floor").take(3));
    let sizes = ImageSizes::of(run);
    let mut head = vec!["image".to_owned(), format!("smallest {name}"), "bits/pixel".to_owned()];
    head.extend(shown.iter().map(|codec| format!("{}, saved %", short_name(codec))));
    let mut rows = vec![head];
    for image in sizes.images() {
        let best = opponents.iter().filter_map(|codec| Some((*codec, sizes.bits_per_pixel(image, codec)?)));
        let Some((codec, least)) = best.min_by(|a, b| a.1.total_cmp(&b.1)) else { continue };
        let mut row = vec![image.2.to_owned(), codec.to_owned(), format!("{least:.3}")];
        row.extend(shown.iter().map(|codec| {
            let bits = sizes.bits_per_pixel(image, codec);
            bits.map_or_else(String::new, |bits| format!("{:+.2}", 100.0 * (1.0 - bits / least)))
        }));
        rows.push(row);
    }
    let caption = format!(
        "Saved against {name} (on each image the smallest of its settings, {} in all), image by image",
        opponents.len()
    );
    (!shown.is_empty()).then_some((caption, Table { rows }))
}

/// Published figures beside ours, where a dataset bears the name of a published one.
fn with_published(run: &Run, datasets: &[DatasetSummary]) -> Option<Section> {
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

/// How the nets of the run were trained: their logs, and what lies in the run's folder as `*train*.csv`.
fn training(run: &Run, prefix: &str, sources: &Sources) -> Option<Section> {
    let mut logs: Vec<(String, String)> = vec![];
    for codec in run.facts.keys() {
        let options = codec.split_once(':').map_or("", |(_, options)| options).split(',');
        let Some(id) = options.filter_map(|pair| pair.strip_prefix("checkpoint=")).next() else { continue };
        if let Some(text) = (sources.training)(id).filter(|_| !logs.iter().any(|(name, _)| name == id)) {
            logs.push((id.to_owned(), text));
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

/// Data, machines and the exact commands.
fn provenance(runs: &[Run], options: &ReportOptions) -> Section {
    let mut section = Section::new("Data, machine, commands");
    let mut data: Vec<String> = vec![];
    let mut machines: Vec<String> = vec![];
    let mut commands: Vec<String> = vec![];
    for run in runs {
        for card in &run.cards {
            let line = format!("`{card}`: {}; from {}; licence: {}", card.title, card.origin, card.licence);
            if !data.contains(&line) {
                data.push(line);
            }
        }
        for machine in &run.machines {
            let build = &machine.build;
            let load =
                machine.load_1min.map_or(String::new(), |load| format!(", load {load:.1} at the start"));
            machines.push(format!(
                "{}: {}; from {}{load}; noisefloor {} at commit `{}` ({}), {}",
                run.suite.name,
                machine.line(),
                machine.started_utc,
                build.version,
                build.commit.get(..12).unwrap_or(&build.commit),
                build.dirty,
                build.toolchain
            ));
            commands.push(machine.command.clone());
        }
    }
    commands.push(options.command.clone());
    section.blocks.extend([Block::List(data), Block::List(machines), Block::Code(commands.join("\n"))]);
    section.text(
        "Columns are defined in `docs/methodology.md`. One thread per codec unless a column says otherwise.",
    );
    section
}
