//! The TOML file that states a comparison: a question, datasets, codecs, and how the answer reads.

use crate::measurement::ORACLE;
use crate::{Error, Result};
use nf_bounded::{Bound, Unit};
use nf_codec::Spec;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A comparison as data; prints to and parses from one TOML file, in which unknown keys are
/// refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// Short name: part of the run's folder, and of the markers in spliced documents.
    pub name: String,
    /// What one wants to know.
    pub question: String,
    /// How to read the answer, and what it does not say.
    #[serde(default)]
    pub analysis: String,
    /// Specs of the codecs, such as `jpegxl:effort=9`.
    pub codecs: Vec<String>,
    /// Models that say what images would cost and write no stream, such as
    /// `vdm:checkpoint=NAME,steps=4`; their rows are kept apart from sizes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub estimates: Vec<String>,
    /// Timed runs of each direction after the verifying pass; medians are reported.
    #[serde(default = "default_repeats")]
    pub repeats: u32,
    /// No further timed run begins when a codec has spent this long on an image.
    #[serde(default = "default_timing_budget_s")]
    pub timing_budget_s: u32,
    /// Whether every codec is also timed with all cores at its disposal.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all_threads: bool,
    /// Whether sizes may be pooled over datasets; not where these hold the same images in several
    /// forms.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub pooled: bool,
    /// What the report works out beyond the tables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub analyses: Vec<Analysis>,
    /// The datasets, in order.
    #[serde(rename = "dataset")]
    pub datasets: Vec<DatasetChoice>,
    /// Programs that join as codecs, by the name that `codecs` gives them: they never run unless
    /// the user allows it. What the tables mean is defined by whoever adds them to the registry.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub external: toml::Table,
}

/// A dataset, and which part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetChoice {
    /// Its name in rows, tables and the ledger. Another selection of pixels is another name.
    pub name: String,
    /// `NAME[/VIEW]`: a dataset known by name and a view of it, or a manifest, folder or file.
    pub data: String,
    /// Which split of it.
    #[serde(default = "default_split")]
    pub split: String,
    /// At most this many images, from the first on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_images: Option<usize>,
    /// Only the last so many planes of every image, or as many as it has, before the transform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_planes: Option<usize>,
    /// How the planes of an image are rearranged for the codecs.
    #[serde(rename = "form", default, skip_serializing_if = "Transform::is_stack")]
    pub transform: Transform,
    /// Only the first so many planes of every image, or as many as it has, before the transform:
    /// what one plane more costs, given those before, is the difference of two sizes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_planes: Option<usize>,
    /// Only this plane of every transformed image, from zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plane: Option<usize>,
    /// Squares of this side, pixels, as planes of their own: codecs that code planes independently
    /// use nothing beyond a square.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch_px: Option<usize>,
    /// The indices of the samples within this bound instead of the samples: `2dn`, or `0.5sigma` of
    /// the image's noise (3rd-order MAD), rounded to whole DN, at least one. Codecs are then
    /// compared at one largest error; those with a loss of their own get the samples and the bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<String>,
    /// In a profile: the planes of one exposure, where a stack has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure_planes: Option<usize>,
    /// The frames that a profile of the detector is built from, of earlier dates than those that
    /// are measured: every codec that knows profiles is measured with it as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profile: Vec<DatasetChoice>,
}

impl DatasetChoice {
    /// How many of so many images are taken.
    pub(crate) fn count(&self, images: usize) -> usize {
        images.min(self.max_images.unwrap_or(usize::MAX))
    }
}

/// How the planes of an image are rearranged for the codecs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transform {
    /// As they are, as one stack.
    #[default]
    Stack,
    /// Every plane minus the one before, modulo 2^16.
    DifferencesWrapped,
    /// The same plus 32768, so that small differences of either sign are neighbours.
    DifferencesCentred,
    /// The upper bytes of all planes as planes, then the lower bytes.
    TwoBytes,
}

impl Transform {
    /// Whether it leaves images as they are.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out a reference")]
    fn is_stack(&self) -> bool {
        *self == Self::Stack
    }
}

/// What a report works out beyond the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Analysis {
    /// Bits per pixel against the noise of every image.
    Noise,
    /// Bits per pixel against the number of the plane, and what a series costs in every form.
    Planes,
    /// Bits per pixel against a numeric option of a codec.
    Options,
    /// Speeds with one thread and with all, memory, and what models cost.
    Runtime,
    /// What bounds do to samples, and to photometry on a simulated sky.
    Errors,
    /// What profiles of detectors take off, and after how many frames they pay.
    Profiles,
}

/// A bound that indices can be made of.
///
/// # Errors
/// If the text is no bound, or one relative to a range.
pub(crate) fn parse_bound(text: &str) -> std::result::Result<Bound, String> {
    let bound: Bound = text.parse().map_err(|error: nf_bounded::Error| error.to_string())?;
    match bound.unit() {
        Unit::Dn | Unit::Sigma => Ok(bound),
        Unit::Range | Unit::Exact => Err(format!("{bound}, expected one in dn or sigma")),
    }
}

/// Specs of a checked suite.
fn parsed(texts: &[String]) -> Vec<Spec> {
    let specs = texts.iter().map(|text| text.parse());
    specs.collect::<Result<_, _>>().expect("checked when the suite was made")
}

fn yes() -> bool {
    true
}

fn default_repeats() -> u32 {
    3
}

fn default_timing_budget_s() -> u32 {
    10
}

fn default_split() -> String {
    "all".to_owned()
}

impl Suite {
    /// The suite that needs neither files nor network: simulated frames, a few seconds per codec.
    pub fn quick() -> Self {
        const TEXT: &str = include_str!("../../../configs/suites/quick.toml");
        Self::parse("configs/suites/quick.toml", TEXT).expect("a test parses the embedded suite")
    }

    /// The codecs of the suite `real-full` over one dataset: `data` is its reference (a name with a
    /// view, a manifest, a folder, a file), `split` one of its splits; `name` stands in rows and
    /// tables.
    pub fn of_data(name: &str, data: &str, split: &str) -> Self {
        const TEXT: &str = include_str!("../../../configs/suites/real-full.toml");
        let full =
            Self::parse("configs/suites/real-full.toml", TEXT).expect("a test parses the embedded suite");
        let choice = DatasetChoice {
            name: name.to_owned(),
            data: data.to_owned(),
            split: split.to_owned(),
            ..DatasetChoice::default()
        };
        let word = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
        let suite: String = name.chars().map(word).collect();
        let suite = suite.trim_matches(['.', '-']);
        Self {
            name: if suite.is_empty() { "data".to_owned() } else { suite.to_owned() },
            question: format!("Which codec is smallest on the frames of {name}?"),
            analysis: String::new(),
            datasets: vec![choice],
            ..full
        }
    }

    /// The suite in a file.
    ///
    /// # Errors
    /// If it cannot be read, or is not a legal suite.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(Error::io(path))?;
        Self::parse(&path.display().to_string(), &text)
    }

    /// The same with every program of `external` among the codecs, so that a pasted table is enough
    /// to measure one.
    pub fn with_external_codecs(mut self) -> Self {
        let is_listed =
            |name: &str, codecs: &[String]| codecs.iter().any(|spec| spec.split(':').next() == Some(name));
        for name in self.external.keys() {
            if !is_listed(name, &self.codecs) {
                self.codecs.push(name.clone());
            }
        }
        self
    }

    /// The same with the tables `external` of another file.
    ///
    /// # Errors
    /// If it is not TOML, or has something else than such tables.
    pub fn with_external(mut self, file: &str, text: &str) -> Result<Self> {
        let wrong = |reason: String| Error::Suite { file: file.to_owned(), reason };
        let mut table: toml::Table =
            text.parse().map_err(|error: toml::de::Error| wrong(error.to_string()))?;
        match (table.remove("external"), table.is_empty()) {
            (Some(toml::Value::Table(programs)), true) => self.external.extend(programs),
            _ => return Err(wrong("expected tables [external.NAME] and nothing else".to_owned())),
        }
        self.check().map_err(wrong)?;
        Ok(self)
    }

    /// The suite in `text`; `file` names it in errors.
    ///
    /// # Errors
    /// If it is not TOML, has unknown or missing keys, or contradicts itself.
    pub fn parse(file: &str, text: &str) -> Result<Self> {
        let wrong = |reason: String| Error::Suite { file: file.to_owned(), reason };
        let suite: Self = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        suite.check().map_err(wrong)?;
        Ok(suite)
    }

    /// The text from which [`Suite::parse`] makes an equal one.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("texts, numbers and lists of them print as TOML")
    }

    /// The tables of `external` as a TOML text.
    pub fn external_toml(&self) -> String {
        toml::to_string(&self.external).expect("what was read from TOML prints as TOML")
    }

    /// The specs of `codecs`, parsed.
    pub(crate) fn specs(&self) -> Vec<Spec> {
        parsed(&self.codecs)
    }

    /// The specs of `estimates`, parsed.
    pub(crate) fn estimate_specs(&self) -> Vec<Spec> {
        parsed(&self.estimates)
    }

    /// Refuses what cannot be run, naming the field.
    ///
    /// # Errors
    /// The field at fault, and what was expected.
    pub fn check(&self) -> Result<(), String> {
        let word =
            |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        if !word(&self.name) || self.name.starts_with('.') {
            return Err(format!("name: '{}', expected letters, digits, '-', '_' and '.'", self.name));
        }
        if self.datasets.is_empty() {
            return Err("dataset: there is none, expected at least one [[dataset]]".to_owned());
        }
        if self.codecs.is_empty() {
            return Err("codecs: there is none, expected at least one spec".to_owned());
        }
        let mut names = BTreeSet::new();
        for (i, dataset) in self.datasets.iter().enumerate() {
            if dataset.name.trim().is_empty() || dataset.name.contains(char::is_control) {
                return Err(format!("dataset[{i}].name: '{}', expected a name", dataset.name.escape_debug()));
            }
            if !names.insert((&dataset.name, &dataset.split)) {
                return Err(format!("dataset[{i}].name: '{}' is there twice for one split", dataset.name));
            }
            if dataset.max_images == Some(0) {
                return Err(format!("dataset[{i}].max_images: 0 leaves nothing"));
            }
            if dataset.first_planes == Some(0) || dataset.last_planes == Some(0) {
                return Err(format!("dataset[{i}].first_planes or last_planes: 0 leaves nothing"));
            }
            if let Some(n) = dataset.profile.iter().position(|source| !source.profile.is_empty()) {
                return Err(format!("dataset[{i}].profile[{n}].profile: a profile is built from frames"));
            }
            if dataset.exposure_planes == Some(0)
                || dataset.profile.iter().any(|source| source.exposure_planes == Some(0))
            {
                return Err(format!("dataset[{i}].exposure_planes: 0, expected at least one"));
            }
            if let Some(bound) = &dataset.bound {
                parse_bound(bound).map_err(|reason| format!("dataset[{i}].bound: {reason}"))?;
            }
            if dataset.patch_px == Some(0) {
                return Err(format!("dataset[{i}].patch_px: 0, expected a side of at least one pixel"));
            }
        }
        for (i, text) in self.codecs.iter().enumerate() {
            let spec: Spec = text.parse().map_err(|error| format!("codecs[{i}]: {error}"))?;
            if spec.name() == ORACLE {
                return Err(format!("codecs[{i}]: '{ORACLE}' is printed by itself, it is no codec"));
            }
        }
        let mut estimates = BTreeSet::new();
        for (i, text) in self.estimates.iter().enumerate() {
            let spec: Spec = text.parse().map_err(|error| format!("estimates[{i}]: {error}"))?;
            if !estimates.insert(spec.to_string()) {
                return Err(format!("estimates[{i}]: '{spec}' is there twice"));
            }
        }
        for (name, external) in &self.external {
            if name == ORACLE || !external.is_table() {
                return Err(format!("external.{name}: expected a table that describes a program"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
