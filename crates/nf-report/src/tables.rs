//! The summary as a table: aligned for a terminal, or Markdown for a document.

use crate::escape::{markdown as escaped, markdown_code, markdown_line, printable};
use crate::names::Names;
use crate::summary::{CodecSummary, DatasetSummary, summarise, summarise_all};
use crate::table::Table;
use nf_bench::{ORACLE, Run};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

/// Width of the terminal table; what is longer is in the run's folder in full.
const TERMINAL_COLUMNS: usize = 100;

/// Longest codec name that the terminal table prints in full, so that a line fits.
const LONGEST_NAME_CHARS: usize = 26;

/// What stands above estimates wherever they are printed.
pub(crate) const ESTIMATES: &str =
    "Estimates, no stream: nothing was coded or decoded, so no figure here is a size";

/// What the short heads of the terminal table mean.
const LEGEND: &str = "b/px: bits per pixel, pooled. ratio: pooled; mean: of the images. enc, dec: MB of raw samples per\n\
                      second on one thread. peak: MB. ok: images decoded and equal. >oracle: bits per pixel above it.\n";

/// The tables of a run for a terminal 100 columns wide.
pub fn terminal(run: &Run, names: &Names) -> String {
    let mut text = String::new();
    let datasets = summarise(run);
    let all = overview(run, &datasets);
    let _ = writeln!(text, "{}", printable(&title(&all)));
    if !all.codecs.is_empty() && run.suite.pooled {
        text.push_str(&narrow_summary_table(&all, names).aligned());
    }
    for remark in remarks(&all) {
        text.push_str(&folded(&printable(&remark), TERMINAL_COLUMNS));
    }
    if let Some(models) = models(&all, names) {
        text.push_str(&folded(&printable(&models), TERMINAL_COLUMNS));
    }
    let name = |spec: &str| names.cut(spec, LONGEST_NAME_CHARS);
    if let Some(table) = table_by_dataset(&datasets, &all, name) {
        let _ = write!(text, "\nbits per pixel by dataset\n{}", table.aligned());
    }
    if let Some(table) = estimate_table(&datasets, |name| names.short(name)) {
        let _ = write!(text, "\n{}{}", folded(ESTIMATES, TERMINAL_COLUMNS), table.aligned());
    }
    text.push('\n');
    text.push_str(LEGEND);
    text
}

/// The tables of a run as Markdown, with the command that made them, for splicing.
pub fn markdown(run: &Run) -> String {
    let datasets = summarise(run);
    let all = overview(run, &datasets);
    let mut text = summary_markdown(&all, run.suite.pooled);
    if let Some(table) = dataset_table(&datasets, &all) {
        let _ = writeln!(text, "Bits per pixel by dataset:\n\n{}", table.markdown());
    }
    if let Some(table) = estimate_table(&datasets, str::to_owned) {
        let _ = writeln!(text, "{ESTIMATES}:\n\n{}", table.markdown());
    }
    let mut commands: Vec<String> =
        run.machines.iter().map(|machine| markdown_code(&machine.command)).collect();
    commands.dedup();
    let again = markdown_code(&format!("noisefloor report {} --splice FILE", folder_name(&run.folder)));
    let _ = writeln!(
        text,
        "Measured by {}; this table by {again}; columns are defined in `docs/methodology.md`.",
        commands.join(", ")
    );
    text
}

/// The name of a run's folder as it may stand in a document: relative as it is, absolute without
/// what lies above it.
fn folder_name(path: &Path) -> String {
    match path.file_name().filter(|_| path.is_absolute()) {
        Some(name) => format!(".../{}", name.to_string_lossy()),
        None => path.display().to_string(),
    }
}

/// The only dataset, or all of them together.
pub(crate) fn overview(run: &Run, datasets: &[DatasetSummary]) -> DatasetSummary {
    match datasets {
        [only] => only.clone(),
        _ => summarise_all(run),
    }
}

fn summary_markdown(dataset: &DatasetSummary, with_table: bool) -> String {
    let mut text = format!("**{}**\n\n", escaped(&title(dataset)));
    if with_table && !dataset.codecs.is_empty() {
        let _ = writeln!(text, "{}", summary_table(dataset).markdown());
    }
    let remarks = remarks(dataset);
    for remark in &remarks {
        let _ = writeln!(text, "- {}", markdown_line(remark));
    }
    if !remarks.is_empty() {
        text.push('\n');
    }
    text
}

/// The page that a run's folder keeps: question, tables, one line per image, machine, analysis.
pub fn document(run: &Run) -> String {
    let suite = &run.suite;
    let mut text = format!("# {}\n\n{}\n\n{}", suite.name, prose(&suite.question), markdown(run));
    let datasets = summarise(run);
    if datasets.len() > 1 {
        datasets.iter().for_each(|dataset| text.push_str(&format!("\n{}", summary_markdown(dataset, true))));
    }
    for dataset in datasets {
        if let Some(table) = image_table(run, &dataset) {
            let name = escaped(&dataset.dataset);
            let _ = write!(text, "\n## {name}: bits per pixel by image\n\n{}", table.markdown());
        }
    }
    text.push_str("\n## Data\n\n");
    for card in &run.cards {
        let (name, title) = (markdown_code(&card.to_string()), escaped(&card.title));
        let _ = writeln!(text, "- {name} (manifest digest {}): {title}", card.digest.short());
        let _ = writeln!(text, "  from {}; licence: {}", escaped(&card.origin), escaped(&card.licence));
    }
    text.push_str("\n## Measured on\n\n");
    for machine in &run.machines {
        let build = &machine.build;
        let load = machine.load_1min.map_or(String::new(), |load| format!(", load {load:.1}"));
        let _ = writeln!(text, "- {}; from {}{load}", escaped(&machine.line()), machine.started_utc);
        let _ = writeln!(
            text,
            "  noisefloor {} at commit {} ({}), {}",
            build.version, build.commit, build.dirty, build.toolchain
        );
    }
    let timed = match suite.repeats {
        0 => "times are those of the verifying pass".to_owned(),
        repeats => format!(
            "times are medians of {repeats} after the verifying one, of fewer for codecs slower than {} s per image",
            suite.timing_budget_s
        ),
    };
    let _ = writeln!(text, "\nOne thread per codec; {timed} (column `runs` of `measurements.csv`).");
    if !suite.analysis.trim().is_empty() {
        let _ = writeln!(text, "\n## How to read it\n\n{}", prose(&suite.analysis));
    }
    text
}

/// Paragraphs, line by line as they were written.
fn prose(text: &str) -> String {
    text.trim().lines().map(markdown_line).collect::<Vec<_>>().join("\n")
}

pub(crate) fn title(dataset: &DatasetSummary) -> String {
    let split = if dataset.split == "all" { String::new() } else { format!(" ({})", dataset.split) };
    let megapixels = dataset.pixels as f64 / 1e6;
    let images =
        if dataset.images == 1 { "1 image".to_owned() } else { format!("{} images", dataset.images) };
    format!("{}{split}: {images}, {megapixels:.1} Mpixel", dataset.dataset)
}

/// The columns of a summary, in full for a page.
pub(crate) fn summary_table(dataset: &DatasetSummary) -> Table {
    let with_intervals = dataset.codecs.iter().any(|codec| codec.bits_per_pixel_interval.is_some());
    let with_ideal = dataset.codecs.iter().any(|codec| ideal_bits_per_pixel(codec).is_some());
    let interval = |c: &CodecSummary| {
        c.bits_per_pixel_interval.map_or_else(String::new, |i| format!("{:.2} to {:.2}", i.low, i.high))
    };
    let columns: Vec<Column> = vec![
        Column::new("codec", |c| marked(c.codec.clone(), c)),
        Column::new("bits/pixel", |c| fixed(c.bits_per_pixel, 3)),
        Column::new("ideal bits/pixel", |c| fixed(ideal_bits_per_pixel(c), 3)).only_if(with_ideal),
        Column::new("95 %", interval).only_if(with_intervals),
        Column::new("ratio (pooled)", |c| fixed(c.ratio_pooled, 3)),
        Column::new("ratio (mean)", |c| fixed(c.ratio_mean, 3)),
        Column::new("encode MB/s", |c| speed(c.encode_mb_per_s)),
        Column::new("decode MB/s", |c| speed(c.decode_mb_per_s)),
        Column::new("peak MB", |c| megabytes(c.peak_bytes)),
        Column::new("model bytes", |c| count(c.weights_bytes)).only_if(has_models(dataset)),
        Column::new("listed", |c| c.outside_samples.map_or_else(String::new, |n| n.to_string()))
            .only_if(has_listed(dataset)),
        Column::new("planes", |c| c.planes.to_owned()),
        Column::new("verified", verified),
        Column::new("bits/pixel above oracle", |c| fixed(c.above_oracle_bits_per_pixel, 3))
            .only_if(has_oracle(dataset)),
    ];
    of_columns(dataset, columns)
}

/// The same for a terminal: short heads and names, without what there is no room for.
fn narrow_summary_table(dataset: &DatasetSummary, names: &Names) -> Table {
    let planes = |c: &CodecSummary| match c.planes {
        "independent" => "indep.".to_owned(),
        "concatenated" => "concat.".to_owned(),
        word => word.to_owned(),
    };
    let columns: Vec<Column> = vec![
        Column::new("codec", |c| marked(names.cut(&c.codec, LONGEST_NAME_CHARS), c)),
        Column::new("b/px", |c| fixed(c.bits_per_pixel, 3)),
        Column::new("ratio", |c| fixed(c.ratio_pooled, 3)),
        Column::new("mean", |c| fixed(c.ratio_mean, 3)),
        Column::new("enc", |c| speed(c.encode_mb_per_s)),
        Column::new("dec", |c| speed(c.decode_mb_per_s)),
        Column::new("peak", |c| megabytes(c.peak_bytes)),
        Column::new("planes", planes),
        Column::new("ok", verified),
        Column::new(">oracle", |c| fixed(c.above_oracle_bits_per_pixel, 3)).only_if(has_oracle(dataset)),
    ];
    of_columns(dataset, columns)
}

/// A column: its head, and the cell of a codec.
struct Column<'a> {
    head: &'static str,
    cell: Box<dyn Fn(&CodecSummary) -> String + 'a>,
    shown: bool,
}

impl<'a> Column<'a> {
    fn new(head: &'static str, cell: impl Fn(&CodecSummary) -> String + 'a) -> Self {
        Self { head, cell: Box::new(cell), shown: true }
    }

    fn only_if(self, shown: bool) -> Self {
        Self { shown, ..self }
    }
}

fn of_columns(dataset: &DatasetSummary, mut columns: Vec<Column>) -> Table {
    columns.retain(|column| column.shown);
    let head = columns.iter().map(|column| column.head.to_owned()).collect();
    let row = |codec: &CodecSummary| columns.iter().map(|column| (column.cell)(codec)).collect();
    let shown = dataset.codecs.iter().filter(|codec| is_comparable(codec, dataset));
    Table { rows: [head].into_iter().chain(shown.map(row)).collect() }
}

fn has_models(dataset: &DatasetSummary) -> bool {
    dataset.codecs.iter().any(|codec| codec.weights_bytes > 0)
}

fn has_listed(dataset: &DatasetSummary) -> bool {
    dataset.codecs.iter().any(|codec| codec.outside_samples.is_some())
}

/// A number; nothing for none.
fn count(number: u64) -> String {
    if number == 0 { String::new() } else { number.to_string() }
}

fn has_oracle(dataset: &DatasetSummary) -> bool {
    dataset.codecs.iter().any(|codec| codec.above_oracle_bits_per_pixel.is_some())
}

/// Whether a row may stand in one table with the others: an oracle of some of the images is no
/// limit of what codecs make of all.
fn is_comparable(codec: &CodecSummary, dataset: &DatasetSummary) -> bool {
    codec.codec != ORACLE || codec.images_ok == dataset.images
}

/// By the codec's own probabilities; the oracle's are its bits per pixel.
fn ideal_bits_per_pixel(codec: &CodecSummary) -> Option<f64> {
    let bits = codec.ideal_bits.filter(|_| codec.codec != ORACLE && codec.pixels > 0)?;
    Some(bits as f64 / codec.pixels as f64)
}

/// A name, with the mark of external programs.
fn marked(name: String, codec: &CodecSummary) -> String {
    if codec.starts_process { name + "*" } else { name }
}

fn verified(codec: &CodecSummary) -> String {
    match codec.coded_bytes.is_none() && codec.images_ok > 0 {
        true => String::new(),
        false => format!("{}/{}", codec.images_ok, codec.images),
    }
}

fn fixed(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(String::new, |value| format!("{value:.digits$}"))
}

/// Three significant digits are more than a time is worth.
fn speed(mb_per_s: Option<f64>) -> String {
    let digits = match mb_per_s {
        Some(value) if value < 1.0 => 3,
        Some(value) => usize::from(value < 10.0),
        None => 0,
    };
    fixed(mb_per_s, digits)
}

fn megabytes(bytes: Option<u64>) -> String {
    fixed(bytes.map(|bytes| bytes as f64 / 1e6), 0)
}

/// What the columns cannot say.
pub(crate) fn remarks(dataset: &DatasetSummary) -> Vec<String> {
    let mut remarks = dataset.notes.clone();
    for codec in dataset.codecs.iter().filter(|codec| !codec.error.is_empty()) {
        let partial = if codec.images_ok > 0 { ", pooled over the images it could code" } else { "" };
        remarks.push(format!("{}{partial}: {}", codec.codec, codec.error));
    }
    if has_models(dataset) {
        remarks.push("model bytes: weights that both sides need, not counted in the sizes".to_owned());
    }
    if let Some(oracle) = dataset.codecs.iter().find(|c| !is_comparable(c, dataset)) {
        let bits = fixed(oracle.bits_per_pixel, 3);
        remarks.push(format!(
            "oracle: {bits} bits/pixel over {} of the {} images, those for which it is known; the column above \
             the oracle is over the same",
            oracle.images_ok, dataset.images
        ));
    }
    if has_listed(dataset) {
        remarks.push(
            "listed: samples that a codec with a loss of its own brought back outside of the bound; they are \
             listed exactly, and their bytes counted"
                .to_owned(),
        );
    }
    if dataset.codecs.iter().any(|codec| codec.starts_process) {
        remarks.push("*: an external program; times include its start and its files".to_owned());
    }
    remarks
}

/// One row per codec, one column per dataset that has sizes, or the other way round if there are
/// more datasets than codecs; `None` if there is at most one dataset.
pub(crate) fn dataset_table(datasets: &[DatasetSummary], all: &DatasetSummary) -> Option<Table> {
    table_by_dataset(datasets, all, str::to_owned)
}

/// The same with codecs called by `name`.
fn table_by_dataset(
    datasets: &[DatasetSummary],
    all: &DatasetSummary,
    name: impl Fn(&str) -> String,
) -> Option<Table> {
    let columns: Vec<&DatasetSummary> = datasets.iter().filter(|dataset| dataset.pixels > 0).collect();
    if columns.len() < 2 {
        return None;
    }
    let names: Vec<String> = columns
        .iter()
        .map(|dataset| match dataset.split.as_str() {
            "all" | "test" => dataset.dataset.clone(),
            split => format!("{} {split}", dataset.dataset),
        })
        .collect();
    // Names of one family would fill the line with what they share.
    let shared = names[0].find('-').map_or("", |end| &names[0][..=end]);
    let shared = if names.iter().all(|name| name.starts_with(shared)) { shared.len() } else { 0 };
    let mut rows = vec![vec!["codec".to_owned()]];
    rows[0].extend(names.iter().map(|name| name[shared..].to_owned()));
    for codec in all.codecs.iter().filter(|codec| codec.images_ok > 0) {
        let value = |dataset: &&DatasetSummary| {
            let here = dataset.codecs.iter().find(|here| here.codec == codec.codec)?;
            here.bits_per_pixel.map(|bits| format!("{bits:.3}"))
        };
        let mut row = vec![name(&codec.codec)];
        row.extend(columns.iter().map(|dataset| value(dataset).unwrap_or_default()));
        rows.push(row);
    }
    if rows[0].len() > rows.len() {
        rows = (0..rows[0].len()).map(|i| rows.iter().map(|row| row[i].clone()).collect()).collect();
        rows[0][0] = "dataset".to_owned();
    }
    Some(Table { rows })
}

/// One row per dataset and estimate, apart from all sizes; `None` if there is no estimate.
pub(crate) fn estimate_table(datasets: &[DatasetSummary], name: impl Fn(&str) -> String) -> Option<Table> {
    let head = ["dataset", "estimate", "estimated bits/pixel", "above oracle", "images"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for dataset in datasets {
        rows.extend(dataset.estimates.iter().map(|own| {
            let images = match own.error.as_str() {
                "" => format!("{}/{}", own.images_estimated, own.images),
                error => format!("{}/{}: {error}", own.images_estimated, own.images),
            };
            let bits = fixed(own.estimated_bits_per_pixel, 3);
            let above =
                own.above_oracle_bits_per_pixel.map_or_else(String::new, |bits| format!("{bits:+.3}"));
            vec![dataset.dataset.clone(), name(&own.estimate), bits, above, images]
        }));
    }
    (rows.len() > 1).then_some(Table { rows })
}

/// The sizes of models, for which a terminal has no column.
fn models(dataset: &DatasetSummary, names: &Names) -> Option<String> {
    let with_model = dataset.codecs.iter().filter(|codec| codec.weights_bytes > 0);
    let sizes: Vec<String> =
        with_model.map(|codec| format!("{} {}", names.short(&codec.codec), codec.weights_bytes)).collect();
    (!sizes.is_empty()).then(|| format!("model bytes: {}", sizes.join(", ")))
}

/// The text in lines that end between words, the first indented by two columns and the others by
/// four.
fn folded(text: &str, columns: usize) -> String {
    let mut lines = String::new();
    let mut line = " ".to_owned();
    for word in text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > columns && !line.trim().is_empty() {
            lines.push_str(&line);
            lines.push('\n');
            line = "   ".to_owned();
        }
        line.push(' ');
        line.push_str(word);
    }
    lines + &line + "\n"
}

/// One row per image, one column per codec; `None` if there is no size.
pub(crate) fn image_table(run: &Run, dataset: &DatasetSummary) -> Option<Table> {
    let codecs: Vec<&str> =
        dataset.codecs.iter().filter(|c| c.images_ok > 0).map(|c| c.codec.as_str()).collect();
    let mut order: Vec<&str> = vec![];
    let mut seen = BTreeSet::new();
    let mut cells: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    let mut pixels: BTreeMap<&str, u64> = BTreeMap::new();
    for row in run.rows.iter().filter(|row| row.dataset == dataset.dataset && row.split == dataset.split) {
        let Some(bits) = row.bits().filter(|_| row.pixels() > 0) else { continue };
        if seen.insert(row.image.as_str()) {
            order.push(&row.image);
        }
        cells.insert((&row.image, &row.codec), bits as f64 / row.pixels() as f64);
        pixels.insert(&row.image, row.pixels());
    }
    if codecs.is_empty() || order.is_empty() {
        return None;
    }
    let mut rows = vec![["image", "pixels"].iter().chain(&codecs).map(|cell| (*cell).to_owned()).collect()];
    for image in order {
        let value =
            |codec: &&str| cells.get(&(image, *codec)).map_or(String::new(), |bits| format!("{bits:.3}"));
        let mut row: Vec<String> = vec![image.to_owned(), pixels[image].to_string()];
        row.extend(codecs.iter().map(value));
        rows.push(row);
    }
    Some(Table { rows })
}
