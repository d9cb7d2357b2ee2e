//! format-floor.md, 5.3 and 20.4: contexts and their order.

use crate::Error;
use crate::bits::Bits;

/// The contexts of a tile.
pub(crate) struct Contexts {
    /// The bits of a phase as it is computed.
    pub most_bits: u32,
    /// Those of the phases of every octave of scales below 40 that are told apart.
    bits: [u32; 5],
}

impl Contexts {
    /// Those of mode 2, or what the header of mode 11 says.
    pub(crate) fn read(bits: &mut Bits<'_>, dithered: bool) -> Result<Self, Error> {
        if !dithered {
            return Ok(Self { most_bits: 2, bits: [2; 5] });
        }
        let mut octaves = [0; 5];
        for octave in &mut octaves {
            *octave = bits.u(3)? as u32;
            Error::unless(*octave <= 4, "an octave has more than 16 phases")?;
        }
        Ok(Self { most_bits: 4, bits: octaves })
    }

    /// The first and the end of the octaves with equal bits that follow one another, one of which
    /// is `octave`.
    fn group(&self, octave: usize) -> (usize, usize) {
        let (mut first, mut end) = (octave, octave + 1);
        while first > 0 && self.bits[first - 1] == self.bits[octave] {
            first -= 1;
        }
        while end < 5 && self.bits[end] == self.bits[octave] {
            end += 1;
        }
        (first, end)
    }

    /// Contexts of the octaves before this one, which begins a group (or is 5).
    fn before(&self, octave: usize) -> usize {
        self.bits[..octave].iter().map(|bits| 8 << bits).sum()
    }

    /// The number of contexts.
    pub(crate) fn count(&self) -> usize {
        self.before(5) + 88
    }

    /// The number of the context of a scale `s` and a phase `f` as it is computed.
    pub(crate) fn number(&self, s: usize, f: usize) -> usize {
        if s >= 40 {
            return self.before(5) + s - 40;
        }
        let (first, end) = self.group(s / 8);
        let phase = f >> (self.most_bits - self.bits[s / 8]);
        self.before(first) + 8 * (end - first) * phase + s - 8 * first
    }
}
