//! A report before it is written: sections of text, tables, plots and pictures.

use crate::draw::plot::Plot;
use crate::slug::unique_slug;
use crate::table::Table;
use std::collections::BTreeSet;

/// A report.
#[derive(Clone, Debug, Default)]
pub(crate) struct Document {
    /// What it is about.
    pub(crate) title: String,
    /// One sentence under the title.
    pub(crate) lead: String,
    /// Its parts, in order.
    pub(crate) sections: Vec<Section>,
}

/// A part of a report under a heading.
#[derive(Clone, Debug, Default)]
pub(crate) struct Section {
    /// The heading.
    pub(crate) title: String,
    /// 1 for a part of its own, 2 for a part of the one before.
    pub(crate) depth: usize,
    /// What it holds.
    pub(crate) blocks: Vec<Block>,
}

/// A piece of a section.
#[derive(Clone, Debug)]
pub(crate) enum Block {
    /// A paragraph; words between back quotes are set as code.
    Text(String),
    /// Short remarks.
    List(Vec<String>),
    /// Lines to be typed or quoted as they are.
    Code(String),
    /// A table with a caption; the first row is the head.
    Table {
        /// What it shows.
        caption: String,
        /// Its cells.
        table: Table,
    },
    /// A plot, or several side by side.
    Plots(Vec<Plot>),
    /// Pictures of one frame side by side.
    Pictures {
        /// The frame, and what the pictures show.
        caption: String,
        /// The pictures.
        pictures: Vec<Picture>,
    },
}

/// A picture of a frame or of something measured on it.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    /// File stem.
    pub(crate) name: String,
    /// What it shows.
    pub(crate) caption: String,
    /// The picture.
    pub(crate) png: Vec<u8>,
    /// Values behind it, on a coarser or equal grid.
    pub(crate) grid: Option<Grid>,
}

/// Values that a picture shows, for hovering, the colour bar and the CSV file.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    /// Number of rows.
    pub(crate) rows: usize,
    /// Number of columns.
    pub(crate) columns: usize,
    /// Row by row.
    pub(crate) values: Vec<f64>,
    /// Unit of the values.
    pub(crate) unit: String,
    /// Value at the dark end of the scale, and at its bright end.
    pub(crate) scale: [f64; 2],
    /// Colours of the scale from dark to bright, as `#rrggbb`.
    pub(crate) colours: Vec<String>,
}

impl Grid {
    /// One line per row of the grid.
    pub(crate) fn csv(&self) -> String {
        let line = |row: &[f64]| row.iter().map(|value| format!("{value:.4}")).collect::<Vec<_>>().join(",");
        self.values.chunks(self.columns.max(1)).map(|row| line(row) + "\n").collect()
    }
}

impl Document {
    /// The same with a file stem of its own for every plot and picture, whatever they are called.
    pub(crate) fn with_own_names(mut self) -> Self {
        let mut taken = BTreeSet::new();
        let mut rename = |name: &mut String| *name = unique_slug(name, "figure", &mut taken);
        for block in self.sections.iter_mut().flat_map(|section| &mut section.blocks) {
            match block {
                Block::Plots(plots) => plots.iter_mut().for_each(|plot| rename(&mut plot.name)),
                Block::Pictures { pictures, .. } => {
                    pictures.iter_mut().for_each(|picture| rename(&mut picture.name));
                }
                _ => {}
            }
        }
        self
    }
}

impl Section {
    /// A part of its own.
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), depth: 1, blocks: vec![] }
    }

    /// A part of the part before.
    pub(crate) fn below(title: impl Into<String>) -> Self {
        Self { depth: 2, ..Self::new(title) }
    }

    /// Adds a paragraph.
    pub(crate) fn text(&mut self, text: impl Into<String>) -> &mut Self {
        self.blocks.push(Block::Text(text.into()));
        self
    }

    /// Adds a table unless it has no row below its head.
    pub(crate) fn table(&mut self, caption: impl Into<String>, table: Table) -> &mut Self {
        if table.rows.len() > 1 {
            self.blocks.push(Block::Table { caption: caption.into(), table });
        }
        self
    }

    /// Adds plots side by side; none for none.
    pub(crate) fn plots(&mut self, plots: Vec<Plot>) -> &mut Self {
        if !plots.is_empty() {
            self.blocks.push(Block::Plots(plots));
        }
        self
    }
}
