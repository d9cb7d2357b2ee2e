//! The blocks of a plane: their values less the smallest, as multiples of twice the error, packed
//! with as many bits as the largest has, or indices into a table of them, or stored raw; constant
//! blocks are just their value.

use super::{STREAM, Value};
use nf_codec::{Error, Result};

/// What the low bits of the first byte of a block say.
const RAW: u8 = 0;
const PACKED: u8 = 1;
const ZERO: u8 = 2;
const CONSTANT: u8 = 3;

/// In the byte that says the width of numbers: a table of values and indices follow.
const TABLE: u8 = 1 << 5;

/// The boxes of a plane in the order of the format: first row and rows, first column and columns.
pub(super) fn boxes(pixels: usize, width: usize, block_px: usize) -> impl Iterator<Item = [usize; 4]> {
    let height = pixels / width;
    (0..height).step_by(block_px).flat_map(move |row| {
        (0..width)
            .step_by(block_px)
            .map(move |column| [row, block_px.min(height - row), column, block_px.min(width - column)])
    })
}

/// The bits that tell blocks of different columns apart, so that a decoder sees when it is lost.
fn column_bits(column: usize) -> u8 {
    (((column >> 3) & 15) << 2) as u8
}

/// Appends a block of valid values, which begins at this column.
pub(super) fn put<T: Value>(block: &[T], column: usize, error: f64, bytes: &mut Vec<u8>) {
    let first = column_bits(column);
    let ends = block.first().map(|&value| {
        block.iter().fold((value, value), |(low, high), &value| {
            (if value < low { value } else { low }, if value > high { value } else { high })
        })
    });
    let Some((low, high)) = ends.filter(|(low, high)| low.value() != 0.0 || high.value() != 0.0) else {
        bytes.push(first | ZERO);
        return;
    };
    let scale = if error > 0.0 { 1.0 / (2.0 * error) } else { 0.0 };
    let largest = (high.value() - low.value()) * scale;
    // No error at all keeps constant blocks only.
    let is_packed = largest <= T::MAX_NUMBER && (error > 0.0 || low.value() == high.value());
    let largest_number = (largest + 0.5) as u32;
    let start = bytes.len();
    if is_packed {
        bytes.push(0);
        let short = low.put_short(bytes);
        let kind = if largest_number == 0 { CONSTANT } else { PACKED };
        if kind == PACKED {
            let number = |value: &T| ((value.value() - low.value()) * scale + 0.5) as u32;
            let numbers: Vec<u32> = block.iter().map(number).collect();
            let zero = T::default();
            let before = std::iter::once(&zero).chain(block);
            let repeats = before.zip(block).filter(|(a, b)| a == b).count();
            // A table is tried where more than half of the pixels repeat the one before.
            let with_table =
                block.len() > 4 && high.value() > low.value() + 3.0 * error && 2 * repeats > block.len();
            put_numbers(&numbers, largest_number, with_table, bytes);
        }
        bytes[start] = first | kind | short << 6;
    }
    if !is_packed || bytes.len() - start > block.len() * T::BYTES {
        bytes.truncate(start);
        bytes.push(first | RAW);
        block.iter().for_each(|value| value.put(bytes));
    }
}

/// Bits of a number.
fn bits_of(number: u32) -> u32 {
    u32::BITS - number.leading_zeros()
}

/// The numbers of a block that is not constant, behind their width and count.
fn put_numbers(numbers: &[u32], largest: u32, with_table: bool, bytes: &mut Vec<u8>) {
    let width_bits = bits_of(largest);
    let count = numbers.len();
    let count_code = if count < 256 { 2 } else { 1 };
    let head = bytes.len();
    bytes.push(width_bits as u8 | count_code << 6);
    bytes.extend_from_slice(&(count as u16).to_le_bytes()[..if count < 256 { 1 } else { 2 }]);
    if with_table {
        let mut table = numbers.to_vec();
        table.sort_unstable();
        table.dedup();
        let values = table.len() - 1;
        let index_bits = bits_of(values as u32);
        let table_bytes = 1 + (values * width_bits as usize).div_ceil(8);
        if table_bytes + (count * index_bits as usize).div_ceil(8) < (count * width_bits as usize).div_ceil(8)
        {
            bytes[head] |= TABLE;
            bytes.push(table.len() as u8);
            // The first value is 0 and goes without saying.
            pack(&table[1..], width_bits, bytes);
            let index = |number: &u32| table.partition_point(|value| value < number) as u32;
            let indices: Vec<u32> = numbers.iter().map(index).collect();
            pack(&indices, index_bits, bytes);
            return;
        }
    }
    pack(numbers, width_bits, bytes);
}

/// Appends numbers of `width_bits` bits, the lowest bit first, with zeros up to the next byte.
fn pack(numbers: &[u32], width_bits: u32, bytes: &mut Vec<u8>) {
    let (mut pending, mut pending_bits) = (0u64, 0);
    for &number in numbers {
        pending |= u64::from(number) << pending_bits;
        pending_bits += width_bits;
        while pending_bits >= 8 {
            bytes.push(pending as u8);
            pending >>= 8;
            pending_bits -= 8;
        }
    }
    if pending_bits > 0 {
        bytes.push(pending as u8);
    }
}

/// Reads what [`pack`] wrote.
fn unpack(bytes: &mut &[u8], width_bits: u32, numbers: &mut [u32]) -> Result<()> {
    let mut packed = take(bytes, (numbers.len() * width_bits as usize).div_ceil(8))?.iter();
    let (mut pending, mut pending_bits) = (0u64, 0);
    for number in numbers {
        while pending_bits < width_bits {
            let byte = packed.next().ok_or_else(|| Error::truncated(STREAM))?;
            pending |= u64::from(*byte) << pending_bits;
            pending_bits += 8;
        }
        *number = (pending & ((1 << width_bits) - 1)) as u32;
        pending >>= width_bits;
        pending_bits -= width_bits;
    }
    Ok(())
}

/// Takes bytes off the front.
pub(super) fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or_else(|| Error::truncated(STREAM))?;
    *bytes = rest;
    Ok(taken)
}

/// Reads the valid values of a block; no value is larger than `most`.
pub(super) fn take_block<T: Value>(
    bytes: &mut &[u8],
    column: usize,
    error: f64,
    most: f64,
    block: &mut [T],
) -> Result<()> {
    let lost = || Error::corrupt(STREAM, format!("no block of column {column} where one must be"));
    let first = take(bytes, 1)?[0];
    if first & 0b11_1100 != column_bits(column) {
        return Err(lost());
    }
    match first & 3 {
        ZERO => block.fill(T::default()),
        RAW => {
            for value in block.iter_mut() {
                *value = T::take(bytes)?;
            }
        }
        kind => {
            let low = T::take_short(first >> 6, bytes)?.ok_or_else(lost)?;
            if kind == CONSTANT {
                block.fill(low);
                return Ok(());
            }
            let mut numbers = [0; 256];
            let numbers = &mut numbers[..block.len()];
            if !take_numbers(bytes, numbers)? {
                return Err(lost());
            }
            for (value, &number) in block.iter_mut().zip(&*numbers) {
                let real = low.value() + f64::from(number) * (2.0 * error);
                // More than the plane's largest value is what rounding up left over.
                if T::IS_INTEGER && error == super::LOSSLESS && real > most {
                    return Err(lost());
                }
                *value = T::of(real.min(most));
            }
        }
    }
    Ok(())
}

/// Reads what [`put_numbers`] wrote; false if it cannot have written this.
fn take_numbers(bytes: &mut &[u8], numbers: &mut [u32]) -> Result<bool> {
    let first = take(bytes, 1)?[0];
    let count = match first >> 6 {
        2 => usize::from(take(bytes, 1)?[0]),
        1 => {
            let pair = take(bytes, 2)?;
            usize::from(u16::from_le_bytes([pair[0], pair[1]]))
        }
        _ => return Ok(false),
    };
    let width_bits = u32::from(first & 31);
    if count != numbers.len() || width_bits == 0 {
        return Ok(false);
    }
    if first & TABLE == 0 {
        unpack(bytes, width_bits, numbers)?;
        return Ok(true);
    }
    let values = usize::from(take(bytes, 1)?[0]);
    if values < 2 {
        return Ok(false);
    }
    let mut table = [0; 256];
    unpack(bytes, width_bits, &mut table[1..values])?;
    unpack(bytes, bits_of(values as u32 - 1), numbers)?;
    for number in numbers {
        match table[..values].get(*number as usize) {
            Some(&value) => *number = value,
            None => return Ok(false),
        }
    }
    Ok(true)
}
