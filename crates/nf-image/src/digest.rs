//! Fingerprints.

use std::fmt;
use std::str::FromStr;

/// A BLAKE3 digest of 32 bytes.
///
/// BLAKE3 because it is collision-resistant and runs at several GB/s on one core, so that checking a
/// frame costs a small fraction of coding it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Digest of plain bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// Digest of samples taken as little-endian pairs of bytes, the same on every machine.
    pub fn of_samples(samples: &[u16]) -> Self {
        let mut digester = SampleDigester::default();
        digester.update(samples);
        digester.finish()
    }

    /// Digest of a stack from the digests of its planes: that of the plane if there is just one, otherwise
    /// the digest of the planes' digests in order. So the planes of a stack can be digested side by side.
    pub fn of_planes(planes: &[Digest]) -> Self {
        match planes {
            [only] => *only,
            _ => Self::of_bytes(&planes.iter().flat_map(|plane| plane.0).collect::<Vec<u8>>()),
        }
    }

    /// The first eight hexadecimal digits, enough for people to tell two things apart.
    pub fn short(&self) -> String {
        self.to_string()[..8].to_owned()
    }
}

/// Digests samples that arrive in pieces; the result equals [`Digest::of_samples`] of the whole.
#[derive(Default)]
pub struct SampleDigester {
    hasher: blake3::Hasher,
}

impl SampleDigester {
    /// Takes the next samples; large pieces are digested on the current rayon pool.
    pub fn update(&mut self, samples: &[u16]) {
        const PIECE_PX: usize = 1 << 19;
        for piece in samples.chunks(PIECE_PX) {
            if cfg!(target_endian = "little") {
                self.hasher.update_rayon(bytemuck::cast_slice(piece));
            } else {
                let bytes: Vec<u8> = piece.iter().flat_map(|sample| sample.to_le_bytes()).collect();
                self.hasher.update_rayon(&bytes);
            }
        }
    }

    /// The digest of everything taken so far.
    pub fn finish(&self) -> Digest {
        Digest(*self.hasher.finalize().as_bytes())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is not a digest of 64 hexadecimal digits");
        if text.len() != 64 || !text.is_ascii() {
            return Err(wrong());
        }
        let mut bytes = [0u8; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_digested_as_little_endian_bytes() {
        assert_eq!(Digest::of_samples(&[0x0201, 0x0403]), Digest::of_bytes(&[1, 2, 3, 4]));
    }

    #[test]
    fn pieces_make_the_same_digest_as_the_whole() {
        let samples: Vec<u16> =
            (0..1_200_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 16) as u16).collect();
        let mut digester = SampleDigester::default();
        samples.chunks(777).for_each(|piece| digester.update(piece));
        assert_eq!(digester.finish(), Digest::of_samples(&samples));
    }

    #[test]
    fn text_round_trip() {
        let digest = Digest::of_bytes(b"noise");
        assert_eq!(digest.to_string().parse::<Digest>(), Ok(digest));
        assert!("12".parse::<Digest>().is_err());
        assert!("g".repeat(64).parse::<Digest>().is_err());
    }
}
