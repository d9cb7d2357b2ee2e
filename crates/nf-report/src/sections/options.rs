//! Bits per pixel against a numeric option of a codec, such as the number of pixels of context.
//!
//! A model of `N` parameters that is fitted to noise leaves about `1 / N` of what a larger one
//! would still find, so bits are also fitted by `limit + a / N`: the limit is what this kind of
//! model would reach with unlimited context.

use crate::charts::whole;
use crate::document::Section;
use crate::draw::series::{Mark, Point, Series};
use crate::draw::xy::{Axis, XyPlot};
use crate::slug::slug;
use crate::statistics::line::Line;
use crate::summary::{DatasetSummary, summarise};
use crate::table::Table;
use crate::tables::overview;
use nf_bench::Run;
use std::collections::BTreeMap;

/// Values of the option and bits per pixel.
type Curve = Vec<(f64, f64)>;

pub(super) fn section(run: &Run, prefix: &str) -> Section {
    let mut section = Section::below("Size against an option");
    let datasets = summarise(run);
    let all = overview(run, &datasets);
    let mut specs: Vec<&str> = whole(&all).map(|c| c.codec.as_str()).collect();
    specs.sort_unstable();
    let mut families: BTreeMap<(String, String), Vec<(f64, &str)>> = BTreeMap::new();
    for spec in specs {
        for (rest, key, value) in options(spec) {
            families.entry((rest, key)).or_default().push((value, spec));
        }
    }
    families.retain(|_, members| members.len() > 2);
    let mut rows = vec![
        ["codec", "data", "option", "bits/pixel", "limit + a / option", "rms of fit, bits"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let mut plots = vec![];
    for ((codec, key), mut members) in families {
        members.sort_by(|a, b| a.0.total_cmp(&b.0));
        let curves: Vec<(&str, Curve)> = datasets
            .iter()
            .map(|d| (d.dataset.as_str(), curve(d, &members)))
            .filter(|(_, c)| c.len() > 2)
            .collect();
        for (dataset, curve) in &curves {
            let inverse: Curve = curve.iter().map(|&(x, y)| (1.0 / x, y)).collect();
            let fit = Line::through(&inverse);
            for (index, (x, y)) in curve.iter().enumerate() {
                let line = fit.as_ref().filter(|_| index == 0);
                rows.push(vec![
                    codec.clone(),
                    (*dataset).to_owned(),
                    format!("{key}={x}"),
                    format!("{y:.4}"),
                    line.map_or_else(String::new, |l| format!("{:.4} + {:.3} / {key}", l.intercept, l.slope)),
                    line.map_or_else(String::new, |l| format!("{:.4}", l.rms)),
                ]);
            }
        }
        let series = curves.iter().enumerate().map(|(tone, (dataset, curve))| {
            let points = curve.iter().map(|&(x, y)| {
                let hover = format!("{dataset}\n{key} {x}: {y:.4} bits/pixel");
                Point { x, y, hover, ..Point::default() }
            });
            Series { name: (*dataset).to_owned(), tone, mark: Mark::LineAndDots, points: points.collect() }
        });
        let plot = XyPlot {
            name: slug(&format!("{prefix}-{codec}-{key}")),
            title: format!("Size by `{codec}` against its option `{key}`"),
            x: Axis::log(&key),
            y: Axis::linear("bits per pixel"),
            series: series.collect(),
        };
        plots.extend(plot.draw());
    }
    section.plots(plots);
    section.table("Bits per pixel by option, and a line in its inverse", Table { rows });
    section
}

/// For every numeric option of a spec: the spec without it, its name, its value.
fn options(spec: &str) -> Vec<(String, String, f64)> {
    let Some((name, list)) = spec.split_once(':') else { return vec![] };
    let pairs: Vec<&str> = list.split(',').collect();
    let found = pairs.iter().filter_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        let others: Vec<&str> = pairs.iter().copied().filter(|other| other != pair).collect();
        let rest = if others.is_empty() { name.to_owned() } else { format!("{name}:{}", others.join(",")) };
        Some((rest, key.to_owned(), value.parse().ok()?))
    });
    found.collect()
}

/// What the members make of a dataset.
fn curve(dataset: &DatasetSummary, members: &[(f64, &str)]) -> Curve {
    let bits = |codec: &str| dataset.codecs.iter().find(|c| c.codec == codec).and_then(|c| c.bits_per_pixel);
    members.iter().filter_map(|&(x, codec)| Some((x, bits(codec)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numeric_options_are_told_from_names() {
        assert_eq!(options("raw"), []);
        let found = options("net:checkpoint=a-1,tile=64");
        assert_eq!(found, [("net:checkpoint=a-1".to_owned(), "tile".to_owned(), 64.0)]);
        assert_eq!(options("floor-context:taps=4")[0].0, "floor-context");
    }
}
