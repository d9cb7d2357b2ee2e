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
    let unwritable = on.unwritable;
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
        fs::remove_file(part).map_err(|error| unwritable(part, error))?;
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
    let mut out = open(part, begins).map_err(|error| unwritable(part, error))?;
    let (mut at, mut buffer) = (begins, vec![0; 1 << 16]);
    loop {
        let n = answer.body.read(&mut buffer)? as u64;
        if n == 0 {
            break;
        }
        if at + n > most {
            // It is not the file that was announced; none of it is worth keeping.
            out.set_len(0).map_err(|error| unwritable(part, error))?;
            return Err(Failure::lost(url, format!("more than {most} bytes are sent")));
        }
        out.write_all(&buffer[..n as usize]).map_err(|error| unwritable(part, error))?;
        at += n;
        (on.came)(n);
    }
    match end {
        Some(end) if at < end => Err(Failure::lost(url, format!("{at} bytes of {end} were sent"))),
        _ => Ok(()),
    }
}

/// A file to be written from byte `begins` on.
pub(crate) fn open(part: &Path, begins: u64) -> std::io::Result<File> {
    let mut out = OpenOptions::new().create(true).truncate(false).write(true).open(part)?;
    out.set_len(begins)?;
    out.seek(SeekFrom::Start(begins))?;
    Ok(out)
}
