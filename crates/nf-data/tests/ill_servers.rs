//! Servers that stall, trickle, never end or lead astray: given up in time, in words, and the token
//! stays.
#![allow(clippy::unwrap_used, reason = "tests")]

mod server;

use nf_data::hub::Patience;
use nf_data::{Dataset, Error, OpenOptions, Result, open};
use nf_image::testing::Rng;
use server::frames::{FILE, one_file, plain, row, value};
use server::{COMMIT, Fault, REVISION, Server, TREE};
use std::path::Path;
use std::time::{Duration, Instant};

/// Long enough for any right answer here, and far below what a hang would take.
const SOON: Duration = Duration::from_secs(20);

fn options(server: &Server, cache: &Path) -> OpenOptions {
    let patience = Patience {
        attempts: 4,
        pause: Duration::from_millis(1),
        silence: Duration::from_millis(600),
        least_bytes_per_s: 10_000,
        speed_window: Duration::from_millis(250),
    };
    let stream = server::stream(&server.endpoint, cache, patience);
    OpenOptions { stream: Some(stream), ..OpenOptions::default() }
}

/// Opens the set and reads its image, in time.
fn read(server: &Server, cache: &Path) -> Result<Box<dyn Dataset>> {
    let start = Instant::now();
    let set = open("lco", &options(server, cache)).and_then(|set| set.image(0).map(|_| set));
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    assert!(!server.token_leaked());
    set
}

/// The error of a server that has `fault` for every request of `call`, and the requests that it
/// took.
fn error_with(call: &str, fault: Fault) -> (String, usize) {
    let (server, cache) = (one_file(), tempfile::tempdir().unwrap());
    (0..50).for_each(|_| server.fault(call, fault.clone()));
    let error = read(&server, cache.path()).err().unwrap_or_else(|| panic!("{call}, {fault:?}: no error"));
    let text = error.to_string();
    assert!(!text.contains('\n') && text.contains("http"), "{text}");
    let path = if call == FILE {
        format!("/cdn/{FILE}")
    } else {
        format!("/api/datasets/AstroCompress/GBI-16-2D-Legacy/{call}/")
    };
    (text, server.requests_of(&path))
}

#[test]
fn silence_and_trickling_are_given_up_after_three_attempts() {
    let given_up = |call: &str, fault: Fault, words: &str| {
        let (error, requests) = error_with(call, fault.clone());
        assert!(error.contains(words) && error.contains("asked 3 times"), "{call}, {fault:?}: {error}");
        assert_eq!(requests, 3, "{call}, {fault:?}");
    };
    // Side by side, because each of them waits for most of its time.
    std::thread::scope(|scope| {
        for call in [REVISION, TREE, FILE] {
            scope.spawn(move || given_up(call, Fault::Silent, "fallen silent"));
            scope.spawn(move || given_up(call, Fault::StallAfter(10), "fallen silent"));
            scope.spawn(move || given_up(call, Fault::TrickleAfter(10), "fewer than 10000 a second"));
        }
    });
}

#[test]
fn answers_without_an_end_are_given_up() {
    for call in [REVISION, TREE] {
        let (error, requests) = error_with(call, Fault::Endless);
        assert!(error.contains("the answer is longer than") && requests == 1, "{call}: {error}");
    }
    let (error, _) = error_with(FILE, Fault::Endless);
    let bytes = plain(2, &[90, 40]).len();
    assert!(error.contains(&format!("more than {bytes} bytes are sent")), "{error}");
}

#[test]
fn what_leads_astray_is_refused_once_and_in_words() {
    for (call, fault, words) in [
        (FILE, Fault::Redirect("file:///etc/passwd"), "'file:///etc/passwd' is no address"),
        (FILE, Fault::Redirect("ftp://{other}/x"), "is no address"),
        (TREE, Fault::NextPage("file:///etc/passwd"), "names a next page, and 'file:///etc/passwd'"),
        (FILE, Fault::Encoded, "encoded as gzip"),
        (REVISION, Fault::Encoded, "encoded as gzip"),
        (REVISION, Fault::Instead(b"{\"sha\": \"../../../etc\"}".to_vec()), "'../../../etc' is no commit"),
        (REVISION, Fault::Instead(b"[1, 2".to_vec()), "invalid"),
        (FILE, Fault::Status(403), "403"),
    ] {
        let (error, requests) = error_with(call, fault.clone());
        assert!(error.contains(words), "{call}, {fault:?}: {error}");
        assert_eq!(requests, 1, "{call}, {fault:?}: {error}");
    }
    let (error, requests) = error_with(FILE, Fault::Redirect("/cdn/data/LCO/a.fits"));
    assert!(error.contains("redirects more than 10 times"), "{error}");
    assert_eq!(requests, 10, "one request, its redirects and no second attempt");
}

#[test]
fn lists_are_bounded_as_a_whole() {
    // A page that names itself as the next.
    let circle: &str = "/api/datasets/AstroCompress/GBI-16-2D-Legacy/tree/0123456789abcdef0123456789abcdef01234567?recursive=true";
    assert!(circle.contains(COMMIT));
    let (error, requests) = error_with(TREE, Fault::NextPage(circle));
    assert!(error.contains("in a circle") && requests == 1, "{error}");
    // A digest that is a path, a size that is none, sizes whose sum is none.
    let entry = |digest: &str, size: &str| {
        let lfs = format!("\"lfs\":{{\"oid\":\"{digest}\",\"size\":{size}}}");
        Fault::Instead(format!("[{{\"type\":\"file\",\"path\":\"a\",{lfs}}}]").into_bytes())
    };
    let path = format!("../../{}", "0".repeat(58));
    let (error, _) = error_with(TREE, entry(&path, "1"));
    assert!(error.contains("is no digest"), "{error}");
    let (error, _) = error_with(TREE, entry(&"0".repeat(64), "-1"));
    assert!(error.contains("-1"), "{error}");
}

#[test]
fn sizes_that_no_disk_has_are_refused() {
    let (server, cache) = (one_file(), tempfile::tempdir().unwrap());
    let list =
        format!("{}\n{}", row("a.fits", ",\"telescope\":\"LCO\""), row("b.fits", ",\"telescope\":\"LCO\""));
    let file = |path: &str, digit: &str, size: u64| {
        let oid = digit.repeat(64);
        format!("{{\"type\":\"file\",\"path\":\"{path}\",\"lfs\":{{\"oid\":\"{oid}\",\"size\":{size}}}}}")
    };
    // The split's list is what the server really sends.
    let splits = "splits/tiny_test.jsonl";
    let server = {
        drop(server);
        Server::start([(splits.to_owned(), list.clone().into_bytes())])
    };
    let digest = {
        use sha2::{Digest, Sha256};
        Sha256::digest(list.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let own = format!(
        "{{\"type\":\"file\",\"path\":\"{splits}\",\"lfs\":{{\"oid\":\"{digest}\",\"size\":{}}}}}",
        list.len()
    );
    let entries = [own, file("a.fits", "a", 1 << 63), file("b.fits", "b", 1 << 63)].join(",");
    server.fault(TREE, Fault::Instead(format!("[{entries}]").into_bytes()));
    let set = open("lco", &options(&server, cache.path())).unwrap();
    assert_eq!(set.download().unwrap().bytes, u64::MAX);
    let error = set.image(1).unwrap_err();
    assert!(matches!(error, Error::Missing { .. }) && error.to_string().contains("the budget is"), "{error}");
}

#[test]
fn a_list_goes_on_at_another_origin_without_the_token() {
    let (server, cache) = (one_file(), tempfile::tempdir().unwrap());
    let next = "{other}/api/datasets/AstroCompress/GBI-16-2D-Legacy/tree/0123456789abcdef0123456789abcdef01234567?recursive=true&cursor=1";
    server.fault(TREE, Fault::NextPage(next));
    let set = read(&server, cache.path()).unwrap();
    assert_eq!(set.image(0).unwrap().row(0, 39)[89], value(2, 89, 39, 0));
    assert!(server.token_came());
}

#[test]
fn the_end_of_a_file_is_not_looked_for_behind_a_sea_of_zeros() {
    const ROWS: &str = "name = 'h'\ntitle = 't'\ninstrument = 'i'\nlicence = 'l'\norigin = 'o'\n\
        default_view = 'whole'\n[source.hub]\nrepository = 'x/y'\nrow_files = { tiny-test = ['p.parquet'] }\n\
        [source.hub.rules]\nwhole = 'whole'\n";
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("h.toml"), ROWS).unwrap();
    let listed = |size: u64| {
        let oid = "ab".repeat(32);
        let lfs = format!("\"lfs\":{{\"oid\":\"{oid}\",\"size\":{size}}}");
        Fault::Instead(format!("[{{\"type\":\"file\",\"path\":\"p.parquet\",{lfs}}}]").into_bytes())
    };
    for (size, words) in [(1 << 60, "the answer begins at 0"), (1 << 20, "the answer is longer than")] {
        let server = Server::start([("p.parquet".to_owned(), vec![0; 100])]);
        server.fault(TREE, listed(size));
        (0..9).for_each(|_| server.fault("p.parquet", Fault::Endless));
        let mut options = options(&server, &dir.path().join(size.to_string()));
        options.stream.as_mut().unwrap().hub.patience.speed_window = Duration::from_secs(9);
        let start = Instant::now();
        let error = open(dir.path().join("h.toml"), &options).err().unwrap().to_string();
        assert!(error.contains(words) && start.elapsed() < SOON, "{error}");
        assert_eq!(server.requests_of("/cdn/"), 1);
    }
}

#[test]
fn answers_of_any_bytes_are_read_or_refused_in_words() {
    let lists: [(&str, &[u8]); 2] = [
        (REVISION, br#"{"sha": "0123456789abcdef0123456789abcdef01234567", "id": "x", "tags": [1, {"a": null}]}"#),
        (TREE, br#"[{"type": "directory", "path": "data", "oid": "x"}, {"type": "file", "path": "splits/full_test.jsonl", "oid": "0123456789abcdef0123456789abcdef01234567", "size": 12, "lfs": {"oid": "00", "size": 3}}]"#),
    ];
    let mut rng = Rng::new(7);
    for (call, list) in lists {
        for _ in 0..150 {
            let mut bytes = list.to_vec();
            for _ in 0..1 + rng.below(4) {
                let at = rng.below(bytes.len());
                match rng.below(4) {
                    0 => bytes[at] = rng.next_u32() as u8,
                    1 => bytes.truncate(at.max(1)),
                    2 => bytes[at] = br#"[]{},:-9e0"#[rng.below(10)],
                    _ => drop(bytes.splice(at..at, list[..rng.below(list.len())].iter().copied())),
                }
            }
            let (server, cache) = (one_file(), tempfile::tempdir().unwrap());
            server.fault(call, Fault::Instead(bytes));
            if let Err(error) = read(&server, cache.path()) {
                assert!(!error.to_string().contains('\n'), "{error}");
            }
        }
    }
}
