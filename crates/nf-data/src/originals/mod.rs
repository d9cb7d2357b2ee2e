//! Frames that are to be had at their origins: fetched file by file, and converted to what the
//! dataset holds.
//!
//! A manifest states for each of its files the images in it (shape and digest) and the original
//! files that they come from. Whatever else is in the originals (further images, other header
//! cards, another compression), a frame is right when its pixels have the digests of the manifest.

mod convert;

use crate::file_digest::git_blob_of_file;
use crate::hub::StreamOptions;
use crate::lock::Lock;
use crate::manifest::{FileEntry, Original};
use crate::net::download::{Expected, On, append};
use crate::net::{Address, Again, Client, Failure, Request, escaped};
use crate::open::frames;
use crate::{Error, OpenOptions, Result, file_stem};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// The variable that names another place for original files: an address in which `{repository}`,
/// `{revision}`, `{path}` and `{git_blob}` are filled in, or one to which the first three are
/// appended.
pub const MIRROR_VARIABLE: &str = "NOISEFLOOR_MIRROR";
/// Longest original file, bytes.
const MOST_ORIGINAL_BYTES: u64 = 1 << 30;
/// What a server is asked to send of a git object: its bytes, not a description.
const ACCEPT: &str = "application/vnd.github.raw+json, */*";

/// The frames of a dataset whose originals can be fetched.
pub struct Originals {
    folder: PathBuf,
    cache: PathBuf,
    files: Vec<FileEntry>,
    mirrors: Vec<String>,
    client: Client,
    offline: bool,
}

impl Originals {
    /// The frames of `reference` (as for [`open`](crate::open()), views aside), to be written into
    /// the folder in which they will be looked for; `None` for a dataset whose manifest states no
    /// originals. `mirror` is used instead of the manifest's addresses, and by default
    /// [`MIRROR_VARIABLE`].
    ///
    /// # Errors
    /// If there is no such dataset or split.
    pub fn of(
        reference: impl AsRef<OsStr>,
        options: &OpenOptions,
        mirror: Option<String>,
    ) -> Result<Option<Self>> {
        let Some(frames) = frames(reference.as_ref(), options)? else { return Ok(None) };
        let stream = options.stream.clone().unwrap_or_else(StreamOptions::from_environment);
        let variable = || std::env::var(MIRROR_VARIABLE).ok().filter(|text| !text.is_empty());
        let mirrors = mirror.or_else(variable).map_or(frames.mirrors, |mirror| vec![mirror]);
        Ok(Some(Self {
            folder: frames.folder,
            cache: stream.cache.join("originals"),
            files: frames.files,
            mirrors,
            client: Client::new(&stream.hub.patience),
            offline: stream.hub.offline,
        }))
    }

    /// Number of frames.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Name of a frame's file.
    ///
    /// # Panics
    /// If `index` is not below `len`.
    pub fn name(&self, index: usize) -> &str {
        &self.files[index].name
    }

    /// The folder that holds the frames.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Fetches and converts a frame unless it is there; whether that was needed. What an
    /// interrupted call has fetched is not asked for again.
    ///
    /// # Errors
    /// If an original cannot be had, the pixels are not those of the manifest, or a file of the
    /// frame's name is another one.
    ///
    /// # Panics
    /// If `index` is not below `len`.
    pub fn fetch(&self, index: usize) -> Result<bool> {
        let frame = &self.files[index];
        let whole = self.folder.join(&frame.name);
        if whole.exists() {
            frame.check(&whole)?;
            return Ok(false);
        }
        if self.offline {
            return Err(Error::missing(&frame.name, "offline, and not fetched before"));
        }
        for folder in [&self.folder, &self.cache] {
            fs::create_dir_all(folder).map_err(Error::io(folder))?;
        }
        let lock_path = self.folder.join(format!(".{}.lock", frame.name));
        let lock = Lock::wait(&lock_path, || ()).map_err(Error::io(&lock_path))?;
        if whole.exists() {
            return Ok(false);
        }
        let ending = if lock.excludes_others() { String::new() } else { format!(".{}", std::process::id()) };
        let originals: Vec<PathBuf> =
            frame.sources.iter().map(|source| self.original(source, &ending)).collect::<Result<_>>()?;
        let part = self.folder.join(format!(".{}{ending}.part", frame.name));
        let made = convert::convert(&originals, frame, &part).and_then(|()| frame.check_images(&part));
        if let Err(error) = made {
            // Neither what was made nor what it was made of is worth keeping.
            originals.iter().chain([&part]).for_each(|path| drop(fs::remove_file(path)));
            return Err(error);
        }
        fs::rename(&part, &whole).map_err(Error::io(&whole))?;
        originals.iter().for_each(|path| drop(fs::remove_file(path)));
        Ok(true)
    }

    /// An original file, fetched unless it is here.
    fn original(&self, source: &Original, ending: &str) -> Result<PathBuf> {
        let name =
            source.git_blob.clone().unwrap_or_else(|| format!("{}/{}", source.repository, source.path));
        let whole = self.cache.join(file_stem(&name));
        if whole.exists() {
            return Ok(whole);
        }
        let part = self.cache.join(format!("{}{ending}.part", file_stem(&name)));
        let mut failure = None;
        for (number, mirror) in self.mirrors.iter().enumerate() {
            let Some(address) = address(mirror, source) else { continue };
            let address = Address::new(&address).map_err(|reason| Error::missing(mirror, reason))?;
            let is_last = number + 1 == self.mirrors.len();
            match self.download(&address, source, &part, is_last) {
                Ok(()) => {
                    fs::rename(&part, &whole).map_err(Error::io(&whole))?;
                    return Ok(whole);
                }
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        Err(failure.unwrap_or_else(|| Error::missing(&source.path, "no mirror has an address for it")))
    }

    /// Fetches one file to `part`. A repository may have moved on: bytes that are not the git
    /// object are refused while there is another mirror, and left to the digest of the pixels at
    /// the last.
    fn download(&self, address: &Address, source: &Original, part: &Path, is_last: bool) -> Result<()> {
        let expected = Expected { bytes: None, most_bytes: MOST_ORIGINAL_BYTES };
        let on = On { unwritable: &|path, error| Error::io(path)(error), came: &|_| () };
        let request = Request { accept: ACCEPT, ..Request::new(address) };
        let mut others = 0;
        self.client.patiently(|| {
            append(&self.client, request, expected, part, &on)?;
            let bytes = fs::metadata(part).map_err(Error::io(part))?.len();
            let found = git_blob_of_file(part, bytes)?;
            let Some(wanted) = source.git_blob.as_ref().filter(|wanted| **wanted != found) else {
                return Ok(());
            };
            others += 1;
            if is_last && others > 1 {
                tracing::debug!("{}: is the git object {found}, not {wanted}", address.as_str());
                return Ok(());
            }
            fs::remove_file(part).map_err(Error::io(part))?;
            let again = if others > 1 { Again::Never } else { Again::Later(None) };
            let (path, expected) = (PathBuf::from(&source.path), wanted.clone());
            Err(Failure::new(Error::Digest { path, expected, found }, again))
        })
    }
}

/// Where a mirror has a file; `None` if it goes by git objects, and that of the file is not known.
fn address(mirror: &str, source: &Original) -> Option<String> {
    let whole = if mirror.contains('{') {
        mirror.to_owned()
    } else {
        format!("{}/{{repository}}/{{revision}}/{{path}}", mirror.trim_end_matches('/'))
    };
    if whole.contains("{git_blob}") && source.git_blob.is_none() {
        return None;
    }
    let blob = source.git_blob.as_deref().unwrap_or_default();
    let values = [
        ("{repository}", escaped(&source.repository)),
        ("{revision}", escaped(&source.revision)),
        ("{path}", escaped(&source.path)),
        ("{git_blob}", escaped(blob)),
    ];
    Some(values.iter().fold(whole, |address, (name, value)| address.replace(name, value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_are_templates_or_what_a_path_is_appended_to() {
        let mut source = Original {
            repository: "o/n".into(),
            revision: "HEAD".into(),
            path: "a b/c:d.fits".into(),
            git_blob: None,
            package: None,
        };
        let to = |mirror: &str, source: &Original| address(mirror, source);
        assert_eq!(to("https://m/x/", &source).as_deref(), Some("https://m/x/o/n/HEAD/a%20b/c%3Ad.fits"));
        assert_eq!(to("https://m/{git_blob}", &source), None);
        source.git_blob = Some("ab".into());
        assert_eq!(to("https://m/{repository}/{git_blob}", &source).as_deref(), Some("https://m/o/n/ab"));
    }
}
