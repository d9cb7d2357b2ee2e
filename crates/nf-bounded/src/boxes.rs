//! Arrays cut into boxes along all of their axes, for codecs that code an array whole.

use crate::sample::{MAX_AXES, Samples, each_type};
use nf_image::{Shape, TileBox};
use std::ops::Range;

/// A grid of boxes. Arrays with fewer than four axes have leading ones of length one.
#[derive(Clone, Debug)]
pub(crate) struct Boxes {
    axes: [usize; MAX_AXES],
    tile: [usize; MAX_AXES],
    /// How many axes the array has.
    own: usize,
}

/// One of them: a range along every axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Box4([Range<usize>; MAX_AXES]);

/// Rows and columns that a box has by default.
const SIDE: usize = 1024;
/// Samples that a box has by default, where the array has that many.
const FRAME: usize = SIDE * SIDE;
const STACK: usize = 4 * FRAME;

/// The extents of a box along the axes of an array: those asked for, of which the last two are rows
/// and columns and what is before them planes, or about a megapixel of a frame and four of a stack.
pub(crate) fn tile_of(axes: &[usize], asked: Option<Shape>) -> Vec<usize> {
    let (leading, last) = axes.split_at(axes.len().saturating_sub(2));
    let whole_planes: usize = leading.iter().skip(1).product();
    // ZFP has blocks of four along every axis.
    let fours = |length: usize| if length > 4 { length & !3 } else { length.max(1) };
    // Parts of one length, without a narrow rest.
    let even = |length: usize, about: usize| {
        let parts = (length.saturating_add(about / 2) / about).max(1);
        length.div_ceil(parts).next_multiple_of(4).min(length)
    };
    let of = |height: usize, width: usize| match asked {
        Some(shape) => shape,
        None => {
            let rows = even(height, SIDE.max(FRAME / even(width, SIDE).max(1)));
            let columns = even(width, SIDE.max(FRAME / rows.max(1)));
            Shape::new(fours(STACK / (rows * columns).max(1)), rows, columns)
        }
    };
    let tile = match (last, leading) {
        (&[length], _) => vec![asked.map_or(FRAME, |shape| shape.width).min(length)],
        (&[height, width], []) => {
            let Shape { height, width, .. } = of(height, width);
            vec![height, width]
        }
        (&[height, width], [_]) => {
            let Shape { planes, height, width } = of(height, width);
            vec![planes, height, width]
        }
        (&[height, width], _) => {
            let Shape { planes, height, width } = of(height, width);
            let stacks = planes / whole_planes.max(1);
            vec![stacks, planes, height, width]
        }
        _ => Vec::new(),
    };
    tile.into_iter().zip(axes).map(|(extent, &axis)| extent.clamp(1, axis.max(1))).collect()
}

impl Boxes {
    /// The grid of boxes of these extents; none unless they are as many as the axes, and not zero.
    pub(crate) fn new(axes: &[usize], tile: &[usize]) -> Option<Self> {
        let own = axes.len();
        if !(1..=MAX_AXES).contains(&own) || tile.len() != own || tile.contains(&0) {
            return None;
        }
        let filled = |extents: &[usize]| {
            let mut all = [1; MAX_AXES];
            all[MAX_AXES - own..].copy_from_slice(extents);
            all
        };
        Some(Self { axes: filled(axes), tile: filled(tile), own })
    }

    /// How many there are, if that can be counted; none of an array without samples.
    pub(crate) fn count(&self) -> Option<usize> {
        let counts = self.axes.iter().zip(&self.tile).map(|(axis, tile)| axis.div_ceil(*tile));
        counts.into_iter().try_fold(1usize, usize::checked_mul)
    }

    /// The boxes, the last axis fastest.
    pub(crate) fn all(&self) -> Vec<Box4> {
        let along = |axis: usize| {
            let (length, step) = (self.axes[axis], self.tile[axis]);
            (0..length).step_by(step).map(move |start| start..length.min(start + step))
        };
        let mut all = Vec::new();
        for a in along(0) {
            for b in along(1) {
                for c in along(2) {
                    all.extend(along(3).map(|d| Box4([a.clone(), b.clone(), c.clone(), d])));
                }
            }
        }
        all
    }

    /// The lengths of a box along the axes that the array has.
    pub(crate) fn axes(&self, place: &Box4) -> Vec<usize> {
        place.0[MAX_AXES - self.own..].iter().map(Range::len).collect()
    }

    /// The same box in stacks, for which all axes before the last two are planes.
    pub(crate) fn in_stack(&self, place: &Box4) -> Vec<TileBox> {
        let [a, b, rows, columns] = &place.0;
        let planes = a.clone().map(|a| a * self.axes[1] + b.start..a * self.axes[1] + b.end);
        planes.map(|planes| TileBox { planes, rows: rows.clone(), columns: columns.clone() }).collect()
    }

    /// The shape of that stack.
    pub(crate) fn stack(&self) -> Shape {
        let [a, b, height, width] = self.axes;
        Shape::new(a.saturating_mul(b), height, width)
    }

    /// Where the rows of a box begin in the array, in the order of its samples.
    fn starts(&self, place: &Box4) -> impl Iterator<Item = usize> {
        let [a, b, c, d] = place.0.clone();
        let [_, planes, height, width] = self.axes;
        a.flat_map(move |a| {
            let (b, c, first) = (b.clone(), c.clone(), d.start);
            b.flat_map(move |b| c.clone().map(move |row| ((a * planes + b) * height + row) * width + first))
        })
    }

    /// The samples of a box.
    pub(crate) fn cut(&self, samples: &Samples, place: &Box4) -> Samples {
        let width = place.0[MAX_AXES - 1].len();
        each_type!(samples, values => {
            let mut part = Vec::with_capacity(place.0.iter().map(Range::len).product());
            self.starts(place).for_each(|start| part.extend_from_slice(&values[start..start + width]));
            Samples::from(part)
        })
    }

    /// Puts the samples of a box, which are of the same type and as many, into an array.
    pub(crate) fn paste(&self, place: &Box4, part: &Samples, whole: &mut Samples) {
        let width = place.0[MAX_AXES - 1].len();
        let rows = self.starts(place).enumerate().map(|(row, start)| (row * width, start, width));
        whole.copy_rows(part, rows);
    }

    /// Puts those samples of a box that lie in a region of the stack where they belong among the
    /// samples of the region, row by row.
    pub(crate) fn paste_shared(&self, place: &Box4, part: &Samples, region: &TileBox, found: &mut Samples) {
        let Shape { height, width, .. } = region.shape();
        let (rows, columns) = (place.0[2].len(), place.0[3].len());
        let mut rows_shared = Vec::new();
        for (n, own) in self.in_stack(place).into_iter().enumerate() {
            let Some(shared) = own.intersection(region) else { continue };
            let before = n * own.planes.len();
            let (from, to) = (shared.within(&own), shared.within(region));
            for (p, q) in from.planes.zip(to.planes.clone()) {
                for (r, s) in from.rows.clone().zip(to.rows.clone()) {
                    let source = ((before + p) * rows + r) * columns + from.columns.start;
                    let target = (q * height + s) * width + to.columns.start;
                    rows_shared.push((source, target, from.columns.len()));
                }
            }
        }
        found.copy_rows(part, rows_shared);
    }

    /// Fills a box with one value, or NaN where the samples can be that.
    pub(crate) fn fill(&self, place: &Box4, value: f64, whole: &mut Samples) {
        let width = place.0[MAX_AXES - 1].len();
        let value = if whole.sample_type().is_float() { f64::NAN } else { value };
        each_type!(whole, values => for start in self.starts(place) {
            fill(&mut values[start..start + width], value);
        });
    }
}

fn fill<T: crate::Sample>(row: &mut [T], value: f64) {
    row.fill(T::nearest(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_cover_every_sample_once() {
        for (axes, tile) in [
            (vec![11], vec![4]),
            (vec![5, 7], vec![2, 3]),
            (vec![3, 5, 7], vec![2, 5, 4]),
            (vec![3, 2, 5, 7], vec![2, 1, 3, 7]),
            (vec![3, 0, 7], vec![1, 1, 1]),
        ] {
            let count: usize = axes.iter().product();
            let values = Samples::from((0..count as i32).collect::<Vec<_>>());
            let boxes = Boxes::new(&axes, &tile).unwrap();
            let all = boxes.all();
            assert_eq!(Some(all.len()), boxes.count());
            let mut whole = Samples::zeros(values.sample_type(), count);
            for place in &all {
                let part = boxes.cut(&values, place);
                assert_eq!(part.len(), boxes.axes(place).iter().product::<usize>());
                boxes.paste(place, &part, &mut whole);
                let stack: usize = boxes.in_stack(place).iter().map(|part| part.shape().pixels()).sum();
                assert_eq!(stack, part.len());
                assert!(boxes.in_stack(place).iter().all(|part| part.fits(boxes.stack())));
            }
            assert_eq!(whole.digest(), values.digest(), "{axes:?}");
        }
        assert!(Boxes::new(&[3], &[0]).is_none() && Boxes::new(&[3], &[1, 1]).is_none());
        assert_eq!(Boxes::new(&[usize::MAX, usize::MAX], &[1, 1]).unwrap().count(), None);
    }

    #[test]
    fn default_boxes_have_about_a_megapixel() {
        for (axes, tile) in [
            (vec![5_000_000], vec![1 << 20]),
            (vec![100, 200], vec![100, 200]),
            (vec![4000, 5000], vec![1000, 1000]),
            (vec![1044, 1062], vec![1044, 1062]),
            (vec![200_000, 30], vec![33_336, 30]),
            (vec![30, 200_000], vec![30, 33_336]),
            (vec![64, 4000, 5000], vec![4, 1000, 1000]),
            (vec![300, 64, 64], vec![300, 64, 64]),
            (vec![3, 64, 128, 128], vec![3, 64, 128, 128]),
            (vec![30, 64, 128, 128], vec![4, 64, 128, 128]),
            (vec![0, 5], vec![1, 5]),
        ] {
            assert_eq!(tile_of(&axes, None), tile, "{axes:?}");
        }
        let asked = Some(Shape::new(128, 50, 60));
        assert_eq!(tile_of(&[30, 64, 128, 128], asked), [2, 64, 50, 60]);
        assert_eq!(tile_of(&[30, 40], asked), [30, 40]);
        assert_eq!(tile_of(&[9000], asked), [60]);
    }
}
