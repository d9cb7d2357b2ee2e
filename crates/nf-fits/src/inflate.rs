//! The insides of files that were compressed as a whole: by gzip (RFC 1952), bzip2 or `compress`
//! (`.Z`), one member or several, and whatever tapes and transfers put behind them.

use crate::unlzw::Unlzw;
use bzip2::bufread::BzDecoder;
use flate2::bufread::GzDecoder;
use std::io::{BufRead, Read, Result};

/// Programs that compress whole files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compressor {
    Gzip,
    Bzip2,
    /// The old `compress`, whose files end in `.Z`.
    Compress,
}

/// Bytes that say how a file is compressed.
pub(crate) const MAGIC_BYTES: usize = 3;

impl Compressor {
    /// The one whose files begin like this.
    pub(crate) fn of(first: &[u8]) -> Option<Self> {
        [Self::Gzip, Self::Bzip2, Self::Compress].into_iter().find(|one| first.starts_with(one.magic()))
    }

    /// How every member begins.
    fn magic(self) -> &'static [u8] {
        match self {
            Self::Gzip => b"\x1f\x8b",
            Self::Bzip2 => b"BZh",
            Self::Compress => b"\x1f\x9d",
        }
    }

    /// What a file of it is called in messages.
    pub(crate) fn file(self) -> &'static str {
        match self {
            Self::Gzip => "the gzipped file",
            Self::Bzip2 => "the file of bzip2",
            Self::Compress => "the file of compress (.Z)",
        }
    }
}

/// The bytes inside a compressed stream.
///
/// It takes members one after the other, also behind zeros, as Python's gzip does, and ignores what
/// follows the last one: zeros in silence, anything else so that [`Inflate::trailing_bytes`] tells.
/// A stream of `compress` has no end but that of the file.
pub(crate) struct Inflate<R> {
    compressor: Compressor,
    member: Option<Member<R>>,
    trailing_bytes: bool,
}

enum Member<R> {
    Gzip(Box<GzDecoder<Pushback<R>>>),
    Bzip2(BzDecoder<Pushback<R>>),
    Compress(Box<Unlzw<Pushback<R>>>),
}

impl<R: BufRead> Member<R> {
    fn begin(compressor: Compressor, input: Pushback<R>) -> Self {
        match compressor {
            Compressor::Gzip => Self::Gzip(Box::new(GzDecoder::new(input))),
            Compressor::Bzip2 => Self::Bzip2(BzDecoder::new(input)),
            Compressor::Compress => Self::Compress(Box::new(Unlzw::new(input))),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        match self {
            Self::Gzip(member) => member.read(buffer),
            Self::Bzip2(member) => member.read(buffer),
            Self::Compress(member) => member.read(buffer),
        }
    }

    fn into_inner(self) -> Pushback<R> {
        match self {
            Self::Gzip(member) => member.into_inner(),
            Self::Bzip2(member) => member.into_inner(),
            Self::Compress(member) => member.into_inner(),
        }
    }
}

impl<R: BufRead> Inflate<R> {
    pub(crate) fn new(compressor: Compressor, input: Pushback<R>) -> Self {
        Self { compressor, member: Some(Member::begin(compressor, input)), trailing_bytes: false }
    }

    /// Whether bytes were ignored that are not zero; known when all was read.
    pub(crate) fn trailing_bytes(&self) -> bool {
        self.trailing_bytes
    }
}

impl<R: BufRead> Read for Inflate<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            let Some(member) = &mut self.member else { return Ok(0) };
            let n = member.read(buffer)?;
            if n > 0 || buffer.is_empty() {
                return Ok(n);
            }
            let Some(mut input) = self.member.take().map(Member::into_inner) else { return Ok(0) };
            input.skip_zeros()?;
            let magic = self.compressor.magic();
            match input.peek(magic.len())? {
                next if next == magic => self.member = Some(Member::begin(self.compressor, input)),
                rest => self.trailing_bytes = !rest.is_empty(),
            }
        }
    }
}

/// A reader whose next bytes can be looked at.
pub(crate) struct Pushback<R> {
    input: R,
    pending: Vec<u8>,
}

impl<R: BufRead> Pushback<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, pending: Vec::new() }
    }

    /// The next `count` bytes, or as many as there are.
    pub(crate) fn peek(&mut self, count: usize) -> Result<&[u8]> {
        let missing = count.saturating_sub(self.pending.len()) as u64;
        self.input.by_ref().take(missing).read_to_end(&mut self.pending)?;
        Ok(&self.pending)
    }

    /// Passes over zeros.
    fn skip_zeros(&mut self) -> Result<()> {
        loop {
            let piece = self.fill_buf()?;
            let zeros = piece.iter().take_while(|&&byte| byte == 0).count();
            let ends_here = zeros < piece.len() || piece.is_empty();
            self.consume(zeros);
            if ends_here {
                return Ok(());
            }
        }
    }
}

impl<R: BufRead> Read for Pushback<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if self.pending.is_empty() {
            return self.input.read(buffer);
        }
        let n = (&self.pending[..]).read(buffer)?;
        self.consume(n);
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Pushback<R> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        if self.pending.is_empty() { self.input.fill_buf() } else { Ok(&self.pending) }
    }

    fn consume(&mut self, n: usize) {
        if self.pending.is_empty() {
            self.input.consume(n);
        } else {
            self.pending.drain(..n);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testdata::{bzip2, gzip};
    use std::io::BufReader;

    /// What is inside, and whether something was ignored, with buffers that end at every place.
    fn inflate(bytes: &[u8]) -> Result<(Vec<u8>, bool)> {
        let mut first = None;
        for capacity in [1, 2, 3, 7, 1000] {
            let mut input = Pushback::new(BufReader::with_capacity(capacity, bytes));
            let compressor = Compressor::of(input.peek(MAGIC_BYTES)?).unwrap_or(Compressor::Gzip);
            let mut inflated = Inflate::new(compressor, input);
            let mut out = Vec::new();
            inflated.read_to_end(&mut out)?;
            let found = (out, inflated.trailing_bytes());
            assert_eq!(*first.get_or_insert_with(|| found.clone()), found, "buffers of {capacity} bytes");
        }
        Ok(first.unwrap())
    }

    #[test]
    fn members_follow_one_another() {
        for member in [gzip, bzip2] {
            let both = [member(b"one, "), member(b""), member(b"two")].concat();
            assert_eq!(inflate(&both).unwrap(), (b"one, two".to_vec(), false));
            // Blocks of a tape are filled up with zeros.
            let apart = [member(b"one, "), vec![0; 512], member(b"two"), vec![0; 3]].concat();
            assert_eq!(inflate(&apart).unwrap(), (b"one, two".to_vec(), false));
        }
        assert!(inflate(&[&gzip(b"one"), &b"\0\0\x1f\x8b"[..]].concat()).is_err());
        assert!(inflate(&[&bzip2(b"one"), &b"\0\0BZh"[..]].concat()).is_err());
    }

    #[test]
    fn zeros_behind_are_ignored_in_silence_and_other_bytes_are_told() {
        for member in [gzip, bzip2] {
            let behind = |tail: &[u8]| inflate(&[&member(b"text"), tail].concat()).unwrap();
            for zeros in [0, 1, 2, 3, 5000] {
                assert_eq!(behind(&vec![0; zeros]), (b"text".to_vec(), false));
            }
            for tail in [&b"j"[..], b"junk", b"\x1f", b"\x1f\x9d", b"BZ", b"\0junk"] {
                assert_eq!(behind(tail), (b"text".to_vec(), true), "{tail:?}");
            }
        }
    }

    #[test]
    fn damage_and_cuts_are_errors() {
        for (member, magic) in [(gzip as fn(&[u8]) -> Vec<u8>, 2), (bzip2, 3)] {
            let good = [member(b"one, "), member(b"two")].concat();
            let first = member(b"one, ").len();
            for len in 0..good.len() {
                // Behind the first member less than a magic number is none of another.
                assert_eq!(inflate(&good[..len]).is_ok(), (first..first + magic).contains(&len), "{len}");
            }
            let mut damaged = good.clone();
            damaged[first - 6] ^= 1;
            assert!(inflate(&damaged).is_err());
        }
    }
}
