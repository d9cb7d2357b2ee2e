//! Fingerprints.

use std::fmt;
use std::str::FromStr;

/// A BLAKE3 digest of 32 bytes.
///
/// BLAKE3 because it is collision-resistant and runs at several GB/s on one core, so that checking
/// a frame costs a small fraction of coding it.
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

    /// Digest of a stack from the digests of its planes: that of the plane if there is just one,
    /// otherwise the digest of the planes' digests in order. So the planes of a stack can be
    /// digested side by side.
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

/// Digests a stack whose planes arrive in groups, each group in bands of rows:
/// [`Digest::of_planes`] of the whole, with no more state than one group needs.
#[derive(Default)]
pub struct StackDigester {
    first_plane: usize,
    group: Vec<SampleDigester>,
    finished_planes: usize,
    last: Option<Digest>,
    planes: blake3::Hasher,
}

impl StackDigester {
    /// Takes the next rows of the planes from `first_plane` on; `rows_of` gives those of each
    /// plane, in order.
    pub fn update<'a>(&mut self, first_plane: usize, rows_of: impl Iterator<Item = &'a [u16]>) {
        if first_plane != self.first_plane {
            self.close_group();
            self.first_plane = first_plane;
        }
        for (i, rows) in rows_of.enumerate() {
            if i == self.group.len() {
                self.group.push(SampleDigester::default());
            }
            self.group[i].update(rows);
        }
    }

    fn close_group(&mut self) {
        for plane in self.group.drain(..) {
            let digest = plane.finish();
            self.planes.update(&digest.0);
            self.last = Some(digest);
            self.finished_planes += 1;
        }
    }

    /// The digest of a stack of `planes` planes; planes without rows may never have arrived.
    pub fn finish(mut self, planes: usize) -> Digest {
        self.close_group();
        let empty = Digest::of_samples(&[]);
        for _ in self.finished_planes..planes {
            self.planes.update(&empty.0);
        }
        match (planes, self.last) {
            (1, last) => last.unwrap_or(empty),
            _ => Digest(*self.planes.finalize().as_bytes()),
        }
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
    fn groups_of_planes_make_the_same_digest_as_the_stack() {
        use crate::{Image16, Shape};
        for shape in [Shape::frame(4, 3), Shape::new(5, 4, 3), Shape::new(0, 4, 3), Shape::new(2, 0, 3)] {
            let stack = Image16::from_fn(shape, |p, r, c| (p * 100 + r * 10 + c) as u16);
            for step in [1, 2, 5] {
                let mut digester = StackDigester::default();
                for first in (0..shape.planes).step_by(step) {
                    let planes = first..(first + step).min(shape.planes);
                    for row in 0..shape.height {
                        digester.update(first, planes.clone().map(|plane| stack.row(plane, row)));
                    }
                }
                assert_eq!(digester.finish(shape.planes), stack.digest(), "{shape} by {step}");
            }
        }
    }

    #[test]
    fn text_round_trip() {
        let digest = Digest::of_bytes(b"noise");
        assert_eq!(digest.to_string().parse::<Digest>(), Ok(digest));
        assert!("12".parse::<Digest>().is_err());
        assert!("g".repeat(64).parse::<Digest>().is_err());
    }
}
