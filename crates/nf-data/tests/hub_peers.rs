//! One cache for this crate and `huggingface_hub`, the hub's Python client: what one has fetched
//! the other finds, and neither fetches what the other is fetching.
#![allow(clippy::unwrap_used, reason = "tests")]

mod server;

use nf_data::hub::{Patience, StreamOptions};
use nf_data::{Dataset, OpenOptions, open};
use nf_image::testing::peer_python;
use server::frames::{CACHED, FILE, one_file, plain, repository, row, value};
use server::{COMMIT, LATER, Server, digest};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The start of every script: the repository, and the digest of what is found.
const START: &str = r#"
import hashlib, os, sys
from pathlib import Path
import huggingface_hub as hub
REPOSITORY, DATASET = "AstroCompress/GBI-16-2D-Legacy", {"repo_type": "dataset"}
def get(path, **more):
    return hub.hf_hub_download(REPOSITORY, path, **DATASET, **more)
def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
"#;

/// A script in a Python with `huggingface_hub`; nothing of who runs the tests reaches it.
fn python(python: &str, script: &str, cache: &Path, more: &[(&str, &str)]) -> Command {
    let mut command = Command::new(python);
    command.args(["-c", &format!("{START}{script}")]);
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.filter(|name| name.starts_with("HF_") || name.starts_with("HUGGING")).for_each(|name| {
        command.env_remove(name);
    });
    command.env("HF_HOME", cache.join("home")).env("HF_HUB_CACHE", cache);
    command.env("HF_HUB_DISABLE_TELEMETRY", "1").env("HF_HUB_DISABLE_XET", "1");
    command.envs(more.iter().copied());
    command
}

/// What a script printed, one line each.
fn lines(command: &mut Command) -> Vec<String> {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout).lines().map(str::to_owned).collect()
}

fn stream(server: &Server, cache: &Path) -> StreamOptions {
    let patience = Patience { attempts: 3, pause: Duration::from_millis(2), ..Patience::default() };
    server::stream(&server.endpoint, cache, patience)
}

fn lco(stream: &StreamOptions) -> Box<dyn Dataset> {
    open("lco", &OpenOptions { stream: Some(stream.clone()), ..OpenOptions::default() }).unwrap()
}

/// Two files, of which the second is left unfetched.
fn two_files() -> Server {
    let paths = [FILE, "data/LCO/b.fits"];
    let rows = paths.map(|path| row(path, ",\"telescope\":\"LCO\""));
    repository(&rows, vec![(FILE.into(), plain(2, &[90, 40])), (paths[1].into(), plain(3, &[90, 40]))])
}

#[test]
fn what_we_fetch_the_python_client_finds() {
    let Some(peer) = peer_python("huggingface_hub") else { return };
    let (server, cache) = (two_files(), tempfile::tempdir().unwrap());
    lco(&stream(&server, cache.path())).image(0).unwrap();
    // A branch whose name has slashes, of another commit.
    server.commit("refs/convert/parquet", LATER, [(FILE.to_owned(), plain(7, &[9, 4]))]);
    let store = nf_data::hub::Store::new(&stream(&server, cache.path()), "AstroCompress/GBI-16-2D-Legacy");
    let commit = store.commit("refs/convert/parquet").unwrap();
    store.fetch(&commit, &store.files(&commit).unwrap()[0]).unwrap();

    let script = r#"
print(sha256(get("data/LCO/a.fits")))
print(sha256(get("data/LCO/a.fits", revision="refs/convert/parquet")))
found = hub.try_to_load_from_cache(REPOSITORY, "data/LCO/a.fits", **DATASET)
print(Path(found).parts[-4:])
folder = hub.snapshot_download(REPOSITORY, **DATASET, allow_patterns=["data/LCO/a.fits", "splits/tiny_test.jsonl"])
print(sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()))
try:
    get("data/LCO/b.fits")
except hub.errors.LocalEntryNotFoundError:
    print("not here")
# A snapshot of which files are missing is not taken for a whole one, by versions that read lists.
if hasattr(hub, "get_cached_repo_tree"):
    print(len(hub.get_cached_repo_tree(REPOSITORY, **DATASET)))
    try:
        print(hub.snapshot_download(REPOSITORY, **DATASET))
    except hub.errors.LocalEntryNotFoundError:
        print("incomplete")
    except Exception as error:
        print("incomplete" if "incomplete" in str(error) else repr(error))
else:
    print("6\nincomplete")
info = hub.scan_cache_dir()
print([str(warning) for warning in info.warnings])
(found,) = info.repos
print(found.repo_id, found.repo_type, sorted(found.refs), found.nb_files)
"#;
    let printed = lines(&mut python(&peer, script, cache.path(), &[("HF_HUB_OFFLINE", "1")]));
    let before = server.requests();
    assert_eq!(
        printed,
        [
            digest(FILE, &plain(2, &[90, 40])),
            digest(FILE, &plain(7, &[9, 4])),
            format!("('{COMMIT}', 'data', 'LCO', 'a.fits')"),
            "['data/LCO/a.fits', 'splits/tiny_test.jsonl']".into(),
            "not here".into(),
            "6".into(),
            "incomplete".into(),
            "[]".into(),
            "AstroCompress/GBI-16-2D-Legacy dataset ['main', 'refs/convert/parquet'] 3".into(),
        ]
    );
    assert_eq!(server.requests(), before);
}

#[test]
fn what_the_python_client_fetches_we_find_and_never_drop() {
    let Some(peer) = peer_python("huggingface_hub") else { return };
    let (server, cache) = (two_files(), tempfile::tempdir().unwrap());
    let script = r#"
print(sha256(get("data/LCO/a.fits")))
get("splits/tiny_test.jsonl")
"#;
    let online = [("HF_ENDPOINT", server.endpoint.as_str())];
    let printed = lines(&mut python(&peer, script, cache.path(), &online));
    assert_eq!(printed, [digest(FILE, &plain(2, &[90, 40]))]);
    let fetched = server.ranges(FILE).len();

    let mut options = stream(&server, cache.path());
    (options.hub.offline, options.check_fetched) = (true, true);
    let before = server.requests();
    assert_eq!(lco(&options).image(0).unwrap().row(0, 39)[89], value(2, 89, 39, 0));
    assert_eq!(server.requests(), before);

    // Space for one file: theirs is neither counted nor dropped, and ours gives way to ours.
    let size = plain(2, &[90, 40]).len() as u64;
    (options.hub.offline, options.budget_bytes) = (false, size + 1000);
    let set = lco(&options);
    let name = set.card().origin.clone();
    assert!(name.ends_with(COMMIT), "{name}");
    assert_eq!(set.image(1).unwrap().row(0, 39)[89], value(3, 89, 39, 0));
    assert_eq!(server.ranges(FILE).len(), fetched, "what is here is not fetched");
    server.commit(
        "main",
        LATER,
        [
            ("splits/tiny_test.jsonl".to_owned(), row("c.fits", ",\"telescope\":\"LCO\"").into_bytes()),
            ("c.fits".to_owned(), plain(4, &[90, 40])),
        ],
    );
    lco(&options).image(0).unwrap();
    let blob =
        |seed: usize| cache.path().join(CACHED).join("blobs").join(digest(FILE, &plain(seed, &[90, 40])));
    assert_eq!([2, 3, 4].map(|seed| blob(seed).exists()), [true, false, true]);
    // What was dropped left no link that leads nowhere, and the Python client goes on.
    let script = r#"
print([str(warning) for warning in hub.scan_cache_dir().warnings])
print(sha256(get("data/LCO/a.fits", revision="0123456789abcdef0123456789abcdef01234567")))
print(sha256(get("c.fits")))
"#;
    let printed = lines(&mut python(&peer, script, cache.path(), &[("HF_HUB_OFFLINE", "1")]));
    let digests = [2, 4].map(|seed| digest(FILE, &plain(seed, &[90, 40])));
    assert_eq!(printed, ["[]", &digests[0], &digests[1]]);
}

#[test]
fn what_the_python_client_is_fetching_we_wait_for() {
    let Some(peer) = peer_python("huggingface_hub") else { return };
    let (server, cache) = (one_file(), tempfile::tempdir().unwrap());
    let script = r#"
from huggingface_hub.utils import WeakFileLock
path = Path(os.environ["HF_HUB_CACHE"]) / ".locks" / "datasets--AstroCompress--GBI-16-2D-Legacy" / sys.argv[1]
path.parent.mkdir(parents=True)
with WeakFileLock(path):
    print("held", flush=True)
    sys.stdin.readline()
"#;
    let lock = format!("{}.lock", digest(FILE, &plain(2, &[90, 40])));
    let mut command = python(&peer, script, cache.path(), &[]);
    let mut holder = command.arg(lock).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "held\n");
    let options = stream(&server, cache.path());
    std::thread::scope(|scope| {
        let fetching = scope.spawn(|| lco(&options).image(0).unwrap());
        while server.ranges("splits/tiny_test.jsonl").is_empty() {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(server.ranges(FILE).len(), 0, "it is not ours to fetch now");
        holder.stdin.take().unwrap().write_all(b"\n").unwrap();
        assert_eq!(fetching.join().unwrap().row(0, 39)[89], value(2, 89, 39, 0));
    });
    assert!(holder.wait().unwrap().success());
    assert_eq!(server.ranges(FILE).len(), 1);
}
