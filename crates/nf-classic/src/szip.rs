//! `szip`: the adaptive entropy coder of CCSDS 121.0-B, known as szip in HDF5 and as AEC.
//!
//! Specification: CCSDS 121.0-B-3 (2020), "Lossless data compression",
//! <https://public.ccsds.org/Pubs/121x0b3.pdf>; section numbers below are its. Written from it rather than linked,
//! since the coder is small; the bytes of a plane equal those of libaec with the same parameters.
//!
//! A plane is one row of pixels x. Every `interval` blocks of `block` pixels begin with a reference
//! sample, sent plainly; of all other pixels the difference d from the pixel before is folded to a
//! non-negative number (section 4.3): with t = min(x', 65535 - x') for the pixel before x', 2d if 0
//! <= d <= t, -2d - 1 if -t <= d < 0, t + |d| otherwise. Each block then takes the shortest of four
//! options (section 3), announced by 4 bits:
//!
//! | announcement | numbers m of the block |
//! |---|---|
//! | 0000 0 | all 0, as are those of the next blocks: their count in unary, or "up to the end of the segment" |
//! | 0000 1 | second extension: each pair a, b as (a + b)(a + b + 1)/2 + b in unary |
//! | k + 1 = 1..=14 | m >> k of each in unary, then the k low bits of each |
//! | 1111 | plain, in 16 bits each |
//!
//! Unary is as many 0 as the number says, then a 1. A segment is 64 blocks, or what is left of the
//! interval. Planes are coded independently, each ends with zeros up to the next byte, and no table
//! is needed.

use crate::bit_io::{BitReader, BitWriter};
use nf_codec::{Codec, Entry, Error, Limits, OptionDoc, Result, Spec};
use nf_image::{Image16, Shape};

/// The line of the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "szip",
    summary: "szip/AEC of CCSDS 121.0-B: differences along the row, adaptive Rice codes",
    source: "CCSDS 121.0-B-3",
    options: &[
        OptionDoc {
            key: "block",
            values: "8, 16, 32 or 64",
            default: "16",
            help: "pixels that share a code",
        },
        OptionDoc {
            key: "interval",
            values: "1..=4096",
            default: "128",
            help: "blocks from one plain sample to the next",
        },
    ],
    build: |spec| {
        let mut options = spec.options();
        let block_px = options
            .take("block", DEFAULT_BLOCK_PX, "8, 16, 32 or 64", |b| [8, 16, 32, MAX_BLOCK_PX].contains(b))?;
        let interval = options.take("interval", DEFAULT_INTERVAL, "1..=4096", |i| (1..=4096).contains(i))?;
        options.finish()?;
        Ok(Box::new(Szip { block_px, interval }))
    },
};

const DEFAULT_BLOCK_PX: usize = 16;
const MAX_BLOCK_PX: usize = 64;
const DEFAULT_INTERVAL: usize = 128;

/// Bits of the announcement of an option, for samples of 9 to 16 bits.
const OPTION_BITS: u32 = 4;
/// The announcement of zero blocks and of the second extension, which one bit more tells apart.
const LOW_ENTROPY: u32 = 0;
/// The announcement of plain numbers.
const PLAIN: u32 = 15;
/// The largest k of a split, 13.
const MAX_SPLIT: u32 = PLAIN - 2;
const SAMPLE_BITS: u32 = 16;
/// Blocks of a segment, beyond which a run of zero blocks does not reach.
const SEGMENT_BLOCKS: usize = 64;
/// The unary number that stands for "zero up to the end of the segment"; counts from 5 stand for
/// themselves, counts below for one less.
const REST_OF_SEGMENT: u32 = 4;

struct Szip {
    block_px: usize,
    /// Blocks from one reference sample to the next.
    interval: usize,
}

impl Codec for Szip {
    fn spec(&self) -> Spec {
        Spec::new(ENTRY.name).with("block", self.block_px, DEFAULT_BLOCK_PX).with(
            "interval",
            self.interval,
            DEFAULT_INTERVAL,
        )
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        let shape = image.shape();
        let mut writer = BitWriter::with_capacity(shape.raw_bytes() / 2);
        for plane in image.samples().chunks(shape.plane_pixels().max(1)) {
            let mut split = 0;
            for interval in plane.chunks(self.block_px * self.interval) {
                encode_interval(interval, self.block_px, &mut split, &mut writer);
            }
            writer.align();
        }
        Ok(writer.into_bytes())
    }

    fn decode(&self, bytes: &[u8], shape: Shape, limits: &Limits) -> Result<Image16> {
        limits.check_shape(STREAM, shape)?;
        let mut image = Image16::zeros(shape);
        let mut reader = BitReader::new(bytes);
        for plane in image.samples_mut().chunks_mut(shape.plane_pixels().max(1)) {
            for interval in plane.chunks_mut(self.block_px * self.interval) {
                decode_interval(&mut reader, self.block_px, interval)?;
            }
            reader.align();
        }
        match reader.unread_bytes() {
            Some(0) => Ok(image),
            Some(extra) => {
                Err(Error::corrupt(STREAM, format!("{extra} bytes are left after the last pixel")))
            }
            None => Err(Error::truncated(STREAM)),
        }
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        // No option is longer than plain numbers, and these pad the last block of a plane.
        let plane_blocks = (shape.plane_pixels() as u64).div_ceil(self.block_px as u64);
        let block_bits = u64::from(OPTION_BITS) + u64::from(SAMPLE_BITS) * self.block_px as u64;
        shape.planes as u64 * (plane_blocks * block_bits).div_ceil(8)
    }
}

/// Names the input in errors.
const STREAM: &str = "szip stream";

/// Appends one interval; `split` is that of the block before, where the search starts.
fn encode_interval(samples: &[u16], block_px: usize, split: &mut u32, writer: &mut BitWriter) {
    let blocks = samples.len().div_ceil(block_px);
    // A last block that is not full is filled with repeated samples, whose differences are 0.
    let mut folded = vec![0; blocks * block_px];
    for (m, pair) in folded[1..].iter_mut().zip(samples.windows(2)) {
        *m = fold(pair[0], pair[1]);
    }
    let mut zero_blocks = 0;
    for (i, block) in folded.chunks_exact(block_px).enumerate() {
        let reference = (i == 0).then_some(samples[0]);
        if block.iter().all(|&m| m == 0) {
            zero_blocks += 1;
            let ends = i + 1 == blocks || (i + 1).is_multiple_of(SEGMENT_BLOCKS);
            if ends {
                let first = (i + 1 == zero_blocks).then_some(samples[0]);
                let rest = (zero_blocks > 4).then_some(REST_OF_SEGMENT);
                put_zero_blocks(rest.unwrap_or(zero_blocks as u32 - 1), first, writer);
                zero_blocks = 0;
            }
            continue;
        }
        if zero_blocks > 0 {
            let first = (i == zero_blocks).then_some(samples[0]);
            let count = zero_blocks as u32;
            put_zero_blocks(if count < 5 { count - 1 } else { count }, first, writer);
            zero_blocks = 0;
        }
        put_block(block, reference, split, writer);
    }
}

fn put_zero_blocks(count_code: u32, reference: Option<u16>, writer: &mut BitWriter) {
    writer.put(LOW_ENTROPY << 1, OPTION_BITS + 1);
    put_reference(reference, writer);
    put_unary(count_code, writer);
}

/// Appends a block that is not all zero, by its shortest option; ties as in libaec.
fn put_block(block: &[u16], reference: Option<u16>, split: &mut u32, writer: &mut BitWriter) {
    // The reference sample takes the place of the first number, which is 0.
    let skipped = usize::from(reference.is_some());
    let numbers = (block.len() - skipped) as u64;
    let split_bits =
        |k: u32| block.iter().map(|&m| u64::from(m >> k)).sum::<u64>() + numbers * u64::from(k + 1);
    // The length has one minimum over k (Kiely 2004); it is looked for from the last k, upwards
    // first.
    let start = *split;
    let mut best_bits = split_bits(start);
    for k in start + 1..=MAX_SPLIT {
        let bits = split_bits(k);
        if bits >= best_bits {
            break;
        }
        (*split, best_bits) = (k, bits);
    }
    if *split == start {
        for k in (0..start).rev() {
            let bits = split_bits(k);
            if bits >= best_bits {
                break;
            }
            (*split, best_bits) = (k, bits);
        }
    }
    let plain_bits = numbers * u64::from(SAMPLE_BITS);
    let pair_bits = 1 + block.as_chunks::<2>().0.iter().map(|&pair| pair_number(pair) + 1).sum::<u64>();
    if pair_bits < plain_bits && pair_bits <= best_bits {
        writer.put(LOW_ENTROPY << 1 | 1, OPTION_BITS + 1);
        put_reference(reference, writer);
        for &pair in block.as_chunks::<2>().0 {
            put_unary(pair_number(pair) as u32, writer);
        }
    } else if best_bits < plain_bits {
        writer.put(*split + 1, OPTION_BITS);
        put_reference(reference, writer);
        block[skipped..].iter().for_each(|&m| put_unary(u32::from(m >> *split), writer));
        let mask = (1 << *split) - 1;
        block[skipped..].iter().for_each(|&m| writer.put(u32::from(m & mask), *split));
    } else {
        writer.put(PLAIN, OPTION_BITS);
        put_reference(reference, writer);
        block[skipped..].iter().for_each(|&m| writer.put(u32::from(m), SAMPLE_BITS));
    }
}

fn put_reference(reference: Option<u16>, writer: &mut BitWriter) {
    if let Some(sample) = reference {
        writer.put(u32::from(sample), SAMPLE_BITS);
    }
}

fn put_unary(number: u32, writer: &mut BitWriter) {
    (0..number / 32).for_each(|_| writer.put(0, 32));
    let zeros = number % 32;
    writer.put(1, zeros + 1);
}

/// Number of a pair in the second extension.
fn pair_number([a, b]: [u16; 2]) -> u64 {
    let sum = u64::from(a) + u64::from(b);
    sum * (sum + 1) / 2 + u64::from(b)
}

/// Folds the step from the sample `last` to `sample`.
fn fold(last: u16, sample: u16) -> u16 {
    let room = last.min(u16::MAX - last);
    let step = sample.abs_diff(last);
    match (step <= room, sample >= last) {
        (true, true) => 2 * step,
        (true, false) => 2 * step - 1,
        (false, _) => room + step,
    }
}

/// The sample after `last` whose step folds to `m`.
fn unfold(last: u16, m: u16) -> u16 {
    let room = last.min(u16::MAX - last);
    if u32::from(m) > 2 * u32::from(room) {
        // Only one direction has so much room.
        return if last == room { m } else { u16::MAX - m };
    }
    let half = m.div_ceil(2);
    if m.is_multiple_of(2) { last + half } else { last - half }
}

/// Reads one interval.
fn decode_interval(reader: &mut BitReader<'_>, block_px: usize, samples: &mut [u16]) -> Result<()> {
    let blocks = samples.len().div_ceil(block_px);
    let mut last = 0;
    let mut folded = [0; MAX_BLOCK_PX];
    let folded = &mut folded[..block_px];
    let mut i = 0;
    while i < blocks {
        reader.refill();
        let option = reader.take(OPTION_BITS);
        let low_entropy = (option == LOW_ENTROPY).then(|| reader.take(1));
        // Of the first block of the interval, the first number is missing and the reference stands
        // before.
        let skipped = usize::from(i == 0);
        if i == 0 {
            last = reader.take(SAMPLE_BITS) as u16;
            folded[0] = 0;
        }
        let mut run = 1;
        match (low_entropy, option) {
            (Some(0), _) => {
                run = zero_run(take_unary(reader)?, i, blocks)?;
                folded.fill(0);
            }
            (Some(_), _) => {
                for pair in folded.as_chunks_mut::<2>().0 {
                    *pair = pair_of(take_unary(reader)?)?;
                }
            }
            (None, PLAIN) => {
                for m in &mut folded[skipped..] {
                    reader.refill();
                    *m = reader.take(SAMPLE_BITS) as u16;
                }
            }
            (None, _) => take_split(reader, option - 1, &mut folded[skipped..])?,
        }
        let end = ((i + run) * block_px).min(samples.len());
        let place = &mut samples[i * block_px..end];
        if matches!(low_entropy, Some(0)) {
            place.fill(last);
        } else {
            if i == 0 {
                // Second extension codes a first number; it means nothing.
                folded[0] = 0;
            }
            for (sample, &m) in place.iter_mut().zip(&*folded) {
                last = unfold(last, m);
                *sample = last;
            }
        }
        i += run;
    }
    Ok(())
}

/// Blocks of a run of zeros that starts at block `i` of an interval of `blocks`.
fn zero_run(code: u32, i: usize, blocks: usize) -> Result<usize> {
    let left = (blocks - i).min(SEGMENT_BLOCKS - i % SEGMENT_BLOCKS);
    let run = match code {
        0..REST_OF_SEGMENT => code as usize + 1,
        REST_OF_SEGMENT => left,
        _ => code as usize,
    };
    if run > left {
        return Err(Error::corrupt(STREAM, format!("a run of {run} zero blocks where {left} are left")));
    }
    Ok(run)
}

fn take_split(reader: &mut BitReader<'_>, split: u32, folded: &mut [u16]) -> Result<()> {
    for m in folded.iter_mut() {
        let high = take_unary(reader)?;
        *m = u16::try_from(high << split)
            .map_err(|_| Error::corrupt(STREAM, "a number of more than 16 bits"))?;
    }
    for m in folded.iter_mut() {
        reader.refill();
        *m |= reader.take(split) as u16;
    }
    Ok(())
}

/// Longest unary number of a legal stream: a block in unary is no longer than in plain numbers.
const MAX_UNARY: u32 = MAX_BLOCK_PX as u32 * SAMPLE_BITS;

fn take_unary(reader: &mut BitReader<'_>) -> Result<u32> {
    reader.take_golomb_rice(0, MAX_UNARY).ok_or_else(|| {
        if reader.is_overrun() {
            Error::truncated(STREAM)
        } else {
            Error::corrupt(STREAM, format!("a unary number above {MAX_UNARY}"))
        }
    })
}

/// The pair of a number of the second extension.
fn pair_of(number: u32) -> Result<[u16; 2]> {
    // The sum is the last s with s (s + 1) / 2 <= number; MAX_UNARY keeps it below 46.
    let mut sum = 0;
    while (sum + 1) * (sum + 2) / 2 <= number {
        sum += 1;
    }
    let b = number - sum * (sum + 1) / 2;
    Ok([(sum - b) as u16, b as u16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_folds_to_its_own_number_and_back() {
        for last in [0, 1, 2, 255, 32_766, 32_767, 32_768, 32_769, 65_000, 65_534, 65_535] {
            let mut seen = vec![false; 1 << 16];
            for sample in 0..=u16::MAX {
                let m = fold(last, sample);
                assert!(!std::mem::replace(&mut seen[usize::from(m)], true));
                assert_eq!(unfold(last, m), sample);
            }
        }
    }

    #[test]
    fn every_pair_has_its_own_number() {
        for number in 0..=MAX_UNARY {
            let pair = pair_of(number).unwrap();
            assert_eq!(pair_number(pair), u64::from(number));
        }
    }

    #[test]
    fn runs_of_zero_blocks_end_with_their_segment() {
        assert_eq!(zero_run(0, 5, 128).unwrap(), 1);
        assert_eq!(zero_run(REST_OF_SEGMENT, 5, 128).unwrap(), 59);
        assert_eq!(zero_run(REST_OF_SEGMENT, 70, 100).unwrap(), 30);
        assert_eq!(zero_run(59, 5, 128).unwrap(), 59);
        assert!(zero_run(60, 5, 128).is_err());
        assert!(zero_run(2, 98, 100).is_err());
    }
}
