//! Whole streams of `floor`: a second decoder agrees, golden streams decode, damage affects what it
//! must and no more.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod damage;
mod dithered;
mod golden_streams;
mod mutations;
mod parts;
mod regions;
mod second_decoder;
