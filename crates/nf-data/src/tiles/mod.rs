//! Tiles for training, in one local Parquet file.
//!
//! - [`TileRule`]: which squares of a plane are tiles; the same for the same rule and image name,
//!   wherever it runs.
//! - [`pack`]: cuts every image of a dataset and writes the store; [`pack_file`] goes on where an
//!   interrupted call has ended.
//! - [`TileStore`]: reads tiles in order or at random.
//!
//! # The file
//!
//! Any Parquet reader can read it. One row is one tile, with the columns
//!
//! | column | type | what |
//! |---|---|---|
//! | `image` | string | name of the image in its dataset |
//! | `digest` | 32 bytes | BLAKE3 digest of that image's samples |
//! | `plane`, `row`, `column` | 32-bit integers | the tile's first pixel in the image |
//! | `pixels` | fixed number of bytes | samples, little-endian, plane by plane and row by row |
//!
//! All columns are stored plainly (encoding PLAIN, no compression), `pixels` one tile a page, so
//! that the file's own page index says where each tile lies and a tile is one read of the disk. The
//! entry `noisefloor.tiles` of the file's metadata is the [`TileCard`], as JSON.

mod columns;
mod cut;
mod journal;
mod read;
mod write;

use nf_image::{Digest, PlaneAxis, Shape};
use serde::{Deserialize, Serialize};

pub use cut::TileRule;
pub use journal::is_interrupted;
pub use read::{Place, Tile, TileStore};
pub use write::{PackReport, pack, pack_file};

/// The entry of the file's metadata that holds the card.
const CARD_KEY: &str = "noisefloor.tiles";
/// Names of the columns, in the file's order.
const COLUMNS: [&str; 6] = ["image", "digest", "plane", "row", "column", "pixels"];
const PIXELS: usize = 5;

/// What a tile store holds and where its tiles come from.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TileCard {
    /// Version of the file's layout: 1.
    pub version: u32,
    /// How tiles were cut.
    pub rule: TileRule,
    /// What the next plane of a tile means.
    pub axis: String,
    /// Number of tiles.
    pub tiles: u64,
    /// Images that gave at least one tile.
    pub images: u64,
    /// Images that are smaller than a tile and gave none.
    pub images_too_small: u64,
    /// BLAKE3 digest of all tiles' samples in order, hexadecimal.
    pub samples_digest: String,
    /// The dataset, as it is asked for: `name/view@split`.
    pub dataset: String,
    /// Fingerprint of the dataset's manifest, view and split, hexadecimal.
    pub dataset_digest: String,
    /// Instrument or instruments.
    pub instrument: String,
    /// Licence of the pixels.
    pub licence: String,
    /// Where the pixels come from; for a dataset of the hub, with the commit.
    pub origin: String,
}

impl TileCard {
    /// Extent of every tile.
    pub fn shape(&self) -> Shape {
        self.rule.shape()
    }

    /// What the next plane of a tile means.
    pub fn axis(&self) -> PlaneAxis {
        self.axis.parse().unwrap_or_default()
    }

    /// Digest of all tiles' samples in order.
    pub fn samples_digest(&self) -> Option<Digest> {
        self.samples_digest.parse().ok()
    }
}
