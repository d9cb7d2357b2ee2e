//! Models that say what images would cost, without a stream: the bound of diffusion.

use nf_bench::Estimators;

#[cfg(not(feature = "train"))]
pub(crate) fn estimators() -> Estimators {
    Estimators::default()
}

#[cfg(feature = "train")]
pub(crate) use with_networks::estimators;

#[cfg(feature = "train")]
mod with_networks {
    use super::Estimators;
    use nf_bench::Estimator;
    use nf_codec::Spec;
    use nf_image::Image16;
    use nf_models::{Checkpoint, VdmEstimateOptions, VdmGaussian};
    use std::sync::Mutex;

    /// Those of this program.
    pub(crate) fn estimators() -> Estimators {
        Estimators::new(make)
    }

    fn make(spec: &Spec) -> Result<Box<dyn Estimator>, String> {
        if spec.name() != "vdm" {
            return Err(format!("no estimator '{}', expected vdm:checkpoint=NAME", spec.name()));
        }
        let (id, options) = parse(spec).map_err(|error| error.to_string())?;
        let net = Checkpoint::load_vdm_gaussian(&Checkpoint::find(&id)).map_err(|error| error.to_string())?;
        Ok(Box::new(Bound { net: Mutex::new(net), options }))
    }

    fn parse(spec: &Spec) -> nf_codec::Result<(String, VdmEstimateOptions)> {
        let mut options = spec.options();
        let id = options.take("checkpoint", String::new(), "the name of a checkpoint", |_| true)?;
        let steps = options.take("steps", 4, "1..=100000", |steps| (1..=100_000).contains(steps))?;
        let tile_px = options.take("tile", 64, "1..=4096", |tile| (1..=4096).contains(tile))?;
        let tiles = options.take("tiles", 0, "a number of tiles, 0 for all", |_| true)?;
        options.finish()?;
        match id.is_empty() {
            true => Err(spec.error("expected checkpoint=ID, the name or folder of trained weights")),
            false => Ok((id, VdmEstimateOptions { steps, tile_px, tiles })),
        }
    }

    struct Bound {
        /// Tensors are not shared between threads.
        net: Mutex<VdmGaussian>,
        options: VdmEstimateOptions,
    }

    impl Estimator for Bound {
        fn bits(&self, image: &Image16) -> Result<f64, String> {
            let net = self.net.lock().map_err(|error| error.to_string())?;
            let estimate = net.estimate(image, &self.options).map_err(|error| error.to_string())?;
            Ok(estimate.bits() * image.samples().len() as f64)
        }
    }
}
