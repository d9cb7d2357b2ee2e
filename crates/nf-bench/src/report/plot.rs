//! A plot: an SVG drawing, the places in it that tell their values, and its data as CSV.

use plotters::style::RGBColor;
use plotters::style::colors::colormaps::{ColorMap, ViridisRGB};
use serde::Serialize;

/// A finished plot.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    /// File stem, unique in a document.
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
    /// Whether it is drawn as wide as it is and scrolled, because it would be illegible if it were shrunk.
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

/// The page behind a drawing.
pub(super) const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
/// Text.
pub(super) const INK: RGBColor = RGBColor(0x1b, 0x1f, 0x24);
/// Labels of axes and ticks.
pub(super) const SOFT: RGBColor = RGBColor(0x5b, 0x64, 0x70);
/// Lines of the grid.
pub(super) const GRID: RGBColor = RGBColor(0xe4, 0xe7, 0xeb);
/// What is there for comparison only.
pub(super) const MUTED: RGBColor = RGBColor(0x8a, 0x93, 0x9e);

/// Colours that readers of every kind of colour vision tell apart (Okabe and Ito 2008), the yellow left out, which
/// vanishes on white.
const TONES: [RGBColor; 7] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0xe6, 0x9f, 0x00),
    MUTED,
];

/// The colour of the i-th series; the last one for all beyond.
pub(super) fn tone(index: usize) -> RGBColor {
    TONES[index.min(TONES.len() - 1)]
}

/// What a colour of a light page becomes on a dark one.
const ON_DARK: [(&str, &str); 12] = [
    ("#FFFFFF", "#15181d"),
    ("#1B1F24", "#e8eaed"),
    ("#5B6470", "#a3abb5"),
    ("#E4E7EB", "#2c323a"),
    ("#8A939E", "#7d8793"),
    ("#0072B2", "#4aa8e0"),
    ("#D55E00", "#f0803c"),
    ("#009E73", "#2fc79b"),
    ("#CC79A7", "#e09cc3"),
    ("#56B4E9", "#8fd0f5"),
    ("#E69F00", "#f0b93a"),
    ("#000000", "#e8eaed"),
];

/// Rules that turn the drawings dark with the rest of the screen; printed, they stay light.
pub(super) fn dark_rules() -> String {
    let rules = ON_DARK.iter().map(|(light, dark)| {
        format!("svg [fill=\"{light}\"]{{fill:{dark}}}svg [stroke=\"{light}\"]{{stroke:{dark}}}")
    });
    format!("@media screen and (prefers-color-scheme:dark){{{}}}", rules.collect::<String>())
}

/// Perceptually uniform, and ordered for every kind of colour vision (viridis, Smith and van der Walt 2015); `share` in 0..=1.
pub(super) fn viridis(share: f64) -> RGBColor {
    let RGBColor(r, g, b) = ViridisRGB.get_color(share.clamp(0.0, 1.0));
    // Pure white would turn dark with the page; viridis ends in yellow, so this only guards the table of colours.
    RGBColor(r, g, b.min(0xfe))
}

/// Blue below zero, white at it, vermillion above, for `value` in -1..=1.
pub(super) fn diverging(value: f64) -> RGBColor {
    let value = value.clamp(-1.0, 1.0);
    let end = if value < 0.0 { TONES[0] } else { TONES[1] };
    let part = |end: u8| (247.0 + (f64::from(end) - 247.0) * value.abs()).round() as u8;
    RGBColor(part(end.0), part(end.1), part(end.2))
}

/// `#rrggbb`.
pub(super) fn hex(RGBColor(r, g, b): RGBColor) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// Ink that can be read on `ground`; both differ from the page's own colours, which change with it.
pub(super) fn ink_on(RGBColor(r, g, b): RGBColor) -> RGBColor {
    let light = 0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b);
    if light > 140.0 { RGBColor(0x10, 0x10, 0x12) } else { RGBColor(0xf6, 0xf6, 0xf8) }
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
pub(super) const FONT: &str = "svg text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue','Noto Sans',sans-serif;\
     font-variant-numeric:tabular-nums}";

/// A row of CSV, quoted where it must be.
pub(super) fn csv(rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    for row in rows {
        writer.write_record(&row).expect("memory takes it");
    }
    String::from_utf8(writer.into_inner().expect("memory takes it")).expect("texts are UTF-8")
}

/// A word for file names: lower case, digits and hyphens.
pub(crate) fn slug(text: &str) -> String {
    let plain: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    plain.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}
