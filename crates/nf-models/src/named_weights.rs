//! Weights as codecs name them: the option `checkpoint`, and streams of other weights.

use crate::checkpoint::{Checkpoint, no_folder};
use nf_codec::{Error, OptionDoc, Options, Result, Spec};
use nf_image::Digest;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

const KEY: &str = "checkpoint";

/// The option in the registry.
pub(crate) const OPTION: OptionDoc = OptionDoc {
    key: KEY,
    values: "a folder, or its name under $NOISEFLOOR_CHECKPOINTS or ./checkpoints",
    default: "none; it must be given",
    help: "the weights; decoding needs the same",
};

/// What the option says; nothing if it is not given.
///
/// # Errors
/// If it is given without a name.
pub(crate) fn take(options: &mut Options<'_>) -> Result<String> {
    options.take(KEY, String::new(), "the name of a checkpoint", |id: &String| !id.is_empty())
}

/// The specification of a codec `name` with this checkpoint.
pub(crate) fn spec(name: &str, id: &str) -> Spec {
    Spec::new(name).with(KEY, id.to_owned(), String::new())
}

/// The folder of a checkpoint. A stream may name one by a path of the machine on which it was
/// written; where there is no such folder, that of the same name is taken from among the
/// checkpoints here. A stream knows the digest of its weights.
///
/// # Errors
/// If no checkpoint was named.
pub(crate) fn folder(spec: &Spec, id: &str) -> Result<PathBuf> {
    if id.is_empty() {
        return Err(spec.error("expected checkpoint=ID, the name or folder of trained weights"));
    }
    let folder = Checkpoint::find(id);
    let name = Path::new(id).file_name().and_then(OsStr::to_str).filter(|name| *name != id);
    match name.map(Checkpoint::find) {
        Some(named) if !folder.is_dir() && named.is_dir() => Ok(named),
        // The path as it was given, which is not below the folder of checkpoints.
        Some(named) if !folder.is_dir() => {
            let either = format!("{id} or {}", named.display());
            Err(spec.error(no_folder(Path::new(&either)).to_string()))
        }
        _ => Ok(folder),
    }
}

/// The error of a stream `what` of weights whose digest begins with `first`, where those of
/// checkpoint `id` are at hand.
pub(crate) fn of_others(what: &str, first: &[u8], id: &str, digest: &Digest) -> Error {
    let hex: String = first.iter().map(|byte| format!("{byte:02x}")).collect();
    Error::Mismatch {
        what: what.into(),
        needed: format!("the weights with BLAKE3 {hex}..."),
        present: format!("checkpoint {id} with {}", digest.short()),
    }
}

/// The error of a stream `what` of another version of the arithmetic of `family`.
pub(crate) fn of_other_arithmetic(what: &str, family: &str, needed: u8, present: u8) -> Error {
    Error::Mismatch {
        what: what.into(),
        needed: format!("a program with {family} arithmetic {needed}"),
        present: format!("one with {family} arithmetic {present}"),
    }
}
