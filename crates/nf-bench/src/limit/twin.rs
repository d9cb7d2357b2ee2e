//! The parametric twin: a frame drawn from a codec's own laws, coded by the same codec.
//!
//! The codec fits a model to the frame; a twin is drawn from that model pixel by pixel, so its information content under the
//! model that drew it is known. Coding both splits the distance from the limit in two:
//!
//! - `bits(real) - bits(twin)`: misfit, what the real frame costs because it does not follow such laws;
//! - `bits(twin) - ideal(twin)`: adaptation, what the codec pays to learn laws of its own kind.

use super::{Drawn, Finding};

/// The two numbers, bits per pixel.
pub(super) fn finding(drawn: &Drawn, real_bits: f64, twin_bits: f64) -> Finding {
    let pixels = drawn.twin.samples().len() as f64;
    let (real, twin, ideal) = (real_bits / pixels, twin_bits / pixels, drawn.ideal_bits / pixels);
    Finding {
        estimator: "parametric twin".into(),
        bits_per_pixel: Some(ideal),
        meaning: "information content of a frame drawn from the codec's own laws; a window of at most 1024 x 1024 of the middle plane".into(),
        details: vec![
            format!("window {real:.4} bits/pixel, twin {twin:.4}, its content {ideal:.4}"),
            format!("misfit {:+.4} bits/pixel (window - twin)", real - twin),
            format!("adaptation {:+.4} bits/pixel (twin - content)", twin - ideal),
        ],
    }
}
