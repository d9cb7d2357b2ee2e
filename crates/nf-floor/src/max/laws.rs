//! What the model believed of every pixel while a tile was coded.
//!
//! A pixel is a path of binary decisions, and the probabilities along the true path give the mass below its value and the mass of the
//! value itself exactly. Before the true path is taken, one value is drawn along a path of its own, from which nothing is learnt: a
//! sample of the very law under which the pixel is coded.

use super::binary::{Binary, PROBABILITY_BITS};
use super::constants::Constants;
use super::inputs::ALONE;
use super::levels;
use super::traverse::{Header, traverse};
use crate::tile::TileView;
use nf_codec::Laws;

/// The laws of the pixels of a tile, each with a value drawn from it; `None` if the mode cannot take the tile.
pub(crate) fn laws(tile: TileView, uniform: &mut dyn FnMut() -> f64) -> Option<Laws> {
    if tile.planes != 1 || tile.samples.is_empty() {
        return None;
    }
    let [median, floor] = levels(tile.samples);
    let header = Header { median: f32::from(median), floor: f32::from(floor) };
    let mut listener = Listener { uniform, laws: Laws::default(), pixel: None };
    // Compiled for plain instructions only: every variant computes the same, and this is no matter of speed.
    traverse::<_, ALONE>(
        &mut listener,
        header,
        tile.width,
        &mut tile.samples.to_vec(),
        None,
        &Constants::COMMITTED,
    );
    listener.end_pixel();
    Some(listener.laws)
}

/// Draws decisions.
pub(super) struct Draw<'a> {
    uniform: &'a mut dyn FnMut() -> f64,
    mass: f64,
}

/// Follows the true path, and has a value drawn before it.
struct Listener<'a> {
    uniform: &'a mut dyn FnMut() -> f64,
    laws: Laws,
    /// Mass below the values that are left, and their own.
    pixel: Option<[f64; 2]>,
}

fn probability(set: u32) -> f64 {
    f64::from(set) / f64::from(1u32 << PROBABILITY_BITS)
}

impl Listener<'_> {
    fn end_pixel(&mut self) {
        if let Some([below, mass]) = self.pixel.take() {
            self.laws.intervals.push([below as f32, (below + mass) as f32]);
            self.laws.pixel_bits.push(-mass.log2() as f32);
        }
    }
}

impl Binary for Listener<'_> {
    fn begin_pixel(&mut self, decide: impl FnOnce(&mut Draw<'_>) -> u32) {
        self.end_pixel();
        self.pixel = Some([0.0, 1.0]);
        let mut draw = Draw { uniform: &mut *self.uniform, mass: 1.0 };
        self.laws.twin.push(decide(&mut draw) as u16);
        self.laws.twin_bits -= draw.mass.log2();
    }

    fn code(&mut self, bit: bool, set: u32) -> bool {
        let [below, mass] = self.pixel.as_mut().expect("decisions belong to a pixel that has begun");
        let share = probability(set);
        if bit {
            *below += *mass * (1.0 - share);
            *mass *= share;
        } else {
            *mass *= 1.0 - share;
        }
        bit
    }
}

impl Binary for Draw<'_> {
    const TEACHES: bool = false;

    fn code(&mut self, _: bool, set: u32) -> bool {
        let share = probability(set);
        let bit = (self.uniform)() < share;
        self.mass *= if bit { share } else { 1.0 - share };
        bit
    }
}

#[cfg(test)]
mod tests {
    use crate::max::tests::{Numbers, noise};
    use crate::tile::TileView;
    use crate::{Floor, Level};
    use nf_codec::{Codec, Laws};
    use nf_image::{Image16, Shape};

    const CELLS: usize = 20;

    fn laws_of(image: &Image16) -> Laws {
        let mut numbers = Numbers(77);
        let mut uniform = || f64::from(numbers.next()) / 2f64.powi(32);
        Floor { level: Level::Max }.laws(image, &mut uniform).expect("one plane of one tile")
    }

    /// Pearson's statistic of positions within laws, each drawn within its interval, about the flat law.
    fn chi_square(laws: &Laws) -> f64 {
        let mut numbers = Numbers(3);
        let mut counts = [0.0; CELLS];
        for [below, up_to] in &laws.intervals {
            let share = f64::from(numbers.next()) / 2f64.powi(32);
            let position = f64::from(*below) + share * f64::from(up_to - below);
            counts[((position * CELLS as f64) as usize).min(CELLS - 1)] += 1.0;
        }
        let expected = laws.intervals.len() as f64 / CELLS as f64;
        counts.iter().map(|count: &f64| (count - expected).powi(2) / expected).sum()
    }

    #[test]
    fn laws_are_those_that_the_stream_is_coded_with() {
        let (height, width, sigma) = (200, 220, 5.0f64);
        let image = Image16::new(Shape::frame(height, width), noise(height, width, sigma)).unwrap();
        let laws = laws_of(&image);
        let pixels = image.samples().len();
        assert_eq!((laws.intervals.len(), laws.pixel_bits.len(), laws.twin.len()), (pixels, pixels, pixels));
        assert!(laws.intervals.iter().all(|[a, b]| 0.0 <= *a && a <= b && *b <= 1.000_001));
        let bits: f64 = laws.pixel_bits.iter().map(|&bits| f64::from(bits)).sum();
        let payload = crate::max::encode(TileView::new(image.shape(), image.samples())).unwrap();
        let coded_bits = 8.0 * payload.len() as f64;
        // The header, and the end of the coder.
        assert!((0.0..100.0).contains(&(coded_bits - bits)), "{coded_bits} {bits}");
        // What is drawn is worth what was drawn from, and the laws of such noise have its entropy.
        let entropy = (sigma * 4.132_731).log2();
        for bits in [bits, laws.twin_bits] {
            assert!((bits / pixels as f64 - entropy).abs() < 0.03, "{bits}");
        }
        // Values within 996 to 1005, deviations of -0.96 to 1.04. The first pixels have wide laws, so moments would tell of these alone.
        let near = laws.twin.iter().filter(|&&drawn| (996..=1005).contains(&drawn)).count();
        assert!((near as f64 / pixels as f64 - 0.682).abs() < 0.02, "{near} of {pixels}");
    }

    #[test]
    fn noise_meets_calibrated_laws() {
        let (height, width) = (250, 240);
        let image = Image16::new(Shape::frame(height, width), noise(height, width, 9.0)).unwrap();
        // 19 degrees of freedom: one in a thousand right laws is above 43.8.
        let found = chi_square(&laws_of(&image));
        assert!(found < 43.8, "{found}");
    }

    #[test]
    fn only_one_plane_of_one_tile_at_level_max_has_laws() {
        let mut uniform = || 0.5;
        for (level, shape) in [
            (Level::Default, Shape::frame(4, 4)),
            (Level::Max, Shape::frame(1025, 2)),
            (Level::Max, Shape::new(2, 4, 4)),
            (Level::Max, Shape::frame(0, 4)),
        ] {
            assert_eq!(Floor { level }.laws(&Image16::zeros(shape), &mut uniform), None, "{shape}");
        }
    }
}
