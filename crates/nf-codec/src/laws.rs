//! What a codec believed of pixels while it coded them.

/// The laws of the pixels of one frame: what its values, and one draw from every law, show of them.
///
/// The law of a pixel is what the codec believed of it when all pixels before it had been coded.
/// `twin` is drawn from exactly these laws, pixel by pixel: given the *real* pixels before, never
/// given other drawn ones.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Laws {
    /// For every pixel the mass that its law puts below its value, and the mass up to and including
    /// it.
    pub intervals: Vec<[f32; 2]>,
    /// For every pixel -log2 of its probability: what it costs under its law, without a coder's
    /// overhead.
    pub pixel_bits: Vec<f32>,
    /// For every pixel a value drawn from its law.
    pub twin: Vec<u16>,
    /// -log2 of the probabilities of these values: on average the entropy of the laws.
    pub twin_bits: f64,
}
