//! What a run needs to go on where it was: one file, replaced as a whole.
//!
//! ```text
//! "NFTRAIN1"                 8 bytes
//! length of the header       u64, little-endian
//! header                     TOML: position, lengths of the parts, BLAKE3 of the parts
//! net, average, optimiser    burnpack records, one after the other; the average may be empty
//! ```
//!
//! Draws need no state: every step's depend on the seed and the step's number alone.

use crate::{Error, Result};
use burn::module::Module;
use burn::optim::{ModuleOptimizer, OptimizerRecord};
use burn::store::{ModuleRecord, RecordError};
use burn::tensor::Bytes;
use nf_image::Digest;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

const MAGIC: &[u8; 8] = b"NFTRAIN1";

/// How far a run is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Steps taken.
    pub step: u64,
    /// Seconds of training, in all parts of the run.
    pub seconds: f64,
    /// Mean bits per sample of the best validation.
    pub best_bits: Option<f64>,
    /// The step after which that was.
    pub best_step: u64,
    /// Validations since.
    pub validations_since_best: u32,
    /// Mean bits per sample of the last validation.
    #[serde(default)]
    pub last_bits: Option<f64>,
    /// Sum of the losses since the last row of the log, bits per sample.
    pub(crate) loss_sum_bits: f64,
    /// Their number.
    pub(crate) losses: u32,
}

#[derive(Serialize, Deserialize)]
struct Header {
    experiment: String,
    lengths: [u64; 3],
    digest: String,
    position: Position,
}

/// A state as it is read back.
pub(crate) struct State {
    pub(crate) position: Position,
    net: Vec<u8>,
    average: Vec<u8>,
    optimiser: Vec<u8>,
}

/// Writes the state of a run; the file is the old one or the new one at any moment.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn save<M: Module>(
    path: &Path,
    experiment: &str,
    position: &Position,
    net: &M,
    average: Option<&M>,
    optimiser: &ModuleOptimizer,
) -> Result<()> {
    let wrong = |error: RecordError| Error::State { path: path.to_owned(), reason: error.to_string() };
    let average = average.map(|average| average.clone().into_record().into_bytes()).transpose();
    let parts: [Vec<u8>; 3] = [
        net.clone().into_record().into_bytes().map_err(wrong)?.to_vec(),
        average.map_err(wrong)?.map_or_else(Vec::new, |bytes| bytes.to_vec()),
        optimiser.to_record().into_bytes().map_err(wrong)?.to_vec(),
    ];
    let header = Header {
        experiment: experiment.to_owned(),
        lengths: [0, 1, 2].map(|part: usize| parts[part].len() as u64),
        digest: Digest::of_bytes(&parts.concat()).to_string(),
        position: position.clone(),
    };
    let header = toml::to_string(&header).expect("numbers and texts print as TOML");
    let length = (header.len() as u64).to_le_bytes();
    let bytes = [&MAGIC[..], &length, header.as_bytes(), &parts[0], &parts[1], &parts[2]].concat();
    write_atomically(path, &bytes)
}

/// Writes a file under a temporary name beside it, and renames it when it is whole and on the disk.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = path.with_extension("part");
    let mut file = File::create(&temporary).map_err(Error::io(&temporary))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(Error::io(&temporary))?;
    fs::rename(&temporary, path).map_err(Error::io(path))
}

impl State {
    /// Reads a state of the experiment called `experiment`; `None` if there is no file.
    ///
    /// # Errors
    /// If the file is damaged, or belongs to another experiment.
    pub(crate) fn read(path: &Path, experiment: &str) -> Result<Option<Self>> {
        let wrong = |reason: String| Error::State { path: path.to_owned(), reason };
        let bytes = match fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes.map_err(Error::io(path))?,
        };
        let (header, rest) =
            split_header(&bytes).ok_or_else(|| wrong("not a state of a training run".into()))?;
        if header.experiment != experiment {
            return Err(wrong(format!(
                "belongs to the experiment {}, not to {experiment}; its settings differ: name another --output",
                header.experiment
            )));
        }
        if Digest::of_bytes(rest).to_string() != header.digest {
            return Err(wrong("is damaged: its digest is not the one it states".into()));
        }
        let mut parts = [vec![], vec![], vec![]];
        let mut rest = rest;
        for (part, length) in parts.iter_mut().zip(header.lengths) {
            let taken = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length));
            let (this, after) = taken.ok_or_else(|| wrong("is shorter than it states".into()))?;
            *part = this.to_vec();
            rest = after;
        }
        let [net, average, optimiser] = parts;
        Ok(Some(Self { position: header.position, net, average, optimiser }))
    }

    /// Puts the state into a net fresh from its configuration, its average and its optimiser.
    ///
    /// # Errors
    /// If it is that of another net.
    pub(crate) fn restore<M: Module>(
        self,
        path: &Path,
        net: M,
        average: Option<M>,
        optimiser: ModuleOptimizer,
    ) -> Result<(Position, M, Option<M>, ModuleOptimizer)> {
        let wrong = |error: RecordError| Error::State { path: path.to_owned(), reason: error.to_string() };
        let load = |module: M, bytes: Vec<u8>| {
            module.try_load_record(ModuleRecord::from_bytes(Bytes::from_bytes_vec(bytes))?)
        };
        let net = load(net, self.net).map_err(wrong)?;
        let average = average.map(|average| load(average, self.average)).transpose().map_err(wrong)?;
        let record = OptimizerRecord::from_bytes(Bytes::from_bytes_vec(self.optimiser)).map_err(wrong)?;
        Ok((self.position, net, average, optimiser.load_record(record)))
    }
}

fn split_header(bytes: &[u8]) -> Option<(Header, &[u8])> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (length, rest) = rest.split_at_checked(8)?;
    let length = usize::try_from(u64::from_le_bytes(length.try_into().ok()?)).ok()?;
    let (header, rest) = rest.split_at_checked(length)?;
    Some((toml::from_str(std::str::from_utf8(header).ok()?).ok()?, rest))
}
