//! Words in a plot: labels of points where there is room for them, and the legend.

use super::colours::{INK, tone};
use super::xy::{Mark, SIZE_PX, Series};
use crate::escape::printable;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

const LABEL_PX: i32 = 12;

/// Radius of a dot.
pub(super) const DOT_PX: i32 = 4;

/// What is drawn on.
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// Writes labels beside their points, those that find room; `taken` are boxes (left, top, width, height) to stay clear of.
pub(super) fn draw_labels(
    area: &Area,
    labels: &[(&str, (i32, i32))],
    bounds: [i32; 4],
    taken: &mut Vec<[i32; 4]>,
) -> Result<(), Box<dyn std::error::Error>> {
    for &(label, at) in labels {
        let Some((x, y, h)) = place(label, at, bounds, taken) else { continue };
        area.draw(&Text::new(printable(label), (x, y), ink(h)))?;
    }
    Ok(())
}

/// Dark text of the size of labels.
fn ink(anchor: HPos) -> TextStyle<'static> {
    ("sans-serif", f64::from(LABEL_PX) * 1.24).into_font().color(&INK).pos(Pos::new(anchor, VPos::Center))
}

/// Where a label of a point can stand without covering anything, and how it is anchored there.
fn place(
    label: &str,
    (x, y): (i32, i32),
    bounds: [i32; 4],
    taken: &mut Vec<[i32; 4]>,
) -> Option<(i32, i32, HPos)> {
    let width = text_px(label);
    let offsets = [
        (9, 0, HPos::Left),
        (-9, 0, HPos::Right),
        (0, -13, HPos::Center),
        (0, 13, HPos::Center),
        (8, -10, HPos::Left),
        (8, 10, HPos::Left),
        (-8, -10, HPos::Right),
        (-8, 10, HPos::Right),
    ];
    offsets.into_iter().find_map(|(dx, dy, anchor)| {
        let left = x + dx
            - match anchor {
                HPos::Left => 0,
                HPos::Right => width,
                HPos::Center => width / 2,
            };
        let space = [left, y + dy - LABEL_PX / 2, width, LABEL_PX];
        let inside = space[0] >= bounds[0]
            && space[1] >= bounds[1]
            && space[0] + space[2] <= bounds[2]
            && space[1] + space[3] <= bounds[3];
        let meets = |other: &[i32; 4]| {
            space[0] < other[0] + other[2]
                && other[0] < space[0] + space[2]
                && space[1] < other[1] + other[3]
                && other[1] < space[1] + space[3]
        };
        (inside && !taken.iter().any(meets)).then(|| {
            taken.push(space);
            (x + dx, y + dy, anchor)
        })
    })
}

/// About how wide a label is drawn.
fn text_px(label: &str) -> i32 {
    (label.chars().count() as f64 * f64::from(LABEL_PX) * 0.56) as i32
}

/// Where the entries of a legend stand: x and line of each.
fn legend_places(named: &[&Series]) -> Vec<(i32, i32)> {
    let (mut x, mut line) = (70, 0);
    named
        .iter()
        .map(|series| {
            let width = text_px(&series.name) + 34;
            if x + width > SIZE_PX.0 as i32 && x > 70 {
                (x, line) = (70, line + 1);
            }
            let place = (x, line);
            x += width;
            place
        })
        .collect()
}

pub(super) fn legend_lines(named: &[&Series]) -> i32 {
    legend_places(named).last().map_or(0, |(_, line)| line + 1)
}

pub(super) fn draw_legend(area: &Area, named: &[&Series]) -> Result<(), Box<dyn std::error::Error>> {
    for (series, (x, line)) in named.iter().zip(legend_places(named)) {
        let (y, colour) = (16 + 20 * line, tone(series.tone));
        if matches!(series.mark, Mark::Line | Mark::LineAndDots) {
            area.draw(&PathElement::new(vec![(x - 7, y), (x + 7, y)], colour.stroke_width(2)))?;
        }
        if matches!(series.mark, Mark::Dots | Mark::LineAndDots) {
            area.draw(&Circle::new((x, y), DOT_PX, colour.filled()))?;
        }
        if series.mark == Mark::Bars {
            area.draw(&Rectangle::new([(x - 5, y - 5), (x + 5, y + 5)], colour.mix(0.75).filled()))?;
        }
        area.draw(&Text::new(printable(&series.name), (x + 12, y), ink(HPos::Left)))?;
    }
    Ok(())
}
