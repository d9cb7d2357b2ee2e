//! A stand-in for the hub: its list and resolve calls over made-up files, with faults on demand.
//!
//! Used by the tests of the library and, as a module by path, by those of the program.
#![allow(dead_code, reason = "each of its users uses a part")]
#![allow(clippy::unwrap_used, reason = "tests")]

pub(crate) mod frames;

use nf_data::hub::{HubOptions, Patience, Progress, StreamOptions, Transport};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What goes wrong with the next answer: to a request for a file's bytes, under the file's path, or
/// to a call of the list, under [`REVISION`] or [`TREE`].
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The connection is cut after so many bytes of the body.
    CutAfter(usize),
    /// A status instead of the file, with `Retry-After: 0`.
    Status(u16),
    /// One byte is another one.
    WrongByte,
    /// The file is shorter than it should be, and says so.
    TooShort,
    /// The range asked for is ignored.
    WholeFile,
    /// After so many bytes of the body nothing more comes, and the connection stays.
    StallAfter(usize),
    /// After so many bytes of the body a byte comes now and then.
    TrickleAfter(usize),
    /// Nothing is answered, and the connection stays.
    Silent,
    /// The range is ignored, and zeros come for ever, of no stated length.
    Endless,
    /// Somewhere else, `{other}` being another origin's name for the same server.
    Redirect(&'static str),
    /// The list goes on there.
    NextPage(&'static str),
    /// This instead, whole.
    Instead(Vec<u8>),
    /// An encoding that was not asked for.
    Encoded,
    /// A body of no stated length that ends after so many bytes.
    EndsAfter(usize),
    /// A status of the hub itself with what it says in `X-Error-Code`, nothing if that is empty.
    Refused(u16, &'static str),
}

/// Where faults of the calls of the list are kept.
pub(crate) const REVISION: &str = "revision";
pub(crate) const TREE: &str = "tree";
/// Where faults of the hub are kept when it is asked for a file; those of what it leads to are
/// under the file's path.
pub(crate) const RESOLVE: &str = "resolve";

/// A request as it was seen.
#[derive(Clone, Debug)]
struct Seen {
    path: String,
    range: Option<String>,
    has_token: bool,
    host: String,
    is_head: bool,
}

type Files = BTreeMap<String, Vec<u8>>;

#[derive(Default)]
struct State {
    /// By path, the same in every repository; or by `owner/name/path`.
    files: Arc<Files>,
    /// Other commits and their files.
    commits: BTreeMap<String, Arc<Files>>,
    /// Commits of branches; every other revision stands for [`COMMIT`].
    branches: BTreeMap<String, String>,
    faults: BTreeMap<String, VecDeque<Fault>>,
    seen: Vec<Seen>,
}

/// The running server.
pub(crate) struct Server {
    pub(crate) endpoint: String,
    state: Arc<Mutex<State>>,
}

pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
/// Another one.
pub(crate) const LATER: &str = "89abcdef0123456789abcdef0123456789abcdef";

/// Options to stream from `endpoint` into `cache`, with a token and nothing fetched ahead.
pub(crate) fn stream(endpoint: &str, cache: &Path, patience: Patience) -> StreamOptions {
    let token = Some("secret".into());
    let transport = Transport::from_environment();
    StreamOptions {
        hub: HubOptions { endpoint: endpoint.to_owned(), token, patience, offline: false, transport },
        hub_cache: cache.to_owned(),
        cache: cache.to_owned(),
        read_caches: vec![],
        budget_bytes: 1 << 30,
        most_bytes: None,
        ahead: 0,
        check_fetched: false,
        progress: Progress::default(),
    }
}

/// Files per page of the list.
const PAGE: usize = 3;

impl Server {
    pub(crate) fn start(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let state =
            Arc::new(Mutex::new(State { files: Arc::new(files.into_iter().collect()), ..State::default() }));
        let (shared, own) = (Arc::clone(&state), endpoint.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, own) = (Arc::clone(&shared), own.clone());
                std::thread::spawn(move || answer(stream, &shared, &own));
            }
        });
        Self { endpoint, state }
    }

    /// Another commit, for which `revision` stands from now on.
    pub(crate) fn commit(
        &self,
        revision: &str,
        commit: &str,
        files: impl IntoIterator<Item = (String, Vec<u8>)>,
    ) {
        let mut state = self.state.lock().unwrap();
        state.commits.insert(commit.to_owned(), Arc::new(files.into_iter().collect()));
        state.branches.insert(revision.to_owned(), commit.to_owned());
    }

    pub(crate) fn fault(&self, path: &str, fault: Fault) {
        self.state.lock().unwrap().faults.entry(path.to_owned()).or_default().push_back(fault);
    }

    /// Ranges asked for when `path`'s bytes were wanted, without their ends.
    pub(crate) fn ranges(&self, path: &str) -> Vec<Option<String>> {
        let wanted = format!("/cdn/{path}");
        let state = self.state.lock().unwrap();
        let seen = state.seen.iter().filter(|seen| seen.path == wanted && !seen.is_head);
        let start = |range: &String| format!("{}-", range.split('-').next().unwrap());
        seen.map(|seen| seen.range.as_ref().map(start)).collect()
    }

    pub(crate) fn requests(&self) -> usize {
        self.state.lock().unwrap().seen.len()
    }

    /// Whether another origin than the endpoint ever saw a token.
    pub(crate) fn token_leaked(&self) -> bool {
        let own = self.endpoint.trim_start_matches("http://");
        self.state.lock().unwrap().seen.iter().any(|seen| seen.host != own && seen.has_token)
    }

    /// Whether every request to the endpoint itself brought the token.
    pub(crate) fn token_came(&self) -> bool {
        let own = self.endpoint.trim_start_matches("http://");
        let state = self.state.lock().unwrap();
        let mut own = state.seen.iter().filter(|seen| seen.host == own).peekable();
        own.peek().is_some() && own.all(|seen| seen.has_token)
    }

    /// Requests for paths that begin so.
    pub(crate) fn requests_of(&self, start: &str) -> usize {
        self.state
            .lock()
            .unwrap()
            .seen
            .iter()
            .filter(|seen| seen.path.starts_with(start) && !seen.is_head)
            .count()
    }
}

fn answer(mut stream: TcpStream, state: &Mutex<State>, endpoint: &str) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    if reader.read_line(&mut line).is_err() || line.is_empty() {
        return;
    }
    let is_head = line.starts_with("HEAD ");
    let target = line.split(' ').nth(1).unwrap_or("/").to_owned();
    let (mut range, mut has_token, mut host) = (None, false, String::new());
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header).is_err() || header.trim().is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').unwrap_or((&header, ""));
        match name.to_ascii_lowercase().as_str() {
            "range" => range = Some(value.trim().to_owned()),
            "authorization" => has_token = true,
            "host" => host = value.trim().to_owned(),
            _ => {}
        }
    }
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let (files, commit, fault) = {
        let mut state = state.lock().unwrap();
        state.seen.push(Seen { path: path.to_owned(), range: range.clone(), has_token, host, is_head });
        let call = [REVISION, TREE, RESOLVE].into_iter().find(|call| path.contains(&format!("/{call}/")));
        let key = call.or_else(|| path.strip_prefix("/cdn/"));
        // A look at a file's header is not what faults of its bytes are for.
        let key = key.filter(|key| !is_head || *key == RESOLVE);
        let fault = key.and_then(|key| state.faults.get_mut(key));
        let fault = fault.and_then(VecDeque::pop_front);
        // The branch or commit that is asked for; slashes of a branch are escaped.
        let after = |call: &str| path.split_once(call).map(|(_, rest)| rest);
        let first = |rest: &str| rest.split('/').next().unwrap().to_owned();
        let asked = match after("/revision/") {
            Some(rest) => (!rest.contains('/')).then(|| rest.to_owned()),
            None => Some(after("/tree/").or(after("/resolve/")).map_or(query.to_owned(), first)),
        };
        let commit = asked.map(|revision| match revision.replace("%2F", "/") {
            commit if state.commits.contains_key(&commit) => commit,
            branch => state.branches.get(&branch).cloned().unwrap_or_else(|| COMMIT.to_owned()),
        });
        let files = commit.as_ref().and_then(|commit| state.commits.get(commit)).unwrap_or(&state.files);
        (Arc::clone(files), commit, fault)
    };
    let Some(commit) = commit else {
        let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return;
    };
    let head = |status: &str, length: usize, more: &str| {
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{more}\r\n")
    };
    let send = |stream: &mut TcpStream, head: String, body: &[u8]| {
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
    };
    let cdn = endpoint.replace("127.0.0.1", "localhost");
    let fault = match fault {
        Some(Fault::Silent) => return std::thread::sleep(FOR_EVER),
        Some(Fault::Endless) => return send_for_ever(&mut stream),
        Some(Fault::Redirect(location)) => {
            let more = format!("Location: {}\r\n", location.replace("{other}", &cdn));
            return send(&mut stream, head("302 Found", 0, &more), b"");
        }
        Some(Fault::Instead(body)) => return send(&mut stream, head("200 OK", body.len(), ""), &body),
        Some(Fault::Refused(status, code)) => {
            let more = if code.is_empty() { String::new() } else { format!("X-Error-Code: {code}\r\n") };
            return send(&mut stream, head(&format!("{status} No"), 0, &more), b"");
        }
        Some(Fault::Encoded) => {
            return send(&mut stream, head("200 OK", 2, "Content-Encoding: gzip\r\n"), b"\x1f\x8b");
        }
        other => other,
    };
    let repository = path.trim_start_matches("/api").split('/').skip(2).take(2).collect::<Vec<_>>().join("/");
    let own = listed(&files, &repository);
    if path.contains("/revision/") {
        let body = format!("{{\"sha\": \"{commit}\", \"id\": \"{repository}\"}}");
        send_ill(&mut stream, head("200 OK", body.len(), ""), body.as_bytes(), fault);
    } else if path.contains(&format!("/tree/{commit}")) {
        let page: usize = query.split("cursor=").nth(1).map_or(0, |text| text.parse().unwrap());
        let entries: Vec<String> = own.iter().skip(page * PAGE).take(PAGE).map(|file| entry(*file)).collect();
        let next = if let Some(Fault::NextPage(address)) = &fault {
            format!("Link: <{}>; rel=\"next\"\r\n", address.replace("{other}", &cdn))
        } else if (page + 1) * PAGE < own.len() {
            format!("Link: <{endpoint}{path}?recursive=true&cursor={}>; rel=\"next\"\r\n", page + 1)
        } else {
            String::new()
        };
        let body =
            format!("[{{\"type\":\"directory\",\"path\":\"data\",\"oid\":\"x\"}},{}]", entries.join(","));
        send_ill(&mut stream, head("200 OK", body.len(), &next), body.as_bytes(), fault);
    } else if let Some((_, file)) = path.split_once("/resolve/").and_then(|(_, rest)| rest.split_once('/')) {
        // Another host's name for the same address, as the hub redirects to its store of bytes.
        let prefixed = format!("{repository}/{file}");
        let key = if files.contains_key(&prefixed) { &prefixed } else { file };
        let Some(bytes) = files.get(key) else {
            return send(&mut stream, head("404 Not Found", 0, "X-Error-Code: EntryNotFound\r\n"), b"");
        };
        let (digest, size) = (digest(key, bytes), bytes.len());
        let more = format!(
            "Location: {cdn}/cdn/{key}?{commit}\r\nX-Repo-Commit: {commit}\r\nETag: \"{digest}\"\r\n\
             X-Linked-ETag: \"{digest}\"\r\nX-Linked-Size: {size}\r\n"
        );
        send(&mut stream, head("302 Found", 0, &more), b"");
    } else if let Some(bytes) = path.strip_prefix("/cdn/").and_then(|file| files.get(file)) {
        if is_head {
            return send(&mut stream, head("200 OK", bytes.len(), ""), b"");
        }
        send_file(&mut stream, bytes.clone(), range, fault, head, send);
    } else {
        send(&mut stream, head("404 Not Found", 0, ""), b"");
    }
}

fn send_file(
    stream: &mut TcpStream,
    mut bytes: Vec<u8>,
    range: Option<String>,
    fault: Option<Fault>,
    head: impl Fn(&str, usize, &str) -> String,
    send: impl Fn(&mut TcpStream, String, &[u8]),
) {
    let whole = bytes.len();
    let mut start = range
        .map_or(0, |r| r.trim_start_matches("bytes=").split('-').next().unwrap().parse::<usize>().unwrap());
    match fault {
        Some(Fault::Status(code)) => {
            return send(stream, head(&format!("{code} No"), 0, "Retry-After: 0\r\n"), b"");
        }
        Some(Fault::WrongByte) => bytes[whole / 2] ^= 1,
        Some(Fault::TooShort) => bytes.truncate(whole - 10),
        Some(Fault::WholeFile) => start = 0,
        Some(Fault::EndsAfter(bytes_sent)) => {
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_owned();
            return send(stream, head, &bytes[..bytes_sent.min(whole)]);
        }
        _ => {}
    }
    let body = &bytes[start.min(bytes.len())..];
    let head = if start > 0 {
        let more = format!("Content-Range: bytes {start}-{}/{whole}\r\n", bytes.len().max(1) - 1);
        head("206 Partial Content", body.len(), &more)
    } else {
        head("200 OK", body.len(), "")
    };
    send_ill(stream, head, body, fault);
}

const FOR_EVER: Duration = Duration::from_secs(600);

/// Sends a head and a body, of which less may come than the head says.
fn send_ill(stream: &mut TcpStream, head: String, body: &[u8], fault: Option<Fault>) {
    let some = |n: usize| &body[..n.min(body.len())];
    let mut send = |body: &[u8]| stream.write_all(body).and_then(|()| stream.flush());
    let sent = send(head.as_bytes()).and_then(|()| match fault {
        Some(Fault::CutAfter(n)) => send(some(n)),
        Some(Fault::StallAfter(n)) => send(some(n)).map(|()| std::thread::sleep(FOR_EVER)),
        Some(Fault::TrickleAfter(n)) => {
            send(some(n))?;
            body[some(n).len()..].chunks(1).try_for_each(|byte| {
                std::thread::sleep(Duration::from_millis(20));
                send(byte)
            })
        }
        _ => send(body),
    });
    // The client may have gone away.
    drop(sent);
}

fn send_for_ever(stream: &mut TcpStream) {
    let zeros = vec![0; 1 << 16];
    let mut sent = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    while sent.is_ok() {
        sent = stream.write_all(&zeros);
    }
}

/// The files of a repository: those under its name, or all if none is.
fn listed<'a>(files: &'a BTreeMap<String, Vec<u8>>, repository: &str) -> Vec<(&'a str, &'a Vec<u8>)> {
    let prefix = format!("{repository}/");
    let own: Vec<_> =
        files.iter().filter_map(|(key, bytes)| Some((key.strip_prefix(&prefix)?, bytes))).collect();
    if own.is_empty() { files.iter().map(|(path, bytes)| (path.as_str(), bytes)).collect() } else { own }
}

/// A file's digest as the hub states it: large ones by SHA-256, small ones as git blobs.
pub(crate) fn digest(path: &str, bytes: &[u8]) -> String {
    let hex = |digest: &[u8]| digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    if path.ends_with(".fits") || path.ends_with(".parquet") {
        hex(&Sha256::digest(bytes))
    } else {
        hex(&Sha1::digest([format!("blob {}\0", bytes.len()).as_bytes(), bytes].concat()))
    }
}

/// A file as the list states it.
fn entry((path, bytes): (&str, &Vec<u8>)) -> String {
    let (size, digest) = (bytes.len(), digest(path, bytes));
    // Git keeps a pointer to a large file, whose own name nobody here looks at.
    let lfs = format!(",\"lfs\":{{\"oid\":\"{digest}\",\"size\":{size},\"pointerSize\":130}}");
    let (blob, lfs) = if digest.len() == 64 { (&digest[..40], lfs.as_str()) } else { (&digest[..], "") };
    format!("{{\"type\":\"file\",\"path\":\"{path}\",\"size\":{size},\"oid\":\"{blob}\"{lfs}}}")
}
