//! `--profile`: the detector profile that frames are coded with.

use crate::limits;
use crate::registry::tools;
use anyhow::{Context, Result, ensure};
use nf_archive::profiles::{AUTO, Profiles, check_codec};
use nf_codec::Spec;
use nf_profile::{Id, Profile, library};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The profile of the detector.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct ProfileFlag {
    /// Detector profile for `floor`: a file, the best of a folder, or `auto`
    #[arg(long, value_name = "PROFILE", help_heading = "Coding")]
    profile: Option<PathBuf>,
}

impl ProfileFlag {
    /// Whether a profile is asked for.
    pub(crate) fn is_given(&self) -> bool {
        self.profile.is_some()
    }

    /// Refuses a codec that cannot take the profile that was asked for, before it is built: its
    /// spec may name another, which is perhaps not here.
    ///
    /// # Errors
    /// As [`check_codec`].
    pub(crate) fn check(&self, spec: &Spec) -> Result<()> {
        if self.is_given() { check_codec(spec) } else { Ok(()) }
    }

    /// The profiles that were asked for, for a codec that knows them.
    ///
    /// # Errors
    /// If they cannot be read, or the codec knows none.
    pub(crate) fn profiles(&self, spec: &Spec) -> Result<Option<Profiles>> {
        let Some(path) = &self.profile else { return Ok(None) };
        check_codec(spec)?;
        Profiles::of(path, &tools()).map(Some)
    }

    /// The spec with the one profile, if one was given.
    ///
    /// # Errors
    /// As [`ProfileFlag::one`], and if the codec knows no profiles.
    pub(crate) fn apply(&self, spec: Spec, with: &str) -> Result<Spec> {
        self.check(&spec)?;
        Ok(match self.one(with)? {
            Some(id) => spec.set("profile", id),
            None => spec,
        })
    }

    /// Makes the one profile known to codecs, if one was given: its name and key.
    ///
    /// # Errors
    /// If it cannot be read, or is not one file.
    pub(crate) fn one(&self, with: &str) -> Result<Option<Id>> {
        let Some(path) = &self.profile else { return Ok(None) };
        ensure!(
            path != Path::new(AUTO) && !path.is_dir(),
            "--profile {}: with {with}, name the file of one profile",
            path.display()
        );
        let profile = Arc::new(read(path)?);
        let id = profile.id().clone();
        library::add(profile);
        Ok(Some(id))
    }
}

/// The profile of the detector, and whether containers carry it.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct EmbeddableProfile {
    #[command(flatten)]
    pub(crate) flag: ProfileFlag,
    /// Put the profile into every container that needs it, once for all its stacks, so that it
    /// decodes without the file of the profile
    #[arg(long, requires = "profile", help_heading = "Coding")]
    embed_profile: bool,
}

impl EmbeddableProfile {
    /// Whether containers are to carry it.
    pub(crate) fn embeds(&self) -> bool {
        self.embed_profile
    }

    /// What codes by this spec, with the profiles that were asked for; `with_profiles` is that of
    /// the coder.
    ///
    /// # Errors
    /// If they cannot be read, or the codec knows none.
    pub(crate) fn apply<T>(
        &self,
        coder: T,
        spec: &Spec,
        with_profiles: fn(T, Profiles, bool) -> Result<T>,
    ) -> Result<T> {
        match self.flag.profiles(spec)? {
            Some(profiles) => with_profiles(coder, profiles, self.embed_profile),
            None => Ok(coder),
        }
    }
}

/// A profile that decoding may need.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct NeededProfile {
    /// Detector profile that the files were coded with, or a folder of profiles, where it lies
    /// neither beside them nor in a folder of NOISEFLOOR_PROFILES
    #[arg(long, value_name = "PROFILE", help_heading = "Coding")]
    profile: Option<PathBuf>,
}

impl NeededProfile {
    /// Makes the profile known, if one was given.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn make_known(&self) -> Result<()> {
        match &self.profile {
            Some(path) if path.is_dir() => library::look_in(path),
            Some(path) => library::add(Arc::new(read(path)?)),
            None => {}
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
