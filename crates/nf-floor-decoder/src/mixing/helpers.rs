//! format-floor-max.md, 10.4: the helpers of mode 8; format-floor.md, 19.7 and 19.8: of mode 10.

use super::Here;
use super::inputs::median4;
use crate::notation::clamp;
use crate::patterns::Patterns;

/// The maps `h0` and `h1` of the whole tile.
pub(crate) struct Helpers {
    height: usize,
    width: usize,
    maps: [Vec<f32>; 2],
    /// 19.8: `dn(O)` at every pixel, if `h1` is a response.
    dark: Option<Vec<f32>>,
}

/// 19.7: units of 1/256 DN as DN.
fn dn(i: i64) -> f32 {
    i as f32 * (1.0 / 256.0)
}

impl Helpers {
    /// 10.4: the helpers of a tile, if there are reference planes. Every plane and `offsets` have a
    /// number for every pixel.
    pub(crate) fn new(references: &[Vec<u16>], offsets: &[f32], height: usize, width: usize) -> Option<Self> {
        let latest = references.first()?;
        let n = references.len() as f32;
        let mut maps = [Vec::new(), Vec::new()];
        for (place, &o) in offsets.iter().enumerate() {
            let sum: u32 = references.iter().map(|plane| u32::from(plane[place])).sum();
            maps[0].push(f32::from(latest[place]) - o);
            maps[1].push(sum as f32 / n - o);
        }
        Some(Self { height, width, maps, dark: None })
    }

    /// 19.7 and 19.8: the helpers of a tile with maps or reference planes.
    pub(crate) fn of_patterns(patterns: &Patterns, offsets: &[f32], height: usize, width: usize) -> Self {
        let Patterns { own, response, differences } = patterns;
        let mut maps = [Vec::new(), Vec::new()];
        for (place, &o) in offsets.iter().enumerate() {
            let [h0, h1] = match (differences.first(), response) {
                (None, response) => {
                    let h0 = dn(own[place]) - o;
                    [h0, response.as_ref().map_or(h0, |g| g[place] as f32 * (1.0 / 1048576.0))]
                }
                (Some(latest), _) => {
                    let mut sum = 0.0;
                    for d in differences {
                        sum += dn(d[place]);
                    }
                    let mean = sum / differences.len() as f32;
                    [dn(latest[place] + own[place]) - o, (mean + dn(own[place])) - o]
                }
            };
            maps[0].push(h0);
            maps[1].push(h1);
        }
        let responds = response.is_some() && differences.is_empty();
        let dark = responds.then(|| own.iter().map(|&own| dn(own)).collect());
        Self { height, width, maps, dark }
    }

    /// `h(u, r)` of the helper `j` (0 or 1) for a pixel.
    fn at(&self, j: usize, here: Here, u: isize, r: isize) -> f32 {
        // Outside stand the numbers of the nearest pixel.
        let row = (here.y as isize - u).clamp(0, self.height as isize - 1) as usize;
        let column = (here.x as isize + r).clamp(0, self.width as isize - 1) as usize;
        self.maps[j][row * self.width + column]
    }

    /// `d[0..6]` of the helper `j`, with `reference` of 10.2.
    pub(crate) fn differences(&self, j: usize, here: Here, reference: f32) -> [f32; 7] {
        let h = |(u, r)| self.at(j, here, u, r);
        let mid = median4(h((0, -1)), h((1, 0)), h((1, 1)), h((1, -1)));
        let d = [(0, 0), (0, -1), (1, 0), (1, 1), (1, -1), (0, 1), (-1, 0)].map(|place| h(place) - mid);
        match &self.dark {
            // 19.8
            Some(dark) if j == 1 => {
                let dark = dark[here.y * self.width + here.x];
                let light = clamp((reference + here.o) - dark, 0.0, 65535.0);
                d.map(|d| d * light)
            }
            _ => d,
        }
    }
}
