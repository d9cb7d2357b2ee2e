//! format-floor-max.md, 9: the model and its parts.

use super::Here;
use super::contexts::contexts;
use super::decision::Decider;
use super::experts::{experts, simple_predictions};
use super::first::First;
use super::helpers::Helpers;
use super::inputs::{Inputs, Means};
use super::map::Maps;
use super::path;
use super::scales::Scales;
use super::second::Second;
use super::source::Source;
use crate::Error;

/// What is known of a tile before its samples.
pub(crate) struct Tile {
    pub height: usize,
    pub width: usize,
    /// 9.1.
    pub median: f32,
    pub floor: f32,
    /// 9.2: the offset of every pixel.
    pub offsets: Vec<f32>,
    pub helpers: Option<Helpers>,
    /// format-floor.md, 20.7: whether the mode is 15.
    pub by_position: bool,
}

/// All parts of the model.
pub(crate) struct Model {
    maps: Maps,
    means: Means,
    first: First,
    second: Second,
    scales: Scales,
    decider: Decider,
}

impl Model {
    /// The state at first, before `tile`.
    pub(crate) fn new(tile: &Tile) -> Self {
        let &Tile { height, width, median, .. } = tile;
        // 9.5
        let n = if tile.helpers.is_some() { 72 } else { 56 };
        Self {
            maps: Maps::new(height, width, median, 8.0),
            means: Means::new(width, median),
            first: First::new(width, n),
            second: Second::new(),
            scales: Scales::new(width),
            decider: Decider::new(),
        }
    }

    /// format-floor.md, 19.9, 1. to 4.: before `tile`, which has as many helpers as those before.
    pub(crate) fn start_tile(&mut self, tile: &Tile) {
        let &Tile { height, width, median, .. } = tile;
        let first_e = self.scales.start_tile(width);
        self.maps = Maps::new(height, width, median, first_e);
        self.means.start_tile(width, median);
        self.first.start_tile(width);
        self.second.start_tile();
    }

    /// format-floor.md, 19.9: after the last exposure of a start.
    pub(crate) fn end_start(&mut self) {
        self.decider.end_start();
    }

    /// 9.4: the samples of `tile`, row by row.
    pub(crate) fn run(&mut self, tile: &Tile, mut source: Source<'_>) -> Result<Vec<u16>, Error> {
        let mut samples = Vec::new();
        for y in 0..tile.height {
            self.means.start_row();
            for x in 0..tile.width {
                let place = y * tile.width + x;
                source.start_pixel(place);
                let here = Here { y, x, o: tile.offsets[place], by_position: tile.by_position };
                samples.push(self.pixel(tile, here, &mut source)?);
            }
        }
        source.end()?;
        Ok(samples)
    }

    /// 9.4: decodes a pixel.
    fn pixel(&mut self, tile: &Tile, here: Here, source: &mut Source<'_>) -> Result<u16, Error> {
        // 1.
        self.first.solve(here);
        self.second.solve(here);
        self.scales.solve(here);
        // 2.
        let activity = self.scales.activity(&self.maps.e, here);
        let g = activity.g;
        let inputs = Inputs::new(&self.maps, &mut self.means, tile.helpers.as_ref(), here, g);
        let first = self.first.predict(&inputs, here.o);
        let second = self.second.predict(&self.maps, &first, inputs.c, g, here);
        let scale = self.scales.regress(&self.maps, &inputs, &first, second.p, &activity, tile.floor, here);
        let simple = simple_predictions(&self.maps, &inputs, &first, here);
        let experts = experts(second.p, here.o, &scale, &simple);
        let contexts =
            contexts(&self.maps, &self.means, &inputs, &first, second.p, activity.al, &scale, here);
        // 3.
        let sample = path::decode(&mut self.decider, source, &experts, &contexts)?;
        // 4.
        let value = f32::from(sample) - here.o;
        let f = first[0];
        self.means.update(&mut self.maps, here, value, f, second.p, g);
        let root = self.first.update(&inputs, f, value, g, here);
        self.second.update(&mut self.maps, &second, f, value, root, g, here);
        let maps = &mut self.maps;
        self.scales.update(maps, &scale, &activity, &simple, second.p, value, here);
        Ok(sample)
    }
}
