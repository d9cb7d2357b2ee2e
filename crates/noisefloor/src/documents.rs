//! Tests of the documentation: its commands go through the program's own parser, and what it names
//! exists.

use crate::Cli;
use crate::registry::{array_registry, registry};
use clap::Parser;
use clap::error::ErrorKind;
use nf_codec::Spec;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A Markdown file, by its path below the root.
struct Document {
    path: String,
    text: String,
}

/// README and its neighbours, `docs/`, and the README of every crate.
fn documents() -> Vec<Document> {
    let folders = ["*.md", "docs/*.md", "crates/*/README.md"].map(|pattern| root().join(pattern));
    let files = folders.iter().flat_map(|pattern| glob::glob(pattern.to_str().unwrap()).unwrap());
    let document = |file: PathBuf| Document {
        path: file.strip_prefix(root()).unwrap().display().to_string(),
        text: fs::read_to_string(&file).unwrap(),
    };
    files.map(|file| document(file.unwrap())).collect()
}

impl Document {
    /// Lines of fenced blocks in these languages.
    fn fenced(&self, languages: &[&str]) -> Vec<&str> {
        let (mut lines, mut inside, mut wanted) = (vec![], false, false);
        for line in self.text.lines() {
            if let Some(language) = line.trim_start().strip_prefix("```") {
                inside = !inside;
                wanted = inside && languages.contains(&language);
            } else if wanted {
                lines.push(line);
            }
        }
        lines
    }

    /// The text of code spans outside of fenced blocks.
    fn spans(&self) -> Vec<String> {
        let mut prose = String::new();
        let mut inside = false;
        for line in self.text.lines() {
            match line.trim_start().starts_with("```") {
                true => inside = !inside,
                false if !inside => prose = prose + line.trim() + " ",
                false => {}
            }
        }
        prose.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    /// Every command of this program in fenced blocks, in words.
    fn commands(&self) -> Vec<Vec<String>> {
        self.fenced(&["sh", ""]).into_iter().flat_map(commands).filter(|words| is_ours(words)).collect()
    }

    /// Every command of this program in prose, which may leave out what does not matter there.
    fn mentions(&self) -> Vec<Vec<String>> {
        self.spans().iter().flat_map(|span| commands(span)).filter(|words| is_ours(words)).collect()
    }

    /// Everything that may name a file: words of commands and code spans.
    fn words(&self) -> Vec<String> {
        let spans = self.spans();
        let lines = self.fenced(&["sh", ""]).into_iter().chain(spans.iter().map(String::as_str));
        lines.flat_map(commands).flatten().collect()
    }
}

fn is_ours(words: &[String]) -> bool {
    words[0] == "noisefloor" && words.len() > 1
}

/// The commands of a line of shell, with quotes, comments and braces as a shell takes them.
fn commands(line: &str) -> Vec<Vec<String>> {
    let mut all = vec![vec![]];
    let (mut word, mut quote) = (String::new(), None);
    for c in line.chars().chain([' ']) {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, ' ' | '|' | '>' | ';') => {
                if !word.is_empty() {
                    let words = braces(&std::mem::take(&mut word));
                    all.last_mut().unwrap().extend(words);
                }
                if c != ' ' {
                    all.push(vec![]);
                }
            }
            (None, '#') if word.is_empty() => break,
            _ => word.push(c),
        }
    }
    all.retain(|words| !words.is_empty());
    all
}

/// `a{b,c}d` is `abd` and `acd`.
fn braces(word: &str) -> Vec<String> {
    let Some((start, rest)) = word.split_once('{') else { return vec![word.to_owned()] };
    let Some((inside, end)) = rest.split_once('}') else { return vec![word.to_owned()] };
    inside.split(',').flat_map(|part| braces(&format!("{start}{part}{end}"))).collect()
}

/// Whether a word of a path stands for something that a reader puts there.
fn is_placeholder(path: &str) -> bool {
    path.split(['/', '.', '-']).any(|part| {
        part == "foo"
            || part.contains('<')
            || (!part.is_empty() && part.chars().all(|c| c.is_ascii_uppercase()))
    }) && !["README", "CHANGELOG", "CONTRIBUTING", "CITATION"].iter().any(|name| path.contains(name))
}

#[test]
fn every_command_is_one_that_the_program_takes() {
    use ErrorKind::{
        DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, MissingRequiredArgument, MissingSubcommand,
    };
    const INCOMPLETE: [ErrorKind; 3] =
        [DisplayHelpOnMissingArgumentOrSubcommand, MissingRequiredArgument, MissingSubcommand];
    let mut parsed = 0;
    for document in documents() {
        let whole = document.commands().into_iter().map(|words| (words, &[][..]));
        let mentions = document.mentions().into_iter().map(|words| (words, &INCOMPLETE[..]));
        for (words, excused) in whole.chain(mentions).filter(|(words, _)| words[1] != "VERB") {
            match Cli::try_parse_from(&words) {
                Ok(_) => parsed += 1,
                Err(error) if error.kind() == DisplayHelp || excused.contains(&error.kind()) => {}
                Err(error) => panic!("{}: {}\n{error}", document.path, words.join(" ")),
            }
        }
    }
    assert!(parsed > 40, "{parsed} commands were parsed");
}

#[test]
fn every_codec_is_one_that_can_be_built() {
    let registry = registry();
    let array_codecs = array_registry();
    let of_arrays = array_codecs.entries().iter().map(|entry| entry.name.as_str());
    let names: BTreeSet<&str> = registry.entries().iter().map(|entry| entry.name).chain(of_arrays).collect();
    let mut built = 0;
    for document in documents() {
        let words = document.words();
        let is_spec = |word: &&String| word.split_once(':').is_some_and(|(name, _)| names.contains(name));
        for word in words.iter().filter(is_spec) {
            let of_net =
                ["net:checkpoint=", "tec:checkpoint="].iter().find_map(|name| word.strip_prefix(name));
            if let Some(id) = of_net {
                let id = id.split(',').next().unwrap();
                let exists = root().join("checkpoints").join(id).join("card.toml").is_file();
                assert!(exists || is_placeholder(id), "{}: no checkpoint {id}", document.path);
            } else if word.contains('=') {
                let spec: Spec = word.parse().unwrap_or_else(|e| panic!("{}: {e}", document.path));
                match array_codecs.of_spec(&spec) {
                    Some(spec) => {
                        let candidates = array_codecs.candidates(&spec, nf_bounded::SampleType::U16, 2.0);
                        let built = candidates.and_then(|all| array_codecs.build(&all[0]));
                        built.map(drop).unwrap_or_else(|e| panic!("{}: {e}", document.path));
                    }
                    None => {
                        registry.build(&spec).unwrap_or_else(|e| panic!("{}: {e}", document.path));
                    }
                }
            }
            built += 1;
        }
    }
    assert!(built > 10, "{built} specs were looked at");
}

#[test]
fn every_dataset_is_known() {
    let known: BTreeSet<String> = glob::glob(root().join("datasets/*.toml").to_str().unwrap())
        .unwrap()
        .map(|file| file.unwrap().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let mut compared = 0;
    for document in documents() {
        for words in document.commands() {
            let asks_for_one = words[1] == "data" && words.len() > 3;
            let Some(word) = words.get(3).filter(|word| asks_for_one && !word.starts_with('-')) else {
                continue;
            };
            let name = word.split(['/', '@']).next().unwrap();
            if name.contains('.') || is_placeholder(word) || name == "night" {
                continue;
            }
            assert!(known.contains(name), "{}: no dataset {name}", document.path);
            compared += 1;
        }
    }
    assert!(compared > 3, "{compared} datasets were looked up");
}

#[test]
fn every_file_that_is_named_exists() {
    const FOLDERS: [&str; 9] = [
        "checkpoints/",
        "configs/",
        "crates/",
        "datasets/",
        "docs/",
        "fuzz/",
        "results/",
        "scripts/",
        ".ci/",
    ];
    let mut found = 0;
    for document in documents() {
        for word in document.words() {
            let path = word.trim_start_matches("./").trim_end_matches(['.', ',', ':']);
            let is_here = FOLDERS.iter().any(|folder| path.starts_with(folder));
            if !is_here || is_placeholder(path) {
                continue;
            }
            let pattern = root().join(path);
            let any = glob::glob(pattern.to_str().unwrap()).is_ok_and(|mut files| files.next().is_some());
            assert!(any, "{}: there is no {path}", document.path);
            found += 1;
        }
        for words in document.fenced(&["sh", ""]).into_iter().flat_map(commands) {
            examples_exist(&document.path, &words);
        }
        for span in document.spans() {
            commands(&span).iter().for_each(|words| examples_exist(&document.path, words));
        }
    }
    assert!(found > 40, "{found} files were looked for");
}

/// The example or benchmark that a command of cargo names exists.
fn examples_exist(document: &str, words: &[String]) {
    let after = |option: &str| {
        let at = words.iter().position(|word| word == option)?;
        words.get(at + 1)
    };
    for (option, folder) in [("--example", "examples"), ("--bench", "benches")] {
        let (Some(package), Some(name)) = (after("-p"), after(option)) else { continue };
        let file = root().join("crates").join(package).join(folder).join(format!("{name}.rs"));
        assert!(words[0] != "cargo" || file.is_file(), "{document}: there is no {}", file.display());
    }
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut followed = 0;
    for document in documents() {
        let folder = root().join(&document.path).parent().unwrap().to_owned();
        // Code is no prose: `R[k](y, x)` is no link.
        let prose: String = document.text.split('`').step_by(2).collect();
        for part in prose.split("](").skip(1) {
            let target = part.split(')').next().unwrap();
            if target.contains("://") {
                continue;
            }
            let (file, fragment) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { root().join(&document.path) } else { folder.join(file) };
            assert!(file.exists(), "{}: the link {target} leads nowhere", document.path);
            if !fragment.is_empty() {
                let text = fs::read_to_string(&file).unwrap();
                let mut headings = text.lines().filter(|line| line.starts_with('#'));
                let there = headings.any(|heading| anchor(heading) == fragment);
                assert!(there, "{}: {target} has no such heading", document.path);
            }
            followed += 1;
        }
    }
    assert!(followed > 40, "{followed} links were followed");
}

/// Fenced TOML whose first line is a comment with the name of the file.
fn toml_files(document: &Document) -> Vec<(&str, &str)> {
    let blocks = document.text.split("```toml\n# ").skip(1);
    blocks.map(|part| part.split_once("\n```").unwrap().0.split_once('\n').unwrap()).collect()
}

#[test]
fn the_contributors_files_are_accepted() {
    let documents = documents();
    let guide = documents.iter().find(|document| document.path == "CONTRIBUTING.md").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let files = toml_files(guide);
    for (name, text) in &files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let base = "configs/experiments/idf-tiny-sim.toml";
    fs::copy(root().join(base), folder.path().join(base)).unwrap();
    #[cfg(feature = "train")]
    nf_train::Experiment::read(&folder.path().join("configs/experiments/foo.toml"), &[]).unwrap();

    let suite = nf_bench::Suite::read(&folder.path().join("configs/suites/foo.toml")).unwrap();
    let registry = registry();
    for codec in &suite.codecs {
        registry.build(&codec.parse().unwrap()).unwrap();
    }

    let frame = nf_image::Image16::zeros(nf_image::Shape::frame(600, 700));
    fs::create_dir(folder.path().join("frames")).unwrap();
    fs::write(folder.path().join("frames/a.fits"), nf_fits::write_image(&frame, None).unwrap()).unwrap();
    let manifest = folder.path().join("datasets/foo.toml");
    // Named, since the variable may name a folder of real frames.
    let options = nf_data::OpenOptions { data: Some(folder.path().join("frames")), ..Default::default() };
    let set = nf_data::open(manifest.to_str().unwrap(), &options).unwrap();
    assert_eq!(set.len(), 1);
    assert_eq!(set.image(0).unwrap().shape(), nf_image::Shape::frame(512, 512));
    assert_eq!(files.len(), 3);
}

#[test]
fn the_readme_quotes_an_example_that_runs() {
    let documents = documents();
    let readme = documents.iter().find(|document| document.path == "README.md").unwrap();
    let quoted = readme.fenced(&["rust"]);
    assert!(quoted.len() > 3);
    let example = fs::read_to_string(root().join("crates/nf-floor/examples/encode_frame.rs")).unwrap();
    let mut lines = example.lines().map(str::trim);
    for line in quoted {
        assert!(lines.any(|other| other == line.trim()), "the example lacks, in this order: {line}");
    }
}

#[test]
fn the_readme_and_the_demo_agree_on_how_long_the_build_takes() {
    let demo = fs::read_to_string(root().join("scripts/demo.sh")).unwrap();
    let minutes = demo.split("build_cpu_minutes=").nth(1).unwrap().lines().next().unwrap();
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let words = readme.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(&format!("takes about {minutes} CPU-minutes")), "the demo says {minutes}");
}

#[test]
fn lines_of_shell_are_taken_apart_as_a_shell_does() {
    let line = "zcat a.gz | noisefloor fits cutout 'a b[1]' c{1,2}.fits > d # a comment";
    let words: Vec<Vec<String>> = commands(line);
    let expected: [&[&str]; 3] =
        [&["zcat", "a.gz"], &["noisefloor", "fits", "cutout", "a b[1]", "c1.fits", "c2.fits"], &["d"]];
    assert_eq!(words, expected);
    assert_eq!(anchor("## What is unfair here"), "what-is-unfair-here");
    assert!(is_placeholder("configs/experiments/X.toml") && !is_placeholder("README.md"));
}
