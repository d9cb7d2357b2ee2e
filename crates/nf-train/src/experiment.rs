//! Everything that decides the numbers of a training run, as one TOML file.

use crate::data_choice::DataChoice;
use crate::optimiser::{Optimiser, Schedule};
use crate::overrides::{assign, merge};
use crate::{DeviceClass, Error, Result, Stop};
use nf_image::Digest;
use nf_models::NetConfig;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;
use toml::{Table, Value};

/// A training run before it is run. Prints to and parses from TOML; unknown keys are refused.
///
/// The file may name a preset of a net (`net.preset = "pixelcnnpp/small"`) and settings that differ
/// from it, and another file of its folder (`extends = "pixelcnnpp-tiny-sim.toml"`) whose settings
/// hold where it has none; the resolved experiment spells everything out and is itself a legal
/// file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Short name, the file's name without `.toml`.
    pub name: String,
    /// Seed of the weights and of every draw.
    pub seed: u64,
    /// On what class of device; weights are the same only on the same one.
    #[serde(default)]
    pub device: DeviceClass,
    /// Where `device` was `auto`: why no faster class was chosen. No number depends on it.
    #[serde(skip)]
    pub skipped_devices: Vec<String>,
    /// The trained network that is trained on, if it is not a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Ancestor>,
    /// The frames.
    pub data: DataChoice,
    /// What is cut out of them.
    pub tiles: TileChoice,
    /// How weights follow gradients.
    pub optimiser: Optimiser,
    /// How fast.
    pub schedule: Schedule,
    /// How the result is judged on the way.
    pub validation: ValidationChoice,
    /// When it ends.
    pub stop: Stop,
    /// The net.
    pub net: NetConfig,
}

/// The trained network that a run begins with, instead of a new one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ancestor {
    /// Name of the folder of its checkpoint.
    pub checkpoint: String,
    /// BLAKE3 of its weights, hexadecimal, as its card states.
    pub weights_blake3: String,
}

/// Tiles and how they are drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TileChoice {
    /// Successive planes of a stack that make one tile.
    #[serde(default = "one")]
    pub planes: usize,
    /// Rows.
    pub height_px: usize,
    /// Columns.
    pub width_px: usize,
    /// Tiles in a step.
    pub batch: usize,
    /// Parts of a step that are computed at the same time, on a thread each. Weights depend on it
    /// (sums are rounded in another order), but not on the threads that there are.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub parts: usize,
    /// Which mirror images are drawn as often as the original.
    #[serde(default)]
    pub flips: Flips,
    /// What is equally likely.
    #[serde(default)]
    pub draw: Draw,
}

fn one() -> usize {
    1
}

fn is_one(number: &usize) -> bool {
    *number == 1
}

/// Mirror images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flips {
    /// None.
    #[default]
    None,
    /// Left and right.
    Horizontal,
    /// Left and right, up and down, each by itself.
    Both,
}

/// What is equally likely in a draw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Draw {
    /// Every image, whatever its size.
    #[default]
    Images,
    /// Every pixel: larger images more often.
    Pixels,
}

/// Validation: fixed tiles of images that are never trained on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidationChoice {
    /// Steps between validations.
    pub every_steps: u64,
    /// Tiles of every image, at places drawn once.
    pub tiles_per_image: usize,
    /// At most so many images validate, the first ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_images: Option<usize>,
    /// Rows of a tile, if not those of the training tiles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height_px: Option<usize>,
    /// Columns of a tile, if not those of the training tiles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width_px: Option<usize>,
}

impl Experiment {
    /// The experiment in a file, with assignments `key=value` laid over it.
    ///
    /// # Errors
    /// If the file cannot be read, or is not a legal experiment with them.
    pub fn read(path: &Path, assignments: &[String]) -> Result<Self> {
        let mut table = read_table(path)?;
        if let Some(base) = table.remove("extends") {
            table = extended(path, &base, table)?;
        }
        Self::resolve(&path.display().to_string(), table, assignments)
    }

    /// The experiment in a text; `file` names it in errors.
    ///
    /// # Errors
    /// [`Error::Experiment`], naming the setting.
    pub fn parse(file: &str, text: &str, assignments: &[String]) -> Result<Self> {
        Self::resolve(file, parse_table(file, text)?, assignments)
    }

    fn resolve(file: &str, mut table: Table, assignments: &[String]) -> Result<Self> {
        let wrong = |reason: String| Error::experiment(file, reason);
        for assignment in assignments {
            assign(&mut table, assignment).map_err(wrong)?;
        }
        resolve_preset(&mut table).map_err(wrong)?;
        let mut experiment: Self = Value::Table(table)
            .try_into()
            .map_err(|error: toml::de::Error| wrong(one_line(&error.to_string())))?;
        (experiment.device, experiment.skipped_devices) = experiment.device.resolved();
        experiment.check().map_err(wrong)?;
        Ok(experiment)
    }

    /// The text from which [`Experiment::parse`] makes an equal one, with every default spelled
    /// out.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("texts, numbers and tables of them print as TOML")
    }

    /// Its name and the first eight digits of the BLAKE3 of [`Experiment::to_toml`].
    pub fn id(&self) -> String {
        format!("{}-{}", self.name, Digest::of_bytes(self.to_toml().as_bytes()).short())
    }

    /// Refuses what cannot be run, naming the setting.
    ///
    /// # Errors
    /// The setting at fault, and what was expected.
    pub fn check(&self) -> Result<(), String> {
        let word = |s: &str| {
            !s.is_empty()
                && !s.starts_with('.')
                && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        if !word(&self.name) {
            return Err(format!(
                "name: '{}', expected letters, digits, '-', '_' and '.'",
                self.name.escape_debug()
            ));
        }
        if self.seed > i64::MAX as u64 {
            return Err("seed: expected below 2^63".to_owned());
        }
        if let Some(Ancestor { checkpoint, weights_blake3 }) = &self.from {
            if !word(checkpoint) {
                return Err("from.checkpoint: expected the name of a folder in checkpoints".to_owned());
            }
            if weights_blake3.parse::<Digest>().is_err() {
                return Err("from.weights_blake3: expected 64 hexadecimal digits, as in its card".to_owned());
            }
        }
        self.data.check()?;
        if self.validation.max_images == Some(0) {
            return Err("validation.max_images: 0 leaves nothing to validate on".to_owned());
        }
        let (height_px, width_px) = self.validation_tile_px();
        for (name, value) in [
            ("tiles.planes", self.tiles.planes),
            ("tiles.height_px", self.tiles.height_px),
            ("tiles.width_px", self.tiles.width_px),
            ("tiles.batch", self.tiles.batch),
            ("validation.tiles_per_image", self.validation.tiles_per_image),
            ("validation.height_px", height_px),
            ("validation.width_px", width_px),
        ] {
            // A tile of 2^14 on a side is 2^28 samples; more is a mistake in the file.
            if !(1..=1 << 14).contains(&value) {
                return Err(format!("{name}: {value}, expected 1 to 16384"));
            }
        }
        if !(1..=self.tiles.batch).contains(&self.tiles.parts) {
            return Err(format!(
                "tiles.parts: {}, expected 1 to {}, the tiles of a step",
                self.tiles.parts, self.tiles.batch
            ));
        }
        if self.validation.every_steps == 0 {
            return Err("validation.every_steps: expected at least 1".to_owned());
        }
        if self.stop.steps.is_none() && self.stop.minutes.is_none() {
            return Err("stop: name steps or minutes".to_owned());
        }
        if self.stop.steps == Some(0)
            || self.stop.minutes.is_some_and(|minutes| minutes.is_nan() || minutes <= 0.0)
        {
            return Err("stop: expected more than 0 steps and minutes".to_owned());
        }
        self.optimiser.check()?;
        self.schedule.check()
    }

    /// Rows and columns of a validation tile.
    pub(crate) fn validation_tile_px(&self) -> (usize, usize) {
        let chosen = &self.validation;
        (chosen.height_px.unwrap_or(self.tiles.height_px), chosen.width_px.unwrap_or(self.tiles.width_px))
    }
}

fn read_table(path: &Path) -> Result<Table> {
    let text = fs::read_to_string(path).map_err(Error::io(path))?;
    parse_table(&path.display().to_string(), &text)
}

fn parse_table(file: &str, text: &str) -> Result<Table> {
    toml::from_str(text).map_err(|error| Error::experiment(file, one_line(&error.to_string())))
}

/// The settings of the file `base` beside `path`, overridden by `table`. A base must not extend
/// another file, so there are no chains or cycles to follow.
fn extended(path: &Path, base: &Value, table: Table) -> Result<Table> {
    let wrong = |reason: &str| Error::experiment(&path.display().to_string(), format!("extends: {reason}"));
    let base = base.as_str().ok_or_else(|| wrong("expected the name of a file in the same folder"))?;
    let mut under = read_table(&path.with_file_name(base))?;
    if under.contains_key("extends") {
        return Err(wrong(&format!("'{base}' extends another file itself")));
    }
    merge(&mut under, table);
    Ok(under)
}

/// Replaces `net.preset` by the net that it stands for, under the other settings of `net`.
fn resolve_preset(table: &mut Table) -> Result<(), String> {
    let Some(Value::Table(net)) = table.get_mut("net") else { return Ok(()) };
    let Some(preset) = net.remove("preset") else { return Ok(()) };
    let text = preset.as_str().ok_or("net.preset: expected a text such as \"pixelcnnpp/small\"")?;
    let (name, size) =
        text.split_once('/').ok_or_else(|| format!("net.preset: '{text}', expected NET/PRESET"))?;
    let config = NetConfig::preset(name, size).map_err(|error| format!("net.preset: {error}"))?;
    let Ok(Value::Table(mut whole)) = Value::try_from(&config) else {
        return Err(format!("net.preset: '{text}' does not print as a table"));
    };
    merge(&mut whole, std::mem::take(net));
    *net = whole;
    Ok(())
}

/// The first lines of a TOML error in one.
fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
        name = "small"
        seed = 1
        [data]
        train = ["sky@train"]
        hold_out = ["a-"]
        [tiles]
        height_px = 32
        width_px = 32
        batch = 8
        [optimiser]
        rule.adam = { beta_2 = 0.99 }
        [schedule]
        rate = 1e-3
        decay.cosine = { steps = 1000 }
        [validation]
        every_steps = 100
        tiles_per_image = 4
        [stop]
        steps = 1000
        [net]
        preset = "pixelcnnpp/tiny"
    "#;

    #[test]
    fn resolved_experiments_round_trip_with_their_id() {
        let experiment = Experiment::parse("small.toml", SMALL, &[]).unwrap();
        let text = experiment.to_toml();
        assert!(!text.contains("preset"), "{text}");
        let again = Experiment::parse("again.toml", &text, &[]).unwrap();
        assert_eq!((again.id(), &again), (experiment.id(), &experiment));
        assert!(experiment.id().starts_with("small-") && experiment.id().len() == "small-".len() + 8);
        let other = Experiment::parse("small.toml", SMALL, &["tiles.batch=9".to_owned()]).unwrap();
        assert_ne!(other.id(), experiment.id());
        let mixed = [
            "data.train=[{ set = 'a', weight = 3.0 }, { set = 'b', weight = 1.0 }]",
            "data.memory_mb=100",
            "data.validation=['c']",
            &format!("from={{ checkpoint = 'x', weights_blake3 = '{}' }}", "0".repeat(64)),
        ];
        let mixed = Experiment::parse("small.toml", SMALL, &mixed.map(str::to_owned)).unwrap();
        assert_eq!(Experiment::parse("again.toml", &mixed.to_toml(), &[]).unwrap(), mixed);
        let weights: Vec<_> = mixed.data.train.iter().map(|set| (set.reference(), set.weight())).collect();
        assert_eq!(weights, [("a", Some(3.0)), ("b", Some(1.0))]);
    }

    #[test]
    fn committed_experiments_are_valid() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/experiments");
        let mut names = vec![];
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let experiment = Experiment::read(&path, &[]).unwrap();
            assert_eq!(path.file_stem().unwrap().to_str().unwrap(), experiment.name);
            experiment.net.check().unwrap();
            assert_eq!(experiment.net.planes(), experiment.tiles.planes);
            names.push(experiment.name);
        }
        let published = |net: &&&str| NetConfig::preset(net, "paper").is_ok();
        for net in nf_models::NETS.iter().filter(published) {
            assert!(names.iter().any(|name| name.starts_with(&format!("{net}-paper-"))), "{net}");
        }
    }

    #[test]
    fn a_file_may_extend_another() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).unwrap();
            folder.path().join(name)
        };
        write("small.toml", SMALL);
        let path = write(
            "other.toml",
            "extends = 'small.toml'\nname = 'other'\n[data]\nhold_out = ['b-']\n[stop]\nsteps = 7",
        );
        let read = Experiment::read(&path, &["tiles.batch=9".to_owned()]).unwrap();
        let settings = ["name=other", "data.hold_out=['b-']", "stop.steps=7", "tiles.batch=9"];
        let expected = Experiment::parse("small.toml", SMALL, &settings.map(str::to_owned)).unwrap();
        assert_eq!((read.id(), &read), (expected.id(), &expected));
        for (text, word) in [
            ("extends = 3", "extends"),
            ("extends = 'other.toml'", "other.toml"),
            ("extends = 'none.toml'", "none.toml"),
            ("extends = 'small.toml'\nhight = 3", "hight"),
        ] {
            let error = Experiment::read(&write("wrong.toml", text), &[]).unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn errors_name_file_and_setting() {
        for (assignment, setting) in [
            ("tiles.hight_px=3", "hight_px"),
            ("name=../up", "name"),
            ("data.train=[]", "data.train"),
            ("data.hold_out=[]", "hold_out"),
            ("data.hold_out=['']", "hold_out"),
            ("data.max_images=0", "max_images"),
            ("data.memory_mb=0", "data.memory_mb"),
            ("data.draws_per_image=0", "data.draws_per_image"),
            ("data.train=['a', { set = 'b', weight = 2 }]", "a weight for every dataset"),
            ("data.train=[{ set = 'b', weight = -1 }]", "weights of 1e-6"),
            ("data.train=[{ set = 'b' }]", "{ set = \"NAME\", weight = 1.0 }"),
            ("validation.max_images=0", "validation.max_images"),
            ("from={ checkpoint = '../x', weights_blake3 = '' }", "from.checkpoint"),
            ("from={ checkpoint = 'x', weights_blake3 = '12' }", "from.weights_blake3"),
            ("tiles.batch=0", "tiles.batch"),
            ("tiles.parts=9", "tiles.parts: 9, expected 1 to 8"),
            ("tiles.width_px=99999", "tiles.width_px"),
            ("validation.every_steps=0", "validation.every_steps"),
            ("stop={}", "stop"),
            ("stop.minutes=0", "stop"),
            ("optimiser.clip_norm=0", "optimiser.clip_norm"),
            ("optimiser.ema_decay=1", "optimiser.ema_decay"),
            ("optimiser.rule={ sgd = {} }", "sgd"),
            ("schedule.rate=0", "schedule.rate"),
            ("device=tpu", "tpu"),
            ("seed=-1", "seed"),
            ("net.preset=idf", "net.preset"),
            ("net.preset=3", "net.preset"),
        ] {
            let error =
                Experiment::parse("small.toml", SMALL, &[assignment.to_owned()]).unwrap_err().to_string();
            assert!(error.contains("small.toml") && error.contains(setting), "{assignment}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
