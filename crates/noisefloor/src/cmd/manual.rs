//! `noisefloor completions` and `noisefloor man`: what shells and `man` want to know of the
//! program.

use crate::files::output::{text, write_file};
use anyhow::{Context, Result};
use clap::Command;
use clap_complete::Shell;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(
    after_help = "Example: noisefloor completions bash > ~/.local/share/bash-completion/completions/noisefloor"
)]
pub(crate) struct CompletionArgs {
    /// The shell
    shell: Shell,
}

#[derive(clap::Args)]
#[command(after_help = "Example: noisefloor man ~/.local/share/man/man1")]
pub(crate) struct ManArgs {
    /// Folder for the pages, such as noisefloor-compress.1; it is made if it is not there
    folder: PathBuf,
}

/// Prints the completions of a shell.
///
/// # Errors
/// If the standard output fails.
pub(crate) fn completions(args: &CompletionArgs, mut program: Command) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "noisefloor", &mut script);
    Ok(text().write_all(&script)?)
}

/// Writes one page for the program and one for every verb; older ones are replaced.
///
/// # Errors
/// If the folder cannot be written to.
pub(crate) fn man(args: &ManArgs, mut program: Command) -> Result<()> {
    fs::create_dir_all(&args.folder).with_context(|| args.folder.display().to_string())?;
    program.build();
    pages(args, program, "noisefloor".to_owned())
}

fn pages(args: &ManArgs, command: Command, name: String) -> Result<()> {
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        pages(args, verb.clone(), format!("{name}-{}", verb.get_name()))?;
    }
    let page = clap_mangen::Man::new(command.display_name(name.clone())).title(name.clone());
    let mut bytes = Vec::new();
    page.render(&mut bytes)?;
    write_file(&args.folder.join(format!("{name}.1")), true, |out| Ok(out.write_all(&bytes)?))
}
