//! How far from the noise floor? What a frame must cost, by every way of knowing it that applies.
//!
//! - oracle: the law of a simulated frame is known.
//! - `blind`: overscan, prescan, reference pixels.
//! - `photon_transfer`: pairs of exposures; `ramp`: groups of a ramp.
//! - `twin`, `calibration`: a codec held against its own laws.
//! - `page`: the findings as a document; `entropy`: what they share.

mod blind;
mod calibration;
mod entropy;
mod page;
mod photon_transfer;
mod ramp;
mod twin;

pub use page::write_page;

use crate::analysis::sigma::Estimator;
use crate::report::document::Block;
use nf_codec::{Registry, Spec};
use nf_data::Oracle;
use nf_image::Image16;
use serde::Serialize;

/// What one estimator says of an image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Its name.
    pub estimator: String,
    /// Its figure.
    pub bits_per_pixel: Option<f64>,
    /// What that figure is a limit of.
    pub meaning: String,
    /// What else it found.
    pub details: Vec<String>,
}

/// What is known of an image.
#[derive(Clone, Debug, Serialize)]
pub struct Examined {
    /// The image.
    pub image: String,
    /// Its pixels, of all planes.
    pub pixels: usize,
    /// The codec that it is held against.
    pub codec: String,
    /// What that codec makes of it.
    pub bits_per_pixel: Option<f64>,
    /// What limits there are.
    pub findings: Vec<Finding>,
    /// Plots and pictures of the findings.
    #[serde(skip)]
    pub(crate) blocks: Vec<Block>,
}

/// A frame drawn from the laws that a codec fitted to another one.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// The frame.
    pub twin: Image16,
    /// -log2 of its probability under the laws that it was drawn from.
    pub ideal_bits: f64,
    /// For every pixel of the real frame the mass below it under its law, with a random part of its own mass.
    pub positions: Vec<f32>,
}

/// Draws a twin of a frame of one plane of at most 1024 x 1024 pixels; `None` if the codec has no laws for it.
pub type Draw<'a> = dyn Fn(&Image16, u64) -> Option<Drawn> + 'a;

/// What the estimators work with.
pub struct Tools<'a> {
    /// All codecs.
    pub registry: &'a Registry,
    /// The codec that frames are held against.
    pub codec: Spec,
    /// How twins are drawn from it.
    pub draw: &'a Draw<'a>,
}

/// Side of the window of which a twin is drawn.
const WINDOW_PX: usize = 1024;

/// Examines one image by every estimator that applies.
pub fn examine(name: &str, image: &Image16, oracle: Option<Oracle>, tools: &Tools) -> Examined {
    let pixels = image.samples().len();
    let coded = |image: &Image16| {
        let bytes = tools.registry.build(&tools.codec).ok()?.encode(image).ok()?;
        Some(8.0 * bytes.len() as f64)
    };
    let mut findings: Vec<Finding> = oracle.map(|oracle| of_oracle(oracle, pixels)).into_iter().collect();
    let mut blocks = vec![];
    findings.extend(blind::finding(image));
    if let Some((finding, transfer)) = photon_transfer::finding(image) {
        blocks.extend(page::transfer_plot(name, &transfer));
        findings.push(finding);
    }
    findings.extend(ramp::finding(image));
    findings.extend(Estimator::ThirdOrder.sigma(image).filter(|&sigma| sigma > 0.0).map(of_sigma));
    let window = middle(image);
    if let Some(drawn) = (tools.draw)(&window, 1) {
        if let (Some(real), Some(twin)) = (coded(&window), coded(&drawn.twin)) {
            findings.push(twin::finding(&drawn, real, twin));
        }
        let histogram = calibration::histogram(&drawn.positions);
        let map = calibration::correlations(&drawn.positions, window.shape().width);
        findings.push(of_calibration(&histogram, &map));
        blocks.extend(page::calibration_blocks(name, &histogram, &map));
    }
    let bits = coded(image).map(|bits| bits / pixels.max(1) as f64);
    let codec = tools.codec.to_string();
    Examined { image: name.to_owned(), pixels, codec, bits_per_pixel: bits, findings, blocks }
}

fn of_oracle(oracle: Oracle, pixels: usize) -> Finding {
    let per_pixel = |bits: f64| bits / pixels.max(1) as f64;
    Finding {
        estimator: "oracle".into(),
        bits_per_pixel: Some(per_pixel(oracle.given_layers_bits)),
        meaning: "information content under the law that the frame was drawn from, given all that was certain before the noise".into(),
        details: oracle
            .layers_bits
            .map(|bits| format!("{:.4} bits/pixel with a description of this exposure's layers", per_pixel(oracle.given_layers_bits + bits)))
            .into_iter()
            .collect(),
    }
}

fn of_sigma(sigma: f64) -> Finding {
    Finding {
        estimator: "normal noise".into(),
        bits_per_pixel: Some(entropy::rounded_normal_bits(sigma)),
        meaning: "entropy of normal noise of the frame's median sigma (3rd-order MAD): no limit where the noise varies or is not normal".into(),
        details: vec![format!("sigma {sigma:.2} counts")],
    }
}

fn of_calibration(histogram: &[f64], map: &[f64]) -> Finding {
    let side = 2 * calibration::LAG + 1;
    let strongest = (0..map.len()).max_by(|&a, &b| map[a].abs().total_cmp(&map[b].abs())).unwrap_or(0);
    let (dy, dx) = (strongest / side, strongest as i64 % side as i64 - calibration::LAG as i64);
    let r = map.get(strongest).copied().unwrap_or(0.0);
    Finding {
        estimator: "calibration".into(),
        bits_per_pixel: None,
        meaning: "whether the codec's laws are those of the pixels: positions within them should be uniform and uncorrelated".into(),
        details: vec![
            format!("uneven positions cost {:.4} bits/pixel", calibration::histogram_bits(histogram)),
            format!(
                "strongest correlation {r:+.4} at lag ({dy}, {dx}), worth {:.4} bits/pixel alone",
                -0.5 * (1.0 - (r * r).min(0.999)).log2()
            ),
        ],
    }
}

/// The central window of the middle plane.
fn middle(image: &Image16) -> Image16 {
    let shape = image.shape();
    let centre = |extent: usize| {
        let side = extent.min(WINDOW_PX);
        let first = (extent - side) / 2;
        first..first + side
    };
    let plane = shape.planes / 2;
    image.crop(plane..plane + 1, centre(shape.height), centre(shape.width))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use nf_data::random::Pcg64;
    use nf_data::simulate::draw::Gaussian;
    use nf_image::Shape;

    /// A frame of normal noise on a known sky.
    pub(crate) fn noise(
        height: usize,
        width: usize,
        sigma: f64,
        sky: impl Fn(usize, usize) -> f64,
    ) -> Image16 {
        let (mut random, mut gaussian) = (Pcg64::from_seed(21), Gaussian::default());
        Image16::from_fn(Shape::frame(height, width), |_, y, x| {
            (sky(y, x) + sigma * gaussian.draw(&mut random)).round() as u16
        })
    }

    #[test]
    fn what_does_not_apply_is_absent() {
        let registry = Registry::default();
        let draw = |_: &Image16, _| None;
        let tools = Tools { registry: &registry, codec: "none".parse().unwrap(), draw: &draw };
        let image = noise(100, 100, 6.0, |_, _| 500.0);
        let found =
            examine("x", &image, Some(Oracle { given_layers_bits: 46_000.0, layers_bits: None }), &tools);
        let names: Vec<&str> = found.findings.iter().map(|f| f.estimator.as_str()).collect();
        assert_eq!(names, ["oracle", "normal noise"]);
        assert_eq!(found.findings[0].bits_per_pixel, Some(4.6));
        assert!((found.findings[1].bits_per_pixel.unwrap() - 4.63).abs() < 0.12);
        assert_eq!(found.bits_per_pixel, None, "there is no such codec");
        let empty = examine("x", &Image16::zeros(Shape::frame(0, 5)), None, &tools);
        assert!(empty.findings.is_empty());
    }
}
