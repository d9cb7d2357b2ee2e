//! FITS and `.npy` files to proved containers: one file, or a folder of them with receipts.
//!
//! The program and the Python package do the same work with it; what differs between them (codecs,
//! memory, who schedules the files) they bring along.
//!
//! - [`Tools`]: the codecs of the caller and the memory that one file may take.
//! - [`input`]: a file as stacks, with what is needed to write it again; [`Coder`]: from there to a
//!   container that is read back and compared.
//! - [`profiles`]: which detector profile a file is coded with.
//! - [`detector`]: what headers say of the detector that made an image.
//! - [`Run`]: an archive being written: what is to do ([`Plan`], [`Shard`]), receipts ([`Known`],
//!   [`Row`]), what goes when it is proved, and the manifest.
//! - [`Archivist`]: one file of an archive; [`restore`]: the way back.
//! - [`kinds`], [`walk`](mod@walk), [`output`]: names of files, folders, and files that never hold
//!   half of what they should.
//! - [`one_line`]: errors as they stand in receipts.
//!
//! The order of events is what makes a kill harmless: the output is written under a temporary name,
//! read back and compared, synced and renamed; its folder is synced; then its receipt is appended
//! and synced; then, if asked for, the source is deleted. Done is what has a receipt that fits both
//! the source and the output as they are now, and whose detector profile lies in the archive.
#![forbid(unsafe_code)]

mod coder;
mod copies;
pub mod detector;
pub mod input;
pub mod kinds;
mod manifest;
mod message;
pub mod output;
mod parts;
mod plan;
pub mod profiles;
mod receipts;
mod row;
mod run;
mod shard;
mod tools;
pub mod walk;
mod work;

pub use coder::{Coded, Coder};
pub use message::{one_line, plain, printable};
pub use plan::{Plan, Source};
pub use receipts::Known;
pub use row::{Identity, Method, Row};
pub use run::{Job, Run, Sum, Trouble};
pub use shard::Shard;
pub use tools::Tools;
pub use work::{Archivist, restore};

/// Name and version of what writes containers and receipts.
pub const PROGRAM: &str = concat!("noisefloor ", env!("CARGO_PKG_VERSION"));
