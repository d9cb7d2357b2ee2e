//! Fitting weights by least squares to a sample of the pixels.
//!
//! Sums are `f32` in sixteen lanes, then `f64`, in a fixed order, so that every machine fits the
//! same weights.

use crate::predict::cholesky::Cholesky;
use nf_simd::{InstructionSet, kernel};
use std::cell::Cell;

/// Lanes of a sum.
const LANES: usize = 16;

/// Numbers of neighbouring pixels, in one register and one line of the cache.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Lanes([f32; LANES]);

const ZERO: Lanes = Lanes([0.0; LANES]);

/// Pixels of a block, whose inputs stay in the cache while all their products are summed.
pub(super) const BLOCK_PX: usize = 128;

/// Registers of an input of a block.
const STEPS: usize = BLOCK_PX / LANES;

/// Products are summed for so many inputs by so many others at once: as many sums as registers
/// hold.
const DOWN: usize = 2;
const ACROSS: usize = 3;

/// Sums of products of some neighbouring inputs with some others.
type Sums = [[Lanes; ACROSS]; DOWN];

thread_local! {
    /// Memory for the scaled inputs of a block and for sums, kept because fresh pages cost time.
    static SCRATCH: Cell<(Vec<Lanes>, Vec<Sums>)> = Cell::default();
}

/// Inputs of many pixels, block by block, in a block input by input; the target is the last one.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    /// Inputs and the target.
    columns: usize,
    pixels: usize,
    values: Vec<f32>,
}

/// Inputs of some pixels of a block, which are to be set.
pub(super) struct Part<'a> {
    block: &'a mut [f32],
    at: usize,
    pixels: usize,
}

impl Part<'_> {
    /// Those of input `i`.
    #[inline(always)]
    pub(super) fn input(&mut self, i: usize) -> &mut [f32] {
        &mut self.block[i * BLOCK_PX + self.at..][..self.pixels]
    }
}

/// Sums of products of all pairs of columns: the lower triangle, row by row.
pub(super) struct SampleMoments {
    isa: InstructionSet,
    sums: Vec<f64>,
    columns: usize,
}

impl Sample {
    /// Of no pixel, with this many inputs and the target; in memory that another one left.
    pub(super) fn new(columns: usize, mut memory: Vec<f32>) -> Self {
        memory.clear();
        Self { columns, pixels: 0, values: memory }
    }

    /// The memory.
    pub(super) fn into_memory(self) -> Vec<f32> {
        self.values
    }

    /// Number of inputs, and one for the target.
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// Number of pixels.
    pub(super) fn len(&self) -> usize {
        self.pixels
    }

    /// Space for more pixels, at least one and at most `most`, and how many.
    pub(super) fn extend(&mut self, most: usize) -> (Part<'_>, usize) {
        let at = self.pixels % BLOCK_PX;
        let size = self.columns * BLOCK_PX;
        if at == 0 {
            self.values.resize(self.values.len() + size, 0.0);
        }
        let pixels = most.min(BLOCK_PX - at);
        self.pixels += pixels;
        let start = self.values.len() - size;
        (Part { block: &mut self.values[start..], at, pixels }, pixels)
    }

    /// The numbers of an input of all pixels; `columns - 1` is the target.
    pub(super) fn input(&self, i: usize) -> Vec<f32> {
        let blocks = self.values.chunks_exact(self.columns * BLOCK_PX);
        let mut values: Vec<f32> =
            blocks.flat_map(|block| &block[i * BLOCK_PX..][..BLOCK_PX]).copied().collect();
        values.truncate(self.pixels);
        values
    }

    /// The moments of the pixels of every `stride`-th block, each times the square of its factor;
    /// `target` takes the place of the target if there is one.
    pub(super) fn moments(
        &self,
        isa: InstructionSet,
        factors: &[f32],
        target: Option<&[f32]>,
        stride: usize,
    ) -> SampleMoments {
        let n = self.columns;
        // Whole groups in either direction; what there is too much remains zero.
        let rounded = n.next_multiple_of(DOWN * ACROSS);
        let groups = (0..rounded / DOWN).map(of_row).sum();
        let (mut scaled, mut lanes) = SCRATCH.take();
        scaled.clear();
        scaled.resize(rounded * STEPS, ZERO);
        lanes.clear();
        lanes.resize(groups, [[ZERO; ACROSS]; DOWN]);
        for (b, block) in self.values.chunks_exact(n * BLOCK_PX).enumerate().step_by(stride) {
            let here = b * BLOCK_PX..((b + 1) * BLOCK_PX).min(self.pixels);
            let target = target.map(|target| &target[here.clone()]);
            add_products(isa, block, &factors[here], target.unwrap_or_default(), &mut scaled, &mut lanes);
        }
        let mut sums = vec![0.0; n * (n + 1) / 2];
        let mut groups = lanes.iter();
        for i in 0..rounded / DOWN {
            for j in 0..of_row(i) {
                let Some(group) = groups.next() else { break };
                for (di, row) in group.iter().enumerate() {
                    for (dj, lanes) in row.iter().enumerate() {
                        let (row, column) = (i * DOWN + di, j * ACROSS + dj);
                        if column <= row && row < n {
                            sums[row * (row + 1) / 2 + column] = total(lanes);
                        }
                    }
                }
            }
        }
        SCRATCH.set((scaled, lanes));
        SampleMoments { isa, sums, columns: n }
    }

    /// The sum of inputs times weights less the target, pixel by pixel.
    pub(super) fn residuals(&self, isa: InstructionSet, weights: &[f64]) -> Vec<f32> {
        let weights: Vec<f32> = weights.iter().map(|&weight| weight as f32).collect();
        let mut residuals = vec![0.0; self.pixels.next_multiple_of(BLOCK_PX)];
        for (block, residuals) in
            self.values.chunks_exact(self.columns * BLOCK_PX).zip(residuals.chunks_exact_mut(BLOCK_PX))
        {
            add_weighted(isa, block, &weights, residuals);
        }
        residuals.truncate(self.pixels);
        residuals
    }
}

/// Groups of sums in row `i` of groups: those that reach the lower triangle.
const fn of_row(i: usize) -> usize {
    (i * DOWN + DOWN - 1) / ACROSS + 1
}

/// The sum of the lanes, in double precision.
fn total(lanes: &Lanes) -> f64 {
    let mut sums = [0.0; 4];
    for four in lanes.0.as_chunks::<4>().0 {
        for (sum, &lane) in sums.iter_mut().zip(four) {
            *sum += f64::from(lane);
        }
    }
    (sums[0] + sums[2]) + (sums[1] + sums[3])
}

impl SampleMoments {
    fn at(&self, i: usize, j: usize) -> f64 {
        let (i, j) = (i.max(j), i.min(j));
        self.sums[i * (i + 1) / 2 + j]
    }

    /// The weights of the `active` columns that bring their sum nearest to the target. Every one
    /// is drawn to zero by `ridge`, and the first ones by these shares of their own moments.
    pub(super) fn solve(&self, active: &[usize], ridge: f64, shares: &[f64]) -> Vec<f64> {
        let n = active.len();
        let trace: f64 = active.iter().fold(0.0, |trace, &i| trace + self.at(i, i));
        let mut cholesky = Cholesky::new(n);
        cholesky.set(
            n,
            |a, b| {
                let sum = self.at(active[a], active[b]);
                let share = ridge + shares.get(active[a]).unwrap_or(&0.0);
                if a == b { sum + (trace / n as f64 * ridge + sum * share + 1e-9) } else { sum }
            },
            |a| self.at(self.columns - 1, active[a]),
        );
        cholesky.factor(self.isa);
        let mut solution = vec![0.0; n];
        cholesky.solve(&mut solution);
        solution
    }

    /// What is left of the squares of the target by these weights of the `active` columns, which
    /// [`solve`](Self::solve) found.
    pub(super) fn left(&self, active: &[usize], solved: &[f64]) -> f64 {
        let target = self.columns - 1;
        let explained: f64 = active.iter().zip(solved).map(|(&i, weight)| weight * self.at(target, i)).sum();
        self.at(target, target) - explained
    }

    /// As [`solve`](Self::solve), without negative weights: the most negative one is left out, over
    /// and over.
    pub(super) fn solve_non_negative(&self) -> Vec<f64> {
        let mut active: Vec<usize> = (0..self.columns - 1).collect();
        loop {
            let solved = self.solve(&active, 1e-6, &[]);
            let size = |k: usize| solved[k] * self.at(active[k], active[k]).sqrt();
            let worst = (0..active.len()).min_by(|&a, &b| size(a).total_cmp(&size(b)));
            match worst {
                Some(worst) if solved[worst] < 0.0 && active.len() > 1 => {
                    active.remove(worst);
                }
                _ => {
                    let mut weights = vec![0.0; self.columns - 1];
                    for (&i, &weight) in active.iter().zip(&solved) {
                        weights[i] = weight.max(0.0);
                    }
                    return weights;
                }
            }
        }
    }
}

kernel! {
    /// Adds the products of all pairs of columns of a block, whose pixels are multiplied by their
    /// factors first.
    fn add_products<'a>(
        block: &'a [f32],
        factors: &'a [f32],
        target: &'a [f32],
        scaled: &'a mut [Lanes],
        sums: &'a mut [Sums],
    ) -> () {
        let n = factors.len();
        let mut of_block = [0.0; BLOCK_PX];
        of_block[..n].copy_from_slice(factors);
        let columns = block.len() / BLOCK_PX;
        for (i, (column, to)) in block.chunks_exact(BLOCK_PX).zip(scaled.chunks_exact_mut(STEPS)).enumerate() {
            let mut column = column;
            let mut replaced = [0.0; BLOCK_PX];
            if i + 1 == columns && !target.is_empty() {
                replaced[..n].copy_from_slice(target);
                column = &replaced;
            }
            let (column, factors) = (column.as_chunks::<LANES>().0, of_block.as_chunks::<LANES>().0);
            for ((to, values), factors) in to.iter_mut().zip(column).zip(factors) {
                for k in 0..LANES {
                    to.0[k] = values[k] * factors[k];
                }
            }
        }
        let mut at = 0;
        let rows = scaled.len() / (STEPS * DOWN);
        for i in 0..rows {
            let left: [&[Lanes; STEPS]; DOWN] = [
                column(scaled, i * DOWN),
                column(scaled, i * DOWN + 1),
            ];
            for j in 0..of_row(i) {
                let right: [&[Lanes; STEPS]; ACROSS] = [
                    column(scaled, j * ACROSS),
                    column(scaled, j * ACROSS + 1),
                    column(scaled, j * ACROSS + 2),
                ];
                let [[mut a, mut b, mut c], [mut d, mut e, mut f]] = sums[at];
                for step in 0..STEPS {
                    let (l, m) = (left[0][step], left[1][step]);
                    let (p, q, r) = (right[0][step], right[1][step], right[2][step]);
                    for k in 0..LANES {
                        a.0[k] += l.0[k] * p.0[k];
                        b.0[k] += l.0[k] * q.0[k];
                        c.0[k] += l.0[k] * r.0[k];
                        d.0[k] += m.0[k] * p.0[k];
                        e.0[k] += m.0[k] * q.0[k];
                        f.0[k] += m.0[k] * r.0[k];
                    }
                }
                sums[at] = [[a, b, c], [d, e, f]];
                at += 1;
            }
        }
    }

    /// Adds inputs times weights less the target.
    fn add_weighted<'a>(block: &'a [f32], weights: &'a [f32], sums: &'a mut [f32]) -> () {
        let sums: &mut [f32; BLOCK_PX] = sums.as_mut_array().expect("sums of a block");
        let (columns, target) = block.split_at(block.len() - BLOCK_PX);
        let mut total = [0.0; BLOCK_PX];
        for (total, &target) in total.iter_mut().zip(target) {
            *total = -target;
        }
        for (column, &weight) in columns.as_chunks::<BLOCK_PX>().0.iter().zip(weights) {
            for i in 0..BLOCK_PX {
                total[i] += weight * column[i];
            }
        }
        *sums = total;
    }
}

#[inline(always)]
fn column(scaled: &[Lanes], i: usize) -> &[Lanes; STEPS] {
    scaled[i * STEPS..].first_chunk().expect("whole columns")
}
