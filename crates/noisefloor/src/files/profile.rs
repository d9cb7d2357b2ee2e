//! `--profile`: the detector profile that frames are coded with.

use crate::limits;
use anyhow::{Context, Result, ensure};
use nf_codec::Spec;
use nf_profile::{Profile, library};
use std::path::{Path, PathBuf};
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
        let profile = Arc::new(read(path)?);
        let spec = spec.with("profile", profile.id().to_string(), String::new());
        library::add(profile);
        Ok(spec)
    }
}

/// A profile that decoding may need.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct NeededProfile {
    /// Detector profile that the files were coded with, where it lies neither beside them nor in a
    /// folder of NOISEFLOOR_PROFILES
    #[arg(long, value_name = "FILE", help_heading = "Coding")]
    profile: Option<PathBuf>,
}

impl NeededProfile {
    /// Makes the profile known, if one was given.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn make_known(&self) -> Result<()> {
        if let Some(path) = &self.profile {
            library::add(Arc::new(read(path)?));
        }
        Ok(())
    }
}

/// The profile in a file.
///
/// # Errors
/// If it cannot be read or is none.
pub(crate) fn read(path: &Path) -> Result<Profile> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).with_context(|| name.clone())?;
    nf_floor::read_profile(bytes, &limits::codec()).with_context(|| name)
}
