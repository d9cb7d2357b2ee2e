//! Regions that see no light: read noise and converter alone.
//!
//! The entropy of the histogram of overscan, prescan or reference pixels after the median of each row is taken off. It is what a pixel
//! without light costs at least, unless its noise is correlated, and a floor for every pixel of the amplifier, since light only
//! adds noise.

use super::Finding;
use nf_data::inspect::Statistics;
use nf_image::Image16;
use std::collections::BTreeMap;

pub(super) fn finding(image: &Image16) -> Option<Finding> {
    let statistics = Statistics::of(image)?;
    let regions: Vec<_> = statistics.blind.iter().filter(|region| region.pixels >= 256).collect();
    let pixels: usize = regions.iter().map(|region| region.pixels).sum();
    if pixels == 0 {
        return None;
    }
    let mean = regions.iter().map(|r| r.entropy_bits * r.pixels as f64).sum::<f64>() / pixels as f64;
    let kinds: Vec<String> = regions
        .iter()
        .map(|r| {
            format!("{:?} {}: {:.3} bits of {} samples", r.kind, r.amplifier, r.entropy_bits, r.pixels)
                .to_lowercase()
        })
        .collect();
    Some(Finding {
        estimator: "blind regions".into(),
        bits_per_pixel: Some(mean),
        meaning: "histogram entropy of overscan, prescan or reference pixels minus their row's median: a pixel without light".into(),
        details: kinds,
        figures: BTreeMap::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::tests::noise;
    use nf_image::{Detector, Region, RegionKind};

    #[test]
    fn read_noise_is_found() {
        let image = noise(300, 200, 5.0, |_, _| 400.0);
        let region = Region {
            kind: RegionKind::Overscan,
            amplifier: 0,
            rows: 0..300,
            columns: 150..200,
            reversed_columns: false,
            reversed_rows: false,
        };
        assert!(finding(&image).is_none());
        let image = image.with_detector(Detector { instrument: "x".into(), regions: vec![region] });
        let bits = finding(&image).unwrap().bits_per_pixel.unwrap();
        let truth = crate::limit::entropy::rounded_normal_bits(5.0);
        assert!((bits - truth).abs() < 0.05, "{bits} {truth}");
    }
}
