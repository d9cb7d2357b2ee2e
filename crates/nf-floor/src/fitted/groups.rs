//! Which law a pixel follows, by its scale and surroundings: fitted per group of pixels, and sent.

use super::laws::{LawId, Laws, width};
use super::location::LOCATION_BITS;
use super::scale::SCALES;
use super::shapes::{SHAPES, TRAITS, mass_below};
use crate::numbers::{fold, read, unfold, write};
use nf_codec::{Error, Result};
use nf_entropy::bits::{BitReader, BitWriter};

/// Groups of one half octave of scale: by height of the location above the usual sample, and by its
/// distance from the robust centre.
const KINDS: usize = 4;

/// Scales per group.
const STEP: usize = 4;

/// Groups of pixels; the last one is for pixels whose neighbours are all equal.
pub(crate) const GROUPS: usize = KINDS * SCALES / STEP + 1;

/// Cells: a kind and a scale each, and one for pixels whose neighbours are all equal.
pub(crate) const CELLS: usize = KINDS * SCALES + 1;

/// Cell of pixels whose neighbours are all equal.
pub(crate) const EQUAL: u16 = (CELLS - 1) as u16;

/// Scale of the law of such pixels, before its shift.
const EQUAL_SCALE: usize = 16;

/// Largest shift, eighths of an octave.
const MAX_SHIFT: i32 = 40;

/// The law of a group: shape, and by how many eighths of an octave its scale is wider than announced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) shift: i32,
    pub(crate) shape: u8,
}

/// The laws of all groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Groups(Vec<Option<Group>>);

/// The cell of a pixel of scale `index`, which is `scale` wide.
#[inline(always)]
pub(crate) fn cell(index: u8, scale: i32, location: i32, usual: u16, center: i32) -> u16 {
    let height = location - (i32::from(usual) << LOCATION_BITS);
    let high = height > 2 * scale + (2 << LOCATION_BITS);
    let apart = (location - center).abs() > scale;
    (usize::from(high) * 2 + usize::from(apart)) as u16 * SCALES as u16 + u16::from(index)
}

fn group_of(cell: usize) -> usize {
    if cell == usize::from(EQUAL) { GROUPS - 1 } else { cell / STEP }
}

/// Scale of a cell.
fn scale_of(cell: usize) -> usize {
    if cell == usize::from(EQUAL) { EQUAL_SCALE } else { cell % SCALES }
}

impl Groups {
    /// The law of every cell.
    pub(crate) fn laws(&self, laws: &mut Laws) -> Vec<LawId> {
        let law = |cell: usize| {
            let group = self.0[group_of(cell)].unwrap_or_default();
            let scale = (scale_of(cell) as i32 + group.shift).clamp(0, SCALES as i32 - 1);
            laws.request(scale as usize, usize::from(group.shape))
        };
        (0..CELLS).map(law).collect()
    }

    pub(crate) fn write(&self, writer: &mut BitWriter) {
        let mut gaps = Vec::new();
        let mut gap = 0;
        for group in &self.0 {
            if group.is_some() {
                gaps.push(gap);
                gap = 0;
            } else {
                gap += 1;
            }
        }
        write(writer, &[gaps.len() as u32]);
        write(writer, &gaps);
        let mut last = 0;
        let shifts: Vec<u32> = self
            .0
            .iter()
            .flatten()
            .map(|group| {
                let step = fold(group.shift - last);
                last = group.shift;
                step
            })
            .collect();
        write(writer, &shifts);
        let shapes: Vec<u32> = self.0.iter().flatten().map(|group| u32::from(group.shape)).collect();
        write(writer, &shapes);
    }

    pub(crate) fn read(what: &str, reader: &mut BitReader<'_>) -> Result<Self> {
        let wrong = || Error::corrupt(what, "groups of pixels beyond what there are");
        let count = read(what, reader, 1)?[0] as usize;
        if count > GROUPS {
            return Err(wrong());
        }
        let gaps = read(what, reader, count)?;
        let shifts = read(what, reader, count)?;
        let shapes = read(what, reader, count)?;
        let mut groups = vec![None; GROUPS];
        let (mut at, mut shift) = (0_usize, 0_i32);
        for i in 0..count {
            at = at.saturating_add(gaps[i] as usize);
            shift = shift.saturating_add(unfold(shifts[i]));
            if shift.abs() > MAX_SHIFT || shapes[i] as usize >= SHAPES {
                return Err(wrong());
            }
            *groups.get_mut(at).ok_or_else(wrong)? = Some(Group { shift, shape: shapes[i] as u8 });
            at += 1;
        }
        Ok(Self(groups))
    }
}

/// Samples kept per group for the fit.
const KEPT: usize = 384;

/// A pixel kept for the fit: its residual above the location, DN, and its cell.
type Kept = (f64, usize);

/// What was seen of the pixels of all groups.
#[derive(Clone, Debug)]
pub(crate) struct Census {
    counts: Vec<u32>,
    kept: Vec<Vec<Kept>>,
}

impl Census {
    /// Looks at `pixels` of (cell, location, sample): counts all, and keeps some evenly spread ones.
    pub(crate) fn new(pixels: impl Iterator<Item = (u16, i32, u16)> + Clone) -> Self {
        let mut counts = vec![0_u32; GROUPS];
        for (cell, ..) in pixels.clone() {
            counts[group_of(usize::from(cell))] += 1;
        }
        let mut kept = vec![Vec::new(); GROUPS];
        let mut due: Vec<u32> = vec![0; GROUPS];
        for (cell, location, sample) in pixels {
            let group = group_of(usize::from(cell));
            due[group] += KEPT as u32;
            if due[group] >= counts[group] {
                due[group] = due[group].saturating_sub(counts[group].max(KEPT as u32));
                let residual = i32::from(sample) * (1 << LOCATION_BITS) - location;
                kept[group].push((f64::from(residual) / f64::from(1 << LOCATION_BITS), usize::from(cell)));
            }
        }
        Self { counts, kept }
    }

    /// The laws that code these pixels best, and about how many bits they take.
    pub(crate) fn fit(&self) -> (Groups, f64) {
        let mut groups = vec![None; GROUPS];
        let mut bits = 0.0;
        let mut last = Group::default();
        for (i, group) in groups.iter_mut().enumerate() {
            if self.kept[i].is_empty() {
                continue;
            }
            let weight = f64::from(self.counts[i]) / self.kept[i].len() as f64;
            let (found, cost) = fit_group(&self.kept[i], weight, last);
            *group = Some(found);
            bits += cost;
            last = found;
        }
        (Groups(groups), bits)
    }
}

/// The best law for some pixels, each of which stands for `weight`, and its cost; near `last` where it does not
/// matter much.
fn fit_group(kept: &[Kept], weight: f64, last: Group) -> (Group, f64) {
    let cost = |group: Group| -> f64 {
        let mut bits = 0.0;
        for &(residual, cell) in kept {
            let scale = (scale_of(cell) as i32 + group.shift).clamp(0, SCALES as i32 - 1);
            let wide = width(scale as usize);
            let shape = usize::from(group.shape);
            let mass =
                mass_below(shape, (residual + 0.5) / wide) - mass_below(shape, (residual - 0.5) / wide);
            bits -= log2(mass + 1e-6);
        }
        let change = 2.0 * (f64::from((group.shift - last.shift).abs()) + 1.0);
        bits * weight + if group == last { 0.0 } else { 4.0 + change }
    };
    let mut best = (last, cost(last));
    let offer = |best: &mut (Group, f64), group: Group| -> bool {
        if group.shift.abs() > MAX_SHIFT || usize::from(group.shape) >= SHAPES || group == best.0 {
            return false;
        }
        let bits = cost(group);
        let better = bits < best.1;
        if better {
            *best = (group, bits);
        }
        better
    };
    // The scale first, then the shape with the scale following, twice.
    for steps in [&[8, 2][..], &[2, 1], &[1]] {
        for &step in steps {
            for sign in [step, -step] {
                loop {
                    let next = Group { shift: best.0.shift + sign, ..best.0 };
                    if !offer(&mut best, next) {
                        break;
                    }
                }
            }
        }
        if steps.len() > 1 {
            // One trait of the shape after the other: its skew, its tail, its core.
            for (stride, count) in TRAITS {
                let Group { shift, shape } = best.0;
                let (own, rest) = (usize::from(shape) / stride % count, usize::from(shape));
                for other in 0..count {
                    let shape = (rest - own * stride + other * stride) as u8;
                    offer(&mut best, Group { shift, shape });
                }
            }
        }
    }
    best
}

/// Binary logarithm of a positive number, to about 1e-6, without libm.
pub(crate) fn log2(x: f64) -> f64 {
    let bits = x.to_bits();
    let exponent = (bits >> 52) as i32 - 1023;
    let mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | 1023 << 52);
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let q = s * s;
    let series = 1.0 + q * (1.0 / 3.0 + q * (0.2 + q * (1.0 / 7.0 + q * (1.0 / 9.0 + q / 11.0))));
    f64::from(exponent) + s * series * 2.885_390_081_777_926_8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_those_of_the_library() {
        for i in 1..4000 {
            let x = f64::from(i) * 1e-3;
            assert!((log2(x) - x.log2()).abs() < 2e-6, "{x}");
        }
    }
}
