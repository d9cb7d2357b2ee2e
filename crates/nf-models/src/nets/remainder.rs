//! Tiles of any size for networks with a step: the rows and columns left over where a tile is no
//! multiple of it are coded without the network.

use crate::mixture::{LogisticParams, MixtureParams};
use crate::tile::Tile;
use crate::tile_model::TileCoder;
use nf_engine::math;
use nf_entropy::Result;

/// Scale of a logistic around the mean of four neighbours, in units of the local scale: the sample
/// and the mean vary, `sqrt(5 / 4)` deviations together, 1.81 of which are a logistic's.
const SCALE: f32 = 0.62;

/// Codes tiles one after the other: of each the largest box whose height and width are multiples of
/// `step` by `code_box`, then the rest.
pub(crate) fn code_in_steps(
    coder: &mut dyn TileCoder,
    tiles: &mut [Tile],
    step: usize,
    code_box: impl Fn(&mut dyn TileCoder, &mut Tile, usize, usize) -> Result<()>,
) -> Result<()> {
    for (index, tile) in tiles.iter_mut().enumerate() {
        coder.enter_tile(index);
        let (height, width) = (tile.height / step * step, tile.width / step * step);
        if height > 0 && width > 0 {
            code_box(coder, tile, height, width)?;
        }
        code_remainder(coder, tile, height, width)?;
    }
    Ok(())
}

/// Codes the samples below row `height` and right of column `width`, row by row, each under one
/// logistic around the mean of its neighbours. The samples above and to the left are known.
fn code_remainder(coder: &mut dyn TileCoder, tile: &mut Tile, height: usize, width: usize) -> Result<()> {
    for y in 0..tile.height {
        let first = if y < height { width } else { 0 };
        for x in first..tile.width {
            for plane in 0..tile.stats.len() {
                let context = tile.plane(plane).context(y, x);
                let log_scale = math::ln(f64::from(SCALE * context.local_scale)) as f32;
                let mean = context.predictors[0];
                let mixture = MixtureParams::from_fn(1, |_| LogisticParams { logit: 0.0, mean, log_scale });
                let mut symbol = u32::from(tile.sample(plane, y, x));
                mixture.code_sample(coder, &mut symbol)?;
                *tile.sample_mut(plane, y, x) = symbol as u16;
            }
        }
    }
    Ok(())
}
