//! The dependency table of `docs/architecture.md`, checked over what Cargo says of the workspace.
#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

mod modules;

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

/// Every crate of the workspace and the crates of the workspace that it imports, outside of tests:
/// no more and no fewer.
const TABLE: &[(&str, &[&str])] = &[
    ("nf-image", &[]),
    ("nf-entropy", &[]),
    ("nf-simd", &[]),
    ("nf-engine", &["nf-simd"]),
    ("nf-floor-decoder", &[]),
    ("nf-codec", &["nf-image", "nf-simd"]),
    ("nf-fits", &["nf-image"]),
    ("nf-noise", &["nf-image"]),
    ("nf-bounded", &["nf-image", "nf-codec", "nf-noise"]),
    ("nf-classic", &["nf-image", "nf-codec", "nf-fits", "nf-bounded"]),
    ("nf-profile", &["nf-image", "nf-codec", "nf-noise"]),
    ("nf-floor", &["nf-image", "nf-entropy", "nf-simd", "nf-codec", "nf-profile"]),
    ("nf-hdf5", &["nf-image", "nf-codec", "nf-fits", "nf-floor"]),
    ("nf-models", &["nf-image", "nf-entropy", "nf-simd", "nf-engine", "nf-codec", "nf-bounded"]),
    ("nf-data", &["nf-image", "nf-fits"]),
    ("nf-archive", &["nf-image", "nf-codec", "nf-fits", "nf-profile"]),
    ("nf-bench", &["nf-image", "nf-codec", "nf-noise", "nf-bounded", "nf-data", "nf-profile"]),
    ("nf-report", &["nf-image", "nf-codec", "nf-noise", "nf-data", "nf-bench"]),
    ("nf-train", &["nf-image", "nf-data", "nf-models"]),
];

/// Crates at the top, which may import every other.
const TOP: &[&str] = &["noisefloor", "nf-python"];

/// Burn and what it runs on, by how their names begin.
const NETS: &[&str] = &["burn", "cubecl", "candle", "tch", "ort"];
const MAY_USE_NETS: &[&str] = &["nf-models", "nf-train"];

/// Crates that compile or link C or C++ without `-sys` in their names, and the tools that do it.
const C_LIBRARIES: &[&str] = &[
    "blosc2",
    "charls",
    "jpeg2k",
    "lerc",
    "liblzma",
    "xz2",
    "zstd",
    "jpegxl-src",
    "openjp2",
    "cc",
    "cmake",
    "bindgen",
];
const MAY_USE_C: &[&str] = &["nf-classic"];

struct Package {
    name: String,
    manifest: PathBuf,
    /// Name and kind (`normal`, `build` or `dev`) of everything it depends on.
    dependencies: Vec<(String, String)>,
}

fn workspace() -> Vec<Package> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs where its tests run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or("normal").to_owned();
    let dependencies = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        all.map(|d| (text(&d["name"]), text(&d["kind"]))).collect()
    };
    let packages = metadata["packages"].as_array().unwrap().iter();
    let package = |p: &Value| Package {
        name: text(&p["name"]),
        manifest: text(&p["manifest_path"]).into(),
        dependencies: dependencies(p),
    };
    packages.map(package).collect()
}

/// Everything in the workspace that the table forbids.
fn violations(packages: &[Package]) -> Vec<String> {
    let table: BTreeMap<&str, &[&str]> = TABLE.iter().copied().collect();
    let workspace: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut lines = vec![];
    for Package { name, dependencies, .. } in packages {
        let name = name.as_str();
        let top = TOP.contains(&name);
        let allowed = table.get(name).copied().unwrap_or_default();
        if !top && !table.contains_key(name) {
            lines.push(format!("{name} is not in the table"));
        }
        for (other, kind) in dependencies {
            let other = other.as_str();
            let is_ours = workspace.contains(other) || other.starts_with("nf-") || other == "noisefloor";
            if is_ours && !top && kind != "dev" && !allowed.contains(&other) {
                lines.push(format!("{name} may not import {other}"));
            }
            if TOP.contains(&other) {
                lines.push(format!("{name} may not import {other}, which is at the top"));
            }
            let is_net = NETS.iter().any(|net| other == *net || other.starts_with(&format!("{net}-")));
            if is_net && !MAY_USE_NETS.contains(&name) {
                lines
                    .push(format!("{name} may not import {other}: nets stay in {}", MAY_USE_NETS.join(", ")));
            }
            let is_c = other.ends_with("-sys") || C_LIBRARIES.contains(&other);
            if is_c && kind != "dev" && !MAY_USE_C.contains(&name) {
                lines.push(format!("{name} may not import {other}: C stays in {}", MAY_USE_C.join(", ")));
            }
        }
    }
    lines
}

/// What the table lists and nobody imports.
fn unused(packages: &[Package]) -> Vec<String> {
    let imports = |name: &str, other: &str| {
        let package = packages.iter().find(|package| package.name == name);
        package.is_some_and(|p| p.dependencies.iter().any(|(n, kind)| n == other && kind != "dev"))
    };
    let listed = TABLE.iter().flat_map(|(name, others)| others.iter().map(move |other| (*name, *other)));
    listed
        .filter(|(name, other)| !imports(name, other))
        .map(|(a, b)| format!("{a} does not import {b}"))
        .collect()
}

#[test]
fn the_workspace_keeps_to_the_table() {
    let packages = workspace();
    assert!(packages.iter().any(|package| package.name == "nf-bench"), "the workspace was read");
    assert_eq!(violations(&packages), Vec::<String>::new());
    assert_eq!(unused(&packages), Vec::<String>::new());
}

#[test]
fn top_modules_of_a_crate_do_not_import_in_circles() {
    let mut lines = vec![];
    for Package { name, manifest, .. } in workspace() {
        let uses = modules::uses(&manifest.with_file_name("src"));
        if let Some(cycle) = modules::cycle(&uses) {
            lines.push(format!("{name}: {cycle}"));
        }
    }
    assert_eq!(lines, Vec::<String>::new());
}

#[test]
fn a_cycle_is_found_through_every_way_of_writing_a_path() {
    let folder = tempfile::tempdir().unwrap();
    let cycle_of = |files: &[(&str, &str)]| {
        let src = folder.path().join("src");
        let _ = std::fs::remove_dir_all(&src);
        for (name, text) in files {
            std::fs::create_dir_all(src.join(name).parent().unwrap()).unwrap();
            std::fs::write(src.join(name), text).unwrap();
        }
        modules::cycle(&modules::uses(&src))
    };
    let root = "//! Doc.\nmod a;\npub mod b;\n#[cfg(test)]\nmod t;\npub use b::{Thing, other::More};\n";
    let b = ("b.rs", "use crate::a::X;");
    for text in [
        "use crate::b::Y;",
        "fn f() { let x = crate::b::Y::new(); }",
        "use crate::{c::Z, b};",
        "use crate::{\n    c::{Q, b::No},\n    Thing,\n};",
        "use crate::More;",
        "use super::b::Y;",
        "#[cfg(test)] mod tests { use super::*; }\nuse crate::b;",
    ] {
        let found = cycle_of(&[("lib.rs", root), ("a.rs", text), b]);
        assert!(found.is_some_and(|cycle| cycle.starts_with("a -> b -> a")), "{text}");
    }
    for text in [
        "// use crate::b::Y;\nuse crate::c::Z;",
        "const S: &str = \"use crate::b\";",
        "#[cfg(test)]\nmod tests {\n    use crate::b::Y;\n    fn f() { if x { } }\n}\n",
        "use crate::{c::{Q, b::No}};",
        "use super::super::b;",
    ] {
        assert_eq!(cycle_of(&[("lib.rs", root), ("a.rs", text), b]), None, "{text}");
    }
    let deep = [("lib.rs", root), ("a/mod.rs", ""), ("a/in.rs", "use super::super::b::Y;"), b];
    assert!(cycle_of(&deep).is_some());
    let near = [("lib.rs", root), ("a/mod.rs", ""), ("a/in.rs", "use super::b::Y;"), b];
    assert_eq!(cycle_of(&near), None, "its own b");
    assert_eq!(cycle_of(&[("lib.rs", root), ("t.rs", "use crate::b;"), ("b.rs", "use crate::t;")]), None);
}

#[test]
fn coding_needs_no_tensor_library() {
    let tree = |features: &str| {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
        let output = Command::new(cargo)
            .args(["tree", "--package", "noisefloor", "--no-default-features", "--features", features])
            .args(["--edges", "normal,build", "--prefix", "none", "--offline"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo runs where its tests run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let nets = |tree: &str| -> Vec<String> {
        let is_net = |line: &&str| NETS.iter().any(|net| line.starts_with(net));
        tree.lines().filter(is_net).map(str::to_owned).collect()
    };
    let lean = tree("jpegxl,jpegls,jpeg2000");
    assert!(lean.contains("nf-models") && lean.contains("nf-engine"), "{lean}");
    assert_eq!(nets(&lean), Vec::<String>::new());
    assert!(!nets(&tree("train")).is_empty(), "training needs one");
}

#[test]
fn the_table_goes_in_one_direction() {
    // Whoever a crate imports stands above it in the list, so there is no way round.
    for (index, (name, imports)) in TABLE.iter().enumerate() {
        for other in *imports {
            assert!(TABLE[..index].iter().any(|(above, _)| above == other), "{name} imports {other}");
        }
    }
}

#[test]
fn a_violation_is_found() {
    let package = |name: &str, dependencies: &[(&str, &str)]| Package {
        name: name.into(),
        manifest: PathBuf::new(),
        dependencies: dependencies.iter().map(|(n, k)| ((*n).into(), (*k).into())).collect(),
    };
    let count = |package: Package| violations(&[package]).len();
    assert_eq!(count(package("nf-image", &[("nf-codec", "normal")])), 1);
    assert_eq!(count(package("nf-bench", &[("nf-classic", "build")])), 1);
    assert_eq!(count(package("nf-floor", &[("nf-classic", "dev"), ("nf-codec", "normal")])), 0);
    assert_eq!(count(package("nf-data", &[("noisefloor", "dev")])), 1);
    assert_eq!(count(package("nf-bench", &[("burn-flex", "normal")])), 1);
    assert_eq!(count(package("nf-fits", &[("libz-sys", "normal"), ("cc", "build")])), 2);
    assert_eq!(count(package("nf-classic", &[("libaec-sys", "normal")])), 0);
    assert_eq!(count(package("noisefloor", &[("nf-classic", "normal"), ("zstd", "normal")])), 1);
    assert_eq!(count(package("nf-stranger", &[])), 1);
}
