//! `--profile`: the detector profile that frames are coded with.

use crate::cmd::profile;
use anyhow::{Result, ensure};
use nf_codec::Spec;
use nf_profile::library;
use std::path::PathBuf;
use std::sync::Arc;

/// The profile of the detector.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct ProfileFlag {
    /// Detector profile that `floor` codes the frames with; decoding needs it again
    #[arg(long, value_name = "FILE", help_heading = "Coding")]
    profile: Option<PathBuf>,
}

impl ProfileFlag {
    /// The spec with the profile, if one was given.
    ///
    /// # Errors
    /// If it cannot be read, or the codec knows no profiles.
    pub(crate) fn apply(&self, spec: Spec) -> Result<Spec> {
        let Some(path) = &self.profile else { return Ok(spec) };
        ensure!(spec.name() == "floor", "--profile: only the codec floor knows profiles, not {spec}");
        let profile = Arc::new(profile::read(path)?);
        let spec = spec.with("profile", profile.id().to_string(), String::new());
        library::add(profile);
        Ok(spec)
    }
}
