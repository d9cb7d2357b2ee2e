//! Smoothing while decoding: differences that quantising has lost are guessed from the neighbouring
//! sums.
//!
//! A guess never moves a coefficient by more than half the scale, and never beyond what keeps the
//! interpolated values between those of the neighbouring blocks.

/// Adjusts the differences of all inner blocks of one level.
pub(super) fn smooth(a: &mut [i64], rows: usize, columns: usize, width: usize, scale: i64) {
    let most = scale >> 1;
    if most <= 0 {
        return;
    }
    let below = 2 * width;
    let inner = |n: usize| (2..n.saturating_sub(2)).step_by(2);
    // Differences between rows.
    for row in inner(rows) {
        for column in (0..columns).step_by(2) {
            let at = row * width + column;
            adjust(a, at + width, slope(a[at - below], a[at], a[at + below]), 3, most);
        }
    }
    // Differences between columns.
    for row in (0..rows).step_by(2) {
        for column in inner(columns) {
            let at = row * width + column;
            adjust(a, at + 1, slope(a[at - 2], a[at], a[at + 2]), 3, most);
        }
    }
    // The curvature.
    for row in inner(rows) {
        for column in inner(columns) {
            let at = row * width + column;
            adjust(a, at + width + 1, twist(a, at, width), 6, most);
        }
    }
}

/// A wanted value of a coefficient times a power of two, with its bounds.
struct Guess {
    value: i64,
    least: i64,
    most: i64,
}

/// Moves the coefficient at `at` towards a guess that is `1 << bits` times too large, by at most
/// `most`.
fn adjust(a: &mut [i64], at: usize, guess: Guess, bits: u32, most: i64) {
    if guess.least >= guess.most {
        return;
    }
    let wanted = guess.value.min(guess.most).max(guess.least);
    let step = wanted.wrapping_sub(a[at] << bits);
    // Division by a power of two, towards zero.
    let step = if step >= 0 { step } else { step.wrapping_add((1 << bits) - 1) } >> bits;
    a[at] = a[at].wrapping_add(step.min(most).max(-most));
}

/// The difference from the sums before, at and behind a block; none where they are not monotonic.
fn slope(before: i64, here: i64, behind: i64) -> Guess {
    let (forth, back) = (behind.wrapping_sub(here), here.wrapping_sub(before));
    Guess {
        value: behind.wrapping_sub(before),
        most: forth.min(back).max(0) << 2,
        least: forth.max(back).min(0) << 2,
    }
}

/// The curvature from the sums of the four diagonal neighbours.
fn twist(a: &[i64], at: usize, width: usize) -> Guess {
    let below = 2 * width;
    let here = a[at];
    let (up_left, down_left) = (a[at - below - 2], a[at + below - 2]);
    let (up_right, down_right) = (a[at - below + 2], a[at + below + 2]);
    let (hx, hy) = (a[at + width] << 1, a[at + 1] << 1);
    let bound = |clip: fn(i64) -> i64| {
        [
            clip(down_right.wrapping_sub(here)).wrapping_sub(hx).wrapping_sub(hy),
            clip(here.wrapping_sub(down_left)).wrapping_add(hx).wrapping_sub(hy),
            clip(here.wrapping_sub(up_right)).wrapping_sub(hx).wrapping_add(hy),
            clip(up_left.wrapping_sub(here)).wrapping_add(hx).wrapping_add(hy),
        ]
    };
    let most = bound(|value| value.max(0)).into_iter().fold(i64::MAX, i64::min);
    let least = bound(|value| value.min(0)).into_iter().fold(i64::MIN, i64::max);
    Guess {
        value: down_right.wrapping_add(up_left).wrapping_sub(up_right).wrapping_sub(down_left),
        most: most << 4,
        least: least << 4,
    }
}
