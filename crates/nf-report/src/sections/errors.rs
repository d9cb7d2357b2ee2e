//! What bounds do: the errors of samples, and photometry on a simulated sky.

use crate::document::{Block, Grid, Section};
use crate::draw::plot::Plot;
use crate::draw::series::{Mark, Point, Series};
use crate::draw::xy::{Axis, XyPlot};
use crate::pictures::map;
use crate::slug::slug;
use crate::sources::Sources;
use crate::table::Table;
use nf_bench::errors::{self, ErrorRow, OPEN_LOOP};
use nf_bench::photometry::{self, DITHERED, PhotometryRow, RATIOS, SkyPictures};
use nf_bench::{DatasetChoice, Run};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn sections(run: &Run, prefix: &str, sources: &Sources) -> Vec<Section> {
    let (mut first, mut second) = (Section::below("What bounds do to samples"), Section::below("Photometry"));
    match errors::of_run(&run.folder) {
        Ok(rows) if !rows.is_empty() => of_samples(&mut first, run, &rows, prefix),
        Ok(_) => {}
        Err(error) => {
            first.text(error.to_string());
        }
    }
    match photometry::of_run(&run.folder) {
        Ok(rows) if !rows.is_empty() => {
            of_stars(&mut second, &rows, prefix);
            second.blocks.push(pictures(run, sources, prefix));
        }
        Ok(_) => {}
        Err(error) => {
            second.text(error.to_string());
        }
    }
    vec![first, second]
}

/// Means over the images of a dataset.
struct Means<'a> {
    codec: &'a str,
    rows: Vec<&'a ErrorRow>,
    bits_per_pixel: Option<f64>,
}

impl Means<'_> {
    fn mean(&self, of: impl Fn(&ErrorRow) -> f64) -> f64 {
        self.rows.iter().map(|row| of(row)).sum::<f64>() / self.rows.len() as f64
    }

    fn most(&self, of: impl Fn(&ErrorRow) -> f64) -> f64 {
        self.rows.iter().map(|row| of(row)).fold(0.0, f64::max)
    }

    /// Mean of lists, in standard deviations of the noise where `in_sigma` says so.
    fn list(&self, of: impl Fn(&ErrorRow) -> &str, in_sigma: bool) -> String {
        let lists: Vec<Vec<f64>> = self
            .rows
            .iter()
            .map(|row| {
                let unit = if in_sigma { sigma(row) } else { 1.0 };
                ErrorRow::list(of(row)).into_iter().map(|value| value / unit).collect()
            })
            .collect();
        let length = lists.iter().map(Vec::len).min().unwrap_or(0);
        let mean = |n: usize| lists.iter().map(|list| list[n]).sum::<f64>() / lists.len() as f64;
        (0..length).map(|n| format!("{:.3}", mean(n))).collect::<Vec<_>>().join(" ")
    }

    /// Bits that a uniform error of this size would leave: those of a codec whose errors are
    /// smaller than the bound allows are fewer than they look.
    fn bits_at_equal_rms(&self) -> Option<f64> {
        let share = self.mean(|row| (row.rms_dn / ((row.bound_dn + 0.5) / 3f64.sqrt())).log2());
        self.bits_per_pixel.filter(|_| share.is_finite()).map(|bits| bits + share)
    }
}

fn sigma(row: &ErrorRow) -> f64 {
    row.sigma_dn.filter(|&sigma| sigma > 0.0).unwrap_or(1.0)
}

/// Codecs of a dataset: those of the file, and every lossless one of the run, whose samples are
/// those of the indices. Bits are means over the images.
fn means<'a>(run: &'a Run, choice: &DatasetChoice, rows: &'a [ErrorRow]) -> Vec<Means<'a>> {
    let here: Vec<&ErrorRow> =
        rows.iter().filter(|row| row.dataset == choice.name && row.split == choice.split).collect();
    let mut by_codec: BTreeMap<&str, Vec<&ErrorRow>> = BTreeMap::new();
    here.iter().for_each(|row| by_codec.entry(&row.codec).or_default().push(row));
    let mut bits: BTreeMap<&str, (f64, usize)> = BTreeMap::new();
    for row in run.rows.iter().filter(|row| row.dataset == choice.name && row.split == choice.split) {
        if let Some(found) = row.bits().filter(|_| row.pixels() > 0) {
            let sum = bits.entry(&row.codec).or_default();
            *sum = (sum.0 + found as f64 / row.pixels() as f64, sum.1 + 1);
        }
    }
    let of_indices = by_codec.get(OPEN_LOOP).cloned().unwrap_or_default();
    let mut all: Vec<Means> = bits
        .into_iter()
        .map(|(codec, (sum, count))| Means {
            codec,
            rows: by_codec.get(codec).cloned().unwrap_or_else(|| of_indices.clone()),
            bits_per_pixel: Some(sum / count as f64),
        })
        .filter(|means| !means.rows.is_empty())
        .collect();
    all.sort_by(|a, b| a.bits_per_pixel.partial_cmp(&b.bits_per_pixel).unwrap_or(std::cmp::Ordering::Equal));
    all
}

fn of_samples(section: &mut Section, run: &Run, rows: &[ErrorRow], prefix: &str) {
    section.text(
        "Errors are decoded less original. Lossless codecs share the samples of the indices. `equal rms`: bits plus the \
         logarithm of the rms relative to that of a uniform error within the bound, since a codec that stays below its \
         bound pays for it. Correlations with the next pixel of a row and of a column; `uniform`: largest distance \
         between the distribution and a uniform one. All are means over the images, but for the largest errors.",
    );
    let mut curves: BTreeMap<String, Curve> = BTreeMap::new();
    for choice in &run.suite.datasets {
        let all = means(run, choice, rows);
        let head = [
            "codec",
            "bits/pixel",
            "equal rms",
            "largest / bound",
            "largest, sigma",
            "rms, sigma",
            "mean, sigma",
            "changed",
            "with sample",
            "in rows",
            "in columns",
            "uniform",
        ];
        let mut table = vec![head.map(str::to_owned).to_vec()];
        let mut shapes = vec![
            [
                "codec",
                "mean error from dark to bright eighths, sigma",
                "power from low to high frequency, white = 1",
            ]
            .map(str::to_owned)
            .to_vec(),
        ];
        for means in &all {
            let number = |value: f64, digits: usize| format!("{value:.digits$}");
            let bits = |value: Option<f64>| value.map_or_else(String::new, |bits| format!("{bits:.3}"));
            table.push(vec![
                means.codec.to_owned(),
                bits(means.bits_per_pixel),
                bits(means.bits_at_equal_rms()),
                number(means.most(|row| row.largest_dn / row.bound_dn), 3),
                number(means.most(|row| row.largest_dn / sigma(row)), 3),
                number(means.mean(|row| row.rms_dn / sigma(row)), 3),
                number(means.mean(|row| row.mean_dn / sigma(row)), 4),
                number(means.mean(|row| row.changed), 3),
                number(means.mean(|row| row.correlation), 3),
                number(means.mean(|row| row.lag1_x), 3),
                number(means.mean(|row| row.lag1_y), 3),
                number(means.mean(|row| row.uniform_distance), 3),
            ]);
            // A bound in DN is another share of the noise in every frame.
            if choice.bound.as_ref().is_some_and(|bound| bound.ends_with("sigma")) {
                curves.entry(means.codec.to_owned()).or_default().push((
                    means.mean(|row| row.rms_dn / sigma(row)),
                    means.bits_per_pixel.unwrap_or(f64::NAN),
                    choice.name.clone(),
                ));
            }
        }
        // The indices once, and those with a loss of their own.
        let own = |codec: &str| rows.iter().any(|row| row.codec == codec);
        let mut shown_indices = false;
        for means in &all {
            let name = match own(means.codec) {
                true => means.codec,
                false if !shown_indices => {
                    shown_indices = true;
                    OPEN_LOOP
                }
                false => continue,
            };
            let levels = means.list(|row| &row.level_means_dn, true);
            shapes.push(vec![name.to_owned(), levels, means.list(|row| &row.power, false)]);
        }
        if table.len() > 1 {
            section.table(format!("Errors within the bound of {}", choice.name), Table { rows: table });
            section.table(format!("Their shape in {}", choice.name), Table { rows: shapes });
        }
    }
    let own = |codec: &str| rows.iter().any(|row| row.codec == codec);
    let series = leading(curves, &own).into_iter().enumerate().map(|(tone, (codec, mut curve))| {
        curve.sort_by(|a, b| a.0.total_cmp(&b.0));
        let points = curve.into_iter().map(|(x, y, name)| {
            let hover = format!("{codec}\n{name}: rms {x:.3} sigma, {y:.3} bits/pixel");
            Point { x, y, hover, ..Point::default() }
        });
        Series { points: points.collect(), name: codec, tone, mark: Mark::LineAndDots }
    });
    let plot = XyPlot {
        name: slug(&format!("{prefix}-rate-rms")),
        title: "Rate against the size of the error".to_owned(),
        x: Axis::log("rms error, sigma"),
        y: Axis::linear("bits per pixel"),
        series: series.collect(),
    };
    section.plots(plot.draw().into_iter().collect());
}

/// Points of a curve: horizontal, vertical, and what they are.
type Curve = Vec<(f64, f64, String)>;

/// The curves by their bits, the lowest first: of every name with a loss of its own the smallest
/// codec, and of the others, whose errors are the same, the smallest of all.
fn leading(curves: BTreeMap<String, Curve>, own: &dyn Fn(&str) -> bool) -> Vec<(String, Curve)> {
    let bits = |curve: &Curve| curve.iter().map(|point| point.1).sum::<f64>() / curve.len() as f64;
    let mut all: Vec<(String, Curve)> = curves.into_iter().collect();
    all.sort_by(|a, b| bits(&a.1).total_cmp(&bits(&b.1)));
    let mut seen = BTreeSet::new();
    all.retain(|(codec, _)| {
        let name = if own(codec) { codec.split(':').next().unwrap_or_default() } else { OPEN_LOOP };
        seen.insert(name.to_owned())
    });
    all
}

fn of_stars(section: &mut Section, rows: &[PhotometryRow], prefix: &str) {
    let ratios: Vec<String> = RATIOS.iter().map(f64::to_string).collect();
    section.text(format!(
        "A simulated sky of 1024 x 1024 pixels with normal noise of 10 DN and stars of signal-to-noise ratios {}. Fluxes by \
         the true point spread function, centroids, sizes and ellipticities by weighted moments, detections by a matched \
         filter; all against the same of the original frame. Fluxes in standard deviations of a flux, by ratio; centroids at \
         ratios from 10 on, moments from 30 on. Bits of the indices are those of the last lossless codec of the suite.",
        ratios.join(", ")
    ));
    let spaced = |list: &str| list.replace(';', " ");
    let mut bounds: Vec<f64> = rows.iter().map(|row| row.bound_sigma).collect();
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    for bound in &bounds {
        let head = [
            "codec",
            "bits/pixel",
            "rms, DN",
            "sky median, DN",
            "clipped mean",
            "flux bias",
            "its error",
            "flux scatter",
            "centroid, px",
            "size",
            "ellipticity",
            "detected at 3 sigma",
            "at 5 sigma",
            "false at 3",
            "at 5",
        ];
        let mut table = vec![head.map(str::to_owned).to_vec()];
        for row in rows.iter().filter(|row| row.bound_sigma == *bound) {
            if !row.error.is_empty() {
                table.push(vec![row.codec.clone(), row.error.clone()]);
                table.last_mut().into_iter().for_each(|last| last.resize(head.len(), String::new()));
                continue;
            }
            table.push(vec![
                row.codec.clone(),
                format!("{:.3}", row.bits_per_pixel),
                format!("{:.3}", row.rms_dn),
                row.sky_median_dn.to_string(),
                format!("{:.3}", row.sky_mean_dn),
                spaced(&row.flux_bias_sigma),
                spaced(&row.flux_bias_error),
                spaced(&row.flux_scatter),
                spaced(&row.centroid_px),
                spaced(&row.size_bias),
                spaced(&row.ellipticity_bias),
                spaced(&row.completeness_3),
                spaced(&row.completeness_5),
                row.false_3.to_string(),
                row.false_5.to_string(),
            ]);
        }
        section.table(format!("Stars within a bound of {bound} sigma"), Table { rows: table });
    }
    section.plots(rate_bias(rows, prefix).into_iter().collect());
}

/// Noise and errors of a corner of the sky side by side, at one sigma; of every name the first
/// codec of the suite.
fn pictures(run: &Run, sources: &Sources, prefix: &str) -> Block {
    const BOUND_SIGMA: f64 = 1.0;
    let sky = SkyPictures::default();
    let side = SkyPictures::SIDE_PX;
    let picture = |name: &str, caption: String, values: Vec<f64>, unit: &str, end: f64| {
        let scale = [-end, end];
        let values = values.into_iter().map(|value| value.clamp(-end, end)).collect();
        let grid = Grid { rows: side, columns: side, values, unit: unit.into(), scale, colours: vec![] };
        map(slug(&format!("{prefix}-sky-{name}")), caption, grid, 1, true)
    };
    let mut shown =
        vec![picture("noise", "the sky less its level, sigma".into(), sky.original(), "sigma", 5.0)];
    let mut add = |name: &str, values: Result<Vec<f64>, String>| {
        // What cannot be run here, such as an external program, is left out.
        shown.extend(values.ok().map(|values| picture(name, name.to_owned(), values, "bounds", 1.0)));
    };
    add(OPEN_LOOP, sky.error(BOUND_SIGMA, false, None));
    add(DITHERED, sky.error(BOUND_SIGMA, true, None));
    let specs = run.suite.codecs.iter().filter_map(|text| sources.array_codecs.of_spec(&text.parse().ok()?));
    let mut seen = BTreeSet::new();
    for spec in specs.filter(|spec| seen.insert(spec.name().to_owned())) {
        add(&spec.to_string(), sky.error(BOUND_SIGMA, false, Some((sources.array_codecs, &spec))));
    }
    Block::Pictures {
        caption: format!(
            "A corner of the sky, and the errors within {BOUND_SIGMA} sigma in units of the bound"
        ),
        pictures: shown.into_iter().flatten().collect(),
    }
}

/// Bits against the bias of faint stars.
fn rate_bias(rows: &[PhotometryRow], prefix: &str) -> Option<Plot> {
    let mut curves: BTreeMap<String, Curve> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.error.is_empty()) {
        let faint = ErrorRow::list(&row.flux_bias_sigma).first().map_or(f64::NAN, |bias| bias.abs());
        let hover = format!(
            "{}\n{} sigma: {:.3} bits/pixel, bias {faint:.4}",
            row.codec, row.bound_sigma, row.bits_per_pixel
        );
        curves.entry(row.codec.clone()).or_default().push((faint, row.bits_per_pixel, hover));
    }
    let series =
        leading(curves, &|codec| codec != OPEN_LOOP).into_iter().enumerate().map(|(tone, (codec, curve))| {
            let points = curve.into_iter().map(|(y, x, hover)| Point { x, y, hover, ..Point::default() });
            Series { name: codec, tone, mark: Mark::LineAndDots, points: points.collect() }
        });
    XyPlot {
        name: slug(&format!("{prefix}-rate-bias")),
        title: "Rate against the bias of faint fluxes".to_owned(),
        x: Axis::linear("bits per pixel"),
        y: Axis::log("bias of fluxes of ratio 3, sigma"),
        series: series.collect(),
    }
    .draw()
}
