//! The program, run by tests with a stand-in for the hub.
#![allow(dead_code, reason = "each of its users uses a part")]
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::server::Server;
use crate::server::frames::{CACHED, plain, repository, row};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

/// The program in `folder`, with its cache there and the hub at `endpoint`.
pub(crate) fn noisefloor(folder: &Path, endpoint: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_noisefloor"));
    command.args(arguments);
    placed(command, folder, endpoint)
}

/// The same on a disk that is full when a file has so many KiB: the write itself says so.
pub(crate) fn on_full_disk(folder: &Path, endpoint: &str, file_kib: u32, arguments: &[&str]) -> Command {
    let program = env!("CARGO_BIN_EXE_noisefloor");
    let script = format!("trap '' XFSZ; ulimit -f {file_kib}; exec {program} \"$@\"");
    // In `sh` the unit may be half as large.
    let mut command = Command::new("bash");
    command.args(["-c", &script, "bash"]).args(arguments);
    placed(command, folder, endpoint)
}

fn placed(mut command: Command, folder: &Path, endpoint: &str) -> Command {
    command.current_dir(folder);
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let is_ours =
        |name: &String| ["HF_", "HUGGING", "NOISEFLOOR_"].iter().any(|start| name.starts_with(start));
    names.filter(is_ours).for_each(|name| {
        command.env_remove(name);
    });
    // No cache of whoever runs the tests.
    command.env("HF_HOME", folder.join("hf"));
    command.env("NOISEFLOOR_CACHE", folder.join("cache")).env("HF_ENDPOINT", endpoint);
    command
}

/// Waits until a file has so many bytes, which a process that goes on writes.
pub(crate) fn wait_for_bytes(path: &Path, bytes: u64, writer: &mut Child) {
    let start = Instant::now();
    while fs::metadata(path).map_or(0, |meta| meta.len()) < bytes {
        assert!(start.elapsed() < Duration::from_secs(120), "{}: never came", path.display());
        assert!(writer.try_wait().unwrap().is_none(), "it ended before it was killed");
        std::thread::sleep(Duration::from_millis(1));
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn good(output: &Output) -> String {
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Checks that it failed with exit code 1 and one line, and gives that line.
pub(crate) fn failed(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    let lines = text(&output.stderr);
    assert_eq!(lines.lines().count(), 1, "{lines}");
    assert!(lines.starts_with("noisefloor: "), "{lines}");
    lines.trim().to_owned()
}

pub(crate) use crate::server::frames::FILE;
pub(crate) const SIDE: usize = 800;

pub(crate) fn one_file() -> (Server, Vec<u8>) {
    let bytes = plain(2, &[SIDE, SIDE]);
    let rows = [row(FILE, ",\"telescope\":\"LCO\"")];
    (repository(&rows, vec![(FILE.into(), bytes.clone())]), bytes)
}

pub(crate) fn blobs(folder: &Path) -> PathBuf {
    folder.join("hf/hub").join(CACHED).join("blobs")
}
