//! `noisefloor bench` as a person meets it.
#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

#[cfg(unix)]
mod stopped;

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs `noisefloor bench` in `folder`, which stands for a place outside of the project.
fn bench(folder: &Path, arguments: &[&str]) -> Output {
    noisefloor(folder, &[&["bench"], arguments].concat())
}

fn noisefloor(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_noisefloor"));
    let command = command.args(arguments).current_dir(folder).env_remove("NOISEFLOOR_DATA");
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Checks that it ended well, and gives what it printed.
fn good(output: &Output) -> String {
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Checks that it failed with exit code 1 and one line at the end, and gives that line.
fn failed(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    let line = text(&output.stderr).lines().last().unwrap().to_owned();
    assert!(line.starts_with("noisefloor: "), "{line}");
    line
}

/// The only run's folder.
fn run_folder(folder: &Path) -> PathBuf {
    let mut runs = fs::read_dir(folder.join("results/runs")).unwrap();
    let run = runs.next().unwrap().unwrap().path();
    assert!(runs.next().is_none());
    run
}

#[test]
fn the_embedded_suite_runs_anywhere_with_an_oracle_that_bounds_everyone() {
    let folder = tempfile::tempdir().unwrap();
    let output = bench(folder.path(), &["--codecs", "raw rice pcodec", "--repeats", "1", "--json"]);
    assert!(output.stderr.is_empty(), "quiet where nobody watches: {}", text(&output.stderr));
    let printed = good(&output);
    let lines: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (report, images) = lines.split_last().unwrap();
    let codecs = report["datasets"][0]["codecs"].as_array().unwrap();
    assert_eq!(codecs[0]["codec"], "oracle");
    let of_first = |image: &Value| image["dataset"] == images[0]["dataset"];
    assert_eq!(codecs[0]["images"], images.iter().filter(|image| of_first(image)).count());
    assert_eq!(images[0]["measurements"].as_array().unwrap().len(), 5, "a line has all codecs of an image");
    let oracle = codecs[0]["bits_per_pixel"].as_f64().unwrap();
    assert_eq!(codecs.len(), 5, "oracle, raw, both conventions of rice, pcodec");
    for codec in &codecs[1..] {
        assert!(codec["bits_per_pixel"].as_f64().unwrap() > oracle, "{codec}");
        assert_eq!(codec["images_ok"], codec["images"], "{codec}");
        let above = codec["above_oracle_bits_per_pixel"].as_f64().unwrap();
        assert!((codec["bits_per_pixel"].as_f64().unwrap() - oracle - above).abs() < 1e-9, "{codec}");
    }
    let run = run_folder(folder.path());
    for file in ["suite.toml", "machine.toml", "measurements.csv", "table.md"] {
        assert!(run.join(file).is_file(), "{file}");
    }
    let machine = fs::read_to_string(run.join("machine.toml")).unwrap();
    assert!(
        machine.contains("command = \"noisefloor bench --codecs 'raw rice pcodec' --repeats 1 --json\""),
        "{machine}"
    );
    assert!(machine.contains("blake3 1."), "crates and versions are recorded");
}

/// Told before anything is measured, and never replaced.
#[test]
fn a_ledger_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.csv"), "mine\n").unwrap();
    for verb in ["--update-ledger", "--check-ledger"] {
        let line = failed(&bench(folder.path(), &["sim-white", verb, "--ledger", "notes.csv"]));
        assert!(line.contains("notes.csv: it is no ledger"), "{line}");
    }
    let line = failed(&bench(folder.path(), &["sim-white", "--check-ledger", "--ledger", "gone.csv"]));
    assert!(line.contains("gone.csv: no such file; --update-ledger writes it"), "{line}");
    assert_eq!(fs::read(folder.path().join("notes.csv")).unwrap(), b"mine\n");
    assert!(!folder.path().join("results").exists());
}

#[test]
fn ledger_splice_and_resume() {
    let folder = tempfile::tempdir().unwrap();
    let readme = folder.path().join("README.md");
    fs::write(&readme, "# X\n<!-- noisefloor:bench quick -->\n<!-- /noisefloor:bench -->\nend\n").unwrap();
    let sizes = folder.path().join("results/sizes.csv");
    let mut first = vec!["--codecs", "raw rice:tile=row", "--repeats", "0"];
    first.extend(["--update-ledger", "--ledger", sizes.to_str().unwrap()]);
    let printed = good(&bench(folder.path(), &first));
    assert!(printed.contains("\nrice:tile=row ") && printed.contains("11/11"), "{printed}");
    let ledger = fs::read_to_string(folder.path().join("results/sizes.csv")).unwrap();
    assert!(ledger.contains("\nsim-star-field,test,oracle,2,524288,1048576,,"), "{ledger}");
    // More datasets than codecs: they are the rows.
    assert!(printed.contains("\ndataset      oracle  rice:tile=row"), "{printed}");
    let run = run_folder(folder.path());
    let command = ["report", run.to_str().unwrap(), "--splice", "README.md", "--picture", "docs/speed"];
    let printed = good(&noisefloor(folder.path(), &command));
    assert!(printed.contains("docs/speed-encode.svg"), "{printed}");
    assert!(
        fs::read_to_string(folder.path().join("docs/speed-decode.svg")).unwrap().contains("rice:tile=row")
    );
    let spliced = fs::read_to_string(&readme).unwrap();
    assert!(
        spliced.contains("| rice:tile=row | ") && spliced.contains("Measured by `noisefloor bench --codecs"),
        "{spliced}"
    );
    assert!(spliced.ends_with("<!-- /noisefloor:bench -->\nend\n"), "{spliced}");
    let machine = fs::read_to_string(run.join("machine.toml")).unwrap();
    assert!(machine.contains("--ledger .../sizes.csv"), "no absolute path is written down: {machine}");
    let rows = fs::read_to_string(run.join("measurements.csv")).unwrap();
    good(&bench(folder.path(), &["--resume", run.to_str().unwrap(), "--check-ledger"]));
    assert_eq!(fs::read_to_string(run.join("measurements.csv")).unwrap(), rows);

    fs::write(
        folder.path().join("results/sizes.csv"),
        ledger.replace("raw,2,524288,1048576,1048576,", "raw,2,524288,1048576,1048575,"),
    )
    .unwrap();
    let output = bench(folder.path(), &["--resume", run.to_str().unwrap(), "--check-ledger"]);
    assert!(failed(&output).contains("sizes.csv: sizes differ"), "{}", text(&output.stderr));
    let line = "sim-star-field, test, raw: coded_bytes was 1048575, is 1048576";
    assert!(text(&output.stderr).contains(line), "{}", text(&output.stderr));
}

const SUITE: &str = "name = 'mine'\nquestion = 'Q?'\ncodecs = ['raw']\n[[dataset]]\nname = 'frames'\n";

#[test]
fn absent_data_is_skipped_and_broken_data_fails() {
    let folder = tempfile::tempdir().unwrap();
    let suite = folder.path().join("mine.toml");
    fs::write(&suite, format!("{SUITE}data = 'real-open/centre-1024'\n")).unwrap();
    let output = bench(folder.path(), &["mine.toml", "--data", "nowhere"]);
    assert!(failed(&output).contains("nothing was measured"), "every row was skipped");
    assert!(text(&output.stdout).contains("skipped: nowhere: no such folder"), "{}", text(&output.stdout));
    // One dataset that is there is enough.
    let both = format!(
        "{SUITE}data = 'real-open/centre-1024'\n[[dataset]]\nname = 'sim'\ndata = 'sim-star-field'\nsplit = 'test'\nmax_images = 1\n"
    );
    fs::write(&suite, both).unwrap();
    good(&bench(folder.path(), &["mine.toml", "--data", "nowhere"]));

    fs::create_dir(folder.path().join("frames")).unwrap();
    fs::write(folder.path().join("frames/a.fits"), "SIMPLE  = maybe").unwrap();
    fs::write(&suite, format!("{SUITE}data = 'frames'\n")).unwrap();
    let output = bench(folder.path(), &["mine.toml"]);
    assert!(failed(&output).contains("one row failed"));
    assert!(text(&output.stdout).contains("a.fits"), "{}", text(&output.stdout));
}

/// A small frame as an .npy file.
fn write_frame(path: &Path) {
    let head = "{'descr': '<u2', 'fortran_order': False, 'shape': (24, 20), }";
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(format!("{head:<117}\n").bytes());
    bytes.extend((0..24 * 20u32).flat_map(|i| (1000 + (i * i % 61) as u16).to_le_bytes()));
    fs::write(path, bytes).unwrap();
}

#[test]
fn one_unreadable_file_costs_itself_only() {
    let folder = tempfile::tempdir().unwrap();
    let night = folder.path().join("night");
    fs::create_dir(&night).unwrap();
    ["a.npy", "c.npy"].iter().for_each(|name| write_frame(&night.join(name)));
    fs::write(night.join("b.fits"), "SIMPLE  = maybe").unwrap();
    let output = bench(folder.path(), &["night", "--codecs", "raw rice", "--repeats", "0"]);
    assert!(failed(&output).contains("one row failed"));
    let printed = text(&output.stdout);
    assert!(printed.contains("night: 2 images") && printed.contains("b.fits"), "{printed}");
    let rows = fs::read_to_string(run_folder(folder.path()).join("measurements.csv")).unwrap();
    assert_eq!(rows.lines().filter(|line| line.contains(",true,")).count(), 6, "{rows}");

    let output = noisefloor(folder.path(), &["limit", "night", "nowhere.fits", "night/a.npy"]);
    assert!(failed(&output).contains("2 inputs could not be examined"));
    let (printed, told) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(printed.matches(" pixels, ").count(), 3, "{printed}");
    assert!(told.contains("b.fits") && told.contains("nowhere.fits"), "{told}");
}

#[test]
fn whatever_limit_takes_can_be_measured() {
    let folder = tempfile::tempdir().unwrap();
    let codecs = ["--codecs", "raw", "--repeats", "0"];
    let measure = |data: &str| bench(folder.path(), &[&[data], &codecs[..]].concat());
    write_frame(&folder.path().join("frame.npy"));
    assert!(good(&measure("frame.npy")).starts_with("frame.npy: 1 image, "));
    let printed = good(&measure("sim-star-field/window@test"));
    assert!(printed.starts_with("sim-star-field/window (test): 4 images"), "{printed}");
    fs::copy(folder.path().join("frame.npy"), folder.path().join("again.npy")).unwrap();
    fs::create_dir(folder.path().join("datasets")).unwrap();
    let manifest = "name = 'own'\ntitle = 't'\ninstrument = 'i'\nlicence = 'l'\norigin = 'o'\n\
                    [source]\nfolder = '.'\n[splits]\none = ['again.npy']\n[views.whole]\n";
    fs::write(folder.path().join("own.toml"), manifest).unwrap();
    let printed = good(&measure("own.toml@one"));
    assert!(printed.starts_with("own/whole (one): 1 image"), "{printed}");
    assert!(failed(&measure("sim-star-field/window@never")).contains("no such split"));
    assert!(failed(&measure("nowhere")).contains("no such dataset, folder or file"));
}

#[test]
fn files_patterns_and_folders_are_measured_and_examined_as_other_verbs_take_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::create_dir_all(path.join("night/deep")).unwrap();
    ["night/a.npy", "night/b.npy", "night/deep/c.npy"].iter().for_each(|name| write_frame(&path.join(name)));
    let codecs = ["--codecs", "raw", "--repeats", "0"];
    let measure = |data: &[&str]| bench(path, &[data, &codecs[..]].concat());
    for data in [&["night/*.npy"][..], &["night/a.npy", "night/b.npy"], &["night/b.npy", "night/?.npy"]] {
        let printed = good(&measure(data));
        assert!(printed.starts_with("2 files: 2 images"), "{data:?}: {printed}");
    }
    let printed = good(&measure(&["-r", "night"]));
    assert!(printed.starts_with("3 files: 3 images"), "{printed}");
    let printed = good(&measure(&["night/a.npy", "night", "sim-star-field/window@test"]));
    for dataset in ["all: 7 images", "\na.npy ", "\nnight ", "\nsim-star-field/window "] {
        assert!(printed.contains(dataset), "{printed}");
    }
    // A run of several files can be resumed, and is silent where asked.
    let quiet = measure(&["night/*.npy", "-q"]);
    assert!(good(&quiet).is_empty() && quiet.stderr.is_empty());
    let mut runs: Vec<_> =
        fs::read_dir(path.join("results/runs")).unwrap().map(|run| run.unwrap().path()).collect();
    runs.sort();
    let run = runs.iter().find(|run| run.to_str().unwrap().contains("2-files")).unwrap();
    good(&bench(path, &["--resume", run.to_str().unwrap()]));
    assert!(failed(&measure(&["night/*.fits"])).contains("no file fits the pattern"));
    assert!(failed(&measure(&["-"])).contains("not the standard input"));

    let limit = |arguments: &[&str]| {
        noisefloor(path, &[&["limit", "--codec", "raw", "--trace", "raw"], arguments].concat())
    };
    let rows = |output: &Output| {
        let rows = text(&output.stdout);
        rows.lines().map(|row| serde_json::from_str(row).unwrap()).collect::<Vec<serde_json::Value>>()
    };
    assert_eq!(rows(&limit(&["--json", "-r", "night"])).len(), 3);
    assert_eq!(rows(&limit(&["--json", "night/?.npy", "night/a.npy"])).len(), 2);
    let partly = limit(&["--json", "night/a.npy", "nowhere.fits"]);
    assert!(failed(&partly).contains("one input could not be examined"));
    assert!(rows(&partly)[1]["error"].as_str().unwrap().contains("nowhere.fits"));
    let quiet = limit(&["-q", "night"]);
    assert!(good(&quiet).is_empty() && quiet.stderr.is_empty());
    let mut piped = Command::new(env!("CARGO_BIN_EXE_noisefloor"));
    piped.args(["limit", "--codec", "raw", "--trace", "raw", "-"]).current_dir(path);
    let printed = good(&piped.stdin(fs::File::open(path.join("night/a.npy")).unwrap()).output().unwrap());
    assert!(printed.starts_with("standard input: "), "{printed}");
}

#[test]
fn without_a_network_the_hub_is_skipped() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mine.toml"), format!("{SUITE}data = 'lco'\nsplit = 'tiny-test'\n"))
        .unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_noisefloor"));
    command.args(["bench", "mine.toml"]).current_dir(folder.path());
    // Nobody listens there.
    command.env("HF_ENDPOINT", "http://127.0.0.1:1").env("HF_HOME", folder.path());
    let output = command.output().unwrap();
    assert!(failed(&output).contains("nothing was measured"));
    let printed = text(&output.stdout);
    assert!(printed.contains("frames: skipped: "), "{printed}");
    assert!(printed.contains("HF_HUB_OFFLINE=1"), "{printed}");
}

#[test]
fn mistakes_give_one_line_that_names_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let suite = folder.path().join("mine.toml");
    fs::write(&suite, format!("{SUITE}data = 'sim-star-field'\nsplt = 'test'\n")).unwrap();
    let line = failed(&bench(folder.path(), &["mine.toml"]));
    assert!(line.contains("mine.toml") && line.contains("splt"), "{line}");
    assert!(failed(&bench(folder.path(), &["absent.toml"])).contains("absent.toml"));
    assert!(failed(&bench(folder.path(), &["--resume", "."])).contains("suite.toml"));
    let output = bench(folder.path(), &["--codecs", "nonesuch"]);
    assert!(failed(&output).contains("11 rows failed"));
    assert!(text(&output.stdout).contains("nonesuch: codec spec 'nonesuch': no codec of that name"));
    let both = bench(folder.path(), &["--check-ledger", "--update-ledger"]);
    assert_eq!(both.status.code(), Some(2));
}

#[cfg(unix)]
#[test]
fn programs_join_as_codecs_when_they_are_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let copy = "['cp', '{in}', '{out}']";
    let text_of_suite = format!(
        "{}data = 'sim-star-field'\nsplit = 'test'\nmax_images = 1\n\
         [external.copy]\nformat = 'raw'\nencode = {copy}\ndecode = {copy}\n\
         [external.loses]\nformat = 'raw'\nencode = {copy}\ndecode = ['truncate', '-s', '0', '{{in}}', '{{out}}']\n",
        SUITE.replace("['raw']", "['raw', 'copy', 'loses']")
    );
    fs::write(folder.path().join("mine.toml"), text_of_suite).unwrap();
    let printed = good(&bench(folder.path(), &["mine.toml"]));
    assert!(printed.contains("copy: skipped: an external program"), "{printed}");
    let output = bench(folder.path(), &["mine.toml", "--allow-external"]);
    assert!(failed(&output).contains("one row failed"), "the program that loses pixels");
    let printed = text(&output.stdout);
    assert!(printed.contains("\ncopy* "), "{printed}");
    assert!(printed.contains("times include its start"), "{printed}");
}

#[test]
fn limits_of_a_simulated_frame_bracket_its_oracle() {
    let folder = tempfile::tempdir().unwrap();
    let output =
        noisefloor(folder.path(), &["limit", "sim-star-field", "--first", "1", "--json", "--report", "page"]);
    let found: Value = serde_json::from_str(&good(&output)).unwrap();
    let bits = |estimator: &str| {
        let all = found["findings"].as_array().unwrap();
        all.iter().find(|f| f["estimator"] == estimator).and_then(|f| f["bits_per_pixel"].as_f64()).unwrap()
    };
    let (coded, oracle) = (found["bits_per_pixel"].as_f64().unwrap(), bits("oracle"));
    assert!(coded > oracle, "{found}");
    let figure = |estimator: &str, name: &str| {
        let all = found["findings"].as_array().unwrap();
        let finding = all.iter().find(|f| f["estimator"] == estimator).unwrap();
        finding["figures"][name].as_f64().unwrap()
    };
    // Distributions that know the scene less well than the oracle cost more; a sample of them costs
    // more than its content.
    let content = bits("sampled frame");
    assert!((-0.02..0.2).contains(&(content - oracle)), "{found}");
    assert!((-0.02..0.05).contains(&figure("sampled frame", "misfit_bits_per_pixel")), "{found}");
    assert!((0.0..0.2).contains(&figure("sampled frame", "adaptation_bits_per_pixel")), "{found}");
    assert!(figure("calibration", "uneven_bits_per_pixel") < 0.001, "{found}");
    for file in ["page/report.html", "page/report.md", "page/plots"] {
        assert!(folder.path().join(file).exists(), "{file}");
    }
    let text = good(&noisefloor(folder.path(), &["limit", "sim-star-field", "--first", "1"]));
    assert!(text.contains("oracle") && text.contains("normal noise"), "{text}");
    assert!(failed(&noisefloor(folder.path(), &["limit", "nowhere.fits"])).contains("nowhere.fits"));
}
