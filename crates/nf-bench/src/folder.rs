//! `<runs>/<date>-<name>/`: everything one run leaves behind, never overwritten.
//!
//! | file | content |
//! |---|---|
//! | `suite.toml` | the suite as it was run, every default filled in |
//! | `machine.toml` | machine and build; `machine-2.toml` and so on if another one continued the run |
//! | `measurements.csv` | one [`Measurement`] per line |
//! | `table.md` | the tables, once the run is finished (written by whoever reports) |

use crate::files::write_atomically;
use crate::machine::{Machine, now_s, utc};
use crate::measurement::Measurement;
use crate::row_file::{RowFile, read_rows};
use crate::{Error, Result, Suite};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A run's folder, open for adding rows.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    pub(crate) rows: RowFile,
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
        let rows = (|| {
            write_atomically(&path.join("suite.toml"), suite.to_toml().as_bytes())?;
            write_atomically(&machine_path(&path, 1), machine_text(machine).as_bytes())?;
            RowFile::create(&path.join("measurements.csv"))
        })();
        match rows {
            Ok(rows) => Ok(Self { path, rows }),
            Err(error) => {
                // Nobody can resume a run that never began; what is told is why it did not.
                let _ = fs::remove_dir_all(&path);
                Err(error)
            }
        }
    }

    /// An existing folder with the suite it was begun with and the rows that stand. A run may have
    /// been killed as early as after writing its suite; whatever else is missing is made.
    ///
    /// # Errors
    /// If it is not a run's folder.
    pub fn resume(path: &Path, machine: &Machine) -> Result<(Self, Suite, Vec<Measurement>)> {
        if !path.join("suite.toml").is_file() {
            let reason = "it has no suite.toml, so it is not the folder of a run".to_owned();
            return Err(Error::Resume { folder: path.to_owned(), reason });
        }
        let suite = Suite::read(&path.join("suite.toml"))?;
        record_machine(path, machine)?;
        let (file, rows) = RowFile::resume(&path.join("measurements.csv"))?;
        Ok((Self { path: path.to_owned(), rows: file }, suite, rows))
    }

    /// Suite and rows of an existing folder, which stays as it is.
    ///
    /// # Errors
    /// If it is not a run's folder.
    pub(crate) fn read(path: &Path) -> Result<(Suite, Vec<Measurement>)> {
        let file = path.join("measurements.csv");
        if !path.join("suite.toml").is_file() {
            return Err(Error::malformed(path, "it has no suite.toml, so it is not the folder of a run"));
        }
        if !file.is_file() {
            let reason = "it has no measurements.csv: the run stopped before its first row";
            return Err(Error::malformed(path, reason));
        }
        Ok((Suite::read(&path.join("suite.toml"))?, read_rows(&file)?))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The description of the n-th machine that takes part in a run, from one on.
fn machine_path(folder: &Path, number: usize) -> PathBuf {
    let name = if number == 1 { "machine.toml".to_owned() } else { format!("machine-{number}.toml") };
    folder.join(name)
}

/// Writes down a machine unless one of those that are there is like it.
fn record_machine(folder: &Path, machine: &Machine) -> Result<()> {
    let known = machines(folder)?;
    if known.iter().any(|other| other.is_like(machine)) {
        return Ok(());
    }
    let path = machine_path(folder, known.len() + 1);
    if !known.is_empty() {
        tracing::warn!(file = %path.display(), "another machine or build continues this run");
    }
    write_atomically(&path, machine_text(machine).as_bytes())
}

/// The machines that took part in the run of a folder, in order.
///
/// # Errors
/// If a description cannot be read.
pub fn machines(folder: &Path) -> Result<Vec<Machine>> {
    let paths = (1..).map(|number| machine_path(folder, number)).take_while(|path| path.exists());
    paths.map(|path| read_machine(&path)).collect()
}

fn read_machine(path: &Path) -> Result<Machine> {
    let text = fs::read_to_string(path).map_err(Error::io(path))?;
    toml::from_str(&text).map_err(|error| Error::malformed(path, error.to_string()))
}

fn machine_text(machine: &Machine) -> String {
    toml::to_string_pretty(machine).expect("texts and numbers print as TOML")
}
