//! Points and lines over two axes.

use super::colours::{DISTINCT, GRID, PAPER, SOFT, tone};
use super::labels::{Area, DOT_PX, Segment, draw_labels, draw_legend, legend_lines};
use super::plot::{Plot, Spot, csv};
use super::series::{Mark, SIZE_PX, Series};
use crate::escape::printable;
use plotters::coord::combinators::WithKeyPoints;
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

/// What is to be drawn.
#[derive(Clone, Debug)]
pub(crate) struct XyPlot {
    /// File stem.
    pub(crate) name: String,
    /// What it shows.
    pub(crate) title: String,
    /// The horizontal axis.
    pub(crate) x: Axis,
    /// The vertical axis.
    pub(crate) y: Axis,
    /// What is drawn, the first one on top of all others.
    pub(crate) series: Vec<Series>,
}

/// One axis.
#[derive(Clone, Debug, Default)]
pub(crate) struct Axis {
    /// Quantity and unit.
    pub(crate) label: String,
    /// Whether equal steps are equal factors.
    pub(crate) log: bool,
    /// Smallest and largest value, instead of those of the points.
    pub(crate) range: Option<[f64; 2]>,
}

impl Axis {
    pub(crate) fn linear(label: &str) -> Self {
        Self { label: label.to_owned(), ..Self::default() }
    }

    pub(crate) fn log(label: &str) -> Self {
        Self { log: true, ..Self::linear(label) }
    }
}

impl XyPlot {
    /// Draws it; `None` if no point can be drawn.
    pub(crate) fn draw(mut self) -> Option<Plot> {
        let (log_x, log_y) = (self.x.log, self.y.log);
        for series in &mut self.series {
            series.points.retain(|p| {
                p.x.is_finite() && p.y.is_finite() && (!log_x || p.x > 0.0) && (!log_y || p.y > 0.0)
            });
        }
        self.series.retain(|series| !series.points.is_empty());
        let x = extent(&self.x, self.series.iter().flat_map(|s| s.points.iter().map(|p| p.x)))?;
        let bars = self.series.iter().any(|series| series.mark == Mark::Bars).then_some(0.0);
        let y = extent(
            &self.y,
            self.series
                .iter()
                .flat_map(|s| s.points.iter())
                .flat_map(|p| [Some(p.y), p.error.map(|e| e[0]), p.error.map(|e| e[1])])
                .flatten()
                .chain(bars),
        )?;
        let mut svg = String::new();
        let mut spots = vec![];
        {
            let area = SVGBackend::with_string(&mut svg, SIZE_PX).into_drawing_area();
            let (xs, ys) = (x[0]..x[1], y[0]..y[1]);
            let drawn = match (log_x, log_y) {
                (false, false) => self.chart(&area, xs, ys, &mut spots),
                (true, false) => self.chart(&area, log_axis(x), ys, &mut spots),
                (false, true) => self.chart(&area, xs, log_axis(y), &mut spots),
                (true, true) => self.chart(&area, log_axis(x), log_axis(y), &mut spots),
            };
            drawn.and_then(|()| area.present().map_err(Into::into)).expect("a string takes every drawing");
        }
        let rows = self.series.iter().flat_map(|series| {
            series.points.iter().map(|p| {
                vec![series.name.clone(), p.label.clone(), p.x.to_string(), p.y.to_string(), p.hover.clone()]
            })
        });
        let head = ["series", "label", &self.x.label, &self.y.label, "note"].map(str::to_owned).to_vec();
        let csv = csv([head].into_iter().chain(rows));
        Some(Plot { name: self.name, title: self.title, svg, size_px: SIZE_PX, spots, csv, wide: false })
    }

    fn chart<X, Y>(
        &self,
        area: &Area,
        x: X,
        y: Y,
        spots: &mut Vec<Spot>,
    ) -> Result<(), Box<dyn std::error::Error>>
    where
        X: AsRangedCoord<Value = f64>,
        Y: AsRangedCoord<Value = f64>,
        X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
        Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        area.fill(&PAPER)?;
        // Lines beyond the distinct colours are named at their ends and not in the legend.
        let at_end = |series: &Series| series.mark == Mark::LineAndDots && series.tone >= DISTINCT;
        let named: Vec<&Series> =
            self.series.iter().filter(|series| !series.name.is_empty() && !at_end(series)).collect();
        let legend = if named.len() > 1 { named.as_slice() } else { &[] };
        let lines = legend_lines(legend);
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .margin_top(12 + 20 * lines as u32)
            .margin_right(24)
            .x_label_area_size(48)
            .y_label_area_size(58)
            .build_cartesian_2d(x, y)?;
        let soft = |size: i32| ("sans-serif", size).into_font().color(&SOFT);
        chart
            .configure_mesh()
            .axis_style(GRID)
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .label_style(soft(14))
            .axis_desc_style(soft(15))
            .x_desc(printable(&self.x.label))
            .y_desc(printable(&self.y.label))
            .x_labels(8)
            .y_labels(8)
            .x_label_formatter(&tick)
            .y_label_formatter(&tick)
            .draw()?;

        let mut taken: Vec<[i32; 4]> = vec![];
        let mut lines: Vec<Segment> = vec![];
        for series in self.series.iter().rev() {
            let colour = tone(series.tone);
            let places: Vec<(f64, f64)> = series.points.iter().map(|p| (p.x, p.y)).collect();
            if matches!(series.mark, Mark::Line | Mark::LineAndDots) {
                let drawn: Vec<_> = places.iter().map(|place| chart.backend_coord(place)).collect();
                lines.extend(drawn.windows(2).map(|ends| [ends[0], ends[1]]));
                chart.draw_series(line_of(series, &places, colour))?;
            }
            if series.mark == Mark::Bars {
                let step = places.windows(2).map(|w| w[1].0 - w[0].0).fold(f64::INFINITY, f64::min);
                let half = if step.is_finite() { 0.46 * step } else { 0.5 };
                chart.draw_series(places.iter().map(|&(x, y)| {
                    Rectangle::new([(x - half, 0.0), (x + half, y)], colour.mix(0.75).filled())
                }))?;
            }
            for point in &series.points {
                if let Some([low, high]) = point.error {
                    let bar = [(point.x, low), (point.x, high)];
                    chart.draw_series([PathElement::new(bar.to_vec(), colour.mix(0.5).stroke_width(2))])?;
                }
                let (px, py) = chart.backend_coord(&(point.x, point.y));
                if matches!(series.mark, Mark::Dots | Mark::LineAndDots) {
                    let many = series.points.len() > 300;
                    area.draw(&Circle::new((px, py), if many { 2 } else { DOT_PX }, colour.filled()))?;
                    taken.push([px - DOT_PX, py - DOT_PX, 2 * DOT_PX, 2 * DOT_PX]);
                }
                if !point.hover.is_empty() {
                    spots.push(Spot { x: px, y: py, w: 0, h: 0, t: point.hover.clone() });
                }
            }
        }
        let (across, down) = chart.plotting_area().get_pixel_range();
        let bounds = [across.start, down.start, across.end, down.end];
        let labels = self.series.iter().flat_map(|series| &series.points).filter(|p| !p.label.is_empty());
        let labels = labels.map(|p| (p.label.as_str(), p));
        let ends = self.series.iter().filter(|series| at_end(series));
        let ends = ends.filter_map(|series| Some((series.name.as_str(), series.points.last()?)));
        let labels: Vec<_> =
            labels.chain(ends).map(|(label, p)| (label, chart.backend_coord(&(p.x, p.y)))).collect();
        draw_labels(area, &labels, bounds, &mut taken, &lines)?;
        draw_legend(area, legend)
    }
}

/// A line; reference curves carry no hover, and are thinner than measurements.
fn line_of(series: &Series, places: &[(f64, f64)], colour: RGBColor) -> [PathElement<(f64, f64)>; 1] {
    let width = if series.points.iter().all(|point| point.hover.is_empty()) { 1 } else { 2 };
    [PathElement::new(places.to_vec(), colour.stroke_width(width))]
}

/// The values that an axis spans, with some air; `None` without values.
fn extent(axis: &Axis, values: impl Iterator<Item = f64>) -> Option<[f64; 2]> {
    let values: Vec<f64> = values.filter(|v| v.is_finite() && (!axis.log || *v > 0.0)).collect();
    let (low, high) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
    if values.is_empty() {
        return None;
    }
    if let Some(range) = axis.range {
        return Some(range);
    }
    if axis.log {
        let room = (high / low).powf(0.05).max(1.15);
        return Some([low / room, high * room]);
    }
    let room = (0.05 * (high - low)).max(1e-9 + 0.01 * high.abs().min(1.0));
    // An axis that begins just above zero had better begin there.
    let low = if low >= 0.0 && low < 0.15 * high { 0.0 } else { low - room };
    Some([low, high + room])
}

/// A logarithmic axis with its ticks.
fn log_axis(range: [f64; 2]) -> WithKeyPoints<LogCoord<f64>> {
    let coord: LogCoord<f64> = (range[0]..range[1]).log_scale().into();
    coord.with_key_points(log_ticks(range))
}

/// Powers of ten; where there are fewer than two, finer steps; at most nine.
fn log_ticks([low, high]: [f64; 2]) -> Vec<f64> {
    const MOST: usize = 9;
    let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let steps: [&[f64]; 3] = [&[1.0], &[1.0, 2.0, 5.0], &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]];
    let mut ticks = vec![];
    for steps in steps {
        ticks = decades
            .clone()
            .flat_map(|decade| steps.iter().map(move |step| step * 10f64.powi(decade)))
            .collect();
        ticks.retain(|tick| (low..=high).contains(tick));
        if ticks.len() >= 2 {
            break;
        }
    }
    let every = ticks.len().div_ceil(MOST).max(1);
    ticks.into_iter().step_by(every).collect()
}

/// A tick in as few digits as it needs.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "the library hands out references")]
fn tick(value: &f64) -> String {
    let size = value.abs();
    if size < 1e-12 {
        return "0".into();
    }
    if size >= 1e6 {
        return format!("{value:.0e}");
    }
    let text = if size >= 100.0 { format!("{value:.0}") } else { format!("{value:.4}") };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::super::series::Point;
    use super::*;

    fn plot(log: bool, points: Vec<Point>) -> XyPlot {
        let series = Series { name: "s".into(), tone: 0, mark: Mark::Dots, points };
        let axis = Axis { log, ..Axis::linear("a <b>") };
        XyPlot { name: "n".into(), title: "t".into(), x: axis.clone(), y: axis, series: vec![series] }
    }

    #[test]
    fn every_point_is_drawn_and_told_and_written_down() {
        let point = |x: f64| Point { x, y: x * x, hover: format!("at {x}"), ..Point::default() };
        for log in [false, true] {
            let plot = plot(log, [0.5, 3.0, 40.0].map(point).to_vec()).draw().unwrap();
            assert_eq!(plot.svg.matches("<circle").count(), 3);
            assert_eq!(
                plot.spots.iter().map(|s| s.t.as_str()).collect::<Vec<_>>(),
                ["at 0.5", "at 3", "at 40"]
            );
            assert!(plot.spots.windows(2).all(|w| w[0].x < w[1].x && w[0].y > w[1].y), "{:?}", plot.spots);
            assert_eq!(plot.csv.lines().count(), 4);
            assert!(plot.svg.contains("a &lt;b&gt;"), "text is escaped");
            assert!(plot.standalone_svg().contains("prefers-color-scheme"));
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_left_out() {
        let point = |x: f64| Point { x, y: 1.0, hover: "h".into(), ..Point::default() };
        assert!(plot(false, vec![]).draw().is_none());
        let some = plot(true, [-1.0, 0.0, f64::NAN, 5.0].map(point).to_vec()).draw().unwrap();
        assert_eq!(some.spots.len(), 1);
    }

    #[test]
    fn labels_do_not_cover_each_other() {
        let point =
            |i: i32| Point { x: f64::from(i % 3), y: 0.0, label: format!("name {i}"), ..Point::default() };
        let drawn = plot(false, (0..40).map(point).collect()).draw().unwrap();
        assert_eq!(drawn.svg.matches("name ").count(), 40, "all labels find a place");
    }

    #[test]
    fn every_log_axis_has_ticks() {
        for [low, high] in [[0.11, 0.7], [0.9, 1.1], [1e-4, 3.0], [3.0, 5e7], [1e-20, 1e20], [2.0, 2.4]] {
            let ticks = log_ticks([low, high]);
            assert!((1..=9).contains(&ticks.len()), "{low} to {high}: {ticks:?}");
            assert!(ticks.iter().all(|&tick| low <= tick && tick <= high));
        }
        assert_eq!(log_ticks([0.11, 0.7]).iter().map(tick).collect::<Vec<_>>(), ["0.2", "0.5"]);
    }

    #[test]
    fn lines_without_a_colour_of_their_own_are_named_at_their_ends() {
        let points = |y: f64| [1.0, 2.0].map(|x| Point { x, y, ..Point::default() }).to_vec();
        let series = (0..9).map(|n| Series {
            name: format!("curve {n}"),
            tone: n,
            mark: Mark::LineAndDots,
            points: points(n as f64),
        });
        let plot = XyPlot { series: series.collect(), ..plot(false, vec![]) };
        let svg = plot.draw().unwrap().svg;
        assert_eq!(svg.matches("curve ").count(), 9, "each once");
        // A dot in the legend for those with a colour, two on each line.
        assert_eq!(svg.matches("<circle").count(), DISTINCT + 18);
    }

    #[test]
    fn ticks_are_short() {
        for (value, text) in
            [(0.0, "0"), (0.25, "0.25"), (3.0, "3"), (1500.0, "1500"), (100.0, "100"), (2e7, "2e7")]
        {
            assert_eq!(tick(&value), text);
        }
    }
}
