//! The baselines: every codec that astronomers compare against, one file each.
//!
//! Of what each codec is made, and what it does with the planes of a stack, its own file says.
//!
//! Bytes as they are, and general compressors:
//! - `raw`: little-endian pairs of bytes.
//!
//! Helpers:
//! - `sample_bytes`: samples as byte sequences and back.

use nf_codec::Entry;

mod raw;
mod sample_bytes;

/// Every codec that this build has, in the order of tables.
pub fn entries() -> Vec<Entry> {
    const ENTRIES: &[Entry] = &[
        raw::ENTRY,
        // Codecs behind C libraries: `#[cfg(feature = "foo")] foo::ENTRY,`
    ];
    ENTRIES.to_vec()
}
