//! What falls onto a detector: sky, stars, galaxies.

use super::describe::{count_bits, source_bits};
use super::draw::{Gaussian, poisson};
use crate::random::Pcg64;
use std::ops::Range;
use std::sync::LazyLock;

/// A map of mean electrons to which sources are added: a window of a detector.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Rows of the window.
    pub height: usize,
    /// Columns of the window.
    pub width: usize,
    /// First row and column of the window, in the detector's pixels.
    pub origin: (usize, usize),
    /// The rows and columns of the detector that see light, in the detector's pixels.
    pub active: (Range<usize>, Range<usize>),
    /// Mean electrons, row by row.
    pub mean_e: Vec<f32>,
}

/// What shines in a field; fluxes follow a power law of cumulative exponent -1 from the faintest to
/// the brightest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sources {
    /// Stars per million pixels.
    pub stars_per_mpx: f64,
    /// Fluxes of the faintest and brightest star, electrons.
    pub star_flux_e: [f64; 2],
    /// Galaxies per million pixels.
    pub galaxies_per_mpx: f64,
    /// Fluxes of the faintest and brightest galaxy, electrons.
    pub galaxy_flux_e: [f64; 2],
}

/// A point-spread function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Psf {
    /// A. F. J. Moffat 1969: `(beta - 1) / (pi a^2) (1 + r^2 / a^2)^-beta`.
    Moffat {
        /// Full width at half maximum, pixels.
        fwhm_px: f64,
        /// Exponent; 2.5 to 4.8 for seeing.
        beta: f64,
    },
    /// `exp(-r^2 / 2 s^2) / (2 pi s^2)`.
    Gaussian {
        /// Full width at half maximum, pixels.
        fwhm_px: f64,
    },
}

impl Psf {
    fn density(self, square_px: f64) -> f64 {
        match self {
            Self::Moffat { fwhm_px, beta } => {
                let half = 0.25 * fwhm_px * fwhm_px;
                let a = half / (libm::pow(2.0, 1.0 / beta) - 1.0);
                (beta - 1.0) / (std::f64::consts::PI * a) * libm::pow(1.0 + square_px / a, -beta)
            }
            Self::Gaussian { fwhm_px } => {
                let variance = fwhm_px * fwhm_px / (8.0 * std::f64::consts::LN_2);
                libm::exp(-0.5 * square_px / variance) / (2.0 * std::f64::consts::PI * variance)
            }
        }
    }

    /// Full width at half maximum, pixels.
    pub fn fwhm_px(self) -> f64 {
        match self {
            Self::Moffat { fwhm_px, .. } | Self::Gaussian { fwhm_px } => fwhm_px,
        }
    }

    /// The profile tabulated over the radius, for many stars.
    pub fn tabulate(self) -> Profile {
        Profile::of(|square_px| self.density(square_px))
    }
}

/// Farthest that a source reaches, pixels.
const REACH_PX: f64 = 64.0;
const PROFILE_STEPS_PER_PX: f64 = 32.0;

/// exp(-r), with r in scale lengths.
static DISC: LazyLock<Profile> = LazyLock::new(|| Profile::of(|square| libm::exp(-square.sqrt())));

/// A circular profile of total flux one, tabulated over the radius and interpolated linearly.
#[derive(Clone, Debug)]
pub struct Profile(Vec<f64>);

impl Profile {
    fn of(density: impl Fn(f64) -> f64) -> Self {
        let radius = |i: u32| f64::from(i) / PROFILE_STEPS_PER_PX;
        let entries = (REACH_PX * PROFILE_STEPS_PER_PX) as u32 + 2;
        Self((0..entries).map(|i| density(radius(i) * radius(i))).collect())
    }

    /// Flux per square pixel at a distance whose square is given; zero beyond the table.
    fn at(&self, square_px: f64) -> f64 {
        let place = square_px.sqrt() * PROFILE_STEPS_PER_PX;
        let i = place as usize;
        match self.0.get(i..i + 2) {
            Some(pair) => pair[0] + (pair[1] - pair[0]) * (place - i as f64),
            None => 0.0,
        }
    }

    /// Radius at which a source of `flux_e` falls to `floor_e` electrons per pixel, at most
    /// [`REACH_PX`].
    fn reach_px(&self, flux_e: f64, floor_e: f64) -> f64 {
        self.0.partition_point(|density| density * flux_e > floor_e) as f64 / PROFILE_STEPS_PER_PX + 1.0
    }
}

/// Subdivisions of a pixel, along each axis, over which a profile is averaged where it is steep.
const FINE: usize = 3;

impl Scene {
    /// A dark detector, seen whole, all of it sensitive.
    pub fn dark(height: usize, width: usize) -> Self {
        Self::window((0, 0), height, width, (0..height, 0..width))
    }

    /// A dark window of a detector.
    pub fn window(
        origin: (usize, usize),
        height: usize,
        width: usize,
        active: (Range<usize>, Range<usize>),
    ) -> Self {
        Self { height, width, origin, active, mean_e: vec![0.0; height * width] }
    }

    /// The rows and columns of the window that see light, in the detector's pixels.
    pub fn lit(&self) -> (Range<usize>, Range<usize>) {
        let meet = |active: &Range<usize>, first: usize, extent: usize| {
            let start = active.start.max(first);
            start..active.end.min(first + extent).max(start)
        };
        (meet(&self.active.0, self.origin.0, self.height), meet(&self.active.1, self.origin.1, self.width))
    }

    /// The pixel at a place given in the detector's pixels, if it sees light.
    fn lit_index(&self, row: usize, column: usize) -> Option<usize> {
        let (rows, columns) = self.lit();
        (rows.contains(&row) && columns.contains(&column))
            .then(|| (row - self.origin.0) * self.width + column - self.origin.1)
    }

    /// Adds charge to the pixel that holds a place given in the detector's pixels; false if it is
    /// dark.
    pub(super) fn add_at(&mut self, y: f64, x: f64, charge_e: f64) -> bool {
        if y < 0.0 || x < 0.0 {
            return false;
        }
        match self.lit_index(y as usize, x as usize) {
            Some(index) => {
                self.mean_e[index] += charge_e as f32;
                true
            }
            None => false,
        }
    }

    /// Adds a plane: `level` at the centre of the active part, changing by `slope` (a fraction of
    /// the level) from one side to the other along rows and columns, and falling by `vignetting` (a
    /// fraction) at the corners.
    pub fn add_sky(&mut self, level_e: f64, slope: (f64, f64), vignetting: f64) {
        let (rows, columns) = self.lit();
        let (height, width) = (self.active.0.len().max(1) as f64, self.active.1.len().max(1) as f64);
        for row in rows {
            let y = ((row - self.active.0.start) as f64 + 0.5) / height - 0.5;
            let start = (row - self.origin.0) * self.width;
            for column in columns.clone() {
                let x = ((column - self.active.1.start) as f64 + 0.5) / width - 0.5;
                let shade = 1.0 - vignetting * 2.0 * (x * x + y * y);
                self.mean_e[start + column - self.origin.1] +=
                    (level_e * (1.0 + slope.0 * y + slope.1 * x) * shade) as f32;
            }
        }
    }

    /// Adds the profile `flux_e * density(dy, dx)` around (row, column), out to where it falls
    /// below `floor_e` electrons per pixel or `reach_px` away.
    fn add_profile(
        &mut self,
        centre: (f64, f64),
        reach_px: f64,
        floor_e: f64,
        profile: impl Fn(f64, f64) -> f64,
    ) {
        let (rows, columns) = self.lit();
        let span = |middle: f64, lit: &Range<usize>| {
            let (start, end) = (lit.start as f64, lit.end as f64);
            let low = (middle - reach_px).floor().clamp(start, end) as usize;
            low..((middle + reach_px).ceil().clamp(start, end) as usize)
        };
        for row in span(centre.0, &rows) {
            for column in span(centre.1, &columns) {
                let (dy, dx) = (row as f64 + 0.5 - centre.0, column as f64 + 0.5 - centre.1);
                let mut value = profile(dy, dx);
                if value < floor_e {
                    continue;
                }
                if dy * dy + dx * dx < 36.0 {
                    value = 0.0;
                    for i in 0..FINE * FINE {
                        let shift = |k: usize| (k as f64 + 0.5) / FINE as f64 - 0.5;
                        value += profile(dy + shift(i / FINE), dx + shift(i % FINE));
                    }
                    value /= (FINE * FINE) as f64;
                }
                self.mean_e[(row - self.origin.0) * self.width + column - self.origin.1] += value as f32;
            }
        }
    }

    /// Adds a star of `flux_e` electrons at (row, column) of the detector.
    pub fn add_star(&mut self, centre: (f64, f64), flux_e: f64, profile: &Profile) {
        // The wings end where they are 1/50 electron: far below every noise.
        const FLOOR_E: f64 = 0.02;
        let reach_px = profile.reach_px(flux_e, FLOOR_E);
        self.add_profile(centre, reach_px, FLOOR_E, |dy, dx| flux_e * profile.at(dy * dy + dx * dx));
    }

    /// Adds a galaxy of `flux_e` electrons with an exponential profile of scale length `scale_px`,
    /// squeezed to `axis_ratio` across the direction `angle_rad`.
    pub fn add_galaxy(
        &mut self,
        centre: (f64, f64),
        flux_e: f64,
        scale_px: f64,
        axis_ratio: f64,
        angle_rad: f64,
    ) {
        const FLOOR_E: f64 = 0.02;
        let peak = flux_e / (std::f64::consts::TAU * scale_px * scale_px * axis_ratio);
        let reach_px = (scale_px * libm::log((peak / FLOOR_E).max(1.0))).min(REACH_PX);
        let (sine, cosine) = (libm::sin(angle_rad) / scale_px, libm::cos(angle_rad) / scale_px);
        let disc = &*DISC;
        self.add_profile(centre, reach_px, FLOOR_E, |dy, dx| {
            let along = dx * cosine + dy * sine;
            let across = (dy * cosine - dx * sine) / axis_ratio;
            peak * disc.at(along * along + across * across)
        });
    }

    /// Scatters stars and galaxies over the active part of the detector. Returns what describing
    /// those in the window costs over noise of `sigma_e` electrons, bits.
    pub fn scatter(&mut self, sources: &Sources, psf: Psf, sigma_e: f64, generator: &mut Pcg64) -> f64 {
        let (rows, columns) = self.active.clone();
        let area = (rows.len() * columns.len()) as f64;
        let (lit_rows, lit_columns) = self.lit();
        let window = (lit_rows.len() * lit_columns.len()) as f64;
        let profile = psf.tabulate();
        let mut bits = 0.0;
        for (galaxies, per_mpx, [faintest_e, brightest_e]) in [
            (false, sources.stars_per_mpx, sources.star_flux_e),
            (true, sources.galaxies_per_mpx, sources.galaxy_flux_e),
        ] {
            let mut inside = 0u64;
            for _ in 0..poisson(per_mpx * area * 1e-6, generator) {
                let y = rows.start as f64 + generator.uniform() * rows.len() as f64;
                let x = columns.start as f64 + generator.uniform() * columns.len() as f64;
                let flux_e = power_law(faintest_e, brightest_e, generator);
                let mut width_px = 0.5 * psf.fwhm_px();
                if galaxies {
                    let scale_px = psf.fwhm_px() * (0.4 + 2.0 * generator.uniform());
                    let ratio = 0.3 + 0.7 * generator.uniform();
                    let angle = std::f64::consts::PI * generator.uniform();
                    self.add_galaxy((y, x), flux_e, scale_px, ratio, angle);
                    width_px = 1.5 * scale_px;
                } else {
                    self.add_star((y, x), flux_e, &profile);
                }
                if lit_rows.contains(&(y as usize)) && lit_columns.contains(&(x as usize)) {
                    let (cost, described) = source_bits(flux_e, faintest_e, window, width_px, sigma_e);
                    bits += cost;
                    inside += u64::from(described);
                }
            }
            bits += count_bits(inside);
        }
        bits.max(0.0)
    }

    /// Multiplies every pixel by its own response, `1 + rms * standard normal` (never negative).
    pub fn apply_response(&mut self, rms: f64, generator: &mut Pcg64) {
        let mut gaussian = Gaussian::default();
        for pixel in &mut self.mean_e {
            *pixel *= (1.0 + rms * gaussian.draw(generator)).max(0.0) as f32;
        }
    }
}

/// A draw from the density proportional to `x^-2` on `low..high`.
pub fn power_law(low: f64, high: f64, generator: &mut Pcg64) -> f64 {
    let u = generator.uniform();
    1.0 / ((1.0 - u) / low + u / high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_brings_its_flux() {
        for psf in [Psf::Gaussian { fwhm_px: 2.0 }, Psf::Moffat { fwhm_px: 4.0, beta: 4.0 }] {
            let mut scene = Scene::dark(128, 128);
            scene.add_star((64.3, 63.8), 1e6, &psf.tabulate());
            let sum: f64 = scene.mean_e.iter().map(|&x| f64::from(x)).sum();
            assert!((sum / 1e6 - 1.0).abs() < 2e-3, "{psf:?}: {sum}");
            let peak = scene.mean_e.iter().copied().fold(0.0, f32::max);
            assert_eq!(scene.mean_e[64 * 128 + 63], peak);
        }
    }

    #[test]
    fn half_the_maximum_at_half_the_width() {
        for psf in [Psf::Gaussian { fwhm_px: 3.0 }, Psf::Moffat { fwhm_px: 3.0, beta: 2.5 }] {
            assert!((psf.density(1.5 * 1.5) / psf.density(0.0) - 0.5).abs() < 1e-12, "{psf:?}");
        }
    }

    #[test]
    fn sky_is_what_was_asked() {
        let mut scene = Scene::dark(101, 201);
        scene.add_sky(100.0, (0.1, -0.2), 0.3);
        assert!((f64::from(scene.mean_e[50 * 201 + 100]) - 100.0).abs() < 1e-4);
        let mean: f64 = scene.mean_e.iter().map(|&x| f64::from(x)).sum::<f64>() / (101.0 * 201.0);
        assert!((mean - 90.0).abs() < 0.1, "mean vignetting is a third: {mean}");
        assert!(scene.mean_e[0] > scene.mean_e[200]);
        assert!(scene.mean_e[0] < scene.mean_e[100 * 201]);
    }

    #[test]
    fn stars_off_the_edge_do_no_harm() {
        let mut scene = Scene::dark(4, 3);
        let psf = Psf::Moffat { fwhm_px: 4.0, beta: 3.0 };
        for centre in [(-500.0, 1.0), (2.0, 1e9), (0.0, 0.0), (4.0, 3.0)] {
            scene.add_star(centre, 1e5, &psf.tabulate());
        }
        assert!(scene.mean_e.iter().all(|x| x.is_finite()));
        Scene::dark(0, 0).add_sky(1.0, (0.0, 0.0), 0.0);
    }
}
