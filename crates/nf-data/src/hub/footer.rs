//! Rows of a Parquet file of the hub, of which only the end is asked for.

use super::client::RemoteFile;
use super::refusal::Asked;
use super::store::{Store, unwritable};
use crate::net::{Failure, Request};
use crate::{Error, Result};
use std::fs::{self, File};
use std::io::Read;

/// Bytes of a Parquet file's end that are asked for first: most footers are shorter.
const FOOTER_GUESS_BYTES: u64 = 64 << 10;
const MOST_FOOTER_BYTES: u64 = 64 << 20;
/// Bytes that are passed over where a server sends the beginning though its end was asked for.
const MOST_SKIPPED_BYTES: u64 = 64 << 20;

impl Store {
    /// Number of rows of a Parquet file. Only its footer is asked for, and remembered.
    ///
    /// # Errors
    /// If it cannot be had, or is no footer of a Parquet file.
    pub(crate) fn rows(&self, commit: &str, file: &RemoteFile) -> Result<usize> {
        let wrong = |reason: String| Error::Image { path: file.path.clone().into(), reason };
        let known = self.layouts().iter().find_map(|layout| fs::read(layout.footer(&file.digest)).ok());
        let footer = match known {
            Some(footer) => footer,
            None => {
                let mut tail = self.tail(commit, file, FOOTER_GUESS_BYTES)?;
                let length = match tail.last_chunk::<8>() {
                    Some([a, b, c, d, b'P', b'A', b'R', b'1']) => {
                        u64::from(u32::from_le_bytes([*a, *b, *c, *d]))
                    }
                    _ => return Err(wrong("is no Parquet file: it does not end so".into())),
                };
                if length > file.size_bytes.saturating_sub(8).min(MOST_FOOTER_BYTES) {
                    return Err(wrong(format!("states a footer of {length} bytes")));
                }
                if length + 8 > tail.len() as u64 {
                    tail = self.tail(commit, file, length + 8)?;
                }
                let footer = tail[tail.len() - 8 - length as usize..tail.len() - 8].to_vec();
                let layout = self.written()?;
                let memory = layout.footer(&file.digest);
                layout.write(&memory, &footer).map_err(unwritable(&memory))?;
                footer
            }
        };
        crate::rows::rows_of_footer(&footer, file.size_bytes).map_err(wrong)
    }

    /// The last `bytes` of a file, or all of it if it is shorter.
    fn tail(&self, commit: &str, file: &RemoteFile, bytes: u64) -> Result<Vec<u8>> {
        let start = file.size_bytes.saturating_sub(bytes);
        if let Some(path) = self.here(commit, file) {
            let mut tail = vec![];
            let mut input = File::open(&path).map_err(Error::io(&path))?;
            let read = std::io::Seek::seek(&mut input, std::io::SeekFrom::Start(start))
                .and_then(|_| input.take(bytes).read_to_end(&mut tail));
            read.map_err(Error::io(&path))?;
            return Ok(tail);
        }
        if self.hub.is_offline() {
            return Err(self.not_here(file, "its footer was never read before"));
        }
        let address = self.hub.file_address(&self.repository, commit, &file.path)?;
        let client = self.hub.client();
        self.hub.with_request(&address, |request| {
            client.patiently(|| {
                let answer = client.get(Request { start_bytes: start, ..request });
                let asked = Asked::File(&self.repository, commit, &file.path);
                let mut answer = answer.map_err(|failure| self.hub.in_words(failure, asked))?;
                let wrong = |reason: String| Failure::refused(address.as_str(), reason);
                // A server that ignores the range begins with the first byte.
                let skipped = start.checked_sub(answer.begins_bytes);
                let skipped = skipped.filter(|&bytes| bytes <= MOST_SKIPPED_BYTES && !answer.is_beyond_end);
                let skipped = skipped.ok_or_else(|| {
                    wrong(format!("asked for byte {start} on, the answer begins at {}", answer.begins_bytes))
                })?;
                answer.body.skip(skipped)?;
                let expected = file.size_bytes - start;
                let tail = answer.body.all(expected)?;
                if tail.len() as u64 == expected {
                    Ok(tail)
                } else {
                    Err(Failure::lost(
                        address.as_str(),
                        format!("{} bytes of its end came, expected {expected}", tail.len()),
                    ))
                }
            })
        })
    }
}
