//! Regions that see no light: read noise and converter alone.
//!
//! The entropy of the histogram of overscan, prescan or reference pixels after the median of each
//! row is subtracted. A pixel without light costs that unless its noise is correlated, and light
//! only adds noise, so the figure is a floor for pixels of the same amplifier with independent
//! noise.

use crate::estimate::{Estimate, Estimator};
use crate::median::median;
use nf_image::{Image16, RegionKind};
use std::collections::BTreeMap;

/// Fewest samples of a region whose histogram says something.
const FEWEST_SAMPLES: usize = 256;

/// One unexposed region of an image.
#[derive(Clone, Debug, PartialEq)]
pub struct UnexposedRegion {
    /// What it is.
    pub kind: RegionKind,
    /// The amplifier that read it.
    pub amplifier: usize,
    /// Its samples in the first plane.
    pub pixels: usize,
    /// Entropy of the histogram of samples minus their row's median, bits per sample.
    pub entropy_bits: f64,
}

/// The unexposed regions that the detector description of an image names, as far as they lie within
/// the image, with the entropy of their samples in the first plane.
pub fn regions(image: &Image16) -> Vec<UnexposedRegion> {
    let shape = image.shape();
    let listed = image.detector().map_or(&[][..], |detector| &detector.regions);
    let usable = listed.iter().filter(|region| {
        let exposed = region.kind == RegionKind::Active;
        let inside = region.rows.end <= shape.height && region.columns.end <= shape.width;
        !exposed && inside && !region.rows.is_empty() && !region.columns.is_empty()
    });
    let measured = usable.map(|region| {
        // In order of values, so that the sum below has the same last digit every time.
        let mut counts = BTreeMap::<i64, u64>::new();
        for row in region.rows.clone() {
            let samples = &image.row(0, row)[region.columns.clone()];
            let level = median(&mut samples.to_vec(), u16::cmp).map_or(0, i64::from);
            samples.iter().for_each(|&x| *counts.entry(i64::from(x) - level).or_default() += 1);
        }
        let pixels = region.rows.len() * region.columns.len();
        let share = |&count: &u64| count as f64 / pixels as f64;
        let entropy_bits = counts.values().map(share).map(|p| -p * p.log2()).sum();
        UnexposedRegion { kind: region.kind, amplifier: region.amplifier, pixels, entropy_bits }
    });
    measured.collect()
}

/// The mean entropy of the regions large enough to tell, weighted by their samples.
pub fn estimate(image: &Image16) -> Option<Estimate> {
    let mut regions = regions(image);
    regions.retain(|region| region.pixels >= FEWEST_SAMPLES);
    let pixels: usize = regions.iter().map(|region| region.pixels).sum();
    if pixels == 0 {
        return None;
    }
    let mean = regions.iter().map(|r| r.entropy_bits * r.pixels as f64).sum::<f64>() / pixels as f64;
    let describe = |r: &UnexposedRegion| {
        let kind = format!("{:?}", r.kind).to_lowercase();
        format!("{kind} {}: {:.3} bits of {} samples", r.amplifier, r.entropy_bits, r.pixels)
    };
    let meaning = "histogram entropy of overscan, prescan or reference pixels minus their row's median: \
                   a pixel without light";
    let estimate = Estimate::new(Estimator::Unexposed, Some(mean), meaning);
    Some(estimate.with(regions.iter().map(describe).collect(), []))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::rounded_normal_bits;
    use crate::testdata::noise;
    use nf_image::{Detector, Region};

    #[test]
    fn entropy_of_an_overscan_is_that_of_its_read_noise() {
        let image = noise(300, 200, 5.0, |_, _| 400.0);
        let region = |kind, columns| Region {
            kind,
            amplifier: 0,
            rows: 0..300,
            columns,
            reversed_columns: false,
            reversed_rows: false,
        };
        assert_eq!(estimate(&image), None);
        let kinds = [
            region(RegionKind::Active, 0..150),
            region(RegionKind::Overscan, 150..200),
            region(RegionKind::Overscan, 150..201),
        ];
        let detector = Detector { instrument: "x".into(), regions: kinds.to_vec() };
        let image = image.with_detector(detector);
        assert_eq!(regions(&image).len(), 1, "exposed regions and those beyond the image are left out");
        let bits = estimate(&image).unwrap().bits_per_pixel.unwrap();
        let truth = rounded_normal_bits(5.0);
        assert!((bits - truth).abs() < 0.05, "{bits} {truth}");
    }
}
