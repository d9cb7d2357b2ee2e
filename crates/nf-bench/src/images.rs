//! What a dataset must offer to be measured on.

use nf_image::Image16;

/// A finite list of images, loaded one at a time.
pub trait Images {
    /// How many there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Name of the i-th, unique in the list and the same on every machine.
    fn name(&self, index: usize) -> String;

    /// The i-th.
    ///
    /// # Errors
    /// What a person has to know to mend it, in one line that names the file.
    fn load(&self, index: usize) -> Result<Frame, String>;
}

/// An image, and what is known of its information content.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The pixels.
    pub image: Image16,
    /// -log2 of the probability of these pixels under the process that made them, where it is known:
    /// no code can be shorter on average.
    pub oracle_bits: Option<f64>,
}

/// Why a dataset cannot be measured on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absence {
    /// It is not here, which is no fault: a visible row says that it was skipped.
    Missing(String),
    /// It is here and cannot be used: a row with this error, and the run counts as failed.
    Broken(String),
}
