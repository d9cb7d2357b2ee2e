//! Builds libjxl once, from the sources that the package `jpegxl-src` carries, and links it.
//!
//! Environment:
//! - `NF_LIBJXL_PREFIX`: a folder that outlives builds, for instance in the user's cache. A
//!   finished install for this version, target and set of options is linked; a missing one is built
//!   and put there in one rename. Without the variable the build stays in cargo's own output
//!   folder.
//! - `NF_LIBJXL_SOURCE`: the libjxl source tree, where cargo's registry is not in its usual place
//!   (`cargo vendor`, other build systems).
//!
//! The package is a build dependency so that cargo fetches and verifies the sources; of its own
//! code nothing is called, and nothing but libjxl (BSD-3-Clause) with the Highway (Apache-2.0 or
//! BSD-3-Clause), Brotli (MIT) and skcms (BSD-3-Clause) inside it goes into the product.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Version of the sources; the same as in Cargo.toml.
const VERSION: &str = "0.12.0";

/// What is switched off: everything but the encoder and the decoder.
const OPTIONS: [(&str, &str); 15] = [
    ("BUILD_SHARED_LIBS", "OFF"),
    ("BUILD_TESTING", "OFF"),
    ("JPEGXL_BUNDLE_LIBPNG", "OFF"),
    ("JPEGXL_ENABLE_BENCHMARK", "OFF"),
    ("JPEGXL_ENABLE_BOXES", "OFF"),
    ("JPEGXL_ENABLE_DOXYGEN", "OFF"),
    ("JPEGXL_ENABLE_EXAMPLES", "OFF"),
    ("JPEGXL_ENABLE_FUZZERS", "OFF"),
    ("JPEGXL_ENABLE_JNI", "OFF"),
    ("JPEGXL_ENABLE_MANPAGES", "OFF"),
    ("JPEGXL_ENABLE_OPENEXR", "OFF"),
    ("JPEGXL_ENABLE_SJPEG", "OFF"),
    ("JPEGXL_ENABLE_TCMALLOC", "OFF"),
    ("JPEGXL_ENABLE_TOOLS", "OFF"),
    ("JPEGXL_ENABLE_TRANSCODE_JPEG", "OFF"),
];

/// The static libraries, each before those it needs, and where the build leaves them.
const LIBRARIES: [(&str, &str); 5] = [
    ("jxl", "lib"),
    ("jxl_cms", "lib"),
    ("hwy", "third_party/highway"),
    ("brotlienc", "third_party/brotli"),
    ("brotlicommon", "third_party/brotli"),
];

/// Written last into an install; without it an install is not finished.
const STAMP: &str = "libjxl.stamp";

/// Has libjxl built if need be, and tells cargo to link it.
pub(crate) fn link() {
    println!("cargo:rerun-if-env-changed=NF_LIBJXL_PREFIX");
    println!("cargo:rerun-if-env-changed=NF_LIBJXL_SOURCE");
    let out = PathBuf::from(variable("OUT_DIR"));
    let kept = env::var_os("NF_LIBJXL_PREFIX").filter(|value| !value.is_empty());
    let install = kept.map_or_else(|| out.clone(), PathBuf::from).join(key());
    if !install.join(STAMP).is_file() {
        build(&out.join("libjxl-build"), &install);
    }
    println!("cargo:rustc-link-search=native={}", install.display());
    for (name, _) in LIBRARIES {
        // A library that vanishes from the kept folder is built again.
        println!("cargo:rerun-if-changed={}", install.join(file_name(name)).display());
        println!("cargo:rustc-link-lib=static={name}");
    }
    let runtime = if variable("CARGO_CFG_TARGET_VENDOR") == "apple" { "c++" } else { "stdc++" };
    println!("cargo:rustc-link-lib={runtime}");
}

/// Name of the folder of an install: version, target and a digest of the options.
fn key() -> String {
    // FNV-1a, which is the same in every build of this script.
    let digest = OPTIONS
        .iter()
        .flat_map(|(name, value)| [*name, "=", *value, "\n"])
        .flat_map(str::bytes)
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    format!("libjxl-{VERSION}-{}-{:08x}", variable("TARGET"), digest >> 32)
}

/// Runs CMake in `work`, then puts libraries and stamp into `install` with one rename.
fn build(work: &Path, install: &Path) {
    let mut config = cmake::Config::new(source());
    config.out_dir(work).profile("Release");
    for (name, value) in OPTIONS {
        config.define(name, value);
    }
    for target in ["jxl_cms", "jxl"] {
        config.build_target(target).build();
    }
    let parent = install.parent().expect("the install folder lies in another folder");
    let unfinished = parent.join(format!("unfinished-{}", std::process::id()));
    create(&unfinished);
    for (name, folder) in LIBRARIES {
        let built = work.join("build").join(folder).join(file_name(name));
        let target = unfinished.join(file_name(name));
        fs::copy(&built, &target)
            .unwrap_or_else(|e| panic!("cannot copy {} to {}: {e}", built.display(), target.display()));
    }
    let stamp: String = OPTIONS.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    fs::write(unfinished.join(STAMP), format!("libjxl {VERSION} for {}\n{stamp}", variable("TARGET")))
        .unwrap_or_else(|e| panic!("cannot write into {}: {e}", unfinished.display()));
    if install.is_dir() && !install.join(STAMP).is_file() {
        fs::remove_dir_all(install).unwrap_or_else(|e| panic!("cannot clear {}: {e}", install.display()));
    }
    if let Err(error) = fs::rename(&unfinished, install) {
        // Another build was faster: its install is as good.
        let _ = fs::remove_dir_all(&unfinished);
        assert!(install.join(STAMP).is_file(), "cannot install into {}: {error}", install.display());
    }
    let _ = fs::remove_dir_all(work);
}

/// The libjxl source tree.
fn source() -> PathBuf {
    if let Some(path) = env::var_os("NF_LIBJXL_SOURCE").filter(|value| !value.is_empty()) {
        let path = PathBuf::from(path);
        assert!(is_source(&path), "NF_LIBJXL_SOURCE={} is not libjxl {VERSION}", path.display());
        return path;
    }
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| {
        let user = env::var_os("HOME").or_else(|| env::var_os("USERPROFILE"))?;
        Some(PathBuf::from(user).join(".cargo"))
    });
    let registries = home.map(|home| home.join("registry").join("src"));
    let found = registries.iter().flat_map(fs::read_dir).flatten().flatten();
    found
        .map(|registry| registry.path().join(format!("jpegxl-src-{VERSION}")).join("libjxl"))
        .find(|path| is_source(path))
        .unwrap_or_else(|| {
            panic!(
                "the sources of the package jpegxl-src {VERSION} are not in {}; \
                 set NF_LIBJXL_SOURCE to the folder 'libjxl' inside that package",
                registries.as_deref().unwrap_or(Path::new("the cargo registry")).display()
            )
        })
}

/// Whether `path` holds the libjxl that this file is written for.
fn is_source(path: &Path) -> bool {
    let [major, minor, patch] = VERSION.split('.').collect::<Vec<_>>()[..] else { return false };
    let lines = [("MAJOR", major), ("MINOR", minor), ("PATCH", patch)]
        .map(|(part, number)| format!("set(JPEGXL_{part}_VERSION {number})"));
    fs::read_to_string(path.join("lib/CMakeLists.txt"))
        .is_ok_and(|text| lines.iter().all(|line| text.contains(line.as_str())))
}

fn create(folder: &Path) {
    fs::create_dir_all(folder).unwrap_or_else(|e| panic!("cannot create {}: {e}", folder.display()));
}

/// What the linker calls the static library `name`.
fn file_name(name: &str) -> String {
    if variable("CARGO_CFG_TARGET_ENV") == "msvc" { format!("{name}.lib") } else { format!("lib{name}.a") }
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name} for build scripts"))
}
