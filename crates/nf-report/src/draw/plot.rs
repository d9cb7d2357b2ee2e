//! A plot: an SVG drawing, the places in it that tell their values, and its data as CSV.

use super::colours::dark_rules;
use crate::escape::csv_text;
use serde::Serialize;

/// A finished plot.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    /// File stem.
    pub(crate) name: String,
    /// What it shows.
    pub(crate) title: String,
    /// The drawing, in the colours of a light page.
    pub(crate) svg: String,
    /// Width and height, pixels.
    pub(crate) size_px: (u32, u32),
    /// Places that tell their values to who points at them.
    pub(crate) spots: Vec<Spot>,
    /// The data behind it.
    pub(crate) csv: String,
    /// Whether it is drawn as wide as it is and scrolled, because it would be illegible if it were
    /// shrunk.
    pub(crate) wide: bool,
}

/// A place in a drawing; a point if it has no extent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Spot {
    /// Left edge or centre, pixels.
    pub(crate) x: i32,
    /// Upper edge or centre, pixels.
    pub(crate) y: i32,
    /// Width, pixels.
    pub(crate) w: i32,
    /// Height, pixels.
    pub(crate) h: i32,
    /// What it tells.
    pub(crate) t: String,
}

impl Plot {
    /// The drawing as a file of its own, dark where the screen is.
    pub(crate) fn standalone_svg(&self) -> String {
        let style = format!("<style>{FONT}{}</style>", dark_rules());
        match self.svg.find('>') {
            // The first tag is that of the drawing.
            Some(end) => format!("{}{style}{}", &self.svg[..=end], &self.svg[end + 1..]),
            None => self.svg.clone(),
        }
    }
}

/// The system's own face, in drawings as in the page.
pub(crate) const FONT: &str = "svg text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue','Noto Sans',sans-serif;\
     font-variant-numeric:tabular-nums}";

/// Rows of CSV, quoted where they must be, whose texts are no formulas.
pub(super) fn csv(rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row.iter().map(|cell| csv_text(cell))).expect("memory takes it");
    }
    String::from_utf8(writer.into_inner().expect("memory takes it")).expect("texts are UTF-8")
}
