//! Files of the hub on disk.
//!
//! A complete file lies under its digest; one that is being fetched lies beside it as `<digest>.part` and is
//! resumed by byte range, also after the program was killed. Nothing gets its final name before its size and
//! digest have been checked. Above the budget the least recently used files are dropped.

use super::client::{Hub, RemoteFile};
use crate::{Error, Result};
use sha1::Sha1;
use sha2::Digest;
use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::SystemTime;

/// A folder of fetched files of one repository.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    /// The folder in which other clients of the hub keep the same repository; only read.
    foreign: Option<PathBuf>,
    budget_bytes: u64,
    hub: Hub,
    repository: String,
    /// Digests being fetched now, so that two threads never fetch one file.
    busy: Mutex<HashSet<String>>,
    done: Condvar,
}

/// The variable that names the folder for fetched files.
pub const CACHE_VARIABLE: &str = "NOISEFLOOR_CACHE";
/// Bytes that fetched files of one repository may take unless told otherwise.
pub const DEFAULT_BUDGET_BYTES: u64 = 20 << 30;

impl Store {
    /// A store of `repository` below `root`, allowed `budget_bytes` on disk.
    pub fn new(root: &Path, budget_bytes: u64, hub: Hub, repository: &str) -> Self {
        let name = format!("datasets--{}", repository.replace('/', "--"));
        let foreign = std::env::var_os("HF_HUB_CACHE")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("HF_HOME").map(|home| PathBuf::from(home).join("hub")))
            .map(|cache| cache.join(&name).join("blobs"));
        Self {
            folder: root.join(&name),
            foreign,
            budget_bytes,
            hub,
            repository: repository.to_owned(),
            busy: Mutex::default(),
            done: Condvar::new(),
        }
    }

    /// The folder for fetched files that the environment names: `NOISEFLOOR_CACHE`, or `noisefloor` in the user's cache.
    pub fn default_root() -> PathBuf {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        variable(CACHE_VARIABLE)
            .or_else(|| variable("XDG_CACHE_HOME").map(|cache| cache.join("noisefloor")))
            .or_else(|| variable("HOME").map(|home| home.join(".cache/noisefloor")))
            .unwrap_or_else(|| PathBuf::from("noisefloor-cache"))
    }

    /// The commit of a revision: asked of the hub, or, when offline, the one seen last.
    ///
    /// # Errors
    /// If the hub does not answer, or offline nothing is known.
    pub fn commit(&self, revision: &str) -> Result<String> {
        if is_commit(revision) {
            return Ok(revision.to_owned());
        }
        let memory = self.folder.join("refs").join(revision.replace('/', "--"));
        if self.hub.is_offline() {
            return fs::read_to_string(&memory).map_err(|_| self.unknown(revision));
        }
        let commit = self.hub.commit(&self.repository, revision)?;
        write_whole(&memory, commit.as_bytes())?;
        Ok(commit)
    }

    /// The files of a commit, remembered from the first time they were listed.
    ///
    /// # Errors
    /// If the hub does not answer, or offline nothing is known.
    pub fn files(&self, commit: &str) -> Result<Vec<RemoteFile>> {
        let memory = self.folder.join("trees").join(format!("{commit}.json"));
        if let Ok(text) = fs::read_to_string(&memory)
            && let Ok(files) = serde_json::from_str(&text)
        {
            return Ok(files);
        }
        if self.hub.is_offline() {
            return Err(self.unknown(commit));
        }
        let files = self.hub.files(&self.repository, commit)?;
        let text = serde_json::to_string(&files).expect("a list of strings and numbers is JSON");
        write_whole(&memory, text.as_bytes())?;
        Ok(files)
    }

    fn unknown(&self, revision: &str) -> Error {
        let reason = "offline, and never listed before; run once with a network, or fetch it elsewhere";
        Error::missing(format!("{}@{revision}", self.repository), reason)
    }

    /// Where a file lies if it is here.
    pub fn here(&self, file: &RemoteFile) -> Option<PathBuf> {
        let own = self.folder.join("blobs").join(&file.digest);
        let foreign = self.foreign.as_ref().map(|folder| folder.join(&file.digest));
        let right = |path: &PathBuf| fs::metadata(path).is_ok_and(|meta| meta.len() == file.size_bytes);
        std::iter::once(own).chain(foreign).find(right)
    }

    /// Fetches a file unless it is here; waits if another thread is fetching it.
    ///
    /// # Errors
    /// If it cannot be had: the hub refuses, the digest is wrong twice, the disk is full, or offline it is not here.
    pub fn fetch(&self, commit: &str, file: &RemoteFile) -> Result<PathBuf> {
        self.claim(&file.digest);
        let fetched = match self.here(file) {
            Some(path) => {
                touch(&path);
                Ok(path)
            }
            None if self.hub.is_offline() => {
                let what = format!("{}/{}", self.repository, file.path);
                Err(Error::missing(what, "offline, and not fetched before"))
            }
            None => self.download(commit, file),
        };
        self.release(&file.digest);
        fetched
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
        fs::create_dir_all(&blobs).map_err(Error::io(&blobs))?;
        self.make_room(file)?;
        let whole = blobs.join(&file.digest);
        let part = blobs.join(format!("{}.part", file.digest));
        let attempts = self.hub.options().attempts.max(1);
        let mut pause = self.hub.options().pause;
        let mut failure = None;
        for attempt in 0..attempts {
            if attempt > 0 {
                std::thread::sleep(pause);
                pause *= 2;
            }
            // A cut connection leaves its bytes for the next attempt; only a refusal of the hub ends it.
            match self.append(commit, file, &part) {
                Ok(()) => {}
                Err(Error::Hub { url, reason }) => return Err(Error::Hub { url, reason }),
                Err(error) => {
                    tracing::debug!("{}: {error}; resuming", file.path);
                    failure = Some(error);
                    continue;
                }
            }
            let found = digest_of(&part, file)?;
            if found == file.digest {
                fs::rename(&part, &whole).map_err(Error::io(&whole))?;
                return Ok(whole);
            }
            fs::remove_file(&part).map_err(Error::io(&part))?;
            failure =
                Some(Error::Digest { path: file.path.clone().into(), expected: file.digest.clone(), found });
        }
        Err(failure.expect("every attempt that does not return leaves its failure"))
    }

    /// Fetches what `part` lacks.
    fn append(&self, commit: &str, file: &RemoteFile, part: &Path) -> Result<()> {
        let mut have = fs::metadata(part).map_or(0, |meta| meta.len());
        if have > file.size_bytes {
            fs::remove_file(part).map_err(Error::io(part))?;
            have = 0;
        }
        if have == file.size_bytes && have > 0 {
            return Ok(());
        }
        let (begins, body) = self.hub.send(&self.repository, commit, &file.path, have)?;
        let mut out = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(part)
            .map_err(Error::io(part))?;
        // A server that ignores the range begins anew, and so does the file.
        if begins != have && begins != 0 {
            let reason = format!("asked for byte {have} on, the answer begins at {begins}");
            return Err(Error::Hub { url: file.path.clone(), reason });
        }
        out.set_len(begins).map_err(Error::io(part))?;
        std::io::Seek::seek(&mut out, std::io::SeekFrom::Start(begins)).map_err(Error::io(part))?;
        // One byte more than there should be is enough to know that the length is wrong.
        let expected = file.size_bytes - begins;
        let mut body = body.take(expected + 1);
        let copied = std::io::copy(&mut body, &mut out).map_err(Error::io(part))?;
        out.flush().map_err(Error::io(part))?;
        if copied > expected {
            out.set_len(0).map_err(Error::io(part))?;
        }
        if copied != expected {
            let reason = format!("{} bytes sent, {expected} expected", copied);
            return Err(Error::Image { path: file.path.clone().into(), reason });
        }
        Ok(())
    }

    /// Drops the least recently used files until `file` fits into the budget.
    fn make_room(&self, file: &RemoteFile) -> Result<()> {
        if file.size_bytes > self.budget_bytes {
            let reason = format!("{} bytes, the budget is {}", file.size_bytes, self.budget_bytes);
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
            if total + file.size_bytes <= self.budget_bytes {
                break;
            }
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if !busy.contains(name.trim_end_matches(".part")) && fs::remove_file(&path).is_ok() {
                tracing::debug!("dropped {} to stay within the budget", path.display());
                total -= bytes;
            }
        }
        Ok(())
    }
}

/// Whether a revision is a commit's full name already.
fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Marks a file as used now; a failure costs only the order in which files are dropped.
fn touch(path: &Path) {
    if let Ok(file) = File::options().append(true).open(path) {
        let _ = file.set_modified(SystemTime::now());
    }
}

fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().expect("the path has a folder: it was joined to one");
    fs::create_dir_all(folder).map_err(Error::io(folder))?;
    let part = path.with_extension("part");
    fs::write(&part, bytes).map_err(Error::io(&part))?;
    fs::rename(&part, path).map_err(Error::io(path))
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
