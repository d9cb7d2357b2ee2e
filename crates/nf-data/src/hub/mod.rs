//! Datasets on the Hugging Face hub, streamed.
//!
//! - [`client`]: the hub's two public calls, list a revision and send a file, with retries.
//! - [`store`]: files on disk, partial ones resumed, the least recently used dropped; `layout` and
//!   `tree`: how all clients of the hub keep them; `fetched`: which of them we have fetched.
//! - `copy`: copies of a repository that lie on the disk, and `repository`, one way to both.
//! - `environment`: variables that all clients of the hub know; `refusal`: what its statuses mean.
//! - [`transport`], `transfer`: what fetches bytes; `hf_hub` (feature `hf-hub`): the hub's own
//!   crate for that.
//! - [`rule`]: from a benchmark experiment's name to the images of a file; Keck amplifiers are
//!   pasted.
//! - [`set`]: a split as a dataset; an image is there as soon as its file is, later files come
//!   meanwhile.

pub mod client;
mod copy;
mod environment;
mod fetched;
mod footer;
#[cfg(feature = "hf-hub")]
mod hf_hub;
mod layout;
mod lris;
mod pattern;
mod place;
mod refusal;
mod repository;
pub mod rule;
pub mod set;
pub mod source;
mod split;
pub mod store;
mod transfer;
pub mod transport;
mod tree;

pub use crate::net::Patience;
pub use client::{Hub, HubOptions, RemoteFile};
pub use rule::Rule;
pub use set::HubSet;
pub(crate) use set::Opening;
pub(crate) use source::default_root;
pub use source::{BUDGET_VARIABLE, HubSource, Progress, StreamOptions};
pub use store::Store;
pub use transport::Transport;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Whether this is the whole name of a commit, or a digest that a file may be named by.
fn is_hash(revision: &str) -> bool {
    matches!(revision.len(), 40 | 64) && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What a mutex holds, even if a thread has panicked meanwhile: nothing here is left half-changed.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
