//! Seeing what happens in a run.

use crate::measurement::Measurement;

/// Is told of everything that happens in a run.
pub trait Observer {
    /// The run begins; every codec with the number of images that it has still to code.
    fn start(&mut self, plan: &[(String, usize)]) {
        let _ = plan;
    }

    /// A codec begins on an image.
    fn begin(&mut self, dataset: &str, image: &str, codec: &str) {
        let _ = (dataset, image, codec);
    }

    /// A row was written.
    fn row(&mut self, row: &Measurement) {
        let _ = row;
    }

    /// The run is finished.
    fn finish(&mut self) {}
}

/// An observer that does nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {}
