//! Datasets on the Hugging Face hub, streamed.
//!
//! - [`client`]: the hub's two public calls, list a revision and send a file, with retries.
//! - [`store`]: files on disk under their digests, partial ones resumed, the least recently used
//!   dropped.
//! - `copy`: copies of a repository that lie on the disk, and `repository`, one way to both.
//! - [`rule`]: from a benchmark experiment's name to the images of a file; Keck amplifiers are
//!   pasted.
//! - [`set`]: a split as a dataset; an image is there as soon as its file is, later files come
//!   meanwhile.

pub mod client;
mod copy;
mod footer;
mod lris;
mod repository;
pub mod rule;
pub mod set;
pub mod source;
mod split;
pub mod store;

pub use crate::net::Patience;
pub use client::{Hub, HubOptions, RemoteFile};
pub use rule::Rule;
pub use set::HubSet;
pub(crate) use set::Opening;
pub use source::{HubSource, StreamOptions};
pub use store::{BUDGET_VARIABLE, Store};

/// Whether this is the whole name of a commit, or a digest that a file may be named by.
fn is_hash(revision: &str) -> bool {
    matches!(revision.len(), 40 | 64) && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}
