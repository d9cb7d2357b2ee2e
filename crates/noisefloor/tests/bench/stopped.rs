//! Runs that are stopped, killed, or run out of disk.

use super::{SUITE, bench, failed, good, noisefloor};
use std::fs;
use std::process::Command;

/// A run that cannot begin leaves no folder that looks like one, and says why in terms of its own
/// files.
#[test]
#[cfg(target_os = "linux")]
fn on_a_full_disk_nothing_of_a_run_stays() {
    let folder = tempfile::tempdir().unwrap();
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" bench sim-white --codecs rice --out runs";
    let mut command = Command::new("bash");
    let command = command.args(["-c", script, env!("CARGO_BIN_EXE_noisefloor")]).current_dir(folder.path());
    let line = failed(&command.output().unwrap());
    assert!(line.contains("suite.toml: File too large") && !line.contains(".part"), "{line}");
    assert_eq!(fs::read_dir(folder.path().join("runs")).unwrap().count(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_stops_external_programs_with_all_that_they_started() {
    use std::time::{Duration, Instant};
    let folder = tempfile::tempdir().unwrap();
    // The shell tells its number and that of its own child, both of which would outlive the test.
    let script = format!(
        "sleep 300 & echo $$ $! > {}/started.part; mv {0}/started.part {0}/started; wait",
        folder.path().display()
    );
    let text_of_suite = format!(
        "{}data = 'sim-star-field'\nsplit = 'test'\nmax_images = 1\n\
         [external.slow]\nformat = 'raw'\nencode = ['sh', '-c', '{script}', '{{in}}', '{{out}}']\ndecode = ['cp', '{{in}}', '{{out}}']\n",
        SUITE.replace("['raw']", "['slow']")
    );
    fs::write(folder.path().join("mine.toml"), text_of_suite).unwrap();
    let mut bench = Command::new(env!("CARGO_BIN_EXE_noisefloor"))
        .args(["bench", "mine.toml", "--allow-external"])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // Far beyond what it takes, so that only a failure is ever waited for.
    let patient = |done: &mut dyn FnMut() -> bool| {
        let start = Instant::now();
        while !done() {
            assert!(start.elapsed() < Duration::from_secs(120));
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    patient(&mut || folder.path().join("started").is_file());
    let started = fs::read_to_string(folder.path().join("started")).unwrap();
    // Who has ended may wait for a parent to notice.
    let runs =
        |id: &str| fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
    assert!(started.split_whitespace().all(runs));
    let interrupted = Command::new("kill").args(["-INT", &bench.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert_eq!(bench.wait().unwrap().code(), Some(130));
    patient(&mut || !started.split_whitespace().any(runs));
}

/// The rows of the only run in a folder, as lines; the first is the head.
#[cfg(unix)]
fn lines_of_run(folder: &std::path::Path) -> Option<(std::path::PathBuf, Vec<String>)> {
    let run = fs::read_dir(folder.join("results/runs")).ok()?.next()?.ok()?.path();
    let text = fs::read_to_string(run.join("measurements.csv")).ok()?;
    Some((run, text.split_inclusive('\n').map(str::to_owned).collect()))
}

#[cfg(unix)]
#[test]
fn a_killed_run_goes_on_and_nothing_is_measured_twice() {
    use std::time::{Duration, Instant};
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_noisefloor"))
        .args(["bench", "--codecs", "raw rice zstd jpegls xz jpeg2000", "--repeats", "2"])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // Far beyond what it takes, so that only a failure is ever waited for.
    let start = Instant::now();
    while lines_of_run(folder.path()).is_none_or(|(_, lines)| lines.len() < 6) {
        assert!(start.elapsed() < Duration::from_secs(120), "no row is written");
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed");
    }
    // SIGKILL: the program can do nothing about it.
    child.kill().unwrap();
    child.wait().unwrap();
    let (run, before) = lines_of_run(folder.path()).unwrap();
    let whole: Vec<&String> = before.iter().filter(|line| line.ends_with('\n')).collect();

    let run = run.to_str().unwrap();
    good(&noisefloor(folder.path(), &["bench", "--resume", run]));
    let (_, after) = lines_of_run(folder.path()).unwrap();
    // Times and all: what was there is there still.
    assert!(whole.iter().zip(&after).all(|(before, after)| *before == after));
    let keys: std::collections::BTreeSet<String> =
        after.iter().map(|line| line.split(',').take(4).collect::<Vec<_>>().join(",")).collect();
    assert_eq!(keys.len(), after.len(), "no row is there twice");
    // A name chooses every spec of the suite that bears it: rice and zstd come twice.
    assert_eq!(after.len(), 1 + 11 * 9, "eight codecs and the oracle on eleven images");
}

/// A file system that refuses to take more: files may not grow beyond a limit.
#[cfg(unix)]
#[test]
fn a_full_disk_gives_one_line_and_the_run_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "trap '' XFSZ; ulimit -f 1; exec '{}' bench --codecs 'raw rice zstd jpegls' --repeats 0",
        env!("CARGO_BIN_EXE_noisefloor")
    );
    let output = Command::new("sh").args(["-c", &script]).current_dir(folder.path()).output().unwrap();
    // A shell counts blocks of 512 or 1024 bytes: either is less than the rows or the description
    // of the machine.
    let line = failed(&output);
    assert!(line.contains("results/runs") && line.contains("too large"), "{line}");
    assert!(!line.contains(".part"), "{line}");
    // Of a run that did not even begin nothing stays.
    for run in fs::read_dir(folder.path().join("results/runs")).unwrap() {
        let mut files = fs::read_dir(run.unwrap().path()).unwrap().map(|file| file.unwrap().file_name());
        assert!(!files.any(|name| name.to_string_lossy().ends_with(".part")), "no half file stays");
    }

    fs::write(folder.path().join("blocked"), "a file where a folder should be").unwrap();
    assert!(failed(&bench(folder.path(), &["--codecs", "raw", "--out", "blocked"])).contains("blocked"));
    let output = noisefloor(folder.path(), &["report", "nowhere"]);
    assert!(failed(&output).contains("nowhere: not the folder of a run"));
}
