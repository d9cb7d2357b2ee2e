//! The predictive distributions of every pixel while a tile is coded.
//!
//! A pixel is a path of binary decisions, and the probabilities along its true path give exactly
//! the mass below its value and the mass of the value itself. Before the true path is followed, one
//! value is drawn along a path of its own, which does not update the model: a sample of the very
//! distribution under which the pixel is coded.

use super::Header;
use super::density::{Density, Pixel};
use super::inputs::ALONE;
use super::traverse::{Given, traverse};
use crate::models::TileView;
use nf_codec::PixelTrace;
use nf_entropy::binary::{BinaryCoder, PROBABILITY_BITS};
use nf_simd::InstructionSet;

/// The trace of a tile, with a sample drawn for every pixel; `None` for a tile without pixels.
pub(crate) fn trace(tile: TileView, uniform: &mut dyn FnMut() -> f64) -> Option<PixelTrace> {
    let header = Header::of(tile.samples)?;
    let mut trace = PixelTrace::default();
    let mut code = |density: &mut Density, pixel: &Pixel, value: u16| {
        let mut mass = 1.0;
        let drawn = density.draw(pixel, |set| {
            let share = probability(set);
            let bit = uniform() < share;
            mass *= if bit { share } else { 1.0 - share };
            bit
        });
        trace.sample.push(drawn);
        trace.sample_bits -= mass.log2();
        let mut path = Path { below: 0.0, mass: 1.0 };
        density.code(&mut path, pixel, value);
        trace.pit_intervals.push([path.below as f32, (path.below + path.mass) as f32]);
        trace.pixel_bits.push(-path.mass.log2() as f32);
        value
    };
    let given = Given { header, references: None, by_position: false };
    traverse::<ALONE>(InstructionSet::best(), &mut code, given, tile.width, &mut tile.samples.to_vec(), &[]);
    Some(trace)
}

fn probability(set: u32) -> f64 {
    f64::from(set) / f64::from(1u32 << PROBABILITY_BITS)
}

/// The true path so far: mass below the values that are left, and their own.
struct Path {
    below: f64,
    mass: f64,
}

impl BinaryCoder for Path {
    fn code(&mut self, bit: bool, set: u32) -> bool {
        let share = probability(set);
        if bit {
            self.below += self.mass * (1.0 - share);
            self.mass *= share;
        } else {
            self.mass *= 1.0 - share;
        }
        bit
    }
}

#[cfg(test)]
mod tests {
    use crate::models::TileView;
    use crate::{Floor, Level};
    use nf_codec::{Codec, PixelTrace};
    use nf_image::testing::{Rng, noise};
    use nf_image::{Image16, Shape};

    const CELLS: usize = 20;

    fn trace_of(image: &Image16) -> PixelTrace {
        let mut rng = Rng::new(77);
        Floor { level: Level::Max }.trace(image, &mut || rng.uniform()).expect("one plane of one tile")
    }

    /// Pearson's statistic of the randomised probability integral transform about the uniform
    /// distribution.
    fn chi_square(trace: &PixelTrace) -> f64 {
        let mut rng = Rng::new(3);
        let mut counts = [0.0; CELLS];
        for [below, up_to] in &trace.pit_intervals {
            let position = f64::from(*below) + rng.uniform() * f64::from(up_to - below);
            counts[((position * CELLS as f64) as usize).min(CELLS - 1)] += 1.0;
        }
        let expected = trace.pit_intervals.len() as f64 / CELLS as f64;
        counts.iter().map(|count: &f64| (count - expected).powi(2) / expected).sum()
    }

    #[test]
    fn the_trace_is_that_of_the_stream() {
        let (shape, sigma) = (Shape::frame(200, 220), 5.0f64);
        let image = noise(shape, 1000.3, sigma, 5);
        let trace = trace_of(&image);
        let pixels = image.samples().len();
        assert_eq!(
            (trace.pit_intervals.len(), trace.pixel_bits.len(), trace.sample.len()),
            (pixels, pixels, pixels)
        );
        assert!(trace.pit_intervals.iter().all(|[a, b]| 0.0 <= *a && a <= b && *b <= 1.000_001));
        let bits: f64 = trace.pixel_bits.iter().map(|&bits| f64::from(bits)).sum();
        let payload = crate::models::mixing::encode(TileView::of(&image)).unwrap();
        let coded_bits = 8.0 * payload.len() as f64;
        // The header, and the end of the coder.
        assert!((0.0..100.0).contains(&(coded_bits - bits)), "{coded_bits} {bits}");
        // The drawn values cost what the true ones cost: the entropy of the noise.
        let entropy = (sigma * 4.132_731).log2();
        for bits in [bits, trace.sample_bits] {
            assert!((bits / pixels as f64 - entropy).abs() < 0.03, "{bits}");
        }
        // Values within 996 to 1005, deviations of -0.96 to 1.04. The first pixels have wide
        // distributions, which would dominate the moments.
        let near = trace.sample.iter().filter(|&&drawn| (996..=1005).contains(&drawn)).count();
        assert!((near as f64 / pixels as f64 - 0.682).abs() < 0.02, "{near} of {pixels}");
    }

    #[test]
    fn distributions_of_white_noise_are_calibrated() {
        let image = noise(Shape::frame(250, 240), 1000.3, 9.0, 5);
        // 19 degrees of freedom: one in a thousand calibrated traces is above 43.8.
        let found = chi_square(&trace_of(&image));
        assert!(found < 43.8, "{found}");
    }

    #[test]
    fn only_one_plane_of_one_tile_at_level_max_has_a_trace() {
        let mut uniform = || 0.5;
        for (level, shape) in [
            (Level::Default, Shape::frame(4, 4)),
            (Level::Max, Shape::frame(1025, 2)),
            (Level::Max, Shape::new(2, 4, 4)),
            (Level::Max, Shape::frame(0, 4)),
        ] {
            assert_eq!(Floor { level }.trace(&Image16::zeros(shape), &mut uniform), None, "{shape}");
        }
    }
}
