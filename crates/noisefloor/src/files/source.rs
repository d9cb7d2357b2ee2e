//! Where the bytes of an input come from: a file on disk, or a pipe taken into memory.

use crate::limits;
use anyhow::{Context, Result, bail};
use nf_profile::library;
use std::fs::File;
use std::io::{Cursor, Read, Seek};
use std::path::{Path, PathBuf};

/// An input that can be read from the start more than once.
pub(crate) enum Source {
    /// A regular file.
    Disk(PathBuf),
    /// What came through a pipe, and its name.
    Memory(Vec<u8>, String),
}

/// Takes a pipe or a device into memory.
fn read_bounded(input: impl Read, bytes: &mut Vec<u8>) -> Result<()> {
    let most = limits::max_memory_bytes();
    input.take(most.saturating_add(1)).read_to_end(bytes)?;
    if bytes.len() as u64 > most {
        bail!(limits::PipeLimit);
    }
    Ok(())
}

/// Reading with positions.
pub(crate) trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

impl Source {
    /// `-` is the standard input.
    ///
    /// # Errors
    /// If the file does not exist or cannot be read.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let mut bytes = Vec::new();
        if path == Path::new("-") {
            read_bounded(std::io::stdin().lock(), &mut bytes).context("the standard input")?;
            return Ok(Self::Memory(bytes, "the standard input".to_owned()));
        }
        let name = path.display().to_string();
        let kind = std::fs::metadata(path).with_context(|| name.clone())?;
        if kind.is_dir() {
            bail!("{name}: this is a folder, expected a file");
        }
        if kind.is_file() {
            library::look_beside(path);
            return Ok(Self::Disk(path.to_owned()));
        }
        let file = File::open(path).with_context(|| name.clone())?;
        read_bounded(file, &mut bytes).with_context(|| name.clone())?;
        Ok(Self::Memory(bytes, name))
    }

    /// The name for messages.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Disk(path) => path.display().to_string(),
            Self::Memory(_, name) => name.clone(),
        }
    }

    /// The bytes from the start.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub(crate) fn reader(&self) -> Result<Box<dyn ReadSeek + '_>> {
        Ok(match self {
            Self::Disk(path) => Box::new(File::open(path).with_context(|| self.name())?),
            Self::Memory(bytes, _) => Box::new(Cursor::new(bytes)),
        })
    }

    /// The first bytes, at most `count`.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn first(&self, count: u64) -> Result<Vec<u8>> {
        let mut first = Vec::new();
        self.reader()?.take(count).read_to_end(&mut first).with_context(|| self.name())?;
        Ok(first)
    }

    /// Length in bytes.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn length_bytes(&self) -> Result<u64> {
        self.reader()?.seek(std::io::SeekFrom::End(0)).with_context(|| self.name())
    }
}
