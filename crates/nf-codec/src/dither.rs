//! Subtractive dither of a stack: which lattice quantised a pixel.
//!
//! Samples that were quantised by several lattices, chosen pixel by pixel, are noisier than their
//! values: the shift of the lattice is in them. A codec that knows the shifts need not pay for it.

use nf_image::{Shape, TileBox};
use nf_simd::{InstructionSet, kernel};

/// A sequence of lattices: by the place of a sample, counted in the order of its array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dither {
    /// Chooses the sequence.
    pub seed: u64,
    /// Number of lattices, at least one.
    pub phases: u8,
}

impl Dither {
    /// The lattice of a place: bits of SplitMix64 (Steele, Lea and Flood 2014), so that any region
    /// can be decoded alone.
    #[inline]
    pub fn phase(self, place: u64) -> usize {
        usize::from(lattice(self, place))
    }

    /// The lattices of consecutive places from `first` on: many at a time, by wide registers.
    pub fn phases(self, first: u64, phases: &mut [u8]) {
        fill(InstructionSet::best(), self, first, phases);
    }

    /// What a lattice adds to its indices to give values, in 256ths of a step: from -127 to 128,
    /// falling with the phase (see [`DitheredStack::rising`]).
    pub fn shift(self, phase: usize) -> i16 {
        128 - (128 * (2 * phase as i32 + 1) / i32::from(self.phases.max(1))) as i16
    }
}

#[inline(always)]
fn lattice(dither: Dither, place: u64) -> u8 {
    let step = place.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut z = dither.seed.wrapping_add(step);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    // The upper half of z times the number of lattices, from products of 40 bits.
    let (high, low, lattices) = (z >> 32, z & 0xFFFF_FFFF, u64::from(dither.phases));
    ((high * lattices + ((low * lattices) >> 32)) >> 32) as u8
}

kernel! {
    fn fill<'a>(dither: Dither, first: u64, phases: &'a mut [u8]) -> () {
        for (n, phase) in phases.iter_mut().enumerate() {
            *phase = lattice(dither, first.wrapping_add(n as u64));
        }
    }
}

/// The dither of a stack of indices that is part of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DitheredStack {
    /// The sequence of lattices.
    pub dither: Dither,
    /// Whether shifts rise with the phase, as those of tables do, instead of falling.
    pub rising: bool,
    /// Place of the first pixel.
    pub first: u64,
    /// Places from a row to the next.
    pub row: u64,
    /// Places from a plane to the next.
    pub plane: u64,
}

impl DitheredStack {
    /// A stack that is the whole array.
    pub fn whole(dither: Dither, rising: bool, shape: Shape) -> Self {
        Self { dither, rising, first: 0, row: shape.width as u64, plane: shape.plane_pixels() as u64 }
    }

    /// Place of a pixel.
    pub fn place(&self, plane: usize, row: usize, column: usize) -> u64 {
        let planes = self.plane.wrapping_mul(plane as u64);
        let rows = self.row.wrapping_mul(row as u64);
        self.first.wrapping_add(planes).wrapping_add(rows).wrapping_add(column as u64)
    }

    /// The stack cut out of it that begins where the box does.
    pub fn cut(&self, place: &TileBox) -> Self {
        Self { first: self.place(place.planes.start, place.rows.start, place.columns.start), ..*self }
    }

    /// The [shifts](Dither::shift) of the pixels of a box, in its order.
    pub fn shifts(&self, place: &TileBox) -> Vec<i16> {
        let lattices = usize::from(self.dither.phases);
        let mut of_phase = [0; 256];
        (0..lattices).for_each(|phase| of_phase[phase] = self.dither.shift(phase));
        if self.rising {
            of_phase[..lattices].reverse();
        }
        let mut phases = vec![0; place.columns.len()];
        let mut shifts = Vec::with_capacity(place.shape().pixels());
        for plane in place.planes.clone() {
            for row in place.rows.clone() {
                let first = self.place(plane, row, place.columns.start);
                self.dither.phases(first, &mut phases);
                shifts.extend(phases.iter().map(|&phase| of_phase[usize::from(phase)]));
            }
        }
        shifts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_is_equally_often_there() {
        let dither = Dither { seed: 7, phases: 5 };
        let mut counts = [0; 5];
        (0..100_000).for_each(|place| counts[dither.phase(place)] += 1);
        assert!(counts.iter().all(|&count: &i32| (count - 20_000).abs() < 600), "{counts:?}");
        // The sequence is part of the format.
        assert_eq!([0, 1, 2, 3, 4].map(|place| Dither { seed: 1, phases: 200 }.phase(place)), PINNED);
    }

    #[test]
    fn lattices_of_many_places_are_those_of_each() {
        for lattices in [1, 2, 64, 200, 255] {
            let dither = Dither { seed: 0x0123_4567_89AB_CDEF << (lattices % 7), phases: lattices };
            let first = u64::MAX - 300;
            for isa in InstructionSet::available() {
                let mut phases = [0; 777];
                fill(isa, dither, first, &mut phases);
                for (n, &phase) in phases.iter().enumerate() {
                    assert_eq!(usize::from(phase), dither.phase(first.wrapping_add(n as u64)));
                    assert!(phase < lattices);
                }
            }
        }
    }

    const PINNED: [usize; 5] = [113, 149, 194, 88, 88];

    #[test]
    fn shifts_are_even_and_centred() {
        for phases in 1..=255 {
            let dither = Dither { seed: 0, phases };
            let shifts: Vec<i16> = (0..usize::from(phases)).map(|phase| dither.shift(phase)).collect();
            assert!(shifts.iter().all(|shift| (-127..=128).contains(shift)), "{phases}: {shifts:?}");
            let mean = shifts.iter().map(|&shift| f64::from(shift)).sum::<f64>() / f64::from(phases);
            assert!((0.0..1.0).contains(&mean), "{phases}: {mean}");
        }
        assert_eq!([0, 1].map(|phase| Dither { seed: 0, phases: 2 }.shift(phase)), [64, -64]);
    }

    #[test]
    fn a_cut_has_the_shifts_of_the_whole() {
        let whole = DitheredStack {
            first: 5,
            ..DitheredStack::whole(Dither { seed: 3, phases: 9 }, true, Shape::new(3, 20, 40))
        };
        let place = TileBox { planes: 1..3, rows: 4..7, columns: 10..21 };
        let cut = TileBox::whole(place.shape());
        assert_eq!(whole.shifts(&place), whole.cut(&place).shifts(&cut));
    }
}
