//! The distributions of latents, from those of earlier planes and from those that are known.

use super::TecLossyConfig;
use crate::nets::tec::transformer::Transformer;
use crate::parameters::{ConvSpec, ParameterSource, Part};
use crate::tensor_like::TensorLike;
use nf_engine::Geometry;

/// In which order the pixels of a square of 2 x 2 are coded: (row, column).
pub(super) const PHASES: [(usize, usize); 4] = [(0, 0), (1, 1), (0, 1), (1, 0)];

/// Channels that the transformer sees: both planes' latents, and 1 where there are any.
pub(super) fn earlier_channels(latents: usize) -> usize {
    2 * latents + 1
}

/// Channels that the net of the phases sees beside features: known latents, 1 where they are known,
/// and the quality, of 0..=1.
pub(super) fn known_channels(latents: usize) -> usize {
    latents + 2
}

/// Whether the pixel at this row and column is known when a phase begins.
pub(super) fn is_known(phase: usize, y: usize, x: usize) -> bool {
    PHASES[..phase].contains(&(y % 2, x % 2))
}

/// Whether it is of this phase.
pub(super) fn is_of(phase: usize, y: usize, x: usize) -> bool {
    PHASES[phase] == (y % 2, x % 2)
}

/// The prior: convolutions `C` and vectors `V`.
#[derive(Debug)]
#[cfg_attr(feature = "train", derive(burn::module::Module))]
pub(super) struct Prior<C, V> {
    tokens: Transformer<C, V>,
    known: C,
    features: C,
    middle: C,
    last: C,
}

impl<C, V> Prior<C, V> {
    pub(super) fn build<S: ParameterSource<Conv = C, Array<1> = V>>(
        config: &TecLossyConfig,
        source: &mut S,
    ) -> Result<Self, String> {
        let tokens = Transformer::build(&config.transformer(), &mut Part { source, name: "tokens" })?;
        let (f, one, five) = (config.phase_filters, Geometry::centred(1), Geometry::centred(5));
        let mut conv = |name: &str, inputs, outputs, geometry, gain| {
            source.conv(name, ConvSpec::plain(inputs, outputs, geometry, gain))
        };
        Ok(Self {
            tokens,
            known: conv("known", known_channels(config.latents), f, five, 1.0)?,
            features: conv("features", config.token_filters, f, one, 0.5)?,
            middle: conv("middle", 2 * f, f, one, 1.0)?,
            last: conv("last", 2 * f, 2 * config.latents, one, 0.1)?,
        })
    }

    /// What earlier planes tell, (N, [`earlier_channels`], h, w) to (N, token filters, h, w).
    pub(super) fn tokens<T: TensorLike<Conv = C, Vector = V>>(&self, earlier: &T) -> T {
        self.tokens.forward(earlier)
    }

    /// Means, and logarithms of scales, of all latents: (N, [`known_channels`], h, w) and (N, token
    /// filters, h, w) to (N, 2 C, h, w).
    pub(super) fn distributions<T: TensorLike<Conv = C, Vector = V>>(&self, known: &T, tokens: &T) -> T {
        let x = known.conv(&self.known).plus(&tokens.conv(&self.features));
        x.concat_elu().conv(&self.middle).concat_elu().conv(&self.last)
    }
}
