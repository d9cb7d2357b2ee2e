//! What models say that images would cost, where nobody has written a stream.
//!
//! An estimate is no size: nothing was coded, so nothing can be decoded and compared. Its rows have
//! a name that no codec can have, a status of their own and no bytes; sums, ledgers and charts
//! leave them out, and tables keep them apart.

use crate::measure::panic_words;
use crate::measurement::{ESTIMATE, Figures, Status};
use nf_codec::Spec;
use nf_image::Image16;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A model that bounds or estimates the bits of images.
pub trait Estimator: Send + Sync {
    /// Bits of all samples of an image.
    ///
    /// # Errors
    /// Why it has nothing to say about this image, in one line.
    fn bits(&self, image: &Image16) -> Result<f64, String>;
}

/// Makes the estimator that a spec describes.
pub type MakeEstimator = fn(&Spec) -> Result<Box<dyn Estimator>, String>;

/// The estimators of a program; by default none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Estimators(Option<MakeEstimator>);

impl Estimators {
    /// Those that a function makes.
    pub fn new(make: MakeEstimator) -> Self {
        Self(Some(make))
    }
}

/// An estimate of the suite, under the name that its rows carry.
pub(crate) struct EstimateTask {
    pub(crate) label: String,
    /// The reason if there is none: left out on purpose, or failed.
    estimator: Result<Box<dyn Estimator>, Status>,
}

impl EstimateTask {
    /// Those of these specs.
    pub(crate) fn of(specs: Vec<Spec>, estimators: Estimators) -> Vec<Self> {
        let task = |spec: Spec| {
            let estimator = match estimators.0 {
                None => Err(Status::skipped("this program has no estimators; build one with `train`")),
                Some(make) => make(&spec).map_err(|reason| Status::failed(&reason)),
            };
            Self { label: label(&spec), estimator }
        };
        specs.into_iter().map(task).collect()
    }

    /// What it says of an image, and how that ended.
    pub(crate) fn of_image(&self, image: &Image16) -> (Figures, Status) {
        let estimator = match &self.estimator {
            Ok(estimator) => estimator,
            Err(status) => return (Figures::default(), status.clone()),
        };
        let bits = match catch_unwind(AssertUnwindSafe(|| estimator.bits(image))) {
            Ok(bits) => bits,
            Err(panic) => Err(format!("panicked: {}", panic_words(panic.as_ref()))),
        };
        match bits {
            Ok(bits) if bits.is_finite() => {
                let ideal_bits = Some(bits.ceil().max(0.0) as u64);
                (Figures { ideal_bits, ..Figures::default() }, Status::Estimate)
            }
            Ok(bits) => (Figures::default(), Status::failed(&format!("an estimate of {bits} bits"))),
            Err(reason) => (Figures::default(), Status::failed(&reason)),
        }
    }
}

/// `NAME estimate, no stream: OPTIONS`.
fn label(spec: &Spec) -> String {
    let text = spec.to_string();
    let (name, options) = text.split_once(':').unwrap_or((&text, ""));
    format!("{name}{ESTIMATE}{options}")
}
