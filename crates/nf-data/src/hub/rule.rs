//! From the name of a benchmark experiment to the images of a file.
//!
//! The rules are those of the benchmark's own loader (AstroCompress, `utils/data_loader.py`). Where
//! it takes single planes, a second rule takes the stack they come from.

use super::lris;
use nf_fits::{FitsFile, ImageHdu};
use nf_image::{Image16, PlaneAxis, Shape};
use serde::Deserialize;

/// Which images of a file an experiment takes.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The primary HDU.
    Primary,
    /// The first image HDU whole, all its planes as one stack.
    Whole,
    /// A Keck LRIS file, its amplifiers pasted.
    Keck,
    /// HDUs 1 and 4, the two chips of HST ACS/WFC, each an image.
    HstChips,
    /// HDU SCI, first integration, first group.
    JwstFirstGroup,
    /// HDU SCI, first integration, all groups as one stack.
    JwstRamp,
    /// HDU SCI, first integration: every group minus the one before, modulo 2^16, each an image.
    JwstResiduals,
    /// The same differences with 32768 added, so that small ones of either sign are neighbours.
    JwstResidualsCentred,
    /// First epoch, band r.
    SdssR,
    /// First epoch, bands g, r, i as one stack.
    SdssGri,
    /// First three epochs in band r as one stack; cubes of fewer are left out.
    SdssThreeEpochs,
    /// First epoch, all bands as one stack.
    SdssBands,
    /// All epochs in band r as one stack.
    SdssEpochs,
}

/// Bands of an SDSS cube, in order u, g, r, i, z.
const BANDS: usize = 5;
const R: usize = 2;
/// Groups of a ramp; more in a list are a mistake.
const MOST_GROUPS: usize = 4096;

impl Rule {
    /// How many images a file gives, and the endings of their names. `planes` is the number of
    /// groups of a ramp or epochs of a cube, where the split's list states it.
    pub(super) fn endings(self, planes: Option<usize>) -> Result<Vec<String>, String> {
        let one = || Ok(vec![String::new()]);
        match self {
            Self::HstChips => Ok(vec![".0".into(), ".1".into()]),
            Self::JwstResiduals | Self::JwstResidualsCentred => {
                let groups = planes.ok_or("the list does not state its number of groups (ntimes)")?;
                if groups > MOST_GROUPS {
                    return Err(format!("the list states {groups} groups, at most {MOST_GROUPS} are read"));
                }
                Ok((1..groups).map(|group| format!(".r{group}")).collect())
            }
            Self::SdssThreeEpochs => match planes {
                Some(epochs) if epochs < 3 => Ok(vec![]),
                _ => one(),
            },
            _ => one(),
        }
    }

    /// The `item`-th image of a file.
    pub(super) fn read(self, file: &FitsFile, item: usize) -> Result<Image16, String> {
        let words = |error: nf_fits::Error| error.to_string();
        match self {
            Self::Primary => file.image(0).and_then(|hdu| hdu.read()).map_err(words),
            Self::Whole => {
                let hdu = file.image_hdus().find(|hdu| hdu.pixels() > 0).ok_or("holds no image")?;
                hdu.read().map_err(words)
            }
            Self::Keck => lris::paste(file),
            Self::HstChips => file.image([1, 4][item]).and_then(|hdu| hdu.read()).map_err(words),
            Self::JwstFirstGroup => ramp(file)?.0.read_planes(0..1).map_err(words),
            Self::JwstRamp => {
                let (hdu, groups) = ramp(file)?;
                Ok(hdu.read_planes(0..groups).map_err(words)?.with_axis(PlaneAxis::Group))
            }
            Self::JwstResiduals => residual(file, item, 0),
            Self::JwstResidualsCentred => residual(file, item, 1 << 15),
            Self::SdssR => cube(file)?.0.read_planes(R..R + 1).map_err(words),
            Self::SdssGri => {
                Ok(cube(file)?.0.read_planes(1..4).map_err(words)?.with_axis(PlaneAxis::Wavelength))
            }
            Self::SdssBands => {
                Ok(cube(file)?.0.read_planes(0..BANDS).map_err(words)?.with_axis(PlaneAxis::Wavelength))
            }
            Self::SdssThreeEpochs => epochs(file, Some(3)),
            Self::SdssEpochs => epochs(file, None),
        }
    }
}

/// The image HDU named SCI and the number of groups of its first integration.
fn ramp(file: &FitsFile) -> Result<(ImageHdu<'_>, usize), String> {
    let named = |hdu: &ImageHdu<'_>| hdu.hdu().name().is_some_and(|name| name.eq_ignore_ascii_case("SCI"));
    let hdu = file.image_hdus().find(named).ok_or("has no image HDU named SCI")?;
    match hdu.axes() {
        [_, _, groups] | [_, _, groups, _] if *groups > 0 => Ok((hdu, *groups)),
        axes => Err(format!("SCI has axes {axes:?}, expected x, y, groups and integrations")),
    }
}

fn residual(file: &FitsFile, item: usize, centre: u16) -> Result<Image16, String> {
    let (hdu, groups) = ramp(file)?;
    if item + 2 > groups {
        return Err(format!("has {groups} groups, the list states more"));
    }
    let pair = hdu.read_planes(item..item + 2).map_err(|error| error.to_string())?;
    let Shape { height, width, .. } = pair.shape();
    let difference = |(before, after): (&u16, &u16)| after.wrapping_sub(*before).wrapping_add(centre);
    let samples = pair.plane(0).iter().zip(pair.plane(1)).map(difference).collect();
    Image16::new(Shape::frame(height, width), samples).map_err(|error| error.to_string())
}

/// The cube of bands and epochs, with the number of epochs.
fn cube(file: &FitsFile) -> Result<(ImageHdu<'_>, usize), String> {
    let hdu = file.image_hdus().find(|hdu| hdu.pixels() > 0).ok_or("holds no image")?;
    match hdu.axes() {
        [_, _, BANDS] => Ok((hdu, 1)),
        [_, _, BANDS, epochs] if *epochs > 0 => Ok((hdu, *epochs)),
        axes => Err(format!("has axes {axes:?}, expected x, y, {BANDS} bands and epochs")),
    }
}

fn epochs(file: &FitsFile, wanted: Option<usize>) -> Result<Image16, String> {
    let (hdu, epochs) = cube(file)?;
    let wanted = wanted.unwrap_or(epochs);
    if epochs < wanted {
        return Err(format!("has {epochs} epochs, {wanted} are needed"));
    }
    let mut samples = vec![];
    let mut plane = Shape::frame(0, 0);
    for epoch in 0..wanted {
        let at = epoch * BANDS + R;
        let image = hdu.read_planes(at..at + 1).map_err(|error| error.to_string())?;
        plane = image.shape();
        samples.extend_from_slice(image.samples());
    }
    let shape = Shape::new(wanted, plane.height, plane.width);
    Ok(Image16::new(shape, samples).map_err(|error| error.to_string())?.with_axis(PlaneAxis::Time))
}
