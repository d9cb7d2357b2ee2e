//! One frame: a map of distributions, a draw from it, and what the draw is worth.

use super::adc::Adc;
use super::draw::{Gaussian, poisson};
use super::oracle::PixelDistribution;
use crate::random::Pcg64;
use nf_image::{Image16, Shape};
use rayon::prelude::*;

/// What one amplifier does to the electrons of its columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Amplifier {
    /// Electrons per DN.
    pub gain_e_per_dn: f64,
    /// Read noise, electrons.
    pub read_noise_e: f64,
}

/// Everything that is certain about a frame before its noise is drawn.
///
/// Pixel (row, column) has the distribution
/// `converter((Poisson(mean_e) + read noise) / gain + offset_dn)`, with gain and read noise of the
/// amplifier that owns the column.
#[derive(Clone, Debug)]
pub struct FrameModel {
    /// Rows and columns.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Mean electrons of every pixel, row by row.
    pub mean_e: Vec<f32>,
    /// Level of every pixel without light, DN, row by row.
    pub offset_dn: Vec<f32>,
    /// The amplifiers, each with the first column it owns, from left to right; the first owns
    /// column 0.
    pub amplifiers: Vec<(usize, Amplifier)>,
    /// The converter, one for all amplifiers.
    pub adc: Adc,
}

impl FrameModel {
    fn amplifier(&self, column: usize) -> &Amplifier {
        let owner = self.amplifiers.partition_point(|(first, _)| *first <= column).max(1) - 1;
        &self.amplifiers[owner].1
    }

    /// The distribution of one pixel, with the interval of electrons in which its value would be
    /// `code`.
    fn pixel(&self, index: usize, code: u16) -> (PixelDistribution, f64, f64) {
        let amplifier = self.amplifier(index % self.width);
        let model = PixelDistribution {
            mean_e: f64::from(self.mean_e[index]).max(0.0),
            read_noise_e: amplifier.read_noise_e,
        };
        let offset = f64::from(self.offset_dn[index]);
        let (low, high) = self.adc.edges(code);
        (model, (low - offset) * amplifier.gain_e_per_dn, (high - offset) * amplifier.gain_e_per_dn)
    }

    /// Draws the noise. Every row has its own generator, seeded by `words` and the row's number, so
    /// that the frame does not depend on the number of threads.
    pub fn draw(&self, words: &[u32]) -> Image16 {
        let mut image = Image16::zeros(Shape::frame(self.height, self.width));
        if self.width > 0 {
            image.samples_mut().par_chunks_mut(self.width).enumerate().for_each(|(row, samples)| {
                let mut generator = Pcg64::from_words(&[words, &[row as u32]].concat());
                self.draw_row(row, samples, &mut generator);
            });
        }
        image
    }

    fn draw_row(&self, row: usize, samples: &mut [u16], generator: &mut Pcg64) {
        let mut gaussian = Gaussian::default();
        let start = row * self.width;
        for (i, (first, amplifier)) in self.amplifiers.iter().enumerate() {
            let end = self.amplifiers.get(i + 1).map_or(self.width, |(next, _)| *next);
            let per_electron = 1.0 / amplifier.gain_e_per_dn;
            let mine = start + first..start + end;
            let pixels = self.mean_e[mine.clone()].iter().zip(&self.offset_dn[mine]);
            for (sample, (&mean_e, &offset_dn)) in samples[*first..end].iter_mut().zip(pixels) {
                let electrons = poisson(f64::from(mean_e), generator) as f64
                    + amplifier.read_noise_e * gaussian.draw(generator);
                *sample = self.adc.convert(electrons * per_electron + f64::from(offset_dn));
            }
        }
    }

    /// Bits that `image` is worth to who knows these distributions: the sum over pixels of -log2
    /// P(value).
    ///
    /// Infinite if a value cannot occur under its distribution.
    ///
    /// # Panics
    /// If `image` does not have the frame's shape.
    pub fn oracle_bits(&self, image: &Image16) -> f64 {
        self.oracle_bits_of(image, None)
    }

    /// The same over the pixels that are marked, or all.
    pub(super) fn oracle_bits_of(&self, image: &Image16, marked: Option<&[bool]>) -> f64 {
        assert_eq!(image.shape(), Shape::frame(self.height, self.width), "the frame's own image");
        if self.width == 0 {
            return 0.0;
        }
        // Rows are summed apart and then in order, so that the sum does not depend on threads.
        let rows: Vec<f64> = image
            .samples()
            .par_chunks(self.width)
            .enumerate()
            .map(|(row, samples)| {
                let ln: f64 = samples
                    .iter()
                    .enumerate()
                    .map(|(column, &code)| (row * self.width + column, code))
                    .filter(|(index, _)| marked.is_none_or(|marked| marked[*index]))
                    .map(|(index, code)| {
                        let (model, low, high) = self.pixel(index, code);
                        model.ln_mass(low, high)
                    })
                    .sum();
                -ln * std::f64::consts::LOG2_E
            })
            .collect();
        rows.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(mean_e: f32, gain: f64, noise: f64, adc: Adc) -> FrameModel {
        let (height, width) = (64, 96);
        FrameModel {
            height,
            width,
            mean_e: vec![mean_e; height * width],
            offset_dn: vec![300.25; height * width],
            amplifiers: vec![(0, Amplifier { gain_e_per_dn: gain, read_noise_e: noise })],
            adc,
        }
    }

    /// Expectation of -log2 P, its standard deviation, and the mean and variance of the codes.
    fn exact_moments(model: &FrameModel) -> [f64; 4] {
        let (mut entropy, mut square, mut mean, mut second) = (0.0, 0.0, 0.0, 0.0);
        for code in 0..=model.adc.last_code() {
            let (pixel, low, high) = model.pixel(0, code);
            let reach = 12.0 * pixel.sigma_e() + 20.0;
            if low > pixel.mean_e + reach || high < pixel.mean_e - reach {
                continue;
            }
            let ln = pixel.ln_mass(low, high);
            if ln > -80.0 {
                let (p, bits) = (ln.exp(), -ln * std::f64::consts::LOG2_E);
                entropy += p * bits;
                square += p * bits * bits;
                mean += p * f64::from(code);
                second += p * f64::from(code) * f64::from(code);
            }
        }
        [entropy, (square - entropy * entropy).sqrt(), mean, second - mean * mean]
    }

    #[test]
    fn drawn_frames_cost_what_their_entropy_says() {
        let uneven = Adc::with_widths(12, &[1.0, 0.9, 1.4, 0.7, 1.2, 0.0, 1.1, 1.7]);
        for (mean_e, gain, noise, adc) in [
            (0.0, 1.0, 3.0, Adc::ideal(16)),
            (0.6, 1.5, 1.2, Adc::ideal(16)),
            (55.0, 2.0, 5.0, Adc::ideal(16)),
            (3500.0, 1.2, 4.6, uneven.clone()),
            (30.0, 0.7, 4.0, uneven),
            (500.0, 1.0, 6.0, Adc::ideal(10)),
            (723.0, 1.0, 6.0, Adc::ideal(10)),
        ] {
            let model = flat(mean_e, gain, noise, adc);
            let [entropy, spread, mean, variance] = exact_moments(&model);
            let image = model.draw(&[11, mean_e.to_bits()]);
            let n = image.shape().pixels() as f64;
            let bits = model.oracle_bits(&image) / n;
            let allowed = 4.5 * spread / n.sqrt();
            assert!((bits - entropy).abs() < allowed, "lambda {mean_e}: {bits} against {entropy}");
            let drawn: f64 = image.samples().iter().map(|&x| f64::from(x)).sum::<f64>() / n;
            assert!((drawn - mean).abs() < 4.5 * (variance / n).sqrt() + 1e-9, "lambda {mean_e}");
            let drawn_variance: f64 =
                image.samples().iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
            assert!((drawn_variance / variance - 1.0).abs() < 0.1, "lambda {mean_e}");
        }
    }

    #[test]
    fn saturated_pixels_are_free_and_impossible_ones_infinite() {
        let model = flat(1e6, 1.0, 5.0, Adc::ideal(16));
        let image = model.draw(&[1]);
        assert!(image.samples().iter().all(|&x| x == u16::MAX));
        assert_eq!(model.oracle_bits(&image), 0.0);
        let missing = flat(50.0, 1.0, 5.0, Adc::with_widths(16, &[1.0, 0.0]));
        let odd = Image16::from_fn(Shape::frame(64, 96), |_, _, _| 351);
        assert_eq!(missing.oracle_bits(&odd), f64::INFINITY);
    }

    #[test]
    fn threads_do_not_matter() {
        let model = flat(40.0, 1.3, 4.0, Adc::ideal(16));
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool of one thread");
        let three = rayon::ThreadPoolBuilder::new().num_threads(3).build().expect("a pool of threads");
        let (a, b) = (one.install(|| model.draw(&[3])), three.install(|| model.draw(&[3])));
        assert_eq!(a, b);
        assert_eq!(one.install(|| model.oracle_bits(&a)), three.install(|| model.oracle_bits(&a)));
    }
}
