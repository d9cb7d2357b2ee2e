//! The types of pixels, and the shorter types that the offset of a block may be written in.

use super::block::take;
use nf_codec::Result;

/// A type of pixels.
pub(crate) trait Value: Copy + PartialOrd + Default {
    /// Its number in a blob.
    const TYPE: i32;
    /// Bytes of one.
    const BYTES: usize;
    /// Whether its values are whole numbers.
    const IS_INTEGER: bool;
    /// The largest quantised number of a block that is packed and not stored.
    const MAX_NUMBER: f64;

    /// As a double, exactly.
    fn value(self) -> f64;
    /// Of a double; integers are cut off.
    fn of(value: f64) -> Self;
    /// Appends it, little-endian.
    fn put(self, bytes: &mut Vec<u8>);
    /// Takes one off the front of bytes.
    fn take(bytes: &mut &[u8]) -> Result<Self>;
    /// Appends it in the shortest type that keeps it, and says which: 0 is its own.
    fn put_short(self, bytes: &mut Vec<u8>) -> u8;
    /// Takes one of such a type; nothing if there is none of this number.
    fn take_short(kind: u8, bytes: &mut &[u8]) -> Result<Option<Self>>;
}

fn array<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N]> {
    let mut array = [0; N];
    array.copy_from_slice(take(bytes, N)?);
    Ok(array)
}

macro_rules! own_bytes {
    ($type:ty) => {
        const BYTES: usize = size_of::<$type>();
        fn value(self) -> f64 {
            f64::from(self)
        }
        fn of(value: f64) -> Self {
            value as $type
        }
        fn put(self, bytes: &mut Vec<u8>) {
            bytes.extend(self.to_le_bytes());
        }
        fn take(bytes: &mut &[u8]) -> Result<Self> {
            Ok(Self::from_le_bytes(array(bytes)?))
        }
    };
}

impl Value for u16 {
    const TYPE: i32 = 3;
    const IS_INTEGER: bool = true;
    const MAX_NUMBER: f64 = ((1 << 15) - 1) as f64;
    own_bytes!(u16);

    fn put_short(self, bytes: &mut Vec<u8>) -> u8 {
        match u8::try_from(self) {
            Ok(byte) => {
                bytes.push(byte);
                1
            }
            Err(_) => {
                self.put(bytes);
                0
            }
        }
    }

    fn take_short(kind: u8, bytes: &mut &[u8]) -> Result<Option<Self>> {
        Ok(match kind {
            0 => Some(Self::take(bytes)?),
            1 => Some(u16::from(take(bytes, 1)?[0])),
            _ => None,
        })
    }
}

impl Value for f32 {
    const TYPE: i32 = 6;
    const IS_INTEGER: bool = false;
    const MAX_NUMBER: f64 = ((1 << 30) - 1) as f64;
    own_bytes!(f32);

    fn put_short(self, bytes: &mut Vec<u8>) -> u8 {
        if f32::from(self as u8) == self {
            bytes.push(self as u8);
            2
        } else if f32::from(self as i16) == self {
            bytes.extend((self as i16).to_le_bytes());
            1
        } else {
            self.put(bytes);
            0
        }
    }

    fn take_short(kind: u8, bytes: &mut &[u8]) -> Result<Option<Self>> {
        Ok(match kind {
            0 => Some(Self::take(bytes)?),
            1 => Some(f32::from(i16::from_le_bytes(array(bytes)?))),
            2 => Some(f32::from(take(bytes, 1)?[0])),
            _ => None,
        })
    }
}

impl Value for f64 {
    const TYPE: i32 = 7;
    const IS_INTEGER: bool = false;
    const MAX_NUMBER: f64 = ((1 << 30) - 1) as f64;
    own_bytes!(f64);

    fn put_short(self, bytes: &mut Vec<u8>) -> u8 {
        if f64::from(self as i16) == self {
            bytes.extend((self as i16).to_le_bytes());
            3
        } else if f64::from(self as i32) == self {
            bytes.extend((self as i32).to_le_bytes());
            2
        } else if f64::from(self as f32) == self {
            bytes.extend((self as f32).to_le_bytes());
            1
        } else {
            self.put(bytes);
            0
        }
    }

    fn take_short(kind: u8, bytes: &mut &[u8]) -> Result<Option<Self>> {
        Ok(match kind {
            0 => Some(Self::take(bytes)?),
            1 => Some(f64::from(f32::from_le_bytes(array(bytes)?))),
            2 => Some(f64::from(i32::from_le_bytes(array(bytes)?))),
            3 => Some(f64::from(i16::from_le_bytes(array(bytes)?))),
            _ => None,
        })
    }
}
