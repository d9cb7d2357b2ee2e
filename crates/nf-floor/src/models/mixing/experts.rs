//! The experts: sixteen distributions of a pixel's value, each of a mean, a scale and a shape.

use super::scale::{SIMPLE, Scales};
use super::tails::Shape::{self, Heavy, Normal, Tailed};

/// Number of experts.
pub(super) const EXPERTS: usize = 16;

/// Scales are at least this.
const LEAST_SCALE: f32 = 0.05;

/// Mean of an expert: the final prediction, or one of
/// [`simple_predictions`](super::scale::simple_predictions) in their order.
#[derive(Clone, Copy)]
enum Mean {
    Final = 0,
    Global,
    Local,
    LocalSmall,
    Class,
    Small,
    Reference,
    West,
    North,
}

/// Where the scale of an expert comes from.
#[derive(Clone, Copy)]
enum Source {
    /// The regression.
    Regression,
    /// The activity near.
    Near,
    /// The activity around.
    Around,
    /// The level of the signal.
    Level,
    /// The noise model of the detector.
    Noise,
    /// The residuals of the expert's own mean, which is a simple prediction.
    Own,
}

/// Every expert.
const TABLE: [(Mean, Source, Shape); EXPERTS] = [
    (Mean::Final, Source::Regression, Normal),
    (Mean::Final, Source::Around, Normal),
    (Mean::Final, Source::Regression, Tailed),
    (Mean::Final, Source::Around, Heavy),
    (Mean::Global, Source::Own, Normal),
    (Mean::Local, Source::Own, Normal),
    (Mean::LocalSmall, Source::Own, Tailed),
    (Mean::Class, Source::Own, Tailed),
    (Mean::Small, Source::Own, Tailed),
    (Mean::Reference, Source::Own, Heavy),
    (Mean::Final, Source::Near, Tailed),
    (Mean::Final, Source::Level, Tailed),
    (Mean::Final, Source::Regression, Heavy),
    (Mean::West, Source::Own, Heavy),
    (Mean::North, Source::Own, Heavy),
    (Mean::Final, Source::Noise, Normal),
];

/// Shapes of the experts.
pub(super) const SHAPES: [Shape; EXPERTS] = {
    let mut shapes = [Normal; EXPERTS];
    let mut k = 0;
    while k < EXPERTS {
        shapes[k] = TABLE[k].2;
        k += 1;
    }
    shapes
};

/// Means and scales of the experts for one pixel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Experts {
    pub(super) means: [f32; EXPERTS],
    pub(super) inverse_scales: [f32; EXPERTS],
}

impl Experts {
    /// `offset` is added to all means.
    #[inline(always)]
    pub(super) fn new(prediction: f32, simple: &[f32; SIMPLE], scales: &Scales, offset: f32) -> Self {
        let mut this = Self { means: [0.0; EXPERTS], inverse_scales: [0.0; EXPERTS] };
        for (k, (mean, source, _)) in TABLE.into_iter().enumerate() {
            let index = (mean as usize).wrapping_sub(1);
            let mean = if index < SIMPLE { simple[index] } else { prediction };
            let scale = match source {
                Source::Regression => scales.regression,
                Source::Near => scales.near,
                Source::Around => scales.around,
                Source::Level => scales.level,
                Source::Noise => scales.noise,
                Source::Own => scales.simple[index],
            };
            this.means[k] = mean + offset;
            this.inverse_scales[k] = 1.0 / if scale > LEAST_SCALE { scale } else { LEAST_SCALE };
        }
        this
    }
}
