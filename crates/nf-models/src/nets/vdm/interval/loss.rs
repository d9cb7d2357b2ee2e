//! The network on intervals on tensors, for training.

use super::order::Pass;
use super::process::Process;
use super::view::{CELL_FEATURES, PREDICTORS, TARGET_FEATURES, View};
use super::{Kind, VdmInterval, VdmIntervalConfig};
use crate::error::Result;
use crate::intervals::Intervals;
use crate::mixture::loss::log_share;
use crate::network::Trainable;
use crate::tensor::host_tiles::{HostTiles, put, tensor};
use crate::tensor::{Conv, RandomParameters, total};
use crate::tile_stats::TileStats;
use burn::module::Param;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};

/// The network as a module.
pub(crate) type Trained = VdmInterval<Conv, Param<Tensor<1>>>;

impl VdmIntervalConfig {
    /// A network with random weights.
    pub(crate) fn init(&self, process: Process, device: &Device, seed: u64) -> Trained {
        RandomParameters::new(device, seed).give(|source| self.build(process, source))
    }
}

/// One tile on the way from nothing to every sample.
struct Tile<'a> {
    samples: &'a [u16],
    stats: TileStats,
    intervals: Intervals,
}

/// What one pass needs of all tiles: maps over cells, values of several targets side by side.
struct PassMaps {
    /// Of the cells, of the targets, predictors, local scales.
    maps: [Vec<f32>; 4],
    /// First sample and end of the interval, then of the cell; equal where nothing is coded.
    edges: [Vec<f32>; 4],
}

impl PassMaps {
    fn zeros(cells: usize, targets: usize) -> Self {
        let sizes = [CELL_FEATURES, targets * TARGET_FEATURES, targets * PREDICTORS, targets];
        let maps = sizes.map(|size| vec![0.0; cells * size]);
        // Where there is no target, one that costs nothing.
        let edges = [0.0, 1.0, 0.0, 1.0].map(|edge| vec![edge; cells * targets]);
        let mut all = Self { maps, edges };
        all.maps[3].fill(1.0);
        all
    }
}

/// The maps of a pass, after which intervals are cut down.
fn take_pass(
    pass: &Pass,
    (kind, process): (Kind, Process),
    tiles: &mut [Tile<'_>],
    [height, width]: [usize; 2],
) -> (PassMaps, [usize; 2]) {
    let parts = kind.targets;
    let rows_columns = [height.div_ceil(2 * pass.spacing), width.div_ceil(2 * pass.spacing)];
    let pixels = rows_columns[0] * rows_columns[1];
    let mut all = PassMaps::zeros(tiles.len() * pixels, parts.len());
    for (n, tile) in tiles.iter_mut().enumerate() {
        let [before, after] = pass.bits(tile.stats);
        if before <= after {
            continue;
        }
        let mut cuts = vec![];
        let view =
            View { height, width, stats: tile.stats, intervals: &tile.intervals, spacing: pass.spacing };
        for at in 0..pixels {
            let cell = [at / rows_columns[1], at % rows_columns[1]];
            let place = [at, pixels];
            put(&mut all.maps[0], &view.cell_features(cell), [n, 0, CELL_FEATURES], place);
            for (t, &part) in parts.iter().enumerate() {
                let Some(pixel) = view.place(cell, part) else { continue };
                let target = view.target(cell, part, kind.known, pixel);
                let rows: [&[f32]; 3] = [&target.features, &target.predictors, &[target.local_scale]];
                for (map, row) in all.maps[1..].iter_mut().zip(rows) {
                    put(map, row, [n, t * row.len(), parts.len() * row.len()], place);
                }
                let cells = process.cells(pass.stage, pixel, tile.intervals.at(pixel), after);
                let cell = cells.of(tile.samples[pixel]);
                for (map, edge) in all.edges.iter_mut().zip(cells.edges(cell)) {
                    put(map, &[edge as f32], [n, t, parts.len()], place);
                }
                cuts.push((pixel, cells.interval(cell)));
            }
        }
        for (pixel, (low, bits)) in cuts {
            tile.intervals.set(pixel, low, bits);
        }
    }
    (all, rows_columns)
}

impl Trained {
    /// Its extents.
    pub fn config(&self) -> &VdmIntervalConfig {
        &self.config
    }

    /// Information of all pixels of a pass, in nats.
    fn pass_nats(&self, kind: usize, all: PassMaps, extents: [usize; 3], device: &Device) -> Tensor<1> {
        let ([n, h, w], k) = (extents, self.config.mixtures);
        let of_target = self.config.channels_of_target();
        let [cells, targets, predictors, scales] = all.maps.map(|map| {
            let channels = map.len() / (n * h * w);
            tensor(map, [n, channels, h, w], device)
        });
        let count = scales.dims()[1];
        let edges = all.edges.map(|edges| tensor(edges, [n * count, 1, h, w], device));
        let outputs = self.forward(kind, &cells, &targets).reshape([n * count, of_target, h, w]);
        let take = |first: usize, count: usize| outputs.clone().narrow(1, first, count);
        let predictors = predictors.reshape([n * count, PREDICTORS, h, w]);
        let scales = scales.reshape([n * count, 1, h, w]);
        let base = (softmax(take(3 * k, PREDICTORS), 1) * predictors).sum_dim(1);
        let means = base + scales.clone() * take(k, k);
        let log_scales = scales.log() + take(2 * k, k);
        nats(edges, take(0, k), means, log_scales)
    }

    /// Information of the first pixels, in nats.
    fn coarsest_nats(&self, tiles: &mut [Tile<'_>], extents: [usize; 2], device: &Device) -> Tensor<1> {
        let k = self.config.mixtures;
        let step = 1 << self.config.levels;
        let mut columns: [Vec<f32>; 3] = Default::default();
        for tile in tiles {
            for y in (0..extents[0]).step_by(step) {
                for x in (0..extents[1]).step_by(step) {
                    let pixel = y * extents[1] + x;
                    let sample = tile.samples[pixel];
                    let row = [f32::from(sample), f32::from(tile.stats.median), tile.stats.noise_scale()];
                    columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
                    tile.intervals.set(pixel, sample.into(), 0);
                }
            }
        }
        let [samples, medians, scales] = columns.map(|column| {
            let count = column.len();
            tensor(column, [1, 1, 1, count], device)
        });
        let outputs = self.coarsest.val().reshape([1, 3 * k, 1, 1]);
        let take = |part: usize| outputs.clone().narrow(1, part * k, k);
        let means = medians + scales.clone() * take(1);
        let log_scales = scales.log() + take(2);
        let logits = take(0) + means.zeros_like();
        let edges =
            [samples.zeros_like(), samples.full_like(65_536.0), samples.clone(), samples.clone() + 1.0];
        nats(edges, logits, means, log_scales)
    }
}

/// Information of cells in intervals under mixtures restricted to these, in nats.
fn nats(edges: [Tensor<4>; 4], logits: Tensor<4>, means: Tensor<4>, log_scales: Tensor<4>) -> Tensor<1> {
    let [low, high, first, end] = edges;
    let share = |low, high| log_share(low, high, logits.clone(), means.clone(), log_scales.clone());
    total(share(low, high) - share(first, end))
}

impl Trainable for Trained {
    /// The sum over all passes: nothing is drawn.
    fn loss(&self, tiles: Tensor<4>) -> Result<Tensor<1>> {
        let device = tiles.device();
        let host = HostTiles::of(&tiles, 1)?;
        let [n, _, height, width] = host.extents;
        let extents = [height, width];
        let tile = |n| {
            let samples = host.plane(n, 0);
            let intervals = Intervals::unknown(height * width);
            Tile { samples, stats: TileStats::of(samples, width), intervals }
        };
        let mut tiles: Vec<Tile<'_>> = (0..n).map(tile).collect();
        let kinds = self.config.kinds();
        let mut nats = self.coarsest_nats(&mut tiles, extents, &device);
        for pass in self.config.passes() {
            let (all, [h, w]) = take_pass(&pass, (kinds[pass.kind], self.process), &mut tiles, extents);
            nats = nats + self.pass_nats(pass.kind, all, [n, h, w], &device);
        }
        Ok(nats * (std::f64::consts::LOG2_E / (n * height * width) as f64))
    }
}
