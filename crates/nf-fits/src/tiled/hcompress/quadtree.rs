//! Bit planes of a quadrant as quadtrees.
//!
//! A bit plane becomes nybbles, one for every 2 x 2 block of bits, those again one nybble for every
//! 2 x 2 block of nybbles (which of them are not zero), up to a single nybble. Nybbles that are not
//! zero are written with the Huffman code below, from the root down; what a zero stands for is left
//! out. Where that is longer than the plain nybbles of the first level, those are written instead.
//! A nybble before each plane tells which: 15 or 0.
//!
//! The code is made from the leaves up and written backwards.

/// Code and its length for every nybble.
const CODES: [(u8, u8); 16] = [
    (0x3e, 6),
    (0x00, 3),
    (0x01, 3),
    (0x08, 4),
    (0x02, 3),
    (0x09, 4),
    (0x1a, 5),
    (0x1b, 5),
    (0x03, 3),
    (0x1c, 5),
    (0x0a, 4),
    (0x1d, 5),
    (0x0b, 4),
    (0x1e, 5),
    (0x3f, 6),
    (0x0c, 4),
];

/// The nybble and the code length for every six bits that may come.
const DECODE: [(u8, u8); 64] = {
    let mut table = [(0, 0); 64];
    let mut nybble = 0;
    while nybble < 16 {
        let (code, len) = CODES[nybble];
        let first = (code as usize) << (6 - len);
        let mut at = first;
        while at < first + (1 << (6 - len)) {
            table[at] = (nybble as u8, len);
            at += 1;
        }
        nybble += 1;
    }
    table
};

const CUT: &str = "HCOMPRESS_1: the stream is cut short";

/// Writes bits, most significant first.
#[derive(Default)]
pub(super) struct BitWriter {
    out: Vec<u8>,
    acc: u64,
    count: u32,
}

impl BitWriter {
    /// Goes on behind whole bytes.
    pub(super) fn new(out: Vec<u8>) -> Self {
        Self { out, acc: 0, count: 0 }
    }

    /// Writes the `bits` (at most 32) low bits of `value`, whose other bits are zero.
    pub(super) fn put(&mut self, value: u32, bits: u32) {
        self.acc = self.acc << bits | u64::from(value);
        self.count += bits;
        while self.count >= 8 {
            self.count -= 8;
            self.out.push((self.acc >> self.count) as u8);
        }
    }

    /// Pads with zero bits to whole bytes.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.put(0, 8 - self.count);
        }
        self.out
    }
}

/// Reads bits, most significant first.
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    pos: usize,
    acc: u64,
    count: u32,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, pos: 0, acc: 0, count: 0 }
    }

    fn refill(&mut self) {
        while self.count <= 56 && self.pos < self.bytes.len() {
            self.acc |= u64::from(self.bytes[self.pos]) << (56 - self.count);
            self.pos += 1;
            self.count += 8;
        }
    }

    #[inline(always)]
    pub(super) fn take(&mut self, bits: u32) -> Result<u32, &'static str> {
        if self.count < bits {
            self.refill();
            if self.count < bits {
                return Err(CUT);
            }
        }
        let value = (self.acc >> 1 >> (63 - bits)) as u32;
        self.acc <<= bits;
        self.count -= bits;
        Ok(value)
    }

    #[inline(always)]
    fn huffman(&mut self) -> Result<u8, &'static str> {
        if self.count < 6 {
            self.refill();
        }
        let (nybble, len) = DECODE[(self.acc >> 58) as usize];
        if u32::from(len) > self.count {
            return Err(CUT);
        }
        self.acc <<= len;
        self.count -= u32::from(len);
        Ok(nybble)
    }

    /// Bytes begun so far.
    pub(super) fn bytes_taken(&self) -> usize {
        self.pos - self.count as usize / 8
    }
}

/// Levels above the first nybbles for a quadrant of this size.
fn levels(size: (usize, usize)) -> u32 {
    let longest = size.0.max(size.1);
    usize::BITS - longest.saturating_sub(1).leading_zeros()
}

/// Writes the bit planes of a quadrant that begins at `a[0]` in an array of `width` columns.
pub(super) fn encode(out: &mut BitWriter, a: &[i64], width: usize, size: (usize, usize), planes: u8) {
    if size.0 == 0 || size.1 == 0 {
        return;
    }
    let blocks = (size.0.div_ceil(2), size.1.div_ceil(2));
    // Beyond half a byte per block the plain nybbles are shorter.
    let most_bytes = (blocks.0 * blocks.1).div_ceil(2);
    for bit in (0..planes).rev() {
        let leaves = nybbles_of_plane(a, width, size, bit);
        match tree_code(&leaves, blocks, levels(size), most_bytes) {
            Some(code) => {
                out.put(15, 4);
                code.write_backwards(out);
            }
            None => {
                out.put(0, 4);
                leaves.iter().for_each(|&nybble| out.put(u32::from(nybble), 4));
            }
        }
    }
}

/// One nybble per 2 x 2 block of a bit plane: upper left 8, upper right 4, lower left 2, lower
/// right 1.
fn nybbles_of_plane(a: &[i64], width: usize, size: (usize, usize), bit: u8) -> Vec<u8> {
    let (rows, columns) = size;
    let mut nybbles = Vec::with_capacity(rows.div_ceil(2) * columns.div_ceil(2));
    let pick = |value: i64| (value >> bit & 1) as u8;
    for row in (0..rows).step_by(2) {
        let upper = &a[row * width..][..columns];
        if row + 1 < rows {
            let lower = &a[(row + 1) * width..][..columns];
            for (upper, lower) in upper.chunks(2).zip(lower.chunks(2)) {
                let mut nybble = pick(upper[0]) << 3 | pick(lower[0]) << 1;
                if let ([_, right], [_, lower_right]) = (upper, lower) {
                    nybble |= pick(*right) << 2 | pick(*lower_right);
                }
                nybbles.push(nybble);
            }
        } else {
            nybbles.extend(
                upper.chunks(2).map(|pair| pick(pair[0]) << 3 | pair.get(1).map_or(0, |&v| pick(v) << 2)),
            );
        }
    }
    nybbles
}

/// One nybble per 2 x 2 block of nybbles: which of them are not zero.
fn reduce(nybbles: &[u8], size: (usize, usize)) -> Vec<u8> {
    let (rows, columns) = size;
    let set = |row: usize, column: usize| {
        u8::from(row < rows && column < columns && nybbles[row * columns + column] != 0)
    };
    let mut reduced = Vec::with_capacity(rows.div_ceil(2) * columns.div_ceil(2));
    for row in (0..rows).step_by(2) {
        for column in (0..columns).step_by(2) {
            reduced.push(
                set(row, column) << 3
                    | set(row, column + 1) << 2
                    | set(row + 1, column) << 1
                    | set(row + 1, column + 1),
            );
        }
    }
    reduced
}

/// Huffman codes gathered from the leaves up, least significant bit first.
#[derive(Default)]
struct Code {
    bytes: Vec<u8>,
    acc: u32,
    count: u32,
}

impl Code {
    /// Adds the codes of all nybbles that are not zero; `None` when the whole becomes as long as
    /// `most_bytes`.
    fn add(&mut self, nybbles: &[u8], most_bytes: usize) -> Option<()> {
        for &nybble in nybbles.iter().filter(|&&nybble| nybble != 0) {
            let (code, len) = CODES[usize::from(nybble)];
            self.acc |= u32::from(code) << self.count;
            self.count += u32::from(len);
            if self.count >= 8 {
                self.bytes.push(self.acc as u8);
                if self.bytes.len() >= most_bytes {
                    return None;
                }
                self.acc >>= 8;
                self.count -= 8;
            }
        }
        Some(())
    }

    fn write_backwards(self, out: &mut BitWriter) {
        if self.count > 0 {
            out.put(self.acc & ((1 << self.count) - 1), self.count);
        } else if self.bytes.is_empty() {
            // Nothing at all: the root is zero.
            let (code, len) = CODES[0];
            out.put(u32::from(code), u32::from(len));
        }
        self.bytes.iter().rev().for_each(|&byte| out.put(u32::from(byte), 8));
    }
}

fn tree_code(leaves: &[u8], blocks: (usize, usize), levels: u32, most_bytes: usize) -> Option<Code> {
    let mut code = Code::default();
    code.add(leaves, most_bytes)?;
    let mut size = blocks;
    let mut nybbles = leaves.to_vec();
    for _ in 1..levels {
        nybbles = reduce(&nybbles, size);
        size = (size.0.div_ceil(2), size.1.div_ceil(2));
        code.add(&nybbles, most_bytes)?;
    }
    Some(code)
}

/// Reads the bit planes of a quadrant into the array that begins at `a[0]`.
pub(super) fn decode(
    bits: &mut BitReader<'_>,
    a: &mut [i64],
    width: usize,
    size: (usize, usize),
    planes: u8,
) -> Result<(), &'static str> {
    if size.0 == 0 || size.1 == 0 {
        return Ok(());
    }
    let blocks = (size.0.div_ceil(2), size.1.div_ceil(2));
    let levels = levels(size);
    let mut nybbles = Vec::new();
    let mut below = Vec::new();
    for bit in (0..planes).rev() {
        match bits.take(4)? {
            0 => {
                nybbles.clear();
                for _ in 0..blocks.0 * blocks.1 {
                    nybbles.push(bits.take(4)? as u8);
                }
            }
            15 => {
                nybbles.clear();
                nybbles.push(bits.huffman()?);
                for level in (1..levels).rev() {
                    let above = side_at(blocks, level);
                    let here = side_at(blocks, level - 1);
                    spread(&nybbles, above, &mut below, here);
                    std::mem::swap(&mut nybbles, &mut below);
                    // Written from the last leaf to the first.
                    for nybble in nybbles.iter_mut().rev().filter(|nybble| **nybble != 0) {
                        *nybble = bits.huffman()?;
                    }
                }
            }
            _ => return Err("HCOMPRESS_1: a bit plane of an unknown kind"),
        }
        insert(&nybbles, a, width, size, bit);
    }
    Ok(())
}

/// Size of the grid of nybbles `level` reductions above the leaves.
fn side_at(blocks: (usize, usize), level: u32) -> (usize, usize) {
    (blocks.0.div_ceil(1 << level), blocks.1.div_ceil(1 << level))
}

/// Marks with 1 the nybbles that those of the level above say are not zero.
fn spread(above: &[u8], above_size: (usize, usize), below: &mut Vec<u8>, size: (usize, usize)) {
    below.clear();
    below.resize(size.0 * size.1, 0);
    for row in 0..size.0 {
        let marks = &above[row / 2 * above_size.1..][..above_size.1];
        let shift = if row % 2 == 0 { 2 } else { 0 };
        for (pair, mark) in below[row * size.1..][..size.1].chunks_mut(2).zip(marks) {
            pair[0] = mark >> (shift + 1) & 1;
            if let Some(right) = pair.get_mut(1) {
                *right = mark >> shift & 1;
            }
        }
    }
}

/// Sets bit `bit` of every value whose bit in the leaves is set.
fn insert(nybbles: &[u8], a: &mut [i64], width: usize, size: (usize, usize), bit: u8) {
    let (rows, columns) = size;
    let across = columns.div_ceil(2);
    for row in 0..rows {
        let shift = if row % 2 == 0 { 2 } else { 0 };
        let values = &mut a[row * width..][..columns];
        for (pair, nybble) in values.chunks_mut(2).zip(&nybbles[row / 2 * across..][..across]) {
            pair[0] |= i64::from(nybble >> (shift + 1) & 1) << bit;
            if let Some(right) = pair.get_mut(1) {
                *right |= i64::from(nybble >> shift & 1) << bit;
            }
        }
    }
}
