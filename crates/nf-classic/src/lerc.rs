//! `lerc`: Limited Error Raster Compression with an error of zero, as rasters of GIS hold it.
//!
//! Definition: Esri's LERC, <https://github.com/Esri/lerc>, format Lerc2 version 4. For 16-bit integers it is small and
//! is written here from its description; the bytes of a plane equal those of Esri's library.
//!
//! A plane is cut into blocks of 8 x 8 pixels, or of 16 x 16 where that is shorter and the plane
//! takes less than 1.5 bits a pixel. Each block subtracts its minimum and packs the rest with as
//! many bits as its maximum has, or packs indices into a table of its values, or is stored raw;
//! constant blocks are just their value. There is no prediction from pixel to pixel. If nothing is
//! gained over the whole plane, its samples are stored.
//!
//! Every plane is a Lerc2 blob of its own; several follow one another as `plane_streams` says. All
//! numbers are little-endian.

use crate::plane_streams;
use nf_codec::{Codec, Entry, Error, Limits, Result, Spec};
use nf_image::{Image16, Shape};

/// The line of the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "lerc",
    summary: "LERC with an error of zero: blocks less their minimum, packed",
    source: "https://github.com/Esri/lerc, format Lerc2 version 4",
    options: &[],
    build: |spec| {
        spec.options().finish()?;
        Ok(Box::new(Lerc))
    },
};

/// Names the input in errors.
const STREAM: &str = "lerc stream";
const MAGIC: &[u8; 6] = b"Lerc2 ";
const VERSION: i32 = 4;
/// Bytes before those that the checksum covers: magic, version, checksum.
const CHECKED_FROM: usize = 14;
/// Bytes up to and with the length of the mask of valid pixels, which is 0: all are.
const HEADER_BYTES: usize = 70;
const UNSIGNED_16: i32 = 3;
/// The largest range of a block that is packed and not stored.
const MAX_PACKED_RANGE: u16 = (1 << 15) - 1;
/// Pixels of a side of a block.
const BLOCK_PX: usize = 8;

/// What the low bits of the first byte of a block say.
const RAW: u8 = 0;
const PACKED: u8 = 1;
const ZERO: u8 = 2;
const CONSTANT: u8 = 3;

struct Lerc;

impl Codec for Lerc {
    fn spec(&self) -> Spec {
        Spec::new(ENTRY.name)
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        let shape = image.shape();
        // The format counts pixels and bytes with 31 bits.
        if shape.pixels() > 0 && plane_bound(shape) > i32::MAX as u64 {
            let reason = "a plane must fit into 2 GiB".to_owned();
            return Err(Error::Unsupported { codec: ENTRY.name.to_owned(), shape, reason });
        }
        plane_streams::encode(ENTRY.name, image, |samples| Ok(encode(samples, shape.width)))
    }

    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        plane_streams::decode(ENTRY.name, bytes, shape, limits, |bytes, samples| {
            decode(bytes, shape.width, samples)
        })
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        plane_streams::max_bytes(shape, plane_bound(shape))
    }
}

/// Most bytes of a plane: header, range, flag and the samples as they are.
fn plane_bound(shape: Shape) -> u64 {
    HEADER_BYTES as u64 + 5 + 2 * shape.plane_pixels() as u64
}

/// The blob of a plane with rows of `width` pixels.
fn encode(samples: &[u16], width: usize) -> Vec<u8> {
    let (low, high) = range(samples);
    let mut block_px = BLOCK_PX;
    let mut body = Vec::new();
    if low != high {
        let mut blocks = encode_blocks(samples, width, block_px);
        let height = samples.len() / width;
        let is_sparse = blocks.len() as f64 * 8.0 < samples.len() as f64 * 1.5;
        if is_sparse && (height > BLOCK_PX || width > BLOCK_PX) {
            let larger = encode_blocks(samples, width, 2 * BLOCK_PX);
            if larger.len() <= blocks.len() {
                (block_px, blocks) = (2 * BLOCK_PX, larger);
            }
        }
        body.extend(low.to_le_bytes());
        body.extend(high.to_le_bytes());
        // Which of the two follows: all samples in one sweep, or blocks.
        let is_stored = size_of_val(samples) <= blocks.len();
        body.push(u8::from(is_stored));
        if is_stored {
            body.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        } else {
            body.append(&mut blocks);
        }
    }
    let mut bytes = header(samples.len(), width, block_px, HEADER_BYTES + body.len(), low, high);
    bytes.append(&mut body);
    let checksum = checksum(&bytes[CHECKED_FROM..]);
    bytes[CHECKED_FROM - 4..CHECKED_FROM].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// The header, with a checksum of 0.
fn header(pixels: usize, width: usize, block_px: usize, blob_bytes: usize, low: u16, high: u16) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(blob_bytes);
    bytes.extend(MAGIC);
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend([0; 4]);
    let [height, width, pixels, block_px, blob_bytes] =
        [pixels / width, width, pixels, block_px, blob_bytes].map(|n| n as i32);
    // One value a pixel, all pixels valid.
    for number in [height, width, 1, pixels, block_px, blob_bytes, UNSIGNED_16] {
        bytes.extend(number.to_le_bytes());
    }
    // Half a unit of error is none for integers.
    for number in [0.5, f64::from(low), f64::from(high)] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend([0; 4]);
    bytes
}

/// Smallest and largest sample of at least one.
fn range(samples: &[u16]) -> (u16, u16) {
    samples.iter().fold((u16::MAX, 0), |(low, high), &sample| (low.min(sample), high.max(sample)))
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

/// The boxes of a plane in the order of the format: first row and rows, first column and columns.
fn boxes(pixels: usize, width: usize, block_px: usize) -> impl Iterator<Item = [usize; 4]> {
    let height = pixels / width;
    (0..height).step_by(block_px).flat_map(move |row| {
        (0..width)
            .step_by(block_px)
            .map(move |column| [row, block_px.min(height - row), column, block_px.min(width - column)])
    })
}

fn encode_blocks(samples: &[u16], width: usize, block_px: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(samples.len());
    let mut block = Vec::with_capacity(block_px * block_px);
    for [row, rows, column, columns] in boxes(samples.len(), width, block_px) {
        block.clear();
        for row in row..row + rows {
            block.extend_from_slice(&samples[row * width + column..][..columns]);
        }
        put_block(&block, column, &mut bytes);
    }
    bytes
}

/// The bits that tell blocks of different columns apart, so that a decoder sees when it is lost.
fn column_bits(column: usize) -> u8 {
    (((column >> 3) & 15) << 2) as u8
}

fn put_block(block: &[u16], column: usize, bytes: &mut Vec<u8>) {
    let (low, high) = range(block);
    let first = column_bits(column);
    if high == 0 {
        bytes.push(first | ZERO);
        return;
    }
    let raw_bytes = 1 + size_of_val(block);
    let is_short = low <= u16::from(u8::MAX);
    let offset_bytes = if is_short { 1 } else { 2 };
    let packed = if high - low > MAX_PACKED_RANGE {
        None
    } else if high == low {
        Some(Vec::new())
    } else {
        Some(pack_block(block, low, high))
    };
    match packed.filter(|packed| 1 + offset_bytes + packed.len() < raw_bytes) {
        Some(packed) => {
            let kind = if high == low { CONSTANT } else { PACKED };
            bytes.push(first | kind | u8::from(is_short) << 6);
            bytes.extend_from_slice(&low.to_le_bytes()[..offset_bytes]);
            bytes.extend(packed);
        }
        None => {
            bytes.push(first | RAW);
            bytes.extend(block.iter().flat_map(|sample| sample.to_le_bytes()));
        }
    }
}

/// Bits of a number.
fn bits_of(number: usize) -> u32 {
    usize::BITS - number.leading_zeros()
}

/// The numbers of a block that is not constant, less its minimum, behind their width and count.
fn pack_block(block: &[u16], low: u16, high: u16) -> Vec<u8> {
    let numbers: Vec<u16> = block.iter().map(|&sample| sample - low).collect();
    let width_bits = bits_of(usize::from(high - low));
    let count = numbers.len();
    let mut bytes = Vec::new();
    let count_code = if count < 256 { 2 } else { 1 };
    bytes.push(width_bits as u8 | count_code << 6);
    bytes.extend_from_slice(&(count as u16).to_le_bytes()[..if count < 256 { 1 } else { 2 }]);
    // A table is tried where more than half of the pixels repeat the one before.
    let repeats = std::iter::once(&0).chain(block).zip(block).filter(|(a, b)| a == b).count();
    if count > 4 && high - low > 1 && 2 * repeats > count {
        let mut table = numbers.clone();
        table.sort_unstable();
        table.dedup();
        let values = table.len() - 1;
        let index_bits = bits_of(values);
        let table_bytes = 1 + (values * width_bits as usize).div_ceil(8);
        if table_bytes + (count * index_bits as usize).div_ceil(8) < (count * width_bits as usize).div_ceil(8)
        {
            bytes[0] |= TABLE;
            bytes.push(table.len() as u8);
            // The first value is 0 and goes without saying.
            pack(&table[1..], width_bits, &mut bytes);
            let indices: Vec<u16> =
                numbers.iter().map(|number| table.partition_point(|value| value < number) as u16).collect();
            pack(&indices, index_bits, &mut bytes);
            return bytes;
        }
    }
    pack(&numbers, width_bits, &mut bytes);
    bytes
}

/// In the byte that says the width of numbers: a table of values and indices follow.
const TABLE: u8 = 1 << 5;

/// Appends numbers of `width_bits` bits, the lowest bit first, with zeros up to the next byte.
fn pack(numbers: &[u16], width_bits: u32, bytes: &mut Vec<u8>) {
    let (mut pending, mut pending_bits) = (0u32, 0);
    for &number in numbers {
        pending |= u32::from(number) << pending_bits;
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
fn unpack(bytes: &mut &[u8], width_bits: u32, numbers: &mut [u16]) -> Result<()> {
    let mut packed = take(bytes, (numbers.len() * width_bits as usize).div_ceil(8))?.iter();
    let (mut pending, mut pending_bits) = (0u32, 0);
    for number in numbers {
        while pending_bits < width_bits {
            let byte = packed.next().expect("as many bytes were taken as the numbers have");
            pending |= u32::from(*byte) << pending_bits;
            pending_bits += 8;
        }
        *number = (pending & ((1 << width_bits) - 1)) as u16;
        pending >>= width_bits;
        pending_bits -= width_bits;
    }
    Ok(())
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or_else(|| Error::truncated(STREAM))?;
    *bytes = rest;
    Ok(taken)
}

fn take_u16(bytes: &mut &[u8]) -> Result<u16> {
    let pair = take(bytes, 2)?;
    Ok(u16::from_le_bytes([pair[0], pair[1]]))
}

/// Decodes a blob into `samples`, in rows of `width`.
fn decode(blob: &[u8], width: usize, samples: &mut [u16]) -> Result<()> {
    let corrupt = |reason: &str| Err(Error::corrupt(STREAM, reason));
    let mut bytes = blob;
    let found = take(&mut bytes, HEADER_BYTES)?;
    let sum = checksum(&blob[CHECKED_FROM..]);
    if found[CHECKED_FROM - 4..CHECKED_FROM] != sum.to_le_bytes() {
        return corrupt("the checksum is another");
    }
    let double = |at: usize| f64::from_le_bytes(std::array::from_fn(|i| found[at + i]));
    let (low, high) = (double(50) as u16, double(58) as u16);
    let block_px = usize::from(found[30]);
    let mut expected = header(samples.len(), width, block_px, blob.len(), low, high);
    expected[CHECKED_FROM - 4..CHECKED_FROM].copy_from_slice(&sum.to_le_bytes());
    if found != expected || (block_px != BLOCK_PX && block_px != 2 * BLOCK_PX) {
        return corrupt("the header is not that of a frame of this shape");
    }
    if low == high {
        samples.fill(low);
        return if bytes.is_empty() { Ok(()) } else { corrupt("bytes follow a constant frame") };
    }
    take(&mut bytes, 4)?;
    match take(&mut bytes, 1)? {
        [0] => {
            for place in boxes(samples.len(), width, block_px) {
                take_block(&mut bytes, place, width, samples)?;
            }
        }
        [1] => {
            let raw = take(&mut bytes, size_of_val(samples))?;
            let pairs = raw.as_chunks::<2>().0;
            samples.iter_mut().zip(pairs).for_each(|(sample, &pair)| *sample = u16::from_le_bytes(pair));
        }
        _ => return corrupt("neither blocks nor samples"),
    }
    if bytes.is_empty() { Ok(()) } else { corrupt("bytes follow the last pixel") }
}

fn take_block(
    bytes: &mut &[u8],
    [row, rows, column, columns]: [usize; 4],
    width: usize,
    samples: &mut [u16],
) -> Result<()> {
    let lost = || Error::corrupt(STREAM, format!("no block at row {row}, column {column}"));
    let mut block = [0; 4 * BLOCK_PX * BLOCK_PX];
    let block = &mut block[..rows * columns];
    let first = take(bytes, 1)?[0];
    if first & 0b11_1100 != column_bits(column) {
        return Err(lost());
    }
    match first & 3 {
        ZERO => {}
        RAW => {
            for sample in block.iter_mut() {
                *sample = take_u16(bytes)?;
            }
        }
        kind => {
            let low = match first >> 6 {
                0 => take_u16(bytes)?,
                1 => u16::from(take(bytes, 1)?[0]),
                _ => return Err(lost()),
            };
            if kind == PACKED {
                unpack_block(bytes, block).and_then(|known| known.then_some(()).ok_or_else(lost))?;
            }
            for sample in block.iter_mut() {
                *sample = sample.checked_add(low).ok_or_else(lost)?;
            }
        }
    }
    for (line, row) in block.chunks_exact(columns).zip(row..) {
        samples[row * width + column..][..columns].copy_from_slice(line);
    }
    Ok(())
}

/// Reads what [`pack_block`] wrote; false if it cannot have written this.
fn unpack_block(bytes: &mut &[u8], numbers: &mut [u16]) -> Result<bool> {
    let first = take(bytes, 1)?[0];
    let count = match first >> 6 {
        2 => usize::from(take(bytes, 1)?[0]),
        1 => usize::from(take_u16(bytes)?),
        _ => return Ok(false),
    };
    let width_bits = u32::from(first & 31);
    if count != numbers.len() || !(1..=u16::BITS).contains(&width_bits) {
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
    unpack(bytes, bits_of(values - 1), numbers)?;
    for number in numbers {
        match table[..values].get(usize::from(*number)) {
            Some(&value) => *number = value,
            None => return Ok(false),
        }
    }
    Ok(true)
}
