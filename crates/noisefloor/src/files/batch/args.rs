//! The arguments that all verbs share which take many files.

use super::each::{Done, Job, Saying, each};
use super::expand::{Expanded, expand};
use super::plan::{Place, Plan, Rules, plan};
use crate::files::output::{ensure_distinct, is_stream};
use crate::message::one_line;
use crate::message::say;
use anyhow::{Error, Result, bail, ensure};
use std::path::{Path, PathBuf};

/// The inputs.
#[derive(clap::Args)]
pub(crate) struct Inputs {
    /// Files, patterns such as 'night/*.fits', folders with -r; `-` is standard input
    #[arg(required = true, value_name = "FILE", help_heading = clap::builder::Resettable::Reset)]
    files: Vec<PathBuf>,
    /// Take the files in folders, at any depth
    #[arg(short, long, help_heading = "Files")]
    recursive: bool,
}

impl Inputs {
    /// The files that are meant.
    ///
    /// # Errors
    /// If a pattern makes no sense, or no file fits it.
    pub(crate) fn expand(&self, takes: fn(&Path) -> bool) -> Result<Expanded> {
        expand(&self.files, self.recursive, takes)
    }
}

/// The inputs and where their outputs go.
#[derive(clap::Args)]
#[command(next_help_heading = "Files")]
pub(crate) struct Files {
    #[command(flatten)]
    inputs: Inputs,
    /// Output of a single input; `-` is standard output
    #[arg(short, long, short_alias = 'O', value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write below DIR, in the same folders as the inputs
    #[arg(long, value_name = "DIR", conflicts_with = "output")]
    output_dir: Option<PathBuf>,
    /// Replace outputs that exist
    #[arg(short, long, short_alias = 'F')]
    force: bool,
    /// Pass over inputs whose outputs exist
    #[arg(long, conflicts_with = "force")]
    skip_existing: bool,
    /// Delete each input after its output has been read back and compared
    #[arg(long, short_alias = 'D')]
    delete: bool,
    /// Say only what failed
    #[arg(short, long)]
    quiet: bool,
    /// Print one JSON object a file: sizes, digests, seconds, bits per pixel
    #[arg(long)]
    json: bool,
}

impl Files {
    /// Whether outputs that exist are replaced.
    pub(crate) fn force(&self) -> bool {
        self.force
    }

    /// Whether inputs go once their outputs are proved.
    pub(crate) fn delete(&self) -> bool {
        self.delete
    }

    /// The first name that is no file and that `means` understands otherwise.
    pub(crate) fn misplaced(&self, means: impl Fn(&str) -> bool) -> Option<&Path> {
        let is_one = |name: &&PathBuf| !name.exists() && name.to_str().is_some_and(&means);
        self.inputs.files.iter().find(is_one).map(PathBuf::as_path)
    }

    /// Does the work for all files that are meant, after a look at all names.
    ///
    /// # Errors
    /// If a name cannot be used, before anything is written; or if the work failed for a file.
    pub(crate) fn each(
        &self,
        rules: &Rules<'_>,
        work: impl FnMut(&Job, &mut dyn FnMut(f64)) -> Result<Done>,
    ) -> Result<()> {
        let (inputs, output) = self.old_form(rules)?;
        let is_old = self.output.is_none() && output.is_some_and(|output| output != Path::new("-"));
        let output = output.or(self.output.as_deref());
        let mut expanded = expand(inputs, self.inputs.recursive, rules.takes)?;
        let unread = std::mem::take(&mut expanded.unread);
        let to = match (output, &self.output_dir) {
            (Some(file), _) => Place::File(file),
            (None, Some(folder)) => Place::Below(folder),
            (None, None) => Place::Beside,
        };
        let Plan { jobs, passed_over, wrong } = plan(expanded, to, rules, self.skip_existing);
        refuse(wrong)?;
        self.check_pipes(&jobs)?;
        self.check_folder(output)?;
        let (existing, jobs): (Vec<Job>, Vec<Job>) =
            jobs.into_iter().partition(|job| self.skip_existing && job.output.exists());
        let saying = Saying { quiet: self.quiet, json: self.json };
        existing.iter().try_for_each(|job| saying.skipped(&job.input, Some(&job.output)))?;
        passed_over.iter().try_for_each(|input| saying.skipped(input, None))?;
        let skipped = existing.len() + passed_over.len();
        if skipped > 0 && !self.quiet {
            say(&format!("{skipped} skipped, whose outputs exist or which are outputs themselves"));
        }
        each(jobs, unread, self.delete, self.output_dir.is_some(), saying, work)?;
        if is_old && !self.quiet {
            let Rules { verb, .. } = rules;
            say(&format!("(`{verb} IN OUT` is the old form; `{verb} IN -o OUT` says it without doubt)"));
        }
        Ok(())
    }

    /// Two names of which the second can only be an output: the old form `VERB IN OUT`.
    ///
    /// # Errors
    /// If the second could be meant as either.
    fn old_form(&self, rules: &Rules<'_>) -> Result<(&[PathBuf], Option<&Path>)> {
        let all = &self.inputs.files;
        let ([first, second], None, None, false) =
            (&all[..], &self.output, &self.output_dir, self.inputs.recursive)
        else {
            return Ok((all, None));
        };
        ensure_distinct(first, second)?;
        let old = Ok((&all[..1], Some(second.as_path())));
        if is_stream(second) {
            return old;
        }
        if second.is_dir() && !first.is_dir() {
            bail!("{}: this is a folder; --output-dir writes into it", second.display());
        }
        let (is_there, is_output) = (second.exists(), rules.is_output);
        let is_pattern = !is_there && second.to_string_lossy().contains(['*', '?', '[']);
        // Only outputs have such a name; or it is not there, and is no name of an input.
        if is_output(second) && !(is_there && is_output(first))
            || !is_there && !is_pattern && !(rules.takes)(second)
        {
            return old;
        }
        Ok((all, None))
    }

    fn check_pipes(&self, jobs: &[Job]) -> Result<()> {
        let to_pipe = jobs.iter().find(|job| is_stream(&job.output));
        let from_pipe = jobs.iter().find(|job| is_stream(&job.input));
        if let (true, Some(job)) = (self.delete, to_pipe.or(from_pipe)) {
            bail!("{}: what goes through a pipe cannot be read back; it is kept", job.input.display());
        }
        ensure!(
            !self.json || jobs.iter().all(|job| job.output != Path::new("-")),
            "--json and the data would both go to the standard output; name a file with --output"
        );
        Ok(())
    }

    fn check_folder(&self, output: Option<&Path>) -> Result<()> {
        if let Some(output) = output.filter(|output| output.is_dir()) {
            bail!("{}: this is a folder; --output-dir writes into it", output.display());
        }
        if let Some(folder) = self.output_dir.as_deref().filter(|folder| folder.exists() && !folder.is_dir())
        {
            bail!("{}: expected a folder, this is a file", folder.display());
        }
        Ok(())
    }
}

/// Ends the verb if names are wrong: nothing has been written yet.
pub(crate) fn refuse(wrong: Vec<Error>) -> Result<()> {
    const SHOWN: usize = 10;
    match wrong.len() {
        0 => Ok(()),
        1 => Err(wrong.into_iter().next().expect("there is one")),
        count => {
            wrong.iter().take(SHOWN).for_each(|error| say(&one_line(error)));
            bail!("{count} names cannot be used; nothing was written")
        }
    }
}
