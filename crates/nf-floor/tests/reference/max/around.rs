//! What the known pixels around say of a decision by their values alone.

/// Known pixels (rows up, columns right).
pub(super) const PLACES: [(i64, i64); 17] = [
    (0, -1),
    (1, 0),
    (1, 1),
    (1, -1),
    (0, -2),
    (2, 0),
    (1, 2),
    (0, -3),
    (0, -6),
    (2, 2),
    (2, -2),
    (2, 1),
    (2, -1),
    (1, -2),
    (3, 0),
    (4, 0),
    (0, -4),
];

const W: usize = 0;
const N: usize = 1;
const NE: usize = 2;
const NW: usize = 3;
const WW: usize = 4;
const NN: usize = 5;
const NEE: usize = 6;
pub(super) const WWW: usize = 7;
const FAR_W: usize = 8;
const NWW: usize = 13;
const NNN: usize = 14;
const NNNN: usize = 15;
const WWWW: usize = 16;
/// Behind the pixels.
const COLUMN: usize = 17;
const SIMPLE: usize = 18;

/// Of a decision whether a value in `low..high` is at least `middle`: eleven contexts.
pub(super) fn contexts(
    (low, middle, high): (i64, i64, i64),
    bits: Option<u32>,
    near: &[i64],
    prediction: i64,
) -> [usize; 11] {
    let depth = bits.unwrap_or_else(|| 17 + (high - low).ilog2()) as usize;
    let sides = |places: [usize; 4]| {
        let mut sides = 0;
        for (k, &place) in places.iter().enumerate() {
            sides += usize::from(near[place] >= middle) << k;
            sides += usize::from(near[place] >= low && near[place] < high) << (4 + k);
        }
        sides
    };
    let mut above = 0;
    for (k, place) in [W, N, NE, NW, WW, NN, NEE, NWW].into_iter().enumerate() {
        above += usize::from(near[place] >= middle) << k;
    }
    let inverse_half = 1.0 / ((high - low) / 2) as f32;
    let distance = |value: i64| {
        let distance = (value - middle) as f32 * inverse_half + 8.0;
        distance.clamp(0.0, 15.0) as usize
    };
    let crowd = near[..15].iter().filter(|&&value| value >= middle).count();
    let values = [
        distance(prediction) * 16 + crowd,
        sides([W, N, NE, NW]),
        sides([WW, N, NN, NEE]),
        sides([NE, NW, WW, WWW]),
        distance(near[W]) * 16 + distance(near[N]),
        distance(near[WW]) * 16 + distance(near[NN]),
        distance(near[COLUMN]) * 16 + distance(near[SIMPLE]),
        distance(near[N]) * 16 + distance(near[NE]),
        sides([N, NN, NNN, NNNN]),
        sides([WW, WWWW, FAR_W, NNNN]),
        above,
    ];
    values.map(|value| depth * 256 + value)
}
