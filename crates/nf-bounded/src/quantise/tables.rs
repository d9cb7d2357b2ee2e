//! From indices to integers, by tables.

use crate::Sample;
use nf_codec::Dither;

/// Places whose lattices are worked out together.
pub(super) const CHUNK: usize = 1024;

/// The values of indices at consecutive places from `first` on; `None` if one is beyond its table.
pub(super) fn values<T: Sample>(
    indices: &[u16],
    tables: &[Vec<i64>],
    dither: Option<Dither>,
    first: usize,
) -> Option<Vec<T>> {
    let of = |values: &Vec<i64>| values.iter().map(|&value| T::nearest(value as f64)).collect();
    let tables: Vec<Vec<T>> = tables.iter().map(of).collect();
    // The largest of all is found by wide registers; the look-ups then need no test each.
    let count = indices.iter().copied().max().map_or(0, |most| usize::from(most) + 1);
    match (dither, &tables[..]) {
        (None, [table]) => {
            let table = table.get(..count)?;
            Some(indices.iter().map(|&index| table[usize::from(index)]).collect())
        }
        (Some(dither), tables) if tables.len() == usize::from(dither.phases) => {
            match tables.iter().map(|table| table.get(..count)).collect::<Option<Vec<_>>>() {
                Some(tables) => Some(by_lattices(indices, &tables.concat(), count, dither, first)),
                // Some tables are longer than others.
                None => {
                    let table = |n: usize| tables.get(dither.phase((first + n) as u64));
                    let value = |(n, &index): (usize, &u16)| table(n)?.get(usize::from(index)).copied();
                    indices.iter().enumerate().map(value).collect()
                }
            }
        }
        _ => None,
    }
}

/// The same with tables of `count` values each, one behind the other.
fn by_lattices<T: Sample>(
    indices: &[u16],
    tables: &[T],
    count: usize,
    dither: Dither,
    first: usize,
) -> Vec<T> {
    let mut phases = [0; CHUNK];
    let mut values = Vec::with_capacity(indices.len());
    for (number, indices) in indices.chunks(CHUNK).enumerate() {
        let phases = &mut phases[..indices.len()];
        dither.phases((first + number * CHUNK) as u64, phases);
        let value = |(&index, &phase): (&u16, &u8)| tables[usize::from(phase) * count + usize::from(index)];
        values.extend(indices.iter().zip(&*phases).map(value));
    }
    values
}
