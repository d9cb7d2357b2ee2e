//! What dithered indices do to the level of the sky and to the fluxes of faint stars, on many
//! frames of normal noise of 10 DN: known to a hundredth of a sigma, which one frame is not enough
//! for.
//!
//! ```sh
//! cargo run --release -p nf-bounded --example dithered_fluxes -- 200
//! ```

use nf_bounded::{Array, Bound, QuantiseOptions, quantise};
use nf_image::testing::Rng;

const SIDE_PX: usize = 512;
const GRID_PX: usize = 16;
const SKY_DN: f64 = 1000.0;
const SIGMA_DN: f64 = 10.0;
const PSF_PX: f64 = 1.5;
const RATIOS: [f64; 4] = [3.0, 5.0, 10.0, 30.0];

/// The point spread function at a pixel.
fn psf(dy: f64, dx: f64) -> f64 {
    (-(dy * dy + dx * dx) / (2.0 * PSF_PX * PSF_PX)).exp() / (std::f64::consts::TAU * PSF_PX * PSF_PX)
}

/// The pixels of a star on the grid, and its function there.
fn stamp(star: usize) -> impl Iterator<Item = (usize, f64)> {
    let across = SIDE_PX / GRID_PX;
    let (y, x) = (star / across * GRID_PX + GRID_PX / 2, star % across * GRID_PX + GRID_PX / 2);
    (y - 5..=y + 5).flat_map(move |row| (x - 5..=x + 5).map(move |column| (row, column))).map(
        move |(row, column)| (row * SIDE_PX + column, psf(row as f64 - y as f64, column as f64 - x as f64)),
    )
}

/// The median of integers, each of which stands for an interval of one.
fn median(samples: &[u16]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    let middle = sorted[sorted.len() / 2];
    let below = sorted.partition_point(|&sample| sample < middle);
    let equal = sorted.partition_point(|&sample| sample <= middle) - below;
    f64::from(middle) - 0.5 + (sorted.len() as f64 / 2.0 - below as f64) / equal as f64
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let frames: u64 = std::env::args().nth(1).unwrap_or("40".to_owned()).parse()?;
    let stars = (SIDE_PX / GRID_PX) * (SIDE_PX / GRID_PX);
    let norm: f64 = stamp(0).map(|(_, psf)| psf * psf).sum();
    // The standard deviation of a flux.
    let flux_sigma = SIGMA_DN / norm.sqrt();
    println!("| bound, sigma | dither | sky mean, DN | sky median, DN | flux bias, S/N 3 | 5 | 10 | 30 |");
    println!("|---:|---|---:|---:|---:|---:|---:|---:|");
    for sigmas in [0.25, 0.5, 1.0, 2.0] {
        let bound: Bound = format!("{}dn", sigmas * SIGMA_DN).parse()?;
        for dither in [false, true] {
            let (mut mean, mut middle, mut fluxes) = (0.0, 0.0, [0.0; RATIOS.len()]);
            for frame in 0..frames {
                let mut rng = Rng::new(frame + 1);
                // Another level in every frame, and one frame of sky alone beside that of stars.
                let level = SKY_DN + frame as f64 * 0.37;
                let normal = |_| level + SIGMA_DN * rng.normal();
                let mut sky: Vec<f64> = (0..SIDE_PX * SIDE_PX).map(normal).collect();
                // Real frames have darker and brighter pixels than those looked at.
                (sky[0], sky[1]) = (0.5 * SKY_DN, 2.0 * SKY_DN);
                let mut scene = sky.clone();
                for star in 0..stars {
                    let flux = RATIOS[star % RATIOS.len()] * flux_sigma;
                    stamp(star).for_each(|(place, psf)| scene[place] += flux * psf);
                }
                let change = |values: &[f64]| -> Result<(Vec<u16>, Vec<u16>), nf_bounded::Error> {
                    let samples: Vec<u16> = values.iter().map(|value| value.round() as u16).collect();
                    let array = Array::new(vec![SIDE_PX, SIDE_PX], samples.clone())?;
                    let seed = dither.then_some(frame);
                    let options = QuantiseOptions { dither_seed: seed, ..QuantiseOptions::default() };
                    let decoded = quantise(&array, &bound, &options)?.decoded().clone();
                    let value = |place| decoded.samples().value(place) as u16;
                    Ok((samples, (0..SIDE_PX * SIDE_PX).map(value).collect()))
                };
                let (before, after) = change(&sky)?;
                let sum = |samples: &[u16]| samples.iter().map(|&sample| f64::from(sample)).sum::<f64>();
                mean += (sum(&after) - sum(&before)) / (SIDE_PX * SIDE_PX) as f64;
                middle += median(&after) - median(&before);
                let (before, after) = change(&scene)?;
                for star in 0..stars {
                    let error: f64 = stamp(star)
                        .map(|(place, psf)| psf * (f64::from(after[place]) - f64::from(before[place])))
                        .sum();
                    fluxes[star % RATIOS.len()] += error / norm / flux_sigma;
                }
            }
            let per_frame = |sum: f64| sum / frames as f64;
            let of_fluxes = fluxes
                .map(|sum| format!("{:+.3}", sum / (frames as f64 * stars as f64 / RATIOS.len() as f64)));
            let (mean, middle) = (per_frame(mean), per_frame(middle));
            let word = if dither { "yes" } else { "no" };
            println!("| {sigmas} | {word} | {mean:+.4} | {middle:+.4} | {} |", of_fluxes.join(" | "));
        }
    }
    Ok(())
}
