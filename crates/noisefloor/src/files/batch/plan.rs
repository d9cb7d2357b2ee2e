//! Which output every input gets, and whether the names make sense together.

use super::each::Job;
use super::expand::{Expanded, Found};
use anyhow::{Error, Result, anyhow};
use nf_archive::walk::place;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// How a verb understands names.
pub(crate) struct Rules<'a> {
    /// The verb as the user writes it.
    pub(crate) verb: &'static str,
    /// Whether a file below a folder is one to take, by its name.
    pub(crate) takes: fn(&Path) -> bool,
    /// Whether a name is one that only an output of this verb has.
    pub(crate) is_output: fn(&Path) -> bool,
    /// The output of an input.
    pub(crate) name: &'a dyn Fn(&Path) -> Result<PathBuf>,
}

/// Where outputs go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    /// Beside each input.
    Beside,
    /// One file for the only input; `-` is the standard output.
    File(&'a Path),
    /// Below a folder, as the inputs lie below the folders that were given.
    Below(&'a Path),
}

/// The jobs, inputs that `rules` pass over, and everything that is wrong with the names.
pub(crate) struct Plan {
    pub(crate) jobs: Vec<Job>,
    /// Named among the inputs, and outputs themselves.
    pub(crate) passed_over: Vec<PathBuf>,
    pub(crate) wrong: Vec<Error>,
}

/// Plans the work on these files. With `skip_outputs`, names that only outputs have are passed
/// over instead of being wrong.
pub(crate) fn plan(expanded: Expanded, to: Place<'_>, rules: &Rules<'_>, skip_outputs: bool) -> Plan {
    let Expanded { files, mut wrong, .. } = expanded;
    let mut passed_over = Vec::new();
    let piped = files.iter().any(|file| file.path == Path::new("-"));
    match to {
        Place::File(_) if files.len() > 1 => {
            wrong.push(anyhow!(
                "--output names one file, {} are given; --output-dir takes them all",
                files.len()
            ));
            return Plan { jobs: Vec::new(), passed_over, wrong };
        }
        Place::Below(_) if piped => wrong.push(anyhow!("the standard input has no name for --output-dir")),
        _ if piped && files.len() > 1 => wrong.push(anyhow!("-: the standard input is the only input then")),
        _ => {}
    }
    let passes_over = |input: &Path| skip_outputs && (rules.is_output)(input);
    let inputs: HashMap<PathBuf, &Path> = files
        .iter()
        .filter(|file| !passes_over(&file.path))
        .map(|file| (place(&file.path), file.path.as_path()))
        .collect();
    let mut outputs: HashMap<PathBuf, &Path> = HashMap::new();
    let mut jobs = Vec::new();
    for file in &files {
        let input = file.path.as_path();
        if passes_over(input) {
            passed_over.push(input.to_owned());
            continue;
        }
        let output = match output_of(file, to, rules) {
            Ok(output) => output,
            Err(error) => {
                wrong.push(super::each::naming(input, error));
                continue;
            }
        };
        if output != Path::new("-") {
            let place = place(&output);
            if let Some(replaced) = inputs.get(&place) {
                let (name, replaced) = (output.display(), replaced.display());
                wrong.push(anyhow!("{name}: writing it would replace the input {replaced}"));
            } else if let Some(first) = outputs.insert(place, input) {
                let (first, second) = (first.display(), input.display());
                wrong.push(anyhow!("{}: both {first} and {second} would become this file", output.display()));
            }
        }
        jobs.push(Job { input: input.to_owned(), output });
    }
    Plan { jobs, passed_over, wrong }
}

fn output_of(file: &Found, to: Place<'_>, rules: &Rules<'_>) -> Result<PathBuf> {
    if let Place::File(output) = to {
        return Ok(output.to_owned());
    }
    if file.path == Path::new("-") {
        return Ok("-".into());
    }
    let beside = (rules.name)(&file.path)?;
    Ok(match (to, beside.file_name()) {
        (Place::Below(folder), Some(name)) => folder.join(&file.below).with_file_name(name),
        _ => beside,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::kinds::{is_container, is_fits};
    use std::fs;

    #[test]
    fn outputs_are_not_shared_and_replace_no_input() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        for name in ["a.fits", "a.fits.gz", "a.fits.fz", "b.nfl"] {
            fs::write(folder.path().join(name), name).expect("it can be written to");
        }
        let path = |name: &str| folder.path().join(name);
        let rules = Rules {
            verb: "compress",
            takes: is_fits,
            is_output: is_container,
            name: &|input: &Path| match is_container(input) {
                true => Err(anyhow!("packed already")),
                false => Ok(input.with_extension("")),
            },
        };
        let of = |inputs: &[&str], to: Place<'_>, skip: bool| {
            let found = |name: &&str| Found { path: path(name), below: Path::new("n").join(name) };
            plan(
                Expanded { files: inputs.iter().map(found).collect(), ..Default::default() },
                to,
                &rules,
                skip,
            )
        };
        let problem = |inputs: &[&str], to: Place<'_>| {
            of(inputs, to, false)
                .wrong
                .into_iter()
                .next()
                .map(|error| format!("{error:#}"))
                .unwrap_or_default()
        };
        assert!(problem(&["a.fits.gz", "a.fits.fz"], Place::Beside).contains("both"));
        assert!(problem(&["a.fits", "a.fits.gz"], Place::Beside).contains("replace the input"));
        assert!(problem(&["a.fits"], Place::File(&path("a.fits"))).contains("replace the input"));
        assert!(problem(&["a.fits", "a.fits.gz"], Place::File(&path("b"))).contains("one file"));
        assert!(problem(&["b.nfl"], Place::Beside).contains("packed already"));
        assert_eq!(problem(&["a.fits"], Place::File(&path("b"))), "");
        let skipped = of(&["a.fits.gz", "b.nfl"], Place::Below(&path("out")), true);
        assert!(skipped.wrong.is_empty() && skipped.passed_over == [path("b.nfl")]);
        assert_eq!(skipped.jobs[0].output, path("out/n/a.fits"));
    }
}
