//! Where the bits go: simulated frames whose law is known, `cargo run --release -p nf-floor --example bits [side=PIXELS]`.
//!
//! Every pixel is normal noise of a known mean and width, rounded. The half rows of levels `fast` and `default` are told the mean of every
//! pixel, its scale, or both, instead of what they infer; what they then save is what inferring it costs. What is left above the
//! oracle with both is the price of tables (few shapes, whole bins) and of their bits. Numbers are bits per pixel.

use nf_floor::halves::Effort;
use nf_floor::halves::stages::{Bits, Stages};
use nf_floor::tile::TileView;
use nf_floor::{Level, stream};
use nf_image::{Image16, Shape};
use std::error::Error;

/// Uniform numbers, and normal ones by the polar method (Marsaglia and Bray 1964).
struct Dice(u64);

impl Dice {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
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

/// Means and widths of all pixels, and a draw from them.
struct Frame {
    means: Vec<f32>,
    widths: Vec<f32>,
    image: Image16,
    /// Entropy of the noise, bits per pixel.
    oracle: f64,
}

/// Sky with a slope, `stars` per pixel, `rays` per pixel; read noise of `read` DN and a gain of two electrons per DN.
fn frame(shape: Shape, sky: f64, read: f64, stars: f64, rays: f64) -> Frame {
    let mut dice = Dice(7);
    let mut means: Vec<f64> = (0..shape.pixels())
        .map(|i| 1000.0 + sky * (1.0 + 0.2 * (i % shape.width) as f64 / shape.width as f64))
        .collect();
    for _ in 0..(stars * shape.pixels() as f64) as usize {
        let (cy, cx) = (dice.uniform() * shape.height as f64, dice.uniform() * shape.width as f64);
        let flux = 30.0 / dice.uniform().max(1e-3);
        for y in (cy - 15.0).max(0.0) as usize..((cy + 15.0) as usize).min(shape.height) {
            for x in (cx - 15.0).max(0.0) as usize..((cx + 15.0) as usize).min(shape.width) {
                let square = (y as f64 - cy).powi(2) + (x as f64 - cx).powi(2);
                // Moffat's profile with an exponent of 2.5, 3 pixels wide.
                means[y * shape.width + x] += flux / (1.0 + square / 7.0).powf(2.5);
            }
        }
    }
    for _ in 0..(rays * shape.pixels() as f64) as usize {
        let at = (dice.uniform() * shape.pixels() as f64) as usize;
        means[at] += 50.0 / dice.uniform().max(1e-3);
    }
    means.iter_mut().for_each(|mean| *mean = mean.min(60_000.0));
    let width = |mean: &f64| (read * read + (mean - 1000.0) / 2.0).sqrt() as f32;
    let widths: Vec<f32> = means.iter().map(width).collect();
    let samples = means
        .iter()
        .zip(&widths)
        .map(|(m, &w)| (m + f64::from(w) * dice.normal()).round().clamp(0.0, 65_535.0) as u16)
        .collect();
    Frame {
        oracle: entropy(widths.iter()),
        image: Image16::new(shape, samples).expect("as many samples as pixels"),
        means: means.iter().map(|&mean| mean as f32).collect(),
        widths,
    }
}

/// Mean entropy of rounded normal noise of these widths, bits: from about 0.6 DN on, that of the density.
fn entropy<'a>(widths: impl Iterator<Item = &'a f32>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for &width in widths {
        sum += 0.5 * (2.0 * std::f64::consts::PI * std::f64::consts::E * f64::from(width).powi(2)).log2();
        count += 1.0;
    }
    sum / count
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut side = 1024;
    for argument in std::env::args().skip(1) {
        match argument.strip_prefix("side=") {
            Some(value) => side = value.parse()?,
            None => return Err(format!("{argument}: not side=PIXELS").into()),
        }
    }
    let shape = Shape::frame(side, side);
    let pixels = shape.pixels() as f64;
    let frames = [
        ("bias", frame(shape, 0.0, 3.0, 0.0, 0.0)),
        ("sky", frame(shape, 400.0, 3.0, 0.0, 0.0)),
        ("stars", frame(shape, 100.0, 3.0, 0.005, 0.0)),
        ("stars and rays", frame(shape, 100.0, 3.0, 0.005, 0.002)),
    ];
    println!(
        "| frame | level | bits/pixel | oracle | above | location | scale | both less sum | with both | model | tables | raw | outliers | stream |"
    );
    println!("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    for (name, frame) in &frames {
        // The mean of the absolute value of normal noise is sqrt(2 / pi) of its width.
        let errors: Vec<f32> = frame.widths.iter().map(|width| width * 0.797_884_6).collect();
        for (level, effort) in [(Level::Fast, Effort::SMALL), (Level::Default, Effort::LARGE)] {
            let tile = TileView::new(shape, frame.image.samples());
            let per_pixel = |bits: f64| bits / pixels;
            let costs = [false, true].map(|transposed| Stages::new(tile, effort, transposed));
            let stages = costs.iter().min_by_key(|stages| stages.payload_bytes()).expect("two directions");
            let own = stages.bits(None, None);
            let total = |bits: Bits| per_pixel(bits.total());
            let mean = total(stages.bits(Some(&frame.means), None));
            let scale = total(stages.bits(None, Some(&errors)));
            let both = stages.bits(Some(&frame.means), Some(&errors));
            let bytes = stream::encode(&frame.image, level).len() as f64;
            let (all, both_bits) = (total(own), total(both));
            println!(
                "| {name} | {level} | {:.4} | {:.4} | {:+.4} | {:.4} | {:.4} | {:+.4} | {:.4} | {:.4} | {:.4} | {:.3} | {:.4} | {:+.4} |",
                bytes * 8.0 / pixels,
                frame.oracle,
                all - frame.oracle,
                all - mean,
                all - scale,
                (all - both_bits) - (all - mean) - (all - scale),
                both_bits - frame.oracle,
                per_pixel(own.model),
                per_pixel(own.tables),
                per_pixel(own.raw),
                per_pixel(own.outliers),
                bytes * 8.0 / pixels - all,
            );
        }
        // Level `max` infers nothing that could be told to it apart: its total, on a part of the frame.
        let part = side.min(256);
        let bytes = stream::encode(&frame.image.crop(0..1, 0..part, 0..part), Level::Max).len() as f64;
        let oracle = entropy(frame.widths.chunks(side).take(part).flat_map(|row| &row[..part]));
        let bits = bytes * 8.0 / (part * part) as f64;
        println!(
            "| {name}, {part} x {part} | max | {bits:.4} | {oracle:.4} | {:+.4} | | | | | | | | | |",
            bits - oracle
        );
    }
    Ok(())
}
