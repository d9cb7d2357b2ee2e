//! `noisefloor bench`: datasets and codecs of a suite, verified and measured.

use crate::estimates::estimators;
use crate::files::batch::{DataInputs, Meant};
use crate::files::output::text;
use crate::files::profile::ProfileFlag;
use crate::message::say;
use crate::progress::Progress;
use crate::registry::{array_registry, fits_options, registry};
use anyhow::{Context, Result, anyhow, bail, ensure};
use nf_bench::files::write_atomically;
use nf_bench::ledger::Ledger;
use nf_bench::{Build, DatasetChoice, Measurement, Run, RunOptions, Suite};
use nf_bounded::ArrayRegistry;
use nf_classic::External;
use nf_codec::{Registry, Spec};
use nf_data::{FitsOptions, OpenOptions};
use nf_models::Checkpoint;
use nf_profile::{Id, knows_profiles};
use nf_report::names::Names;
use nf_report::{printable, summary, tables};
use serde_json::json;
use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
#[command(after_help = "INPUT may also be one suite, a TOML file such as those in configs/suites; without \
                        INPUT the built-in suite of simulated frames is measured.\n\n\
                        Example: noisefloor bench 'night/*.fits' --codecs 'floor rice jpegls'")]
pub(crate) struct Args {
    #[command(flatten)]
    inputs: DataInputs,
    /// Folder that holds the frames, instead of the one named by the dataset
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Only these codecs, by name or spec, separated by spaces; specs need not be in the suite
    #[arg(long, value_name = "LIST")]
    codecs: Option<String>,
    #[command(flatten)]
    profile: ProfileFlag,
    /// Timed runs after the verifying run, instead of the suite's number
    #[arg(long, value_name = "N")]
    repeats: Option<u32>,
    /// Folder in which the folder of the run is created
    #[arg(long, value_name = "DIR", default_value = "results/runs")]
    out: PathBuf,
    /// Continue the run in this folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["names", "recursive", "codecs", "repeats", "profile", "out"])]
    resume: Option<PathBuf>,
    /// Reuse rows of an earlier run of this program on this machine for equal pixels and codecs;
    /// repeatable
    #[arg(long, value_name = "RUN")]
    reuse: Vec<PathBuf>,
    /// Fail if a size differs from the ledger
    #[arg(long)]
    check_ledger: bool,
    /// Write the sizes to the ledger
    #[arg(long, conflicts_with = "check_ledger")]
    update_ledger: bool,
    /// File of the ledger
    #[arg(long, value_name = "FILE", default_value = "results/sizes.csv")]
    ledger: PathBuf,
    /// Run the external programs that the suite lists as codecs
    #[arg(long)]
    allow_external: bool,
    /// A file of external programs, such as those in configs/external, to add to the suite
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    external: Option<PathBuf>,
    /// Print one JSON object an image, and one for the run, a line each, instead of tables
    #[arg(long)]
    json: bool,
    /// Say only what failed
    #[arg(short, long)]
    quiet: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    // What is wrong with it is told before hours of work.
    if args.check_ledger || args.update_ledger {
        Ledger::read(&args.ledger)?;
        let is_there = args.update_ledger || args.ledger.exists();
        ensure!(is_there, "{}: no such file; --update-ledger writes it", args.ledger.display());
    }
    let run = measure(args)?;
    let programs = versions(&run, args.allow_external)?;
    write_atomically(&run.folder.join("table.md"), (tables::document(&run) + &programs).as_bytes())?;
    let mut out = text();
    if args.json {
        write_json(&mut out, &run)?;
    } else if !args.quiet {
        write!(out, "{}", tables::terminal(&run, &Names::of_run(&run, &experiment)))?;
        writeln!(out, "\nRows, machine and tables: {}", run.folder.display())?;
    }
    if args.quiet {
        for row in run.failures() {
            say(&printable(&format!("{} {} {}: {}", row.dataset, row.image, row.codec, row.status.text())));
        }
    }
    if args.update_ledger {
        update(Ledger::read(&args.ledger)?, args, &run)?;
    } else if args.check_ledger {
        check(&Ledger::read(&args.ledger)?, args, &run)?;
    }
    match run.failures().count() {
        0 if !run.rows.iter().any(Measurement::is_verified) => bail!("{}", nothing_measured(&run)),
        0 => Ok(()),
        1 => bail!("one row failed, see above"),
        rows => bail!("{rows} rows failed, see above"),
    }
}

/// A line for every image with the rows of its codecs, then one for the whole run.
fn write_json(out: &mut dyn Write, run: &Run) -> Result<()> {
    let mut images: Vec<(&str, &str, Vec<&Measurement>)> = vec![];
    let mut places = HashMap::new();
    for row in run.rows.iter().filter(|row| !row.image.is_empty()) {
        let place = *places.entry((&row.dataset, &row.image)).or_insert(images.len());
        if place == images.len() {
            images.push((&row.dataset, &row.image, vec![]));
        }
        images[place].2.push(row);
    }
    for (dataset, image, measurements) in images {
        writeln!(out, "{}", json!({"dataset": dataset, "image": image, "measurements": measurements}))?;
    }
    let datasets = summary::summarise(run);
    writeln!(out, "{}", json!({"suite": run.suite.name, "folder": run.folder, "datasets": datasets}))?;
    Ok(())
}

/// Every codec that knows profiles once more, with the one that was asked for. Its bytes count as
/// those of a model.
fn with_profile(codecs: &[String], profile: &ProfileFlag) -> Result<Vec<String>> {
    if !profile.is_given() {
        return Ok(vec![]);
    }
    let specs: Vec<Spec> = codecs.iter().map(|codec| codec.parse()).collect::<Result<_, _>>()?;
    let known = specs.into_iter().filter(|spec| knows_profiles(spec) && spec.get("profile").is_none());
    let known: Vec<Spec> = known.collect();
    ensure!(
        !known.is_empty(),
        "--profile: only the codec floor knows profiles, and it is not among the codecs"
    );
    let with = |id: Id| known.into_iter().map(|spec| spec.set("profile", &id).to_string()).collect();
    Ok(profile.one("bench")?.map(with).unwrap_or_default())
}

/// What the external programs that took part say of their versions, for the page of the run.
fn versions(run: &Run, allowed: bool) -> Result<String> {
    let file = format!("suite {}", run.suite.name);
    let programs = External::from_toml(&file, &run.suite.external_toml())?;
    let lines: Vec<String> = programs
        .iter()
        .filter_map(|(name, program)| Some(format!("- `{name}`: {}", program.version_line(name, allowed)?)))
        .collect();
    match lines.is_empty() {
        true => Ok(String::new()),
        false => Ok(format!("\n## External programs\n\n{}\n", lines.join("\n"))),
    }
}

/// Why a run without failures measured nothing.
fn nothing_measured(run: &Run) -> String {
    let skipped = run.rows.iter().filter(|row| row.is_skipped()).count();
    match skipped {
        0 => "nothing was measured: there is no image in the data".to_owned(),
        _ => "nothing was measured: every dataset or codec was skipped, see above".to_owned(),
    }
}

fn measure(args: &Args) -> Result<Run> {
    let mut options = RunOptions {
        array_codecs: ArrayRegistry::default(),
        runs: args.out.clone(),
        allow_external: args.allow_external,
        reuse: args.reuse.clone(),
        command: command_line(),
        build: build(),
        estimators: estimators(),
    };
    let open = |choice: &DatasetChoice| open_choice(choice, args.data.as_deref());
    let mut progress = Progress::new(args.quiet);
    if let Some(folder) = &args.resume {
        let suite = Suite::read(&folder.join("suite.toml"))?;
        let registry;
        (registry, options.array_codecs) = with_external(&suite, args.allow_external)?;
        return Ok(nf_bench::resume(folder, &registry, &open, &options, &mut progress)?);
    }
    let mut suite = match args.inputs.names() {
        [] => Suite::quick(),
        [path] if is_suite(path) => Suite::read(path)?.with_external_codecs(),
        _ => suite_of_inputs(&args.inputs, args.data.as_deref())?,
    };
    if let Some(file) = &args.external {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        suite = suite.with_external(&file.display().to_string(), &text)?.with_external_codecs();
    }
    if let Some(list) = &args.codecs {
        suite.codecs = chosen(&suite, list);
    }
    suite.codecs.extend(with_profile(&suite.codecs, &args.profile)?);
    suite.repeats = args.repeats.unwrap_or(suite.repeats);
    let registry;
    (registry, options.array_codecs) = with_external(&suite, args.allow_external)?;
    Ok(nf_bench::run(&suite, &registry, &open, &options, &mut progress)?)
}

/// Whether a path names a suite rather than data: a TOML file without what every manifest of a
/// dataset has, or one that is not there.
fn is_suite(path: &Path) -> bool {
    let source = || std::fs::read_to_string(path).ok()?.parse::<toml::Table>().ok()?.remove("source");
    is_toml(path) && source().is_none()
}

fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "toml")
}

/// The codecs of the suite `real-full` over all that is meant: several files are one dataset, a
/// folder or a name is one of its own.
fn suite_of_inputs(inputs: &DataInputs, data: Option<&Path>) -> Result<Suite> {
    let (mut files, mut suites): (Vec<PathBuf>, Vec<Suite>) = (vec![], vec![]);
    for meant in inputs.meant() {
        match meant? {
            Meant::File(path) => files.push(path),
            Meant::Data(path) if is_suite(&path) => {
                bail!("{}: a suite is measured alone; name data only, or this suite only", path.display());
            }
            Meant::Data(reference) => suites.push(suite_of_data(&reference, data)?),
            Meant::Stream => bail!("-: a run notes where its data are; name a file, not the standard input"),
        }
    }
    match &files[..] {
        [] => {}
        [file] => suites.insert(0, suite_of_data(file, data)?),
        files => suites.insert(0, suite_of_files(files)?),
    }
    let mut all = suites.into_iter();
    let mut suite = all.next().context("there is nothing to measure")?;
    suite.datasets.extend(all.flat_map(|other| other.datasets));
    if suite.datasets.len() > 1 {
        suite.name = format!("{}-datasets", suite.datasets.len());
        suite.question = "Which codec is smallest on these frames?".to_owned();
    }
    suite.check().map_err(|reason| anyhow!("{reason}"))?;
    Ok(suite)
}

/// The same over several files as one dataset, which is named by its files, one a line.
fn suite_of_files(files: &[PathBuf]) -> Result<Suite> {
    let names: Vec<&str> = files.iter().map(|path| utf8(path)).collect::<Result<_>>()?;
    if let Some(name) = names.iter().find(|name| name.contains('\n')) {
        bail!("{name:?}: a run notes names one a line; this one has a line break");
    }
    Ok(Suite::of_data(&format!("{} files", names.len()), &names.join("\n"), "all"))
}

fn utf8(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| {
        let name = path.display();
        format!("{name}: this name is not UTF-8, which a run has to note it in; give it another or a link")
    })
}

/// The codecs of the suite `real-full` over the data that a reference names.
fn suite_of_data(reference: &Path, data: Option<&Path>) -> Result<Suite> {
    let text = utf8(reference)?;
    // Opened once beforehand, to fail in one line and to learn the split that is meant where none
    // is said.
    let set = nf_data::open(reference, &open_options(data, None))?;
    let card = set.card();
    if reference.exists() && !is_toml(reference) {
        let name = reference.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_owned()));
        let name = name.map_or_else(|| text.to_owned(), |name| name.to_string_lossy().into_owned());
        return Ok(Suite::of_data(&name, text, &card.split));
    }
    let without_split = text.strip_suffix(&format!("@{}", card.split)).unwrap_or(text);
    Ok(Suite::of_data(&format!("{}/{}", card.name, card.view), without_split, &card.split))
}

/// The dataset that a suite means.
pub(crate) fn open_choice(
    choice: &DatasetChoice,
    data: Option<&Path>,
) -> nf_data::Result<Box<dyn nf_data::Dataset>> {
    nf_data::open(&choice.data, &open_options(data, Some(&choice.split)))
}

fn open_options(data: Option<&Path>, split: Option<&str>) -> OpenOptions {
    OpenOptions {
        data: data.map(Path::to_owned),
        split: split.map(str::to_owned),
        fits: FitsOptions { readable_parts: true, ..fits_options() },
        ..OpenOptions::default()
    }
}

/// A file beside a checkpoint that its training left, if it is at hand.
pub(crate) fn training_file(id: &str, file: &str) -> Option<String> {
    let folder = Checkpoint::find(id);
    let mut name = folder.file_name()?.to_owned();
    name.push(".run");
    std::fs::read_to_string(folder.with_file_name(name).join(file)).ok()
}

/// The experiment behind a checkpoint, if it is at hand.
pub(crate) fn experiment(id: &str) -> Option<String> {
    training_file(id, "experiment.toml")
}

/// All codecs of this build, lossless ones and those with a loss of their own, and the programs
/// that a suite adds to them.
pub(crate) fn with_external(suite: &Suite, allowed: bool) -> Result<(Registry, ArrayRegistry)> {
    let (mut registry, mut array_codecs) = (registry(), array_registry());
    for (name, program) in External::from_toml(&format!("suite {}", suite.name), &suite.external_toml())? {
        match program.is_of_arrays() {
            true => array_codecs.add(program.array_entry(&name, allowed)?)?,
            false => program.add_to(&mut registry, &name, allowed)?,
        }
    }
    Ok((registry, array_codecs))
}

/// A word that is the name of codecs of the suite means those, any other is a spec.
fn chosen(suite: &Suite, list: &str) -> Vec<String> {
    let name = |spec: &str| spec.split(':').next().unwrap_or_default().to_owned();
    let mut codecs: Vec<String> = vec![];
    for word in list.split_whitespace() {
        let of_name = suite.codecs.iter().filter(|spec| name(spec) == word).cloned();
        let mut specs: Vec<String> = of_name.collect();
        if specs.is_empty() {
            specs.push(word.to_owned());
        }
        codecs.extend(specs.into_iter().filter(|spec| !codecs.contains(spec)).collect::<Vec<_>>());
    }
    codecs
}

fn update(mut ledger: Ledger, args: &Args, run: &Run) -> Result<()> {
    ledger.update(run);
    if let Some(folder) = args.ledger.parent() {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    ledger.write(&args.ledger)?;
    say(&format!("{}: updated", args.ledger.display()));
    Ok(())
}

fn check(ledger: &Ledger, args: &Args, run: &Run) -> Result<()> {
    let differences = ledger.differences(run);
    if differences.is_empty() {
        say(&format!("{}: agrees", args.ledger.display()));
        return Ok(());
    }
    differences.iter().for_each(|line| say(line));
    bail!("{}: sizes differ, see the lines above", args.ledger.display())
}

/// The command line, as it could be typed again; of absolute paths, which mean nothing elsewhere
/// and may name people, only the last part.
pub(crate) fn command_line() -> String {
    let word = |word: std::ffi::OsString| {
        let path = Path::new(&word);
        let word = match path.file_name().filter(|_| path.is_absolute()) {
            Some(last) => format!(".../{}", last.to_string_lossy()),
            None => word.to_string_lossy().into_owned(),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@".contains(c);
        if !word.is_empty() && word.chars().all(plain) { word } else { format!("'{word}'") }
    };
    let words = std::env::args_os().skip(1).map(word);
    ["noisefloor".to_owned()].into_iter().chain(words).collect::<Vec<_>>().join(" ")
}

/// What `build.rs` wrote down of this program.
fn build() -> Build {
    Build {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: env!("NOISEFLOOR_COMMIT").to_owned(),
        dirty: env!("NOISEFLOOR_DIRTY").to_owned(),
        toolchain: env!("NOISEFLOOR_TOOLCHAIN").to_owned(),
        options: env!("NOISEFLOOR_OPTIONS").to_owned(),
        packages: include_str!(concat!(env!("OUT_DIR"), "/packages.txt"))
            .lines()
            .map(str::to_owned)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_are_chosen_by_name_or_spec() {
        let mut suite = Suite::quick();
        suite.codecs = ["raw", "jpegxl:effort=1", "jpegxl:effort=7"].map(str::to_owned).to_vec();
        assert_eq!(chosen(&suite, "jpegxl"), suite.codecs[1..]);
        assert_eq!(
            chosen(&suite, "jpegxl:effort=7 zstd:level=3 jpegxl raw"),
            ["jpegxl:effort=7", "zstd:level=3", "jpegxl:effort=1", "raw"]
        );
    }
}
