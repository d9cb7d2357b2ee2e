//! format-floor-max.md, 13: scales.

use super::Here;
use super::inputs::Inputs;
use super::map::{Map, Maps};
use super::noise::Noise;
use super::tables::Table;
use crate::functions::{LN2, dot, exp, ln};
use crate::least_squares::Moments;
use crate::notation::{clamp, max};

/// 13.2.
const QUARTER: f32 = 4.0 / LN2;

/// 13.6.
const REACH: f32 = 4.0 / 1.2533;

/// 13.1: the number of inputs.
const INPUTS: usize = 16;

/// 13.1: the state.
pub(crate) struct Scales {
    near: Table,
    around: Table,
    level: Table,
    simple: [Table; 8],
    rd: f32,
    cd: Vec<f32>,
    p1: [f32; INPUTS],
    ws: [f32; INPUTS],
    fresh: Moments,
    all: Moments,
    noise: Noise,
}

/// 13.2: the activity around a pixel.
pub(crate) struct Activity {
    nr: f32,
    ar: f32,
    nl: f32,
    pub al: f32,
    qn: f32,
    qa: f32,
    pub g: f32,
}

/// 13.4: the scales of a pixel.
pub(crate) struct Scale {
    b: f32,
    j: [f32; INPUTS],
    /// `L` and `R`.
    pub log: f32,
    pub r: f32,
    ql: f32,
    pub sn: f32,
    pub sa: f32,
    pub sv: f32,
    pub ss: [f32; 8],
    pub sm: f32,
}

impl Scales {
    /// The state at first, of a tile of `width` columns.
    pub(crate) fn new(width: usize) -> Self {
        let mut p1 = [0.0; INPUTS];
        p1[..3].copy_from_slice(&[0.2, 0.5, 1.0]);
        Self {
            near: Table::new(),
            around: Table::new(),
            level: Table::new(),
            simple: [0; 8].map(|_| Table::new()),
            rd: 0.0,
            cd: vec![8.0; width],
            p1,
            ws: p1,
            fresh: Moments::new(INPUTS),
            all: Moments::new(INPUTS),
            noise: Noise::default(),
        }
    }

    /// format-floor.md, 19.9: before another tile, of `width` columns. The result is the first
    /// value of the map `E`.
    pub(crate) fn start_tile(&mut self, width: usize) -> f32 {
        self.fresh.clear();
        self.cd = vec![self.rd; width];
        self.rd
    }

    /// 13.2.
    pub(crate) fn activity(&self, map: &Map, here: Here) -> Activity {
        let e = |u, r| map.at(here, (u, r));
        let close = 2.0 * e(0, -1) + 2.0 * e(1, 0) + e(1, 1) + e(1, -1) + e(0, -2) + e(2, 0);
        let far = e(1, 2) + e(1, -2) + e(0, -3) + e(2, -1) + e(2, 1) + e(3, 0);
        let nr = (close + 0.5 * far) / 11.0;
        let mut sum = 0.0;
        for r in -6..=6 {
            sum += e(1, r) + e(2, r);
        }
        for r in -6..=-1 {
            sum += e(0, r);
        }
        let ar = sum / 32.0;
        let nl = ln(nr + 0.15);
        let al = ln(ar + 0.15);
        let qn = nl * QUARTER + 12.0;
        let qa = al * QUARTER + 12.0;
        let g = self.simple[0].read(qn, nr + 0.1) * 1.2533 + 0.05;
        Activity { nr, ar, nl, al, qn, qa, g }
    }

    /// 13.3: solves for the weights if they are due.
    pub(crate) fn solve(&mut self, here: Here) {
        if here.x.is_multiple_of(32) {
            self.all.solve(30.0, &self.p1, INPUTS, &mut self.ws);
        }
    }

    /// 13.4 and 13.5: the scales, with the prediction `p`.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn regress(
        &self,
        maps: &Maps,
        inputs: &Inputs,
        first: &[f32; 5],
        p: f32,
        activity: &Activity,
        floor: f32,
        here: Here,
    ) -> Scale {
        let &Activity { nr, ar, nl, al, qn, qa, g } = activity;
        let e = |u, r| maps.e.at(here, (u, r));
        let v = |u, r| maps.p.at(here, (u, r));
        let reference = inputs.reference;
        let b = max((p + here.o) - floor, 0.0);
        let spread = (first[4] - first[0]).abs() + (first[2] - first[0]).abs() + (first[3] - first[2]).abs();
        let step = (v(0, -1) - reference).abs() + (v(1, 0) - reference).abs();
        let helper = match inputs.helper {
            Some(helper) => helper.map(|d| ln(d.abs() + 0.2 + 0.25 * g) - al),
            None => [0.0; 2],
        };
        let j = [
            1.0,
            nl - al,
            al,
            ln(e(0, -1) + e(0, -2) * 0.5 + 0.1) - al,
            ln(e(1, 0) + 0.25 * (e(1, -1) + e(1, 1)) + 0.1) - al,
            ln(self.rd + 0.1) - al,
            ln(self.cd[here.x] + 0.1) - al,
            inputs.sl - al,
            ln(b + 4.0 * g + 1.0) - al,
            ln(spread + 0.2) - al,
            ln(e(1, 1) + e(1, 2) * 0.5 + 0.1) - al,
            ln(e(1, -1) + e(1, -2) * 0.5 + 0.1) - al,
            ln(e(2, 0) + e(3, 0) * 0.5 + 0.1) - al,
            ln(step + 0.2) - al,
            helper[0],
            helper[1],
        ];
        let log = clamp(dot(&self.ws, &j), -2.5, 12.0);
        let r = exp(log);
        let ql = ln(max(p + here.o, 1.0)) * QUARTER;
        Scale {
            b,
            j,
            log,
            r,
            ql,
            sn: self.near.sigma(qn, nr),
            sa: self.around.sigma(qa, ar),
            sv: self.level.sigma(ql, ar),
            ss: std::array::from_fn(|k| self.simple[k].sigma(qn, nr)),
            sm: self.noise.scale(r, b),
        }
    }

    /// 13.6: the update, with the simple predictions and the prediction `p`.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn update(
        &mut self,
        maps: &mut Maps,
        scale: &Scale,
        activity: &Activity,
        simple: &[f32; 8],
        p: f32,
        value: f32,
        here: Here,
    ) {
        let &Activity { qn, qa, g, .. } = activity;
        let d = (value - p).abs();
        self.near.learn(qn, clamp(d, 0.0, REACH * scale.sn));
        self.around.learn(qa, clamp(d, 0.0, REACH * scale.sa));
        self.level.learn(scale.ql, clamp(d, 0.0, REACH * scale.sv));
        for (table, s) in self.simple.iter_mut().zip(simple) {
            table.learn(qn, (value - s).abs());
        }
        let a = d / scale.r;
        let q = clamp(a * a, 0.0, 1e12);
        let v = scale.r * scale.r;
        let w = 1.0 / (v * v);
        self.noise.take(w, scale.b, clamp(q, 0.0, 9.0) * v);
        let target = scale.log + ((6.0 * q) / (5.0 + q) - 1.0) * 0.8;
        self.fresh.take(&scale.j, target);
        if here.x % 32 == 31 {
            let n = self.fresh.samples();
            self.all.blend(1.0 - n / 50000.0, &self.fresh, 1.0);
            self.fresh.clear();
        }
        let e = clamp(d, 0.0, 6.0 * g + 2.0);
        maps.e.set(here, e);
        self.rd += (e - self.rd) * (1.0 / 32.0);
        let step = max(1.0 / (here.y as f32 + 2.0), 1.0 / 24.0);
        self.cd[here.x] += (e - self.cd[here.x]) * step;
    }
}
