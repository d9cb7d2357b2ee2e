//! The hub's public calls: list the files of a revision, send a file from a byte on.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::time::Duration;
use ureq::Agent;
use ureq::http::Response;

/// Where the hub is and how patient to be with it.
#[derive(Clone, Debug)]
pub struct HubOptions {
    /// Address of the hub, without a slash at the end.
    pub endpoint: String,
    /// Token of its user, sent to the hub itself and never to where it redirects.
    pub token: Option<String>,
    /// Attempts for every request, the first included.
    pub attempts: u32,
    /// Pause before the second attempt; doubles with every further one, up to a minute.
    pub pause: Duration,
    /// Whether nothing may be asked of the network.
    pub offline: bool,
}

impl HubOptions {
    /// From the variables that all of the hub's clients know: `HF_ENDPOINT`, `HF_TOKEN`, `HF_HUB_OFFLINE`.
    pub fn from_environment() -> Self {
        let variable = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
        let endpoint = variable("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".to_owned());
        Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            token: variable("HF_TOKEN"),
            attempts: 6,
            pause: Duration::from_secs(1),
            offline: variable("HF_HUB_OFFLINE").is_some_and(|value| value != "0"),
        }
    }
}

/// A file of a repository at one revision.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct RemoteFile {
    /// Path in the repository.
    pub path: String,
    /// Size, bytes.
    pub size_bytes: u64,
    /// SHA-256 of its bytes (large files), or SHA-1 of its git blob (small ones), hexadecimal.
    pub digest: String,
}

/// A connection to the hub.
#[derive(Clone, Debug)]
pub struct Hub {
    options: HubOptions,
    agent: Agent,
}

/// Lists and revisions are refused above this size.
const MOST_LIST_BYTES: u64 = 64 << 20;
/// Attempts where nothing answers at all, so that whoever has no network learns it soon.
const ATTEMPTS_WITHOUT_NETWORK: u32 = 3;
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl Hub {
    /// A hub that has not been asked anything yet.
    pub fn new(options: HubOptions) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(20)))
            .timeout_recv_response(Some(Duration::from_secs(60)))
            .user_agent(concat!("noisefloor/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Self { options, agent }
    }

    /// Whether nothing may be asked of the network.
    pub fn is_offline(&self) -> bool {
        self.options.offline
    }

    pub(crate) fn options(&self) -> &HubOptions {
        &self.options
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
        let url = format!("{}/api/datasets/{repository}/revision/{revision}", self.options.endpoint);
        let (found, _): (Revision, _) = self.json(&url)?;
        if found.sha.is_empty() || !found.sha.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(refused(&url, format!("'{}' is no commit", found.sha)));
        }
        Ok(found.sha)
    }

    /// The files of a commit.
    ///
    /// # Errors
    /// If the hub does not answer, or answers nonsense.
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
        }
        let mut url =
            format!("{}/api/datasets/{repository}/tree/{commit}?recursive=true", self.options.endpoint);
        let mut files = vec![];
        // A page names the next one; more pages than this would be a circle.
        for _ in 0..1000 {
            let (entries, next): (Vec<Entry>, _) = self.json(&url)?;
            for entry in entries.into_iter().filter(|entry| entry.kind == "file") {
                let (digest, size_bytes) = match entry.lfs {
                    Some(lfs) => (lfs.oid, lfs.size),
                    None => (entry.oid, entry.size),
                };
                if !matches!(digest.len(), 40 | 64) || !digest.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return Err(refused(&url, format!("{}: '{digest}' is no digest", entry.path)));
                }
                files.push(RemoteFile { path: entry.path, size_bytes, digest: digest.to_ascii_lowercase() });
            }
            match next {
                Some(next) => url = next,
                None => return Ok(files),
            }
        }
        Err(refused(&url, "more than 1000 pages of files".into()))
    }

    /// The bytes of a file from `start_bytes` on; with them, the byte at which the answer really begins.
    ///
    /// # Errors
    /// If the hub does not send it. The reader itself fails if the connection is cut.
    pub fn send(
        &self,
        repository: &str,
        commit: &str,
        path: &str,
        start_bytes: u64,
    ) -> Result<(u64, impl Read + use<>)> {
        let url =
            format!("{}/datasets/{repository}/resolve/{commit}/{}", self.options.endpoint, escaped(path));
        let range = (start_bytes > 0).then(|| format!("bytes={start_bytes}-"));
        let response = self.patiently(&url, range.as_deref())?;
        let begins = match response.status().as_u16() {
            206 => header(&response, "content-range")
                .and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.parse().ok())
                .ok_or_else(|| refused(&url, "a part without a Content-Range".into()))?,
            _ => 0,
        };
        Ok((begins, response.into_body().into_reader()))
    }

    fn json<T: serde::de::DeserializeOwned>(&self, url: &str) -> Result<(T, Option<String>)> {
        let response = self.patiently(url, None)?;
        let next = header(&response, "link").and_then(next_page);
        let mut text = String::new();
        let mut body = response.into_body().into_reader().take(MOST_LIST_BYTES);
        body.read_to_string(&mut text).map_err(|error| refused(url, error.to_string()))?;
        let value = serde_json::from_str(&text).map_err(|error| refused(url, error.to_string()))?;
        Ok((value, next))
    }

    /// Asks until there is an answer that asking again would not change.
    ///
    /// # Errors
    /// [`Error::Missing`] without a network, so that whoever can do without these data goes on; [`Error::Hub`] for
    /// what a hub that is there refuses.
    fn patiently(&self, url: &str, range: Option<&str>) -> Result<Response<ureq::Body>> {
        if self.options.offline {
            return Err(refused(url, "offline: nothing may be asked of the network".into()));
        }
        let mut pause = self.options.pause;
        let (mut attempt, mut attempts) = (1, self.options.attempts);
        loop {
            let mut request = self.agent.get(url);
            if let Some(token) = &self.options.token {
                request = request.header("Authorization", format!("Bearer {token}"));
            }
            if let Some(range) = range {
                request = request.header("Range", range);
            }
            let mut nobody = false;
            let (reason, asked_pause) = match request.call() {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) => {
                    let status = response.status();
                    let reason = format!("the hub answers {status}");
                    if status.as_u16() != 429 && !status.is_server_error() {
                        return Err(refused(url, reason));
                    }
                    let seconds = header(&response, "retry-after").and_then(|text| text.parse().ok());
                    (reason, seconds.map(Duration::from_secs))
                }
                Err(error @ (ureq::Error::BadUri(_) | ureq::Error::Http(_))) => {
                    let example = "HF_ENDPOINT must be an address such as https://huggingface.co";
                    return Err(refused(url, format!("{error}; {example}")));
                }
                Err(error) => {
                    nobody = is_unreachable(&error);
                    if nobody {
                        attempts = attempts.min(ATTEMPTS_WITHOUT_NETWORK);
                    }
                    let hint = "without a network, HF_HUB_OFFLINE=1 works with what is here";
                    (format!("{error}; {hint}"), None)
                }
            };
            if attempt >= attempts {
                let reason = format!("{reason} (asked {attempt} times)");
                return Err(if nobody { Error::missing(url, reason) } else { refused(url, reason) });
            }
            tracing::debug!("{url}: {reason}; asking again");
            std::thread::sleep(asked_pause.unwrap_or(pause).min(LONGEST_PAUSE));
            pause = (pause * 2).min(LONGEST_PAUSE);
            attempt += 1;
        }
    }
}

/// Whether there is nobody to talk to (no such host, no route, no listener), and not a connection that was lost.
fn is_unreachable(error: &ureq::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof};
    let lost = [BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof];
    match error {
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => true,
        ureq::Error::Io(error) => !lost.contains(&error.kind()),
        _ => false,
    }
}

fn refused(url: &str, reason: String) -> Error {
    Error::Hub { url: url.to_owned(), reason }
}

fn header<'a>(response: &'a Response<ureq::Body>, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// The address in `<ADDRESS>; rel="next"`.
fn next_page(link: &str) -> Option<String> {
    let part = link.split(',').find(|part| part.contains("rel=\"next\""))?;
    Some(part.split_once('<')?.1.split_once('>')?.0.to_owned())
}

/// A path with everything escaped that an address may not hold.
fn escaped(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_paths() {
        let link = "<https://h/a?cursor=x>; rel=\"next\", <https://h/b>; rel=\"prev\"";
        assert_eq!(next_page(link).as_deref(), Some("https://h/a?cursor=x"));
        assert_eq!(next_page("<https://h/b>; rel=\"prev\""), None);
        assert_eq!(escaped("data/a b+ü.fits"), "data/a%20b%2B%C3%BC.fits");
    }
}
