//! Tiles of any size for nets with a step: the samples that no net codes are the rows and columns left over where a tile
//! is no multiple of it.

use crate::heads::{Bell, code_mixture};
use crate::math;
use crate::traverse::{Tile, TileCoder};
use nf_entropy::{Result, SymbolCoder};

/// Scale of a logistic around the mean of four neighbours, in units of the local noise: the sample and the mean vary,
/// `sqrt(5 / 4)` deviations together, 1.81 of which are a logistic's.
const SCALE: f32 = 0.62;

/// Codes tiles one after the other: of each the largest box whose height and width are multiples of `step` by `code_box`,
/// then what it leaves over.
pub(crate) fn code_in_steps<C: TileCoder>(
    coder: &mut C,
    tiles: &mut [Tile],
    step: usize,
    code_box: impl Fn(&mut C, &mut Tile, usize, usize) -> Result<()>,
) -> Result<()> {
    for (index, tile) in tiles.iter_mut().enumerate() {
        coder.enter(index);
        let (height, width) = (tile.height / step * step, tile.width / step * step);
        if height > 0 && width > 0 {
            code_box(coder, tile, height, width)?;
        }
        code_margin(coder, tile, height, width)?;
    }
    Ok(())
}

/// Codes the samples below row `height` and right of column `width`, row by row, each under one logistic around the
/// mean of its neighbours. The samples above and to the left of those are known.
fn code_margin(coder: &mut impl SymbolCoder, tile: &mut Tile, height: usize, width: usize) -> Result<()> {
    for y in 0..tile.height {
        let first = if y < height { width } else { 0 };
        for x in first..tile.width {
            for plane in 0..tile.normals.len() {
                let around = tile.plane(plane).surroundings(y, x);
                let log_scale = math::ln(f64::from(SCALE * around.unit)) as f32;
                let bell = Bell { logit: 0.0, mean: around.guesses[0], log_scale };
                let mut symbol = u32::from(tile.sample(plane, y, x));
                code_mixture(coder, &mut symbol, &[bell])?;
                *tile.sample_mut(plane, y, x) = symbol as u16;
            }
        }
    }
    Ok(())
}
