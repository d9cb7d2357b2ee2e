//! A simulated sky whose stars are known, and what is measured on it.
//!
//! Normal noise, no shot noise; stars of five signal-to-noise ratios on a grid, off the centres of
//! pixels by known fractions, with a Gaussian point spread function. Fluxes are those of that
//! function at the true place (the best linear estimate); moments are weighted by it; detections
//! are maxima of a matched filter over the clipped mean of the frame.

use nf_image::{Image16, Shape};

/// Pixels of a side of the frame.
const SIDE_PX: usize = 1024;
/// Pixels from star to star.
const GRID_PX: usize = 32;
/// Level of the sky.
pub(crate) const SKY_DN: f64 = 1000.0;
/// Noise of a pixel.
pub(crate) const SIGMA_DN: f64 = 10.0;
/// Standard deviation of the point spread function.
const PSF_PX: f64 = 1.5;
/// Pixels from the centre of a stamp to its edge.
const REACH_PX: isize = 6;
/// Signal-to-noise ratios of the stars' fluxes.
pub const RATIOS: [f64; 5] = [3.0, 5.0, 10.0, 30.0, 100.0];

struct Star {
    x: f64,
    y: f64,
    class: usize,
}

/// Bits of SplitMix64 and normal numbers by the polar method.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        loop {
            let (x, y) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                return x * (-2.0 * square.ln() / square).sqrt();
            }
        }
    }
}

/// The frame and its stars.
pub(crate) struct Sky {
    pub(crate) image: Image16,
    stars: Vec<Star>,
}

/// The part of a star's light in a pixel, by its distance.
fn psf(dx: f64, dy: f64) -> f64 {
    (-(dx * dx + dy * dy) / (2.0 * PSF_PX * PSF_PX)).exp() / (std::f64::consts::TAU * PSF_PX * PSF_PX)
}

/// The pixels of a star's stamp, and its function there.
fn stamp(x: f64, y: f64) -> impl Iterator<Item = (usize, usize, f64)> {
    let (column, row) = (x.round() as isize, y.round() as isize);
    (-REACH_PX..=REACH_PX).flat_map(move |dy| {
        (-REACH_PX..=REACH_PX).map(move |dx| {
            let (c, r) = (column + dx, row + dy);
            (r as usize, c as usize, psf(c as f64 - x, r as f64 - y))
        })
    })
}

/// Standard deviation of a flux of the point spread function.
fn flux_sigma() -> f64 {
    let square: f64 = stamp(100.0, 100.0).map(|(_, _, weight)| weight * weight).sum();
    SIGMA_DN / square.sqrt()
}

impl Sky {
    pub(crate) fn new() -> Self {
        let mut random = Random(20_261_130);
        let mut light = vec![SKY_DN; SIDE_PX * SIDE_PX];
        let mut stars = Vec::new();
        for row in 1..SIDE_PX / GRID_PX {
            for column in 1..SIDE_PX / GRID_PX {
                let class = stars.len() % RATIOS.len();
                let x = (column * GRID_PX) as f64 + random.uniform() - 0.5;
                let y = (row * GRID_PX) as f64 + random.uniform() - 0.5;
                let flux = RATIOS[class] * flux_sigma();
                stamp(x, y).for_each(|(row, column, weight)| light[row * SIDE_PX + column] += flux * weight);
                stars.push(Star { x, y, class });
            }
        }
        let image = Image16::from_fn(Shape::frame(SIDE_PX, SIDE_PX), |_, row, column| {
            (light[row * SIDE_PX + column] + SIGMA_DN * random.normal()).round() as u16
        });
        Self { image, stars }
    }

    /// What is measured on a frame of this sky.
    pub(crate) fn measure(&self, pixels: &[f64]) -> Found {
        let at = |row: usize, column: usize| pixels[row * SIDE_PX + column] - SKY_DN;
        let mut found = Found::default();
        for star in &self.stars {
            let (mut flux, mut square) = (0.0, 0.0);
            let (mut all, mut mx, mut my, mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
            for (row, column, weight) in stamp(star.x, star.y) {
                let (dx, dy) = (column as f64 - star.x, row as f64 - star.y);
                let light = weight * at(row, column);
                (flux, square) = (flux + light, square + weight * weight);
                all += light;
                (mx, my) = (mx + light * dx, my + light * dy);
                (xx, yy, xy) = (xx + light * dx * dx, yy + light * dy * dy, xy + light * dx * dy);
            }
            found.fluxes.push(flux / square / flux_sigma());
            // The weight halves the variance of the light, and with it all moments.
            found.centroids.push((2.0 * mx / all, 2.0 * my / all));
            found.sizes.push((xx + yy) / all);
            found.ellipticities.push(((xx - yy) / (xx + yy), 2.0 * xy / (xx + yy)));
        }
        found.median_dn = median(pixels);
        found.clipped_mean_dn = clipped_mean(pixels, found.median_dn);
        let peaks = self.peaks(pixels, found.clipped_mean_dn);
        for (threshold, counts) in [3.0, 5.0].into_iter().zip(&mut found.detections) {
            let above = |&&(_, _, ratio): &&(usize, usize, f64)| ratio >= threshold;
            let peaks: Vec<_> = peaks.iter().filter(above).collect();
            let near = |star: &Star, reach: f64| {
                let distance = |p: &(usize, usize, f64)| (p.1 as f64 - star.x).hypot(p.0 as f64 - star.y);
                peaks.iter().any(|peak| distance(peak) < reach)
            };
            for star in self.stars.iter().filter(|star| near(star, 2.0)) {
                counts.found[star.class] += 1;
            }
            // The grid tells which star may be meant; noise between stars has none.
            let is_false = |peak: &&&(usize, usize, f64)| {
                !self.stars.iter().any(|s| (peak.1 as f64 - s.x).hypot(peak.0 as f64 - s.y) < 6.0)
            };
            counts.wrong = peaks.iter().filter(is_false).count();
        }
        found
    }

    /// Places where the frame, filtered by the point spread function, has a local maximum of at
    /// least three standard deviations: row, column, ratio.
    fn peaks(&self, pixels: &[f64], sky_dn: f64) -> Vec<(usize, usize, f64)> {
        let line: Vec<f64> =
            (-REACH_PX..=REACH_PX).map(|d| (-(d * d) as f64 / (2.0 * PSF_PX * PSF_PX)).exp()).collect();
        let square: f64 = line.iter().map(|w| w * w).sum();
        let reach = REACH_PX as usize;
        let inner = reach..SIDE_PX - reach;
        let mut across = vec![0.0; pixels.len()];
        for row in 0..SIDE_PX {
            for column in inner.clone() {
                let from = &pixels[row * SIDE_PX + column - reach..];
                across[row * SIDE_PX + column] = line.iter().zip(from).map(|(w, x)| w * (x - sky_dn)).sum();
            }
        }
        let mut ratios = vec![0.0; pixels.len()];
        for row in inner.clone() {
            for column in inner.clone() {
                let down = line.iter().enumerate();
                let sum: f64 = down.map(|(n, w)| w * across[(row + n - reach) * SIDE_PX + column]).sum();
                ratios[row * SIDE_PX + column] = sum / (square * SIGMA_DN);
            }
        }
        let mut peaks = Vec::new();
        for row in reach + 1..SIDE_PX - reach - 1 {
            for column in reach + 1..SIDE_PX - reach - 1 {
                let place = row * SIDE_PX + column;
                let ratio = ratios[place];
                let before = [place - SIDE_PX - 1, place - SIDE_PX, place - SIDE_PX + 1, place - 1];
                let after = [place + 1, place + SIDE_PX - 1, place + SIDE_PX, place + SIDE_PX + 1];
                let is_peak = before.iter().all(|&other| ratio > ratios[other])
                    && after.iter().all(|&other| ratio >= ratios[other]);
                if ratio >= 3.0 && is_peak {
                    peaks.push((row, column, ratio));
                }
            }
        }
        peaks
    }

    /// The stars of a class.
    pub(crate) fn of_class(&self, class: usize) -> impl Iterator<Item = usize> {
        (0..self.stars.len()).filter(move |&star| self.stars[star].class == class)
    }
}

fn median(pixels: &[f64]) -> f64 {
    let mut sorted = pixels.to_vec();
    let middle = sorted.len() / 2;
    *sorted.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// Mean of the pixels within three standard deviations of the median, and again of that mean.
fn clipped_mean(pixels: &[f64], median: f64) -> f64 {
    (0..3).fold(median, |centre, _| {
        let near = pixels.iter().filter(|pixel| (*pixel - centre).abs() <= 3.0 * SIGMA_DN);
        let (sum, count) = near.fold((0.0, 0.0), |(sum, count), pixel| (sum + pixel, count + 1.0));
        if count > 0.0 { sum / count } else { centre }
    })
}

/// What a threshold finds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Detections {
    /// Stars of every class.
    pub(crate) found: [usize; RATIOS.len()],
    /// Peaks that are no star.
    pub(crate) wrong: usize,
}

/// What is measured on a frame, star by star.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// In standard deviations of a flux.
    pub(crate) fluxes: Vec<f64>,
    /// Away from the true place, pixels.
    pub(crate) centroids: Vec<(f64, f64)>,
    /// Weighted second moment, square pixels.
    pub(crate) sizes: Vec<f64>,
    pub(crate) ellipticities: Vec<(f64, f64)>,
    pub(crate) median_dn: f64,
    pub(crate) clipped_mean_dn: f64,
    /// Above 3 and above 5 standard deviations.
    pub(crate) detections: [Detections; 2],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sky_is_measured_as_it_was_made() {
        let sky = Sky::new();
        let pixels: Vec<f64> = sky.image.samples().iter().map(|&x| f64::from(x)).collect();
        let found = sky.measure(&pixels);
        for (class, ratio) in RATIOS.into_iter().enumerate() {
            let fluxes: Vec<f64> = sky.of_class(class).map(|star| found.fluxes[star]).collect();
            let mean = fluxes.iter().sum::<f64>() / fluxes.len() as f64;
            let variance = fluxes.iter().map(|f| (f - mean).powi(2)).sum::<f64>() / fluxes.len() as f64;
            assert!(
                (mean - ratio).abs() < 0.25 && (variance.sqrt() - 1.0).abs() < 0.15,
                "{ratio} {mean} {variance}"
            );
        }
        let bright: Vec<usize> = sky.of_class(4).collect();
        assert!(bright.iter().all(|&star| found.centroids[star].0.abs() < 0.2));
        let size = bright.iter().map(|&star| found.sizes[star]).sum::<f64>() / bright.len() as f64;
        // Half of both variances of the function.
        assert!((size - PSF_PX * PSF_PX).abs() < 0.1, "{size}");
        assert!(found.detections[1].found[4] == bright.len() && found.detections[1].found[0] < 30);
        assert!(found.detections[0].wrong > 20 && found.detections[1].wrong < 5);
        assert!((found.median_dn - SKY_DN).abs() <= 1.0 && (found.clipped_mean_dn - SKY_DN).abs() < 0.5);
    }
}
