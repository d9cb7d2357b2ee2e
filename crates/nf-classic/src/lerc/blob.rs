//! A plane as a Lerc2 blob, version 3 or 4. All numbers are little-endian.
//!
//! Magic, version, checksum; rows, columns, values a pixel (version 4), valid pixels, side of the
//! blocks, bytes of the blob, type; error, smallest and largest value; bytes of the mask, the mask
//! where some pixels are valid and others not. Unless all values are equal: smallest and largest in
//! their own type (version 4), then 1 and the valid values as they are, or 0 and blocks of 8 x 8
//! pixels, or of 16 x 16 where that is shorter and the plane takes less than 1.5 bits a pixel.

use super::block::{self, boxes, take, take_block};
use super::{STREAM, Value, mask};
use nf_codec::{Error, Result};

const MAGIC: &[u8; 6] = b"Lerc2 ";
/// Bytes before those that the checksum covers: magic, version, checksum.
const CHECKED_FROM: usize = 14;
/// Pixels of a side of a block.
const BLOCK_PX: usize = 8;

/// What a blob is besides its values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Form {
    /// Pixels of a row.
    pub(crate) width: usize,
    /// The largest error of a value: 0.5 is none for integers.
    pub(crate) error: f64,
    /// Version of the format, 3 or 4.
    pub(crate) version: i32,
}

/// Most bytes of a plane of so many pixels, all valid.
pub(crate) fn most_bytes<T: Value>(pixels: usize) -> usize {
    71 + (2 + pixels) * T::BYTES
}

/// The blob of a plane, whose pixels are all valid unless `valid` says which are.
pub(crate) fn encode<T: Value>(values: &[T], valid: Option<&[bool]>, form: Form) -> Vec<u8> {
    let is_valid = |n: usize| valid.is_none_or(|valid| valid[n]);
    let count = (0..values.len()).filter(|&n| is_valid(n)).count();
    let valid = valid.filter(|_| count > 0 && count < values.len());
    let mut ends: Option<(T, T)> = None;
    for (_, &value) in values.iter().enumerate().filter(|(n, _)| is_valid(*n)) {
        let (low, high) = ends.unwrap_or((value, value));
        ends = Some((if value < low { value } else { low }, if value > high { value } else { high }));
    }
    let (low, high) = ends.unwrap_or_default();
    let mask = valid.map(mask::encode).unwrap_or_default();
    let mut body = (mask.len() as i32).to_le_bytes().to_vec();
    body.extend(mask);
    let mut block_px = BLOCK_PX;
    if low.value() != high.value() {
        let mut blocks = encode_blocks(values, valid, form, block_px);
        let (height, width) = (values.len() / form.width, form.width);
        let is_sparse = blocks.len() as f64 * 8.0 < values.len() as f64 * 1.5;
        if is_sparse && (height > BLOCK_PX || width > BLOCK_PX) {
            let larger = encode_blocks(values, valid, form, 2 * BLOCK_PX);
            if larger.len() <= blocks.len() {
                (block_px, blocks) = (2 * BLOCK_PX, larger);
            }
        }
        if form.version > 3 {
            low.put(&mut body);
            high.put(&mut body);
        }
        // Which of the two follows: all values in one sweep, or blocks.
        let is_stored = count * T::BYTES <= blocks.len();
        body.push(u8::from(is_stored));
        if is_stored {
            let all = values.iter().enumerate().filter(|(n, _)| is_valid(*n));
            all.for_each(|(_, value)| value.put(&mut body));
        } else {
            body.append(&mut blocks);
        }
    }
    let head = Head { pixels: values.len(), count, block_px, low: low.value(), high: high.value() };
    let mut bytes = head.bytes::<T>(form, body.len());
    bytes.append(&mut body);
    let checksum = checksum(&bytes[CHECKED_FROM..]);
    bytes[CHECKED_FROM - 4..CHECKED_FROM].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

fn encode_blocks<T: Value>(values: &[T], valid: Option<&[bool]>, form: Form, block_px: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(values.len());
    let mut block = Vec::with_capacity(block_px * block_px);
    for [row, rows, column, columns] in boxes(values.len(), form.width, block_px) {
        block.clear();
        for row in row..row + rows {
            let places = row * form.width + column..row * form.width + column + columns;
            match valid {
                None => block.extend_from_slice(&values[places]),
                Some(valid) => block.extend(places.filter(|&n| valid[n]).map(|n| values[n])),
            }
        }
        block::put(&block, column, form.error, &mut bytes);
    }
    bytes
}

/// What the header says of the values.
struct Head {
    pixels: usize,
    count: usize,
    block_px: usize,
    low: f64,
    high: f64,
}

impl Head {
    /// The header up to the smallest and largest value, with a checksum of 0, of a blob with a body
    /// of so many bytes.
    fn bytes<T: Value>(&self, form: Form, body_bytes: usize) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(form.version.to_le_bytes());
        bytes.extend([0; 4]);
        let height = self.pixels.checked_div(form.width).unwrap_or(0);
        let mut numbers = vec![height as i32, form.width as i32];
        if form.version > 3 {
            numbers.push(1);
        }
        numbers.extend([self.count as i32, self.block_px as i32]);
        let all = CHECKED_FROM + 4 * (numbers.len() + 2) + 3 * 8 + body_bytes;
        numbers.extend([all as i32, T::TYPE]);
        numbers.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        [form.error, self.low, self.high].iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        bytes
    }
}

/// Fletcher's checksum over pairs of bytes, the first of a pair being the high one.
fn checksum(bytes: &[u8]) -> u32 {
    let fold = |sum: u32| (sum & 0xffff) + (sum >> 16);
    let (mut first, mut second) = (0xffffu32, 0xffffu32);
    let (pairs, rest) = bytes.as_chunks::<2>();
    // No more pairs than the sums can take without overflow.
    for pairs in pairs.chunks(359) {
        for &pair in pairs {
            first += u32::from(u16::from_be_bytes(pair));
            second += first;
        }
        (first, second) = (fold(first), fold(second));
    }
    if let [last] = rest {
        first += u32::from(*last) << 8;
        second += first;
    }
    fold(second) << 16 | fold(first)
}

/// Decodes a blob into `values`, and says which are valid where not all are; the others are left as
/// they were.
pub(crate) fn decode<T: Value>(blob: &[u8], form: Form, values: &mut [T]) -> Result<Option<Vec<bool>>> {
    let corrupt = |reason: &str| Error::corrupt(STREAM, reason);
    // Between the numbers that are the same in both versions.
    let more = if form.version > 3 { 4 } else { 0 };
    let mut bytes = blob;
    let found = take(&mut bytes, 62 + more)?;
    let sum = checksum(&blob[CHECKED_FROM..]);
    if found[CHECKED_FROM - 4..CHECKED_FROM] != sum.to_le_bytes() {
        return Err(corrupt("the checksum is another"));
    }
    let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| found[at + i]));
    let double = |at: usize| f64::from_le_bytes(std::array::from_fn(|i| found[at + i]));
    let (count, block_px) = (word(22 + more) as usize, word(26 + more) as usize);
    let (low, high) = (double(46 + more), double(54 + more));
    let head = Head { pixels: values.len(), count, block_px, low, high };
    let mut expected = head.bytes::<T>(form, blob.len() - found.len());
    expected[CHECKED_FROM - 4..CHECKED_FROM].copy_from_slice(&sum.to_le_bytes());
    if found != expected || ![BLOCK_PX, 2 * BLOCK_PX].contains(&block_px) || count > values.len() {
        return Err(corrupt("the header is not that of a plane of this shape"));
    }
    let mask_bytes = take(&mut bytes, 4)?;
    let mask_bytes = u32::from_le_bytes(std::array::from_fn(|i| mask_bytes[i])) as usize;
    let mask = take(&mut bytes, mask_bytes)?;
    let valid = match (count, mask.is_empty()) {
        (0, true) => return end(bytes, Some(vec![false; values.len()])),
        (count, true) if count == values.len() => None,
        (_, true) => return Err(corrupt("the mask is missing")),
        (count, false) => {
            let valid = mask::decode(mask, values.len())?;
            if valid.iter().filter(|&&is_valid| is_valid).count() != count {
                return Err(corrupt("its mask has another number of valid pixels"));
            }
            Some(valid)
        }
    };
    let is_valid = |n: usize| valid.as_ref().is_none_or(|valid| valid[n]);
    let all: Vec<usize> = match &valid {
        None => Vec::new(),
        Some(_) => (0..values.len()).filter(|&n| is_valid(n)).collect(),
    };
    if low == high {
        (0..values.len()).filter(|&n| is_valid(n)).for_each(|n| values[n] = T::of(low));
        return end(bytes, valid);
    }
    if form.version > 3 {
        let (own_low, own_high) = (T::take(&mut bytes)?, T::take(&mut bytes)?);
        if own_low.value() != low || own_high.value() != high {
            return Err(corrupt("two different ranges"));
        }
    }
    match take(&mut bytes, 1)? {
        [0] => {
            let mut block = Vec::with_capacity(block_px * block_px);
            for [row, rows, column, columns] in boxes(values.len(), form.width, block_px) {
                let places = (row..row + rows)
                    .flat_map(|row| row * form.width + column..row * form.width + column + columns);
                let places: Vec<usize> = places.filter(|&n| is_valid(n)).collect();
                block.clear();
                block.resize(places.len(), T::default());
                take_block(&mut bytes, column, form.error, high, &mut block)?;
                places.iter().zip(&block).for_each(|(&n, &value)| values[n] = value);
            }
        }
        [1] if valid.is_none() => {
            for value in values.iter_mut() {
                *value = T::take(&mut bytes)?;
            }
        }
        [1] => {
            for n in all {
                values[n] = T::take(&mut bytes)?;
            }
        }
        _ => return Err(corrupt("neither blocks nor values")),
    }
    end(bytes, valid)
}

fn end(bytes: &[u8], valid: Option<Vec<bool>>) -> Result<Option<Vec<bool>>> {
    match bytes.is_empty() {
        true => Ok(valid),
        false => Err(Error::corrupt(STREAM, "bytes follow the last pixel")),
    }
}
