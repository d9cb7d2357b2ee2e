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
use std::io::{ErrorKind, Read, Write};
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
/// The variable that states how many gigabytes (10^9 bytes) fetched files of one repository may take; 20 without it.
pub const BUDGET_VARIABLE: &str = "NOISEFLOOR_CACHE_GB";
const DEFAULT_BUDGET_GB: f64 = 20.0;
/// Bytes of a Parquet file's end that are asked for first: most footers are shorter.
const FOOTER_GUESS_BYTES: u64 = 64 << 10;
const MOST_FOOTER_BYTES: u64 = 64 << 20;

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

    /// Number of rows of a Parquet file. Only its footer is asked for, and remembered.
    ///
    /// # Errors
    /// If it cannot be had, or is no footer of a Parquet file.
    pub(crate) fn rows(&self, commit: &str, file: &RemoteFile) -> Result<usize> {
        let wrong = |reason: String| Error::Image { path: file.path.clone().into(), reason };
        let memory = self.folder.join("footers").join(&file.digest);
        let footer = match fs::read(&memory) {
            Ok(footer) => footer,
            Err(_) => {
                let mut tail = self.tail(commit, file, FOOTER_GUESS_BYTES)?;
                let length = match tail.last_chunk::<8>() {
                    Some([a, b, c, d, b'P', b'A', b'R', b'1']) => {
                        u64::from(u32::from_le_bytes([*a, *b, *c, *d]))
                    }
                    _ => return Err(wrong("is no Parquet file: it does not end so".into())),
                };
                if length > file.size_bytes.saturating_sub(8).min(MOST_FOOTER_BYTES) {
                    return Err(wrong(format!("states a footer of {length} bytes")));
                }
                if length + 8 > tail.len() as u64 {
                    tail = self.tail(commit, file, length + 8)?;
                }
                let footer = tail[tail.len() - 8 - length as usize..tail.len() - 8].to_vec();
                write_whole(&memory, &footer)?;
                footer
            }
        };
        crate::rows::rows_of_footer(&footer, file.size_bytes).map_err(wrong)
    }

    /// The last `bytes` of a file, or all of it if it is shorter.
    fn tail(&self, commit: &str, file: &RemoteFile, bytes: u64) -> Result<Vec<u8>> {
        let start = file.size_bytes.saturating_sub(bytes);
        let mut tail = vec![];
        if let Some(path) = self.here(file) {
            let mut input = File::open(&path).map_err(Error::io(&path))?;
            let read = std::io::Seek::seek(&mut input, std::io::SeekFrom::Start(start))
                .and_then(|_| input.take(bytes).read_to_end(&mut tail));
            read.map_err(Error::io(&path))?;
        } else {
            if self.hub.is_offline() {
                let what = format!("{}/{}", self.repository, file.path);
                return Err(Error::missing(what, "offline, and its footer was never read before"));
            }
            let (begins, mut body) = self.hub.send(&self.repository, commit, &file.path, start)?;
            let refused = |reason: String| Error::Hub { url: file.path.clone(), reason };
            // A server that ignores the range begins with the first byte.
            let skip =
                start.checked_sub(begins).ok_or_else(|| refused(format!("the answer begins at {begins}")))?;
            std::io::copy(&mut (&mut body).take(skip), &mut std::io::sink())
                .and_then(|_| body.take(bytes).read_to_end(&mut tail))
                .map_err(|error| refused(error.to_string()))?;
        }
        if tail.len() as u64 != file.size_bytes - start {
            let reason =
                format!("{} bytes of its end came, expected {}", tail.len(), file.size_bytes - start);
            return Err(Error::Image { path: file.path.clone().into(), reason });
        }
        Ok(tail)
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
        fs::create_dir_all(&blobs).map_err(unwritable(&blobs))?;
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
                // So does a disk that cannot be written.
                Err(error @ (Error::Hub { .. } | Error::Missing { .. })) => return Err(error),
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
            .map_err(unwritable(part))?;
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
        let copied = std::io::copy(&mut body, &mut out).map_err(|error| match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::ReadOnlyFilesystem => {
                unwritable(part)(error)
            }
            _ => Error::Io { path: part.to_owned(), source: error },
        })?;
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
    fs::create_dir_all(folder).map_err(unwritable(folder))?;
    let part = path.with_extension("part");
    fs::write(&part, bytes).map_err(unwritable(&part))?;
    fs::rename(&part, path).map_err(unwritable(path))
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
