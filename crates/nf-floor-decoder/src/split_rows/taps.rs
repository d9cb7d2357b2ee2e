//! format-floor.md, 5.7: taps.

/// `tap(p, i)` for all `i`, in their order: places `(u, r)`, `u` rows above and `r` columns to the
/// right of the pixel.
pub(crate) fn taps(p: usize) -> Vec<(isize, isize)> {
    let mut places = Vec::new();
    for u in 1..=5 {
        for r in -8..=8 {
            places.push((u, r));
        }
    }
    if p == 1 {
        for r in (-7..=7).step_by(2) {
            places.push((0, r));
        }
    }
    places.sort_by_key(|&(u, r)| (u * u + r * r, u, r));
    places
}
