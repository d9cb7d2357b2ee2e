//! The bytes behind headers of HDUs that are no images, plain or compressed, compared.

use super::bytes::{PIECE_BYTES, Remainder, bytes};
use super::original::OriginalHdu;
use crate::Result;
use crate::file::FitsFile;
use crate::tables::Pieces;

/// Whether two HDUs that are no images have the same bytes behind their headers.
pub(super) fn same_data(
    (a, one): (&FitsFile, &OriginalHdu<'_>),
    (b, other): (&FitsFile, &OriginalHdu<'_>),
) -> Result<bool> {
    if one.len_bytes() - one.header().bytes().len() as u64
        != other.len_bytes() - other.header().bytes().len() as u64
    {
        return Ok(false);
    }
    let (mut ours, mut theirs) = (Data::new(a, one)?, Data::new(b, other)?);
    loop {
        let (mine, its) = (ours.next()?, theirs.next()?);
        let common = mine.len().min(its.len());
        if mine[..common] != its[..common] {
            return Ok(false);
        }
        if common == 0 {
            return Ok(mine.is_empty() && its.is_empty());
        }
        ours.used += common;
        theirs.used += common;
    }
}

/// The bytes behind the header of an HDU, piece by piece.
struct Data<'a> {
    file: &'a FitsFile,
    pieces: Option<Pieces<'a>>,
    remainder: Remainder,
    /// Bytes of the remainder that were read.
    at: u64,
    piece: Vec<u8>,
    /// Bytes of the piece that were compared.
    used: usize,
}

impl<'a> Data<'a> {
    fn new(file: &'a FitsFile, hdu: &OriginalHdu<'a>) -> Result<Self> {
        let (pieces, remainder) = (hdu.pieces()?, hdu.remainder());
        Ok(Self { file, pieces, remainder, at: 0, piece: Vec::new(), used: 0 })
    }

    /// Bytes that were not compared yet; none at the end.
    fn next(&mut self) -> Result<&[u8]> {
        while self.used == self.piece.len() {
            self.used = 0;
            self.piece.clear();
            if let Some(pieces) = &mut self.pieces {
                if !pieces.next(&mut self.piece)? {
                    self.pieces = None;
                }
                continue;
            }
            let piece = self.at..self.remainder.len_bytes().min(self.at + PIECE_BYTES);
            if piece.is_empty() {
                break;
            }
            let mut scratch = Vec::new();
            self.piece.extend_from_slice(bytes(self.file, &self.remainder, &piece, &mut scratch)?);
            self.at = piece.end;
        }
        Ok(&self.piece[self.used..])
    }
}
