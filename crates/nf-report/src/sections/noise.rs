//! Bits per pixel against the noise of every image.
//!
//! Two lines are drawn: Pence, Seaman and White (PASP 121, 414, 2009) count `log2(sigma sqrt(12))`
//! bits of noise, the width of a uniform distribution of that sigma; the entropy of normal noise in
//! steps of one is `log2(sigma sqrt(2 pi e))`, 0.2546 bits more, and no code of normal noise is
//! shorter on average. Pence's figure is therefore no limit: a coder with his K = 0 does not exist.

use super::exposure;
use super::measured::{Frame, measure};
use crate::charts::{best_of_families, reference};
use crate::document::{Block, Section};
use crate::draw::plot::Plot;
use crate::draw::series::{Mark, Point, Series};
use crate::draw::xy::{Axis, XyPlot};
use crate::slug::slug;
use crate::sources::Sources;
use crate::statistics::bootstrap::Interval;
use crate::statistics::line::Line;
use crate::summary::{ImageSizes, summarise};
use crate::table::Table;
use crate::tables::overview;
use nf_bench::Run;
use nf_noise::SigmaEstimator;

/// Below this sigma an image's bits are no longer a matter of sigma alone, so it does not enter a
/// fit.
const LEAST_SIGMA: f64 = 1.0;

pub(super) fn section(run: &Run, prefix: &str, sources: &Sources) -> Section {
    let mut section = Section::below("Bits against noise");
    let sizes = ImageSizes::of(run);
    let (frames, absent) = measure(run, &sizes, sources);
    let all = overview(run, &summarise(run));
    let mut codecs: Vec<&str> = best_of_families(&all).iter().take(3).map(|c| c.codec.as_str()).collect();
    if let Some(reference) = reference(&all).map(|c| c.codec.as_str()).filter(|c| !codecs.contains(c)) {
        codecs.push(reference);
    }
    section.text(format!(
        "Fit: bits per pixel = intercept + slope log2(sigma), over the images with sigma of at least {LEAST_SIGMA}; 95 % intervals over \
         images. Normal noise has slope 1 and intercept log2(sqrt(2 pi e)) = 2.0471; Pence's line has log2(sqrt(12)) = 1.7925, 0.2546 less."
    ));
    let range =
        |i: Option<Interval>| i.map_or_else(String::new, |i| format!("{:.3} to {:.3}", i.low, i.high));
    let head = ["codec", "estimator", "images", "slope", "95 %", "intercept", "95 %", "rms, bits"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for codec in &codecs {
        for (index, estimator) in SigmaEstimator::ALL.iter().enumerate() {
            let points: Vec<(f64, f64)> = frames
                .iter()
                .filter_map(|f| {
                    let sigma = f.sigmas[index].filter(|&sigma| sigma >= LEAST_SIGMA)?;
                    Some((sigma.log2(), sizes.bits_per_pixel(f.key, codec)?))
                })
                .collect();
            let Some(line) = Line::through(&points) else { continue };
            rows.push(vec![
                (*codec).to_owned(),
                estimator.name().to_owned(),
                points.len().to_string(),
                format!("{:.3}", line.slope),
                range(line.slope_interval),
                format!("{:.3}", line.intercept),
                range(line.intercept_interval),
                format!("{:.3}", line.rms),
            ]);
        }
    }
    section.table("Fitted lines", Table { rows });
    let plots = SigmaEstimator::ALL
        .iter()
        .enumerate()
        .filter_map(|(i, e)| plot(&frames, &sizes, &codecs, i, *e, prefix));
    section.plots(plots.collect());
    let share: Vec<(f64, usize)> = frames.iter().filter_map(|f| Some((f.below_snr_3?, f.pixels))).collect();
    let pixels: usize = share.iter().map(|s| s.1).sum();
    if pixels > 0 {
        let pooled = share.iter().map(|&(share, n)| share * n as f64).sum::<f64>() / pixels as f64;
        section.text(format!(
            "Pixels below SNR 3: {:.2} % of {:.1} Mpixel (value less than three sigma above its plane's median; sigma by the 3rd-order MAD). \
             The authors of AstroCompress state 98.5 % for typical frames, without a definition.",
            100.0 * pooled,
            pixels as f64 / 1e6
        ));
    }
    exposure::add(&mut section, &frames, &sizes, &codecs, prefix);
    section.table("Image by image", by_image(&frames, &sizes, &codecs));
    if !absent.is_empty() {
        section.text("Not measured, because the pixels are not at hand:");
        section.blocks.push(Block::List(absent));
    }
    section
}

fn plot(
    frames: &[Frame],
    sizes: &ImageSizes,
    codecs: &[&str],
    index: usize,
    estimator: SigmaEstimator,
    prefix: &str,
) -> Option<Plot> {
    let sigmas: Vec<f64> = frames.iter().filter_map(|f| f.sigmas[index]).collect();
    let ends =
        [sigmas.iter().copied().fold(f64::INFINITY, f64::min), sigmas.iter().copied().fold(0.0, f64::max)];
    let curve = |name: &str, tone: usize, factor: f64| {
        let first = ends[0].max(0.5);
        let points =
            [first, ends[1].max(first)].map(|x| Point { x, y: (x * factor).log2(), ..Point::default() });
        Series { name: name.into(), tone, mark: Mark::Line, points: points.to_vec() }
    };
    let of_codec = |(tone, codec): (usize, &&str)| {
        let points = frames.iter().filter_map(|f| {
            let (x, y) = (f.sigmas[index]?, sizes.bits_per_pixel(f.key, codec)?);
            let hover = format!("{}\nsigma {x:.2}\n{codec}: {y:.3} bits/pixel", f.key.2);
            Some(Point { x, y, hover, ..Point::default() })
        });
        Series { name: (*codec).into(), tone, mark: Mark::Dots, points: points.collect() }
    };
    let mut series: Vec<Series> = codecs.iter().enumerate().map(of_codec).collect();
    let normal = (2.0 * std::f64::consts::PI * std::f64::consts::E).sqrt();
    series.push(curve("entropy of normal noise", 3, normal));
    series.push(curve("Pence et al. 2009", 6, 12f64.sqrt()));
    XyPlot {
        name: slug(&format!("{prefix}-noise-{}", estimator.name())),
        title: format!("Size against noise, {}", estimator.name()),
        x: Axis::log("sigma, counts"),
        y: Axis::linear("bits per pixel"),
        series,
    }
    .draw()
}

fn by_image(frames: &[Frame], sizes: &ImageSizes, codecs: &[&str]) -> Table {
    let mut head = vec!["image".to_owned()];
    head.extend(SigmaEstimator::ALL.iter().map(|e| format!("sigma, {}", e.name())));
    head.push("below SNR 3, %".into());
    head.push("exposure, s".into());
    head.extend(codecs.iter().map(|codec| format!("{codec}, bits/pixel")));
    let number =
        |value: Option<f64>, digits: usize| value.map_or_else(String::new, |v| format!("{v:.digits$}"));
    let rows = frames.iter().map(|f| {
        let mut row = vec![f.key.2.to_owned()];
        row.extend(f.sigmas.iter().map(|&sigma| number(sigma, 2)));
        row.push(number(f.below_snr_3.map(|share| 100.0 * share), 2));
        row.push(f.exposure_s.map_or_else(String::new, |seconds| seconds.to_string()));
        row.extend(codecs.iter().map(|codec| number(sizes.bits_per_pixel(f.key, codec), 3)));
        row
    });
    Table { rows: [head].into_iter().chain(rows).collect() }
}
