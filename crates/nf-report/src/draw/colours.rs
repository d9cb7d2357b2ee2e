//! Colours of drawings, on light pages and dark ones.

use plotters::style::RGBColor;
use plotters::style::colors::colormaps::{ColorMap, ViridisRGB};

/// The page behind a drawing.
pub(crate) const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
/// Text.
pub(crate) const INK: RGBColor = RGBColor(0x1b, 0x1f, 0x24);
/// Labels of axes and ticks.
pub(crate) const SOFT: RGBColor = RGBColor(0x5b, 0x64, 0x70);
/// Lines of the grid.
pub(crate) const GRID: RGBColor = RGBColor(0xe4, 0xe7, 0xeb);
/// What is there for comparison only.
pub(crate) const MUTED: RGBColor = RGBColor(0x8a, 0x93, 0x9e);

/// Colours that readers of every kind of colour vision tell apart (Okabe and Ito 2008), the yellow
/// left out, which vanishes on white.
const TONES: [RGBColor; 7] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0xe6, 0x9f, 0x00),
    MUTED,
];

/// Series that have a colour of their own.
pub(crate) const DISTINCT: usize = TONES.len() - 1;

/// The colour of the i-th series; the last one for all beyond.
pub(crate) fn tone(index: usize) -> RGBColor {
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
pub(crate) fn dark_rules() -> String {
    let rules = ON_DARK.iter().map(|(light, dark)| {
        format!("svg [fill=\"{light}\"]{{fill:{dark}}}svg [stroke=\"{light}\"]{{stroke:{dark}}}")
    });
    format!("@media screen and (prefers-color-scheme:dark){{{}}}", rules.collect::<String>())
}

/// Perceptually uniform, and ordered for every kind of colour vision (viridis, Smith and van der
/// Walt 2015); `share` in 0..=1.
pub(crate) fn viridis(share: f64) -> RGBColor {
    let RGBColor(r, g, b) = ViridisRGB.get_color(share.clamp(0.0, 1.0));
    // Pure white would turn dark with the page; viridis ends in yellow, so this only guards the
    // table of colours.
    RGBColor(r, g, b.min(0xfe))
}

/// Blue below zero, white at it, vermillion above, for `value` in -1..=1.
pub(crate) fn diverging(value: f64) -> RGBColor {
    let value = value.clamp(-1.0, 1.0);
    let end = if value < 0.0 { TONES[0] } else { TONES[1] };
    let part = |end: u8| (247.0 + (f64::from(end) - 247.0) * value.abs()).round() as u8;
    RGBColor(part(end.0), part(end.1), part(end.2))
}

/// `#rrggbb`.
pub(crate) fn hex(RGBColor(r, g, b): RGBColor) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// Ink that can be read on `ground`; both differ from the page's own colours, which change with it.
pub(crate) fn ink_on(RGBColor(r, g, b): RGBColor) -> RGBColor {
    let light = 0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b);
    if light > 140.0 { RGBColor(0x10, 0x10, 0x12) } else { RGBColor(0xf6, 0xf6, 0xf8) }
}
