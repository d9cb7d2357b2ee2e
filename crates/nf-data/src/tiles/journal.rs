//! What an interrupted [`pack`](super::pack_file) leaves beside the part of a store that it has
//! written, so that another one goes on from there.
//!
//! ```text
//! NAME.part          the store as far as it was written
//! NAME.part.journal  lines of JSON: what is packed and how; then images and row groups as they
//!                    were done
//! ```
//!
//! Nothing of it is believed. The next run writes the whole store once more, from its first byte
//! on, with tiles that it takes from the part instead of from images; what it would write where the
//! part has bytes is compared with them, and the digests of these tiles with those in the journal.
//! The first image and the one that was being packed are read again. If anything differs, packing
//! begins anew.

use super::read::read_samples_at;
use crate::lock::Lock;
use crate::{Error, Result};
use nf_image::{Digest, PlaneAxis, Shape};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Longest line that is read, bytes.
const MOST_LINE_BYTES: u64 = 1 << 16;

/// An image that was packed.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Past {
    pub(super) image: usize,
    pub(super) name: String,
    digest: String,
    shape: [usize; 3],
    axis: String,
}

impl Past {
    pub(super) fn new(image: usize, name: &str, digest: Digest, shape: Shape, axis: PlaneAxis) -> Self {
        let Shape { planes, height, width } = shape;
        let (digest, axis) = (digest.to_string(), axis.name().to_owned());
        Self { image, name: name.to_owned(), digest, shape: [planes, height, width], axis }
    }

    pub(super) fn shape(&self) -> Shape {
        let [planes, height, width] = self.shape;
        Shape::new(planes, height, width)
    }

    /// Digest and axis, unless they are none.
    pub(super) fn rest(&self) -> Option<(Digest, PlaneAxis)> {
        Some((self.digest.parse().ok()?, self.axis.parse().ok()?))
    }
}

/// A row group that was written.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Group {
    /// Tiles in this group and all before it.
    pub(super) tiles: u64,
    /// Where the pixels of its tiles begin.
    pub(super) pixels_at: u64,
    /// Bytes of their pages, headers included.
    pub(super) pixels_bytes: u64,
    /// Where it ends.
    pub(super) end_at: u64,
    /// BLAKE3 digest of its samples, hexadecimal.
    pub(super) samples: String,
}

#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum Line {
    Group(Group),
    Past(Past),
}

/// The journal of a store that is being written.
pub(super) struct Journal {
    part: PathBuf,
    path: PathBuf,
    pixels: File,
    lines: File,
    past: BTreeMap<usize, Past>,
    groups: Vec<Group>,
    tile: Shape,
    /// Nobody else writes these files.
    _lock: Lock,
}

/// `path` with an ending added to its name.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

/// Whether [`pack_file`](super::pack_file) was interrupted before `output` was whole, and goes on
/// if it is called again.
pub fn is_interrupted(output: &Path) -> bool {
    beside(output, ".part.journal").is_file()
}

impl Journal {
    /// Opens the journal of a store that is to become `output`, and its part; `head` states what is
    /// packed and how. What an earlier run left is kept if its head is the same.
    ///
    /// # Errors
    /// If the files cannot be made, or another process is writing them.
    pub(super) fn open(output: &Path, head: &str, tile: Shape) -> Result<(Self, Part)> {
        let (part, path) = (beside(output, ".part"), beside(output, ".part.journal"));
        let lock = beside(output, ".part.lock");
        let lock = Lock::attempt(&lock).map_err(Error::io(&lock))?.ok_or_else(|| {
            Error::missing(part.display().to_string(), "another process is writing this file; wait for it")
        })?;
        let lock = lock.removing_file();
        let open = |path: &Path| {
            File::options()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .open(path)
                .map_err(Error::io(path))
        };
        let (file, mut lines) = (open(&part)?, open(&path)?);
        let part_bytes = file.metadata().map_err(Error::io(&part))?.len();
        let (past, groups, kept_bytes) =
            read_lines(&mut lines, head, part_bytes).map_err(Error::io(&path))?;
        let known = groups.last().map_or(0, |group| group.end_at);
        file.set_len(known).map_err(Error::io(&part))?;
        let prepared = lines.set_len(kept_bytes).and_then(|()| {
            lines.seek(SeekFrom::End(0))?;
            if kept_bytes == 0 { writeln!(lines, "{head}") } else { Ok(()) }
        });
        prepared.map_err(Error::io(&path))?;
        let pixels = file.try_clone().map_err(Error::io(&part))?;
        let journal = Self { part, path, pixels, lines, past, groups, tile, _lock: lock };
        Ok((journal, Part { file, known, at: 0, seen: vec![] }))
    }

    /// Tiles that the part holds.
    pub(super) fn tiles(&self) -> u64 {
        self.groups.last().map_or(0, |group| group.tiles)
    }

    /// What is known of an image.
    pub(super) fn past(&self, image: usize, name: &str) -> Option<&Past> {
        self.past.get(&image).filter(|past| past.name == name)
    }

    /// Whether an image is the first one that was packed.
    pub(super) fn is_first(&self, image: usize) -> bool {
        self.past.first_key_value().is_some_and(|(first, _)| *first == image)
    }

    /// The samples of a tile that the part holds.
    pub(super) fn tile(&self, number: u64) -> io::Result<Vec<u16>> {
        let wrong = Differs::error;
        let at = self.groups.partition_point(|group| group.tiles <= number);
        let first = if at == 0 { 0 } else { self.groups[at - 1].tiles };
        let group = self.groups.get(at).ok_or_else(wrong)?;
        // One tile a page, all headers of one length.
        let page_bytes = group.pixels_bytes / (group.tiles - first);
        let header_bytes = page_bytes.checked_sub(self.tile.raw_bytes() as u64).ok_or_else(wrong)?;
        let mut samples = vec![0; self.tile.pixels()];
        let place = group.pixels_at + (number - first) * page_bytes + header_bytes;
        read_samples_at(&self.pixels, &mut samples, place)?;
        Ok(samples)
    }

    /// Notes an image whose tiles are being packed.
    pub(super) fn add_image(&mut self, past: Past) -> io::Result<()> {
        if self.past.get(&past.image) == Some(&past) {
            return Ok(());
        }
        let line = Line::Past(past);
        self.write(&line)
    }

    /// Notes a row group that lies in the part; one that was there before must be the same.
    pub(super) fn add_group(&mut self, group: Group) -> io::Result<()> {
        if group.tiles <= self.tiles() {
            // Samples that come from the part are what it holds, so only this finds damage in them.
            let is_known = self.groups.contains(&group);
            return if is_known { Ok(()) } else { Err(Differs::error()) };
        }
        self.groups.push(group.clone());
        self.write(&Line::Group(group))
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_string(line)?;
        text.push('\n');
        self.lines.write_all(text.as_bytes())
    }

    /// The files as they are called, for messages.
    pub(super) fn part(&self) -> &Path {
        &self.part
    }

    /// Gives the whole part its final name, and removes what is not needed any more.
    pub(super) fn finish(self, output: &Path) -> Result<()> {
        self.pixels.sync_all().map_err(Error::io(&self.part))?;
        fs::rename(&self.part, output).map_err(Error::io(output))?;
        fs::remove_file(&self.path).map_err(Error::io(&self.path))
    }

    /// Removes what an earlier run has left.
    pub(super) fn discard(self) -> Result<()> {
        fs::remove_file(&self.part).map_err(Error::io(&self.part))?;
        fs::remove_file(&self.path).map_err(Error::io(&self.path))
    }
}

/// What a journal says, as far as it has whole lines under the right head and the part has the
/// bytes; and how many bytes these lines are.
fn read_lines(
    file: &mut File,
    head: &str,
    part_bytes: u64,
) -> io::Result<(BTreeMap<usize, Past>, Vec<Group>, u64)> {
    let mut input = BufReader::new(file);
    let (mut past, mut groups, mut kept_bytes) = (BTreeMap::new(), Vec::<Group>::new(), 0);
    let mut line = String::new();
    loop {
        line.clear();
        let read = (&mut input).take(MOST_LINE_BYTES).read_line(&mut line);
        let bytes = match read {
            Ok(bytes) => bytes as u64,
            Err(error) if error.kind() == ErrorKind::InvalidData => 0,
            Err(error) => return Err(error),
        };
        let Some(text) = line.strip_suffix('\n') else { break };
        if kept_bytes == 0 {
            if text != head {
                break;
            }
        } else {
            match serde_json::from_str(text) {
                Ok(Line::Group(group)) => {
                    let before = groups.last();
                    let grows = group.tiles > before.map_or(0, |before| before.tiles)
                        && group.pixels_at >= before.map_or(0, |before| before.end_at)
                        && group.pixels_at.checked_add(group.pixels_bytes) == Some(group.end_at);
                    if !grows || group.end_at > part_bytes {
                        break;
                    }
                    groups.push(group);
                }
                Ok(Line::Past(image)) => {
                    past.insert(image.image, image);
                }
                Err(_) => break,
            }
        }
        kept_bytes += bytes;
    }
    Ok((past, groups, kept_bytes))
}

/// The part of a store: what is written where it has bytes is compared with them.
pub(super) struct Part {
    file: File,
    known: u64,
    at: u64,
    seen: Vec<u8>,
}

/// The part is not what this run would have written.
#[derive(Debug)]
pub(super) struct Differs;

impl Differs {
    pub(super) fn error() -> io::Error {
        io::Error::new(ErrorKind::InvalidData, Self)
    }
}

impl std::fmt::Display for Differs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("differs from what is packed now")
    }
}

impl std::error::Error for Differs {}

impl Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let known = (self.known - self.at.min(self.known)).min(bytes.len() as u64) as usize;
        if known == 0 {
            return self.file.write(bytes);
        }
        self.seen.resize(known, 0);
        self.file.read_exact(&mut self.seen)?;
        if self.seen != bytes[..known] {
            return Err(Differs::error());
        }
        self.at += known as u64;
        Ok(known)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
