//! Rates and tables of whole runs.
#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

#[path = "../../nf-bench/tests/fakes/mod.rs"]
mod fakes;

use fakes::{open, registry};
use nf_bench::ledger::Ledger;
use nf_bench::row_file::read_rows;
use nf_bench::{Estimator, Estimators, Run, RunOptions, Silent, Suite, run};
use nf_codec::Spec;
use nf_image::Image16;
use nf_report::names::Names;
use nf_report::summary::{summarise, summarise_all};
use nf_report::tables;
use std::path::Path;
use std::sync::Arc;

fn suite(codecs: &[&str], datasets: &[&str]) -> Suite {
    let mut text = format!("name = 'trial'\nquestion = 'Q?'\nanalysis = 'A.'\ncodecs = {codecs:?}\n");
    for dataset in datasets {
        text.push_str(&format!("[[dataset]]\nname = '{dataset}'\ndata = '{dataset}'\n"));
    }
    Suite::parse("trial.toml", &text).unwrap()
}

fn options(runs: &Path) -> RunOptions {
    RunOptions {
        runs: runs.to_owned(),
        command: "noisefloor bench trial.toml".into(),
        ..RunOptions::default()
    }
}

fn run_in(runs: &Path, suite: &Suite) -> Run {
    run(suite, &registry(), &open(&Arc::default()), &options(runs), &mut Silent).unwrap()
}

#[test]
fn failures_and_absences_are_told_below_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(folder.path(), &suite(&["lying", "raw"], &["counting", "nowhere", "three"]));
    let text = tables::terminal(&run, &Names::default());
    for part in
        ["lying: not lossless", "0/4", "4/4", "nowhere: no such folder", "count,2: count,2: cut short"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let document = tables::document(&run);
    assert!(document.contains("| count,1 | 35 | 16.000 |"), "{document}");
}

#[test]
fn rows_of_other_runs_and_external_programs_are_marked() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = run_in(folder.path(), &suite(&["raw"], &["counting"]));
    run.rows.iter_mut().for_each(|row| row.origin = "another".into());
    run.facts.get_mut("raw").unwrap().starts_process = true;
    let text = tables::terminal(&run, &Names::default());
    assert!(text.contains("2 rows are those of the run another") && text.contains("raw*"), "{text}");
}

/// An estimate of one bit per pixel, far below every codec.
struct OneBit;

impl Estimator for OneBit {
    fn bits(&self, image: &Image16) -> Result<f64, String> {
        Ok(image.samples().len() as f64)
    }
}

#[test]
fn estimates_are_never_among_sizes() {
    let folder = tempfile::tempdir().unwrap();
    let text = "name = 'trial'\nquestion = 'Q?'\nanalysis = 'A.'\ncodecs = ['raw', 'halving']\n\
                estimates = ['vdm:steps=4', 'vdm:steps=0']\n\
                [[dataset]]\nname = 'known'\ndata = 'known'\n[[dataset]]\nname = 'counting'\ndata = 'counting'\n";
    let suite = Suite::parse("trial.toml", text).unwrap();
    let make = |spec: &Spec| match spec.get("steps") {
        Some("0") => Err("no steps".to_owned()),
        _ => Ok(Box::new(OneBit) as Box<dyn Estimator>),
    };
    let options = RunOptions { estimators: Estimators::new(make), ..options(folder.path()) };
    let measured = run(&suite, &registry(), &open(&Arc::default()), &options, &mut Silent).unwrap();
    const NAME: &str = "vdm estimate, no stream: steps=4";
    let rows: Vec<_> = measured.rows.iter().filter(|row| row.is_estimate()).collect();
    let good: Vec<_> = rows.iter().filter(|row| row.codec == NAME).collect();
    assert!(!good.is_empty() && rows.len() == 2 * good.len());
    for row in good {
        assert_eq!((row.estimated_bits(), row.bits(), row.counts()), (Some(row.pixels()), None, false));
        assert!(!row.is_failure() && row.figures.coded_bytes.is_none());
    }
    // On disk it is a row that is not verified and says why.
    let csv = std::fs::read_to_string(measured.folder.join("measurements.csv")).unwrap();
    let line = csv.lines().find(|line| line.contains(NAME)).unwrap();
    assert!(line.contains("false") && line.ends_with("\"an estimate, no stream\""), "{line}");
    assert_eq!(read_rows(&measured.folder.join("measurements.csv")).unwrap(), measured.rows);
    // Neither sums nor the ledger know of it.
    assert!(Ledger::of(&measured).rows().all(|row| !row.codec.contains("estimate")));
    for dataset in summarise(&measured).into_iter().chain([summarise_all(&measured)]) {
        assert!(dataset.codecs.iter().all(|codec| !codec.codec.contains("estimate")));
        assert!(dataset.estimates.iter().any(|own| own.estimated_bits_per_pixel == Some(1.0)));
        let smallest = dataset.codecs.iter().find(|codec| codec.coded_bytes.is_some()).unwrap();
        assert!(smallest.over_smallest_percent.is_none_or(|(percent, _)| percent == 0.0));
    }
    for text in [tables::markdown(&measured), tables::terminal(&measured, &Names::default())] {
        let (sizes, estimates) = text.split_once("Estimates, no stream: nothing was coded").unwrap();
        assert!(!sizes.contains("estimate") && estimates.contains(NAME) && estimates.contains("no steps"));
    }
    let document = tables::document(&measured);
    assert_eq!(document.matches(NAME).count(), 2, "once per dataset, in no table of sizes: {document}");
    // A program without estimators leaves it out, visibly.
    let without = RunOptions { estimators: Estimators::default(), ..options };
    let skipped = run(&suite, &registry(), &open(&Arc::default()), &without, &mut Silent).unwrap();
    assert!(skipped.rows.iter().filter(|row| row.is_estimate()).all(|row| row.is_skipped()));
}

#[test]
fn rates_are_what_the_methodology_says() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(folder.path(), &suite(&["raw", "halving"], &["known"]));
    let summary = summarise(&run).remove(0);
    let [oracle, halving, raw] = &summary.codecs[..] else { panic!("{summary:?}") };
    assert_eq!((oracle.codec.as_str(), oracle.ideal_bits, oracle.coded_bytes), ("oracle", Some(200), None));
    assert_eq!(oracle.bits_per_pixel, Some(200.0 / 70.0));
    assert_eq!((halving.codec.as_str(), halving.images_ok), ("halving", 2));
    assert_eq!((halving.ratio_pooled, halving.ratio_mean), (Some(2.0), Some(2.0)));
    assert_eq!(halving.above_oracle_bits_per_pixel, Some((560.0 - 200.0) / 70.0));
    assert_eq!(
        (halving.ideal_bits, raw.ideal_bits),
        (Some(560), None),
        "what the codec says, and not the oracle"
    );
    let text = tables::markdown(&run);
    assert!(text.contains("| bits/pixel | ideal bits/pixel | ratio"), "{text}");
    assert!(
        text.contains("| halving | 8.000 | 8.000 | 2.000") && text.contains("| raw | 16.000 |  | 1.000"),
        "{text}"
    );
    assert!(!tables::terminal(&run, &Names::default()).contains("ideal"));
    assert_eq!((raw.bits_per_pixel, raw.pixels), (Some(16.0), 70));
    assert_eq!(raw.encode_mb_per_s.is_some(), raw.decode_mb_per_s.is_some());

    // 100 and 200 bytes coded to 50 and 50: pooled 3.0, mean 3.0; 100 and 300 to 50 and 50: 4.0 and
    // 4.0; unequal sizes tell the two apart.
    let mut uneven = run.clone();
    for (row, (raw, coded)) in
        uneven.rows.iter_mut().filter(|r| r.codec == "raw").zip([(100, 50), (900, 100)])
    {
        (row.raw_bytes, row.figures.coded_bytes, row.figures.encode_ns) = (raw, Some(coded), Some(1_000));
    }
    let summary = summarise(&uneven).remove(0);
    let raw = summary.codecs.iter().find(|codec| codec.codec == "raw").unwrap();
    assert_eq!((raw.ratio_pooled, raw.ratio_mean), (Some(1000.0 / 150.0), Some(5.5)));
    assert_eq!(raw.encode_mb_per_s, Some(500.0));
}

#[test]
fn a_codec_that_fails_on_some_images_is_pooled_over_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut suite = suite(&["halving"], &["counting"]);
    suite.datasets[0].data = "three".into();
    let run = run_in(folder.path(), &suite);
    let summary = summarise(&run).remove(0);
    assert_eq!((summary.codecs[0].images_ok, summary.codecs[0].images, summary.images), (2, 2, 2));
    suite.datasets[0].max_images = Some(1);
    assert_eq!(summarise(&run_in(folder.path(), &suite))[0].images, 1);
}

#[test]
fn several_datasets_are_pooled_and_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let mut suite = suite(&["raw", "halving"], &["known", "counting", "nowhere"]);
    suite.datasets[0].name = "a-known".into();
    suite.datasets[1].name = "a-counting".into();
    let run = run_in(folder.path(), &suite);
    let all = summarise_all(&run);
    assert_eq!((all.images, all.pixels), (4, 140), "images of one name in two datasets are two");
    let halving = all.codecs.iter().find(|codec| codec.codec == "halving").unwrap();
    assert_eq!((halving.images_ok, halving.images), (4, 4));
    assert_eq!(halving.above_oracle_bits_per_pixel, Some((560.0 - 200.0) / 70.0), "where there is one");
    let text = tables::terminal(&run, &Names::default());
    assert!(
        text.contains("codec     known  counting\noracle    2.857\nhalving   8.000     8.000\n"),
        "{text}"
    );
    assert!(text.contains("nowhere: skipped: nowhere: no such folder"), "{text}");
    assert!(tables::markdown(&run).contains("| halving | 8.000 | 8.000 |"));
    let document = tables::document(&run);
    assert!(document.contains("**a-known: 2 images") && document.contains("## a-known: bits"), "{document}");
}

#[test]
fn terminal_tables_fit_a_hundred_columns() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = run_in(folder.path(), &suite(&["raw", "halving", "unheard"], &["known"]));
    let long = "a-codec-of-a-long-name:with=options,and=more";
    run.facts.insert(long.into(), run.facts["raw"].clone());
    for row in run.rows.iter_mut().filter(|row| row.codec == "raw") {
        row.codec = long.into();
        (row.figures.encode_ns, row.figures.decode_ns, row.figures.peak_bytes) =
            (Some(1), Some(70_000_000_000), Some(99_999_000_000));
    }
    let text = tables::terminal(&run, &Names::default());
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    assert!(text.contains("a-codec-of-a-long-name:wi~"), "{text}");
}
