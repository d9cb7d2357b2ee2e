//! Linear prediction, as far as the models share it.
//!
//! - [`neighbourhood`]: the nearest pixels, in order.
//! - [`moments`]: sums of products, which least squares needs.
//! - [`cholesky`]: the solution of normal equations.
//! - [`plane_sum`]: a weighted sum of reference planes.

pub(crate) mod cholesky;
pub(crate) mod moments;
pub(crate) mod neighbourhood;
pub(crate) mod plane_sum;
