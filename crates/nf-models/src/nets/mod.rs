//! One file or folder per published network, and what they share.

pub mod idf;
pub mod l3c;
pub(crate) mod margin;
pub mod pixelcnnpp;
mod samples;

pub use samples::Inputs;
pub(crate) use samples::SampleHead;
