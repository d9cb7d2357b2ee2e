//! Numbers of a tile's header: exponential Golomb codes with a parameter for each group.

use nf_codec::{Error, Result};
use nf_entropy::bits::{BitReader, BitWriter};

/// Bits of the parameter, the number of low bits that a code stores as they are.
const PARAMETER_BITS: u32 = 4;

/// Writes a group of numbers, mostly small, as exponential Golomb codes with the best parameter.
pub(crate) fn write(writer: &mut BitWriter, numbers: &[u32]) {
    let cost = |low: u32| -> u64 {
        numbers.iter().map(|&n| u64::from(2 * (u64::from(n >> low) + 1).ilog2() + 1 + low)).sum()
    };
    let low = (0..1 << PARAMETER_BITS).min_by_key(|&low| cost(low)).expect("there are parameters");
    writer.write(u64::from(low), PARAMETER_BITS);
    for &number in numbers {
        writer.write_gamma(number >> low);
        writer.write(u64::from(number) & ((1 << low) - 1), low);
    }
}

/// Reads a group of `count` numbers.
pub(crate) fn read(what: &str, reader: &mut BitReader<'_>, count: usize) -> Result<Vec<u32>> {
    let low = reader.read(PARAMETER_BITS) as u32;
    let mut numbers = Vec::with_capacity(count);
    for _ in 0..count {
        let high = reader.read_gamma().map_err(|error| Error::corrupt(what, error.to_string()))?;
        let low_part = reader.read(low) as u32;
        let number = u64::from(high) << low | u64::from(low_part);
        numbers.push(u32::try_from(number).map_err(|_| Error::corrupt(what, "a number beyond 32 bits"))?);
    }
    Ok(numbers)
}

/// A signed number as an unsigned one: 0, -1, 1, -2, 2 ...
pub(crate) fn fold(value: i32) -> u32 {
    ((value << 1) ^ (value >> 31)) as u32
}

/// The signed number that [`fold`] took.
pub(crate) fn unfold(value: u32) -> i32 {
    (value >> 1) as i32 ^ -((value & 1) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn groups_round_trip(
            groups in prop::collection::vec(prop::collection::vec((any::<u32>(), 0_u32..32), 0..40), 0..6),
        ) {
            let groups: Vec<Vec<u32>> =
                groups.iter().map(|group| group.iter().map(|&(n, shift)| n >> shift).collect()).collect();
            let mut writer = BitWriter::new();
            groups.iter().for_each(|group| write(&mut writer, group));
            let bytes = writer.finish();
            let mut reader = BitReader::new(&bytes);
            for group in &groups {
                prop_assert_eq!(&read("test", &mut reader, group.len()).unwrap(), group);
            }
            prop_assert!(reader.finish().is_ok());
        }

        #[test]
        fn signs_fold(value in any::<i32>()) {
            prop_assert_eq!(unfold(fold(value)), value);
        }
    }
}
