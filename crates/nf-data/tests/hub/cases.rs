// Every test here runs once for each transport; see `tests/hub.rs`.

/// Quick to give up.
fn patience() -> Patience {
    Patience {
        attempts: 4,
        pause: Duration::from_millis(2),
        silence: Duration::from_millis(300),
        least_bytes_per_s: 100_000,
        speed_window: Duration::from_millis(300),
    }
}

fn stream(endpoint: &str, cache: &Path) -> StreamOptions {
    let mut stream = StreamOptions { ahead: 1, ..server::stream(endpoint, cache, patience()) };
    stream.hub.transport = TRANSPORT;
    stream
}

fn opened(server: &Server, cache: &Path, reference: &str) -> Box<dyn Dataset> {
    let options = OpenOptions { stream: Some(stream(&server.endpoint, cache)), ..OpenOptions::default() };
    open(reference, &options).unwrap()
}

fn blobs(cache: &Path) -> PathBuf {
    cache.join(CACHED).join("blobs")
}

fn names(set: &dyn Dataset) -> Vec<String> {
    (0..set.len()).map(|i| set.name(i)).collect()
}

#[test]
fn faults_of_every_kind_are_survived() {
    for faults in [
        vec![Fault::CutAfter(3000), Fault::CutAfter(100), Fault::CutAfter(0)],
        vec![Fault::Status(503), Fault::Status(429), Fault::Status(500)],
        vec![Fault::WrongByte],
        vec![Fault::TooShort],
        vec![Fault::CutAfter(5000), Fault::WholeFile],
        vec![Fault::CutAfter(5000), Fault::WrongByte, Fault::Status(503)],
        vec![Fault::StallAfter(1000), Fault::TrickleAfter(500)],
        vec![Fault::Silent, Fault::StallAfter(0)],
    ] {
        let (server, cache) = (one_file(), tempfile::tempdir().unwrap());
        let set = opened(&server, cache.path(), "lco");
        faults.iter().for_each(|fault| server.fault(FILE, fault.clone()));
        let image = set.image(0).unwrap_or_else(|error| panic!("{faults:?}: {error}"));
        assert_eq!(image.row(0, 39)[89], value(2, 89, 39, 0), "{faults:?}");
        assert!(server.ranges(FILE).len() > 1, "{faults:?}");
    }
}

#[test]
fn cut_downloads_resume_where_they_were_cut() {
    let (server, cache) = (one_file(), tempfile::tempdir().unwrap());
    let set = opened(&server, cache.path(), "lco");
    server.fault(FILE, Fault::CutAfter(4096));
    server.fault(FILE, Fault::CutAfter(1000));
    set.image(0).unwrap();
    let ranges = server.ranges(FILE);
    assert_eq!(ranges, [None, Some("bytes=4096-".into()), Some("bytes=5096-".into())]);
    // A second reading asks for nothing.
    let before = server.requests();
    set.image(0).unwrap();
    assert_eq!(server.requests(), before);
}

#[test]
fn what_stays_wrong_is_refused_and_leaves_nothing_behind() {
    let (server, cache) = (one_file(), tempfile::tempdir().unwrap());
    let set = opened(&server, cache.path(), "lco");
    (0..4).for_each(|_| server.fault(FILE, Fault::WrongByte));
    let error = set.image(0).unwrap_err();
    assert!(matches!(error, Error::Digest { .. }) && error.to_string().contains(FILE), "{error}");
    (0..4).for_each(|_| server.fault(FILE, Fault::Status(404)));
    let error = set.image(0).unwrap_err().to_string();
    assert!(error.contains("404") && !error.contains('\n'), "{error}");
}

#[test]
fn a_partial_file_of_a_killed_run_is_finished() {
    let (server, cache) = (one_file(), tempfile::tempdir().unwrap());
    let options = stream(&server.endpoint, cache.path());
    let store = Store::new(&options, "AstroCompress/GBI-16-2D-Legacy");
    let file = store.files(COMMIT).unwrap().into_iter().find(|file| file.path == FILE).unwrap();
    // What a process that was killed in the middle leaves: some right bytes under the digest's
    // name.
    let blobs = blobs(cache.path());
    std::fs::create_dir_all(&blobs).unwrap();
    let bytes = plain(2, &[90, 40]);
    std::fs::write(blobs.join(format!("{}.part", file.digest)), &bytes[..5000]).unwrap();
    let path = store.fetch(COMMIT, &file).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), bytes);
    assert_eq!(server.ranges(FILE), [Some("bytes=5000-".into())]);
}

#[test]
fn offline_uses_what_is_here_and_names_what_is_not() {
    let files =
        vec![("data/LCO/a.fits".into(), plain(2, &[9, 4])), ("data/LCO/b.fits".into(), plain(3, &[9, 4]))];
    let rows = ["data/LCO/a.fits", "data/LCO/b.fits"].map(|path| row(path, ",\"telescope\":\"LCO\""));
    let (server, cache) = (repository(&rows, files), tempfile::tempdir().unwrap());
    let mut options = stream(&server.endpoint, cache.path());
    options.ahead = 0;
    let with =
        |stream: &StreamOptions| OpenOptions { stream: Some(stream.clone()), ..OpenOptions::default() };
    open("lco", &with(&options)).unwrap().image(0).unwrap();
    options.hub.offline = true;
    let before = server.requests();
    let set = open("lco", &with(&options)).unwrap();
    assert_eq!(set.image(0).unwrap().row(0, 3)[8], value(2, 8, 3, 0));
    let error = set.image(1).unwrap_err().to_string();
    assert!(error.contains("data/LCO/b.fits") && error.contains("offline"), "{error}");
    assert_eq!(server.requests(), before);
    let error = open("hst", &with(&options)).err().unwrap().to_string();
    assert!(error.contains("offline, and never listed"), "{error}");
}

/// Every copy of a file is looked at once: our own, and that of another client of the hub.
#[test]
fn files_that_were_fetched_are_compared_with_their_digests_where_that_is_asked_for() {
    let (server, cache) = (one_file(), tempfile::tempdir().unwrap());
    let mut options = stream(&server.endpoint, &cache.path().join("own"));
    let open = |options: &StreamOptions| {
        open("lco", &OpenOptions { stream: Some(options.clone()), ..OpenOptions::default() }).unwrap()
    };
    let right = open(&options).image(0).unwrap();
    let blobs = |name: &str| blobs(&cache.path().join(name));
    let blob = std::fs::read_dir(blobs("own")).unwrap().map(|entry| entry.unwrap().path());
    let blob = blob.max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let mut wrong = std::fs::read(&blob).unwrap();
    let whole = wrong.clone();
    // Two pixels, swapped.
    let end = wrong.len() - 2880;
    (wrong[end], wrong[end + 1]) = (!wrong[end], !wrong[end + 1]);
    std::fs::write(&blob, &wrong).unwrap();
    assert_ne!(open(&options).image(0).unwrap(), right, "not looked at unless asked for");

    options.check_fetched = true;
    options.hub.offline = true;
    let error = open(&options).image(0).unwrap_err();
    assert!(matches!(error, Error::Digest { .. }) && error.to_string().contains(FILE), "{error}");
    assert_eq!(std::fs::read(&blob).unwrap(), wrong, "offline nothing is removed");

    options.hub.offline = false;
    let set = open(&options);
    assert_eq!((set.image(0).unwrap(), set.image(0).unwrap()), (right.clone(), right.clone()));
    assert_eq!(server.ranges(FILE).len(), 2, "fetched anew, once");
    assert_eq!(std::fs::read(&blob).unwrap(), whole);

    std::fs::create_dir_all(blobs("other")).unwrap();
    let foreign = blobs("other").join(blob.file_name().unwrap());
    std::fs::rename(&blob, &foreign).unwrap();
    std::fs::write(&foreign, &wrong).unwrap();
    options.read_caches = vec![cache.path().join("other")];
    assert_eq!(open(&options).image(0).unwrap(), right);
    assert_eq!(server.ranges(FILE).len(), 3);
    assert_eq!(std::fs::read(&foreign).unwrap(), wrong, "not ours to remove");
    assert_eq!(std::fs::read(&blob).unwrap(), whole);
    // In the cache that is written, what is not what its name says is replaced.
    options.hub_cache = cache.path().join("other");
    options.read_caches.clear();
    std::fs::remove_file(&blob).unwrap();
    assert_eq!(open(&options).image(0).unwrap(), right);
    assert_eq!(std::fs::read(&foreign).unwrap(), whole);
}

#[test]
fn the_budget_drops_what_was_used_least_recently() {
    let paths: Vec<String> = (0..5).map(|i| format!("data/LCO/{i}.fits")).collect();
    let rows = paths.iter().map(|path| row(path, ",\"telescope\":\"LCO\""));
    // Rows of other telescopes do not count: the list of the experiment is cut.
    let other = |i: usize| row(&format!("data/INT/{i:02}.fits"), ",\"telescope\":\"INT\"");
    let rows: Vec<String> = (0..).map(other).zip(rows).flat_map(|(other, row)| [other, row]).collect();
    let files = paths.iter().enumerate().map(|(i, path)| (path.clone(), plain(i, &[60, 40]))).collect();
    let (server, cache) = (repository(&rows, files), tempfile::tempdir().unwrap());
    let mut options = stream(&server.endpoint, cache.path());
    // Space for two files and the list.
    (options.budget_bytes, options.ahead) = (2 * plain(0, &[60, 40]).len() as u64 + 2000, 0);
    let set = open("lco", &OpenOptions { stream: Some(options), ..OpenOptions::default() }).unwrap();
    for index in [0, 1, 0, 2, 0, 3, 4] {
        assert_eq!(set.image(index).unwrap().row(0, 39)[59], value(index, 59, 39, 0));
        std::thread::sleep(Duration::from_millis(15));
    }
    assert_eq!(server.ranges(&paths[0]).len(), 1, "the file used most often stayed");
    set.image(1).unwrap();
    assert_eq!(server.ranges(&paths[1]).len(), 2, "the file dropped is fetched again");
}

#[test]
fn later_files_come_while_the_first_is_used() {
    let paths: Vec<String> = (0..3).map(|i| format!("data/LCO/{i}.fits")).collect();
    let rows: Vec<String> = paths.iter().map(|path| row(path, ",\"telescope\":\"LCO\"")).collect();
    let files = paths.iter().map(|path| (path.clone(), plain(1, &[30, 20]))).zip(0u8..);
    // Different bytes, or they would share a digest and a place.
    let files = files.map(|((path, mut bytes), i)| {
        *bytes.last_mut().unwrap() = i;
        (path, bytes)
    });
    let (server, cache) = (repository(&rows, files.collect()), tempfile::tempdir().unwrap());
    let set = opened(&server, cache.path(), "lco");
    set.image(0).unwrap();
    for _ in 0..500 {
        if !server.ranges(&paths[1]).is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!((server.ranges(&paths[1]).len(), server.ranges(&paths[2]).len()), (1, 0));
}

#[test]
fn an_address_that_is_none_is_not_asked_twice() {
    let cache = tempfile::tempdir().unwrap();
    let mut options = stream("huggingface", cache.path());
    options.hub.patience.pause = Duration::from_secs(3600);
    let options = OpenOptions { stream: Some(options), ..OpenOptions::default() };
    let error = open("lco", &options).err().unwrap().to_string();
    assert!(error.contains("HF_ENDPOINT must be an address") && !error.contains('\n'), "{error}");
}

#[test]
fn what_was_listed_before_serves_where_nobody_answers() {
    let (server, cache) = (one_file(), tempfile::tempdir().unwrap());
    opened(&server, cache.path(), "lco").image(0).unwrap();
    let mut options = stream("http://127.0.0.1:1", cache.path());
    options.ahead = 0;
    let set = open("lco", &OpenOptions { stream: Some(options), ..OpenOptions::default() }).unwrap();
    assert_eq!(set.image(0).unwrap().row(0, 39)[89], value(2, 89, 39, 0));
}

/// Cases in which clients of the hub were seen to take a wrong file for a right one.
#[test]
fn what_came_is_right_or_refused() {
    let whole = plain(2, &[90, 40]);
    for (faults, least) in [
        // A range that is ignored, a server that fails while a file is resumed.
        (vec![Fault::CutAfter(5000), Fault::WholeFile], 2),
        (vec![Fault::CutAfter(5000), Fault::Status(503), Fault::CutAfter(1000), Fault::Status(503)], 4),
        // No length, and an early end; the right length, and wrong bytes.
        (vec![Fault::EndsAfter(3000)], 2),
        (vec![Fault::CutAfter(4000), Fault::EndsAfter(4500)], 3),
        (vec![Fault::WrongByte, Fault::WrongByte], 3),
        (vec![Fault::CutAfter(3000), Fault::WrongByte], 2),
        (vec![Fault::StallAfter(2000), Fault::TrickleAfter(300)], 3),
    ] {
        let (server, cache) = (one_file(), tempfile::tempdir().unwrap());
        faults.iter().for_each(|fault| server.fault(FILE, fault.clone()));
        let mut options = stream(&server.endpoint, cache.path());
        options.hub.patience.attempts = 6;
        let set = open("lco", &OpenOptions { stream: Some(options), ..OpenOptions::default() }).unwrap();
        let image = set.image(0).unwrap_or_else(|error| panic!("{faults:?}: {error}"));
        assert_eq!(image.row(0, 39)[89], value(2, 89, 39, 0), "{faults:?}");
        let blob = blobs(cache.path()).join(server::digest(FILE, &whole));
        assert_eq!(std::fs::read(blob).unwrap(), whole, "{faults:?}");
        assert!(server.ranges(FILE).len() > least - 1, "{faults:?}");
        assert!(!server.token_leaked(), "{faults:?}: the token stays with the hub");
    }
    for (fault, words) in [
        (Fault::EndsAfter(3000), "bytes of 11520 were sent"),
        (Fault::Endless, "bytes are sent"),
        (Fault::Silent, "fallen silent"),
        (Fault::StallAfter(100), "fallen silent"),
        (Fault::TrickleAfter(100), "fewer than"),
        (Fault::Status(503), "503"),
        (Fault::WrongByte, "digest is"),
    ] {
        let (server, cache) = (one_file(), tempfile::tempdir().unwrap());
        let set = opened(&server, cache.path(), "lco");
        (0..20).for_each(|_| server.fault(FILE, fault.clone()));
        let start = Instant::now();
        let error = set.image(0).err().unwrap_or_else(|| panic!("{fault:?}: no error")).to_string();
        assert!(error.contains(words) && !error.contains('\n'), "{fault:?}: {error}");
        assert!(start.elapsed() < Duration::from_secs(20), "{fault:?}: {:?}", start.elapsed());
        let blob = blobs(cache.path()).join(server::digest(FILE, &whole));
        assert!(!blob.exists() && !server.token_leaked(), "{fault:?}");
    }
}

#[test]
fn refusals_say_what_to_do() {
    let asked = |call: &str, status: u16, code: &'static str, token: Option<&str>| {
        let (server, cache) = (one_file(), tempfile::tempdir().unwrap());
        (0..9).for_each(|_| server.fault(call, Fault::Refused(status, code)));
        // The split's list is here, so that the first file asked for is an image.
        let mut options = stream(&server.endpoint, cache.path());
        options.hub.token = token.map(str::to_owned);
        options.ahead = 0;
        let options = OpenOptions { stream: Some(options), ..OpenOptions::default() };
        let error = open("lco", &options).and_then(|set| set.image(0).map(drop)).unwrap_err().to_string();
        assert!(!error.contains('\n') && !error.contains("hf_secret"), "{error}");
        error
    };
    let page = "/datasets/AstroCompress/GBI-16-2D-Legacy";
    for (call, status, code, token, words) in [
        (REVISION, 401, "", None, ["it is private or has terms", "set HF_TOKEN"]),
        (REVISION, 401, "GatedRepo", None, ["those who agree to its terms", page]),
        (REVISION, 401, "", Some("hf_secret"), ["does not accept the token", "/settings/tokens"]),
        (REVISION, 401, "RepoNotFound", Some("hf_secret"), ["there is no dataset AstroCompress/", "check the name"]),
        (RESOLVE, 403, "GatedRepo", Some("hf_secret"), ["may not read AstroCompress/GBI-16-2D-Legacy", page]),
        (RESOLVE, 403, "", None, ["accept the terms at", "set HF_TOKEN"]),
        (REVISION, 404, "RepoNotFound", None, ["there is no dataset", "GBI-16-2D-Legacy"]),
        (REVISION, 404, "RevisionNotFound", None, ["has no revision main", "404"]),
        (REVISION, 404, "", None, ["or it has no revision main", "404"]),
        (RESOLVE, 404, "EntryNotFound", None, ["there is no file splits/tiny_test.jsonl", COMMIT]),
    ] {
        let error = asked(call, status, code, token);
        assert!(words.iter().all(|words| error.contains(words)), "{call} {status} {code}: {error}");
    }
}

#[test]
fn one_of_two_fetches_and_the_other_waits() {
    for faults in [vec![], vec![Fault::StallAfter(1000)], vec![Fault::CutAfter(9), Fault::WrongByte]] {
        let (server, cache) = (one_file(), tempfile::tempdir().unwrap());
        faults.iter().for_each(|fault| server.fault(FILE, fault.clone()));
        // Two stores know as little of one another as two processes.
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let image = opened(&server, cache.path(), "lco").image(0).unwrap();
                    assert_eq!(image.row(0, 39)[89], value(2, 89, 39, 0), "{faults:?}");
                });
            }
        });
        let requests = server.ranges(FILE).len();
        assert_eq!(requests, 1 + faults.len(), "{faults:?}: what one fetches the other does not");
        let left =
            |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let left: Vec<String> = std::fs::read_dir(blobs(cache.path())).unwrap().map(left).collect();
        assert!(left.iter().all(|name| !name.ends_with(".part")), "{left:?}");
    }
}
