//! format-floor.md, 5.2: the header.

use super::contexts::Contexts;
use super::table::Table;
use super::taps::taps;
use crate::Error;
use crate::bits::{Bits, signed};

/// 5.2: `taps`, `excess`, `offset` and `scale` of the even (`p` = 0) or the odd columns (`p` = 1),
/// as f32 numbers, and the places of the taps (5.7).
pub(crate) struct Half {
    pub places: Vec<(isize, isize)>,
    pub taps: Vec<f32>,
    pub excess: Vec<f32>,
    pub offset: f32,
    /// 20.4: only in mode 11.
    pub level: Option<f32>,
    pub scale: Vec<f32>,
}

/// 5.2: the header.
pub(crate) struct Header {
    pub transposed: bool,
    pub initial: u16,
    pub background: f32,
    pub least_range: f32,
    pub halves: [Half; 2],
    contexts: Contexts,
    tables: Vec<Table>,
    /// The number of the table of every context.
    table_of: Vec<usize>,
}

/// A group of `n` numbers, each `factor` times `signed(v)`, at most `most` in magnitude, that count
/// 1/4096.
fn signed_group(bits: &mut Bits<'_>, n: usize, factor: i64, most: i64) -> Result<Vec<f32>, Error> {
    let mut numbers = Vec::new();
    for v in bits.group(n)? {
        let number = factor * signed(v);
        Error::unless(number.abs() <= most, "a tap, an excess or an offset is too large")?;
        numbers.push(number as f32 / 4096.0);
    }
    Ok(numbers)
}

/// A group of `n` scales that count 1/1024.
fn scale_group(bits: &mut Bits<'_>, n: usize) -> Result<Vec<f32>, Error> {
    let mut numbers = Vec::new();
    for number in bits.group(n)? {
        Error::unless(number < 1 << 14, "a scale is too large")?;
        numbers.push(number as f32 / 1024.0);
    }
    Ok(numbers)
}

/// The part of a half that comes first; its scale is read later.
fn read_half(bits: &mut Bits<'_>, p: usize, dithered: bool) -> Result<Half, Error> {
    let n = bits.u(5)? as usize;
    Error::unless(n <= 16, "there are more than 64 taps")?;
    Ok(Half {
        places: taps(p),
        taps: signed_group(bits, 4 * n, 4, 1 << 16)?,
        excess: signed_group(bits, 4, 4, 1 << 16)?,
        offset: signed_group(bits, 1, 1, 1 << 24)?[0],
        level: if dithered { Some(signed_group(bits, 1, 4, 1 << 16)?[0]) } else { None },
        scale: Vec::new(),
    })
}

impl Header {
    /// The header that fills `bytes`, of mode 2 or of mode 11.
    pub(crate) fn read(bytes: &[u8], dithered: bool) -> Result<Self, Error> {
        let mut bits = Bits::new(bytes);
        let transposed = bits.u(1)? == 1;
        let initial = bits.u(16)? as u16;
        let background = bits.u(16)? as f32;
        let least_range = bits.group(1)?[0];
        let valid = (1..=1 << 19).contains(&least_range);
        Error::unless(valid, "the least range is out of its bounds")?;
        let mut halves = [read_half(&mut bits, 0, dithered)?, read_half(&mut bits, 1, dithered)?];
        halves[0].scale = scale_group(&mut bits, 11)?;
        halves[1].scale = scale_group(&mut bits, 14)?;

        let contexts = Contexts::read(&mut bits, dithered)?;
        let mut begins = Vec::new();
        for _ in 0..contexts.count() {
            begins.push(bits.u(1)? == 1);
        }
        let mut tables = Vec::new();
        for _ in begins.iter().filter(|&&begin| begin) {
            tables.push(if dithered { Table::read_short(&mut bits)? } else { Table::read(&mut bits)? });
        }
        Error::unless(!tables.is_empty(), "there is no frequency table")?;
        bits.end()?;

        // 5.3: the table that began last, or the first table if none began.
        let mut table_of = Vec::new();
        let mut begun: usize = 0;
        for begin in begins {
            begun += usize::from(begin);
            table_of.push(begun.saturating_sub(1));
        }
        let least_range = least_range as f32 / 16.0;
        Ok(Self { transposed, initial, background, least_range, halves, contexts, tables, table_of })
    }

    /// 5.8, step 10, and 20.4: the parts of a sample that a location is rounded to.
    pub(crate) fn parts(&self) -> i64 {
        1 << self.contexts.most_bits
    }

    /// 5.3 and 20.4: the table of a scale `s` (0 to 127) and a phase `f` (in parts of a sample).
    pub(crate) fn table(&self, s: usize, f: usize) -> &Table {
        &self.tables[self.table_of[self.contexts.number(s, f)]]
    }
}
