//! A file, piece by piece: what an attempt or a run has left is not asked for again.

use super::{Client, Failure, Request};
use crate::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

/// What is known of a file before it comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    /// Its length, bytes, if that is known.
    pub(crate) bytes: Option<u64>,
    /// More than this is refused.
    pub(crate) most_bytes: u64,
}

/// What is done while a file comes.
pub(crate) struct On<'a> {
    /// Makes an error of a file that cannot be written.
    pub(crate) unwritable: &'a dyn Fn(&Path, std::io::Error) -> Error,
    /// Is told how many bytes were written.
    pub(crate) came: &'a dyn Fn(u64),
}

/// Fetches what `part` lacks of a file. Afterwards the part is as long as the file, which is all
/// that is known of it.
///
/// # Errors
/// If that cannot be had; what came stays in `part`.
pub(crate) fn append(
    client: &Client,
    request: Request<'_>,
    expected: Expected,
    part: &Path,
    on: &On<'_>,
) -> Result<(), Failure> {
    let url = request.address.as_str();
    let have = fs::metadata(part).map_or(0, |meta| meta.len());
    let have = if expected.bytes.is_some_and(|bytes| have > bytes) { 0 } else { have };
    if have > 0 && expected.bytes == Some(have) {
        return Ok(());
    }
    let mut answer = client.get(Request { start_bytes: have, ..request })?;
    if answer.is_beyond_end {
        if expected.bytes.is_none() && answer.whole_bytes == Some(have) {
            return Ok(());
        }
        // What is here is no beginning of that file.
        fs::remove_file(part).map_err(|error| (on.unwritable)(part, error))?;
        return Err(Failure::lost(url, format!("there is nothing from byte {have} on")));
    }
    // A server that ignores the range begins anew, and so does the file.
    let begins = answer.begins_bytes;
    if begins != have && begins != 0 {
        return Err(Failure::refused(
            url,
            format!("asked for byte {have} on, the answer begins at {begins}"),
        ));
    }
    let end = expected.bytes.or(answer.whole_bytes);
    let most = expected.most_bytes.min(end.unwrap_or(u64::MAX));
    if end.is_some_and(|end| end > expected.most_bytes) {
        return Err(Failure::refused(url, format!("is longer than {} bytes", expected.most_bytes)));
    }
    let mut part = Part::open(part, url, begins, most, on)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match answer.body.read(&mut buffer)? {
            0 => return part.finish(end),
            n => part.add(&buffer[..n])?,
        }
    }
}

/// A file that is written as it comes.
pub(crate) struct Part<'a> {
    path: &'a Path,
    /// Where it comes from.
    url: &'a str,
    file: File,
    at_bytes: u64,
    most_bytes: u64,
    on: &'a On<'a>,
}

impl<'a> Part<'a> {
    /// Opens the file to write it from byte `begins` on, up to `most_bytes` in all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn open(
        path: &'a Path,
        url: &'a str,
        begins: u64,
        most_bytes: u64,
        on: &'a On<'a>,
    ) -> Result<Self, Failure> {
        let opened = || -> std::io::Result<File> {
            let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
            file.set_len(begins)?;
            file.seek(SeekFrom::Start(begins))?;
            Ok(file)
        };
        let file = opened().map_err(|error| (on.unwritable)(path, error))?;
        Ok(Self { path, url, file, at_bytes: begins, most_bytes, on })
    }

    /// Adds the bytes that came next.
    ///
    /// # Errors
    /// If they are too many, or cannot be written.
    pub(crate) fn add(&mut self, piece: &[u8]) -> Result<(), Failure> {
        let unwritable = |error| (self.on.unwritable)(self.path, error);
        let (bytes, most_bytes) = (piece.len() as u64, self.most_bytes);
        if self.at_bytes + bytes > most_bytes {
            // It is not the file that was announced; none of it is worth keeping.
            self.file.set_len(0).map_err(unwritable)?;
            return Err(Failure::lost(self.url, format!("more than {most_bytes} bytes are sent")));
        }
        self.file.write_all(piece).map_err(unwritable)?;
        self.at_bytes += bytes;
        (self.on.came)(bytes);
        Ok(())
    }

    /// Ends with what came.
    ///
    /// # Errors
    /// If that is less than `end_bytes`, where the length is known.
    pub(crate) fn finish(self, end_bytes: Option<u64>) -> Result<(), Failure> {
        match (self.at_bytes, end_bytes) {
            (at, Some(end)) if at < end => {
                Err(Failure::lost(self.url, format!("{at} bytes of {end} were sent")))
            }
            _ => Ok(()),
        }
    }
}
