//! The same pixels in another arrangement: single planes, differences of planes, bytes, patches.
//!
//! Comparing transforms needs no new data and no new codec: a suite names the dataset several
//! times, each time with another transform.

use crate::suite::{DatasetChoice, Transform, parse_bound};
use nf_bounded::{Array, Bound, QuantiseOptions, Quantised, Unit, quantise};
use nf_codec::{Codec, DitheredStack};
use nf_data::{Card, Dataset, Error, Facts, Oracle};
use nf_image::{Image16, PlaneAxis, Shape};
use nf_noise::SigmaEstimator;

/// A dataset whose images are transformed as they are read.
struct Transformed {
    inner: Box<dyn Dataset>,
    first_planes: Option<usize>,
    last_planes: Option<usize>,
    transform: Transform,
    plane: Option<usize>,
    patch_px: Option<usize>,
    bound: Option<Bound>,
}

/// Finds a dataset; one that is [missing](nf_data::Error::Missing) is skipped, other errors are
/// failures.
pub type Opener<'a> = dyn Fn(&DatasetChoice) -> nf_data::Result<Box<dyn Dataset>> + 'a;

/// A dataset with the transform that the suite asks for.
///
/// # Errors
/// As `open`.
pub fn open_transformed(choice: &DatasetChoice, open: &Opener) -> nf_data::Result<Box<dyn Dataset>> {
    Ok(transformed(choice, open(choice)?))
}

/// The same with the samples themselves in place of indices within a bound.
pub(crate) fn open_whole(choice: &DatasetChoice, open: &Opener) -> nf_data::Result<Box<dyn Dataset>> {
    Ok(transformed(&DatasetChoice { bound: None, ..choice.clone() }, open(choice)?))
}

/// The dataset with the transform that `choice` asks for.
fn transformed(choice: &DatasetChoice, inner: Box<dyn Dataset>) -> Box<dyn Dataset> {
    let DatasetChoice { first_planes, last_planes, transform, plane, patch_px, .. } = *choice;
    // The suite has checked the text.
    let bound = choice.bound.as_deref().and_then(|text| parse_bound(text).ok());
    let as_it_is = transform == Transform::Stack && bound.is_none();
    if as_it_is && first_planes.is_none() && last_planes.is_none() && plane.is_none() && patch_px.is_none() {
        return inner;
    }
    Box::new(Transformed { inner, first_planes, last_planes, transform, plane, patch_px, bound })
}

impl Dataset for Transformed {
    fn card(&self) -> &Card {
        self.inner.card()
    }

    fn len(&self) -> usize {
        self.inner.len()
    }

    fn name(&self, index: usize) -> String {
        self.inner.name(index)
    }

    fn facts(&self, index: usize) -> nf_data::Result<Facts> {
        self.inner.facts(index)
    }

    fn image(&self, index: usize) -> nf_data::Result<Image16> {
        let wrong = |reason: String| Error::Image { path: self.name(index).into(), reason };
        let mut image = self.inner.image(index)?;
        if let Some(first) = self.first_planes {
            let Shape { planes, height, width } = image.shape();
            image = image.crop(0..first.min(planes), 0..height, 0..width);
        }
        if let Some(last) = self.last_planes {
            let Shape { planes, height, width } = image.shape();
            image = image.crop(planes.saturating_sub(last)..planes, 0..height, 0..width);
        }
        let mut image = apply(self.transform, &image).map_err(wrong)?;
        if let Some(plane) = self.plane {
            let Shape { planes, height, width } = image.shape();
            if plane >= planes {
                return Err(wrong(format!(
                    "it has {planes} planes in this form, number {plane} was asked for"
                )));
            }
            image = image.crop(plane..plane + 1, 0..height, 0..width);
        }
        if let Some(side) = self.patch_px {
            image = patches(&image, side).map_err(wrong)?;
        }
        match &self.bound {
            Some(bound) => {
                Bounded::of(&image, bound, false).and_then(|bounded| bounded.indices()).map_err(wrong)
            }
            None => Ok(image),
        }
    }

    fn oracle(&self, index: usize) -> nf_data::Result<Option<Oracle>> {
        // Only a transform that keeps the whole image and adds nothing keeps its information
        // content.
        let whole = matches!(self.transform, Transform::Stack | Transform::TwoBytes);
        let all = self.first_planes.is_none()
            && self.last_planes.is_none()
            && self.plane.is_none()
            && self.patch_px.is_none()
            && self.bound.is_none();
        if whole && all { self.inner.oracle(index) } else { Ok(None) }
    }
}

/// An image that is to be kept within a bound of whole DN.
pub(crate) struct Bounded {
    /// The image.
    pub(crate) array: Array,
    axis: PlaneAxis,
    /// The bound in DN.
    pub(crate) bound: Bound,
    /// Standard deviation of the noise, DN, where it can be estimated.
    pub(crate) sigma_dn: Option<f64>,
    /// What a bounded container codes of it.
    pub(crate) quantised: Quantised,
}

impl Bounded {
    /// The image within this bound, rounded to whole DN, at least one.
    pub(crate) fn of(image: &Image16, bound: &Bound, dither: bool) -> Result<Self, String> {
        let sigma_dn = SigmaEstimator::ThirdOrder.sigma(image);
        let dn = match bound.unit() {
            Unit::Sigma => bound.value() * sigma_dn.unwrap_or(0.0),
            _ => bound.value(),
        };
        let Shape { planes, height, width } = image.shape();
        let text = |error: nf_bounded::Error| error.to_string();
        let bound = Bound::new(dn.round().max(1.0), Unit::Dn).map_err(text)?;
        let axes = if planes == 1 { vec![height, width] } else { vec![planes, height, width] };
        let array = Array::new(axes, image.samples().to_vec()).map_err(text)?;
        let dither_seed = dither.then_some(DITHER_SEED);
        let options = QuantiseOptions { dither_seed, ..QuantiseOptions::default() };
        let quantised = quantise(&array, &bound, &options).map_err(text)?;
        Ok(Self { array, axis: image.axis(), bound, sigma_dn, quantised })
    }

    /// The bytes of the indices by a lossless codec, which may know their dither.
    pub(crate) fn encode(&self, codec: &dyn Codec) -> Result<Vec<u8>, String> {
        let indices = self.indices()?;
        let coded = match self.quantised.record.dither {
            Some(dither) => {
                let stack = DitheredStack::whole(dither, self.quantised.record.is_rising(), indices.shape());
                codec.encode_dithered((&indices).into(), &stack)
            }
            None => codec.encode(&indices),
        };
        coded.map_err(|error| error.to_string())
    }

    /// The indices, for lossless codecs.
    pub(crate) fn indices(&self) -> Result<Image16, String> {
        match &self.quantised.layers[..] {
            [indices] => Ok(indices.clone().with_axis(self.axis)),
            layers => Err(format!("{} layers of indices, expected one", layers.len())),
        }
    }
}

/// Any one, but always the same.
const DITHER_SEED: u64 = 1;

fn apply(transform: Transform, image: &Image16) -> Result<Image16, String> {
    let shape = image.shape();
    let stack = |planes: usize, samples: Vec<u16>| {
        let shape = Shape::new(planes, shape.height, shape.width);
        Ok(Image16::new(shape, samples).expect("as many samples as the shape holds").with_axis(image.axis()))
    };
    match transform {
        Transform::Stack => Ok(image.clone()),
        Transform::TwoBytes => {
            let high = image.samples().iter().map(|sample| sample >> 8);
            stack(2 * shape.planes, high.chain(image.samples().iter().map(|sample| sample & 0xff)).collect())
        }
        Transform::DifferencesWrapped | Transform::DifferencesCentred => {
            if shape.planes < 2 {
                return Err(format!("{shape} has no second plane to take a difference of"));
            }
            let centre = if transform == Transform::DifferencesCentred { 1 << 15 } else { 0 };
            let (before, after) = (image.samples(), &image.samples()[shape.plane_pixels()..]);
            let difference = |(b, a): (&u16, &u16)| a.wrapping_sub(*b).wrapping_add(centre);
            stack(shape.planes - 1, before.iter().zip(after).map(difference).collect())
        }
    }
}

/// Squares of `side` pixels as planes of a stack, row by row; an axis shorter than that is taken
/// whole, and what does not fill a square at the right and lower edges is left out.
fn patches(image: &Image16, side: usize) -> Result<Image16, String> {
    let Shape { planes, height, width } = image.shape();
    let (tall, wide) = (side.min(height), side.min(width));
    if image.samples().is_empty() {
        return Err("it has no pixels to cut".into());
    }
    let (down, across) = (height / tall, width / wide);
    let mut samples = Vec::with_capacity(planes * down * across * tall * wide);
    for plane in 0..planes {
        for patch in 0..down * across {
            let (y, x) = (patch / across * tall, patch % across * wide);
            (y..y + tall).for_each(|row| samples.extend_from_slice(&image.row(plane, row)[x..x + wide]));
        }
    }
    Ok(Image16::new(Shape::new(planes * down * across, tall, wide), samples).expect("every patch is full"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transforms_keep_the_pixels() {
        let image = Image16::from_fn(Shape::new(3, 4, 6), |p, y, x| (p * 40_000 + y * 10 + x) as u16);
        let bytes = apply(Transform::TwoBytes, &image).unwrap();
        assert_eq!(bytes.shape(), Shape::new(6, 4, 6));
        let joined = |i: usize| bytes.samples()[i] << 8 | bytes.samples()[i + 72];
        assert!((0..72).all(|i| joined(i) == image.samples()[i]));
        for (transform, first) in
            [(Transform::DifferencesWrapped, 40_000u16), (Transform::DifferencesCentred, 7_232)]
        {
            let differences = apply(transform, &image).unwrap();
            assert_eq!((differences.shape().planes, differences.samples()[0]), (2, first));
        }
        let single = image.crop(0..1, 0..4, 0..6);
        assert!(apply(Transform::DifferencesWrapped, &single).is_err());
    }

    #[test]
    fn indices_are_whole_steps_and_few() {
        let image = nf_image::testing::noise(Shape::new(2, 40, 60), 3000.0, 12.0, 6);
        for (text, step) in [("2dn", 5.0), ("0.5sigma", 13.0)] {
            let indices = Bounded::of(&image, &parse_bound(text).unwrap(), false).unwrap().indices().unwrap();
            assert_eq!(indices.shape(), image.shape());
            let pairs = || image.samples().iter().zip(indices.samples());
            let origin = pairs().find(|(_, index)| **index == 1).map(|(&x, _)| f64::from(x)).unwrap();
            assert!(pairs().all(|(&x, &index)| {
                (f64::from(x) - origin - (f64::from(index) - 1.0) * step).abs() < step
            }));
        }
        assert!(parse_bound("1e-3rel").is_err() && parse_bound("2").is_ok());
        let few = Image16::from_fn(Shape::frame(4, 5), |_, y, x| (y * x) as u16);
        assert!(Bounded::of(&few, &parse_bound("50dn").unwrap(), false).is_err());
    }

    #[test]
    fn patches_are_squares_row_by_row() {
        let image = Image16::from_fn(Shape::frame(5, 7), |_, y, x| (10 * y + x) as u16);
        let cut = patches(&image, 2).unwrap();
        assert_eq!(cut.shape(), Shape::new(6, 2, 2));
        assert_eq!(cut.plane(4), [22, 23, 32, 33]);
        assert_eq!(patches(&image, 6).unwrap().shape(), Shape::new(1, 5, 6));
    }
}
