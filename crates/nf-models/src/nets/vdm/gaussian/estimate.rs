//! The bound of whole images: an estimate of what they would cost, without a stream.

use super::VdmGaussian;
use crate::error::Result;
use crate::input_mode::InputMode;
use crate::random::Random;
use crate::tensor::host_tiles::tensor;
use nf_image::Image16;

/// Tiles that are evaluated at once.
const BATCH: usize = 8;

/// Bits of a tile's median and noise scale, which the model must be told.
const UNIT_BITS: f64 = 24.0;

/// How an image is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VdmEstimateOptions {
    /// Steps of the bound, all of which are summed up.
    pub steps: usize,
    /// Extent of a tile, pixels.
    pub tile_px: usize,
    /// At most so many tiles, drawn without replacement from all by a fixed seed; 0 for all.
    pub tiles: usize,
}

/// What an image would cost by the bound, in bits per sample of the tiles that were looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct VdmEstimate {
    /// Medians and noise scales of the tiles; none where the model needs none.
    pub unit_bits: f64,
    /// What the noisiest latent costs.
    pub prior_bits: f64,
    /// What the steps cost.
    pub diffusion_bits: f64,
    /// What the samples cost, given the cleanest latent.
    pub reconstruction_bits: f64,
    /// Tiles that were looked at.
    pub tiles: usize,
    /// Tiles that there are.
    pub all_tiles: usize,
}

impl VdmEstimate {
    /// The sum of its parts.
    pub fn bits(&self) -> f64 {
        self.unit_bits + self.prior_bits + self.diffusion_bits + self.reconstruction_bits
    }
}

/// Rows and columns of a tile of a plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    height: usize,
    width: usize,
    plane: usize,
    top: usize,
    left: usize,
}

/// Every tile of an image, or as many as are asked for, those of one extent together.
fn places(image: &Image16, options: &VdmEstimateOptions) -> (Vec<Place>, usize) {
    let (shape, side) = (image.shape(), options.tile_px.max(1));
    let mut all = vec![];
    for plane in 0..shape.planes {
        for top in (0..shape.height).step_by(side) {
            for left in (0..shape.width).step_by(side) {
                let (height, width) = (side.min(shape.height - top), side.min(shape.width - left));
                all.push(Place { height, width, plane, top, left });
            }
        }
    }
    let count = all.len();
    let mut kept = all;
    if options.tiles > 0 && options.tiles < count {
        let order = Random::new(count as u64).permutation(count);
        kept = order[..options.tiles].iter().map(|&index| kept[index]).collect();
    }
    kept.sort_unstable();
    (kept, count)
}

impl VdmGaussian {
    /// What an image would cost. Every tile has noise of its own, and the whole is the same at
    /// every call.
    ///
    /// # Errors
    /// As [`loss`](crate::Trainable::loss).
    pub fn estimate(&self, image: &Image16, options: &VdmEstimateOptions) -> Result<VdmEstimate> {
        let (places, all_tiles) = places(image, options);
        let mut sum = VdmEstimate { tiles: places.len(), all_tiles, ..VdmEstimate::default() };
        let mut pixels = 0.0;
        let mut rest = &places[..];
        while let Some(first) = rest.first() {
            let alike = |place: &&Place| (place.height, place.width) == (first.height, first.width);
            let count = rest.iter().take(BATCH).take_while(alike).count();
            let (batch, behind) = rest.split_at(count);
            let mut samples = Vec::with_capacity(count * first.height * first.width);
            for place in batch {
                for row in place.top..place.top + place.height {
                    let row = &image.row(place.plane, row)[place.left..place.left + place.width];
                    samples.extend(row.iter().map(|&sample| f32::from(sample)));
                }
            }
            let tiles = tensor(samples, [count, 1, first.height, first.width], &self.device());
            let seed = ((places.len() - rest.len()) as u64) << 32;
            let bound = self.bound_with(tiles, options.steps, seed)?;
            let batch_px = (count * first.height * first.width) as f64;
            sum.prior_bits += batch_px * bound.prior_bits;
            sum.diffusion_bits += batch_px * bound.diffusion_bits;
            sum.reconstruction_bits += batch_px * bound.reconstruction_bits;
            if self.config.inputs == InputMode::NoiseNormalised {
                sum.unit_bits += count as f64 * UNIT_BITS;
            }
            pixels += batch_px;
            rest = behind;
        }
        for part in
            [&mut sum.unit_bits, &mut sum.prior_bits, &mut sum.diffusion_bits, &mut sum.reconstruction_bits]
        {
            *part /= f64::max(pixels, 1.0);
        }
        Ok(sum)
    }
}
