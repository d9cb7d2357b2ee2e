//! Writes down what the program is built from, for the description of every benchmark run.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

fn main() {
    let root = Path::new("../..");
    let unknown = || "unknown".to_owned();
    let commit = output("git", &["rev-parse", "HEAD"]);
    let sources =
        ["crates", "Cargo.toml", "Cargo.lock", "configs", "datasets"].map(|path| format!(":/{path}"));
    let arguments: Vec<&str> =
        ["status", "--porcelain", "--"].into_iter().chain(sources.iter().map(String::as_str)).collect();
    let changes = output("git", &arguments);
    let dirty = match (&commit, changes) {
        (Some(_), Some(changes)) if changes.is_empty() => "clean".to_owned(),
        (Some(_), Some(_)) => "with local changes".to_owned(),
        _ => unknown(),
    };
    set("COMMIT", &commit.unwrap_or_else(unknown));
    set("DIRTY", &dirty);

    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    set("TOOLCHAIN", &output(&rustc, &["--version"]).unwrap_or_else(unknown));

    let variable = |name: &str| env::var(name).unwrap_or_default();
    let mut features: Vec<String> = env::vars()
        .filter_map(|(name, _)| Some(name.strip_prefix("CARGO_FEATURE_")?.to_lowercase()))
        .filter(|feature| feature != "default")
        .collect();
    features.sort();
    let flags = variable("CARGO_ENCODED_RUSTFLAGS").replace('\u{1f}', " ");
    let options = format!(
        "{} profile, {}, features {}{}{flags}",
        variable("PROFILE"),
        variable("TARGET"),
        features.join(" "),
        if flags.is_empty() { "" } else { ", flags " },
    );
    set("OPTIONS", &options);

    let lock = fs::read_to_string(root.join("Cargo.lock")).unwrap_or_default();
    let folder = env::var("OUT_DIR").expect("cargo tells where output goes");
    fs::write(Path::new(&folder).join("packages.txt"), packages(&lock))
        .expect("the output folder is writable");

    println!("cargo::rerun-if-changed=../../Cargo.lock");
    println!("cargo::rerun-if-changed=..");
    for name in ["HEAD", "logs/HEAD"] {
        let path = output("git", &["rev-parse", "--git-path", name]);
        if let Some(path) = path.filter(|path| Path::new(path).exists()) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
}

fn set(name: &str, value: &str) {
    println!("cargo::rustc-env=NOISEFLOOR_{name}={value}");
}

/// What a program prints, or nothing if it fails.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Name and version of every crate in Cargo.lock, one a line.
fn packages(lock: &str) -> String {
    let value = |line: &str, key: &str| Some(line.strip_prefix(key)?.trim_matches('"').to_owned());
    let mut lines = String::new();
    let mut name = String::new();
    for line in lock.lines() {
        if let Some(found) = value(line, "name = ") {
            name = found;
        } else if let Some(version) = value(line, "version = ").filter(|_| !name.is_empty()) {
            lines.push_str(&format!("{name} {version}\n"));
            name.clear();
        }
    }
    lines
}
