//! `noisefloor train` in a program that was built without it.

use anyhow::{Result, bail};
use std::ffi::OsString;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Whatever `train` would take
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _any: Vec<OsString>,
}

pub(crate) fn run(_: &Args) -> Result<()> {
    bail!(
        "this program was built without training; build one with the feature `train`: \
         cargo install --path crates/noisefloor --features train"
    )
}
