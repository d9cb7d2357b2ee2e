//! What is known of one file of an archive.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use std::fs::Metadata;
use std::path::{Component, Path};
use std::time::{SystemTime, UNIX_EPOCH};

/// How the output holds the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// A container.
    #[default]
    Container,
    /// Byte for byte as it is: a FITS file without 16-bit images.
    Copy,
}

impl Method {
    /// Its name in receipts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Copy => "copy",
        }
    }
}

/// A receipt, if `error` is empty; otherwise a failure.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Row {
    /// Name below the folder of sources, with `/` between its parts.
    pub source: String,
    /// Name below the archive; empty if there is no output.
    pub output: String,
    /// How the output holds the source.
    pub method: Method,
    /// The codec, as it was asked for: with `profile=auto` or one profile, the container says
    /// whether it needs one, and which.
    pub spec: String,
    /// Name and version of the program that wrote the output.
    pub program: String,
    /// Length of the source.
    pub source_bytes: u64,
    /// Time of the source's last change, nanoseconds since 1970.
    pub source_mtime_ns: i64,
    /// BLAKE3 of the source.
    pub source_blake3: String,
    /// Length of the output.
    pub output_bytes: u64,
    /// BLAKE3 of the output.
    pub output_blake3: String,
    /// Digest of the file that the output gives back: that of the source, or of the FITS file
    /// inside a compressed one.
    pub restored_blake3: String,
    /// Pixels of all stacks.
    pub pixels: u64,
    /// Bytes of the samples without compression.
    pub raw_bytes: u64,
    /// Digest of the pixels of every stack.
    pub stacks: Vec<String>,
    /// Time spent on it.
    pub seconds: f64,
    /// When the work ended, milliseconds since 1970.
    pub finished_unix_ms: u64,
    /// Why it failed.
    pub error: Option<String>,
}

impl Row {
    /// Whether the source comes back byte for byte.
    pub fn is_exact(&self) -> bool {
        self.restored_blake3 == self.source_blake3
    }

    /// Length and time of the source.
    pub fn identity(&self) -> Identity {
        Identity { bytes: self.source_bytes, mtime_ns: self.source_mtime_ns }
    }

    /// Checks the names, which come from a file: both stay below their folders.
    ///
    /// # Errors
    /// If one does not.
    pub(crate) fn check_names(&self) -> Result<()> {
        for name in [&self.source, &self.output] {
            let path = Path::new(name);
            let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
            ensure!(inside && !name.is_empty(), "'{name}' is no name below the archive's folder");
        }
        Ok(())
    }
}

/// Length and time of a file: while both stay, it is taken for unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Length.
    pub bytes: u64,
    /// Time of the last change, nanoseconds since 1970.
    pub mtime_ns: i64,
}

impl Identity {
    pub(crate) fn of(meta: &Metadata) -> std::io::Result<Self> {
        Ok(Self { bytes: meta.len(), mtime_ns: ns_since_1970(meta.modified()?) })
    }
}

fn ns_since_1970(time: SystemTime) -> i64 {
    let signed = |nanoseconds: u128| i64::try_from(nanoseconds).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => signed(after.as_nanos()),
        Err(before) => -signed(before.duration().as_nanos()),
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn names_stay_below() {
        let row = |source: &str| Row { source: source.into(), output: "a".into(), ..Row::default() };
        assert!(row("n/a.fits").check_names().is_ok());
        for name in ["../a", "/etc/a", "n/../../a", ""] {
            assert!(row(name).check_names().is_err(), "{name}");
        }
    }

    #[test]
    fn times_before_1970_are_negative() {
        assert_eq!(ns_since_1970(UNIX_EPOCH + Duration::from_nanos(7)), 7);
        assert_eq!(ns_since_1970(UNIX_EPOCH - Duration::from_nanos(7)), -7);
    }
}
