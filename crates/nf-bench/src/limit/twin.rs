//! The parametric twin: a frame drawn from a codec's own laws, coded by the same codec.
//!
//! While the real frame is coded, the codec has a law for every pixel; the twin has at each pixel a value drawn from the law at *that*
//! pixel, so the information content of the twin under these laws is known, and is on average their entropy. What the real frame
//! and the twin cost above it are two numbers:
//!
//! - `bits(real) - content`: misfit, what the real pixels cost because they do not follow such laws;
//! - `bits(twin) - content`: adaptation, what the codec pays to learn a frame whose laws it would call its own. It does not see
//!   the real pixels that these laws were made from, so it pays twice for what noise moves in them.

use super::Finding;
use nf_codec::Laws;

/// The two numbers, from the sizes of the real frame and of the twin.
pub(super) fn finding(laws: &Laws, codec: &str, real_bits: f64, twin_bits: f64) -> Finding {
    let pixels = laws.twin.len() as f64;
    let (real, twin, content) = (real_bits / pixels, twin_bits / pixels, laws.twin_bits / pixels);
    let figures = [
        ("window_bits_per_pixel", real),
        ("twin_bits_per_pixel", twin),
        ("misfit_bits_per_pixel", real - content),
        ("adaptation_bits_per_pixel", twin - content),
    ];
    Finding {
        estimator: "parametric twin".into(),
        bits_per_pixel: Some(content),
        meaning:
            "information content of values drawn from the codec's own laws; a window of the middle plane"
                .into(),
        details: vec![
            format!("misfit {:+.4}", real - content),
            format!("adaptation {:+.4}", twin - content),
            format!("by {codec}: window {real:.4}, twin {twin:.4} bits/pixel"),
        ],
        figures: figures.map(|(name, value)| (name.to_owned(), value)).into(),
    }
}
