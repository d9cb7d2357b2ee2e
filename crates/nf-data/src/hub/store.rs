//! Files of the hub on disk.
//!
//! They lie as all clients of the hub keep them ([`Layout`]), so that each finds what others have
//! fetched. One that is being fetched lies beside the whole ones as `DIGEST.part` and is resumed by
//! byte range, also after the program was killed. Nothing gets its final name before its size and
//! digest have been checked. Of several threads, processes or clients that want one file, one
//! fetches it and the others wait. Above the budget the least recently used files that we fetched
//! are dropped ([`Fetched`]).

use super::client::{Hub, RemoteFile};
use super::copy::Copy;
use super::fetched::Fetched;
use super::layout::Layout;
use super::source::{CACHE_VARIABLE, Progress, StreamOptions};
use super::{is_hash, locked, transfer, tree};
use crate::file_digest::{git_blob_of_file, sha256_of_file};
use crate::lock::Lock;
use crate::net::download::On;
use crate::net::{Again, Failure};
use crate::{Error, Result};
use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};

/// The files of one repository, fetched when they are asked for.
#[derive(Debug)]
pub struct Store {
    /// Where files are looked for. The first that can be written is where they are put.
    layouts: Vec<Layout>,
    /// How many of these may be written, at the beginning.
    own_layouts: usize,
    written: OnceLock<Layout>,
    budget_bytes: u64,
    pub(super) hub: Hub,
    pub(super) repository: String,
    progress: Progress,
    /// Digests being fetched now, so that two threads never fetch one file.
    busy: Mutex<HashSet<String>>,
    done: Condvar,
    /// Whether what is here is compared with its digest before it is used.
    checks_fetched: bool,
    /// Digests of files that were found right.
    right: Mutex<HashSet<String>>,
    /// Files that were found wrong; they are passed over, and replaced by right ones.
    wrong: Mutex<HashSet<PathBuf>>,
}

impl Store {
    /// A store of `repository`, with its files where `options` say.
    pub fn new(options: &StreamOptions, repository: &str) -> Self {
        let mut layouts: Vec<Layout> = vec![];
        let own = [&options.hub_cache, &options.cache];
        let mut own_layouts = 0;
        for (number, root) in own.into_iter().chain(&options.read_caches).enumerate() {
            let layout = Layout::new(root, repository);
            if !layouts.contains(&layout) {
                layouts.push(layout);
                own_layouts += usize::from(number < own.len());
            }
        }
        Self {
            layouts,
            own_layouts,
            written: OnceLock::new(),
            budget_bytes: options.budget_bytes,
            hub: Hub::new(options.hub.clone()),
            repository: repository.to_owned(),
            progress: options.progress.clone(),
            busy: Mutex::default(),
            done: Condvar::new(),
            checks_fetched: options.check_fetched,
            right: Mutex::default(),
            wrong: Mutex::default(),
        }
    }

    /// Bytes that fetched files may take.
    pub fn budget_bytes(&self) -> u64 {
        self.budget_bytes
    }

    /// Where fetched files are put: the first folder that can be written.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn written(&self) -> Result<&Layout> {
        if let Some(layout) = self.written.get() {
            return Ok(layout);
        }
        let own = &self.layouts[..self.own_layouts];
        for (number, layout) in own.iter().enumerate() {
            let made = [layout.blobs(), layout.locks()].iter().try_for_each(fs::create_dir_all);
            match made.and_then(|()| Fetched(layout).prepare()) {
                Ok(()) => return Ok(self.written.get_or_init(|| layout.clone())),
                // A cache that many read and few may write.
                Err(error) if is_refused(&error) && number + 1 < own.len() => {
                    let folder = layout.folder();
                    tracing::warn!(
                        "{}: {error}; {} is used",
                        folder.display(),
                        own[number + 1].root().display()
                    );
                }
                Err(error) => return Err(unwritable(&layout.folder())(error)),
            }
        }
        Err(Error::missing(&self.repository, "no folder for fetched files is known"))
    }

    pub(super) fn layouts(&self) -> &[Layout] {
        &self.layouts
    }

    /// The folder in which the repository's fetched files are put, as far as is known before that
    /// is tried.
    pub(crate) fn folder(&self) -> PathBuf {
        self.written.get().unwrap_or(&self.layouts[0]).folder()
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
            return self.known(revision).map(|(commit, _)| commit).ok_or_else(|| self.unknown(revision));
        }
        let commit = self.hub.commit(&self.repository, revision)?;
        let layout = self.written()?;
        if let Some(path) = layout.reference(revision) {
            let before = fs::read_to_string(&path).unwrap_or_default();
            if before != commit {
                if is_hash(&before) {
                    tracing::info!("{}@{revision} is now commit {commit}, it was {before}", self.repository);
                }
                layout.write(&path, commit.as_bytes()).map_err(unwritable(&path))?;
            }
        }
        Ok(commit)
    }

    /// The files of a commit, remembered from the first time they were listed.
    ///
    /// # Errors
    /// If the hub does not answer, or offline nothing is known.
    pub fn files(&self, commit: &str) -> Result<Vec<RemoteFile>> {
        let known = self.layouts.iter().find_map(|layout| files_of(layout, commit));
        // A list that was written before lists were shared lacks what other clients want of it.
        let is_whole = |files: &Vec<RemoteFile>| files.iter().all(|file| !file.git_blob.is_empty());
        match known {
            Some(files) if self.hub.is_offline() || is_whole(&files) => return Ok(files),
            None if self.hub.is_offline() => return Err(self.unknown(commit)),
            _ => {}
        }
        let files = self.hub.files(&self.repository, commit)?;
        let layout = self.written()?;
        let path = layout.tree(commit);
        layout.write(&path, tree::to_json(&files).as_bytes()).map_err(unwritable(&path))?;
        Ok(files)
    }

    /// The commit that a revision stood for when the hub was asked last, and its files, if they
    /// were listed.
    pub(crate) fn known(&self, revision: &str) -> Option<(String, Vec<RemoteFile>)> {
        let commits = |layout: &Layout| -> Vec<String> {
            if is_hash(revision) {
                return vec![revision.to_owned()];
            }
            let paths = layout.reference(revision).into_iter().chain([layout.former_reference(revision)]);
            let read = paths.filter_map(|path| fs::read_to_string(path).ok());
            read.map(|text| text.trim().to_owned()).filter(|commit| is_hash(commit)).collect()
        };
        let commits = self.layouts.iter().flat_map(commits);
        let known = |commit: String| {
            let files = self.layouts.iter().find_map(|layout| files_of(layout, &commit))?;
            Some((commit, files))
        };
        commits.into_iter().find_map(known)
    }

    /// The snapshot of a revision in one of the caches, of which no list of files need be known.
    pub(crate) fn copies(&self, revision: &str) -> impl Iterator<Item = Copy> {
        self.layouts.iter().filter_map(move |layout| Copy::in_cache(layout, revision))
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
        let wrong = locked(&self.wrong);
        let right = |path: &PathBuf| {
            let found = fs::metadata(path);
            found.is_ok_and(|meta| meta.is_file() && meta.len() == file.size_bytes) && !wrong.contains(path)
        };
        let places = |layout: &Layout| {
            let snapshot = layout.snapshot(commit, &file.path);
            std::iter::once(layout.blob(&file.digest)).chain(snapshot)
        };
        self.layouts.iter().flat_map(places).find(right)
    }

    /// Bytes of a file that an interrupted fetch has left.
    pub(crate) fn begun_bytes(&self, file: &RemoteFile) -> u64 {
        let own = self.layouts[..self.own_layouts].iter();
        own.filter_map(|layout| fs::metadata(layout.part(&file.digest)).ok())
            .map(|meta| meta.len().min(file.size_bytes))
            .max()
            .unwrap_or(0)
    }

    /// Where a file of a commit lies, after it was fetched if need be. Waits for whoever else is
    /// fetching it.
    ///
    /// # Errors
    /// If it cannot be had: the hub refuses, stops or trickles, the digest stays wrong, the disk is
    /// full, or offline it is not here, or is wrong.
    pub fn fetch(&self, commit: &str, file: &RemoteFile) -> Result<PathBuf> {
        self.claim(&file.digest);
        let fetched = self.checked(commit, file).and_then(|here| match here {
            Some(path) => {
                self.share(commit, file);
                Ok(path)
            }
            None if self.hub.is_offline() => Err(self.not_here(file, "it was not fetched before")),
            None => self.download(commit, file),
        });
        self.release(&file.digest);
        fetched
    }

    /// Makes a file that is here known to other clients and as used now, where that costs nothing.
    fn share(&self, commit: &str, file: &RemoteFile) {
        let holds = |layout: &&Layout| layout.blob(&file.digest).is_file();
        let Some(layout) = self.layouts[..self.own_layouts].iter().find(holds) else { return };
        Fetched(layout).touch(&file.digest);
        let is_linked = layout.snapshot(commit, &file.path).is_some_and(|path| path.is_file());
        if self.written.get() == Some(layout)
            && !is_linked
            && let Ok(Some(_lock)) = Lock::attempt(&layout.lock(&file.digest))
        {
            Fetched(layout).link(commit, file);
        }
    }

    /// Where a file lies if it is here, with its digest if that is looked at.
    fn checked(&self, commit: &str, file: &RemoteFile) -> Result<Option<PathBuf>> {
        while let Some(path) = self.here(commit, file) {
            let right = || locked(&self.right);
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
            locked(&self.wrong).insert(path);
        }
        Ok(None)
    }

    fn claim(&self, digest: &str) {
        let mut busy = locked(&self.busy);
        while !busy.insert(digest.to_owned()) {
            busy = self.done.wait(busy).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn release(&self, digest: &str) {
        locked(&self.busy).remove(digest);
        self.done.notify_all();
    }

    fn download(&self, commit: &str, file: &RemoteFile) -> Result<PathBuf> {
        let layout = self.written()?;
        let lock_path = layout.lock(&file.digest);
        let waiting = || tracing::info!("{}: another process is fetching it", file.path);
        let lock = Lock::wait_shared(&lock_path, waiting).map_err(unwritable(&lock_path))?;
        if let Some(path) = self.here(commit, file) {
            return Ok(path);
        }
        let fetched = Fetched(layout);
        let is_busy = |digest: &str| locked(&self.busy).contains(digest);
        fetched.make_space(file, self.budget_bytes, &is_busy)?;
        fetched.begin(&file.digest).map_err(unwritable(&layout.folder()))?;
        let whole = layout.blob(&file.digest);
        // Where others cannot be kept out, every process has a part of its own.
        let part = if lock.excludes_others() {
            layout.part(&file.digest)
        } else {
            layout.part(&format!("{}.{}", file.digest, std::process::id()))
        };
        self.adopt_part(layout, &part, &file.digest);
        let on = On {
            unwritable: &|path: &Path, error| unwritable(path)(error),
            came: &|bytes| self.progress.came(bytes),
        };
        self.hub.client().patiently(|| {
            transfer::append(&self.hub, &self.repository, commit, file, &part, &on)?;
            let found = digest_of(&part, file)?;
            if found == file.digest {
                return Ok(());
            }
            let again = if fs::remove_file(&part).is_ok() { Again::Later(None) } else { Again::Never };
            let (path, expected) = (PathBuf::from(&file.path), file.digest.clone());
            Err(Failure::new(Error::Digest { path, expected, found }, again))
        })?;
        match (fs::rename(&part, &whole), self.here(commit, file)) {
            (Ok(()), _) => {}
            // Another process was faster.
            (Err(_), Some(path)) => return Ok(path),
            (Err(error), None) => return Err(Error::io(&whole)(error)),
        }
        let mut wrong = locked(&self.wrong);
        wrong.remove(&whole);
        layout.snapshot(commit, &file.path).map(|path| wrong.remove(&path));
        drop(wrong);
        fetched.finish(&file.digest).map_err(unwritable(&layout.folder()))?;
        fetched.link(commit, file);
        Ok(whole)
    }

    /// Takes over what was begun where files were put before.
    fn adopt_part(&self, layout: &Layout, part: &Path, digest: &str) {
        for other in self.layouts[..self.own_layouts].iter().filter(|other| *other != layout) {
            let begun = other.part(digest);
            if !part.exists() && begun.is_file() {
                let _ = fs::rename(&begun, part);
            }
        }
    }
}

fn files_of(layout: &Layout, commit: &str) -> Option<Vec<RemoteFile>> {
    tree::from_json(&fs::read_to_string(layout.tree(commit)).ok()?)
}

/// Whether a folder is there for others to write.
fn is_refused(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
}

/// A place of the cache that cannot be written, with the way to name another.
pub(super) fn unwritable(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let what = path.display().to_string();
    move |error| {
        let is_full = matches!(
            error.kind(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
        );
        let kept = if is_full { "; what came is kept, and the next run goes on from there" } else { "" };
        let reason =
            format!("{error}{kept}; HF_HUB_CACHE or {CACHE_VARIABLE} names another folder for fetched files");
        Error::missing(what, reason)
    }
}

/// The digest of a file in the form that the hub states: SHA-256, or SHA-1 of a git blob.
fn digest_of(path: &Path, file: &RemoteFile) -> Result<String> {
    if file.digest.len() == 64 {
        return sha256_of_file(path);
    }
    git_blob_of_file(path, file.size_bytes)
}
