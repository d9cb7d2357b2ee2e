//! Which images an experiment learns from, and how many may be in memory.

use serde::{Deserialize, Serialize};

/// The frames to learn from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataChoice {
    /// Datasets; all with weights, or none.
    pub train: Vec<SetChoice>,
    /// Images of `train` whose names begin with one of these are never trained on; they validate.
    #[serde(default)]
    pub hold_out: Vec<String>,
    /// Further datasets that validate.
    #[serde(default)]
    pub validation: Vec<String>,
    /// At most so many images are trained on, the first ones of what is left after holding out; of
    /// every dataset, where these have weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_images: Option<usize>,
    /// Images that may be in memory, 10^6 bytes. Of datasets that take more, a window is.
    #[serde(default = "memory_mb", skip_serializing_if = "is_usual_memory")]
    pub memory_mb: u64,
    /// How many tiles are drawn from an image, on average, each time that it passes through such a
    /// window.
    #[serde(default = "draws_per_image", skip_serializing_if = "are_usual_draws")]
    pub draws_per_image: u32,
}

/// A dataset to train on: `NAME[/VIEW][@SPLIT]`, a manifest, a folder, a file or a tile store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected datasets, as texts or as { set = \"NAME\", weight = 1.0 }")]
pub enum SetChoice {
    /// Its images are as likely as those of the others.
    Plain(String),
    /// A share of all tiles comes from it.
    Weighted(WeightedSet),
}

/// A dataset and how much of a step comes from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightedSet {
    /// The dataset.
    pub set: String,
    /// Its weight: the share of its tiles is this over the sum of all weights.
    pub weight: f64,
}

impl SetChoice {
    /// How the dataset is asked for.
    pub fn reference(&self) -> &str {
        match self {
            Self::Plain(set) | Self::Weighted(WeightedSet { set, .. }) => set,
        }
    }

    /// Its weight, if it has one.
    pub fn weight(&self) -> Option<f64> {
        match self {
            Self::Plain(_) => None,
            Self::Weighted(set) => Some(set.weight),
        }
    }
}

impl DataChoice {
    /// How the datasets are asked for.
    pub(crate) fn references(&self) -> Vec<&str> {
        self.train.iter().map(SetChoice::reference).collect()
    }

    pub(crate) fn memory_bytes(&self) -> u64 {
        self.memory_mb * 1_000_000
    }

    /// Refuses what cannot be read, naming the setting.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.train.is_empty() {
            return Err("data.train: there is none, expected at least one dataset".to_owned());
        }
        let weights: Vec<f64> = self.train.iter().filter_map(SetChoice::weight).collect();
        if !weights.is_empty() && weights.len() != self.train.len() {
            return Err("data.train: expected a weight for every dataset, or for none".to_owned());
        }
        if weights.iter().any(|weight| !(1e-6..=1e6).contains(weight)) {
            return Err("data.train: expected weights of 1e-6 to 1e6".to_owned());
        }
        if self.hold_out.is_empty() && self.validation.is_empty() {
            return Err("data: name images to validate on, by hold_out or validation".to_owned());
        }
        if self.max_images == Some(0) {
            return Err("data.max_images: 0 leaves nothing to train on".to_owned());
        }
        if self.hold_out.iter().any(String::is_empty) {
            return Err("data.hold_out: an empty text would hold out every image".to_owned());
        }
        // More than 2^40 bytes is no memory, and would not be counted right in bytes of 64 bits.
        if !(1..=1 << 20).contains(&self.memory_mb) {
            return Err(format!("data.memory_mb: {}, expected 1 to 1048576", self.memory_mb));
        }
        if self.draws_per_image == 0 {
            return Err("data.draws_per_image: expected at least 1".to_owned());
        }
        Ok(())
    }
}

fn memory_mb() -> u64 {
    800
}

fn is_usual_memory(value: &u64) -> bool {
    *value == memory_mb()
}

fn draws_per_image() -> u32 {
    64
}

fn are_usual_draws(value: &u32) -> bool {
    *value == draws_per_image()
}
