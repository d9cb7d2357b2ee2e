//! One file per published network.

pub mod pixelcnnpp;
