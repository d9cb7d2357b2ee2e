//! From planes in noise units to latents, and back.

use super::TecLossyConfig;
use crate::parameters::{ConvSpec, ParameterSource};
use crate::tensor_like::TensorLike;
use nf_engine::Geometry;

/// Features of full resolution before the last layer of the synthesis.
const FULL_FILTERS: usize = 8;

/// What new layers that are added to something are multiplied by.
const RESIDUAL_GAIN: f32 = 0.3;

/// Two convolutions behind ELUs, added to what they see.
#[derive(Debug)]
#[cfg_attr(feature = "train", derive(burn::module::Module))]
struct Residual<C> {
    first: C,
    second: C,
}

impl<C> Residual<C> {
    fn build<S: ParameterSource<Conv = C>>(
        source: &mut S,
        path: &str,
        filters: usize,
    ) -> Result<Self, String> {
        let mut conv = |name: &str, gain| {
            let spec = ConvSpec::plain(filters, filters, Geometry::centred(3), gain);
            source.conv(&format!("{path}.{name}"), spec)
        };
        Ok(Self { first: conv("first", 1.2)?, second: conv("second", RESIDUAL_GAIN)? })
    }

    fn forward<T: TensorLike<Conv = C>>(&self, x: &T) -> T {
        x.plus(&x.elu().conv(&self.first).elu().conv(&self.second))
    }
}

fn blocks<S: ParameterSource>(
    config: &TecLossyConfig,
    source: &mut S,
    level: usize,
) -> Result<Vec<Residual<S::Conv>>, String> {
    // At half of the extents a block would take as much time as all others.
    let count = if level == 0 { 0 } else { config.blocks };
    let block = |index| {
        let path = format!("levels.{level}.blocks.{index}");
        Residual::build(source, &path, config.filters[level])
    };
    (0..count).map(block).collect()
}

/// One resolution of a transform.
#[derive(Debug)]
#[cfg_attr(feature = "train", derive(burn::module::Module))]
struct Level<C> {
    resize: C,
    blocks: Vec<Residual<C>>,
}

/// From a plane, (N, 1, H, W), to z, (N, C, h, w).
#[derive(Debug)]
#[cfg_attr(feature = "train", derive(burn::module::Module))]
pub(super) struct Analysis<C> {
    levels: Vec<Level<C>>,
    last: C,
}

impl<C> Analysis<C> {
    pub(super) fn build<S: ParameterSource<Conv = C>>(
        config: &TecLossyConfig,
        source: &mut S,
    ) -> Result<Self, String> {
        let mut inputs = 1;
        let mut level = |level: usize| {
            let filters = config.filters[level];
            let spec = ConvSpec::plain(inputs, filters, Geometry::centred(5).strided(2), 1.4);
            inputs = filters;
            let resize = source.conv(&format!("levels.{level}.resize"), spec)?;
            Ok(Level { resize, blocks: blocks(config, source, level)? })
        };
        let levels = (0..config.filters.len()).map(&mut level).collect::<Result<_, String>>()?;
        let last = ConvSpec::plain(inputs, config.latents, Geometry::centred(1), 1.0);
        Ok(Self { levels, last: source.conv("last", last)? })
    }

    pub(super) fn forward<T: TensorLike<Conv = C>>(&self, plane: &T) -> T {
        let mut x = plane.clone();
        for level in &self.levels {
            x = level.blocks.iter().fold(x.conv(&level.resize).elu(), |x, block| block.forward(&x));
        }
        x.conv(&self.last)
    }
}

/// From latents, (N, C, h, w), to a plane, (N, 1, H, W).
#[derive(Debug)]
#[cfg_attr(feature = "train", derive(burn::module::Module))]
pub(super) struct Synthesis<C> {
    first: C,
    /// Of the same order as those of the analysis: the last one comes first.
    levels: Vec<Level<C>>,
    last: C,
}

impl<C> Synthesis<C> {
    pub(super) fn build<S: ParameterSource<Conv = C>>(
        config: &TecLossyConfig,
        source: &mut S,
    ) -> Result<Self, String> {
        let coarsest = config.filters[config.filters.len() - 1];
        let first = ConvSpec::plain(config.latents, coarsest, Geometry::centred(1), 1.0);
        let first = source.conv("first", first)?;
        let mut level = |level: usize| {
            let outputs = if level == 0 { FULL_FILTERS } else { config.filters[level - 1] };
            let spec = ConvSpec::plain(config.filters[level], 4 * outputs, Geometry::centred(3), 1.0);
            let resize = source.conv(&format!("levels.{level}.resize"), spec)?;
            Ok(Level { resize, blocks: blocks(config, source, level)? })
        };
        let levels = (0..config.filters.len()).map(&mut level).collect::<Result<_, String>>()?;
        let last = ConvSpec::plain(FULL_FILTERS, 1, Geometry::centred(3), 0.5);
        Ok(Self { first, levels, last: source.conv("last", last)? })
    }

    pub(super) fn forward<T: TensorLike<Conv = C>>(&self, latents: &T) -> T {
        let mut x = latents.conv(&self.first);
        for level in self.levels.iter().rev() {
            x = level.blocks.iter().fold(x, |x, block| block.forward(&x));
            x = x.conv(&level.resize).depth_to_space().elu();
        }
        x.conv(&self.last)
    }
}
