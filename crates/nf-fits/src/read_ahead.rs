//! Reading many short pieces of a file that follow one another.

use crate::Result;
use crate::source::Source;

/// Bytes that are read at once where pieces follow one another.
const WINDOW_BYTES: usize = 1 << 16;

/// What was read last. The first piece is read alone, and so is one far from the piece before it.
#[derive(Debug, Default)]
pub(crate) struct ReadAhead {
    bytes: Vec<u8>,
    /// Where in the file `bytes` begin, and how many of them are valid.
    start: u64,
    len: usize,
    /// Where the piece before ended.
    end: u64,
}

impl ReadAhead {
    /// `len` bytes from `offset`.
    ///
    /// The range is checked against the file before anything is allocated.
    pub(crate) fn bytes<'a>(&'a mut self, source: &'a Source, offset: u64, len: usize) -> Result<&'a [u8]> {
        if source.is_in_memory() {
            return source.bytes(offset, len, &mut self.bytes);
        }
        let held = offset.checked_sub(self.start).and_then(|at| usize::try_from(at).ok());
        let held = held.filter(|at| at.checked_add(len).is_some_and(|end| end <= self.len));
        let at = match held {
            Some(at) => at,
            None => {
                let left = usize::try_from(source.len_bytes().saturating_sub(offset)).unwrap_or(usize::MAX);
                let ahead = if offset == self.end { WINDOW_BYTES.min(left) } else { 0 };
                // Nothing is held if reading fails.
                self.len = 0;
                source.bytes(offset, len.max(ahead), &mut self.bytes)?;
                (self.start, self.len) = (offset, len.max(ahead));
                0
            }
        };
        self.end = offset + len as u64;
        Ok(&self.bytes[at..at + len])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn source(len: usize) -> (Source, Vec<u8>) {
        let bytes: Vec<u8> = (0..len).map(|i| (i * 7 + i / 251) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        (Source::of_file(&file, "test").unwrap(), bytes)
    }

    #[test]
    fn any_order_gives_the_bytes_of_the_file() {
        let (source, bytes) = source(3 * WINDOW_BYTES + 17);
        let mut ahead = ReadAhead::default();
        let mut at = 5;
        for step in 0..20_000 {
            let len = step % 97;
            at = if step % 50 == 0 { (at * 31 + step) % bytes.len() } else { at };
            at = if at + len > bytes.len() { 0 } else { at };
            assert_eq!(ahead.bytes(&source, at as u64, len).unwrap(), &bytes[at..at + len]);
            at += len;
        }
    }

    #[test]
    fn pieces_that_follow_one_another_take_few_reads() {
        let (source, bytes) = source(4 * WINDOW_BYTES);
        let mut ahead = ReadAhead::default();
        let (mut reads, mut last) = (0, None);
        for at in (0..bytes.len()).step_by(8) {
            ahead.bytes(&source, at as u64, 8).unwrap();
            if last.replace(ahead.start) != Some(ahead.start) {
                reads += 1;
            }
        }
        assert!(reads <= 5, "{reads} reads");
    }

    #[test]
    fn a_piece_far_from_the_last_is_read_alone() {
        let (source, _) = source(4 * WINDOW_BYTES);
        let mut ahead = ReadAhead::default();
        for at in [1000, 200_000, 100_000] {
            ahead.bytes(&source, at, 12).unwrap();
            assert_eq!((ahead.start, ahead.len), (at, 12));
        }
    }

    #[test]
    fn what_lies_beyond_the_file_is_refused() {
        let (source, bytes) = source(1000);
        let mut ahead = ReadAhead::default();
        ahead.bytes(&source, 900, 100).unwrap();
        for (offset, len) in [(1000, 1), (900, 101), (u64::MAX, 4), (0, usize::MAX)] {
            assert!(ahead.bytes(&source, offset, len).is_err(), "{offset} {len}");
        }
        assert_eq!(ahead.bytes(&source, 990, 10).unwrap(), &bytes[990..]);
    }
}
