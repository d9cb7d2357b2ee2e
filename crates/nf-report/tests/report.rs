//! A report from a run's folder.
#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

#[path = "../../nf-bench/tests/fakes/mod.rs"]
mod fakes;

use fakes::{open, registry};
use nf_bench::{Run, RunOptions, Silent, Suite};
use nf_report::report::{ReportOptions, Sources, write_report, write_size_speed};
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
    let again = nf_bench::read(&measured.folder, &registry(), &open(&Arc::default())).unwrap();
    assert_eq!((&again.rows, &again.suite, &again.facts), (&measured.rows, &measured.suite, &measured.facts));
    assert_eq!(again.machines.len(), 1);
    assert_eq!(fs::read(measured.folder.join("measurements.csv")).unwrap(), before, "reading writes nothing");
    assert!(nf_bench::read(folder.path(), &registry(), &open(&Arc::default())).is_err());
}

#[test]
fn the_page_holds_everything_and_needs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path());
    fs::write(run.folder.join("train.csv"), "step,train_bits\n1,5\n2,4\n").unwrap();
    let registry = registry();
    let loads = Arc::default();
    let open = open(&loads);
    let sources = Sources { registry: &registry, open: &open, training: &|_| None };
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
        "Training: train bits per sample",
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
    let paths = write_size_speed(&run, &folder.path().join("docs/speed")).unwrap();
    assert!(paths[0].ends_with("docs/speed-encode.svg"));
    assert!(fs::read_to_string(&paths[0]).unwrap().contains("halving"));
    fs::write(folder.path().join("file"), "").unwrap();
    let registry = registry();
    let loads = Arc::default();
    let open = open(&loads);
    let sources = Sources { registry: &registry, open: &open, training: &|_| None };
    let error = write_report(&[run], &sources, &options(), &folder.path().join("file")).unwrap_err();
    assert!(error.to_string().contains("file"), "{error}");
}
