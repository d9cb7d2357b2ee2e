//! Training that begins with a trained network.

use crate::{Ancestor, Error, Experiment, Result};
use burn::tensor::Device;
use nf_models::{Checkpoint, ModelCard, Net};
use std::path::Path;

impl Ancestor {
    /// The checkpoint in a folder, as its card describes it.
    ///
    /// # Errors
    /// If there is none.
    pub fn of(folder: &Path) -> Result<Self> {
        let card = card_of(folder)?;
        let name = folder.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_str()?.to_owned()));
        let checkpoint = name
            .ok_or_else(|| Error::Ancestor(format!("{}: expected a folder with a name", folder.display())))?;
        Ok(Self { checkpoint, weights_blake3: card.weights_blake3 })
    }

    /// The setting of an experiment that begins with it, as an assignment.
    pub fn setting(&self) -> String {
        let Self { checkpoint, weights_blake3 } = self;
        format!("from={{ checkpoint = '{checkpoint}', weights_blake3 = '{weights_blake3}' }}")
    }
}

impl Experiment {
    /// The network that the training begins with, on `device`, and the checkpoints that it comes
    /// from, the first one first: a new network without any, or that of the experiment's `from`,
    /// which lies in `folder` or else among the other checkpoints.
    ///
    /// # Errors
    /// If the checkpoint is not there, holds another network than the experiment's, or other
    /// weights than it states.
    pub fn first_net(&self, device: &Device, folder: Option<&Path>) -> Result<(Net, Vec<String>)> {
        let Some(Ancestor { checkpoint, weights_blake3 }) = &self.from else {
            return Ok((self.net.init(device, self.seed)?, vec![]));
        };
        let folder = folder.map_or_else(|| Checkpoint::find(checkpoint), Path::to_owned);
        let card = card_of(&folder)?;
        if card.net.as_ref() != Some(&self.net) {
            return Err(Error::Ancestor(format!(
                "{checkpoint} is another network ({}) than the experiment's ({}), or has other extents; the section \
                 net must state what its card states",
                card.net.as_ref().map_or("none", |net| net.name()),
                self.net.name()
            )));
        }
        if card.weights_blake3 != *weights_blake3 {
            return Err(Error::Ancestor(format!(
                "the weights of {} are {}, the experiment begins with {weights_blake3}",
                folder.display(),
                card.weights_blake3
            )));
        }
        let net =
            Checkpoint::load_net(&folder, device).map_err(|error| Error::Ancestor(error.to_string()))?;
        let ModelCard { mut ancestry, steps, data, .. } = card;
        let short = weights_blake3.get(..8).unwrap_or_default();
        ancestry.push(format!("{checkpoint} (weights {short}, {steps} steps on {data})"));
        Ok((net, ancestry))
    }
}

fn card_of(folder: &Path) -> Result<ModelCard> {
    Checkpoint::read_card(folder).map_err(|error| Error::Ancestor(error.to_string()))
}
