//! Finding the profile that a stream names.
//!
//! A process knows profiles that were handed to it ([`add`]), files of profiles ([`look_at`]), and
//! folders to look in: those of [`look_in`] and [`look_beside`], and those of the environment
//! variable [`VARIABLE`]. Files in folders end in `.nfp`; what they are called otherwise does not
//! matter.

use crate::format::{ENDING, MAGIC, MAGIC_2};
use crate::{Id, Profile};
use nf_codec::{Error, Result};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The environment variable with folders of profiles, separated as in `PATH`.
pub const VARIABLE: &str = "NOISEFLOOR_PROFILES";

#[derive(Default)]
struct Library {
    profiles: Vec<Arc<Profile>>,
    files: BTreeSet<PathBuf>,
    folders: BTreeSet<PathBuf>,
}

static LIBRARY: Mutex<Library> =
    Mutex::new(Library { profiles: vec![], files: BTreeSet::new(), folders: BTreeSet::new() });

fn library() -> MutexGuard<'static, Library> {
    LIBRARY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a profile known to this process.
pub fn add(profile: Arc<Profile>) {
    let mut library = library();
    if library.profiles.iter().all(|known| known.id() != profile.id()) {
        library.profiles.push(profile);
    }
}

/// Makes a file known to this process, which is read when its profile is needed.
pub fn look_at(file: &Path) {
    library().files.insert(file.to_owned());
}

/// Makes this process look for profiles in a folder, too.
pub fn look_in(folder: &Path) {
    let mut library = library();
    if !library.folders.contains(folder) {
        library.folders.insert(folder.to_owned());
    }
}

/// Makes this process look for profiles in the folder of a file, too: the profile may lie beside
/// what was coded with it.
pub fn look_beside(file: &Path) {
    look_in(file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")));
}

/// The folders that this process looks in.
pub fn folders() -> BTreeSet<PathBuf> {
    let mut folders = library().folders.clone();
    if let Some(paths) = std::env::var_os(VARIABLE) {
        folders.extend(std::env::split_paths(&paths).filter(|folder| !folder.as_os_str().is_empty()));
    }
    folders
}

/// The profile of this name and key; `read` makes a profile from the bytes of a file. A damaged
/// copy is passed over where there is an intact one.
///
/// # Errors
/// If there is none, or only damaged ones.
pub fn find(id: &Id, read: impl Fn(Vec<u8>) -> Result<Profile>) -> Result<Arc<Profile>> {
    let named: Vec<PathBuf> = {
        let library = library();
        if let Some(profile) = library.profiles.iter().find(|known| known.id().key == id.key) {
            return Ok(Arc::clone(profile));
        }
        library.files.iter().cloned().collect()
    };
    let folders = folders();
    let copies = named.into_iter().chain(folders.iter().flat_map(|folder| files(folder)));
    let mut damaged = vec![];
    for path in copies.filter(|path| key(path).is_some_and(|key| key == id.key)) {
        let what = path.display().to_string();
        let bytes = std::fs::read(&path).map_err(|source| Error::Io { what: what.clone(), source });
        match bytes.and_then(&read) {
            Ok(profile) => {
                let profile = Arc::new(profile);
                add(Arc::clone(&profile));
                return Ok(profile);
            }
            Err(error @ Error::Io { .. }) => damaged.push(error.to_string()),
            Err(error) => damaged.push(format!("{what}: {error}")),
        }
    }
    let looked: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
    let present = match (damaged.is_empty(), looked.is_empty()) {
        (false, _) => format!("a program that found none that is intact ({})", damaged.join("; ")),
        (true, true) => "a program that was told of none".to_owned(),
        (true, false) => format!("a program that found it nowhere (looked in {})", looked.join(", ")),
    };
    let needed = format!("the detector profile {id} (--profile FILE, or ${VARIABLE})");
    Err(Error::Mismatch { what: "the stream".into(), needed, present })
}

/// The profiles in a folder, in the order of their names; none if it cannot be read.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(ENDING)))
        .collect();
    files.sort();
    files
}

/// The key that a file states, without reading it as a whole.
fn key(path: &Path) -> Option<[u8; 8]> {
    let mut file = File::open(path).ok()?;
    let mut magic = [0; MAGIC.len()];
    file.read_exact(&mut magic).ok()?;
    file.seek(SeekFrom::End(-32)).ok()?;
    let mut key = [0; 8];
    file.read_exact(&mut key).ok()?;
    [MAGIC, MAGIC_2].contains(&magic).then_some(key)
}
