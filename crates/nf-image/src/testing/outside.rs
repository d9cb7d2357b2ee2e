//! What tests use that the project does not hold: real frames, other programs, a browser.
//!
//! Where it is absent a test says `SKIP` and passes, unless the environment variable
//! `NOISEFLOOR_REQUIRE` (kinds separated by commas, such as `peers,frames,browser`) says that it
//! must be there: then the test fails. `scripts/test.sh` requires what it could install.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a test may need from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// Independent implementations: cfitsio's programs, Python with astropy, imagecodecs and
    /// others.
    Peers,
    /// The folder of real frames.
    Frames,
    /// Chromium.
    Browser,
}

impl Outside {
    fn name(self) -> &'static str {
        match self {
            Self::Peers => "peers",
            Self::Frames => "frames",
            Self::Browser => "browser",
        }
    }

    /// Says on standard error, past the capture of the test harness, that something is absent and
    /// is not tested.
    ///
    /// # Panics
    /// If it is required.
    pub fn skip(self, why: &str) {
        let required = std::env::var("NOISEFLOOR_REQUIRE").unwrap_or_default();
        let is_required = required.split(',').any(|one| one.trim() == self.name());
        assert!(!is_required, "NOISEFLOOR_REQUIRE={required}, but {why}");
        // A failure to say so is none of the test's.
        let _ = writeln!(std::io::stderr(), "SKIP: {why}");
    }
}

/// The folder of real frames: `NOISEFLOOR_DATA`, else `shared/data` beside the checkout; `None` if
/// there is none, which was said.
///
/// # Panics
/// If frames are required.
pub fn real_frames() -> Option<PathBuf> {
    let folder = std::env::var_os("NOISEFLOOR_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    if folder.join("MANIFEST.json").is_file() {
        return Some(folder);
    }
    Outside::Frames.skip(&format!("no real frames in {} (set NOISEFLOOR_DATA)", folder.display()));
    None
}

/// A Python that imports all of `modules` (a list as after `import`): the one that
/// `NOISEFLOOR_PEER_PYTHON` names, else `python3`; `None` if there is none, which was said.
///
/// # Panics
/// If peers are required.
pub fn peer_python(modules: &str) -> Option<String> {
    let name = std::env::var("NOISEFLOOR_PEER_PYTHON").unwrap_or_else(|_| "python3".into());
    let found = Command::new(&name).args(["-c", &format!("import {modules}")]).output();
    if found.is_ok_and(|done| done.status.success()) {
        return Some(name);
    }
    Outside::Peers.skip(&format!("{name} cannot import {modules} (set NOISEFLOOR_PEER_PYTHON)"));
    None
}

/// Whether `fpack` and `funpack` of cfitsio are there; if not, it was said.
///
/// # Panics
/// If peers are required.
pub fn has_fpack() -> bool {
    let found = ["fpack", "funpack"].iter().all(|name| Command::new(name).arg("-V").output().is_ok());
    if !found {
        Outside::Peers.skip("fpack and funpack (Debian package libcfitsio-bin) are not there");
    }
    found
}
