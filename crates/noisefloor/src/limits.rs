//! How much memory one input may take: the option `--max-memory`, for every reader of the program.

use std::sync::OnceLock;

/// The variable of the environment that stands for the option.
pub(crate) const VARIABLE: &str = "NOISEFLOOR_MAX_MEMORY";

/// What to do where the limit was reached.
pub(crate) const ADVICE: &str = "--max-memory (or NOISEFLOOR_MAX_MEMORY) sets the limit";

const DEFAULT_BYTES: u64 = 8 << 30;

static MAX_MEMORY_BYTES: OnceLock<u64> = OnceLock::new();

/// Sets the limit, once, before anything is read.
pub(crate) fn set_max_memory(bytes: u64) {
    let first = MAX_MEMORY_BYTES.set(bytes).is_ok();
    debug_assert!(first, "the limit is set once");
}

/// Most bytes that one image, one inflated or piped input, or one decoder's work may take.
pub(crate) fn max_memory_bytes() -> u64 {
    *MAX_MEMORY_BYTES.get().unwrap_or(&DEFAULT_BYTES)
}

/// What decoders of containers and codec streams may spend.
pub(crate) fn codec() -> nf_codec::Limits {
    nf_codec::Limits::of_memory(max_memory_bytes())
}

/// What readers of FITS and .npy files may spend.
pub(crate) fn fits() -> nf_fits::Limits {
    nf_fits::Limits::of_memory(max_memory_bytes())
}

/// The option; an empty text, as of a variable that is set to nothing, is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MaxMemory(pub(crate) Option<u64>);

impl MaxMemory {
    /// Reads the option.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Ok(Self(None)) } else { parse_size(text).map(Some).map(Self) }
    }
}

/// A size in bytes, from a number with K, M, G or T for powers of 1024.
fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || format!("'{text}' is not a size, expected a number with K, M, G or T, such as 512M or 8G");
    let upper = text.trim().to_ascii_uppercase();
    let number = upper.trim_end_matches("IB").trim_end_matches('B');
    let (digits, shift) = match number.char_indices().last() {
        Some((at, 'K')) => (&number[..at], 10),
        Some((at, 'M')) => (&number[..at], 20),
        Some((at, 'G')) => (&number[..at], 30),
        Some((at, 'T')) => (&number[..at], 40),
        _ => (number, 0),
    };
    let number: u64 = digits.trim().parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).filter(|&bytes| bytes > 0).ok_or_else(wrong)
}

/// Whether an error says that a limit was reached which the option sets.
pub(crate) fn is_limit(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        matches!(cause.downcast_ref(), Some(nf_codec::Error::Limit { .. }))
            // It passes on what the codec says, which is then no cause of its own.
            || matches!(
                cause.downcast_ref(),
                Some(nf_bounded::Error::Codec(nf_codec::Error::Limit { .. }))
            )
            || matches!(cause.downcast_ref(), Some(nf_fits::Error::Limit { .. }))
            || matches!(cause.downcast_ref(), Some(nf_data::Error::Limit { .. }))
            || cause.is::<PipeLimit>()
    })
}

/// A pipe brought more than is allowed.
#[derive(Debug)]
pub(crate) struct PipeLimit;

impl std::fmt::Display for PipeLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "more than {} bytes came through the pipe; name a file instead", max_memory_bytes())
    }
}

impl std::error::Error for PipeLimit {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_numbers_with_a_letter() {
        for (text, bytes) in [
            ("1", 1),
            ("1000000", 1_000_000),
            ("2k", 2048),
            ("512M", 512 << 20),
            ("8GiB", 8 << 30),
            ("1TB", 1 << 40),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        assert_eq!(MaxMemory::parse(""), Ok(MaxMemory(None)));
        for text in ["", "0", "M", "-1G", "1.5G", "99999999T", "8 G G", "12X", "é"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
