//! Bits per pixel against the number of the plane, for datasets that a suite lists plane by plane.

use crate::report::charts::whole;
use crate::report::document::Section;
use crate::report::xy::{Axis, Mark, Point, Series, XyPlot};
use crate::run::Run;
use crate::suite::{DatasetChoice, Form};
use crate::summary::summarise;
use crate::table::{Table, overview};

pub(super) fn section(run: &Run, prefix: &str) -> Section {
    let mut section = Section::below("Plane by plane");
    let datasets = summarise(run);
    let all = overview(run, &datasets);
    let codecs: Vec<&str> = whole(&all).take(4).map(|c| c.codec.as_str()).collect();
    let mut series: Vec<Series> = vec![];
    let head = ["data, form", "plane"].into_iter().chain(codecs.iter().copied()).map(str::to_owned).collect();
    let mut rows = vec![head];
    for (choice, summary) in run.suite.datasets.iter().zip(&datasets) {
        let Some(plane) = choice.plane else { continue };
        let bits =
            |codec: &str| summary.codecs.iter().find(|c| c.codec == codec).and_then(|c| c.bits_per_pixel);
        let mut row = vec![label(choice), plane.to_string()];
        for (tone, codec) in codecs.iter().enumerate() {
            let value = bits(codec);
            row.push(value.map_or_else(String::new, |value| format!("{value:.3}")));
            let Some(y) = value else { continue };
            let name = format!("{codec}: {}", label(choice));
            let hover = format!("{name}\nplane {plane}: {y:.3} bits/pixel");
            let point = Point { x: plane as f64, y, hover, ..Point::default() };
            match series.iter_mut().find(|series| series.name == name) {
                Some(series) => series.points.push(point),
                None => series.push(Series { name, tone, mark: Mark::LineAndDots, points: vec![point] }),
            }
        }
        if row.iter().skip(2).any(|cell| !cell.is_empty()) {
            rows.push(row);
        }
    }
    section.table("Bits per pixel of single planes", Table { rows });
    let plot = XyPlot {
        name: format!("{prefix}-planes"),
        title: "Size of single planes".into(),
        x: Axis::linear("plane"),
        y: Axis::linear("bits per pixel"),
        series,
    };
    section.plots(plot.draw().into_iter().collect());
    section
}

fn label(choice: &DatasetChoice) -> String {
    let form = match choice.form {
        Form::Stack => "as it is",
        Form::DifferencesWrapped => "differences, wrapped",
        Form::DifferencesCentred => "differences, centred",
        Form::TwoBytes => "two bytes",
    };
    format!("{}, {form}", choice.data)
}
