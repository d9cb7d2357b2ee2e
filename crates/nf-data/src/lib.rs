//! Datasets: from a name to pixels.
//!
//! - [`Dataset`], [`Card`], [`Oracle`], [`Facts`]: what every dataset promises.
//! - [`open`]: a dataset from `NAME[/VIEW][@SPLIT]`, a manifest, a folder or a file.
//! - [`Manifest`]: a dataset on paper, `datasets/<name>.toml`; [`View`]: its rules from files to
//!   images.
//! - [`FolderSet`]: a local folder of FITS, NumPy and Parquet files; [`RowColumns`]: images in the
//!   rows of a table.
//! - [`FitsOptions`]: codecs of FLOOR_1 tiles and limits, handed to [`open`].
//! - [`hub`]: datasets on the Hugging Face hub, streamed.
//! - [`originals`]: frames that are fetched at their origins and converted.
//! - [`simulate`]: exposures drawn from a known distribution, with its entropy.
//! - [`tiles`]: tiles for training, cut once into a local Parquet file.
//! - [`inspect`], [`preview_png`]: what an image is like, in numbers and as a picture.
//! - [`random`]: the portable generator behind simulations and shuffles.
#![forbid(unsafe_code)]

mod blind;
mod data_folder;
mod dataset;
mod error;
mod facts;
mod file_digest;
mod fits;
mod folder;
mod guard;
pub mod hub;
pub mod inspect;
mod listing;
mod lock;
mod manifest;
mod names;
mod net;
mod open;
pub mod originals;
mod preview;
pub mod random;
mod reader;
mod rows;
pub mod simulate;
pub mod tiles;
mod view;

pub use blind::{Blind, BlindKind};
pub use data_folder::DATA_VARIABLE;
pub use dataset::{Card, Dataset, Download, Oracle};
pub use error::{Error, Result};
pub use facts::Facts;
pub use fits::FitsOptions;
pub use folder::FolderSet;
pub use manifest::{FileEntry, ImageEntry, Manifest, Original, Source};
pub use names::{file_stem, is_image_name, printable};
pub use open::{OpenOptions, known_datasets, open};
pub use preview::preview_png;
pub use rows::RowColumns;
pub use tiles::{TileRule, TileStore};
pub use view::{HduChoice, PlaneChoice, View};
