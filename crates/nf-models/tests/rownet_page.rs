//! A decoder of the tiles of row nets, written from `docs/format-rownet.md` alone: slow, pixel by
//! pixel, in unbounded integers. It shares the coder of symbols with the codec and nothing else.
#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use nf_codec::{Codec, Limits};
use nf_entropy::Frequencies;
use nf_entropy::bits::BitReader;
use nf_entropy::table::{DecodeTables, TableDecoder};
use nf_image::{Image16, Shape};
use nf_models::{Checkpoint, NetCodec};
use safetensors::SafeTensors;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

type Weights = BTreeMap<String, Vec<i64>>;

/// Section 2.
fn weights(file: &[u8]) -> Weights {
    let short = |pair: &[u8]| i64::from(i16::from_le_bytes([pair[0], pair[1]]));
    let tensors = SafeTensors::deserialize(file).unwrap();
    let tensors = tensors.iter();
    tensors.map(|(name, tensor)| (name.to_owned(), tensor.data().chunks(2).map(short).collect())).collect()
}

fn cut(x: i64, a: i64) -> i64 {
    x.clamp(-a, a)
}

fn sat(x: i64) -> i64 {
    x.clamp(-32_768, 32_767)
}

/// Section 3.5: size, log, power, factor and limit of a step.
fn step(step: i64) -> [i64; 5] {
    let (q, f) = (step / 4, step % 4);
    let k = if q < 11 { 16 } else { 27 - q };
    [
        ((4 + f) * (1 << q) / 4).min(32_767),
        16 * q + [0, 5, 9, 13][f as usize],
        if q < 11 { 1 << (11 - q) } else { 1 },
        (((1 << k) + (4 + f) / 2) / (4 + f)).min(32_767),
        ((255 * (4 + f) * (1 << q)) / 2048).min(32_767),
    ]
}

fn fine(d: i64, [_, _, power, factor, limit]: [i64; 5]) -> i64 {
    cut((((cut(d, limit) * power * factor) >> 16) + 1) >> 1, 127)
}

fn coarse(d: i64, [_, _, power, factor, limit]: [i64; 5]) -> i64 {
    cut((((cut(d, (16 * limit).min(32_767)) * power * factor) >> 16) + 16) >> 5, 127)
}

/// One number per pixel of a tile, with what lies beyond it.
struct Map {
    width: usize,
    rows: Vec<[Vec<i64>; 2]>,
    low: i64,
    high: i64,
}

impl Map {
    fn at(&self, y: usize, x: usize, (u, r): (usize, i64)) -> i64 {
        let column = x as i64 + r;
        let (p, mut i) = (column.rem_euclid(2) as usize, column.div_euclid(2));
        if u > y {
            let k = [0, 4, 3, 2][u - y - 1];
            return if (i + k + p as i64).rem_euclid(2) == 0 { self.low } else { self.high };
        }
        let half = if self.width == 1 { &self.rows[y - u][0] } else { &self.rows[y - u][p] };
        i = i.clamp(0, half.len() as i64 - 1);
        half[i as usize]
    }
}

/// Numbers of columns.
fn column(numbers: &[i64], x: usize, r: i64) -> i64 {
    let (p, i) = ((x as i64 + r).rem_euclid(2), (x as i64 + r).div_euclid(2));
    let p = if numbers.len() == 1 { 0 } else { p };
    let length = (numbers.len() as i64 + 1 - p) / 2;
    numbers[(2 * i.clamp(0, length - 1) + p) as usize]
}

/// Section 4.1.
fn stage(weights: &Weights, path: &str, a: &[i64]) -> Vec<i64> {
    let of = |name: &str| &weights[&format!("{path}.{name}")];
    let dot = |row: &[i64], x: &[i64]| row.iter().zip(x).map(|(w, x)| w * x).sum::<i64>();
    let rows = of("hidden.weight").chunks(a.len()).zip(of("hidden.bias"));
    let h: Vec<i64> = rows.map(|(row, b)| ((dot(row, a) + b + 32) >> 6).clamp(0, 127)).collect();
    let direct = of("direct.weight").chunks(a.len()).zip(of("bias"));
    let last = of("last.weight").chunks(h.len());
    last.zip(direct).map(|(row, (own, b))| 4 * dot(row, &h) + dot(own, a) + b).collect()
}

const EVEN: [(usize, i64); 14] = [
    (1, 0),
    (1, -1),
    (1, 1),
    (1, -2),
    (1, 2),
    (2, 0),
    (2, -1),
    (2, 1),
    (1, -3),
    (1, 3),
    (2, -2),
    (2, 2),
    (3, 0),
    (1, -4),
];
const ODD: [(usize, i64); 14] = [
    (0, -1),
    (0, 1),
    (1, 0),
    (1, -1),
    (1, 1),
    (0, -3),
    (0, 3),
    (2, 0),
    (1, -2),
    (1, 2),
    (1, -3),
    (1, 3),
    (2, -1),
    (2, 1),
];

/// Section 6.
fn tables(shapes: &[i64]) -> Vec<Frequencies> {
    let mut n = vec![];
    for i in 0..=512 {
        let x = f64::from(i) / 64.0;
        let (mut term, mut sum, mut odd) = (x, x, 3.0);
        while term > 1e-18 * sum && term > 0.0 {
            term = ((term * x) * x) / odd;
            sum += term;
            odd += 2.0;
        }
        let y = (x * x) / 128.0;
        let mut r = 1.0;
        for n in (1..=12).rev() {
            r = 1.0 - (r * y) / f64::from(n);
        }
        let mut d = r * 0.398_942_280_401_432_7;
        for _ in 0..63 {
            d *= r;
        }
        n.push((0.5 + d * sum).min(1.0));
    }
    let p = |x: f64| {
        let t = 64.0 * x.abs();
        let i = t as usize;
        let u = if t < 512.0 { n[i] + (n[i + 1] - n[i]) * (t - i as f64) } else { 1.0 };
        if x < 0.0 { 1.0 - u } else { u }
    };
    let range = |k: u32| 51.0 + 16.0 * f64::from((4_u32.pow(k) - 1) / 3);
    let mut edges: Vec<f64> = (0..=6).rev().map(|k| -range(k) - 0.5).collect();
    edges.extend((-51..=50).map(|bin| f64::from(bin) + 0.5));
    edges.extend((1..=6).map(|k| range(k) - 0.5));
    let roots = [
        1.0,
        1.090_507_732_665_257_7,
        1.189_207_115_002_721,
        1.296_839_554_651_009_6,
        std::f64::consts::SQRT_2,
        1.542_210_825_407_940_7,
        1.681_792_830_507_429,
        1.834_008_086_409_342_6,
    ];
    let mut tables = vec![];
    for g in 0..56 {
        let b = (3 - (g / 8 - 3)).clamp(0, 3);
        for f in 0..1 << b {
            let sigma = 2_f64.powi(g / 8 - 3) * roots[(g % 8) as usize];
            for shape in shapes.chunks(7) {
                let mut lower = [0.0; 7];
                let counts: Vec<u32> = (0..edges.len() + 1)
                    .map(|symbol| {
                        let mut sum = 0.0;
                        for (k, w) in [0.7, 1.0, 1.5, 2.5, 6.0, 25.0, 200.0].into_iter().enumerate() {
                            let shift = f64::from(f) / f64::from(1 << b);
                            let upper = edges.get(symbol).map_or(1.0, |edge| p((edge - shift) / (sigma * w)));
                            sum += (upper - lower[k]).max(0.0) * shape[k] as f64;
                            lower[k] = upper;
                        }
                        (65_536.0 * sum) as u32 + 1
                    })
                    .collect();
                tables.push(Frequencies::from_counts(&counts, 14).unwrap());
            }
        }
    }
    tables
}

/// The symbols of a tile, with or without maps of ranks.
enum Symbols<'a> {
    Plain(TableDecoder<'a>),
    Mapped(Mapped<'a>),
}

impl Symbols<'_> {
    fn next(&mut self, table: i64) -> i64 {
        match self {
            Self::Plain(decoder) => {
                let mut symbol = [0];
                decoder.decode(&[table as u16], &mut symbol).unwrap();
                i64::from(symbol[0])
            }
            Self::Mapped(mapped) => mapped.next(table as usize),
        }
    }

    fn finish(self) {
        match self {
            Self::Plain(decoder) => decoder.finish().unwrap(),
            Self::Mapped(mapped) => {
                assert_eq!(mapped.states, [1 << 16; 4]);
                assert!(mapped.words.is_empty());
            }
        }
    }
}

/// Section 7.
struct Mapped<'a> {
    tables: &'a [Frequencies],
    starts: Vec<[u64; 13]>,
    states: [u64; 4],
    turn: usize,
    words: &'a [u8],
}

const EDGES: [u64; 13] =
    [0, 512, 1024, 2048, 4096, 6144, 8192, 10_240, 12_288, 14_336, 15_360, 15_872, 16_384];

impl<'a> Mapped<'a> {
    fn new(tables: &'a [Frequencies], bytes: &'a [u8]) -> Self {
        let mut reader = BitReader::new(bytes);
        let mut starts = vec![];
        for _ in 0..7 {
            let mut own = EDGES.map(|edge| 2 * edge);
            if reader.read(1) == 1 {
                let mut step = 0;
                let mut weights = vec![];
                for k in 0..12 {
                    let folded = i64::from(reader.read_gamma().unwrap());
                    step += if folded % 2 == 0 { folded / 2 } else { -(folded + 1) / 2 };
                    let fraction = [1024, 1117, 1218, 1328, 1448, 1579, 1722, 1878];
                    let at = (step + 40) as usize;
                    weights.push((EDGES[k + 1] - EDGES[k]) / 512 * (fraction[at % 8] << (at / 8)));
                }
                let total: u64 = weights.iter().sum();
                let mut sizes: Vec<u64> =
                    (0..12).map(|k| EDGES[k + 1] - EDGES[k] + 16_384 * weights[k] / total).collect();
                let most = weights.iter().max().unwrap();
                let largest = weights.iter().position(|weight| weight == most).unwrap();
                sizes[largest] += 32_768 - sizes.iter().sum::<u64>();
                for k in 0..12 {
                    own[k + 1] = own[k] + sizes[k];
                }
            }
            starts.push(own);
        }
        let (states, words) = bytes[reader.position_bits().div_ceil(8) as usize..].split_at(16);
        let state = |lane: usize| u32::from_le_bytes(states[4 * lane..][..4].try_into().unwrap());
        let states = [0, 1, 2, 3].map(|lane| u64::from(state(lane)));
        Self { tables, starts, states, turn: 0, words }
    }

    fn next(&mut self, table: usize) -> i64 {
        let place = table / 6;
        let class = [64, 128, 192, 256, 288, 304].iter().filter(|&&end| place >= end).count();
        let starts = &self.starts[class];
        let map = |rank: u64| {
            let k = (0..12).find(|&k| rank < EDGES[k + 1]).unwrap_or(11);
            let size = starts[k + 1] - starts[k];
            starts[k] + (rank - EDGES[k]) * size / (EDGES[k + 1] - EDGES[k])
        };
        let x = &mut self.states[self.turn % 4];
        self.turn += 1;
        let mut rank = 0;
        for (symbol, &frequency) in self.tables[table].frequencies().iter().enumerate() {
            let (start, end) = (map(rank), map(rank + u64::from(frequency)));
            rank += u64::from(frequency);
            if *x % 32_768 < end {
                *x = (end - start) * (*x / 32_768) + *x % 32_768 - start;
                if *x < 65_536 {
                    let (word, rest) = self.words.split_at(2);
                    self.words = rest;
                    *x = *x * 65_536 + u64::from(u16::from_le_bytes(word.try_into().unwrap()));
                }
                return symbol as i64;
            }
        }
        unreachable!("the last symbol ends at the scale")
    }
}

/// The tables as they are, and made ready.
struct Tables {
    plain: Vec<Frequencies>,
    ready: DecodeTables,
}

/// Sections 1.2 to 5.
fn tile(
    weights: &Weights,
    tables: &Tables,
    version: u8,
    bytes: &[u8],
    height: usize,
    width: usize,
) -> Vec<u16> {
    let median = i64::from(u16::from_le_bytes([bytes[1], bytes[2]])) - 32_768;
    let s = i64::from(bytes[3] & if version == 1 { 127 } else { 63 });
    let transposed = bytes[3] & 128 != 0;
    let (height, width) = if transposed { (width, height) } else { (height, width) };
    let (symbols, raw);
    if version == 1 {
        let length = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]) as usize;
        (symbols, raw) = bytes[8..].split_at(length);
    } else {
        let last = bytes[4..].iter().position(|&byte| byte < 128).unwrap();
        let length =
            bytes[4..=4 + last].iter().rev().fold(0, |sum, &byte| sum << 7 | usize::from(byte & 127));
        let rest = &bytes[5 + last..];
        (symbols, raw) = rest.split_at(rest.len() - length);
    }
    let mut decoder = match version == 2 && bytes[3] & 64 != 0 {
        true => Symbols::Mapped(Mapped::new(&tables.plain, symbols)),
        false => Symbols::Plain(TableDecoder::new(&tables.ready, symbols).unwrap()),
    };
    let mut raw = BitReader::new(raw);
    let noise = (([16, 19, 23, 27][(s % 4) as usize] << (s / 4)) >> 4).min(4096);
    let e = (8 * noise).min(32_767);
    let map = |low, high| Map { width, rows: vec![], low, high };
    let mut v = map(sat(median - noise), sat(median + noise));
    let mut residuals = map(-e, e);
    let (mut m, mut size) = (vec![0; width], vec![16 * e; width]);
    let mut level = vec![16 * median; width];
    let mut apart_rows = [0, 0];
    for y in 0..height {
        v.rows.push([vec![], vec![]]);
        residuals.rows.push([vec![], vec![]]);
        for p in 0..2 {
            let columns: Vec<usize> = (p..width).step_by(2).collect();
            let (mut new, mut found) = (vec![], vec![]);
            for &x in &columns {
                let near = |at| v.at(y, x, at);
                let mean = |a: i64, b: i64| (a + b).div_euclid(2);
                let mut five = match p {
                    0 => [
                        near((1, 0)),
                        near((1, -1)),
                        near((1, 1)),
                        near((2, 0)),
                        mean(near((1, -2)), near((1, 2))),
                    ],
                    _ => [(0, -1), (0, 1), (1, 0), (1, -1), (1, 1)].map(near),
                };
                five.sort_unstable();
                let (c, range) = (five[2], (five[3] - five[1]).min(32_767));
                let mut taps: Vec<(usize, i64)> =
                    (1..=4).flat_map(|u| (-8..=8).map(move |r| (u, r))).collect();
                if p == 1 {
                    taps.extend((-8..=8).filter(|r| r % 2 != 0).map(|r| (0, r)));
                }
                taps.sort_by_key(|&(u, r)| ((u * u) as i64 + r * r, u, r));
                let mut activity = 4;
                for &tap in &taps[..16] {
                    let most = (2 * range.max(noise)).min(32_767);
                    activity = (activity + sat(near(tap) - c).abs().min(most)).min(32_767);
                }
                let q = i64::from(activity.ilog2());
                let own = step(4 * q + ((4 * activity) >> q) % 4);
                let own8 = step(4 * q + ((4 * activity) >> q) % 4 + 12);
                let mut a: Vec<i64> = taps[..32].iter().map(|&tap| fine(sat(near(tap) - c), own)).collect();
                let column8 = |numbers: &[i64], r| fine(cut(column(numbers, x, r) >> 4, 32_767), own8);
                a.extend([fine(range, own), column8(&size, 0), cut(own[1] - 64, 127)]);
                a.push(coarse(sat(c - (column(&level, x, 0) >> 4)), own));
                a.extend(taps[..4].iter().map(|&tap| coarse(sat(near(tap) - c), own)));
                let levels = [0, -1, 1, -2, 2, -3, 3];
                a.extend(levels.map(|r| fine(cut((column(&level, x, r) - 16 * c) >> 1, 32_767), own8)));
                a.push(column8(&m, 0));
                let half = ["even", "odd"][p];
                let o = cut(stage(weights, &format!("{half}.first"), &a)[0], 32_767);
                let shift = |y: i64| (cut(y, 32_767) * own[0] + 4096) >> 13;
                let l1 = (8 * (c + 32_768) + shift(o)).clamp(0, 524_280);

                let places = if p == 0 { EVEN } else { ODD };
                let mut signed = places;
                if p == 1 {
                    (signed[10], signed[11]) = ((0, -5), (0, 5));
                }
                let residual = |at| residuals.at(y, x, at);
                let mut b: Vec<i64> = signed[..12].iter().map(|&at| fine(residual(at), own8)).collect();
                b.extend(places.map(|at| fine(residual(at).abs(), own8)));
                b.extend([0, -1, 1].map(|r| column8(&m, r)));
                b.extend([0, -1, 1, -2, 2].map(|r| column8(&size, r)));
                b.extend_from_slice(&a[32..36]);
                b.extend(a[36..40].iter().chain(&a[..4]).map(|a| a.abs()));
                let place = cut((o + 128) >> 8, 127);
                b.extend([place, place.abs()]);
                b.extend(places[..2].iter().map(|&at| coarse(residual(at).abs(), own8)));
                let y2 = stage(weights, &format!("{half}.second"), &b);
                let l = (l1 + shift(y2[0])).clamp(0, 524_280);
                let g = ((own[1] - 16 + ((y2[1] + 128) >> 8) + 1) >> 1).clamp(0, 127);
                let shape = ((y2[2] + 2048) >> 12).clamp(0, 5);

                let octave = g / 8 - 3;
                let (low, bits) = ((octave - 3).max(0), (3 - octave).clamp(0, 3));
                let add = if low > 0 { 8 } else { (1 << (3 - bits)) / 2 };
                let position = (l + add) >> (3 - bits);
                let base = (position >> bits) - (1 << low) / 2;
                let phase = position.rem_euclid(1 << bits);
                let place = phase
                    + match octave {
                        ..1 => 8 * g,
                        1 => 256 + 4 * (g - 32),
                        2 => 288 + 2 * (g - 40),
                        _ => 304 + g % 8,
                    };
                let symbol = decoder.next(6 * place + shape);
                let sample = if (7..=108).contains(&symbol) {
                    base + (symbol - 58) * (1 << low) + raw.read(low as u32) as i64
                } else {
                    let k = if symbol > 108 { symbol - 109 } else { 6 - symbol };
                    let read = raw.read((4 + 2 * k + low) as u32) as i64;
                    let w = 16 * (4_i64.pow(k as u32) - 1) / 3 + (read >> low);
                    let bin = if symbol > 108 { 51 + w } else { -52 - w };
                    base + bin * (1 << low) + read % (1 << low)
                };
                let sample = sample.rem_euclid(65_536);
                new.push(sample - 32_768);
                found.push((cut(8 * sample - l1, 32_767), own[4], own8[4]));
            }
            let is_apart = |(&x, (&v, &(_, limit, _))): (&usize, (&i64, &(i64, i64, i64)))| {
                (16 * v - level[x]).abs() > 16 * limit
            };
            let apart = columns.iter().zip(new.iter().zip(&found)).filter(|&pixel| is_apart(pixel)).count();
            apart_rows[p] = if 4 * apart > 3 * columns.len() { apart_rows[p] + 1 } else { 0 };
            let anew = y == 0 || apart_rows[p] == 4;
            if anew {
                apart_rows[p] = 0;
            }
            for ((&x, &v), &(residual, limit, limit8)) in columns.iter().zip(&new).zip(&found) {
                m[x] += (16 * cut(residual, limit8 >> 1) - m[x]) >> 4;
                size[x] += (16 * residual.abs().min(limit8) - size[x]) >> 4;
                level[x] = if anew { 16 * v } else { level[x] + (cut(16 * v - level[x], 16 * limit) >> 4) };
            }
            v.rows[y][p] = new;
            residuals.rows[y][p] = found.iter().map(|&(residual, ..)| residual).collect();
        }
    }
    decoder.finish();
    raw.finish().unwrap();
    let sample = |y: usize, x: usize| (v.rows[y][x % 2][x / 2] + 32_768) as u16;
    match transposed {
        true => {
            (0..width).flat_map(|x| (0..height).map(move |y| (y, x))).map(|(y, x)| sample(y, x)).collect()
        }
        false => {
            (0..height).flat_map(|y| (0..width).map(move |x| (y, x))).map(|(y, x)| sample(y, x)).collect()
        }
    }
}

fn checkpoints() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../checkpoints");
    let folders = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_row_net = |folder: &PathBuf| {
        folder.join("card.toml").is_file()
            && folder.file_name().unwrap().to_str().unwrap().starts_with("rownet-")
    };
    folders.filter(is_row_net).collect()
}

/// Two amplifiers, a slope, noise of several strengths, stars, bad pixels.
fn frame(height: usize, width: usize, noise: u64) -> Image16 {
    let mut state = 11_u64;
    Image16::from_fn(Shape::frame(height, width), |_, y, x| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let sum: u64 = (0..4).map(|i| (state >> (32 + 8 * i)) % noise.max(1)).sum();
        let (dy, dx) = (y as f64 - 21.0, x as f64 - 30.0);
        let star = 9000.0 * (-(dy * dy + dx * dx) / 6.0).exp();
        let level = if y < height / 2 { 700 } else { 2900 };
        match (y * 31 + x * 7) % 601 {
            0 => 65_535,
            1 => 0,
            _ => (level + 3 * x + sum as usize + star as usize) as u16,
        }
    })
}

#[test]
fn the_page_is_enough_to_decode() {
    let folders = checkpoints();
    assert!(!folders.is_empty(), "no committed row net");
    for folder in folders {
        let file = std::fs::read(folder.join("weights.safetensors")).unwrap();
        let weights = weights(&file);
        let plain = tables(&weights["shapes"]);
        let tables = Tables { ready: DecodeTables::new(&plain).unwrap(), plain };
        let mut mapped = 0;
        let codec = NetCodec::new(Checkpoint::load(&folder).unwrap(), "page".into(), 1024);
        for (height, width, noise) in [
            (61, 70, 12),
            (40, 91, 2),
            (33, 64, 4000),
            (1, 50, 9),
            (90, 1, 9),
            (7, 2, 9),
            (24, 31, 1),
            (120, 140, 3),
        ] {
            let image = frame(height, width, noise);
            let bytes = codec.encode(&image).unwrap();
            let decoded = codec.decode(&bytes, image.shape(), &Limits::default()).unwrap();
            assert!(decoded.samples() == image.samples(), "{height}x{width}");
            // The head of the stream; its only tile has no length.
            assert_eq!(bytes[8], 2);
            let bytes = &bytes[11..];
            if bytes[0] == 1 {
                mapped += usize::from(bytes[3] & 64 != 0);
                let samples = tile(&weights, &tables, 2, bytes, height, width);
                assert!(samples == image.samples(), "{height}x{width} with noise {noise}");
            } else {
                assert!(height * width < 200, "{height}x{width} is raw");
            }
        }
        assert!(mapped > 0, "no tile tells densities");
    }
}

/// Streams of version 1 are no longer written.
#[test]
fn the_page_is_enough_to_decode_the_first_version() {
    let id = "rownet-small-real-6471df8d";
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("../../checkpoints").join(id);
    let weights = weights(&std::fs::read(folder.join("weights.safetensors")).unwrap());
    let plain = tables(&weights["shapes"]);
    let tables = Tables { ready: DecodeTables::new(&plain).unwrap(), plain };
    let bytes = std::fs::read(root.join(format!("tests/golden/{id}.net"))).unwrap();
    assert_eq!((bytes[32], u16::from_le_bytes([bytes[33], bytes[34]])), (1, 16));
    let shape = Shape::frame(29, 43);
    let codec = NetCodec::new(Checkpoint::load(&folder).unwrap(), "page".into(), 1024);
    let image = codec.decode(&bytes, shape, &Limits::default()).unwrap();
    // Tiles of equal extents follow each other.
    let (mut rest, mut coded) = (&bytes[39..], 0);
    for (height, width, places) in [
        (16, 16, vec![(0, 0), (0, 16)]),
        (16, 11, vec![(0, 32)]),
        (13, 16, vec![(16, 0), (16, 16)]),
        (13, 11, vec![(16, 32)]),
    ] {
        for (top, left) in places {
            let length = u32::from_le_bytes(rest[..4].try_into().unwrap()) as usize;
            let (part, after) = rest[4..].split_at(length);
            rest = after;
            if part[0] == 1 {
                coded += 1;
                let samples = tile(&weights, &tables, 1, part, height, width);
                for (y, row) in samples.chunks(width).enumerate() {
                    assert!(row == &image.row(0, top + y)[left..left + width], "{top} {left}");
                }
            }
        }
    }
    assert!(coded > 0 && rest.is_empty());
}
