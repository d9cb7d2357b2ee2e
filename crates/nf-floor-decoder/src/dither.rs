//! format-floor.md, 20.1 and 20.2: the dither of a stream.

use crate::Error;
use crate::bytes::Bytes;

/// 20.1.
#[derive(Clone, Copy)]
pub(crate) struct Dither {
    seed: u64,
    phases: u8,
    rising: bool,
    first: u64,
    row: u64,
    plane: u64,
}

impl Dither {
    /// 20.1.
    pub(crate) fn read(bytes: &mut Bytes<'_>) -> Result<Self, Error> {
        let seed = bytes.u64()?;
        let phases = bytes.u8()?;
        Error::unless(phases >= 1, "a dither has no lattices")?;
        let rising = bytes.u8()?;
        Error::unless(rising <= 1, "a dither neither rises nor falls")?;
        let [first, row, plane] = [bytes.long_varint()?, bytes.long_varint()?, bytes.long_varint()?];
        Ok(Self { seed, phases, rising: rising == 1, first, row, plane })
    }

    /// 20.2: the shift of a pixel of the stack.
    pub(crate) fn shift(&self, plane: usize, y: usize, x: usize) -> f32 {
        let times = |places: u64, n: usize| places.wrapping_mul(n as u64);
        let place = self.first.wrapping_add(times(self.plane, plane)).wrapping_add(times(self.row, y));
        let place = place.wrapping_add(x as u64);
        let mut z = self.seed.wrapping_add(place.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        let phases = i64::from(self.phases);
        let phase = ((u128::from(z) * u128::from(self.phases)) >> 64) as i64;
        let phase = if self.rising { phases - 1 - phase } else { phase };
        (128 - (128 * (2 * phase + 1)).div_euclid(phases)) as f32 / 256.0
    }
}
