//! Temporal context for the coder: plane by plane, in each pixel by pixel, many tiles at once.

use super::earlier::{Earlier, Guesses, LATER_CONTEXT, LATER_FEATURES, LATER_GUESSES};
use super::{ContextForm, MAX_PLANES, Tec, TecConfig};
use crate::context::{CONTEXT_FEATURES, PIXEL_FEATURES, PREDICTORS};
use crate::mixture::MixtureParams;
use crate::nets::sample_head::{mixture_near, weighted};
use crate::tile::Tile;
use crate::tile_model::{TileCoder, TileModel};
use crate::tile_stats::MAX_STEP;
use nf_engine::{CausalEvaluator, ConvLayer, FeatureMap, Graph, SymbolicMap};
use nf_entropy::distributions::Uniform;
use nf_entropy::{Meter, Result};
use std::sync::Arc;

/// The symbol of a later plane that is coded without context; with context it is one more than the
/// step of the noise scale.
const WITHOUT_CONTEXT: u32 = 0;

/// Places of the graphs' inputs.
const FEATURES_INPUT: usize = 0;
const CONTEXT_INPUT: usize = 1;

/// The networks' graphs.
#[derive(Clone, Debug)]
pub(super) struct TecModel {
    config: TecConfig,
    /// Inputs are features and context.
    single: Graph,
    later: Option<LaterGraphs>,
}

#[derive(Clone, Debug)]
struct LaterGraphs {
    /// From what the context net sees to its features.
    context: Graph,
    samples: Graph,
}

/// How one plane of a tile is seen.
enum View {
    /// By itself.
    Single,
    /// With earlier planes, and the context net's features of them.
    Later(Earlier, FeatureMap),
}

impl View {
    fn features(&self, tile: &Tile, plane: usize, at: (usize, usize), to: &mut [f32]) {
        match self {
            Self::Single => to.copy_from_slice(&tile.plane(plane).pixel_features(at.0, at.1)),
            Self::Later(earlier, _) => earlier.features(tile, at, to),
        }
    }

    fn context(&self, tile: &Tile, plane: usize, at: (usize, usize), to: &mut [f32]) -> Guesses {
        match self {
            Self::Single => {
                let context = tile.plane(plane).context(at.0, at.1);
                to.copy_from_slice(&context.features);
                let mut values = [0.0; LATER_GUESSES];
                values[..PREDICTORS].copy_from_slice(&context.predictors);
                Guesses { values, log_weights: [0.0; LATER_GUESSES], scale: context.local_scale }
            }
            Self::Later(earlier, map) => {
                let (context, features) = to.split_at_mut(LATER_CONTEXT);
                let pixel = at.0 * tile.width + at.1;
                features.copy_from_slice(&map.values[pixel * map.channels..][..map.channels]);
                earlier.context(tile, at, context)
            }
        }
    }
}

/// One plane of several tiles, all coded by the same network.
struct PlaneOf<'a> {
    plane: usize,
    tiles: &'a [usize],
    views: &'a [View],
}

/// What is done with each symbol: tile, symbol, distribution.
type Sink<'a> = dyn FnMut(usize, &mut u32, &MixtureParams) -> Result<()> + 'a;

/// What coding a known plane would give.
struct Trial {
    bits: Vec<f64>,
    /// Distributions, pixel by pixel, tiles taking turns.
    mixtures: Vec<MixtureParams>,
}

impl TecModel {
    pub(super) fn new(net: &Tec<Arc<ConvLayer>, Vec<f32>>) -> Self {
        let config = net.config.clone();
        let samples = |net: &crate::nets::pixelcnnpp::PixelCnnPp<_>, channels: super::Channels| {
            Graph::record(&[channels.features, channels.context], |maps: &[SymbolicMap]| {
                vec![net.forward(&maps[FEATURES_INPUT], Some(&maps[CONTEXT_INPUT]))]
            })
        };
        let later = net.later.as_ref().map(|later| LaterGraphs {
            context: Graph::record(&[super::earlier::EARLIER_CHANNELS], |maps: &[SymbolicMap]| {
                vec![later.context.forward(&maps[0])]
            }),
            samples: samples(&later.samples, config.later_channels()),
        });
        Self { single: samples(&net.single, config.single_channels()), later, config }
    }

    /// Goes through one plane of some tiles, pixel by pixel, tiles taking turns. Samples become
    /// what the sink makes of the symbols.
    fn go_through(&self, tiles: &mut [Tile], of: &PlaneOf<'_>, sink: &mut Sink<'_>) -> Result<()> {
        let Some(&first) = of.tiles.first() else { return Ok(()) };
        let (height, width) = (tiles[first].height, tiles[first].width);
        let (graph, features, context, guesses) = match (&of.views[0], &self.later) {
            (View::Later(..), Some(later)) => {
                let context = LATER_CONTEXT + self.config.context_filters;
                (&later.samples, LATER_FEATURES, context, LATER_GUESSES)
            }
            _ => (&self.single, PIXEL_FEATURES, CONTEXT_FEATURES, PREDICTORS),
        };
        let k = self.config.mixtures;
        let mut evaluator = CausalEvaluator::new(graph, of.tiles.len(), height, width);
        let mut found = Vec::with_capacity(of.tiles.len());
        for at in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            found.clear();
            let to = evaluator.next_pixel(CONTEXT_INPUT).chunks_exact_mut(context);
            for ((&tile, view), to) in of.tiles.iter().zip(of.views).zip(to) {
                found.push(view.context(&tiles[tile], of.plane, at, to));
            }
            let outputs = evaluator.output(0, at.0, at.1).chunks_exact(graph.channels(0));
            for ((&tile, outputs), found) in of.tiles.iter().zip(outputs).zip(&found) {
                let mut logits = found.log_weights;
                logits.iter_mut().zip(&outputs[3 * k..]).for_each(|(logit, output)| *logit += output);
                let base = weighted(&logits[..guesses], &found.values);
                let mixture = mixture_near(outputs, k, base, found.scale, |i| outputs[k + i]);
                let sample = tiles[tile].sample_mut(of.plane, at.0, at.1);
                let mut symbol = u32::from(*sample);
                sink(tile, &mut symbol, &mixture)?;
                *sample = symbol as u16;
            }
            let to = evaluator.next_pixel(FEATURES_INPUT).chunks_exact_mut(features);
            for ((&tile, view), to) in of.tiles.iter().zip(of.views).zip(to) {
                view.features(&tiles[tile], of.plane, at, to);
            }
        }
        Ok(())
    }

    /// What coding a plane of known tiles would give.
    fn try_out(&self, tiles: &mut [Tile], of: &PlaneOf<'_>) -> Result<Trial> {
        let mut meters = vec![Meter::new(); tiles.len()];
        let mut mixtures = vec![];
        self.go_through(tiles, of, &mut |tile, symbol, mixture| {
            mixtures.push(*mixture);
            mixture.code_sample(&mut meters[tile], symbol)
        })?;
        Ok(Trial { bits: meters.iter().map(Meter::bits).collect(), mixtures })
    }

    /// How a later plane of these tiles is seen, whose deviations have noise scales of these steps.
    fn views(&self, tiles: &[Tile], plane: usize, steps: &[(usize, u8)]) -> Vec<View> {
        let Some(later) = &self.later else { return vec![] };
        let view = |&(tile, step): &(usize, u8)| {
            let earlier = Earlier::new(&tiles[tile], plane, step);
            let inputs = earlier.inputs(&tiles[tile]);
            let map = later.context.evaluate(vec![inputs]).pop();
            View::Later(earlier, map.expect("the graph has a result"))
        };
        steps.iter().map(view).collect()
    }

    /// What a later plane of known tiles costs with context, tile by tile.
    #[cfg(all(test, feature = "train"))]
    pub(super) fn bits_with_context(&self, tiles: &[Tile], plane: usize) -> Vec<f64> {
        let all: Vec<usize> = (0..tiles.len()).collect();
        let steps: Vec<_> =
            all.iter().map(|&tile| (tile, Earlier::scale_step(&tiles[tile], plane))).collect();
        let views = self.views(tiles, plane, &steps);
        let trial = self.try_out(&mut tiles.to_vec(), &PlaneOf { plane, tiles: &all, views: &views });
        trial.expect("known samples have probabilities").bits
    }

    /// The context net's features for the second plane of a known tile.
    #[cfg(all(test, feature = "train"))]
    pub(super) fn context_of(&self, tile: &Tile) -> FeatureMap {
        let mut views = self.views(std::slice::from_ref(tile), 1, &[(0, 8)]);
        match views.pop() {
            Some(View::Later(_, map)) => map,
            _ => panic!("a network for stacks"),
        }
    }

    /// Codes a plane of tiles that are not known yet.
    fn decode(&self, coder: &mut dyn TileCoder, tiles: &mut [Tile], of: &PlaneOf<'_>) -> Result<()> {
        self.go_through(tiles, of, &mut |tile, symbol, mixture| {
            coder.enter_tile(tile);
            mixture.code_sample(coder, symbol)
        })
    }

    /// Codes a plane of known tiles, of which some take turns, under distributions found before.
    fn encode(coder: &mut dyn TileCoder, tiles: &[Tile], plane: usize, chosen: &Chosen<'_>) -> Result<()> {
        let Some(first) = tiles.first() else { return Ok(()) };
        for pixel in 0..first.height * first.width {
            for (tile, own) in tiles.iter().enumerate() {
                if chosen.tiles[tile] {
                    coder.enter_tile(tile);
                    let mut symbol = u32::from(own.plane(plane).samples[pixel]);
                    chosen.trial.mixtures[pixel * tiles.len() + tile].code_sample(coder, &mut symbol)?;
                }
            }
        }
        Ok(())
    }

    /// Codes the first plane.
    fn code_first(&self, coder: &mut dyn TileCoder, tiles: &mut [Tile]) -> Result<()> {
        let all: Vec<usize> = (0..tiles.len()).collect();
        let views: Vec<View> = all.iter().map(|_| View::Single).collect();
        self.decode(coder, tiles, &PlaneOf { plane: 0, tiles: &all, views: &views })
    }

    /// Codes a later plane: what each tile has chosen, the tiles with context, those without.
    fn code_later(&self, coder: &mut dyn TileCoder, tiles: &mut [Tile], plane: usize) -> Result<()> {
        let choices = Uniform::new(u32::from(MAX_STEP) + 2)?;
        let all: Vec<usize> = (0..tiles.len()).collect();
        let singles = || all.iter().map(|_| View::Single).collect::<Vec<_>>();
        if tiles.iter().all(|tile| tile.known) {
            let steps: Vec<_> =
                all.iter().map(|&tile| (tile, Earlier::scale_step(&tiles[tile], plane))).collect();
            let single = self.try_out(tiles, &PlaneOf { plane, tiles: &all, views: &singles() })?;
            let views = self.views(tiles, plane, &steps);
            let later = match views.is_empty() {
                true => None,
                false => Some(self.try_out(tiles, &PlaneOf { plane, tiles: &all, views: &views })?),
            };
            let with = |tile: usize| later.as_ref().is_some_and(|later| later.bits[tile] < single.bits[tile]);
            let with: Vec<bool> = all.iter().map(|&tile| with(tile)).collect();
            for &(tile, step) in &steps {
                coder.enter_tile(tile);
                let mut symbol = if with[tile] { u32::from(step) + 1 } else { WITHOUT_CONTEXT };
                coder.code(&mut symbol, &choices)?;
            }
            let without: Vec<bool> = with.iter().map(|with| !with).collect();
            if let Some(trial) = &later {
                Self::encode(coder, tiles, plane, &Chosen { tiles: &with, trial })?;
            }
            return Self::encode(coder, tiles, plane, &Chosen { tiles: &without, trial: &single });
        }
        let (mut with, mut without) = (vec![], vec![]);
        for &tile in &all {
            coder.enter_tile(tile);
            let mut symbol = WITHOUT_CONTEXT;
            coder.code(&mut symbol, &choices)?;
            match symbol.checked_sub(1).and_then(|step| u8::try_from(step).ok()) {
                Some(step) if self.later.is_some() => with.push((tile, step)),
                _ => without.push(tile),
            }
        }
        let views = self.views(tiles, plane, &with);
        let with: Vec<usize> = with.into_iter().map(|(tile, _)| tile).collect();
        self.decode(coder, tiles, &PlaneOf { plane, tiles: &with, views: &views })?;
        self.decode(coder, tiles, &PlaneOf { plane, tiles: &without, views: &singles() })
    }
}

/// The tiles of a batch that are coded under the distributions of a trial of all.
struct Chosen<'a> {
    tiles: &'a [bool],
    trial: &'a Trial,
}

impl TileModel for TecModel {
    /// Plane by plane; in each the tiles with context before those without, at every pixel tile by
    /// tile.
    fn traverse(&self, coder: &mut dyn TileCoder, tiles: &mut [Tile]) -> Result<()> {
        let Some(first) = tiles.first() else { return Ok(()) };
        let planes = first.stats.len();
        self.code_first(coder, tiles)?;
        (1..planes).try_for_each(|plane| self.code_later(coder, tiles, plane))
    }

    fn memory_bytes(&self, tiles: usize, height: usize, width: usize) -> u64 {
        let graphs = std::iter::once(&self.single).chain(self.later.as_ref().map(|later| &later.samples));
        let rows = graphs.map(|graph| CausalEvaluator::memory_bytes(graph, tiles, height, width)).max();
        // The references of every tile, and the widest maps of the context net alive together:
        // eight tokens a pixel in a transformer.
        let widest = match self.config.context {
            ContextForm::Convolution => 6,
            ContextForm::Transformer => 64,
        };
        let maps = 3 + widest * self.config.context_filters as u64;
        rows.unwrap_or(0) + 4 * maps * (tiles * height * width) as u64
    }

    /// Of the planes of a training tile, which is what stacks should have at least.
    fn macs_per_px(&self) -> f64 {
        let Some(later) = &self.later else { return self.single.macs_per_px() };
        let later = later.context.macs_per_px() + later.samples.macs_per_px();
        let planes = self.config.planes as f64;
        (self.single.macs_per_px() + (planes - 1.0) * later) / planes
    }

    fn values_per_px(&self) -> f64 {
        let later = self.later.as_ref();
        let later = later.map_or(0.0, |own| own.context.values_per_px() + own.samples.values_per_px());
        self.single.values_per_px() + (self.config.planes as f64 - 1.0) * later
    }

    fn most_planes(&self) -> Option<usize> {
        self.later.is_some().then_some(MAX_PLANES)
    }
}
