//! Bits per pixel against the number of the plane, for datasets that a suite lists plane by plane,
//! and what a series costs in every form.

use super::series;
use crate::charts::whole;
use crate::document::Section;
use crate::draw::series::{Mark, Point, Series};
use crate::draw::xy::{Axis, XyPlot};
use crate::slug::slug;
use crate::summary::{DatasetSummary, summarise};
use crate::table::Table;
use crate::tables::overview;
use nf_bench::Run;
use nf_bench::{DatasetChoice, Transform};

/// Planes of a dataset in one form, and what every codec makes of them.
struct Planes {
    label: String,
    first: usize,
    last: usize,
    /// Bits per pixel by codec.
    bits: Vec<Option<f64>>,
}

pub(super) fn section(run: &Run, prefix: &str) -> Section {
    let mut section = Section::below("Plane by plane");
    let datasets = summarise(run);
    let all = overview(run, &datasets);
    let codecs: Vec<&str> = whole(&all).take(4).map(|c| c.codec.as_str()).collect();
    let listed: Vec<(&DatasetChoice, &DatasetSummary)> = run.suite.datasets.iter().zip(&datasets).collect();
    let mut planes: Vec<Planes> =
        listed.iter().filter_map(|&(choice, summary)| single(choice, summary, &codecs)).collect();
    planes.extend(given_earlier(&listed, &codecs));
    planes.retain(|planes| planes.bits.iter().any(Option::is_some));

    let head = ["data, form", "plane"].into_iter().chain(codecs.iter().copied()).map(str::to_owned).collect();
    let rows = planes.iter().map(|p| {
        let number =
            if p.first == p.last { p.first.to_string() } else { format!("{} to {}", p.first, p.last) };
        let cells = p.bits.iter().map(|bits| bits.map_or_else(String::new, |bits| format!("{bits:.3}")));
        [p.label.clone(), number].into_iter().chain(cells).collect()
    });
    section
        .table("Bits per pixel of single planes", Table { rows: [head].into_iter().chain(rows).collect() });

    // One plot for each codec: a line for each form.
    let plots = codecs.iter().enumerate().filter_map(|(index, codec)| {
        let mut lines: Vec<Series> = vec![];
        for p in &planes {
            let Some(y) = p.bits[index] else { continue };
            let x = (p.first + p.last) as f64 / 2.0;
            let hover = format!("{}\nplane {x}: {y:.3} bits/pixel", p.label);
            let point = Point { x, y, hover, ..Point::default() };
            match lines.iter_mut().find(|line| line.name == p.label) {
                Some(line) => line.points.push(point),
                None => {
                    let (name, tone) = (p.label.clone(), lines.len());
                    lines.push(Series { name, tone, mark: Mark::LineAndDots, points: vec![point] });
                }
            }
        }
        XyPlot {
            name: slug(&format!("{prefix}-planes-{codec}")),
            title: format!("Size of single planes by `{codec}`"),
            x: Axis::linear("plane"),
            y: Axis::linear("bits per pixel"),
            series: lines,
        }
        .draw()
    });
    section.plots(plots.collect());
    series::add(&mut section, run);
    section
}

fn bits(
    summary: &DatasetSummary,
    codecs: &[&str],
    of: impl Fn(&crate::summary::CodecSummary) -> Option<f64>,
) -> Vec<Option<f64>> {
    codecs.iter().map(|codec| summary.codecs.iter().find(|c| c.codec == *codec).and_then(&of)).collect()
}

/// A dataset that is one plane of every image.
fn single(choice: &DatasetChoice, summary: &DatasetSummary, codecs: &[&str]) -> Option<Planes> {
    let plane = choice.plane?;
    let label = format!("{}, {}", choice.data, form_name(choice.transform));
    Some(Planes { label, first: plane, last: plane, bits: bits(summary, codecs, |c| c.bits_per_pixel) })
}

/// What the planes beyond those of a shorter stack add to it.
fn given_earlier(listed: &[(&DatasetChoice, &DatasetSummary)], codecs: &[&str]) -> Vec<Planes> {
    let mut found = vec![];
    for &(choice, summary) in listed {
        let Some(count) =
            choice.first_planes.filter(|_| choice.transform == Transform::Stack && choice.plane.is_none())
        else {
            continue;
        };
        let same = |other: &DatasetChoice| {
            (&other.data, &other.split, other.transform) == (&choice.data, &choice.split, choice.transform)
                && other.patch_px == choice.patch_px
                && other.max_images == choice.max_images
        };
        let shorter = listed
            .iter()
            .filter(|(other, _)| same(other) && other.plane.is_none())
            .filter_map(|(other, summary)| Some((other.first_planes.filter(|&k| k < count)?, *summary)))
            .max_by_key(|(count, _)| *count);
        let of = |codec: &crate::summary::CodecSummary| {
            let before = shorter.map(|(_, s)| s.codecs.iter().find(|c| c.codec == codec.codec));
            let (bytes, pixels, images) = match before {
                None => (0, 0, codec.images_ok),
                Some(before) => {
                    let before = before?;
                    (before.coded_bytes?, before.pixels, before.images_ok)
                }
            };
            let pixels = codec.pixels.checked_sub(pixels).filter(|&pixels| pixels > 0)?;
            let more = codec.coded_bytes? as f64 - bytes as f64;
            (images == codec.images_ok).then(|| 8.0 * more / pixels as f64)
        };
        found.push(Planes {
            label: format!("{}, given earlier planes", choice.data),
            first: shorter.map_or(0, |(count, _)| count),
            last: count - 1,
            bits: bits(summary, codecs, of),
        });
    }
    found
}

fn form_name(transform: Transform) -> &'static str {
    match transform {
        Transform::Stack => "as it is",
        Transform::DifferencesWrapped => "differences, wrapped",
        Transform::DifferencesCentred => "differences, centred",
        Transform::TwoBytes => "two bytes",
    }
}
