//! `<runs>/<date>-<name>/`: everything one run leaves behind, never overwritten.
//!
//! | file | content |
//! |---|---|
//! | `suite.toml` | the suite as it was run, every default filled in |
//! | `machine.toml` | machine and build; `machine-2.toml` and so on if another one continued the run |
//! | `measurements.csv` | one [`Measurement`] per line |
//! | `table.md` | the tables, once the run is through |

use crate::machine::{Machine, now_s, utc};
use crate::measurement::{Measurement, Sheet, read_rows};
use crate::{Error, Result, Suite};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A run's folder, open for adding rows.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    pub(crate) sheet: Sheet,
}

impl RunFolder {
    /// A new folder under `runs`, named by the day and the suite, with a counter if that is taken.
    ///
    /// # Errors
    /// If it cannot be made or written.
    pub fn create(runs: &Path, suite: &Suite, machine: &Machine) -> Result<Self> {
        fs::create_dir_all(runs).map_err(Error::io(runs))?;
        let stem = format!("{}-{}", &utc(now_s())[..10], suite.name);
        let mut counter = 1;
        let path = loop {
            let name = if counter == 1 { stem.clone() } else { format!("{stem}-{counter}") };
            let path = runs.join(name);
            match fs::create_dir(&path) {
                Ok(()) => break path,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => counter += 1,
                Err(error) => return Err(Error::io(&path)(error)),
            }
        };
        write(&path.join("suite.toml"), &suite.to_toml())?;
        write(&path.join("machine.toml"), &machine_text(machine))?;
        let sheet = Sheet::create(&path.join("measurements.csv"))?;
        Ok(Self { path, sheet })
    }

    /// An existing folder with the suite it was begun with and the rows that stand.
    ///
    /// # Errors
    /// If it is not a run's folder.
    pub fn resume(path: &Path, machine: &Machine) -> Result<(Self, Suite, Vec<Measurement>)> {
        let missing = |what: &str| Error::Resume {
            folder: path.to_owned(),
            reason: format!("it has no {what}, so it is not the folder of a run"),
        };
        for what in ["suite.toml", "machine.toml", "measurements.csv"] {
            if !path.join(what).is_file() {
                return Err(missing(what));
            }
        }
        let suite = Suite::read(&path.join("suite.toml"))?;
        record_machine(path, machine)?;
        let (sheet, rows) = Sheet::resume(&path.join("measurements.csv"))?;
        Ok((Self { path: path.to_owned(), sheet }, suite, rows))
    }

    /// Suite and rows of an existing folder, which stays as it is.
    ///
    /// # Errors
    /// If it is not a run's folder.
    pub(crate) fn read(path: &Path) -> Result<(Suite, Vec<Measurement>)> {
        let file = path.join("measurements.csv");
        if !file.is_file() {
            return Err(Error::malformed(
                path,
                "it has no measurements.csv, so it is not the folder of a run",
            ));
        }
        Ok((Suite::read(&path.join("suite.toml"))?, read_rows(&file)?))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Writes `machine-<n>.toml` unless one of those that are there is like it.
fn record_machine(folder: &Path, machine: &Machine) -> Result<()> {
    for number in 1.. {
        let name = if number == 1 { "machine.toml".to_owned() } else { format!("machine-{number}.toml") };
        let path = folder.join(name);
        if !path.exists() {
            tracing::warn!(file = %path.display(), "another machine or build continues this run");
            return write(&path, &machine_text(machine));
        }
        if read_machine(&path)?.is_like(machine) {
            break;
        }
    }
    Ok(())
}

/// The machines that took part in the run of a folder, in order.
///
/// # Errors
/// If a description cannot be read.
pub fn machines(folder: &Path) -> Result<Vec<Machine>> {
    let mut machines = vec![read_machine(&folder.join("machine.toml"))?];
    for number in 2.. {
        let path = folder.join(format!("machine-{number}.toml"));
        if !path.exists() {
            break;
        }
        machines.push(read_machine(&path)?);
    }
    Ok(machines)
}

fn read_machine(path: &Path) -> Result<Machine> {
    let text = fs::read_to_string(path).map_err(Error::io(path))?;
    toml::from_str(&text).map_err(|error| Error::malformed(path, error.to_string()))
}

fn machine_text(machine: &Machine) -> String {
    toml::to_string_pretty(machine).expect("texts and numbers print as TOML")
}

/// Writes a file under a temporary name beside it and renames it, so that no half of it is ever seen.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    write_bytes(path, text.as_bytes())
}

/// The same for what is no text.
pub(crate) fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = temporary_beside(path);
    let written = fs::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    written.map_err(|error| {
        // Whatever was written has no use; that it cannot be removed either adds nothing.
        let _ = fs::remove_file(&temporary);
        Error::io(path)(error)
    })
}

/// A name in the same folder that nobody else uses.
pub(crate) fn temporary_beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}
