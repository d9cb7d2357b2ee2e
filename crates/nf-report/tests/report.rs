//! A report from a run's folder.
#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

#[path = "../../nf-bench/tests/fakes/mod.rs"]
mod fakes;

use fakes::{open, registry};
use nf_bench::{ArrayRegistry, Run, RunOptions, Silent, Status, Suite};
use nf_report::names::Names;
use nf_report::report::{ReportOptions, Sources, write_report, write_size_speed};
use nf_report::tables;
use std::fs;
use std::path::Path;
use std::sync::Arc;

const SUITE: &str = "name = 'trial'\nquestion = 'Which <one>?'\nanalysis = 'Read `it`.'\ncodecs = ['raw', 'halving', 'erring']\n\
                     [[dataset]]\nname = 'known'\ndata = 'known'\n[[dataset]]\nname = 'lco'\ndata = 'counting'\n\
                     [[dataset]]\nname = 'nowhere'\ndata = 'nowhere'\n";

fn run(folder: &Path) -> Run {
    let options =
        RunOptions { runs: folder.join("runs"), command: "noisefloor bench x".into(), ..Default::default() };
    let suite = Suite::parse("trial", SUITE).unwrap();
    nf_bench::run(&suite, &registry(), &open(&Arc::default()), &options, &mut Silent).unwrap()
}

fn options() -> ReportOptions {
    ReportOptions { frames: 2, map_codec: "raw".parse().unwrap(), command: "noisefloor report y".into() }
}

#[test]
fn a_run_read_from_its_folder_is_the_run_that_was_measured() {
    let folder = tempfile::tempdir().unwrap();
    let measured = run(folder.path());
    let before = fs::read(measured.folder.join("measurements.csv")).unwrap();
    let again =
        nf_bench::read(&measured.folder, &registry(), &ArrayRegistry::default(), &open(&Arc::default()))
            .unwrap();
    assert_eq!((&again.rows, &again.suite, &again.facts), (&measured.rows, &measured.suite, &measured.facts));
    assert_eq!(again.machines.len(), 1);
    assert_eq!(fs::read(measured.folder.join("measurements.csv")).unwrap(), before, "reading writes nothing");
    assert!(
        nf_bench::read(folder.path(), &registry(), &ArrayRegistry::default(), &open(&Arc::default()))
            .is_err()
    );
}

#[test]
fn the_page_holds_everything_and_needs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    fs::write(run.folder.join("train.csv"), "step,train_bits\n1,5\n2,4\n").unwrap();
    let registry = registry();
    let loads = Arc::default();
    let open = open(&loads);
    let sources = Sources {
        registry: &registry,
        array_codecs: &ArrayRegistry::default(),
        open: &open,
        training: &|_| None,
        experiment: &|_| None,
    };
    let out = folder.path().join("a/b");
    let page = write_report(std::slice::from_ref(&run), &sources, &options(), &out).unwrap();
    let html = fs::read_to_string(&page).unwrap();
    for text in [
        "Which &lt;one&gt;?",
        "<code>it</code>",
        "halving",
        "out of order, &quot;again&quot;",
        "nowhere: skipped",
        "arXiv 2506.08306",
        "noisefloor bench x",
        "noisefloor report y",
        "data:image/png;base64,",
        "Pixel",
        "Training: loss (lines) and validation (dots)",
    ] {
        assert!(html.contains(text), "{text}");
    }
    let foreign: Vec<&str> = html.match_indices("http").map(|(at, _)| &html[at..at + 30]).collect();
    assert!(foreign.iter().all(|text| text.starts_with("http://www.w3.org/2000/svg")), "{foreign:?}");
    let markdown = fs::read_to_string(out.join("report.md")).unwrap();
    for line in markdown.lines().filter(|line| line.starts_with("![")) {
        for file in line.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            assert!(out.join(file).is_file(), "{file}");
        }
    }
    assert!(markdown.contains("| halving | 8.000 |"), "{markdown}");
    // Twice is once: nothing in a report depends on when it is made.
    write_report(std::slice::from_ref(&run), &sources, &options(), &out).unwrap();
    assert_eq!(fs::read_to_string(&page).unwrap(), html);
}

#[test]
fn pictures_for_other_documents_and_folders_that_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = run(folder.path());
    for (i, row) in run.rows.iter_mut().enumerate() {
        row.figures.encode_ns = row.figures.encode_ns.map(|_| 1000 + i as u64);
    }
    let paths = write_size_speed(&run, &Names::default(), &folder.path().join("docs/speed")).unwrap();
    assert!(paths[0].ends_with("docs/speed-encode.svg"));
    assert!(fs::read_to_string(&paths[0]).unwrap().contains("halving"));
    fs::write(folder.path().join("file"), "").unwrap();
    let registry = registry();
    let loads = Arc::default();
    let open = open(&loads);
    let sources = Sources {
        registry: &registry,
        array_codecs: &ArrayRegistry::default(),
        open: &open,
        training: &|_| None,
        experiment: &|_| None,
    };
    let error = write_report(&[run], &sources, &options(), &folder.path().join("file")).unwrap_err();
    assert!(error.to_string().contains("file"), "{error}");
}

/// A name that would be markup, a link, a formula, a heading, an end of a cell and a colour.
const HOSTILE: &str =
    "=1+1 <img src=x onerror=alert(1)> ![a](http://b) `c`` a|b </script><!-- <script>\n# d \u{1b}[31m";

/// What a reader of CommonMark finds outside of code spans: a run of back quotes closes at the next
/// run of the same length.
fn outside_of_code(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(['`', '\\']) {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        if rest.starts_with('\\') {
            rest = &rest[1 + rest[1..].chars().next().map_or(0, char::len_utf8)..];
            out.push(' ');
            continue;
        }
        let length = rest.chars().take_while(|&c| c == '`').count();
        let mut from = length;
        let close = loop {
            let Some(at) = rest[from..].find('`').map(|at| from + at) else { break None };
            let run = rest[at..].chars().take_while(|&c| c == '`').count();
            if run == length {
                break Some(at + run);
            }
            from = at + run;
        };
        rest = &rest[close.unwrap_or(length)..];
    }
    out + rest
}

#[test]
fn names_from_outside_are_shown_and_do_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = run(folder.path());
    let named = |kind: &str| format!("{HOSTILE}{kind}");
    for choice in &mut run.suite.datasets {
        choice.name = named(&choice.name);
    }
    for row in &mut run.rows {
        row.dataset = named(&row.dataset);
        row.image = named(&row.image);
        if let Status::Failed(reason) = &mut row.status {
            *reason = HOSTILE.to_owned();
        }
    }
    run.suite.question = HOSTILE.to_owned();
    run.suite.analysis = HOSTILE.to_owned();
    for card in &mut run.cards {
        (card.title, card.origin, card.licence) = (named("t"), named("o"), named("l"));
    }
    run.machines[0].command = HOSTILE.to_owned();
    fs::write(run.folder.join("train.csv"), "step,train_bits\n1,5\n2,4\n").unwrap();
    let (registry, loads) = (registry(), Arc::default());
    let open = open(&loads);
    let sources = Sources {
        registry: &registry,
        array_codecs: &ArrayRegistry::default(),
        open: &open,
        training: &|_| None,
        experiment: &|_| None,
    };
    let out = folder.path().join("out");
    let page = write_report(std::slice::from_ref(&run), &sources, &options(), &out).unwrap();

    let html = fs::read_to_string(&page).unwrap();
    assert!(html.contains("&lt;img src=x onerror=alert(1)&gt;"), "it is shown");
    // The pictures of the page have their own images.
    assert!(!html.contains("<img src=x") && !html.contains("<!-- "));
    let scripts = html.matches("<script").count();
    assert_eq!(scripts, html.matches("</script>").count());
    assert!(!html.contains('\u{1b}'));

    let markdown = fs::read_to_string(out.join("report.md")).unwrap();
    for text in [markdown, tables::markdown(&run), tables::document(&run)] {
        assert!(text.contains("&lt;img") && !text.contains('\u{1b}'), "{text}");
        let mut in_block = false;
        for line in text.lines() {
            in_block ^= line.starts_with("```");
            let outside = outside_of_code(line);
            let acts = ["<img", "<!--", "</script", "![a]"].iter().any(|part| outside.contains(part));
            assert!(in_block || !acts, "{line}");
            assert!(in_block || !line.starts_with("# d"), "{line}");
        }
        let cells = |line: &str| line.replace("\\|", "").matches('|').count();
        let tables: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
        for pair in tables.windows(2).filter(|pair| pair[1].starts_with("|---")) {
            assert_eq!(cells(pair[0]), cells(pair[1]), "{}", pair[0]);
        }
    }
    assert!(!tables::terminal(&run, &Names::default()).contains('\u{1b}'));

    for entry in fs::read_dir(out.join("plots")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c)), "{name}");
        if name.ends_with(".svg") {
            let svg = fs::read_to_string(&path).unwrap();
            assert!(!svg.contains("<img") && !svg.contains('\u{1b}'), "{name}");
        } else if name.ends_with(".csv") {
            let text = fs::read_to_string(&path).unwrap();
            let formula = |cell: &str| cell.trim_start_matches('"').starts_with('=');
            assert!(!text.lines().flat_map(|line| line.split(',')).any(formula), "{text}");
        }
    }
}

#[test]
fn what_bounds_do_has_sections_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let text = "name = 'bounds'\nquestion = 'Q?'\nanalyses = ['errors']\ncodecs = ['raw']\n\
                [[dataset]]\nname = 'two'\ndata = 'counting'\nbound = '2dn'\n\
                [[dataset]]\nname = 'three'\ndata = 'counting'\nbound = '3dn'\n";
    let suite = Suite::parse("bounds", text).unwrap();
    let at = RunOptions { runs: folder.path().join("runs"), ..Default::default() };
    let loads = Arc::default();
    let (registry, open) = (registry(), open(&loads));
    let run = nf_bench::run(&suite, &registry, &open, &at, &mut Silent).unwrap();
    let sources = Sources {
        registry: &registry,
        array_codecs: &ArrayRegistry::default(),
        open: &open,
        training: &|_| None,
        experiment: &|_| None,
    };
    let out = folder.path().join("report");
    write_report(std::slice::from_ref(&run), &sources, &options(), &out).unwrap();
    let markdown = fs::read_to_string(out.join("report.md")).unwrap();
    for text in [
        "Errors within the bound of two",
        "Their shape in three",
        "Stars within a bound of 0.5 sigma",
        "indices, dithered",
        "bounds-rate-bias",
        "bounds-sky-indices-dithered",
    ] {
        assert!(markdown.contains(text), "{text}: {markdown}");
    }
    // Two of five values on either side: largest error and bound are one.
    let row = markdown.lines().find(|line| line.starts_with("| raw | 16.000 |")).unwrap();
    assert!(row.contains("| 1.000 |"), "{row}");
}
