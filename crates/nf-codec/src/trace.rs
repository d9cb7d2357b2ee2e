//! The predictive distributions of a codec, seen from outside: for calibration and for `limit`.

/// What the predictive distributions of the pixels of one frame say of its values.
///
/// The predictive distribution of a pixel is the one the codec codes it under, given all pixels
/// coded before it. `sample` holds one draw from each, given the *real* pixels before, never other
/// drawn ones.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PixelTrace {
    /// For every pixel the cumulative probability below its value, and up to and including it: the
    /// interval of its probability integral transform (PIT).
    pub pit_intervals: Vec<[f32; 2]>,
    /// For every pixel -log2 of its probability, without a coder's overhead, bits.
    pub pixel_bits: Vec<f32>,
    /// For every pixel a value drawn from its predictive distribution.
    pub sample: Vec<u16>,
    /// -log2 of the probabilities of the drawn values, bits: on average the entropy of the
    /// predictive distributions.
    pub sample_bits: f64,
}
