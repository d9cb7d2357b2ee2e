//! What is measured on the images of a run, beside their sizes.

use crate::sources::Sources;
use crate::summary::ImageSizes;
use nf_bench::{Run, open_transformed};
use nf_noise::SigmaEstimator;
use nf_noise::sigma::share_below_snr_3;

/// What is measured on one image.
pub(super) struct Frame<'a> {
    pub(super) key: (&'a str, &'a str, &'a str),
    /// By estimator.
    pub(super) sigmas: Vec<Option<f64>>,
    pub(super) below_snr_3: Option<f64>,
    pub(super) exposure_s: Option<f64>,
    pub(super) pixels: usize,
}

/// The images of the run that have sizes, dataset by dataset; and what could not be read.
pub(super) fn measure<'a>(
    run: &'a Run,
    sizes: &ImageSizes<'a>,
    sources: &Sources,
) -> (Vec<Frame<'a>>, Vec<String>) {
    let (mut frames, mut absent) = (vec![], vec![]);
    for choice in &run.suite.datasets {
        let keys: Vec<_> =
            sizes.images().filter(|key| key.0 == choice.name && key.1 == choice.split).collect();
        if keys.is_empty() {
            continue;
        }
        let set = match open_transformed(choice, sources.open) {
            Ok(set) => set,
            Err(error) => {
                absent.push(format!("{}: {error}", choice.name));
                continue;
            }
        };
        for index in 0..set.len() {
            let name = set.name(index);
            let Some(&key) = keys.iter().find(|key| key.2 == name) else { continue };
            match set.image(index) {
                Ok(image) => frames.push(Frame {
                    key,
                    sigmas: SigmaEstimator::ALL
                        .iter()
                        .map(|e| e.sigma(&image).filter(|&s| s > 0.0))
                        .collect(),
                    below_snr_3: share_below_snr_3(&image),
                    exposure_s: set.facts(index).ok().and_then(|facts| facts.exposure_s),
                    pixels: image.samples().len(),
                }),
                Err(error) => absent.push(format!("{name}: {error}")),
            }
        }
    }
    (frames, absent)
}
