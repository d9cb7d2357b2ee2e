//! Mode 2: even columns, then odd ones, each half row predicted from what came before it.

use super::Wrong;
use super::bits::Bits;
use super::rans::{Decoder, Table};

/// Numbers of the header for the even columns, or for the odd ones.
struct Half {
    taps: Vec<f32>,
    excesses: Vec<f32>,
    offset: f32,
    scale: Vec<f32>,
    /// Where the taps are.
    taps_at: Vec<(i64, i64)>,
    excesses_at: Vec<(i64, i64)>,
}

struct Header {
    transposed: bool,
    origin: f32,
    usual: f32,
    scatter: f32,
    halves: Vec<Half>,
    tables: Vec<Table>,
    /// For each of the 40 fine scales and four phases, then for the other scales: which table.
    table_of: Vec<usize>,
}

fn header(bytes: &[u8]) -> Result<Header, Wrong> {
    let mut bits = Bits::new(bytes);
    let transposed = bits.u(1)? == 1;
    let (origin, usual) = (bits.u(16)? as f32, bits.u(16)? as f32);
    let scatter = bits.group(1)?[0];
    if !(1..=1 << 19).contains(&scatter) {
        return Err(format!("a scatter of {scatter}"));
    }
    let mut halves = Vec::new();
    for odd in [false, true] {
        let count = 4 * bits.u(5)? as usize;
        if count > 64 {
            return Err(format!("{count} taps"));
        }
        let weight = |&number: &i64| match 4 * number {
            weight if weight.abs() <= 1 << 16 => Ok(weight as f32 / 4096.0),
            weight => Err(format!("a weight of {weight}")),
        };
        let taps = bits.signed(count)?.iter().map(weight).collect::<Result<_, _>>()?;
        let excesses = bits.signed(4)?.iter().map(weight).collect::<Result<_, _>>()?;
        let offset = bits.signed(1)?[0];
        if offset.abs() > 1 << 24 {
            return Err(format!("an offset of {offset}"));
        }
        let offset = offset as f32 / 4096.0;
        let (taps_at, excesses_at) = (places(odd, count), places(odd, 4));
        halves.push(Half { taps, excesses, offset, scale: Vec::new(), taps_at, excesses_at });
    }
    for (half, count) in halves.iter_mut().zip([11, 14]) {
        for weight in bits.group(count)? {
            if weight >= 1 << 14 {
                return Err(format!("a weight of the scale of {weight}"));
            }
            half.scale.push(weight as f32 / 1024.0);
        }
    }
    let mut begins = Vec::new();
    for _ in 0..4 * 40 + 88 {
        begins.push(bits.u(1)? == 1);
    }
    let (mut tables, mut table_of) = (Vec::new(), Vec::new());
    for &begins in &begins {
        if begins {
            tables.push(Table::read(&mut bits)?);
        }
        table_of.push(tables.len().saturating_sub(1));
    }
    if tables.is_empty() {
        return Err("no table".into());
    }
    bits.finish()?;
    Ok(Header { transposed, origin, usual, scatter: scatter as f32 / 16.0, halves, tables, table_of })
}

/// Samples and errors of the even and of the odd columns of a row; a half that is not decoded yet
/// is empty.
#[derive(Clone, Default)]
struct Row {
    samples: [Vec<f32>; 2],
    errors: [Vec<f32>; 2],
}

struct Rows {
    width: usize,
    origin: f32,
    rows: Vec<Row>,
}

impl Rows {
    /// Of the even or odd columns of the row `dy` above the last one, the number at `column`, which
    /// may lie beyond the ends.
    fn at(&self, dy: usize, column: i64, which: fn(&Row) -> &[Vec<f32>; 2], above: f32) -> f32 {
        if dy >= self.rows.len() {
            return above;
        }
        let halves = which(&self.rows[self.rows.len() - 1 - dy]);
        let parity = if self.width == 1 { 0 } else { column.rem_euclid(2) };
        let half = &halves[parity as usize];
        let i = column.div_euclid(2).clamp(0, half.len() as i64 - 1);
        half[i as usize]
    }

    fn sample(&self, dy: usize, column: i64) -> f32 {
        self.at(dy, column, |row| &row.samples, self.origin)
    }

    /// An absolute error, as far as it counts.
    fn error(&self, dy: usize, column: i64) -> f32 {
        if self.width == 1 && column.rem_euclid(2) == 1 {
            return 0.0;
        }
        self.at(dy, column, |row| &row.errors, 0.0).min(16_383.0)
    }
}

/// Where the taps are: rows above, columns to the right.
fn places(odd: bool, count: usize) -> Vec<(i64, i64)> {
    let mut places = Vec::new();
    for dy in 0..=5_i64 {
        for dx in -8..=8_i64 {
            if dy > 0 || odd && dx % 2 != 0 {
                places.push((dy * dy + dx * dx, dy, dx));
            }
        }
    }
    places.sort();
    places[..count].iter().map(|&(_, dy, dx)| (dy, dx)).collect()
}

/// What is known of a pixel before it is decoded.
struct Expectation {
    location: f32,
    scale: u32,
}

fn expect(header: &Header, rows: &Rows, x: i64) -> Expectation {
    let odd = x % 2 == 1;
    let half = &header.halves[usize::from(odd)];
    let sample = |dy: usize, dx: i64| rows.sample(dy, x + dx);
    let e = |dy: usize, dx: i64| rows.error(dy, x + dx);
    let (north, north_west, north_east) = (sample(1, 0), sample(1, -1), sample(1, 1));

    let mut five = if odd {
        [sample(0, -1), sample(0, 1), north, north_west, north_east]
    } else {
        [north, north_west, north_east, sample(2, 0), (sample(1, -2) + sample(1, 2)) * 0.5]
    };
    five.sort_by(f32::total_cmp);
    let (m, spread) = (five[2], five[3] - five[1]);
    let t = spread.max(header.scatter) * 1.75;

    let clipped = |x: f32| (x - m).max(-t).min(t);
    let excess = |x: f32| (x - m) - clipped(x);
    let mut l = half.offset;
    let inputs: Vec<f32> = half.taps_at.iter().map(|&(dy, dx)| clipped(sample(dy as usize, dx))).collect();
    for (w, c) in half.taps.chunks(4).zip(inputs.chunks(4)) {
        l += (w[0] * c[0] + w[1] * c[1]) + (w[2] * c[2] + w[3] * c[3]);
    }
    let o: Vec<f32> = half.excesses_at.iter().map(|&(dy, dx)| excess(sample(dy as usize, dx))).collect();
    let w = &half.excesses;
    l = m + (l + ((w[0] * o[0] + w[1] * o[1]) + (w[2] * o[2] + w[3] * o[3])));
    let l = l.clamp(0.0, 65_535.0);

    let w = &half.scale;
    let steep = (north - north_west).abs() + (north - north_east).abs();
    let mut s =
        (w[0] * e(1, 0) + w[1] * (e(1, -1) + e(1, 1))) + (w[2] * (e(1, -2) + e(1, 2)) + w[3] * e(2, 0));
    s += w[4] * (e(2, -1) + e(2, 1)) + w[5] * ((e(1, -3) + e(1, 3)) + (e(2, -2) + e(2, 2)));
    s += (w[6] * spread + w[7] * steep)
        + ((w[8] * (l - m).abs() + w[9]) + w[10] * (l - header.usual).max(0.0));
    if odd {
        let (west, east) = (sample(0, -1), sample(0, 1));
        s += (w[11] * (e(0, -1) + e(0, 1)) + w[12] * (e(0, -3) + e(0, 3))) + w[13] * (west - east).abs();
    }
    let bits = |s: f32| s.to_bits() >> 20;
    Expectation { location: l, scale: bits(s.clamp(0.125, 8191.0)) - bits(0.125) }
}

/// The sample of a pixel.
fn pixel(
    header: &Header,
    at: &Expectation,
    symbols: &mut Decoder<'_>,
    raw: &mut Bits<'_>,
) -> Result<f32, Wrong> {
    let scale = at.scale as usize;
    let q = (at.location * 4.0).round_ties_even() as i64;
    let (base, context) = match scale {
        0..40 => (q.div_euclid(4), 40 * (q.rem_euclid(4) as usize) + scale),
        _ => ((q + 2).div_euclid(4), 160 + scale - 40),
    };
    let low = (scale as i64 / 8 - 5).max(0) as u32;
    let symbol = symbols.symbol(&header.tables[header.table_of[context]])? as i64;
    // The bin, and the low bits of the residual.
    let (bin, low_part) = if (13..=114).contains(&symbol) {
        (symbol - 64, raw.u(low)? as i64)
    } else {
        let r = if symbol > 114 { symbol - 115 } else { 12 - symbol };
        let number = raw.u(4 + r as u32 + low)? as i64;
        let outwards = 16 * ((1 << r) - 1) + (number >> low);
        (if symbol > 114 { 51 + outwards } else { -52 - outwards }, number % (1 << low))
    };
    Ok((base + (bin << low) + low_part).rem_euclid(65_536) as f32)
}

/// The samples of a tile of `height` rows of `width` pixels.
pub(super) fn decode(payload: &[u8], height: usize, width: usize) -> Result<Vec<u16>, Wrong> {
    if payload.len() < 8 {
        return Err("no room for two lengths".into());
    }
    let (head, rest) = payload.split_at(8);
    let length = |i: usize| u32::from_le_bytes([head[i], head[i + 1], head[i + 2], head[i + 3]]) as usize;
    let (of_header, of_symbols) = (length(0), length(4));
    if rest.len() < of_header || rest.len() - of_header < of_symbols {
        return Err("lengths beyond the end".into());
    }
    let header = header(&rest[..of_header])?;
    let mut symbols = Decoder::new(&rest[of_header..of_header + of_symbols])?;
    let mut raw = Bits::new(&rest[of_header + of_symbols..]);
    let (high, wide) = if header.transposed { (width, height) } else { (height, width) };

    let mut rows = Rows { width: wide, origin: header.origin, rows: Vec::new() };
    for y in 0..high {
        rows.rows.push(Row::default());
        for parity in 0..2 {
            let columns = (parity..wide as i64).step_by(2);
            // No pixel of a half row depends on another one of it.
            let expected: Vec<Expectation> = columns.map(|x| expect(&header, &rows, x)).collect();
            for at in expected {
                let sample = pixel(&header, &at, &mut symbols, &mut raw)?;
                let half = parity as usize;
                rows.rows[y].samples[half].push(sample);
                rows.rows[y].errors[half].push((sample - at.location).abs());
            }
        }
    }
    symbols.finish()?;
    raw.finish()?;
    let mut samples = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let (row, column) = if header.transposed { (x, y) } else { (y, x) };
            samples.push(rows.rows[row].samples[column % 2][column / 2] as u16);
        }
    }
    Ok(samples)
}
