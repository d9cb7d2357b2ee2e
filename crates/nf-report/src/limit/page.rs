//! FrameReport frames as a document.

use super::FrameReport;
use crate::Result;
use crate::document::{Block, Document, Grid, Section};
use crate::draw::series::{Mark, Point, Series};
use crate::draw::xy::{Axis, XyPlot};
use crate::pictures::map;
use crate::save::save;
use crate::slug::slug;
use crate::table::Table;
use nf_noise::Estimator;
use nf_noise::calibration::{CELLS, Calibration, LAG};
use nf_noise::photon_transfer::{Bin, Transfer};
use std::path::{Path, PathBuf};

/// Writes `report.html`, `report.md` and plots about the examined images into a folder; gives the
/// path of the page.
///
/// # Errors
/// If a file cannot be written.
pub fn write_page(images: &[FrameReport], command: &str, out: &Path) -> Result<PathBuf> {
    let mut sections = vec![overview(images)];
    sections.extend(images.iter().map(of_image));
    let mut last = Section::new("Command");
    last.blocks.push(Block::Code(command.to_owned()));
    sections.push(last);
    let document = Document {
        title: "How far from the noise floor?".into(),
        lead: "Estimates of what each frame must cost, by every method that applies, beside what a codec makes of it.".into(),
        sections,
    };
    save(document, out)
}

/// Every image, and its figures by estimator.
fn overview(images: &[FrameReport]) -> Section {
    let mut estimators: Vec<Estimator> = vec![];
    for estimate in images.iter().flat_map(|image| &image.estimates) {
        if estimate.bits_per_pixel.is_some() && !estimators.contains(&estimate.estimator) {
            estimators.push(estimate.estimator);
        }
    }
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.3}"));
    let codec = images.first().map_or("codec", |image| &image.codec);
    let mut head = vec!["image".to_owned(), "pixels".to_owned(), codec.to_owned()];
    head.extend(estimators.iter().map(|e| format!("{} ({})", e.name(), e.kind().name())));
    let rows = images.iter().map(|image| {
        let of = |estimator: &Estimator| {
            image.estimates.iter().find(|f| f.estimator == *estimator).and_then(|f| f.bits_per_pixel)
        };
        let mut row = vec![image.image.clone(), image.pixels.to_string(), number(image.bits_per_pixel)];
        row.extend(estimators.iter().map(|estimator| number(of(estimator))));
        row
    });
    let mut section = Section::new("Overview");
    section.text(
        "Only a column marked as a bound limits this frame: no code that does not know the noise is shorter, \
         on average over the noise. The others are estimates of something else (a pixel without light, normal \
         noise of one sigma, ...), which a codec may go below where their assumptions do not hold.",
    );
    section.table("Bits per pixel", Table { rows: [head].into_iter().chain(rows).collect() });
    section
}

fn of_image(image: &FrameReport) -> Section {
    let mut section = Section::new(image.image.clone());
    let mut rows = vec![
        ["estimator", "bits/pixel", "bound on this frame?", "what it is", "details"]
            .map(str::to_owned)
            .to_vec(),
    ];
    rows.extend(image.estimates.iter().map(|f| {
        let bits = f.bits_per_pixel.map_or_else(String::new, |bits| format!("{bits:.4}"));
        let scope = f.estimator.scope().to_owned();
        vec![f.estimator.name().to_owned(), bits, scope, f.meaning.clone(), f.details.join("; ")]
    }));
    let bits = image.bits_per_pixel.map_or("no".into(), |bits| format!("{bits:.4}"));
    section.table(
        format!("{} pixels; {bits} bits per pixel by `{}`", image.pixels, image.codec),
        Table { rows },
    );
    section.blocks.extend(image.transfer.as_ref().and_then(|t| transfer_plot(&image.image, t)));
    if let Some(calibration) = &image.calibration {
        section.blocks.extend(calibration_blocks(&image.image, calibration));
    }
    section
}

/// Variance over mean, and the line through it.
fn transfer_plot(name: &str, transfer: &Transfer) -> Option<Block> {
    let point = |bin: &Bin| Point {
        x: bin.mean,
        y: bin.variance,
        hover: format!("mean {:.1} counts\nvariance {:.2}\n{} blocks", bin.mean, bin.variance, bin.blocks),
        ..Point::default()
    };
    let points: Vec<Point> = transfer.bins.iter().map(point).collect();
    let ends = [points.first()?.x, points.last()?.x];
    let (intercept, slope) = (transfer.intercept, transfer.slope);
    let line = ends.map(|x| Point { x, y: intercept + slope * x, ..Point::default() }).to_vec();
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

/// The PIT histogram and the map of correlations.
fn calibration_blocks(name: &str, calibration: &Calibration) -> Vec<Block> {
    let Calibration { histogram, correlations, .. } = calibration;
    let bars = histogram.iter().enumerate().map(|(cell, &y)| {
        let x = (cell as f64 + 0.5) / CELLS as f64;
        Point { x, y, hover: format!("PIT {x:.3}: {y:.3} of the expected share"), ..Point::default() }
    });
    let plot = XyPlot {
        name: format!("{}-calibration", slug(name)),
        title:
            "PIT histogram: positions of pixels within the codec's predictive distributions (flat is right)"
                .into(),
        x: Axis { range: Some([0.0, 1.0]), ..Axis::linear("probability integral transform") },
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
        caption: "Correlation of PIT values (what the codec leaves unexploited)".into(),
        pictures: vec![picture],
    }));
    blocks
}
