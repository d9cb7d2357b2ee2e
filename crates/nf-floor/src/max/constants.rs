//! The numbers of the model that were chosen, not derived.

/// What was chosen by measuring frames. Streams are written and read with [`Constants::COMMITTED`]; other values serve to
/// find out how much depends on them, and nothing can decode what they write.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constants {
    /// Inputs are clipped at so many scales from the local reference: cosmic rays must not pull a predictor.
    pub clip_scales: f32,
    /// Pixels that the tile's and the classes' least squares remember.
    pub tile_memory_px: f32,
    /// What a block's least squares keep from row to row.
    pub block_keep: f32,
    /// Samples of the tile's memory that speak in a block's.
    pub block_prior: f32,
    /// Steps of the long filters, as shares of the step that would cancel the error at once.
    pub filter_steps: [f32; 2],
    /// Pixels that the combination of predictions remembers.
    pub combination_memory_px: f32,
    /// Pixels that the regression of the scale remembers.
    pub scale_memory_px: f32,
    /// First step of the mixing weights is `mixing_step / mixing_prior`, after n decisions
    /// `mixing_step / (mixing_prior + n)`, and never below `mixing_last`.
    pub mixing_step: f32,
    /// Decisions that speak for the weights at the start.
    pub mixing_prior: f32,
    /// The last step.
    pub mixing_last: f32,
    /// Precision (inverse variance) of the prior of biases by the pixels around.
    pub around_precision: f32,
}

impl Constants {
    /// Those of the format.
    pub const COMMITTED: Self = Self {
        clip_scales: 4.0,
        tile_memory_px: 300_000.0,
        block_keep: 0.97,
        block_prior: 1000.0,
        filter_steps: [0.003, 0.012],
        combination_memory_px: 5000.0,
        scale_memory_px: 50_000.0,
        mixing_step: 0.17,
        mixing_prior: 1000.0,
        mixing_last: 0.000_03,
        around_precision: 10.0,
    };
}
