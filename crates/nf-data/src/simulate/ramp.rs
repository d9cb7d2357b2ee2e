//! Up-the-ramp read-outs: the same charge read several times, and what the whole ramp is worth.
//!
//! In electrons, group `k` of a pixel is `S_k + R Z_k` with `S_k = T + N_1 + .. + N_k`: the noise
//! of the reset `T` (normal, standard deviation `reset_noise_e`) stays through the ramp, the charge
//! grows by independent Poisson counts `N_k`, and every read adds its own noise. Groups share `S`,
//! so the ramp's probability is that of a hidden Markov chain: the forward recursion over `S` on a
//! lattice of one electron gives it. (The lattice stands in for the continuous `T`; sums of smooth
//! Gaussians over a unit lattice equal their integrals up to `exp(-2 pi^2 R^2)`, nothing in double
//! precision for a read noise above 1.5 electrons.)

use super::adc::Adc;
use super::draw::{Gaussian, ln_factorial, poisson};
use super::frame::Amplifier;
use super::oracle::PixelDistribution;
use crate::random::Pcg64;
use nf_image::{Image16, PlaneAxis, Shape};
use rayon::prelude::*;

/// Everything that is certain about a ramp before its noise is drawn.
#[derive(Clone, Debug)]
pub struct RampModel {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Mean electrons that every pixel gathers before each group since the one before, group by
    /// group.
    pub gathered_e: Vec<Vec<f32>>,
    /// Level of every pixel without light, DN: the detector's pattern.
    pub offset_dn: Vec<f32>,
    /// What is added to a row's level in a group, DN: `[group][row]`.
    pub drift_dn: Vec<Vec<f32>>,
    /// Amplifiers with their first columns.
    pub amplifiers: Vec<(usize, Amplifier)>,
    /// Noise of the reset, electrons.
    pub reset_noise_e: f64,
    /// The converter.
    pub adc: Adc,
}

/// Read noise below which the lattice of one electron is too coarse.
pub const LEAST_RAMP_READ_NOISE_E: f64 = 1.5;

impl RampModel {
    fn amplifier(&self, column: usize) -> &Amplifier {
        &self.amplifiers[self.amplifiers.partition_point(|(first, _)| *first <= column).max(1) - 1].1
    }

    /// Draws the noise; every row has its own generator.
    pub fn draw(&self, words: &[u32]) -> Image16 {
        let groups = self.gathered_e.len();
        let shape = Shape::new(groups, self.height, self.width);
        let rows: Vec<Vec<u16>> = (0..self.height)
            .into_par_iter()
            .map(|row| self.draw_row(row, &mut Pcg64::from_words(&[words, &[row as u32]].concat())))
            .collect();
        let mut samples = Vec::with_capacity(shape.pixels());
        for group in 0..groups {
            for row in &rows {
                samples.extend_from_slice(&row[group * self.width..(group + 1) * self.width]);
            }
        }
        Image16::new(shape, samples).expect("every row has all groups").with_axis(PlaneAxis::Group)
    }

    /// One row in all groups: group by group.
    fn draw_row(&self, row: usize, generator: &mut Pcg64) -> Vec<u16> {
        let mut gaussian = Gaussian::default();
        let mut samples = vec![0; self.gathered_e.len() * self.width];
        for column in 0..self.width {
            let pixel = row * self.width + column;
            let amplifier = self.amplifier(column);
            let mut state_e = self.reset_noise_e * gaussian.draw(generator);
            for (group, gathered) in self.gathered_e.iter().enumerate() {
                state_e += poisson(f64::from(gathered[pixel]), generator) as f64;
                let read_e = state_e + amplifier.read_noise_e * gaussian.draw(generator);
                let level = f64::from(self.offset_dn[pixel]) + f64::from(self.drift_dn[group][row]);
                samples[group * self.width + column] =
                    self.adc.convert(read_e / amplifier.gain_e_per_dn + level);
            }
        }
        samples
    }

    /// Bits that `ramp` is worth to who knows this distribution.
    ///
    /// # Panics
    /// If `ramp` does not have the distribution's shape.
    pub fn oracle_bits(&self, ramp: &Image16) -> f64 {
        let shape = Shape::new(self.gathered_e.len(), self.height, self.width);
        assert_eq!(ramp.shape(), shape, "the model's own ramp");
        let rows: Vec<f64> = (0..self.height)
            .into_par_iter()
            .map(|row| {
                let mut filter = Filter::default();
                let ln: f64 =
                    (0..self.width).map(|column| self.ln_pixel(row, column, ramp, &mut filter)).sum();
                -ln * std::f64::consts::LOG2_E
            })
            .collect();
        rows.iter().sum()
    }

    /// ln of the probability of one pixel's codes in all groups.
    fn ln_pixel(&self, row: usize, column: usize, ramp: &Image16, filter: &mut Filter) -> f64 {
        let pixel = row * self.width + column;
        let amplifier = self.amplifier(column);
        let noise_e = amplifier.read_noise_e;
        let mut ln = 0.0;
        for (group, gathered) in self.gathered_e.iter().enumerate() {
            let level = f64::from(self.offset_dn[pixel]) + f64::from(self.drift_dn[group][row]);
            let (low, high) = self.adc.edges(ramp.plane(group)[pixel]);
            let bin = [low, high].map(|edge| (edge - level) * amplifier.gain_e_per_dn);
            let gathered_e = f64::from(gathered[pixel]).max(0.0);
            ln += if group == 0 {
                filter.start(
                    PixelDistribution { mean_e: gathered_e, read_noise_e: self.reset_noise_e },
                    bin,
                    noise_e,
                )
            } else {
                filter.step(gathered_e, bin, noise_e)
            };
        }
        ln
    }
}

/// What is known of a pixel's state after a group: weights on consecutive whole electrons, summing
/// to one.
#[derive(Default)]
struct Filter {
    first: i64,
    weights: Vec<f64>,
    /// Work space: weights to be, likelihoods, probabilities of counts.
    next: Vec<f64>,
    likelihood: Vec<f64>,
    counts: Vec<f64>,
}

/// States further from the code's interval than this many read noises are left out: exp(-6.5^2
/// / 2) = 7e-10.
const REACH: f64 = 6.5;
/// Longest list of states; a saturated code, whose interval has no end, is cut there.
const MOST_STATES: i64 = 1 << 15;

impl Filter {
    /// States that can give a code, and the likelihood of each.
    fn see(&mut self, bin: [f64; 2], noise_e: f64, around: f64) -> i64 {
        let reach = REACH * noise_e;
        // An open interval is cut where the state cannot be.
        let low = if bin[0].is_finite() { bin[0] } else { bin[1].min(around) - 0.25 * MOST_STATES as f64 };
        let high = if bin[1].is_finite() { bin[1] } else { bin[0].max(around) + 0.25 * MOST_STATES as f64 };
        let (first, last) = ((low - reach).floor() as i64, (high + reach).ceil() as i64);
        let last = last.min(first + MOST_STATES);
        self.likelihood.clear();
        let normal = |t: f64| 0.5 * libm::erfc(-t * std::f64::consts::FRAC_1_SQRT_2);
        self.likelihood.extend((first..=last).map(|state| {
            let (a, b) = ((bin[0] - state as f64) / noise_e, (bin[1] - state as f64) / noise_e);
            if a > 0.0 { normal(-a) - normal(-b) } else { normal(b) - normal(a) }
        }));
        first
    }

    /// Scales the weights to a sum of one; ln of what the sum was.
    fn settle(&mut self, first: i64) -> f64 {
        let sum: f64 = self.next.iter().sum();
        std::mem::swap(&mut self.weights, &mut self.next);
        self.first = first;
        // Far tails are dropped, so that the next step is short.
        let floor = sum * 1e-13;
        let start = self.weights.iter().position(|&w| w > floor).unwrap_or(0);
        let end = self.weights.iter().rposition(|&w| w > floor).map_or(0, |last| last + 1);
        self.weights.truncate(end);
        self.weights.drain(..start.min(end));
        self.first += start as i64;
        self.weights.iter_mut().for_each(|weight| *weight /= sum);
        libm::log(sum)
    }

    /// The first group: reset noise and the charge gathered before it.
    fn start(&mut self, model: PixelDistribution, bin: [f64; 2], noise_e: f64) -> f64 {
        let first = self.see(bin, noise_e, model.mean_e);
        self.next.clear();
        let states = self.likelihood.len() as i64;
        for block in 0..(states + 3) / 4 {
            let points = std::array::from_fn(|j| (first + block * 4 + j as i64) as f64);
            let densities = model.ln_densities(points);
            let left = (states - block * 4).min(4) as usize;
            let at = (block * 4) as usize;
            self.next.extend((0..left).map(|j| libm::exp(densities[j]) * self.likelihood[at + j]));
        }
        self.settle(first)
    }

    /// A later group: the charge gathered since the one before.
    fn step(&mut self, gathered_e: f64, bin: [f64; 2], noise_e: f64) -> f64 {
        let around = self.first as f64 + gathered_e;
        let first = self.see(bin, noise_e, around);
        let states = self.likelihood.len();
        // Counts that lead from a state of before to one of now.
        let least = (first - (self.first + self.weights.len() as i64 - 1)).max(0);
        let most = first + states as i64 - 1 - self.first;
        let reach = 9.0 * gathered_e.sqrt() + 25.0;
        let least = least.max((gathered_e - reach).floor() as i64).max(0);
        let most_likely = (gathered_e + reach).ceil() as i64;
        let ln_scale = self.count_table(gathered_e, least, most.min(most_likely.max(least)));
        self.next.clear();
        self.next.resize(states, 0.0);
        for (i, &weight) in self.weights.iter().enumerate() {
            // State first_before + i goes to first_before + i + count.
            let shift = self.first + i as i64 + least - first;
            let (skip, start) = if shift < 0 { ((-shift) as usize, 0) } else { (0, shift as usize) };
            if start >= states || skip >= self.counts.len() {
                continue;
            }
            for (next, count) in self.next[start..].iter_mut().zip(&self.counts[skip..]) {
                *next += weight * count;
            }
        }
        for (next, likelihood) in self.next.iter_mut().zip(&self.likelihood) {
            *next *= likelihood;
        }
        ln_scale + self.settle(first)
    }

    /// Probabilities of the counts `least..=most`, divided by that of the likeliest; ln of the
    /// divisor.
    fn count_table(&mut self, mean: f64, least: i64, most: i64) -> f64 {
        self.counts.clear();
        if most < least {
            return 0.0;
        }
        if mean <= 0.0 {
            self.counts.extend((least..=most).map(|count| f64::from(u8::from(count == 0))));
            return 0.0;
        }
        let peak = (mean.floor() as i64).clamp(least, most);
        let ln_peak = peak as f64 * libm::log(mean) - mean - ln_factorial(peak as u64);
        self.counts.resize((most - least + 1) as usize, 0.0);
        let at = |count: i64| (count - least) as usize;
        self.counts[at(peak)] = 1.0;
        for count in peak + 1..=most {
            self.counts[at(count)] = self.counts[at(count - 1)] * mean / count as f64;
        }
        for count in (least..peak).rev() {
            self.counts[at(count)] = self.counts[at(count + 1)] * (count + 1) as f64 / mean;
        }
        ln_peak
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(gathered: &[f32], noise: f64, reset: f64, gain: f64, bits: u32) -> RampModel {
        let (height, width) = (24, 40);
        RampModel {
            height,
            width,
            gathered_e: gathered.iter().map(|&e| vec![e; height * width]).collect(),
            offset_dn: vec![400.3; height * width],
            drift_dn: vec![vec![0.2; height]; gathered.len()],
            amplifiers: vec![(0, Amplifier { gain_e_per_dn: gain, read_noise_e: noise })],
            reset_noise_e: reset,
            adc: Adc::ideal(bits),
        }
    }

    /// -log2 P of the codes of one pixel by plain Monte Carlo over the hidden states.
    fn brute_bits(model: &RampModel, codes: &[u16]) -> f64 {
        let mut generator = Pcg64::from_seed(77);
        let mut gaussian = Gaussian::default();
        let draws = 400_000;
        let noise = model.amplifiers[0].1.read_noise_e;
        let gain = model.amplifiers[0].1.gain_e_per_dn;
        let normal = |t: f64| 0.5 * libm::erfc(-t * std::f64::consts::FRAC_1_SQRT_2);
        let mut sum = 0.0;
        for _ in 0..draws {
            let mut state = model.reset_noise_e * gaussian.draw(&mut generator);
            let mut p = 1.0;
            for (group, &code) in codes.iter().enumerate() {
                state += poisson(f64::from(model.gathered_e[group][0]), &mut generator) as f64;
                let (low, high) = model.adc.edges(code);
                let level = f64::from(model.offset_dn[0]) + f64::from(model.drift_dn[group][0]);
                p *= normal(((high - level) * gain - state) / noise)
                    - normal(((low - level) * gain - state) / noise);
            }
            sum += p;
        }
        -(sum / f64::from(draws)).log2()
    }

    #[test]
    fn the_recursion_equals_an_average_over_hidden_states() {
        let model = ramp(&[6.0, 9.0, 4.0], 6.0, 8.0, 2.0, 16);
        let image = model.draw(&[5]);
        let mut filter = Filter::default();
        for pixel in [0, 7, 39] {
            let codes: Vec<u16> = (0..3).map(|group| image.plane(group)[pixel]).collect();
            let ours = -model.ln_pixel(0, pixel, &image, &mut filter) * std::f64::consts::LOG2_E;
            let theirs = brute_bits(&model, &codes);
            assert!((ours - theirs).abs() < 0.03, "{ours} against {theirs}");
        }
    }

    #[test]
    fn probabilities_of_all_ramps_sum_to_one() {
        // Four codes only, two groups: all sixteen ramps of one pixel.
        let mut model = ramp(&[3.0, 2.0], 2.0, 3.0, 6.0, 2);
        model.offset_dn.fill(1.0);
        let mut filter = Filter::default();
        let mut sum = 0.0;
        for a in 0..4 {
            for b in 0..4 {
                let shape = Shape::new(2, 24, 40);
                let image = Image16::from_fn(shape, |group, _, _| if group == 0 { a } else { b });
                sum += model.ln_pixel(0, 0, &image, &mut filter).exp();
            }
        }
        assert!((sum - 1.0).abs() < 1e-7, "{sum}");
    }

    #[test]
    fn the_gain_of_knowing_earlier_groups_is_what_theory_says() {
        // Little charge: the first group costs its reset and read noise; after n groups the state
        // is known to R^2/n, so group n + 1 costs the entropy of variance R^2 (1 + 1/n).
        let model = ramp(&[0.5; 4], 10.0, 40.0, 2.0, 16);
        let image = model.draw(&[8]);
        let bits = model.oracle_bits(&image) / (24.0 * 40.0);
        let gauss =
            |variance: f64| 0.5 * (2.0 * std::f64::consts::PI * std::f64::consts::E * variance / 4.0).log2();
        let mut known = 1600.0;
        let theory: f64 = (0..4)
            .map(|_| {
                known += 0.5;
                let cost = gauss(known + 100.0);
                known = known * 100.0 / (known + 100.0);
                cost
            })
            .sum();
        assert!((bits - theory).abs() < 0.12, "{bits} against {theory}");
    }

    #[test]
    fn jumps_and_saturation_stay_finite() {
        let mut model = ramp(&[20.0, 30_000.0, 1e5, 0.0], 9.0, 37.0, 2.0, 16);
        model.gathered_e[1][3] = 0.0;
        let image = model.draw(&[2]);
        let bits = model.oracle_bits(&image) / (24.0 * 40.0);
        assert!(bits.is_finite() && bits > 5.0, "{bits}");
        assert_eq!(image.plane(3)[50], u16::MAX);
    }
}
