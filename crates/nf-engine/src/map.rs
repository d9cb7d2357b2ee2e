//! Maps of features.

/// A map of features of one tile: (height, width, channels).
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureMap {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Features of a pixel.
    pub channels: usize,
    /// In the order (height, width, channels).
    pub values: Vec<f32>,
}

impl FeatureMap {
    /// A map of zeros.
    pub fn zeros(height: usize, width: usize, channels: usize) -> Self {
        Self { height, width, channels, values: vec![0.0; height * width * channels] }
    }
}
