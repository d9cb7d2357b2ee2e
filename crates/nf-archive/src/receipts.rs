//! Rows on the disk: `OUT/receipts/I-of-N.jsonl`, one line each, only ever appended to.
//!
//! One file for a shard and not one for a source: a million small files are what parallel file
//! systems are slowest at. A process holds the lock of its shard, so it is the only writer.

use crate::row::Row;
use crate::shard::Shard;
use anyhow::{Context, Result, bail};
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The folder of receipts in an archive.
pub(crate) fn folder(archive: &Path) -> PathBuf {
    archive.join("receipts")
}

/// The lines of one shard, open for appending, locked for this process.
pub(crate) struct Receipts {
    file: File,
    path: PathBuf,
    _lock: File,
}

impl Receipts {
    /// Opens, or begins, the receipts of a shard. A line that a killed process left unfinished is
    /// cut off.
    ///
    /// # Errors
    /// If another process works on the shard, or the folder cannot be written to.
    pub(crate) fn open(archive: &Path, shard: Shard) -> Result<Self> {
        let folder = folder(archive);
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let lock = lock(&folder.join(format!("{}-of-{}.lock", shard.part, shard.parts)), || {
            format!("another process works on shard {shard} of {}", archive.display())
        })?;
        let path = folder.join(format!("{}-of-{}.jsonl", shard.part, shard.parts));
        let file = Self::without_half_a_line(&path).with_context(|| path.display().to_string())?;
        #[cfg(unix)]
        File::open(&folder)
            .and_then(|opened| opened.sync_all())
            .with_context(|| folder.display().to_string())?;
        Ok(Self { file, path, _lock: lock })
    }

    fn without_half_a_line(path: &Path) -> std::io::Result<File> {
        const PIECE_BYTES: u64 = 1 << 12;
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        let mut end = file.seek(SeekFrom::End(0))?;
        let length = end;
        // From the end back to the last line break.
        while end > 0 {
            let start = end.saturating_sub(PIECE_BYTES);
            let mut piece = vec![0; (end - start) as usize];
            file.seek(SeekFrom::Start(start))?;
            file.read_exact(&mut piece)?;
            if let Some(at) = piece.iter().rposition(|&byte| byte == b'\n') {
                end = start + at as u64 + 1;
                break;
            }
            end = start;
        }
        if end < length {
            file.set_len(end)?;
        }
        Ok(file)
    }

    /// Appends rows; when this returns, they are on the disk.
    ///
    /// # Errors
    /// If they cannot be written; what was begun is cut off again as far as the system lets us.
    pub(crate) fn append(&mut self, rows: &[Row]) -> Result<()> {
        let mut lines = Vec::new();
        for row in rows {
            serde_json::to_writer(&mut lines, row)?;
            lines.push(b'\n');
        }
        let before = self.file.metadata().map(|meta| meta.len());
        let written = self.file.write_all(&lines).and_then(|()| self.file.sync_data());
        if written.is_err()
            && let Ok(before) = before
        {
            // The next run cuts half a line off as well.
            let _ = self.file.set_len(before);
        }
        written.with_context(|| format!("{}: receipts cannot be written", self.path.display()))
    }
}

/// Takes a lock that lasts as long as the file is open, and with it the process.
///
/// # Errors
/// If it is taken (`taken` says so), or cannot be made.
fn lock(path: &Path, taken: impl FnOnce() -> String) -> Result<File> {
    let open = || OpenOptions::new().create(true).truncate(false).write(true).open(path);
    let file = open().with_context(|| path.display().to_string())?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => bail!(taken()),
        Err(TryLockError::Error(error)) => tracing::warn!(
            "{}: this file system has no locks ({error}); nobody else may work on this shard",
            path.display()
        ),
    }
    Ok(file)
}

/// All rows of an archive.
#[derive(Debug, Default)]
pub struct Known {
    /// The last row of every source, by name.
    pub last: HashMap<String, Row>,
    /// The last one that is a receipt, where the last one is none.
    pub proved: HashMap<String, Row>,
}

impl Known {
    /// Reads the receipts of all shards.
    ///
    /// # Errors
    /// If a file of receipts cannot be read. A line that is no row is passed over and told: its
    /// source is then not proved.
    pub fn read(archive: &Path) -> Result<Self> {
        let folder = folder(archive);
        let mut known = Self::default();
        let Ok(entries) = fs::read_dir(&folder) else { return Ok(known) };
        let mut files: Vec<PathBuf> = entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()
            .with_context(|| folder.display().to_string())?;
        files.retain(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
        files.sort();
        for path in files {
            let file = File::open(&path).with_context(|| path.display().to_string())?;
            let mut lines = BufReader::with_capacity(1 << 18, file);
            let mut line = Vec::new();
            for number in 1.. {
                line.clear();
                let length =
                    lines.read_until(b'\n', &mut line).with_context(|| path.display().to_string())?;
                if length == 0 {
                    break;
                }
                match serde_json::from_slice::<Row>(&line) {
                    Ok(row) => known.take(row),
                    // Another shard's process may be writing this one.
                    Err(_) if !line.ends_with(b"\n") => {}
                    Err(error) => {
                        tracing::warn!("{}, line {number}: no receipt ({error})", path.display());
                    }
                }
            }
        }
        Ok(known)
    }

    fn take(&mut self, row: Row) {
        let is_newer = |than: Option<&Row>| than.is_none_or(|r| r.finished_unix_ms <= row.finished_unix_ms);
        if row.error.is_none() && is_newer(self.proved.get(&row.source)) {
            self.proved.insert(row.source.clone(), row.clone());
        }
        if is_newer(self.last.get(&row.source)) {
            self.last.insert(row.source.clone(), row);
        }
    }

    /// Every source's last row, by name.
    pub(crate) fn rows(&self) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.last.values().collect();
        rows.sort_by(|a, b| a.source.cmp(&b.source));
        rows
    }

    /// Every source's last receipt, by name.
    ///
    /// # Errors
    /// If the archive has none, or one of a name that leads out of it.
    pub fn receipts(archive: &Path) -> Result<Vec<Row>> {
        let mut rows: Vec<Row> = Self::read(archive)?.proved.into_values().collect();
        if rows.is_empty() {
            bail!("{}: there are no receipts in this folder", folder(archive).display());
        }
        rows.iter().try_for_each(Row::check_names)?;
        rows.sort_by(|a, b| a.source.cmp(&b.source));
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(source: &str, finished_unix_ms: u64, error: Option<&str>) -> Row {
        let error = error.map(str::to_owned);
        Row { source: source.into(), output: "o".into(), finished_unix_ms, error, ..Row::default() }
    }

    #[test]
    fn rows_come_back_and_half_a_line_goes() {
        let archive = tempfile::tempdir().expect("a temporary folder");
        let shard: Shard = "2/3".parse().expect("a shard");
        let mut receipts = Receipts::open(archive.path(), shard).expect("nobody else has it");
        receipts.append(&[row("a", 1, None), row("b", 2, Some("no"))]).expect("written");
        let again = Receipts::open(archive.path(), shard).err().map(|error| error.to_string());
        assert!(again.is_some_and(|error| error.contains("shard 2/3")));
        drop(receipts);
        let path = folder(archive.path()).join("2-of-3.jsonl");
        let whole = fs::read(&path).expect("it is there");
        for cut in [1, 3, 100] {
            fs::write(&path, &whole[..whole.len() - cut]).expect("written");
            drop(Receipts::open(archive.path(), shard).expect("nobody else has it"));
            let left = fs::read(&path).expect("it is there");
            assert_eq!(left.iter().filter(|&&byte| byte == b'\n').count(), 1);
            assert!(left.ends_with(b"\n"));
        }
    }

    #[test]
    fn the_last_row_counts_and_the_last_receipt_proves() {
        let archive = tempfile::tempdir().expect("a temporary folder");
        for (shard, rows) in [
            ("1/1", vec![row("a", 1, None), row("a", 5, Some("changed"))]),
            ("1/2", vec![row("a", 3, None), row("b", 3, Some("no"))]),
        ] {
            let shard = shard.parse().expect("a shard");
            Receipts::open(archive.path(), shard).and_then(|mut r| r.append(&rows)).expect("written");
        }
        let known = Known::read(archive.path()).expect("they can be read");
        assert_eq!(known.rows(), [&row("a", 5, Some("changed")), &row("b", 3, Some("no"))]);
        assert_eq!(known.proved["a"], row("a", 3, None));
        assert_eq!(Known::receipts(archive.path()).expect("one"), [row("a", 3, None)]);
    }
}
