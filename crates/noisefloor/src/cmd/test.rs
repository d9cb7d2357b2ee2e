//! `noisefloor test`: whether containers and FITS files are intact, without writing anything.

use super::bound;
use super::compress::{container_facts, pixels_word, stacks_word};
use super::fits::opened::reason_to_keep;
use super::stages;
use crate::files::batch::{Inputs, refuse};
use crate::files::input;
use crate::files::kinds::is_provable;
use crate::files::output::{is_closed_text, text};
use crate::files::profile::NeededProfile;
use crate::files::source::Source;
use crate::limits;
use crate::message::{about, one_line, say};
use crate::registry::{fits_of_bytes, open_fits, registry};
use anyhow::{Context, Result, bail, ensure};
use nf_archive::plain;
use nf_codec::container::{MAGIC, Reader};
use nf_fits::pack::{HduChecksums, verify};
use nf_fits::{Checksums, FitsFile, npy};
use serde_json::{Map, Value, json};
use std::io::Write;
use std::path::Path;
use std::time::Instant;

/// Prove that files are intact: every tile of a container or packed FITS file is decoded and
/// compared with its digests and sums. Nothing is written.
#[derive(clap::Args)]
#[command(after_help = "Example: noisefloor test -r packed")]
pub(crate) struct Args {
    #[command(flatten)]
    inputs: Inputs,
    #[command(flatten)]
    profile: NeededProfile,
    /// Say only what failed
    #[arg(short, long)]
    quiet: bool,
    /// Print one JSON object a file
    #[arg(long)]
    json: bool,
}

/// What was found in an intact file.
struct Tested {
    words: String,
    facts: Map<String, Value>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    args.profile.make_known()?;
    for_each(&args.inputs, is_provable, |path, _| {
        let start = Instant::now();
        let tested = Source::open(path).and_then(test);
        if args.json {
            let mut row = Map::new();
            row.insert("file".to_owned(), json!(path.display().to_string()));
            row.insert("intact".to_owned(), json!(tested.is_ok()));
            row.insert("seconds".to_owned(), json!(start.elapsed().as_secs_f64()));
            match &tested {
                Ok(Tested { facts, .. }) => row.extend(facts.clone()),
                Err(error) => drop(row.insert("error".to_owned(), json!(one_line(error)))),
            }
            writeln!(text(), "{}", Value::Object(row))?;
        }
        let Tested { words, .. } = tested?;
        if !args.json && !args.quiet {
            writeln!(text(), "{}: intact, {words}", plain(&path.display().to_string()))?;
        }
        Ok(())
    })
}

/// Decodes everything in a file.
fn test(source: Source) -> Result<Tested> {
    let name = source.name();
    let first = source.first(MAGIC.len() as u64)?;
    if first == MAGIC {
        return test_container(&source).with_context(|| name);
    }
    if first == nf_bounded::container::MAGIC {
        let (words, facts) = bound::decompress::prove(&source).with_context(|| name)?;
        return Ok(Tested { words, facts });
    }
    if npy::is_npy(&first) {
        let stacks = input::read(source)?.stacks;
        let pixels: u64 = stacks.iter().map(|stack| stack.shape().pixels() as u64).sum();
        let facts = Map::from_iter([("kind".to_owned(), json!("npy")), ("pixels".to_owned(), json!(pixels))]);
        return Ok(Tested { words: format!("npy of {}, without a checksum", pixels_word(pixels)), facts });
    }
    let file = match source {
        Source::Disk(path) => open_fits(&path)?,
        Source::Memory(bytes, name) => fits_of_bytes(bytes).context(name)?,
    };
    let found = check_sums(&file, &name)?;
    let unproved = found.iter().filter(|sums| sums.stored == Checksums::None).count();
    let mut words = format!("FITS, {} HDUs", found.len());
    if unproved > 0 {
        words += &format!(", {unproved} of them without sums");
    }
    let facts =
        [("kind", json!("FITS")), ("hdus", json!(found.len())), ("hdus_without_sums", json!(unproved))];
    Ok(Tested { words, facts: facts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect() })
}

fn test_container(source: &Source) -> Result<Tested> {
    let mut reader = Reader::open(source.reader()?, limits::codec())?;
    let codec = reader.codec(&registry())?;
    let stacks = reader.header().images.len();
    match reader.header().layout {
        Some(_) => reader.restore(&*codec, &mut std::io::sink())?,
        None => {
            (0..stacks).try_for_each(|stack| reader.decode_in_order(stack, &*codec, &mut |_| Ok(())))?;
        }
    }
    let tiles: usize = (0..stacks).map(|stack| reader.tiles(stack).len()).sum();
    let pixels = reader.header().images.iter().map(|image| image.shape.pixels() as u64).sum();
    let digests: Vec<_> = (0..stacks).map(|stack| reader.digest(stack)).collect();
    let mut facts = container_facts(reader.header(), &digests);
    facts.insert("kind".to_owned(), json!("container"));
    facts.insert("pixels".to_owned(), json!(pixels));
    facts.insert("tiles".to_owned(), json!(tiles));
    let cut = stages::cut_words(reader.header()).map(|words| format!(", {words}")).unwrap_or_default();
    if !cut.is_empty() {
        facts.insert("lossless".to_owned(), json!(false));
    }
    let words = format!(
        "{} of {} in {tiles} tile{}, {}{cut}",
        stacks_word(stacks),
        pixels_word(pixels),
        if tiles == 1 { "" } else { "s" },
        reader.header().codec
    );
    Ok(Tested { words, facts })
}

/// `fits verify`: the sums HDU by HDU; containers are decoded as `test` does.
pub(crate) fn sums(inputs: &Inputs) -> Result<()> {
    for_each(inputs, is_provable, |path, is_only| {
        let prefix =
            if is_only { String::new() } else { format!("{}: ", plain(&path.display().to_string())) };
        let source = Source::open(path)?;
        let first = source.first(MAGIC.len() as u64)?;
        if first == MAGIC || first == nf_bounded::container::MAGIC {
            writeln!(text(), "{prefix}intact, {}", test(source)?.words)?;
            return Ok(());
        }
        let file = match source {
            Source::Disk(path) => open_fits(&path)?,
            Source::Memory(bytes, name) => fits_of_bytes(bytes).context(name)?,
        };
        let found = verify(&file).with_context(|| path.display().to_string())?;
        let mut out = text();
        for (index, HduChecksums { stored, original }) in found.iter().enumerate() {
            let inside =
                original.map(|sums| format!(", original inside: {}", word(sums))).unwrap_or_default();
            writeln!(out, "{prefix}HDU {index}: {}{inside}", word(*stored))?;
        }
        for (index, cards) in bound::compare::bounds(&file) {
            writeln!(out, "{prefix}HDU {index} of the unpacked file: {}", bound::compare::words(&cards))?;
        }
        judge(&file, &found, &path.display().to_string())
    })
}

fn word(sums: Checksums) -> &'static str {
    match sums {
        Checksums::None => "no sums",
        Checksums::Good => "good",
        Checksums::BadData => "BAD DATASUM",
        Checksums::BadHdu => "BAD CHECKSUM",
    }
}

/// The sums of an intact file.
fn check_sums(file: &FitsFile, name: &str) -> Result<Vec<HduChecksums>> {
    let found = verify(file).with_context(|| name.to_owned())?;
    judge(file, &found, name)?;
    Ok(found)
}

fn judge(file: &FitsFile, found: &[HduChecksums], name: &str) -> Result<()> {
    let wrong =
        |sums: &HduChecksums| sums.stored.is_wrong() || sums.original.is_some_and(Checksums::is_wrong);
    if let Some(problem) = reason_to_keep(file) {
        bail!("{name}: {problem}");
    }
    ensure!(!found.iter().any(wrong), "{name}: a checksum is wrong");
    Ok(())
}

/// Looks at every file that is meant, which is told whether it is the only one; one that is damaged
/// does not keep the others from being looked at.
///
/// # Errors
/// If a name cannot be used, or `look` failed for a file. Of several files, the reasons have been
/// printed.
pub(crate) fn for_each(
    inputs: &Inputs,
    takes: fn(&Path) -> bool,
    mut look: impl FnMut(&Path, bool) -> Result<()>,
) -> Result<()> {
    let found = inputs.expand(takes)?;
    refuse(found.wrong)?;
    let count = found.files.len() + found.unread.len();
    let mut failed = found.unread.len();
    found.unread.iter().for_each(|(folder, error)| say(&about(folder, error)));
    for file in &found.files {
        match look(&file.path, count == 1) {
            Err(error) if count == 1 || is_closed_text(&error) => return Err(error),
            Err(error) => {
                say(&about(&file.path, &error));
                failed += 1;
            }
            Ok(()) => {}
        }
    }
    ensure!(failed == 0, "{failed} of {count} files are damaged or cannot be read");
    Ok(())
}
