//! The hub's public calls: list the files of a revision, send a file from a byte on.

use super::environment::PROCESS;
use super::is_hash;
use super::refusal::Asked;
use super::transport::Transport;
use crate::net::{Address, Answer, Client, Failure, Patience, Request, Token, escaped, escaped_part};
use crate::{Error, Result};
use serde::Deserialize;
use std::collections::HashSet;

/// Where the hub is and how patient to be with it.
#[derive(Clone)]
pub struct HubOptions {
    /// Address of the hub, without a slash at the end.
    pub endpoint: String,
    /// Token of its user, sent to the endpoint's own scheme, host and port and to nobody else,
    /// whatever redirects and links say.
    pub token: Option<String>,
    /// How long to wait, how slow is too slow, how often to ask.
    pub patience: Patience,
    /// Whether nothing may be asked of the network.
    pub offline: bool,
    /// What fetches the bytes of files.
    pub transport: Transport,
}

impl HubOptions {
    /// From the variables that all of the hub's clients know (`HF_ENDPOINT`, `HF_TOKEN` or a file,
    /// `HF_HUB_OFFLINE`, `HF_HUB_DOWNLOAD_TIMEOUT`), and `NOISEFLOOR_TRANSPORT`.
    pub fn from_environment() -> Self {
        let endpoint = PROCESS.text("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".to_owned());
        Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            token: PROCESS.token(),
            patience: Patience::from_environment(),
            offline: PROCESS.is_on("HF_HUB_OFFLINE"),
            transport: Transport::from_environment(),
        }
    }
}

impl std::fmt::Debug for HubOptions {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { endpoint, token, patience, offline, transport } = self;
        f.debug_struct("HubOptions")
            .field("endpoint", endpoint)
            .field("has_token", &token.is_some())
            .field("patience", patience)
            .field("offline", offline)
            .field("transport", transport)
            .finish()
    }
}

/// A file of a repository at one revision.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteFile {
    /// Path in the repository.
    pub path: String,
    /// Size, bytes.
    pub size_bytes: u64,
    /// SHA-256 of its bytes (large files), or SHA-1 of its git blob (small ones), hexadecimal.
    pub digest: String,
    /// SHA-1 of its git blob: of a large file that of the pointer that git keeps. Empty if unknown.
    pub git_blob: String,
    /// What the hub's store of chunks calls it, where it is kept there.
    pub xet_hash: Option<String>,
}

/// A connection to the hub.
#[derive(Clone, Debug)]
pub struct Hub {
    options: HubOptions,
    client: Client,
}

/// Bytes of a list of files, all its pages together; 100 000 files take about 25 MB.
const MOST_LIST_BYTES: u64 = 128 << 20;
/// Pages of a list; more would be a circle.
const MOST_PAGES: usize = 1000;
/// Bytes of the answer that names a commit.
const MOST_REVISION_BYTES: u64 = 1 << 20;

impl Hub {
    /// A hub that has not been asked anything yet.
    pub fn new(options: HubOptions) -> Self {
        let client = Client::new(&options.patience);
        Self { options, client }
    }

    /// Whether nothing may be asked of the network.
    pub fn is_offline(&self) -> bool {
        self.options.offline
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn options(&self) -> &HubOptions {
        &self.options
    }

    /// The same failure; a refusal of the hub itself says what it means for who asked.
    pub(super) fn in_words(&self, failure: Failure, asked: Asked<'_>) -> Failure {
        let Failure { error, again, refusal } = failure;
        let own = refusal.as_deref().filter(|refusal| {
            // What the hub has led to refuses for reasons of its own.
            self.address("").is_ok_and(|own| own.origin() == &refusal.origin)
        });
        let words = |refusal| asked.words(refusal, &self.options.endpoint, self.options.token.is_some());
        let error = match (error, own.and_then(words)) {
            (Error::Hub { url, .. }, Some(reason)) => Error::Hub { url, reason },
            (error, _) => error,
        };
        Failure { error, again, refusal }
    }

    /// The commit that a revision (a branch, a tag or a commit) stands for now.
    ///
    /// # Errors
    /// If there is no such dataset or revision, or the hub does not answer.
    pub fn commit(&self, repository: &str, revision: &str) -> Result<String> {
        #[derive(Deserialize)]
        struct Revision {
            sha: String,
        }
        let asked = Asked::Revision(repository, revision);
        // Slashes of a revision are none of the address.
        let (repository, revision) = (escaped(repository), escaped_part(revision));
        let address = self.address(&format!("/api/datasets/{repository}/revision/{revision}"))?;
        let mut left_bytes = MOST_REVISION_BYTES;
        let (found, _): (Revision, _) = self.json(&address, asked, &mut left_bytes)?;
        if !is_hash(&found.sha) {
            let shown: String = found.sha.chars().take(80).collect();
            return Err(refused(address.as_str(), format!("'{shown}' is no commit")));
        }
        Ok(found.sha.to_ascii_lowercase())
    }

    /// The files of a commit.
    ///
    /// # Errors
    /// If the hub does not answer, answers nonsense, or more than a list may hold.
    pub fn files(&self, repository: &str, commit: &str) -> Result<Vec<RemoteFile>> {
        #[derive(Deserialize)]
        struct Lfs {
            oid: String,
            size: u64,
        }
        #[derive(Deserialize)]
        struct Entry {
            #[serde(rename = "type")]
            kind: String,
            path: String,
            #[serde(default)]
            oid: String,
            #[serde(default)]
            size: u64,
            lfs: Option<Lfs>,
            #[serde(rename = "xetHash")]
            xet_hash: Option<String>,
        }
        let asked = Asked::List(repository, commit);
        let repository = escaped(repository);
        let mut address =
            self.address(&format!("/api/datasets/{repository}/tree/{commit}?recursive=true"))?;
        let (mut files, mut left_bytes, mut seen) = (vec![], MOST_LIST_BYTES, HashSet::new());
        loop {
            if !seen.insert(address.as_str().to_owned()) || seen.len() > MOST_PAGES {
                return Err(refused(
                    address.as_str(),
                    format!("page {} of the list leads in a circle", seen.len()),
                ));
            }
            let (entries, next): (Vec<Entry>, _) = self.json(&address, asked, &mut left_bytes)?;
            for entry in entries.into_iter().filter(|entry| entry.kind == "file") {
                let (digest, size_bytes) = match entry.lfs {
                    Some(lfs) => (lfs.oid, lfs.size),
                    None => (entry.oid.clone(), entry.size),
                };
                if !is_hash(&digest) {
                    return Err(refused(
                        address.as_str(),
                        format!("{}: '{digest}' is no digest", entry.path),
                    ));
                }
                files.push(RemoteFile {
                    path: entry.path,
                    size_bytes,
                    digest: digest.to_ascii_lowercase(),
                    git_blob: if is_hash(&entry.oid) {
                        entry.oid.to_ascii_lowercase()
                    } else {
                        String::new()
                    },
                    xet_hash: entry.xet_hash.filter(|hash| hash.len() == 64 && is_hash(hash)),
                });
            }
            match next {
                Some(next) => address = next,
                None => return Ok(files),
            }
        }
    }

    /// Where a file of a commit is to be had.
    ///
    /// # Errors
    /// If the endpoint is no address.
    pub(crate) fn file_address(&self, repository: &str, commit: &str, path: &str) -> Result<Address> {
        let (repository, path) = (escaped(repository), escaped(path));
        self.address(&format!("/datasets/{repository}/resolve/{commit}/{path}"))
    }

    /// A request to an address of the hub, or to one that it has led to.
    ///
    /// # Errors
    /// If nothing may be asked of the network.
    pub(crate) fn with_request<T>(
        &self,
        address: &Address,
        use_it: impl FnOnce(Request<'_>) -> Result<T>,
    ) -> Result<T> {
        if self.options.offline {
            return Err(refused(address.as_str(), "offline: nothing may be asked of the network".into()));
        }
        let own = self.address("")?;
        if self.options.token.as_ref().is_some_and(|token| !token.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            let reason = "the token holds characters that none has; see HF_TOKEN and HF_TOKEN_PATH";
            return Err(refused(address.as_str(), reason.into()));
        }
        let token = self.options.token.clone().map(|secret| Token { origin: own.origin().clone(), secret });
        use_it(Request { token: token.as_ref(), ..Request::new(address) })
    }

    fn address(&self, path: &str) -> Result<Address> {
        let text = format!("{}{path}", self.options.endpoint);
        Address::new(&text).map_err(|_| {
            let reason = "HF_ENDPOINT must be an address such as https://huggingface.co";
            refused(&text, reason.into())
        })
    }

    /// A page of JSON and the address of the next one; its bytes are taken off those that are left.
    fn json<T: serde::de::DeserializeOwned>(
        &self,
        address: &Address,
        asked: Asked<'_>,
        left_bytes: &mut u64,
    ) -> Result<(T, Option<Address>)> {
        let (answered, link, bytes) = self.with_request(address, |request| {
            self.client.patiently(|| {
                let answer = self.client.get(request).map_err(|failure| self.in_words(failure, asked))?;
                let Answer { address, link, mut body, .. } = answer;
                Ok((address, link, body.all(*left_bytes)?))
            })
        })?;
        *left_bytes -= bytes.len() as u64;
        let url = address.as_str();
        let next = link.as_deref().and_then(next_page).map(|next| answered.led_to(next)).transpose();
        let next = next.map_err(|reason| refused(url, format!("names a next page, and {reason}")))?;
        let value = serde_json::from_slice(&bytes).map_err(|error| refused(url, no_json(&bytes, &error)))?;
        Ok((value, next))
    }
}

fn refused(url: &str, reason: String) -> Error {
    Failure::refused(url, reason).error
}

/// Why an answer is not what the hub promises.
fn no_json(bytes: &[u8], error: &serde_json::Error) -> String {
    let is_page = bytes.trim_ascii_start().starts_with(b"<");
    let what = if is_page { "a web page" } else { "something else" };
    format!("it answers with {what}, expected JSON as the hub writes it ({error})")
}

/// The address in `<ADDRESS>; rel="next"`.
fn next_page(link: &str) -> Option<&str> {
    let part = link.split(',').find(|part| part.contains("rel=\"next\""))?;
    Some(part.split_once('<')?.1.split_once('>')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_another_kind_is_told_as_such() {
        let words = |text: &str| {
            no_json(text.as_bytes(), &serde_json::from_str::<Vec<u8>>(text).expect_err("it is no list"))
        };
        let page = words("\n<!doctype html><title>Log in</title>");
        assert!(page.starts_with("it answers with a web page, expected JSON"), "{page}");
        assert!(words("{}").starts_with("it answers with something else"));
    }

    #[test]
    fn next_pages_are_found_in_links() {
        let link = "<https://h/a?cursor=x>; rel=\"next\", <https://h/b>; rel=\"prev\"";
        assert_eq!(next_page(link), Some("https://h/a?cursor=x"));
        assert_eq!(next_page("<https://h/b>; rel=\"prev\""), None);
    }
}
