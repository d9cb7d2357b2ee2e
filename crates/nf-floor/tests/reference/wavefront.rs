//! Mode 3, by section 8 of `docs/format-floor.md`; numbers in brackets are its steps.

use super::Wrong;
use super::max::arithmetic::{bound as clamp, exp, ln};
use super::max::squares::{Factor, Moments};

const SHARED: f64 = (268_435_456 - 65_536) as f64;
const WIDTH: [f64; 8] = [0.6, 0.85, 1.15, 1.6, 3.0, 10.0, 60.0, 600.0];
const START: [f32; 8] = [0.1, 0.4, 0.3, 0.15, 0.04, 0.009, 0.0009, 0.0001];

fn density(z: f64) -> f64 {
    let n = (z * z).trunc();
    let g = -0.5 * (z * z - n);
    let (mut term, mut series, mut power) = (1.0, 1.0, 1.0);
    for k in 1..=19 {
        term *= g / f64::from(k);
        series += term;
    }
    for _ in 0..n as usize {
        power *= 0.606_530_659_712_633_4;
    }
    power * series * 0.398_942_280_401_432_7
}

fn cdf(z: f64) -> f64 {
    let x = z.abs();
    let mut tail = 0.0;
    if x <= 8.0 {
        let (mut term, mut sum, mut n) = (x, x, 1.0);
        while term > 1e-18 * sum {
            n += 2.0;
            term *= (x * x) / n;
            sum += term;
        }
        tail = (0.5 - sum * density(x)).max(0.0);
    }
    if z < 0.0 { tail } else { 1.0 - tail }
}

/// A map [8.4]: a number for every pixel, and one above the first row.
struct Map {
    width: usize,
    first: f32,
    rows: Vec<Vec<f32>>,
}

impl Map {
    fn new(height: usize, width: usize, first: f32) -> Self {
        Self { width, first, rows: vec![vec![f32::NAN; width]; height] }
    }

    fn at(&self, y: usize, x: usize, up: usize, right: i64) -> f32 {
        let Some(row) = y.checked_sub(up) else { return self.first };
        let column = x as i64 + right;
        if column < 0 {
            return if row == 0 { self.first } else { self.rows[row - 1][0] };
        }
        self.rows[row][(column as usize).min(self.width - 1)]
    }
}

/// What a step knows of the pixel of a lane.
#[derive(Clone, Default)]
struct Pixel {
    y: usize,
    x: usize,
    median: f32,
    range: f32,
    clip: f32,
    near_ln: f32,
    around_ln: f32,
    first_scale: f32,
    inputs: Vec<f32>,
    location: f32,
    scale_inputs: Vec<f32>,
    log: f32,
    scale: f32,
    context: usize,
    block: usize,
    end: i64,
    sample: u16,
}

/// One step of a batch: for every active lane its number, inputs with the target last, and its
/// weight.
type BatchStep = Vec<(usize, Vec<f32>, f32)>;

fn empty(batch: &[BatchStep], moments: &mut Moments) {
    let inputs = moments.targets.len();
    for i in 0..=inputs {
        for j in 0..=i.min(inputs - 1) {
            let mut sums = [0.0_f32; 16];
            for step in batch {
                for (lane, x, weight) in step {
                    sums[*lane] += (x[i] * weight) * x[j];
                }
            }
            for half in [8, 4, 2, 1] {
                for k in 0..half {
                    sums[k] += sums[k + half];
                }
            }
            let to = if i == inputs { &mut moments.targets[j] } else { &mut moments.products[i][j] };
            *to += sums[0];
        }
    }
    moments.samples += batch.iter().map(Vec::len).sum::<usize>() as f32;
}

struct Coder<'a> {
    states: Vec<u128>,
    words: &'a [u8],
}

impl Coder<'_> {
    fn advance(&mut self, lane: usize, start: i64, width: i64, bits: u32) -> Result<(), Wrong> {
        let x = &mut self.states[lane];
        *x = width as u128 * (*x >> bits) + *x % (1 << bits) - start as u128;
        if *x < 1 << 31 {
            let (word, rest) = self.words.split_first_chunk().ok_or("too few words")?;
            *x = *x << 32 | u128::from(u32::from_le_bytes(*word));
            self.words = rest;
        }
        Ok(())
    }
}

struct Distributions {
    cdfs: Vec<[f32; 8]>,
    weights: Vec<[f32; 8]>,
    fresh: Vec<[f32; 8]>,
    tables: Vec<Vec<i64>>,
}

fn position(pixel: &Pixel, edge: f32) -> usize {
    let p = clamp((edge - pixel.location) * (1.0 / pixel.scale), -4000.0, 4000.0);
    let t = p / (8.0 + p.abs());
    ((t + 1.0) * 524_288.0).round_ties_even() as usize
}

impl Distributions {
    fn new() -> Self {
        let entry = |i: i32| {
            let t = f64::from(i) / 512.0 - 1.0;
            let b = 1.0 - t.abs();
            let d = if b > 0.0 { (8.0 * t) / b } else { t * 1e9 };
            WIDTH.map(|width| cdf(d / width) as f32)
        };
        let mut this = Self {
            cdfs: (0..=1024).map(entry).collect(),
            weights: vec![START.map(|weight| 30.0 * weight); 32],
            fresh: vec![[0.0; 8]; 32],
            tables: vec![Vec::new(); 32],
        };
        (0..32).for_each(|context| this.tabulate(context));
        this
    }

    fn tabulate(&mut self, context: usize) {
        let wd = self.weights[context];
        let sum = wd.iter().fold(0.0_f32, |sum, w| sum + w);
        let w = wd.map(|w| f64::from(w / sum) * SHARED);
        let mut most = 0.0_f64;
        self.tables[context].clear();
        for cdfs in &self.cdfs {
            let mut mass = 0.0;
            for k in 0..8 {
                mass += w[k] * f64::from(cdfs[k]);
            }
            most = if mass > most { mass } else { most };
            self.tables[context].push(most.min(SHARED).trunc() as i64);
        }
    }

    fn mass(&self, pixel: &Pixel, edge: f32) -> i64 {
        let p = position(pixel, edge);
        let (i, f) = (p / 1024, (p % 1024) as i64);
        let table = &self.tables[pixel.context];
        table[i] + (((table[(i + 1).min(1024)] - table[i]) * f) >> 10)
    }

    fn below(&self, pixel: &Pixel, block: i64) -> i64 {
        match block {
            0 => 0,
            8192 => 1 << 28,
            _ => self.mass(pixel, 8.0 * block as f32 - 0.5) + 8 * block,
        }
    }

    fn update(&mut self, pixel: &Pixel) {
        let at = |edge: f32| -> [f32; 8] {
            let p = position(pixel, edge);
            let (i, f) = ((p / 1024).min(1023), (p % 1024) as f32 * (1.0 / 1024.0));
            std::array::from_fn(|k| self.cdfs[i][k] + (self.cdfs[i + 1][k] - self.cdfs[i][k]) * f)
        };
        let y = f32::from(pixel.sample);
        let (low, high) = (at(y - 0.5), at(y + 0.5));
        let mut p = [0.0_f32; 8];
        let mut sum = 0.0;
        for k in 0..8 {
            p[k] = ((high[k] - low[k]) * self.weights[pixel.context][k]).max(0.0);
            sum += p[k];
        }
        let factor = 1.0 / (sum + 1e-12);
        for k in 0..8 {
            self.fresh[pixel.context][k] += p[k] * factor;
        }
    }

    fn refresh(&mut self) {
        for context in 0..32 {
            let old = self.weights[context].iter().fold(0.0_f32, |sum, w| sum + w);
            let new = self.fresh[context].iter().fold(0.0_f32, |sum, w| sum + w);
            if new > 8.0 && (new > old * 0.3 || new > 1500.0) {
                let most = new * 0.5;
                let keep = if old > most { most / old } else { 1.0 };
                for k in 0..8 {
                    self.weights[context][k] = keep * self.weights[context][k] + self.fresh[context][k];
                    self.fresh[context][k] = 0.0;
                }
                self.tabulate(context);
            }
        }
    }
}

fn taps() -> Vec<(usize, i64)> {
    let mut all = Vec::new();
    for u in 0..=5_usize {
        for r in -8..=8_i64 {
            if (u == 0 && r < 0) || (u > 0 && r < 3 * u as i64) {
                all.push((u, r));
            }
        }
    }
    all.sort_by_key(|&(u, r)| ((u * u) as i64 + r * r, u, -r));
    all.truncate(34);
    all
}

/// The samples of a tile of `height` rows of `width` pixels.
pub(super) fn decode(payload: &[u8], height: usize, width: usize) -> Result<Vec<u16>, Wrong> {
    if payload.len() < 6 + 128 {
        return Err("no room for the header and the states".into());
    }
    let number = |i: usize| f32::from(u16::from_le_bytes([payload[i], payload[i + 1]]));
    let (median, floor, least_range) = (number(0), number(2), number(4));
    let states: Vec<u128> = payload[6..134]
        .chunks(8)
        .map(|bytes| u128::from(u64::from_le_bytes(bytes.try_into().expect("eight bytes"))))
        .collect();
    if states.iter().any(|x| !(1 << 31..1 << 63).contains(x)) {
        return Err("a state out of bounds".into());
    }
    let mut coder = Coder { states, words: &payload[134..] };
    let mut v = Map::new(height, width, median);
    let mut e = Map::new(height, width, 8.0);
    let mut c = Map::new(height, width, 0.0);
    let mut d = Map::new(height, width, 8.0);
    let taps = taps();
    let mut pl = vec![0.0_f32; 47];
    for ((u, r), weight) in [((0, -1), 0.35), ((1, 0), 0.35), ((1, 1), 0.2), ((2, 0), 0.1)] {
        pl[taps.iter().position(|&tap| tap == (u, r)).expect("a tap")] = weight;
    }
    let mut wl = pl.clone();
    let mut ps = vec![0.0_f32; 15];
    ps[..3].copy_from_slice(&[0.25, 0.5, 1.0]);
    let mut ws = ps.clone();
    let (mut fresh_l, mut tile) = (Moments::new(47), Moments::new(47));
    let mut blocks = vec![Moments::new(47); (width + 45).div_ceil(64)];
    let (mut fresh_s, mut all) = (Moments::new(15), Moments::new(15));
    let (mut batch_l, mut batch_s): (Vec<BatchStep>, Vec<BatchStep>) = (Vec::new(), Vec::new());
    let mut distributions = Distributions::new();
    let mut count = vec![[0.0_f32; 8]; 8192];
    let mut expect = vec![[0.0_f32; 8]; 8192];
    let (mut low_count, mut low_expect, mut low_weight) = ([0.0_f32; 8], [0.0_f32; 8], [1.0_f32; 8]);
    let (mut known, mut block) = (0, 0);
    for top in (0..height).step_by(16) {
        let h = (height - top).min(16);
        let (mut a, mut b) = ([[0.0_f32; 3]; 16], [[0.0_f32; 3]; 16]);
        for t in 0..width + 3 * (h - 1) {
            // [8.20]
            if known > 0 && (t % 64 == 0 || known < 8192 && t % 16 == 0) {
                empty(&batch_l, &mut fresh_l);
                empty(&batch_s, &mut fresh_s);
                batch_l.clear();
                batch_s.clear();
                let n = fresh_l.samples;
                if n > 0.0 {
                    tile.blend(1.0 - n / 300_000.0, &fresh_l, 1.0);
                    blocks[block].blend(1.0, &fresh_l, 1.0);
                    fresh_l = Moments::new(47);
                }
                all.blend(1.0 - fresh_s.samples / 100_000.0, &fresh_s, 1.0);
                fresh_s = Moments::new(15);
                Factor::new(&all, 30.0, &ps).weights(15, &mut ws);
                distributions.refresh();
                for k in 0..8 {
                    low_weight[k] = (low_count[k] + 200.0) / (low_expect[k] + 200.0);
                }
                if t % 64 == 0 {
                    block = t / 64;
                    let copy = blocks[block].clone();
                    blocks[block].blend(0.8, &copy, 0.0);
                }
                let n = tile.samples;
                if n > 0.0 {
                    let mut work = Moments::new(47);
                    work.blend(0.0, &tile, clamp(1000.0 / n, 0.0, 1.0));
                    for j in block.saturating_sub(1)..=(block + 1).min(blocks.len() - 1) {
                        work.blend(1.0, &blocks[j], 1.0);
                    }
                    Factor::new(&work, 3.0, &pl).weights(47, &mut wl);
                }
            }
            let lanes: Vec<usize> = (0..h).filter(|&r| t >= 3 * r && t - 3 * r < width).collect();
            let mut pixels = vec![Pixel::default(); 16];
            for &lane in &lanes {
                let (y, x) = (top + lane, t - 3 * lane);
                let vv = |u, r| v.at(y, x, u, r);
                let ee = |u, r| e.at(y, x, u, r);
                let mut p = Pixel { y, x, ..Pixel::default() };
                // [8.7]
                let mut seven = [vv(0, -1), vv(0, -2), vv(1, 0), vv(1, -1), vv(1, 1), vv(2, 0), vv(1, 2)];
                seven.sort_by(f32::total_cmp);
                p.median = seven[3];
                p.range = seven[5] - seven[1];
                p.clip = 1.1 * p.range.max(least_range);
                // [8.8]
                let close =
                    ((2.0 * ee(0, -1) + 2.0 * ee(1, 0)) + (ee(1, 1) + ee(1, -1))) + (ee(0, -2) + ee(2, 0));
                let far = ((ee(1, 2) + ee(1, -2)) + (ee(0, -3) + ee(2, -1))) + (ee(2, 1) + ee(3, 0));
                let near = (close + 0.5 * far) * (1.0 / 11.0);
                let mut sum = 0.0_f32;
                for (u, last) in [(0, -1), (1, 2), (2, 5)] {
                    for r in -6..=last {
                        sum += ee(u, r);
                    }
                }
                let around = sum * (1.0 / 27.0);
                p.near_ln = ln(near + 0.15);
                p.around_ln = ln(around + 0.15);
                let g = (0.6 * near + 0.6 * around) + 0.1;
                p.first_scale = g;
                // [8.9]
                let m = p.median;
                for &(u, r) in &taps {
                    p.inputs.push(clamp(vv(u, r) - m, -p.clip, p.clip));
                }
                for i in 0..8 {
                    let (u, r) = taps[i];
                    let most = 100.0 * p.clip;
                    p.inputs.push(clamp((vv(u, r) - m) - p.inputs[i], -most, most));
                }
                p.inputs.push(g * 0.2);
                p.inputs.push(c.at(y, x, 1, 0));
                let w = 1.0 / (g * g);
                for k in [x % 2, 1 - x % 2, 2] {
                    p.inputs.push(a[lane][k] / (b[lane][k] + [8.0, 8.0, 3.0][k] * w));
                }
                let mut s = [0.0_f32; 4];
                for i in 0..47 {
                    s[i % 4] += p.inputs[i] * wl[i];
                }
                p.location = clamp(m + ((s[0] + s[1]) + (s[2] + s[3])), 0.0, 65_535.0);
                // [8.10]
                let l = |x: f32| ln(x) - p.around_ln;
                let steep = ((vv(1, 0) - vv(1, -1)).abs() + (vv(1, 0) - vv(1, 1)).abs())
                    + (vv(0, -1) - vv(1, -1)).abs();
                p.scale_inputs = vec![
                    1.0,
                    p.near_ln - p.around_ln,
                    p.around_ln,
                    l((ee(0, -1) + 0.5 * ee(0, -2)) + 0.1),
                    l((ee(1, 0) + 0.25 * (ee(1, 1) + ee(1, -1))) + 0.1),
                    l(d.at(y, x, 1, 0) + 0.1),
                    l(((p.location - floor).max(0.0) + 4.0 * g) + 1.0),
                    l(((p.location - m).abs() + 0.2) + 0.25 * g),
                    l(p.range + 0.2),
                    l((ee(1, 1) + 0.5 * ee(1, 2)) + 0.1),
                    l((ee(1, -1) + 0.5 * ee(1, -2)) + 0.1),
                    l((ee(2, 0) + 0.5 * ee(3, 0)) + 0.1),
                    l(steep + 0.2),
                    0.0,
                    0.0,
                ];
                let mut log = 0.0_f32;
                for i in 0..15 {
                    log += p.scale_inputs[i] * ws[i];
                }
                p.log = clamp(log, -2.5, 11.0);
                p.scale = exp(p.log);
                // [8.11]
                let octave = clamp(p.log * std::f32::consts::LOG2_E + 4.0, 0.0, 15.0) as usize;
                p.context = 2 * octave + usize::from((p.location - m).abs() > p.scale);
                pixels[lane] = p;
            }
            // [8.15]
            for &lane in &lanes {
                let p = &mut pixels[lane];
                let point = (coder.states[lane] % (1 << 28)) as i64;
                let (mut low, mut high) = (0, 8192);
                while high - low > 1 {
                    let middle = (low + high) / 2;
                    if distributions.below(p, middle) <= point { low = middle } else { high = middle }
                }
                let start = distributions.below(p, low);
                (p.block, p.end) = (low as usize, distributions.below(p, low + 1));
                coder.advance(lane, start, p.end - start, 28)?;
            }
            // [8.16]
            for &lane in &lanes {
                let p = &mut pixels[lane];
                let block = p.block;
                let edge = 8.0 * block as f32 - 0.5;
                let mut q: Vec<i64> = (0..8).map(|j| distributions.mass(p, edge + j as f32)).collect();
                q.push(p.end - 8 * (block as i64 + 1));
                let (mut masses, mut share) = ([0.0_f32; 8], [0.0_f32; 8]);
                for k in 0..8 {
                    let weight = (count[block][k] + 20.0 * low_weight[k]) / (expect[block][k] + 20.0);
                    masses[k] = (q[k + 1] - q[k]).max(0) as f32 + 2.0;
                    share[k] = masses[k] * weight.min(8.0);
                }
                let mut total = share;
                for half in [4, 2, 1] {
                    for k in 0..half {
                        total[k] += total[k + half];
                    }
                }
                let inverse = 1.0 / total[0];
                let factor = inverse * 65_520.0;
                let mut start = vec![0_i64];
                for k in 0..8 {
                    start.push(start[k] + (share[k] * factor).round_ties_even() as i64 + 1);
                }
                start[8] = 65_536;
                let point = (coder.states[lane] % 65_536) as i64;
                let k = (0..8).rev().find(|&k| start[k] <= point).expect("the first start is 0");
                coder.advance(lane, start[k], start[k + 1] - start[k], 16)?;
                count[block][k] += 1.0;
                low_count[k] += 1.0;
                for j in 0..8 {
                    expect[block][j] += masses[j] * inverse;
                    low_expect[j] += masses[j] * inverse;
                }
                p.sample = (8 * block + k) as u16;
                v.rows[p.y][p.x] = f32::from(p.sample);
            }
            if t % 5 == 0 {
                lanes.iter().for_each(|&lane| distributions.update(&pixels[lane]));
            }
            let (mut step_l, mut step_s): (BatchStep, BatchStep) = (Vec::new(), Vec::new());
            for &lane in &lanes {
                // [8.18]
                let p = &pixels[lane];
                let g = p.first_scale;
                let residual = f32::from(p.sample) - p.location;
                let bounded = clamp(residual, -(3.0 * g), 3.0 * g);
                let above = c.at(p.y, p.x, 1, 0);
                c.rows[p.y][p.x] = above + (bounded - above) * (1.0 / 32.0);
                let w = 1.0 / (g * g);
                for (k, rate) in [(p.x % 2, 1.0 / 128.0), (2, 1.0_f32 / 12.0)] {
                    a[lane][k] += bounded * w - rate * a[lane][k];
                    b[lane][k] += w - rate * b[lane][k];
                }
                let deviation = clamp(residual.abs(), 0.0, 6.0 * g + 2.0);
                e.rows[p.y][p.x] = deviation;
                let above = d.at(p.y, p.x, 1, 0);
                d.rows[p.y][p.x] = above + (deviation - above) * (1.0 / 24.0);
                // [8.19]
                let distance = residual.abs() / p.scale;
                let share = if distance > 1.5 { 1.5 / distance } else { 1.0 };
                let target = f32::from(p.sample) - p.median;
                step_l.push((lane, [&p.inputs[..], &[target]].concat(), share / (p.scale * p.scale)));
                let q = clamp(distance * distance, 0.0, 1e12);
                let score = ((6.0 * q) / (5.0 + q) - 1.0) * 0.8;
                step_s.push((lane, [&p.scale_inputs[..], &[p.log + score]].concat(), 1.0));
            }
            if t % 4 < 2 {
                batch_l.push(step_l);
                batch_s.push(step_s);
                if batch_l.len() == 16 {
                    empty(&batch_l, &mut fresh_l);
                    empty(&batch_s, &mut fresh_s);
                    batch_l.clear();
                    batch_s.clear();
                }
            }
            known += lanes.len();
        }
    }
    if !coder.words.is_empty() || coder.states.iter().any(|&x| x != 1 << 31) {
        return Err("the coded pixels do not end where the payload does".into());
    }
    Ok(v.rows.concat().into_iter().map(|sample| sample as u16).collect())
}
