//! The inside of a `.Z` file, which the old Unix program `compress` wrote: LZW with codes of 9 to
//! 16 bits, the lowest bits first.
//!
//! The format is written down nowhere but in programs; this is what they agree on. A file is
//!
//! 1. the bytes 0x1f 0x9d, and one more: the widest code in its low five bits, and in its highest
//!    whether code 256 clears the table;
//! 2. codes, beginning with 9 bits each. A code stands for a byte (0 to 255) or for a string of the
//!    table. With every code but the first, the table gets the string before it and the first byte
//!    of its own string. The first free code is 257, or 256 where nothing clears.
//! 3. When the next string would need another bit, codes grow by one; when the table is full it
//!    stays as it is. Codes come in groups of eight of one width: what is left of a group when the
//!    width changes, or when the table is cleared, is passed over.
//!
//! There is no length and no checksum: a cut file is a shorter one.

use std::io::{BufRead, Error, ErrorKind, Read, Result};

/// The code that clears the table, where the header says so.
const CLEAR: u16 = 256;
const LEAST_BITS: u32 = 9;
const MOST_BITS: u32 = 16;
/// Codes that are written in one width at least.
const GROUP: u32 = 8;

/// Reads what `compress` compressed.
pub(crate) struct Unlzw<R> {
    input: R,
    /// Set when the header was read.
    table: Option<Table>,
    /// Bytes of the last string that were not handed out, the next one last.
    pending: Vec<u8>,
}

/// The strings of the codes, and where in the stream of codes the reader is.
struct Table {
    /// Of every code from 256: the code of all but its last byte, and that byte.
    prefixes: Vec<u16>,
    suffixes: Vec<u8>,
    clears: bool,
    most_bits: u32,
    /// Width of the next code.
    bits: u32,
    /// Codes of the group that were read.
    in_group: u32,
    /// The code before, and the first byte of its string.
    previous: Option<(u16, u8)>,
    /// Bits that were read and not used, the next ones lowest.
    window: u64,
    window_bits: u32,
}

impl<R: BufRead> Unlzw<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, table: None, pending: Vec::new() }
    }

    pub(crate) fn into_inner(self) -> R {
        self.input
    }

    fn header(&mut self) -> Result<Table> {
        let mut header = [0; 3];
        self.input.read_exact(&mut header)?;
        let most_bits = u32::from(header[2] & 0x1f);
        if !(LEAST_BITS..=MOST_BITS).contains(&most_bits) {
            return Err(corrupt(format!("codes of up to {most_bits} bits, expected 9 to 16")));
        }
        let clears = header[2] & 0x80 != 0;
        Ok(Table {
            // The place of the code that clears is never used.
            prefixes: vec![0; usize::from(clears)],
            suffixes: vec![0; usize::from(clears)],
            clears,
            most_bits,
            bits: LEAST_BITS,
            in_group: 0,
            previous: None,
            window: 0,
            window_bits: 0,
        })
    }

    /// The next bits; `None` where the stream ends before them.
    fn take(&mut self, count: u32) -> Result<Option<u16>> {
        let Some(table) = &mut self.table else { return Ok(None) };
        while table.window_bits < count {
            let Some(&byte) = self.input.fill_buf()?.first() else { return Ok(None) };
            self.input.consume(1);
            table.window |= u64::from(byte) << table.window_bits;
            table.window_bits += 8;
        }
        let code = table.window & ((1 << count) - 1);
        table.window >>= count;
        table.window_bits -= count;
        // No code has more than 16 bits.
        Ok(Some(code as u16))
    }

    /// The next code; before it, what is left of the group where its width changes.
    fn code(&mut self) -> Result<Option<u16>> {
        let Some(table) = &self.table else { return Ok(None) };
        let free = 256 + table.prefixes.len();
        if free >= 1 << table.bits && table.bits < table.most_bits {
            self.next_group(table.bits + 1)?;
        }
        let Some(bits) = self.table.as_ref().map(|table| table.bits) else { return Ok(None) };
        let code = self.take(bits)?;
        if let Some(table) = &mut self.table {
            table.in_group = (table.in_group + 1) % GROUP;
        }
        Ok(code)
    }

    /// Passes over what is left of the group, and goes on with codes of so many bits.
    fn next_group(&mut self, bits: u32) -> Result<()> {
        let Some(table) = &self.table else { return Ok(()) };
        let (old, left) = (table.bits, (GROUP - table.in_group) % GROUP);
        for _ in 0..left {
            // A stream may end within the last group.
            self.take(old)?;
        }
        if let Some(table) = &mut self.table {
            (table.bits, table.in_group) = (bits, 0);
        }
        Ok(())
    }

    /// Puts the next string into `pending`; false at the end.
    fn fill(&mut self) -> Result<bool> {
        loop {
            let Some(code) = self.code()? else { return Ok(false) };
            let Some(table) = &mut self.table else { return Ok(false) };
            let Some((previous, first)) = table.previous else {
                let byte = u8::try_from(code).map_err(|_| corrupt("it begins with no byte"))?;
                table.previous = Some((code, byte));
                self.pending.push(byte);
                return Ok(true);
            };
            if code == CLEAR && table.clears {
                // The next code adds a string in the place of this one, which no code means.
                table.prefixes.clear();
                table.suffixes.clear();
                self.next_group(LEAST_BITS)?;
                continue;
            }
            let free = 256 + table.prefixes.len();
            let mut at = code;
            if usize::from(code) >= free {
                // The string that is being made: the one before, and its own first byte.
                if usize::from(code) > free || free >= 1 << table.most_bits {
                    return Err(corrupt(format!("code {code}, the table has {free}")));
                }
                self.pending.push(first);
                at = previous;
            }
            while let Some(entry) = usize::from(at).checked_sub(256) {
                self.pending.push(table.suffixes[entry]);
                at = table.prefixes[entry];
            }
            let first = at as u8;
            self.pending.push(first);
            if free < 1 << table.most_bits {
                table.prefixes.push(previous);
                table.suffixes.push(first);
            }
            table.previous = Some((code, first));
            return Ok(true);
        }
    }
}

impl<R: BufRead> Read for Unlzw<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if self.table.is_none() {
            self.table = Some(self.header()?);
        }
        let mut done = 0;
        while done < buffer.len() {
            if self.pending.is_empty() && !self.fill()? {
                break;
            }
            while let Some(place) = buffer.get_mut(done)
                && let Some(byte) = self.pending.pop()
            {
                *place = byte;
                done += 1;
            }
        }
        Ok(done)
    }
}

fn corrupt(problem: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidData, format!("the codes of compress are damaged: {}", problem.into()))
}

#[cfg(test)]
mod tests;
