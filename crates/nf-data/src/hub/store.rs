//! Files of the hub on disk.
//!
//! A complete file lies under its digest; one that is being fetched lies beside it as
//! `<digest>.part` and is resumed by byte range, also after the program was killed. Nothing gets
//! its final name before its size and digest have been checked. Of several threads or processes
//! that want one file, one fetches it (`<digest>.lock`) and the others wait. Above the budget the
//! least recently used files are dropped.

use super::client::{Hub, RemoteFile};
use super::copy::{Copy, cache_name, inside};
use super::is_hash;
use crate::lock::Lock;
use crate::net::download::{Expected, fetch};
use crate::{Error, Result};
use sha1::Sha1;
use sha2::Digest;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::SystemTime;

/// A folder of fetched files of one repository.
#[derive(Debug)]
pub struct Store {
    pub(super) folder: PathBuf,
    /// The folder in which other clients of the hub keep the same repository; only read.
    foreign: Option<PathBuf>,
    budget_bytes: u64,
    pub(super) hub: Hub,
    pub(super) repository: String,
    /// Digests being fetched now, so that two threads never fetch one file.
    busy: Mutex<HashSet<String>>,
    done: Condvar,
    /// Whether what is here is compared with its digest before it is used.
    checks_fetched: bool,
    /// Digests of files that were found right.
    right: Mutex<HashSet<String>>,
    /// Files of other clients that were found wrong: they are not ours to remove.
    wrong: Mutex<HashSet<PathBuf>>,
}

/// The variable that names the folder for fetched files.
pub const CACHE_VARIABLE: &str = "NOISEFLOOR_CACHE";
/// The variable that states how many gigabytes (10^9 bytes) fetched files of one repository may
/// take; 20 without it.
pub const BUDGET_VARIABLE: &str = "NOISEFLOOR_CACHE_GB";
const DEFAULT_BUDGET_GB: f64 = 20.0;

impl Store {
    /// A store of `repository` below `root`, allowed `budget_bytes` on disk; files that other
    /// clients of the hub keep in `other_cache` are used where they lie.
    pub fn new(
        root: &Path,
        budget_bytes: u64,
        hub: Hub,
        repository: &str,
        other_cache: Option<&Path>,
    ) -> Self {
        let name = cache_name(repository);
        Self {
            folder: root.join(crate::file_stem(&name)),
            foreign: other_cache.map(|cache| cache.join(&name)),
            budget_bytes,
            hub,
            repository: repository.to_owned(),
            busy: Mutex::default(),
            done: Condvar::new(),
            checks_fetched: false,
            right: Mutex::default(),
            wrong: Mutex::default(),
        }
    }

    /// The same store; if `checks` is set, files that are here are compared with their digests when
    /// they are first asked for. A wrong one is named and fetched anew.
    pub fn checking_fetched(mut self, checks: bool) -> Self {
        self.checks_fetched = checks;
        self
    }

    /// The folder for fetched files that the environment names: `NOISEFLOOR_CACHE`, or `noisefloor`
    /// in the user's cache.
    pub fn default_root() -> PathBuf {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        variable(CACHE_VARIABLE)
            .or_else(|| variable("XDG_CACHE_HOME").map(|cache| cache.join("noisefloor")))
            .or_else(|| variable("HOME").map(|home| home.join(".cache/noisefloor")))
            .unwrap_or_else(|| PathBuf::from("noisefloor-cache"))
    }

    /// Bytes that fetched files may take by the environment.
    pub fn default_budget_bytes() -> u64 {
        let stated = std::env::var(BUDGET_VARIABLE).ok().filter(|text| !text.is_empty());
        let gigabytes = stated.and_then(|text| match text.parse::<f64>() {
            Ok(value) if value >= 0.0 => Some(value),
            _ => {
                tracing::warn!("{BUDGET_VARIABLE} is '{text}', expected a number of gigabytes; {DEFAULT_BUDGET_GB} is taken");
                None
            }
        });
        (gigabytes.unwrap_or(DEFAULT_BUDGET_GB) * 1e9) as u64
    }

    /// Bytes that fetched files may take.
    pub fn budget_bytes(&self) -> u64 {
        self.budget_bytes
    }

    /// The commit of a revision: asked of the hub, or, when offline, the one seen last.
    ///
    /// # Errors
    /// If the hub does not answer, or offline nothing is known.
    pub fn commit(&self, revision: &str) -> Result<String> {
        if is_hash(revision) {
            return Ok(revision.to_owned());
        }
        if self.hub.is_offline() {
            return self.known_commit(revision).ok_or_else(|| self.unknown(revision));
        }
        let commit = self.hub.commit(&self.repository, revision)?;
        write_whole(&self.reference(revision), commit.as_bytes())?;
        Ok(commit)
    }

    /// The commit that a revision stood for when the hub was asked last.
    pub(crate) fn known_commit(&self, revision: &str) -> Option<String> {
        if is_hash(revision) {
            return Some(revision.to_owned());
        }
        fs::read_to_string(self.reference(revision)).ok().filter(|commit| is_hash(commit))
    }

    fn reference(&self, revision: &str) -> PathBuf {
        self.folder.join("refs").join(crate::file_stem(&revision.replace('/', "--")))
    }

    /// The files of a commit, remembered from the first time they were listed.
    ///
    /// # Errors
    /// If the hub does not answer, or offline nothing is known.
    pub fn files(&self, commit: &str) -> Result<Vec<RemoteFile>> {
        if let Some(files) = self.known_files(commit) {
            return Ok(files);
        }
        if self.hub.is_offline() {
            return Err(self.unknown(commit));
        }
        let files = self.hub.files(&self.repository, commit)?;
        let text = serde_json::to_string(&files).expect("a list of strings and numbers is JSON");
        write_whole(&self.list(commit), text.as_bytes())?;
        Ok(files)
    }

    /// The files of a commit, if they were listed before.
    pub(crate) fn known_files(&self, commit: &str) -> Option<Vec<RemoteFile>> {
        let text = fs::read_to_string(self.list(commit)).ok()?;
        let files: Vec<RemoteFile> = serde_json::from_str(&text).ok()?;
        files.iter().all(|file| is_hash(&file.digest)).then_some(files)
    }

    fn list(&self, commit: &str) -> PathBuf {
        self.folder.join("trees").join(format!("{commit}.json"))
    }

    /// The snapshot of a revision that another client of the hub keeps.
    pub(crate) fn other_copy(&self, revision: &str) -> Option<Copy> {
        Copy::in_cache(self.foreign.as_ref()?, revision)
    }

    fn unknown(&self, revision: &str) -> Error {
        let reason = "offline, and never listed before; fetch it once with a network, or name a copy with --data DIR or \
                      HF_HUB_CACHE (docs/data.md, \"No network here\")";
        Error::missing(format!("{}@{revision}", self.repository), reason)
    }

    pub(super) fn not_here(&self, file: &RemoteFile, what: &str) -> Error {
        let name = format!("{}/{}", self.repository, file.path);
        let reason = format!(
            "offline, and {what}; fetch it once with a network, or name a copy with --data DIR or HF_HUB_CACHE \
             (docs/data.md, \"No network here\")"
        );
        Error::missing(name, reason)
    }

    /// Where a file of a commit lies if it is here.
    pub fn here(&self, commit: &str, file: &RemoteFile) -> Option<PathBuf> {
        let own = self.folder.join("blobs").join(&file.digest);
        let foreign = self.foreign.as_ref().map(|folder| folder.join("blobs").join(&file.digest));
        let snapshot = self.foreign.as_ref().zip(inside(&file.path));
        let snapshot = snapshot.map(|(folder, path)| folder.join("snapshots").join(commit).join(path));
        let wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        let right = |path: &PathBuf| {
            let found = fs::metadata(path);
            found.is_ok_and(|meta| meta.is_file() && meta.len() == file.size_bytes) && !wrong.contains(path)
        };
        std::iter::once(own).chain(foreign).chain(snapshot).find(right)
    }

    /// Fetches a file unless it is here; waits if another thread or process is fetching it.
    ///
    /// # Errors
    /// If it cannot be had: the hub refuses, stops or trickles, the digest stays wrong, the disk is
    /// full, or offline it is not here, or is wrong.
    pub fn fetch(&self, commit: &str, file: &RemoteFile) -> Result<PathBuf> {
        self.claim(&file.digest);
        let fetched = self.checked(commit, file).and_then(|here| match here {
            Some(path) => {
                touch(&path);
                Ok(path)
            }
            None if self.hub.is_offline() => Err(self.not_here(file, "it was not fetched before")),
            None => self.download(commit, file),
        });
        self.release(&file.digest);
        fetched
    }

    /// Where a file lies if it is here, with its digest if that is looked at. A wrong file is
    /// removed, unless it belongs to another client.
    fn checked(&self, commit: &str, file: &RemoteFile) -> Result<Option<PathBuf>> {
        while let Some(path) = self.here(commit, file) {
            let right = || self.right.lock().unwrap_or_else(PoisonError::into_inner);
            if !self.checks_fetched || right().contains(&file.digest) {
                return Ok(Some(path));
            }
            let (found, expected) = (digest_of(&path, file)?, file.digest.clone());
            if found == expected {
                right().insert(expected);
                return Ok(Some(path));
            }
            let wrong =
                Error::Digest { path: format!("{} ({})", file.path, path.display()).into(), expected, found };
            if self.hub.is_offline() {
                return Err(wrong);
            }
            tracing::warn!("{wrong}; it is fetched anew");
            if path.starts_with(self.folder.join("blobs")) {
                fs::remove_file(&path).map_err(unwritable(&path))?;
            } else {
                self.wrong.lock().unwrap_or_else(PoisonError::into_inner).insert(path);
            }
        }
        Ok(None)
    }

    fn claim(&self, digest: &str) {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        while !busy.insert(digest.to_owned()) {
            busy = self.done.wait(busy).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn release(&self, digest: &str) {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(digest);
        self.done.notify_all();
    }

    fn download(&self, commit: &str, file: &RemoteFile) -> Result<PathBuf> {
        let blobs = self.folder.join("blobs");
        fs::create_dir_all(&blobs).map_err(unwritable(&blobs))?;
        let lock_path = lock_path(&blobs, &file.digest);
        let waiting = || tracing::info!("{}: another process is fetching it", file.path);
        let lock = Lock::wait(&lock_path, waiting).map_err(unwritable(&lock_path))?;
        if let Some(path) = self.here(commit, file) {
            return Ok(path);
        }
        self.make_room(file)?;
        let whole = blobs.join(&file.digest);
        let part = blobs.join(format!("{}{}", file.digest, part_ending(&lock)));
        let expected = Expected { bytes: Some(file.size_bytes), most_bytes: file.size_bytes };
        let check = |part: &Path| {
            let found = digest_of(part, file)?;
            let (path, expected) = (PathBuf::from(&file.path), file.digest.clone());
            if found == expected { Ok(()) } else { Err(Error::Digest { path, expected, found }) }
        };
        let refused = |path: &Path, error| unwritable(path)(error);
        let address = self.hub.file_address(&self.repository, commit, &file.path)?;
        self.hub.with_request(&address, |request| {
            fetch(self.hub.client(), request, expected, &part, &refused, &check)
        })?;
        match (fs::rename(&part, &whole), self.here(commit, file)) {
            (Ok(()), _) => Ok(whole),
            // Another process was faster.
            (Err(_), Some(path)) => Ok(path),
            (Err(error), None) => Err(Error::io(&whole)(error)),
        }
    }

    /// Drops the least recently used files until `file` fits into the budget.
    fn make_room(&self, file: &RemoteFile) -> Result<()> {
        if file.size_bytes > self.budget_bytes {
            let (size, budget) = (file.size_bytes, self.budget_bytes);
            let reason = format!("{size} bytes, the budget is {budget}; {BUDGET_VARIABLE} sets another");
            return Err(Error::missing(file.path.clone(), reason));
        }
        let blobs = self.folder.join("blobs");
        let mut held: Vec<(SystemTime, u64, PathBuf)> = vec![];
        for entry in fs::read_dir(&blobs).map_err(Error::io(&blobs))? {
            let entry = entry.map_err(Error::io(&blobs))?;
            if let Ok(meta) = entry.metadata()
                && meta.is_file()
                && !entry.file_name().to_string_lossy().starts_with(&file.digest)
            {
                held.push((meta.modified().unwrap_or(SystemTime::UNIX_EPOCH), meta.len(), entry.path()));
            }
        }
        held.sort();
        let mut total: u64 = held.iter().map(|(_, bytes, _)| bytes).sum();
        let busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, bytes, path) in held {
            if total.saturating_add(file.size_bytes) <= self.budget_bytes {
                break;
            }
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let digest = name.split('.').next().unwrap_or_default();
            // What this or another process is fetching stays.
            if busy.contains(digest) || name.ends_with(".lock") {
                continue;
            }
            let Ok(Some(_lock)) = Lock::attempt(&lock_path(&blobs, digest)) else { continue };
            if fs::remove_file(&path).is_ok() {
                tracing::debug!("dropped {} to stay within the budget", path.display());
                total -= bytes;
            }
        }
        Ok(())
    }
}

fn lock_path(blobs: &Path, digest: &str) -> PathBuf {
    blobs.join(format!("{digest}.lock"))
}

/// Marks a file as used now; a failure costs only the order in which files are dropped.
fn touch(path: &Path) {
    if let Ok(file) = File::options().append(true).open(path) {
        let _ = file.set_modified(SystemTime::now());
    }
}

pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().expect("the path has a folder: it was joined to one");
    fs::create_dir_all(folder).map_err(unwritable(folder))?;
    let beside = |ending: &str| {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(ending);
        path.with_file_name(name)
    };
    let lock_path = beside(".lock");
    let lock = Lock::wait(&lock_path, || ()).map_err(unwritable(&lock_path))?;
    let part = beside(&part_ending(&lock));
    fs::write(&part, bytes).and_then(|()| fs::rename(&part, path)).map_err(|error| {
        let _ = fs::remove_file(&part);
        unwritable(&part)(error)
    })
}

/// Ending of the name of an unfinished file. Where others cannot be kept out, every process has its
/// own.
fn part_ending(lock: &Lock) -> String {
    if lock.excludes_others() { ".part".to_owned() } else { format!(".{}.part", std::process::id()) }
}

/// A place of the cache that cannot be written, with the way to name another.
fn unwritable(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let what = path.display().to_string();
    move |error| {
        let reason = format!("{error}; {CACHE_VARIABLE} names another folder for fetched files");
        Error::missing(what, reason)
    }
}

/// The digest of a file in the form that the hub states: SHA-256, or SHA-1 of a git blob.
fn digest_of(path: &Path, file: &RemoteFile) -> Result<String> {
    if file.digest.len() == 64 {
        return crate::sha256::sha256_of_file(path);
    }
    let mut hasher = Sha1::new();
    hasher.update(format!("blob {}\0", file.size_bytes));
    let mut input = File::open(path).map_err(Error::io(path))?;
    let mut piece = vec![0; 1 << 16];
    loop {
        let n = input.read(&mut piece).map_err(Error::io(path))?;
        if n == 0 {
            return Ok(crate::sha256::hex(hasher.finalize()));
        }
        hasher.update(&piece[..n]);
    }
}
