//! A matrix as coloured cells with their values.

use super::colours::{INK, PAPER, SOFT, ink_on, viridis};
use super::plot::{Plot, Spot, csv};
use crate::escape::printable;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// What is to be drawn: rows of cells.
#[derive(Clone, Debug)]
pub(crate) struct HeatMap {
    /// File stem.
    pub(crate) name: String,
    /// What it shows.
    pub(crate) title: String,
    /// Names of the rows.
    pub(crate) rows: Vec<String>,
    /// Names of the columns.
    pub(crate) columns: Vec<String>,
    /// Row by row; a cell without a value stays empty.
    pub(crate) cells: Vec<Option<f64>>,
    /// Unit of the values.
    pub(crate) unit: String,
    /// The value at which the scale ends; larger ones look the same.
    pub(crate) end: f64,
}

const CELL_PX: (i32, i32) = (40, 19);
/// Width of the colour bar.
const LEGEND_PX: i32 = 180;
const CHAR_PX: f64 = 6.6;
const FONT: f64 = 11.0 * 1.24;

impl HeatMap {
    /// Draws it; `None` if it has no value.
    pub(crate) fn draw(self) -> Option<Plot> {
        self.cells.iter().flatten().next()?;
        let longest = |names: &[String]| names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let left = (longest(&self.rows) as f64 * CHAR_PX) as i32 + 16;
        let top = (longest(&self.columns) as f64 * CHAR_PX * 0.72) as i32 + 24;
        // The last slanted name reaches beyond the last column, and the legend may be wider than
        // all.
        let legend = LEGEND_PX + 8 + (self.legend().chars().count() as f64 * CHAR_PX) as i32;
        let width = left + (CELL_PX.0 * self.columns.len() as i32 + top).max(legend + 12);
        let height = top + CELL_PX.1 * self.rows.len() as i32 + 44;
        let size_px = (width as u32, height as u32);
        let mut svg = String::new();
        let mut spots = vec![];
        {
            let area = SVGBackend::with_string(&mut svg, size_px).into_drawing_area();
            self.paint(&area, left, top, &mut spots)
                .and_then(|()| area.present().map_err(Into::into))
                .expect("a string takes every drawing");
        }
        // The library turns text by right angles only; names of columns are slanted here.
        for column in 0..self.columns.len() {
            let (x, y) = (left + CELL_PX.0 * column as i32 + CELL_PX.0 / 2, top - 6);
            svg = svg.replace(
                &format!("transform=\"rotate(270, {x}, {y})\""),
                &format!("transform=\"rotate(-45 {x} {y})\""),
            );
        }
        let mut head = vec![self.unit.clone()];
        head.extend(self.columns.iter().cloned());
        let rows = self.rows.iter().enumerate().map(|(row, name)| {
            let cells = &self.cells[row * self.columns.len()..][..self.columns.len()];
            let values = cells.iter().map(|cell| cell.map_or_else(String::new, |v| format!("{v:.4}")));
            [name.clone()].into_iter().chain(values).collect()
        });
        let csv = csv([head].into_iter().chain(rows));
        Some(Plot { name: self.name, title: self.title, svg, size_px, spots, csv, wide: true })
    }

    /// What the colour bar says.
    fn legend(&self) -> String {
        format!("0 to {} {} and more", self.end, self.unit)
    }

    fn paint(
        &self,
        area: &DrawingArea<SVGBackend, plotters::coord::Shift>,
        left: i32,
        top: i32,
        spots: &mut Vec<Spot>,
    ) -> Result<(), Box<dyn std::error::Error>> {
        area.fill(&PAPER)?;
        let style =
            |colour: &RGBColor, h, v| ("sans-serif", FONT).into_font().color(colour).pos(Pos::new(h, v));
        for (column, name) in self.columns.iter().enumerate() {
            let x = left + CELL_PX.0 * column as i32 + CELL_PX.0 / 2;
            let font = ("sans-serif", FONT).into_font().transform(FontTransform::Rotate270);
            let slanted = font.color(&INK).pos(Pos::new(HPos::Left, VPos::Center));
            area.draw(&Text::new(printable(name), (x, top - 6), slanted))?;
        }
        for (row, name) in self.rows.iter().enumerate() {
            let y = top + CELL_PX.1 * row as i32;
            let middle = y + CELL_PX.1 / 2;
            area.draw(&Text::new(
                printable(name),
                (left - 8, middle),
                style(&INK, HPos::Right, VPos::Center),
            ))?;
            for (column, other) in self.columns.iter().enumerate() {
                let Some(value) = self.cells[row * self.columns.len() + column] else { continue };
                let x = left + CELL_PX.0 * column as i32;
                let ground = viridis((value / self.end).clamp(0.0, 1.0));
                let corners = [(x, y), (x + CELL_PX.0 - 1, y + CELL_PX.1 - 1)];
                area.draw(&Rectangle::new(corners, ground.filled()))?;
                let text = if value.abs() < 9.95 { format!("{value:.1}") } else { format!("{value:.0}") };
                let ink = style(&ink_on(ground), HPos::Center, VPos::Center);
                area.draw(&Text::new(text, (x + CELL_PX.0 / 2, middle), ink))?;
                let t = format!("{name}, {other}: {value:.3} {}", self.unit);
                spots.push(Spot { x, y, w: CELL_PX.0, h: CELL_PX.1, t });
            }
        }
        let y = top + CELL_PX.1 * self.rows.len() as i32 + 16;
        const STEPS: i32 = LEGEND_PX / 3;
        for step in 0..STEPS {
            let colour = viridis(f64::from(step) / f64::from(STEPS - 1));
            area.draw(&Rectangle::new(
                [(left + 3 * step, y), (left + 3 * step + 3, y + 10)],
                colour.filled(),
            ))?;
        }
        let place = (left + LEGEND_PX + 8, y + 5);
        area.draw(&Text::new(self.legend(), place, style(&SOFT, HPos::Left, VPos::Center)))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_coloured_told_and_written_down() {
        let map = HeatMap {
            name: "m".into(),
            title: "t".into(),
            rows: vec!["a".into(), "b".into()],
            columns: vec!["x".into(), "y".into(), "z".into()],
            cells: vec![Some(0.0), Some(5.0), None, Some(100.0), Some(20.0), Some(1.0)],
            unit: "%".into(),
            end: 20.0,
        };
        let plot = map.clone().draw().unwrap();
        assert_eq!(plot.spots.len(), 5);
        assert_eq!(plot.spots[1].t, "a, y: 5.000 %");
        assert_eq!(plot.csv, "%,x,y,z\na,0.0000,5.0000,\nb,100.0000,20.0000,1.0000\n");
        assert_eq!(plot.svg.matches("rotate(-45").count(), 3, "{}", plot.svg);
        let legend = plot.svg.find("0 to 20 % and more").unwrap();
        let x = plot.svg[..legend].rfind(" x=\"").map(|at| plot.svg[at + 4..].split('"').next().unwrap());
        let end = x.unwrap().parse::<f64>().unwrap() + CHAR_PX * map.legend().len() as f64;
        assert!(end <= f64::from(plot.size_px.0), "the legend ends at {end} of {}", plot.size_px.0);
        assert!(HeatMap { cells: vec![None; 6], ..map }.draw().is_none());
    }
}
