//! A folder with the weights of a net and a card that says where they come from.
//!
//! ```text
//! checkpoints/<id>/card.toml            what, from which data, how good; digest of the weights
//! checkpoints/<id>/weights.safetensors  parameters by name, f32
//! ```

use crate::config::NetConfig;
use crate::error::{Error, Result};
use crate::net::Net;
use burn::module::Module;
use burn::store::{ModuleSnapshot, SafetensorsStore};
use burn::tensor::Device;
use nf_image::Digest;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// Name of the file with the card.
const CARD_FILE: &str = "card.toml";

/// Name of the file with the weights.
const WEIGHTS_FILE: &str = "weights.safetensors";

/// Largest file of weights that is read: twice the largest published net.
const MAX_WEIGHTS_BYTES: u64 = 1 << 30;

/// Largest card that is read.
const MAX_CARD_BYTES: u64 = 1 << 20;

/// The folder where checkpoints lie, if `NOISEFLOOR_CHECKPOINTS` names no other.
const FOLDER: &str = "checkpoints";

/// Where a checkpoint's weights come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// The data trained on, in words or as a manifest's name.
    pub data: String,
    /// How that data was split into training, validation and test.
    pub split: String,
    /// Information per sample of the held-out frames, in bits.
    pub validation_bits_per_sample: f64,
    /// Optimiser steps.
    pub steps: u64,
    /// Wall-clock time of the training, in seconds.
    pub training_time_s: f64,
    /// The device trained on.
    pub device: String,
    /// Number of trained parameters; filled in by [`Checkpoint::save`].
    #[serde(default)]
    pub parameters: u64,
    /// BLAKE3 of the weights file, in hexadecimal; filled in by [`Checkpoint::save`].
    #[serde(default)]
    pub weights_blake3: String,
    /// The net's extents; filled in by [`Checkpoint::save`].
    #[serde(default)]
    pub net: Option<NetConfig>,
}

/// A net with its card.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// Where the weights come from.
    pub card: Card,
    /// The net with the weights.
    pub net: Net,
    /// Digest of the weights file.
    pub digest: Digest,
    /// Size of the weights file.
    pub weights_bytes: u64,
}

impl Checkpoint {
    /// Writes weights and card to the folder `dir`, which is created, or replaced as a whole.
    ///
    /// Both files are written beside it first, so that a process killed at any moment leaves the old folder or the new
    /// one. (Between two renamings there is a moment without a folder; the old one then lies at `<dir>.old`.)
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be written.
    pub fn save(dir: &Path, net: &Net, mut card: Card) -> Result<Digest> {
        let parent = match dir.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(|e| Error::io(parent, e))?;
        let partial = tempfile::Builder::new()
            .prefix(".partial-")
            .tempdir_in(parent)
            .map_err(|e| Error::io(parent, e))?;
        let bytes = weights(net, dir)?;
        let digest = Digest::of_bytes(&bytes);
        card.parameters = net.num_params() as u64;
        card.weights_blake3 = digest.to_string();
        card.net = Some(net.config());
        let text = toml::to_string(&card).map_err(|e| Error::checkpoint(dir, format!("card: {e}")))?;
        for (name, bytes) in [(WEIGHTS_FILE, &bytes[..]), (CARD_FILE, text.as_bytes())] {
            let path = partial.path().join(name);
            write_durably(&path, bytes).map_err(|e| Error::io(&path, e))?;
        }
        let old = dir.with_extension("old");
        if dir.exists() {
            if old.exists() {
                fs::remove_dir_all(&old).map_err(|e| Error::io(&old, e))?;
            }
            fs::rename(dir, &old).map_err(|e| Error::io(dir, e))?;
        }
        fs::rename(partial.keep(), dir).map_err(|e| Error::io(dir, e))?;
        if old.exists() {
            fs::remove_dir_all(&old).map_err(|e| Error::io(&old, e))?;
        }
        Ok(digest)
    }

    /// The checkpoint in the folder `dir`, its net on `device`.
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be read, [`Error::Checkpoint`] if the weights are not those of the card.
    pub fn load(dir: &Path, device: &Device) -> Result<Self> {
        if !dir.is_dir() {
            return Err(Error::checkpoint(
                dir,
                format!("no such folder, expected one with {CARD_FILE} and {WEIGHTS_FILE}"),
            ));
        }
        let card_path = dir.join(CARD_FILE);
        let text = String::from_utf8(read(&card_path, MAX_CARD_BYTES)?)
            .map_err(|_| Error::checkpoint(&card_path, "not text"))?;
        let card: Card = toml::from_str(&text).map_err(|e| Error::checkpoint(&card_path, e.to_string()))?;
        let config = card.net.clone().ok_or_else(|| Error::checkpoint(&card_path, "missing field `net`"))?;
        let path = dir.join(WEIGHTS_FILE);
        let bytes = read(&path, MAX_WEIGHTS_BYTES)?;
        let digest = Digest::of_bytes(&bytes);
        if digest.to_string() != card.weights_blake3 {
            let reason = format!("its BLAKE3 is {digest}, the card says {}", card.weights_blake3);
            return Err(Error::checkpoint(&path, reason));
        }
        let mut net = config.init(device, 0)?;
        let weights_bytes = bytes.len() as u64;
        let mut store = SafetensorsStore::from_bytes(Some(bytes)).skip_enum_variants(true);
        let result = net.load_from(&mut store).map_err(|e| Error::checkpoint(&path, e.to_string()))?;
        if let Some(name) = result.unused.first() {
            return Err(Error::checkpoint(
                &path,
                format!("holds '{name}', which the net of the card does not have"),
            ));
        }
        net.check().map_err(|reason| Error::checkpoint(&path, reason))?;
        Ok(Self { card, net, digest, weights_bytes })
    }

    /// The folder of the checkpoint `id`: `id` itself if it is a path to a folder, else a folder of that name under
    /// `$NOISEFLOOR_CHECKPOINTS`, or under `checkpoints` in the working directory.
    pub fn find(id: &str) -> PathBuf {
        let path = PathBuf::from(id);
        if path.join(CARD_FILE).is_file() {
            return path;
        }
        let folder =
            std::env::var_os("NOISEFLOOR_CHECKPOINTS").map_or_else(|| PathBuf::from(FOLDER), PathBuf::from);
        folder.join(id)
    }
}

/// The weights as a safetensors file.
fn weights(net: &Net, dir: &Path) -> Result<Vec<u8>> {
    // One entry of metadata: several come in an order of their own each time, and equal weights are to have one digest.
    let store = SafetensorsStore::from_bytes(None).clear_metadata().metadata("format", "safetensors");
    let mut store = store.skip_enum_variants(true);
    net.save_into(&mut store).map_err(|e| Error::checkpoint(dir, format!("weights: {e}")))?;
    store.get_bytes().map_err(|e| Error::checkpoint(dir, format!("weights: {e}")))
}

fn write_durably(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = fs::File::create(path)?;
    std::io::Write::write_all(&mut file, bytes)?;
    file.sync_all()
}

fn read(path: &Path, limit_bytes: u64) -> Result<Vec<u8>> {
    let size = fs::metadata(path).map_err(|e| Error::io(path, e))?.len();
    if size > limit_bytes {
        return Err(Error::checkpoint(path, format!("{size} bytes, expected at most {limit_bytes}")));
    }
    fs::read(path).map_err(|e| Error::io(path, e))
}
