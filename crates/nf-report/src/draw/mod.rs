//! Drawing plots as SVG.
//!
//! - [`plot`]: a finished plot; [`colours`]: the colours of all of them, on light and dark pages.
//! - [`xy`]: points and lines over two axes, with the words of `labels`; [`heat`]: a matrix.

pub(crate) mod colours;
pub(crate) mod heat;
mod labels;
pub(crate) mod plot;
pub(crate) mod series;
pub(crate) mod xy;
