//! A folder with the weights of a network and a model card that says where they come from.
//!
//! ```text
//! checkpoints/<id>/card.toml            what, from which data, how good; digest of the weights
//! checkpoints/<id>/weights.safetensors  parameters by name, f32
//! ```

use crate::error::{Error, Result};
use crate::nets::{LossyModel, NetConfig};
use crate::tile_model::TileModel;
use crate::weights::Weights;
use nf_image::Digest;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[cfg(feature = "train")]
use crate::nets::Net;

/// Name of the file with the card.
const CARD_FILE: &str = "card.toml";

/// Name of the file with the weights.
const WEIGHTS_FILE: &str = "weights.safetensors";

/// Largest file of weights that is read: twice the largest published network.
const MAX_WEIGHTS_BYTES: u64 = 1 << 30;

/// Largest card that is read.
const MAX_CARD_BYTES: u64 = 1 << 20;

/// The folder where checkpoints lie, if `NOISEFLOOR_CHECKPOINTS` names no other.
const FOLDER: &str = "checkpoints";

/// A model card (Mitchell et al. 2019, arXiv:1810.03993): where weights come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelCard {
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
    /// The checkpoints that the training began with, the first one first; none of a new network.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ancestry: Vec<String>,
    /// Number of trained parameters; filled in by [`Checkpoint::save`].
    #[serde(default)]
    pub parameters: u64,
    /// BLAKE3 of the weights file, in hexadecimal; filled in by [`Checkpoint::save`].
    #[serde(default)]
    pub weights_blake3: String,
    /// The network's extents; filled in by [`Checkpoint::save`].
    #[serde(default)]
    pub net: Option<NetConfig>,
}

/// A trained network ready for coding, with its card.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// Where the weights come from.
    pub card: ModelCard,
    /// Digest of the weights file.
    pub digest: Digest,
    /// Size of the weights file.
    pub weights_bytes: u64,
    /// Number of trained parameters.
    pub parameters: u64,
    pub(crate) planes: usize,
    pub(crate) model: Arc<dyn TileModel>,
}

/// What the files of a checkpoint hold.
struct Files {
    card: ModelCard,
    config: NetConfig,
    weights: Weights,
    weights_path: PathBuf,
    digest: Digest,
    weights_bytes: u64,
}

impl Checkpoint {
    /// The checkpoint in the folder `dir`.
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be read, [`Error::Checkpoint`] if the weights are not those
    /// of the card, and likewise if the card describes no network.
    pub fn load(dir: &Path) -> Result<Self> {
        Self::of(Files::read(dir)?)
    }

    /// The checkpoint whose files have these contents.
    ///
    /// # Errors
    /// As [`load`](Self::load), naming the files as in a folder.
    pub fn from_bytes(card: Vec<u8>, weights: Vec<u8>) -> Result<Self> {
        let files = Files::parse((Path::new(CARD_FILE), card), (Path::new(WEIGHTS_FILE), weights));
        Self::of(files?)
    }

    fn of(files: Files) -> Result<Self> {
        let Files { card, config, weights, weights_path, digest, weights_bytes } = files;
        let (planes, parameters) = (config.planes(), weights.parameters());
        let model = config.tile_model(weights).map_err(|e| Error::checkpoint(&weights_path, e))?;
        Ok(Self { card, digest, weights_bytes, parameters, planes, model: model.into() })
    }

    /// The network with a loss of the checkpoint in the folder `dir`, and the digest of its
    /// weights.
    ///
    /// # Errors
    /// As [`load`](Self::load), and if it has no loss.
    pub(crate) fn load_lossy(dir: &Path) -> Result<(Digest, LossyModel)> {
        let Files { config, mut weights, weights_path, digest, .. } = Files::read(dir)?;
        let model = config.lossy_model(&mut weights).map_err(|e| Error::checkpoint(&weights_path, e))?;
        let model = model.ok_or_else(|| {
            Error::checkpoint(dir, "a lossless net; ask for it as --codec net:checkpoint=ID, without a bound")
        })?;
        weights.finish().map_err(|e| Error::checkpoint(&weights_path, e))?;
        Ok((digest, model))
    }

    /// The folder of the checkpoint `id`: `id` itself if it is a path to a folder, else a folder of
    /// that name under `$NOISEFLOOR_CHECKPOINTS`, or under `checkpoints` in the working directory.
    pub fn find(id: &str) -> PathBuf {
        let path = PathBuf::from(id);
        if path.join(CARD_FILE).is_file() {
            return path;
        }
        let folder =
            std::env::var_os("NOISEFLOOR_CHECKPOINTS").map_or_else(|| PathBuf::from(FOLDER), PathBuf::from);
        folder.join(id)
    }

    /// The card of the checkpoint in the folder `dir`, whose weights are not looked at.
    ///
    /// # Errors
    /// As [`load`](Self::load), as far as it concerns the card.
    pub fn read_card(dir: &Path) -> Result<ModelCard> {
        if !dir.is_dir() {
            return Err(no_folder(dir));
        }
        let path = dir.join(CARD_FILE);
        parse_card(&path, read(&path, MAX_CARD_BYTES)?).map(|(card, _)| card)
    }

    /// The network of the checkpoint in the folder `dir` as a module on `device`.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    #[cfg(feature = "train")]
    pub fn load_net(dir: &Path, device: &burn::tensor::Device) -> Result<Net> {
        let Files { config, weights, weights_path, .. } = Files::read(dir)?;
        let net = config.init(device, 0)?;
        net.with_stored(weights).map_err(|e| Error::checkpoint(&weights_path, e))
    }

    /// The diffusion model of the process 'gaussian' in the folder `dir`, on the processor.
    ///
    /// # Errors
    /// As [`load`](Self::load), and if it is another network.
    #[cfg(feature = "train")]
    pub fn load_vdm_gaussian(dir: &Path) -> Result<crate::VdmGaussian> {
        match Self::load_net(dir, &burn::tensor::Device::flex())? {
            Net::Vdm(crate::VdmModule::Gaussian(net)) => Ok(net),
            _ => Err(Error::checkpoint(dir, "expected a vdm of the process 'gaussian'")),
        }
    }

    /// Writes weights and card to the folder `dir`, which is created, or replaced as a whole.
    ///
    /// Both files are written beside it first, so that a process killed at any moment leaves the
    /// old folder or the new one. (Between two renamings there is a moment without a folder; the
    /// old one then lies at `<dir>.old`.)
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be written.
    #[cfg(feature = "train")]
    pub fn save(dir: &Path, net: &Net, mut card: ModelCard) -> Result<Digest> {
        let parent = match dir.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(|e| Error::io(parent, e))?;
        let partial = tempfile::Builder::new()
            .prefix(".partial-")
            .tempdir_in(parent)
            .map_err(|e| Error::io(parent, e))?;
        let weights = net.stored();
        let bytes = weights.to_file().map_err(|e| Error::checkpoint(dir, format!("weights: {e}")))?;
        let digest = Digest::of_bytes(&bytes);
        card.parameters = weights.parameters();
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
}

impl Files {
    /// # Errors
    /// As [`Checkpoint::load`].
    fn read(dir: &Path) -> Result<Self> {
        if !dir.is_dir() {
            return Err(no_folder(dir));
        }
        let (card, weights) = (dir.join(CARD_FILE), dir.join(WEIGHTS_FILE));
        let (card_bytes, weights_bytes) = (read(&card, MAX_CARD_BYTES)?, read(&weights, MAX_WEIGHTS_BYTES)?);
        Self::parse((&card, card_bytes), (&weights, weights_bytes))
    }

    /// The contents of files of these names.
    ///
    /// # Errors
    /// As [`Checkpoint::load`].
    fn parse((card_path, card): (&Path, Vec<u8>), (weights_path, weights): (&Path, Vec<u8>)) -> Result<Self> {
        let (card, config) = parse_card(card_path, card)?;
        let digest = Digest::of_bytes(&weights);
        if digest.to_string() != card.weights_blake3 {
            let reason = format!("its BLAKE3 is {digest}, the card says {}", card.weights_blake3);
            return Err(Error::checkpoint(weights_path, reason));
        }
        let weights_bytes = weights.len() as u64;
        let weights = Weights::parse(&weights).map_err(|e| Error::checkpoint(weights_path, e))?;
        let weights_path = weights_path.to_owned();
        Ok(Self { card, config, weights, weights_path, digest, weights_bytes })
    }
}

/// The error where the folder of a checkpoint is not there.
pub(crate) fn no_folder(dir: &Path) -> Error {
    let reason = format!(
        "no such folder, expected one with {CARD_FILE} and {WEIGHTS_FILE}; checkpoints are looked for in the \
         folder that NOISEFLOOR_CHECKPOINTS names, by default ./{FOLDER}"
    );
    Error::checkpoint(dir, reason)
}

/// A card, and the network that it describes.
///
/// # Errors
/// As [`Checkpoint::load`].
fn parse_card(path: &Path, bytes: Vec<u8>) -> Result<(ModelCard, NetConfig)> {
    let wrong = |reason: String| Error::checkpoint(path, reason);
    let text = String::from_utf8(bytes).map_err(|_| wrong("not text".into()))?;
    let card: ModelCard = toml::from_str(&text).map_err(|e| wrong(e.to_string()))?;
    let config = card.net.clone().ok_or_else(|| wrong("missing field `net`".into()))?;
    config.check().map_err(|e| wrong(e.to_string()))?;
    Ok((card, config))
}

#[cfg(feature = "train")]
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
