//! Statistics over images.
//!
//! - [`bootstrap`]: how far a pooled figure would move with other images.
//! - [`line`]: a straight line through points, with its uncertainty.
//! - [`rank`]: Spearman's rank correlation.

pub mod bootstrap;
pub mod line;
pub mod rank;
