//! Whole runs over codecs with known faults.
#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

mod fakes;

use fakes::{open, registry};
use nf_bench::ledger::Ledger;
use nf_bench::row_file::read_rows;
use nf_bench::{ArrayRegistry, Measurement, Run, RunOptions, Silent, Status, Suite, resume, run};
use nf_bounded::{Array, ArrayCodec, ArrayEntry, SampleType, Samples};
use nf_codec::{Limits, Spec};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

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

fn row<'a>(run: &'a Run, image: &str, codec: &str) -> &'a Measurement {
    run.rows.iter().find(|row| row.image == image && row.codec == codec).unwrap()
}

#[test]
fn every_fault_is_a_row_and_stops_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let faults = [
        ("lying", "not lossless: sample 34 was 34 and came back as 35"),
        ("transposing", "not lossless: 5x7 came back as 7x5"),
        ("panicking", "panicked: no room left"),
        ("late", "panicked: cannot go back"),
        ("erring", "erring: out of order, \"again\""),
        ("fickle", "the same image gave other bytes the second time"),
        ("unbounded", "wrote 1070 bytes where it promises at most 74"),
        ("unheard", "no codec of that name"),
        ("raw:x=1", "unknown option 'x'"),
    ];
    let names: Vec<&str> = faults.iter().map(|(name, _)| *name).chain(["raw"]).collect();
    let run = run_in(folder.path(), &suite(&names, &["counting"]));
    for (name, error) in faults {
        let row = row(&run, "count,0", name);
        assert!(row.status.text().contains(error), "{name}: {}", row.status.text());
        assert!(
            !row.is_verified() && row.figures.coded_bytes.is_none() && row.figures.encode_ns.is_none(),
            "{name}"
        );
    }
    let raw = row(&run, "count,1", "raw");
    assert!(raw.is_verified() && raw.is_failure().eq(&false) && raw.figures.encode_ns.is_some());
    assert_eq!((raw.raw_bytes, raw.figures.coded_bytes, raw.figures.runs), (70, Some(70), 3));
    assert_eq!(run.rows.len(), 20);
    assert_eq!(run.failures().count(), 18);
    assert_eq!(read_rows(&run.folder.join("measurements.csv")).unwrap(), run.rows);
}

/// Ratios are against what a file holds, bits per pixel against pixels.
#[test]
fn pixels_of_one_byte_count_one_byte() {
    let folder = tempfile::tempdir().unwrap();
    let mut clean = options(folder.path());
    clean.build.dirty = "clean".into();
    let loads = Arc::default();
    let open = open(&loads);
    let words = run(&suite(&["raw"], &["counting"]), &registry(), &open, &clean, &mut Silent).unwrap();
    assert_eq!((row(&words, "count,0", "raw").raw_bytes, row(&words, "count,0", "raw").pixels()), (70, 35));
    let bytes = run(&suite(&["raw"], &["bytes"]), &registry(), &open, &clean, &mut Silent).unwrap();
    let raw = row(&bytes, "count,0", "raw");
    assert_eq!((raw.raw_bytes, raw.pixels(), raw.figures.coded_bytes), (35, 35, Some(70)));
    // Figures of the same pixels in another file are reused, but not that file's bytes.
    let reusing = RunOptions { reuse: vec![words.folder.clone()], ..clean };
    let again = run(&suite(&["raw"], &["bytes"]), &registry(), &open, &reusing, &mut Silent).unwrap();
    let raw = row(&again, "count,0", "raw");
    assert!(!raw.origin.is_empty());
    assert_eq!((raw.raw_bytes, raw.pixels()), (35, 35));
}

#[test]
fn what_is_absent_is_a_visible_row() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(folder.path(), &suite(&["raw"], &["nowhere", "broken", "three"]));
    let error = |dataset: &str| run.rows.iter().find(|row| row.dataset == dataset).unwrap().status.text();
    assert_eq!(error("nowhere"), "skipped: nowhere: no such folder");
    assert_eq!(error("broken"), "broken.toml: field 'x'");
    assert_eq!(row(&run, "count,2", "").status.text(), "count,2: cut short");
    assert_eq!(run.failures().count(), 2);
}

#[test]
fn a_run_is_continued_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let suite = suite(&["raw", "lying"], &["counting", "nowhere"]);
    let first = run_in(folder.path(), &suite);
    let sheet = first.folder.join("measurements.csv");
    let text = fs::read_to_string(&sheet).unwrap();
    // Header, and raw and lying on the first image, and half of the next line.
    let cut: usize = text.split_inclusive('\n').take(3).map(str::len).sum();
    fs::write(&sheet, &text[..cut + 20]).unwrap();

    let loads = Arc::new(AtomicUsize::new(0));
    let second =
        resume(&first.folder, &registry(), &open(&loads), &options(folder.path()), &mut Silent).unwrap();
    assert_eq!(loads.load(Relaxed), 1, "the first image is not even read");
    let keys = |run: &Run| run.rows.iter().map(|r| (r.image.clone(), r.codec.clone())).collect::<Vec<_>>();
    assert_eq!(keys(&second), keys(&first));
    assert_eq!(second.rows[..2], first.rows[..2]);
    assert_eq!((&second.suite, second.machines.len()), (&suite, 1));

    let third =
        resume(&first.folder, &registry(), &open(&loads), &options(folder.path()), &mut Silent).unwrap();
    assert_eq!(loads.load(Relaxed), 1, "nothing is left to do");
    assert_eq!(third.rows.len(), second.rows.len(), "and the skipped dataset is there once");

    let mut other = options(folder.path());
    other.build.commit = "another".into();
    let fourth = resume(&first.folder, &registry(), &open(&loads), &other, &mut Silent).unwrap();
    assert_eq!(fourth.machines.len(), 2, "another build is recorded");
    let stranger = resume(folder.path(), &registry(), &open(&loads), &other, &mut Silent);
    assert!(stranger.unwrap_err().to_string().contains("not the folder of a run"));
}

#[test]
fn a_run_killed_before_its_first_row_is_continued() {
    let folder = tempfile::tempdir().unwrap();
    let suite = suite(&["raw"], &["counting"]);
    let whole = run_in(folder.path(), &suite);
    let bare = folder.path().join("bare");
    fs::create_dir(&bare).unwrap();
    fs::copy(whole.folder.join("suite.toml"), bare.join("suite.toml")).unwrap();
    let error = nf_bench::read(&bare, &registry(), &ArrayRegistry::default(), &open(&Arc::default()))
        .unwrap_err()
        .to_string();
    assert!(error.contains("stopped before its first row"), "{error}");
    let options = options(folder.path());
    let again = resume(&bare, &registry(), &open(&Arc::default()), &options, &mut Silent).unwrap();
    assert_eq!((again.rows.len(), again.machines.len()), (whole.rows.len(), 1));
    assert_eq!(
        nf_bench::read(&bare, &registry(), &ArrayRegistry::default(), &open(&Arc::default())).unwrap().rows,
        again.rows
    );
}

#[test]
fn rows_of_the_same_program_and_pixels_are_taken_over_and_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut clean = options(folder.path());
    clean.build.dirty = "clean".into();
    let loads = Arc::default();
    let open = open(&loads);
    let measured =
        run(&suite(&["slow", "lying"], &["counting"]), &registry(), &open, &clean, &mut Silent).unwrap();
    let name = measured.folder.file_name().unwrap().to_str().unwrap().to_owned();

    let reusing = RunOptions { reuse: vec![measured.folder.clone()], ..clean.clone() };
    // The same pixels under another name; what was not verified is tried again.
    let again = run(&suite(&["slow", "lying", "raw"], &["known"]), &registry(), &open, &reusing, &mut Silent)
        .unwrap();
    for image in ["count,0", "count,1"] {
        let (before, after) = (row(&measured, image, "slow"), row(&again, image, "slow"));
        assert_eq!(
            (before.figures.encode_ns, before.figures.coded_bytes),
            (after.figures.encode_ns, after.figures.coded_bytes)
        );
        assert_eq!((after.dataset.as_str(), after.origin.as_str()), ("known", name.as_str()));
        assert!(row(&again, image, "raw").origin.is_empty() && row(&again, image, "lying").is_failure());
    }

    let refused = |build: nf_bench::Build| {
        let other = RunOptions { build, ..reusing.clone() };
        let error =
            run(&suite(&["raw"], &["counting"]), &registry(), &open, &other, &mut Silent).unwrap_err();
        error.to_string()
    };
    let another = nf_bench::Build { commit: "another".into(), ..clean.build.clone() };
    assert!(refused(another).contains("commit another"));
    let dirty = options(folder.path());
    let vague = run(&suite(&["raw"], &["counting"]), &registry(), &open, &dirty, &mut Silent).unwrap();
    let reusing = RunOptions { reuse: vec![vague.folder], ..dirty };
    let error = run(&suite(&["raw"], &["counting"]), &registry(), &open, &reusing, &mut Silent).unwrap_err();
    assert!(error.to_string().contains("local changes"), "{error}");
}

#[test]
fn folders_are_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let suite = suite(&["raw"], &["counting"]);
    let folders = [0, 1, 2].map(|_| run_in(folder.path(), &suite).folder);
    let name = |i: usize| folders[i].file_name().unwrap().to_str().unwrap().to_owned();
    assert!(name(0).ends_with("-trial"));
    assert_eq!([name(1), name(2)], [format!("{}-2", name(0)), format!("{}-3", name(0))]);
    let written = Suite::read(&folders[2].join("suite.toml")).unwrap();
    assert_eq!(written, suite);
}

#[test]
fn slow_codecs_are_not_run_beyond_the_budget() {
    let folder = tempfile::tempdir().unwrap();
    let mut suite = suite(&["slow"], &["counting"]);
    suite.timing_budget_s = 0;
    let run = run_in(folder.path(), &suite);
    let row = row(&run, "count,0", "slow");
    assert_eq!((row.figures.runs, row.is_verified()), (0, true));
    assert!(row.figures.encode_ns.unwrap() >= 30_000_000, "the verifying pass was timed");
}

#[test]
fn external_programs_only_run_when_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let mut suite = suite(&["raw", "halving"], &["counting"]);
    let external = "name='x'\nquestion=''\ncodecs=['raw']\n[[dataset]]\nname='a'\ndata='a'\n\
                    [external.halving]\nencode=['a']\n";
    suite.external = Suite::parse("x", external).unwrap().external;
    let run = run_in(folder.path(), &suite);
    let refused: Vec<&Measurement> = run.rows.iter().filter(|row| row.codec == "halving").collect();
    assert!(refused.len() == 1 && refused[0].is_skipped(), "{refused:?}");
    let mut allowing = options(folder.path());
    allowing.allow_external = true;
    let again = resume(&run.folder, &registry(), &open(&Arc::default()), &allowing, &mut Silent).unwrap();
    let allowed: Vec<&Measurement> = again.rows.iter().filter(|row| row.codec == "halving").collect();
    assert_eq!(allowed.len(), 2);
    assert!(allowed.iter().all(|row| row.is_verified() && row.figures.peak_bytes.is_none()), "{allowed:?}");
}

#[test]
fn the_ledger_is_sorted_and_notices_every_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sizes.csv");
    let suite = suite(&["raw", "halving"], &["known", "counting"]);
    let run = run_in(folder.path(), &suite);
    let mut ledger = Ledger::read(&path).unwrap();
    assert_eq!(ledger.differences(&run).len(), 5, "nothing is written down yet");
    ledger.update(&run);
    ledger.write(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let expected = "dataset,split,codec,images,pixels,raw_bytes,coded_bytes,ideal_bits,weights_bytes,reproducibility\n\
                    counting,all,halving,2,70,140,70,560,0,anywhere\n\
                    counting,all,raw,2,70,140,140,,0,anywhere\n\
                    known,all,halving,2,70,140,70,560,0,anywhere\n\
                    known,all,oracle,2,70,140,,200,0,\n\
                    known,all,raw,2,70,140,140,,0,anywhere\n";
    assert_eq!(text, expected);
    let ledger = Ledger::read(&path).unwrap();
    assert_eq!(ledger.differences(&run), Vec::<String>::new());
    assert_eq!(ledger.differences(&run_in(folder.path(), &suite)), Vec::<String>::new());

    let mut worse = run.clone();
    let at = worse.rows.iter().position(|row| row.codec == "halving" && row.dataset == "known").unwrap();
    worse.rows[at].figures.coded_bytes = Some(36);
    assert_eq!(ledger.differences(&worse), ["known, all, halving: coded_bytes was 70, is 71"]);
    worse.rows[at].status = Status::failed("not lossless");
    assert_eq!(ledger.differences(&worse).len(), 5, "images, pixels, raw and coded bytes, ideal bits");
    worse.rows.retain(|row| row.codec != "halving" || row.dataset != "known" || !row.is_verified());
    let lines = ledger.differences(&worse);
    assert_eq!(lines, ["known, all, halving: no size this time: not lossless"]);
    worse.rows.clear();
    assert_eq!(ledger.differences(&worse), ["the run has no size that could be compared"]);

    let mut other = Ledger::read(&path).unwrap();
    worse = run.clone();
    worse.rows.retain(|row| row.codec == "raw");
    other.update(&worse);
    assert_eq!(other, ledger, "a partial run keeps the other rows");
    fs::write(&path, text.replace("counting,all,raw,2", "counting,all,raw,two")).unwrap();
    assert!(Ledger::read(&path).unwrap_err().to_string().contains("sizes.csv"));
    fs::write(&path, text.clone() + text.lines().last().unwrap()).unwrap();
    assert!(Ledger::read(&path).unwrap_err().to_string().contains("twice"));
}

/// Keeps every tenth sample and repeats it, whatever it is told.
struct Tenth;

impl ArrayCodec for Tenth {
    fn spec(&self) -> Spec {
        "tenth:error=1".parse().unwrap()
    }

    fn encode(&self, array: &Array) -> nf_bounded::Result<Vec<u8>> {
        let places = (0..array.samples().len()).step_by(10);
        Ok(places.flat_map(|place| (array.samples().value(place) as u16).to_le_bytes()).collect())
    }

    fn decode(&self, bytes: &[u8], _: SampleType, axes: &[usize], _: &Limits) -> nf_bounded::Result<Samples> {
        let kept: Vec<u16> = bytes.as_chunks().0.iter().map(|&pair| u16::from_le_bytes(pair)).collect();
        Ok(Samples::U16((0..axes.iter().product()).map(|place: usize| kept[place / 10]).collect()))
    }
}

#[test]
fn codecs_with_a_loss_of_their_own_are_held_to_the_bound() {
    let folder = tempfile::tempdir().unwrap();
    let text = "name = 'trial'\nquestion = 'Q?'\nanalyses = ['errors']\ncodecs = ['raw', 'tenth']\n\
                [[dataset]]\nname = 'bounded'\ndata = 'counting'\nbound = '2dn'\n\
                [[dataset]]\nname = 'free'\ndata = 'counting'\n";
    let suite = Suite::parse("trial.toml", text).unwrap();
    let tenth = ArrayEntry {
        name: "tenth".to_owned(),
        summary: String::new(),
        source: String::new(),
        options: &[],
        modes: &["error"],
        is_homonym: false,
        values_of_bound: |_, _, _, tolerance| vec![tolerance],
        build: Arc::new(|_| Ok(Box::new(Tenth))),
    };
    let options = RunOptions { array_codecs: ArrayRegistry::new([tenth]), ..options(folder.path()) };
    let run = run(&suite, &registry(), &open(&Arc::default()), &options, &mut Silent).unwrap();
    let of = |dataset: &str, codec: &str| {
        run.rows.iter().find(|row| row.dataset == dataset && row.codec == codec).unwrap()
    };
    // Of ten samples that count upwards, the first three are within two of the first.
    let row = of("bounded", "tenth:error=bound");
    assert!(row.is_verified(), "{:?}", row.status);
    assert_eq!(row.figures.outside_samples, Some(3 * 7 + 2));
    assert!(row.figures.coded_bytes.unwrap() > 8 + 40);
    assert!(row.image_fingerprint.ends_with(":2dn") && row.pixels() == 35);
    assert!(of("free", "tenth:error=bound").status.text().contains("has no bound"));
    // Lossless codecs get the indices, which both have one image of.
    assert!(of("bounded", "raw").is_verified() && of("bounded", "raw").figures.outside_samples.is_none());
    let errors = nf_bench::errors::of_run(&run.folder).unwrap();
    let codecs: Vec<&str> = errors.iter().map(|row| row.codec.as_str()).collect();
    assert_eq!(codecs, ["indices", "tenth:error=bound", "indices", "tenth:error=bound"]);
    assert!(errors.iter().all(|row| row.bound_dn == 2.0 && row.largest_dn <= 2.0 && row.rms_dn > 0.0));
    assert!(errors[0].mean_dn.abs() < 0.2 && errors[1].mean_dn < -0.1, "{errors:?}");
    let photometry = nf_bench::photometry::of_run(&run.folder).unwrap();
    assert_eq!(photometry.len(), 4 * 3);
    assert!(photometry.iter().all(|row| row.error.is_empty() && row.bits_per_pixel > 0.0));
}
