//! Linear prediction, as far as the models share it.
//!
//! - [`neighbourhood`]: the nearest pixels, in order.
//! - [`moments`]: sums of products, which least squares needs.
//! - [`cholesky`]: the solution of normal equations.
//! - [`terms`]: maps of a profile and reference planes, and their weighted sum.

pub(crate) mod cholesky;
pub(crate) mod moments;
pub(crate) mod neighbourhood;
pub(crate) mod terms;
