//! format-floor-max.md: modes 4 and 8, adaptive mixing.

mod biases;
mod coder;
mod contexts;
mod curvature;
mod decision;
mod experts;
mod first;
mod helpers;
mod inputs;
mod map;
mod mixer;
mod noise;
mod path;
mod scales;
mod second;
mod shapes;
mod tables;

use crate::Error;
use crate::bytes::Bytes;
use crate::reference_planes::{read_weights, weighted_sum};
use coder::Coder;
use decision::Decider;
use experts::simple_predictions;
use first::First;
use helpers::Helpers;
use inputs::{Inputs, Means};
use map::Maps;
use scales::Scales;
use second::Second;

/// 9.1: the numbers at the start of the payload.
pub(crate) struct Head {
    pub median: f32,
    pub floor: f32,
}

/// The pixel that is decoded.
#[derive(Clone, Copy)]
pub(crate) struct Here {
    /// Its row and its column in the tile.
    pub y: usize,
    pub x: usize,
    /// 9.2: the offset.
    pub o: f32,
}

impl Here {
    /// 10.1.
    pub(crate) fn odd(&self) -> usize {
        self.x % 2
    }
}

/// 9.3: `code(v)`.
pub(crate) fn code(v: f32, o: f32) -> i64 {
    crate::notation::trunc(crate::notation::clamp(v + o, 0.0, 65535.0))
}

/// 9.1: the samples of a tile of `height` rows of `width` pixels, row by row. Every reference plane
/// has as many; there are none in mode 4.
pub(crate) fn decode(
    payload: &[u8],
    height: usize,
    width: usize,
    references: &[Vec<u16>],
) -> Result<Vec<u16>, Error> {
    let mut bytes = Bytes::new(payload);
    let weights = read_weights(&mut bytes, references.len())?;
    let median = if references.is_empty() { f32::from(bytes.u16()?) } else { f32::from(bytes.i16()?) };
    let head = Head { median, floor: f32::from(bytes.u16()?) };
    let mut coder = Coder::new(bytes.rest());

    // 9.2
    let offset = |place| weighted_sum(&weights, references, place) as f32 / 256.0;
    let offsets: Vec<f32> = (0..height * width).map(offset).collect();
    let helpers = Helpers::new(references, &offsets, height, width);

    let mut samples = Vec::new();
    let mut model = Model::new(head, height, width, helpers);
    for y in 0..height {
        model.means.start_row();
        for x in 0..width {
            let here = Here { y, x, o: offsets[y * width + x] };
            samples.push(model.pixel(here, &mut coder)?);
        }
    }
    coder.end()?;
    Ok(samples)
}

/// All parts of the model.
struct Model {
    head: Head,
    maps: Maps,
    helpers: Option<Helpers>,
    means: Means,
    first: First,
    second: Second,
    scales: Scales,
    decider: Decider,
}

impl Model {
    /// The state at first.
    fn new(head: Head, height: usize, width: usize, helpers: Option<Helpers>) -> Self {
        // 9.5
        let n = if helpers.is_some() { 72 } else { 56 };
        Self {
            maps: Maps::new(height, width, head.median),
            helpers,
            means: Means::new(width, head.median),
            first: First::new(width, n),
            second: Second::new(),
            scales: Scales::new(width),
            decider: Decider::new(),
            head,
        }
    }

    /// 9.4: decodes a pixel.
    fn pixel(&mut self, here: Here, coder: &mut Coder<'_>) -> Result<u16, Error> {
        // 1.
        self.first.solve(here);
        self.second.solve(here);
        self.scales.solve(here);
        // 2.
        let activity = self.scales.activity(&self.maps.e, here);
        let g = activity.g;
        let inputs = Inputs::new(&self.maps, &mut self.means, self.helpers.as_ref(), here, g);
        let first = self.first.predict(&inputs, here.o);
        let second = self.second.predict(&self.maps, &first, inputs.c, g, here);
        let scale =
            self.scales.regress(&self.maps, &inputs, &first, second.p, &activity, self.head.floor, here);
        let simple = simple_predictions(&self.maps, &inputs, &first, here);
        let experts = experts::experts(second.p, here.o, &scale, &simple);
        let contexts =
            contexts::contexts(&self.maps, &self.means, &inputs, &first, second.p, activity.al, &scale, here);
        // 3.
        let sample = path::decode(&mut self.decider, coder, &experts, &contexts)?;
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
