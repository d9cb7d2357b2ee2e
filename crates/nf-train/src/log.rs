//! `train.csv`: how a run went.

use crate::state::write_atomically;
use crate::{Error, Result};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

const HEAD: &str = "step,seconds,train_bits,validation_bits,rate";

/// One line of the log; bits are per sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Steps taken.
    pub step: u64,
    /// Seconds of training.
    pub seconds: f64,
    /// Mean loss since the row before.
    pub train_bits: f64,
    /// Mean over the validation tiles, if they were looked at.
    pub validation_bits: Option<f64>,
    /// Learning rate of the last step.
    pub rate: f64,
}

/// The open log.
#[derive(Debug)]
pub(crate) struct Log {
    file: File,
    path: std::path::PathBuf,
}

impl Log {
    /// Opens the log of a run that is at `step`: what was written after that step is cut off, since it will
    /// be written again.
    ///
    /// # Errors
    /// If it cannot be read or written.
    pub(crate) fn open(path: &Path, step: u64) -> Result<Self> {
        let old = match fs::read_to_string(path) {
            Ok(text) if step > 0 => text,
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::io(path)(error)),
            _ => String::new(),
        };
        let kept = old.lines().skip(1).filter(|line| {
            line.split(',').next().and_then(|cell| cell.parse().ok()).is_some_and(|at: u64| at <= step)
        });
        let lines: Vec<&str> = std::iter::once(HEAD).chain(kept).collect();
        write_atomically(path, format!("{}\n", lines.join("\n")).as_bytes())?;
        let file = File::options().append(true).open(path).map_err(Error::io(path))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn write(&mut self, row: &Row) -> Result<()> {
        let validation = row.validation_bits.map_or_else(String::new, |bits| format!("{bits:.6}"));
        let Row { step, seconds, train_bits, rate, .. } = row;
        let line = format!("{step},{seconds:.2},{train_bits:.6},{validation},{rate:e}\n");
        self.file.write_all(line.as_bytes()).map_err(Error::io(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_after_the_resumed_step_are_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.csv");
        let row =
            |step, validation_bits| Row { step, seconds: 1.5, train_bits: 7.25, validation_bits, rate: 1e-3 };
        let mut log = Log::open(&path, 0).unwrap();
        for step in [10, 20, 30] {
            log.write(&row(step, None)).unwrap();
        }
        let mut log = Log::open(&path, 20).unwrap();
        log.write(&row(25, Some(6.5))).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let expected = "step,seconds,train_bits,validation_bits,rate\n10,1.50,7.250000,,1e-3\n\
                        20,1.50,7.250000,,1e-3\n25,1.50,7.250000,6.500000,1e-3\n";
        assert_eq!(text, expected);
        Log::open(&path, 0).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1);
    }
}
