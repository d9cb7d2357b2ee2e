//! Words in a plot: labels of points where there is room for them, and the legend.

use super::colours::{INK, MUTED, tone};
use super::series::{Mark, SIZE_PX, Series};
use crate::escape::printable;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

const LABEL_PX: i32 = 12;

/// Radius of a dot.
pub(super) const DOT_PX: i32 = 4;

/// What is drawn on.
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// Two ends of a line that labels keep off, pixels.
pub(super) type Segment = [(i32, i32); 2];

/// Writes labels near their points, each clear of all others, of dots and of lines; one that stands
/// apart is joined to its point. `taken` are boxes (left, top, width, height) to stay clear of.
pub(super) fn draw_labels(
    area: &Area,
    labels: &[(&str, (i32, i32))],
    bounds: [i32; 4],
    taken: &mut Vec<[i32; 4]>,
    lines: &[Segment],
) -> Result<(), Box<dyn std::error::Error>> {
    for &(label, at) in labels {
        let Some([left, top, width, height]) = place(label, at, bounds, taken, lines) else { continue };
        let middle = top + height / 2;
        let near = (at.0.clamp(left, left + width), at.1.clamp(top, top + height));
        if (near.0 - at.0).pow(2) + (near.1 - at.1).pow(2) > 14 * 14 {
            area.draw(&PathElement::new(vec![at, near], MUTED.stroke_width(1)))?;
        }
        area.draw(&Text::new(printable(label), (left, middle), ink(HPos::Left)))?;
        taken.push([left, top, width, height]);
    }
    Ok(())
}

/// Dark text of the size of labels.
fn ink(anchor: HPos) -> TextStyle<'static> {
    ("sans-serif", f64::from(LABEL_PX) * 1.24).into_font().color(&INK).pos(Pos::new(anchor, VPos::Center))
}

/// The box of a label as close to its point as nothing is covered: beside it, above, below, then
/// around it in growing circles.
fn place(
    label: &str,
    (x, y): (i32, i32),
    [x0, y0, x1, y1]: [i32; 4],
    taken: &[[i32; 4]],
    lines: &[Segment],
) -> Option<[i32; 4]> {
    const DIRECTIONS: i32 = 16;
    let (width, height) = (text_px(label), LABEL_PX);
    let candidates = (0..64).flat_map(|ring| {
        let distance = 9 + 6 * ring;
        // To the right first, then to the left, then what lies between.
        let turns = (0..DIRECTIONS).map(|i| if i % 2 == 0 { i / 2 } else { i / 2 + DIRECTIONS / 2 });
        turns.map(move |turn| {
            let angle = f64::from(turn) * std::f64::consts::TAU / f64::from(DIRECTIONS);
            let (dx, dy) = (f64::from(distance) * angle.cos(), f64::from(distance) * angle.sin());
            // The box touches the circle with the side or corner that faces the point.
            let left = f64::from(x) + dx - f64::from(width) * (1.0 - angle.cos()) / 2.0;
            let top = f64::from(y) + dy - f64::from(height) * (1.0 - angle.sin()) / 2.0;
            [left.round() as i32, top.round() as i32, width, height]
        })
    });
    candidates.into_iter().find(|&space| {
        let [left, top, ..] = space;
        let inside = left >= x0 && top >= y0 && left + width <= x1 && top + height <= y1;
        inside
            && !taken.iter().any(|other| meet(&space, other))
            && !lines.iter().any(|line| crosses(line, &space))
    })
}

/// Whether two boxes share an area.
fn meet(a: &[i32; 4], b: &[i32; 4]) -> bool {
    a[0] < b[0] + b[2] && b[0] < a[0] + a[2] && a[1] < b[1] + b[3] && b[1] < a[1] + a[3]
}

/// Whether a line passes through a box (Liang and Barsky 1984).
fn crosses(&[(ax, ay), (bx, by)]: &Segment, &[left, top, width, height]: &[i32; 4]) -> bool {
    let (mut enters, mut leaves) = (0.0f64, 1.0f64);
    let sides = [
        (ax - bx, ax - left),
        (bx - ax, left + width - ax),
        (ay - by, ay - top),
        (by - ay, top + height - ay),
    ];
    for (p, q) in sides {
        let (p, q) = (f64::from(p), f64::from(q));
        if p == 0.0 && q < 0.0 {
            return false;
        }
        if p < 0.0 {
            enters = enters.max(q / p);
        } else if p > 0.0 {
            leaves = leaves.min(q / p);
        }
    }
    enters <= leaves
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_cross_boxes_or_pass_by() {
        let space = [10, 10, 20, 10];
        assert!(crosses(&[(0, 15), (50, 15)], &space) && crosses(&[(20, 0), (20, 50)], &space));
        assert!(crosses(&[(15, 12), (16, 13)], &space), "inside");
        assert!(!crosses(&[(0, 5), (50, 5)], &space) && !crosses(&[(0, 30), (12, 21)], &space));
    }

    #[test]
    fn every_label_of_a_crowd_finds_a_place_off_lines_dots_and_others() {
        let points: Vec<(i32, i32)> = (0..27).map(|i| (80 + 9 * (i % 9), 100 + 7 * (i / 9))).collect();
        let mut taken: Vec<[i32; 4]> = points.iter().map(|&(x, y)| [x - 4, y - 4, 8, 8]).collect();
        let lines = [[(60, 90), (400, 90)], [(200, 60), (200, 400)]];
        for &at in &points {
            let space = place("jpegxl:effort=10", at, [60, 30, 750, 420], &taken, &lines).unwrap();
            assert!(!taken.iter().any(|other| meet(&space, other)));
            assert!(!lines.iter().any(|line| crosses(line, &space)));
            taken.push(space);
        }
    }
}
