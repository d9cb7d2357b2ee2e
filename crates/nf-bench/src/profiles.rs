//! Profiles of detectors, built from frames that are not measured: `profiles.csv` of a run has a
//! row for every dataset that asks for one, and its maps lie beside it as pictures.

use crate::candidates::Candidate;
use crate::errors::{append, read};
use crate::measure::CodecFacts;
use crate::suite::DatasetChoice;
use crate::transforms::{Opener, open_transformed};
use crate::{Error, Result};
use nf_codec::{Registry, Spec};
use nf_image::{Image16, Shape};
use nf_profile::build::Builder;
use nf_profile::{Profile, legal_name, library};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use nf_profile::knows_profiles;

/// The file of a run.
pub const FILE: &str = "profiles.csv";
/// What codes the maps of profiles.
const MAP_CODEC: &str = "floor:level=high";
/// Longer side of the picture of a map, pixels, and most pictures of a profile.
const PICTURE_PX: usize = 400;
const PICTURES: usize = 3;

/// The profile of a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileRow {
    /// The dataset, as the suite names it.
    pub dataset: String,
    /// Its split.
    pub split: String,
    /// Name and key, as specs of codecs have them.
    pub profile: String,
    /// Stacks that it was built from.
    pub frames: u32,
    /// Its maps.
    pub maps: usize,
    /// Size of its file.
    pub bytes: u64,
}

/// The profile of a dataset from the frames that its choice names.
///
/// # Errors
/// If they cannot be read, or share nothing; in words.
fn build(
    choice: &DatasetChoice,
    open: &Opener<'_>,
    registry: &Registry,
) -> std::result::Result<Profile, String> {
    let mut builder = Builder::default();
    for source in &choice.profile {
        let images = open_transformed(source, open).map_err(|error| error.to_string())?;
        for index in 0..source.count(images.len()) {
            let image = images.image(index).map_err(|error| error.to_string())?;
            for exposure in exposures(&image, source.exposure_planes) {
                builder.add("", &source.name, [0, 0], &exposure);
            }
        }
    }
    let codec =
        MAP_CODEC.parse().and_then(|spec| registry.build(&spec)).map_err(|error| error.to_string())?;
    let (profile, _) =
        builder.finish(&legal_name(&choice.name), vec![], &*codec).map_err(|error| error.to_string())?;
    match profile.maps().is_empty() && profile.starts().is_empty() {
        true => Err("the frames of its profile share nothing".to_owned()),
        false => Ok(profile),
    }
}

/// The exposures of so many planes that a stack is made of.
fn exposures(image: &Image16, planes: Option<usize>) -> Vec<Image16> {
    let Shape { planes: all, height, width } = image.shape();
    let planes = planes.unwrap_or(all).max(1);
    let cut = |first: usize| image.crop(first..(first + planes).min(all), 0..height, 0..width);
    (0..all).step_by(planes).map(cut).collect()
}

/// The codecs that know profiles once more with the profile of a dataset; what it is, and pictures
/// of its maps, are written to the folder of the run. None if the dataset asks for none.
///
/// # Errors
/// If the folder cannot be written; the inner one says why there is no profile.
pub(crate) fn candidates(
    (dataset, choice): (usize, &DatasetChoice),
    codecs: &[Candidate],
    open: &Opener<'_>,
    registry: &Registry,
    folder: &Path,
) -> Result<std::result::Result<Vec<Candidate>, String>> {
    if choice.profile.is_empty() {
        return Ok(Ok(vec![]));
    }
    let profile = match build(choice, open, registry) {
        Ok(profile) => Arc::new(profile),
        Err(reason) => return Ok(Err(reason)),
    };
    let row = ProfileRow {
        dataset: choice.name.clone(),
        split: choice.split.clone(),
        profile: profile.id().to_string(),
        frames: profile.frames(),
        maps: profile.maps().len(),
        bytes: profile.bytes().len() as u64,
    };
    if !of_run(folder)?.contains(&row) {
        append(&folder.join(FILE), &row)?;
    }
    for (number, map) in profile.maps().iter().enumerate().take(PICTURES) {
        let picture = map.picture().and_then(|image| nf_data::preview_png(&image, 0, PICTURE_PX));
        if let Some(png) = picture {
            let path = picture_path(folder, &row, number);
            fs::write(&path, png).map_err(Error::io(&path))?;
        }
    }
    library::add(profile);
    let known = codecs.iter().filter(|codec| codec.of_dataset.is_none() && knows_profiles(&codec.spec));
    let with = known.map(|codec| {
        let spec = with_profile(&codec.spec, &row);
        Candidate {
            label: spec.to_string(),
            facts: facts_with(codec, &row),
            spec,
            external: false,
            is_of_arrays: false,
            of_dataset: Some(dataset),
        }
    });
    Ok(Ok(with.collect()))
}

/// A codec with the profile of a dataset, as rows name it.
pub fn with_profile(codec: &Spec, row: &ProfileRow) -> Spec {
    codec.clone().set("profile", &row.profile)
}

/// What is known of a codec with the profile of a dataset, whose bytes are those of a model.
fn facts_with(codec: &Candidate, row: &ProfileRow) -> Option<CodecFacts> {
    codec.facts.clone().map(|facts| CodecFacts { weights_bytes: row.bytes, ..facts })
}

/// What is known of the codecs with profiles of a run that is only read.
pub(crate) fn facts(folder: &Path, codecs: &[Candidate]) -> Result<Vec<(String, CodecFacts)>> {
    let rows = of_run(folder)?;
    let known = codecs.iter().filter(|codec| knows_profiles(&codec.spec));
    let with = known.flat_map(|codec| {
        let label = |row: &ProfileRow| with_profile(&codec.spec, row).to_string();
        rows.iter().filter_map(move |row| Some((label(row), facts_with(codec, row)?)))
    });
    Ok(with.collect())
}

/// The profiles of a run; none if its suite asks for none.
///
/// # Errors
/// If the file cannot be read, or a line is not a row.
pub fn of_run(folder: &Path) -> Result<Vec<ProfileRow>> {
    read(&folder.join(FILE))
}

/// Where the picture of a map lies, if there is one.
pub fn picture_path(folder: &Path, row: &ProfileRow, map: usize) -> PathBuf {
    let name = row.profile.split('.').next().unwrap_or_default();
    folder.join(format!("profile-{name}-map{map}.png"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_are_cut_into_exposures() {
        let image = Image16::from_fn(Shape::new(5, 1, 2), |plane, _, _| plane as u16);
        let planes = |count| -> Vec<usize> {
            exposures(&image, count).iter().map(|exposure| exposure.shape().planes).collect()
        };
        assert_eq!((planes(None), planes(Some(2)), planes(Some(9))), (vec![5], vec![2, 2, 1], vec![5]));
    }
}
