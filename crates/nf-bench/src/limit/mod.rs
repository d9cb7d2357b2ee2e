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
use calibration::Calibration;
use nf_codec::{Registry, Spec};
use nf_data::Oracle;
use nf_data::random::Pcg64;
use nf_image::Image16;
use serde::Serialize;
use std::collections::BTreeMap;

/// What one estimator says of an image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Its name.
    pub estimator: String,
    /// Its figure.
    pub bits_per_pixel: Option<f64>,
    /// What that figure is a limit of.
    pub meaning: String,
    /// What else it found, in words.
    pub details: Vec<String>,
    /// The same as numbers by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub figures: BTreeMap<String, f64>,
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

/// What the estimators work with.
pub struct Tools<'a> {
    /// All codecs.
    pub registry: &'a Registry,
    /// The codec that frames are held against.
    pub codec: Spec,
    /// The codec whose own laws are examined, if it hands them out.
    pub laws: Spec,
    /// Longest side of the window of the middle plane in which they are examined, pixels.
    pub window_px: usize,
}

/// Examines one image by every estimator that applies.
pub fn examine(name: &str, image: &Image16, oracle: Option<Oracle>, tools: &Tools) -> Examined {
    let pixels = image.samples().len();
    let mut findings: Vec<Finding> = oracle.map(|oracle| of_oracle(oracle, pixels)).into_iter().collect();
    let mut blocks = vec![];
    findings.extend(blind::finding(image));
    if let Some((finding, transfer)) = photon_transfer::finding(image) {
        blocks.extend(page::transfer_plot(name, &transfer));
        findings.push(finding);
    }
    findings.extend(ramp::finding(image));
    findings.extend(Estimator::ThirdOrder.sigma(image).filter(|&sigma| sigma > 0.0).map(of_sigma));
    let of_laws = of_laws(name, &middle(image, tools.window_px), tools);
    if let Some((of_laws, plots)) = of_laws {
        findings.extend(of_laws);
        blocks.extend(plots);
    }
    let bits = coded_bits(image, &tools.codec, tools.registry).map(|bits| bits / pixels.max(1) as f64);
    let codec = tools.codec.to_string();
    // No limit of the whole frame lies above a size that was reached; the oracle may, by chance, and the twin is that of a window.
    let refuted = |finding: &&mut Finding| {
        !["oracle", "parametric twin"].contains(&finding.estimator.as_str())
            && finding.bits_per_pixel.zip(bits).is_some_and(|(limit, reached)| limit > reached)
    };
    for finding in findings.iter_mut().filter(refuted) {
        finding
            .details
            .push(format!("above what {codec} needs: no limit, for what it assumes does not hold here"));
    }
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
        figures: BTreeMap::new(),
    }
}

fn of_sigma(sigma: f64) -> Finding {
    Finding {
        estimator: "normal noise".into(),
        bits_per_pixel: Some(entropy::rounded_normal_bits(sigma)),
        meaning: "entropy of normal noise of the frame's median sigma (3rd-order MAD): no limit where the noise varies or is not normal".into(),
        details: vec![format!("sigma {sigma:.2} counts")],
        figures: [("sigma_counts".to_owned(), sigma)].into(),
    }
}

/// What a codec makes of an image.
fn coded_bits(image: &Image16, codec: &Spec, registry: &Registry) -> Option<f64> {
    let bytes = registry.build(codec).ok()?.encode(image).ok()?;
    Some(8.0 * bytes.len() as f64)
}

/// A codec held against its own laws of a window.
fn of_laws(name: &str, window: &Image16, tools: &Tools) -> Option<(Vec<Finding>, Vec<Block>)> {
    let codec = tools.registry.build(&tools.laws).ok()?;
    let mut random = Pcg64::from_seed(1);
    let laws = codec.laws(window, &mut || random.uniform())?;
    let coded = |image: &Image16| Some(8.0 * codec.encode(image).ok()?.len() as f64);
    let twin = Image16::new(window.shape(), laws.twin.clone()).ok()?;
    let spec = codec.spec().to_string();
    let calibration = Calibration::of(&laws, window.shape().width, || random.uniform());
    let findings =
        vec![twin::finding(&laws, &spec, coded(window)?, coded(&twin)?), calibration.finding(&spec)];
    Some((findings, page::calibration_blocks(name, &calibration)))
}

/// The central window of the middle plane, at most `window_px` on a side.
fn middle(image: &Image16, window_px: usize) -> Image16 {
    let shape = image.shape();
    let centre = |extent: usize| {
        let side = extent.min(window_px);
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
        let none: Spec = "none".parse().unwrap();
        let tools = Tools { registry: &registry, codec: none.clone(), laws: none, window_px: 64 };
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
