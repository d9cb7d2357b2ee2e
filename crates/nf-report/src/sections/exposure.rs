//! Compression ratio against exposure time, where headers carry it.
//!
//! A longer exposure collects more light and with it more shot noise, so ratios fall until the
//! source or the sky is all there is to a frame. How monotonically they fall is told by Spearman's
//! rank correlation (1904), which assumes no distribution.

use super::measured::Frame;
use crate::document::Section;
use crate::draw::series::{Mark, Point, Series};
use crate::draw::xy::{Axis, XyPlot};
use crate::slug::slug;
use crate::statistics::bootstrap::interval;
use crate::statistics::rank::spearman;
use crate::summary::ImageSizes;
use crate::table::Table;

/// Adds what is known of these frames to a section; nothing where no header says how long it was
/// exposed.
pub(super) fn add(
    section: &mut Section,
    frames: &[Frame],
    sizes: &ImageSizes,
    codecs: &[&str],
    prefix: &str,
) {
    let timed: Vec<(&Frame, f64)> = frames.iter().filter_map(|f| Some((f, f.exposure_s?))).collect();
    if timed.is_empty() {
        return;
    }
    let ratio = |frame: &Frame, codec: &str| Some(16.0 / sizes.bits_per_pixel(frame.key, codec)?);
    let lit: Vec<(&Frame, f64)> = timed.iter().copied().filter(|timed| timed.1 > 0.0).collect();
    let series = codecs.iter().enumerate().map(|(tone, codec)| {
        let points = lit.iter().filter_map(|&(frame, x)| {
            let y = ratio(frame, codec)?;
            let hover = format!("{}\n{x} s\n{codec}: ratio {y:.3}", frame.key.2);
            Some(Point { x, y, hover, ..Point::default() })
        });
        Series { name: (*codec).into(), tone, mark: Mark::Dots, points: points.collect() }
    });
    let plot = XyPlot {
        name: slug(&format!("{prefix}-exposure")),
        title: "Compression ratio against exposure time".into(),
        x: Axis::log("exposure time, s"),
        y: Axis::linear("compression ratio"),
        series: series.collect(),
    };
    section.plots(plot.draw().into_iter().collect());
    section.text(format!(
        "Exposure times are those of the headers: {} of {} images have one, {} of them none at all (bias frames, which the plot leaves out). \
         Images are of many instruments, so a ratio also falls with gain and sky; below, Spearman's rank correlation with 95 % intervals over images.",
        timed.len(),
        frames.len(),
        timed.len() - lit.len()
    ));
    let head = ["codec", "images", "rank correlation of ratio and exposure time", "95 %"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for codec in codecs {
        let points: Vec<(f64, f64)> = lit.iter().filter_map(|&(f, x)| Some((x, ratio(f, codec)?))).collect();
        let every: Vec<usize> = (0..points.len()).collect();
        let Some(rho) = spearman(&points, &every) else { continue };
        let range = interval(points.len(), |drawn| spearman(&points, drawn).unwrap_or(f64::NAN));
        let range = range.map_or_else(String::new, |r| format!("{:.2} to {:.2}", r.low, r.high));
        rows.push(vec![(*codec).to_owned(), points.len().to_string(), format!("{rho:.2}"), range]);
    }
    section.table("Ratio and exposure time", Table { rows });
}
