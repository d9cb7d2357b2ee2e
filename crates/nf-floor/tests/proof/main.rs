//! Streams of `floor` as a whole: a second decoder agrees, golden streams decode, damage costs what it must and no more.

#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

mod damage;
mod golden_streams;
mod mutations;
mod parts;
#[path = "../reference/mod.rs"]
mod reference;
mod second_decoder;
