//! format-floor-max.md, 10: the inputs of a pixel.

use super::Here;
use super::helpers::Helpers;
use super::map::Maps;
use crate::functions::ln;
use crate::notation::{clamp, max, min};

/// 10.3: the places, `(u, r)`.
#[rustfmt::skip]
pub(crate) const PLACES: [(isize, isize); 34] = [
    (0, -1), (1, 0), (1, 1), (1, -1), (0, -2), (2, 0), (1, 2), (1, -2), (2, 1), (2, -1), (0, -3),
    (3, 0), (2, 2), (2, -2), (1, 3), (1, -3), (3, 1), (3, -1), (0, -4), (4, 0), (2, 3), (2, -3),
    (3, 2), (3, -2), (1, 4), (1, -4), (0, -5), (0, -6), (4, 1), (4, -1), (1, 5), (1, -5), (5, 0),
    (3, 3),
];

/// 9.7: the mean of the two middle ones of four numbers.
pub(crate) fn median4(a: f32, b: f32, c: f32, d: f32) -> f32 {
    (max(min(a, b), min(c, d)) + min(max(a, b), max(c, d))) * 0.5
}

/// 10.1: the state.
pub(crate) struct Means {
    rm: [f32; 2],
    pub cm: Vec<f32>,
    mean: f32,
    fm: f32,
    a: [f32; 3],
    b: [f32; 3],
    cr: Vec<f32>,
    cb: [f32; 2],
}

impl Means {
    /// The state at first, of a tile of `width` columns.
    pub(crate) fn new(width: usize, median: f32) -> Self {
        Self {
            rm: [median; 2],
            cm: vec![median; width + 1],
            mean: median,
            fm: median,
            a: [0.0; 3],
            b: [0.0; 3],
            cr: vec![0.0; width],
            cb: [0.0, 2.0],
        }
    }

    /// format-floor.md, 19.9: before another tile, of `width` columns.
    pub(crate) fn start_tile(&mut self, width: usize, median: f32) {
        *self = Self { cb: self.cb, ..Self::new(width, median) };
    }

    /// A row starts.
    pub(crate) fn start_row(&mut self) {
        self.a = [0.0; 3];
        self.b = [0.0; 3];
    }

    /// 10.5: the class of a pixel; the bounds follow.
    fn class(&mut self, sl: f32) -> usize {
        let class = self.cb.iter().filter(|&&bound| sl >= bound).count();
        for (bound, q) in self.cb.iter_mut().zip([0.4, 0.1]) {
            let s = if sl < *bound { -q } else { 1.0 - q };
            *bound += 0.01 * s;
        }
        class
    }

    /// 10.6: the update, with the global prediction `f` and the prediction `p`.
    pub(crate) fn update(&mut self, maps: &mut Maps, here: Here, value: f32, f: f32, p: f32, g: f32) {
        let Here { y, x, .. } = here;
        let odd = here.odd();
        let width = self.cr.len();
        let cleaned = clamp(value, p - 3.0 * g, p + 3.0 * g);
        maps.p.set(here, value);
        maps.k.set(here, cleaned);
        if y == 0 {
            if x == 0 {
                self.mean = cleaned;
                self.fm = cleaned;
                self.rm = [cleaned; 2];
            }
            self.fm += (cleaned - self.fm) * 0.3;
            maps.p.set_above(x, self.fm);
            maps.k.set_above(x, self.fm);
            self.cm[width.min(x + 1)..=width.min(x + 5)].fill(self.fm);
        }
        self.rm[odd] += (cleaned - self.rm[odd]) * (1.0 / 24.0);
        let step = max(1.0 / (y as f32 + 2.0), 1.0 / 24.0);
        self.cm[x] += (cleaned - self.cm[x]) * step;
        self.mean += (cleaned - self.mean) * (1.0 / 4096.0);
        let b = clamp(value - f, -(3.0 * g), 3.0 * g);
        let w = 1.0 / (g * g);
        let rates = [1.0 / 128.0, 1.0 / 128.0, 1.0 / 12.0];
        for k in [odd, 2] {
            let rate = rates[k];
            self.a[k] += b * w - rate * self.a[k];
            self.b[k] += w - rate * self.b[k];
        }
        self.cr[x] += (b - self.cr[x]) * (1.0 / 32.0);
        if x == width - 1 {
            self.cm[width] = self.cm[width - 1];
        }
    }
}

/// 10.2 to 10.5: the inputs of a pixel.
pub(crate) struct Inputs {
    pub reference: f32,
    pub c: f32,
    /// `in[0..N-1]`.
    pub values: Vec<f32>,
    /// 10.4: in mode 4 both are 0 and are not used.
    pub helper: Option<[f32; 2]>,
    pub class: usize,
    pub sl: f32,
}

impl Inputs {
    /// The inputs of a pixel with the first estimate `g` of its scale.
    pub(crate) fn new(maps: &Maps, means: &mut Means, helpers: Option<&Helpers>, here: Here, g: f32) -> Self {
        let Here { x, .. } = here;
        let odd = here.odd();
        let p = |place| maps.p.at(here, place);
        let k = |u, r| maps.k.at(here, (u, r));

        // 10.2
        let reference = median4(p((0, -1)), p((1, 0)), p((1, 1)), p((1, -1)));
        let c = 4.0 * g;
        let clip = |v: f32| clamp(v - reference, -c, c);
        let over = |d: f32, input: f32| clamp(d - input, -(100.0 * c), 100.0 * c);

        // 10.4: in[0] to in[38]
        let mut values: Vec<f32> = PLACES.iter().map(|&place| clip(p(place))).collect();
        values.push(clip(means.rm[odd]));
        values.push(clip(means.rm[1 - odd]));
        values.push(clip(means.cm[x]));
        values.push(clip(means.mean));
        values.push(g * 0.2);

        // in[39] to in[43]
        let mut sum = 0.0;
        for r in -8..=7 {
            let mut column = 0.0;
            for u in 1..=4 {
                column += k(u, r);
            }
            sum += column;
        }
        values.push(clip(sum * (1.0 / 64.0)));
        let mut sum = 0.0;
        for r in -8..=-1 {
            sum += k(0, r);
        }
        values.push(clip(sum * (1.0 / 8.0)));
        let mut sum = 0.0;
        for u in 1..=8 {
            sum += k(u, 0);
        }
        values.push(clip(sum * (1.0 / 8.0)));
        values.push(clip(means.cm[x.saturating_sub(1)]));
        values.push(clip(means.cm[x + 1]));

        // in[44] to in[55]
        let w = 1.0 / (g * g);
        let mean = |k: usize, prior: f32| means.a[k] / (means.b[k] + prior * w);
        values.push(mean(odd, 8.0));
        values.push(mean(1 - odd, 8.0));
        values.push(mean(2, 3.0));
        values.push(means.cr[x]);
        for (i, &place) in PLACES.iter().take(8).enumerate() {
            values.push(over(p(place) - reference, values[i]));
        }

        // in[56] to in[71]
        let helper = helpers.map(|helpers| {
            [0, 1].map(|j| {
                let d = helpers.differences(j, here, reference);
                let first = clamp(d[0], -c, c);
                values.extend(d.map(|d| clamp(d, -c, c)));
                values.push(over(d[0], first));
                d[0]
            })
        });

        // 10.5
        let mut spread = 0.5;
        for input in &values[..12] {
            spread += input.abs();
        }
        let sl = ln(spread);
        let class = means.class(sl);
        Self { reference, c, values, helper, class, sl }
    }
}
