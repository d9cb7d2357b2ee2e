//! Inflating gzipped files (RFC 1952): one member or several, and whatever tapes and transfers put
//! behind them.

use flate2::bufread::GzDecoder;
use std::io::{BufRead, Read, Result};

/// How every member begins.
pub(crate) const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The bytes inside a gzipped stream.
///
/// It takes members one after the other, also behind zeros, as Python's gzip does, and ignores what
/// follows the last one: zeros in silence, anything else so that [`Gunzip::trailing_bytes`] tells.
pub(crate) struct Gunzip<R> {
    member: Option<GzDecoder<Pushback<R>>>,
    trailing_bytes: bool,
}

impl<R: BufRead> Gunzip<R> {
    pub(crate) fn new(input: Pushback<R>) -> Self {
        Self { member: Some(GzDecoder::new(input)), trailing_bytes: false }
    }

    /// Whether bytes were ignored that are not zero; known when all was read.
    pub(crate) fn trailing_bytes(&self) -> bool {
        self.trailing_bytes
    }
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            let Some(member) = &mut self.member else { return Ok(0) };
            let n = member.read(buffer)?;
            if n > 0 || buffer.is_empty() {
                return Ok(n);
            }
            let Some(mut input) = self.member.take().map(GzDecoder::into_inner) else { return Ok(0) };
            input.skip_zeros()?;
            match input.peek()? {
                magic if magic == GZIP_MAGIC => self.member = Some(GzDecoder::new(input)),
                rest => self.trailing_bytes = !rest.is_empty(),
            }
        }
    }
}

/// A reader whose next two bytes can be looked at.
pub(crate) struct Pushback<R> {
    input: R,
    pending: Vec<u8>,
}

impl<R: BufRead> Pushback<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, pending: Vec::new() }
    }

    /// The next two bytes, or as many as there are.
    pub(crate) fn peek(&mut self) -> Result<&[u8]> {
        let missing = 2u64.saturating_sub(self.pending.len() as u64);
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
    use std::io::{BufReader, Write};

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    /// What is inside, and whether something was ignored, with buffers that end at every place.
    fn gunzip(bytes: &[u8]) -> Result<(Vec<u8>, bool)> {
        let mut first = None;
        for capacity in [1, 2, 3, 7, 1000] {
            let mut inflated = Gunzip::new(Pushback::new(BufReader::with_capacity(capacity, bytes)));
            let mut out = Vec::new();
            inflated.read_to_end(&mut out)?;
            let found = (out, inflated.trailing_bytes());
            assert_eq!(*first.get_or_insert_with(|| found.clone()), found, "buffers of {capacity} bytes");
        }
        Ok(first.unwrap())
    }

    #[test]
    fn members_follow_one_another() {
        let both = [gzip(b"one, "), gzip(b""), gzip(b"two")].concat();
        assert_eq!(gunzip(&both).unwrap(), (b"one, two".to_vec(), false));
        // Blocks of a tape are filled up with zeros.
        let apart = [gzip(b"one, "), vec![0; 512], gzip(b"two"), vec![0; 3]].concat();
        assert_eq!(gunzip(&apart).unwrap(), (b"one, two".to_vec(), false));
        assert!(gunzip(&[&gzip(b"one"), &b"\0\0\x1f\x8b"[..]].concat()).is_err());
    }

    #[test]
    fn zeros_behind_are_ignored_in_silence_and_other_bytes_are_told() {
        let behind = |tail: &[u8]| gunzip(&[&gzip(b"text"), tail].concat()).unwrap();
        for zeros in [0, 1, 2, 3, 5000] {
            assert_eq!(behind(&vec![0; zeros]), (b"text".to_vec(), false));
        }
        for tail in [&b"j"[..], b"junk", b"\x1f", b"\x1f\x9d", b"\0junk"] {
            assert_eq!(behind(tail), (b"text".to_vec(), true), "{tail:?}");
        }
    }

    #[test]
    fn damage_and_cuts_are_errors() {
        let good = [gzip(b"one, "), gzip(b"two")].concat();
        let first = gzip(b"one, ").len();
        for len in 0..good.len() {
            // Behind the first member a single byte more is none of another.
            assert_eq!(gunzip(&good[..len]).is_ok(), (first..first + 2).contains(&len), "{len}");
        }
        let mut damaged = good.clone();
        damaged[first - 6] ^= 1;
        assert!(gunzip(&damaged).is_err());
    }
}
