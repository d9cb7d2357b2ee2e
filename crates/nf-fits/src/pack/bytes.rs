//! Bytes of files, copied and compared piece by piece.

use crate::file::FitsFile;
use crate::{Error, Result};
use std::io::Write;
use std::ops::Range;

/// Bytes that are read at once.
pub(super) const PIECE_BYTES: u64 = 1 << 20;

/// Bytes of an uncompressed HDU that are no pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remainder {
    /// They stand in the file here.
    InFile(Range<u64>),
    /// So many zeros.
    Zeros(u64),
}

impl Remainder {
    /// How many they are.
    pub fn len_bytes(&self) -> u64 {
        match self {
            Self::InFile(range) => range.end - range.start,
            Self::Zeros(count) => *count,
        }
    }
}

/// Copies bytes of the file.
pub(super) fn copy(file: &FitsFile, range: Range<u64>, out: &mut dyn Write) -> Result<()> {
    file.source().each_piece(range, |bytes| out.write_all(bytes).map_err(Error::writing()))
}

/// Whether two runs of bytes are the same.
pub(super) fn same((a, one): (&FitsFile, &Remainder), (b, other): (&FitsFile, &Remainder)) -> Result<bool> {
    if one.len_bytes() != other.len_bytes() {
        return Ok(false);
    }
    let (mut scratch, mut other_scratch) = (Vec::new(), Vec::new());
    for piece in pieces(one.len_bytes()) {
        if bytes(a, one, &piece, &mut scratch)? != bytes(b, other, &piece, &mut other_scratch)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A piece of such bytes.
pub(super) fn bytes<'a>(
    file: &'a FitsFile,
    of: &Remainder,
    piece: &Range<u64>,
    scratch: &'a mut Vec<u8>,
) -> Result<&'a [u8]> {
    let len = (piece.end - piece.start) as usize;
    match of {
        Remainder::InFile(range) => file.source().bytes(range.start + piece.start, len, scratch),
        Remainder::Zeros(_) => {
            scratch.clear();
            scratch.resize(len, 0);
            Ok(scratch)
        }
    }
}

fn pieces(len_bytes: u64) -> impl Iterator<Item = Range<u64>> {
    (0..len_bytes.div_ceil(PIECE_BYTES)).map(move |n| n * PIECE_BYTES..((n + 1) * PIECE_BYTES).min(len_bytes))
}
