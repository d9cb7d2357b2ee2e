//! `train.csv`: how a run went.

use crate::state::write_atomically;
use crate::{Error, Position, Result};
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
    /// Opens the log of a run that is at `step`: rows after that step are removed, since they will
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

/// How far the log of a run goes; `None` where there is no log, or no row in it. A last row that
/// was cut short does not count.
///
/// # Errors
/// If the file is there and cannot be read.
pub(crate) fn position(path: &Path) -> Result<Option<Position>> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(Error::io(path))?,
    };
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let mut position = Position::default();
    for line in whole.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |at: usize| cells.get(at).and_then(|cell| cell.parse::<f64>().ok());
        let step = cells[0].parse().ok();
        let (Some(step), Some(seconds)) = (step, number(1)) else { return Ok(None) };
        (position.step, position.seconds) = (step, seconds);
        if let Some(bits) = number(3) {
            position.validations_since_best += 1;
            position.last_bits = Some(bits);
            if position.best_bits.is_none_or(|best| bits < best) {
                (position.best_bits, position.best_step) = (Some(bits), step);
                position.validations_since_best = 0;
            }
        }
    }
    Ok((position.step > 0).then_some(position))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_after_the_resumed_step_are_removed() {
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
        let at = position(&path).unwrap().unwrap();
        assert_eq!((at.step, at.seconds, at.best_bits, at.best_step), (25, 1.5, Some(6.5), 25));
        assert_eq!(at.validations_since_best, 0);
        log.write(&row(30, Some(6.75))).unwrap();
        log.file.write_all(b"40,1.5").unwrap();
        let at = position(&path).unwrap().unwrap();
        assert_eq!((at.step, at.best_step, at.validations_since_best), (30, 25, 1));
        assert_eq!(at.last_bits, Some(6.75));
        assert_eq!(position(&folder.path().join("none.csv")).unwrap(), None);
        Log::open(&path, 0).unwrap();
        assert_eq!(position(&path).unwrap(), None);
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1);
    }
}
