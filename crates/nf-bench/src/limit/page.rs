//! The findings as a document.

use super::Examined;
use super::calibration::{CELLS, Calibration, LAG};
use super::photon_transfer::Transfer;
use crate::Result;
use crate::report::document::{Block, Document, Grid, Section};
use crate::report::picture::map;
use crate::report::plot::slug;
use crate::report::save;
use crate::report::xy::{Axis, Mark, Point, Series, XyPlot};
use crate::table::Table;
use std::path::{Path, PathBuf};

/// Writes `report.html`, `report.md` and plots about the examined images into a folder; gives the path of the page.
///
/// # Errors
/// If a file cannot be written.
pub fn write_page(images: &[Examined], command: &str, out: &Path) -> Result<PathBuf> {
    let mut sections = vec![overview(images)];
    sections.extend(images.iter().map(of_image));
    let mut last = Section::new("Command");
    last.blocks.push(Block::Code(command.to_owned()));
    sections.push(last);
    let document = Document {
        title: "How far from the noise floor?".into(),
        lead: "What each frame must cost, by every way of knowing it that applies, beside what a codec makes of it.".into(),
        sections,
    };
    save(&document, out)
}

/// Every image, and its figures by estimator.
fn overview(images: &[Examined]) -> Section {
    let mut names: Vec<&str> = vec![];
    for finding in images.iter().flat_map(|image| &image.findings) {
        if finding.bits_per_pixel.is_some() && !names.contains(&finding.estimator.as_str()) {
            names.push(&finding.estimator);
        }
    }
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.3}"));
    let codec = images.first().map_or("codec", |image| &image.codec);
    let mut head = vec!["image".to_owned(), "pixels".to_owned(), codec.to_owned()];
    head.extend(names.iter().map(|name| (*name).to_owned()));
    let rows = images.iter().map(|image| {
        let of =
            |name: &&str| image.findings.iter().find(|f| f.estimator == *name).and_then(|f| f.bits_per_pixel);
        let mut row = vec![image.image.clone(), image.pixels.to_string(), number(image.bits_per_pixel)];
        row.extend(names.iter().map(|name| number(of(name))));
        row
    });
    let mut section = Section::new("Overview");
    section.table("Bits per pixel", Table { rows: [head].into_iter().chain(rows).collect() });
    section
}

fn of_image(image: &Examined) -> Section {
    let mut section = Section::new(image.image.clone());
    let mut rows = vec![["estimator", "bits/pixel", "what it is", "details"].map(str::to_owned).to_vec()];
    rows.extend(image.findings.iter().map(|f| {
        let bits = f.bits_per_pixel.map_or_else(String::new, |bits| format!("{bits:.4}"));
        vec![f.estimator.clone(), bits, f.meaning.clone(), f.details.join("; ")]
    }));
    let bits = image.bits_per_pixel.map_or("no".into(), |bits| format!("{bits:.4}"));
    section.table(
        format!("{} pixels; {bits} bits per pixel by `{}`", image.pixels, image.codec),
        Table { rows },
    );
    section.blocks.extend(image.blocks.iter().cloned());
    section
}

/// Variance over mean, and the line through it.
pub(super) fn transfer_plot(name: &str, transfer: &Transfer) -> Option<Block> {
    let points = transfer.bins.iter().map(|&(x, y, blocks)| Point {
        x,
        y,
        hover: format!("mean {x:.1} counts\nvariance {y:.2}\n{blocks} blocks"),
        ..Point::default()
    });
    let points: Vec<Point> = points.collect();
    let ends = [points.first()?.x, points.last()?.x];
    let (at_zero, slope) = transfer.line;
    let line = ends.map(|x| Point { x, y: at_zero + slope * x, ..Point::default() }).to_vec();
    let series = |name: &str, tone, mark, points| Series { name: name.into(), tone, mark, points };
    let plot = XyPlot {
        name: format!("{}-photon-transfer", slug(name)),
        title: "Photon transfer: noise variance of one exposure over its mean".into(),
        x: Axis::linear("mean, counts"),
        y: Axis::linear("variance, counts squared"),
        series: vec![series("blocks by mean", 0, Mark::Dots, points), series("line", 6, Mark::Line, line)],
    };
    Some(Block::Plots(vec![plot.draw()?]))
}

/// The histogram of positions and the map of correlations.
pub(super) fn calibration_blocks(name: &str, calibration: &Calibration) -> Vec<Block> {
    let Calibration { histogram, correlations, .. } = calibration;
    let bars = histogram.iter().enumerate().map(|(cell, &y)| {
        let x = (cell as f64 + 0.5) / CELLS as f64;
        Point { x, y, hover: format!("position {x:.3}: {y:.3} of what is right"), ..Point::default() }
    });
    let plot = XyPlot {
        name: format!("{}-calibration", slug(name)),
        title: "Positions of pixels within the codec's laws (flat is right)".into(),
        x: Axis { range: Some([0.0, 1.0]), ..Axis::linear("mass below the pixel") },
        y: Axis::linear("share, 1 is right"),
        series: vec![Series { name: String::new(), tone: 0, mark: Mark::Bars, points: bars.collect() }],
    };
    let side = 2 * LAG + 1;
    let end = correlations.iter().fold(0.05f64, |end, r| end.max(r.abs()));
    let grid = Grid {
        rows: LAG + 1,
        columns: side,
        values: correlations.clone(),
        unit: "correlation".into(),
        scale: [-end, end],
        colours: vec![],
    };
    let caption = format!(
        "lag 0 to {LAG} rows down, {LAG} columns left to {LAG} right; lags that repeat others are left at zero"
    );
    let picture = map(format!("{}-correlations", slug(name)), caption, grid, 32, true);
    let mut blocks: Vec<Block> = plot.draw().map(|plot| Block::Plots(vec![plot])).into_iter().collect();
    blocks.extend(picture.map(|picture| Block::Pictures {
        caption: "Correlation of what the codec's laws leave over".into(),
        pictures: vec![picture],
    }));
    blocks
}
