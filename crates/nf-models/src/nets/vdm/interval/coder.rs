//! Coding with a network on intervals: pass by pass, each over a whole tile.

use super::order::{Pass, cell_bits};
use super::process::Process;
use super::view::{CELL_FEATURES, TARGET_FEATURES, Target, View};
use super::{Kind, VdmInterval, VdmIntervalConfig};
use crate::intervals::{Intervals, UNKNOWN};
use crate::tile::Tile;
use crate::tile_model::{StagedModel, TileCoder, TileModel};
use crate::tile_stats::TileStats;
use nf_engine::{ConvLayer, FeatureMap, Graph, SymbolicMap};
use nf_entropy::Result;
use std::sync::Arc;

/// The network's graphs.
#[derive(Clone, Debug)]
pub(super) struct IntervalModel {
    process: Process,
    config: VdmIntervalConfig,
    kinds: Vec<Kind>,
    passes: Vec<Pass>,
    /// For every kind of pass, from features of cells and of targets to outputs.
    graphs: Vec<Graph>,
    coarsest: Vec<f32>,
}

impl IntervalModel {
    pub(super) fn new(net: VdmInterval<Arc<ConvLayer>, Vec<f32>>) -> Self {
        let (config, kinds) = (net.config.clone(), net.config.kinds());
        let graph = |(index, kind): (usize, &Kind)| {
            let inputs = [CELL_FEATURES, kind.targets.len() * TARGET_FEATURES];
            Graph::record(&inputs, |maps: &[SymbolicMap]| vec![net.forward(index, &maps[0], &maps[1])])
        };
        let graphs = kinds.iter().enumerate().map(graph).collect();
        let (process, passes) = (net.process, config.passes());
        Self { process, passes, graphs, coarsest: net.coarsest, config, kinds }
    }

    /// Sum over the passes, of which each is over cells.
    fn per_px(&self, of: impl Fn(&Graph) -> f64) -> f64 {
        let pass = |pass: &Pass| of(&self.graphs[pass.kind]) / (4 * pass.spacing * pass.spacing) as f64;
        self.passes.iter().map(pass).sum()
    }

    /// The pixels that nothing is known before, exactly.
    fn code_coarsest(&self, coder: &mut dyn TileCoder, tile: &Tile, intervals: &mut Intervals) -> Result<()> {
        let mixture = self.config.coarsest_mixture(&self.coarsest, tile.stats[0]);
        let step = 1 << self.config.levels;
        for y in (0..tile.height).step_by(step) {
            for x in (0..tile.width).step_by(step) {
                let place = y * tile.width + x;
                let mut symbol = u32::from(tile.samples[place]);
                mixture.code_cell(coder, &mut symbol, (0, UNKNOWN), 0)?;
                intervals.set(place, symbol as i32, 0);
            }
        }
        Ok(())
    }

    fn code_pass(
        &self,
        pass: &Pass,
        coder: &mut dyn TileCoder,
        tile: &Tile,
        intervals: &mut Intervals,
    ) -> Result<()> {
        let [before, after] = pass.bits(tile.stats[0]);
        if before <= after {
            return Ok(());
        }
        let Kind { targets: parts, known } = self.kinds[pass.kind];
        let view = View {
            height: tile.height,
            width: tile.width,
            stats: tile.stats[0],
            intervals,
            spacing: pass.spacing,
        };
        let [height, width] = view.cells();
        let mut cells = FeatureMap::zeros(height, width, CELL_FEATURES);
        let mut features = FeatureMap::zeros(height, width, parts.len() * TARGET_FEATURES);
        let mut targets = vec![];
        for index in 0..height * width {
            let cell = [index / width, index % width];
            cells.values[index * CELL_FEATURES..][..CELL_FEATURES].copy_from_slice(&view.cell_features(cell));
            for (number, &part) in parts.iter().enumerate() {
                let Some(place) = view.place(cell, part) else { continue };
                let target = view.target(cell, part, known, place);
                let to = (index * parts.len() + number) * TARGET_FEATURES;
                features.values[to..][..TARGET_FEATURES].copy_from_slice(&target.features);
                targets.push((index * parts.len() + number, place, target));
            }
        }
        if targets.is_empty() {
            return Ok(());
        }
        let outputs = self.graphs[pass.kind].evaluate(vec![cells, features]).remove(0);
        let channels = self.config.channels_of_target();
        for (number, place, target) in targets {
            let mixture = self.config.mixture(&outputs.values[number * channels..][..channels], &target);
            let cells = self.process.cells(pass.stage, place, intervals.at(place), after);
            let mut symbol = if tile.known { cells.of(tile.samples[place]) } else { 0 };
            cells.code(&mixture, coder, &mut symbol)?;
            let (low, bits) = cells.interval(symbol);
            intervals.set(place, low, bits);
        }
        Ok(())
    }
}

impl StagedModel for IntervalModel {
    fn count(&self) -> usize {
        self.config.stages()
    }

    fn code_stage(
        &self,
        stage: usize,
        coder: &mut dyn TileCoder,
        tiles: &[Tile],
        intervals: &mut [Intervals],
    ) -> Result<()> {
        for (index, (tile, intervals)) in tiles.iter().zip(intervals).enumerate() {
            coder.enter_tile(index);
            if stage == 0 {
                self.code_coarsest(coder, tile, intervals)?;
            }
            for pass in self.passes.iter().filter(|pass| pass.stage == stage) {
                self.code_pass(pass, coder, tile, intervals)?;
            }
        }
        Ok(())
    }

    fn bound_samples(&self, stage: usize, stats: TileStats) -> u32 {
        let bits = self.config.widths_log2.get(stage).map_or(0, |&width| cell_bits(width, stats));
        (1 << bits) >> 1
    }

    fn bound_sigmas(&self, stage: usize) -> f64 {
        self.config.widths_log2.get(stage).map_or(0.0, |&width| 0.5 * f64::from(width).exp2())
    }
}

impl TileModel for IntervalModel {
    /// Stage by stage, in each tile by tile, pass by pass, cell by cell.
    fn traverse(&self, coder: &mut dyn TileCoder, tiles: &mut [Tile]) -> Result<()> {
        let unknown = |tile: &Tile| Intervals::unknown(tile.height * tile.width);
        let mut intervals: Vec<Intervals> = tiles.iter().map(unknown).collect();
        for stage in 0..self.count() {
            self.code_stage(stage, coder, tiles, &mut intervals)?;
        }
        for (tile, intervals) in tiles.iter_mut().zip(intervals) {
            tile.samples = intervals.samples();
        }
        Ok(())
    }

    /// Maps of one tile at the finest level, and what is known of all.
    fn memory_bytes(&self, tiles: usize, height: usize, width: usize) -> u64 {
        let outputs = 3 * self.config.channels_of_target();
        let per_cell = 4 * (7 * self.config.filters + outputs) + 3 * (size_of::<Target>() + 16);
        (height * width) as u64 * (per_cell as u64 / 4 + 3 * tiles as u64)
    }

    fn macs_per_px(&self) -> f64 {
        self.per_px(Graph::macs_per_px)
    }

    fn values_per_px(&self) -> f64 {
        self.per_px(Graph::values_per_px)
    }

    fn stages(&self) -> Option<&dyn StagedModel> {
        Some(self)
    }
}
