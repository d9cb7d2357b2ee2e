//! Datasets on the Hugging Face hub, streamed.
//!
//! - [`client`]: the hub's two public calls, list a revision and send a file, with retries.
//! - [`store`]: files on disk under their digests, partial ones resumed, the least recently used dropped.
//! - [`rule`]: from a benchmark experiment's name to the images of a file; Keck amplifiers are pasted.
//! - [`set`]: a split as a dataset; an image is there as soon as its file is, later files come meanwhile.

pub mod client;
mod lris;
pub mod rule;
pub mod set;
pub mod store;

pub use client::{Hub, HubOptions, RemoteFile};
pub use rule::Rule;
pub use set::{HubSet, HubSource, StreamOptions};
pub use store::{BUDGET_VARIABLE, Store};
