use super::*;

const SMALL: &str = "name = 'small'\nquestion = 'Which?'\ncodecs = ['raw', 'zstd:level=19']\n\
                     [[dataset]]\nname = 'sky'\ndata = 'sky'\n";

#[test]
fn text_round_trip_with_defaults_filled_in() {
    let suite = Suite::parse("small.toml", SMALL).unwrap();
    assert_eq!((suite.repeats, suite.datasets[0].split.as_str()), (3, "all"));
    assert_eq!(Suite::parse("again", &suite.to_toml()).unwrap(), suite);
    let external = "[external.cjxl]\nencode = ['cjxl', '{in}', '{out}']\n";
    let suite = Suite::parse("small.toml", &format!("{SMALL}{external}")).unwrap();
    assert_eq!(Suite::parse("again", &suite.to_toml()).unwrap(), suite);
}

#[test]
fn any_name_of_data_makes_a_legal_suite() {
    for (name, word) in [
        ("real-open/whole", "real-open-whole"),
        (".hidden", "hidden"),
        ("M 31.fits", "M-31.fits"),
        ("星", "data"),
    ] {
        let suite = Suite::of_data(name, "x", "all");
        assert_eq!((suite.name.as_str(), suite.check()), (word, Ok(())));
        assert_eq!(suite.datasets[0].name, name);
    }
}

#[test]
fn external_programs_join_the_codecs_once() {
    let external = "[external.cjxl]\nencode = ['a']\n[external.fpack]\nencode = ['a']\n";
    let text = format!("{}{external}", SMALL.replace("'raw'", "'fpack'"));
    let suite = Suite::parse("small.toml", &text).unwrap().with_external_codecs();
    assert_eq!(suite.codecs, ["fpack", "zstd:level=19", "cjxl"]);
}

#[test]
fn every_suite_of_the_project_is_legal_and_named_like_its_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/suites");
    let mut names = vec![];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let suite = Suite::read(&path).unwrap();
        assert_eq!(path.file_stem().unwrap().to_str().unwrap(), suite.name);
        assert!(!suite.analysis.is_empty(), "{}", suite.name);
        names.push(suite.name);
    }
    assert!(names.contains(&Suite::quick().name));
}

#[test]
fn the_example_of_external_programs_can_be_appended_to_every_suite() {
    const EXAMPLE: &str = include_str!("../../../../configs/external/example.toml");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/suites");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap() + EXAMPLE;
        let suite = Suite::parse("pasted.toml", &text).unwrap().with_external_codecs();
        assert!(suite.codecs.ends_with(&["cjxl-e7", "fpack-rice", "imagecodecs-jpegls"].map(str::to_owned)));
        assert_eq!(suite.check(), Ok(()));
    }
}

#[test]
fn files_of_programs_join_a_suite() {
    const PEERS: &str = include_str!("../../../../configs/external/peers.toml");
    let suite = Suite::parse("small.toml", SMALL).unwrap();
    let joined = suite.clone().with_external("peers.toml", PEERS).unwrap().with_external_codecs();
    assert_eq!(joined.codecs.len(), suite.codecs.len() + 3);
    let error = suite.with_external("x.toml", "a = 1").unwrap_err().to_string();
    assert!(error.contains("x.toml") && error.contains("[external.NAME]"), "{error}");
}

#[test]
fn errors_name_file_and_field() {
    let error = |text: &str| Suite::parse("small.toml", text).unwrap_err().to_string();
    for (text, field) in [
        (SMALL.replace("question", "qestion"), "qestion"),
        (SMALL.replace("'small'", "'../up'"), "name: '../up'"),
        (SMALL.replace("'raw'", "'r a w'"), "codecs[0]"),
        (SMALL.replace("'raw'", "'oracle'"), "codecs[0]"),
        (SMALL.replace("'raw'", "7"), "codecs"),
        (SMALL.replace("['raw', 'zstd:level=19']", "[]"), "codecs"),
        (SMALL.replace("[[", "estimates = ['vdm', 'vdm']\n[["), "estimates[1]: 'vdm' is there twice"),
        (SMALL.replace("data", "datum"), "datum"),
        (format!("{SMALL}max_images = 0\n"), "dataset[0]"),
        (format!("{SMALL}patch_px = 0\n"), "dataset[0].patch_px"),
        (format!("{SMALL}bound = \"0dn\"\n"), "dataset[0].bound: '0dn' is no bound"),
        (format!("{SMALL}bound = \"1e-3rel\"\n"), "dataset[0].bound: 0.001rel"),
        (format!("{SMALL}first_planes = 0\n"), "dataset[0].first_planes"),
        (format!("{SMALL}form = 'sideways'\n"), "sideways"),
        (format!("{SMALL}[external]\ncjxl = 'cjxl'\n"), "external.cjxl"),
        (format!("{SMALL}[[dataset]]\nname = 'sky'\ndata = 'other'\n"), "dataset[1].name"),
        (SMALL.split("[[").next().unwrap().to_owned(), "dataset"),
    ] {
        let error = error(&text);
        assert!(error.contains("small.toml") && error.contains(field), "{error}");
    }
}
