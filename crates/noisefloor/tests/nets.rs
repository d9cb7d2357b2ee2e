//! Committed checkpoints in the program: frames through the container, written and read by two
//! processes.
#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const HEIGHT: usize = 157;
const WIDTH: usize = 203;

/// A stack whose extents are odd, as a FITS file: sky with a slope, noise, most of which planes
/// share as the groups of a ramp do, a star, a saturated column and a dead pixel.
fn frame(planes: usize) -> Vec<u8> {
    let cards = [
        "SIMPLE  =                    T",
        "BITPIX  =                   16",
        &format!("NAXIS   = {:>20}", if planes > 1 { 3 } else { 2 }),
        &format!("NAXIS1  = {WIDTH:>20}"),
        &format!("NAXIS2  = {HEIGHT:>20}"),
        &format!("NAXIS3  = {planes:>20}"),
        "BZERO   =                32768",
        "OBJECT  = 'a made frame'",
        "END",
    ];
    let cards = cards.iter().filter(|card| planes > 1 || !card.starts_with("NAXIS3"));
    let mut bytes: Vec<u8> = cards.flat_map(|card| format!("{card:<80}").into_bytes()).collect();
    bytes.resize(2880, b' ');
    for plane in 0..planes {
        let mut state = 11_u64;
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let noise: u64 = (0..4).map(|i| (state >> (32 + 8 * i)) & 15).sum();
                let own =
                    (state >> 20).wrapping_mul(2 * plane as u64 + 1) >> 9 & if plane > 0 { 15 } else { 0 };
                let (dy, dx) = (y as f64 - 70.3, x as f64 - 101.8);
                let star = 9000.0 * (-(dy * dy + dx * dx) / 9.0).exp();
                let sample = match (y, x) {
                    (_, 150) => 65_535,
                    (20, 30) => 0,
                    _ => (1100 + 90 * plane + x / 4 + (noise + own) as usize + star as usize) as u16,
                };
                bytes.extend((sample ^ 0x8000).to_be_bytes());
            }
        }
    }
    bytes.resize(bytes.len().next_multiple_of(2880), 0);
    bytes
}

fn checkpoints() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../checkpoints")
}

/// A committed checkpoint.
#[derive(Clone, Debug)]
struct Committed {
    id: String,
    net: String,
    planes: usize,
    inputs: String,
    /// Of diffusion.
    process: Option<String>,
}

/// Every committed checkpoint that has a stream without loss.
fn committed() -> Vec<Committed> {
    let folders = fs::read_dir(checkpoints()).unwrap().map(|entry| entry.unwrap().path());
    let all = folders.filter(|folder| folder.join("card.toml").is_file()).filter_map(|folder| {
        let card: toml::Table = fs::read_to_string(folder.join("card.toml")).unwrap().parse().unwrap();
        let net = &card["net"];
        let process = net.get("process").map(|process| process.as_str().unwrap().to_owned());
        let has_stream = net.get("latents").is_none() && process.as_deref() != Some("gaussian");
        has_stream.then(|| Committed {
            process,
            id: folder.file_name().unwrap().to_str().unwrap().to_owned(),
            net: net["net"].as_str().unwrap().to_owned(),
            planes: net["planes"].as_integer().unwrap() as usize,
            inputs: net["inputs"].as_str().unwrap().to_owned(),
        })
    });
    let mut all: Vec<Committed> = all.collect();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all
}

/// One of each kind.
fn representatives() -> Vec<Committed> {
    let mut kinds = BTreeSet::new();
    let kind = |own: &Committed| (own.net.clone(), own.planes, own.inputs.clone(), own.process.clone());
    committed().into_iter().filter(|own| kinds.insert(kind(own))).collect()
}

fn command(folder: &Path, checkpoints: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_noisefloor"));
    command.current_dir(folder).args(arguments).env("NOISEFLOOR_CHECKPOINTS", checkpoints);
    command.env_remove("NOISEFLOOR_LOG");
    command
}

fn noisefloor(folder: &Path, checkpoints: &Path, arguments: &[&str]) -> Output {
    command(folder, checkpoints, arguments).output().unwrap()
}

/// All that a run says that must succeed.
fn good(folder: &Path, arguments: &[&str]) -> String {
    let output = noisefloor(folder, &checkpoints(), arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output));
    String::from_utf8_lossy(&output.stdout).into_owned() + &text(&output)
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Compresses and decompresses a frame in processes of their own, with one thread and with three.
fn check(folder: &Path, Committed { id, planes, .. }: &Committed) {
    let planes = *planes;
    let original = frame(planes);
    fs::write(folder.join("frame.fits"), &original).unwrap();
    let codec = format!("net:checkpoint={id},tile=64");
    let arguments = ["compress", "--force", "--codec", &codec, "frame.fits", "frame.nfl"];
    let written = noisefloor(folder, &checkpoints(), &arguments);
    assert!(written.status.success() && text(&written).contains("verified"), "{}", text(&written));
    let read = noisefloor(folder, &checkpoints(), &["decompress", "frame.nfl", "back.fits"]);
    assert!(read.status.success(), "{id}: {}", text(&read));
    let back = folder.join("back.fits");
    // Bytes do not depend on the number of threads that share batches of tiles.
    let container = fs::read(folder.join("frame.nfl")).unwrap();
    for threads in ["1", "3"] {
        let again = command(folder, &checkpoints(), &[&arguments[..], &["--no-verify"]].concat())
            .env("RAYON_NUM_THREADS", threads)
            .output()
            .unwrap();
        assert!(again.status.success(), "{id}: {}", text(&again));
        assert!(fs::read(folder.join("frame.nfl")).unwrap() == container, "{id}, {threads} threads");
    }
    assert!(fs::read(&back).unwrap() == original, "{id}: another file came back");
    fs::remove_file(back).unwrap();
    let coded = fs::metadata(folder.join("frame.nfl")).unwrap().len() as f64;
    let bits = 8.0 * coded / (planes * HEIGHT * WIDTH) as f64;
    // The noise has an entropy of 5.2 bits, that of a plane of its own in a stack 4. Networks of
    // stacks know one instrument each.
    let most = if planes > 1 { 12.0 } else { 8.0 };
    assert!((4.0..most).contains(&bits), "{id}: {bits} bits per pixel");
}

#[test]
fn one_checkpoint_of_each_kind_round_trips_between_processes() {
    let folder = tempfile::tempdir().unwrap();
    let representatives = representatives();
    for net in ["pixelcnnpp", "idf", "l3c", "tec", "vdm"] {
        assert!(representatives.iter().any(|own| own.net == net), "no weights of {net}");
    }
    assert!(representatives.iter().any(|own| own.planes == 3), "no weights for stacks");
    representatives.iter().for_each(|own| check(folder.path(), own));
}

#[test]
#[ignore = "all committed checkpoints, minutes"]
fn every_checkpoint_round_trips_between_processes() {
    let folder = tempfile::tempdir().unwrap();
    committed().iter().for_each(|own| check(folder.path(), own));
}

#[test]
fn a_net_with_a_loss_is_called_lossless_only_with_residuals_of_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let original = frame(2);
    fs::write(folder.path().join("frame.fits"), &original).unwrap();
    let run = |arguments: &[&str]| noisefloor(folder.path(), &checkpoints(), arguments);
    let spec = "tec:checkpoint=tec-lossy-small-series-03aa8764";
    let exact = format!("{spec},residuals=0");
    let latents = format!("{spec},quality=0,residuals=none");
    for (codec, bound) in [(spec, "3dn"), (latents.as_str(), "0.5rel")] {
        let written =
            run(&["compress", "-f", "--bound", bound, "--codec", codec, "frame.fits", "-o", "a.nfb"]);
        assert!(written.status.success() && text(&written).contains("NOT lossless"), "{}", text(&written));
        let told = String::from_utf8(run(&["info", "a.nfb"]).stdout).unwrap();
        assert!(told.contains("NOT lossless") && told.contains("largest error"), "{told}");
        assert!(run(&["decompress", "-f", "a.nfb", "-o", "back.fits"]).status.success());
        assert!(fs::read(folder.path().join("back.fits")).unwrap() != original);
    }
    let without_bound = run(&["compress", "--codec", spec, "frame.fits", "-o", "b.nfl"]);
    assert_eq!(without_bound.status.code(), Some(1));
    assert!(text(&without_bound).contains("--bound"), "{}", text(&without_bound));
    let written = run(&["compress", "--codec", &exact, "frame.fits", "-o", "b.nfl"]);
    assert!(text(&written).contains("lossless, verified"), "{}", text(&written));
    assert!(run(&["decompress", "-f", "b.nfl", "-o", "back.fits"]).status.success());
    assert!(fs::read(folder.path().join("back.fits")).unwrap() == original);
}

#[test]
fn other_weights_are_an_error_that_names_both() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("frame.fits"), frame(1)).unwrap();
    let committed = committed();
    // Both of one network, so that nothing but the weights differs.
    let mut ids = committed
        .iter()
        .filter(|own| own.net == "pixelcnnpp" && own.id.contains("-tiny-") && own.planes == 1)
        .map(|own| own.id.as_str());
    let (own, other) = (ids.next().unwrap(), ids.next().unwrap());
    let codec = format!("net:checkpoint={own},tile=64");
    let written = noisefloor(
        folder.path(),
        &checkpoints(),
        &["compress", "--codec", &codec, "frame.fits", "frame.nfl"],
    );
    assert!(written.status.success(), "{}", text(&written));
    // The other weights under the name that the container asks for.
    let swapped = folder.path().join("swapped");
    fs::create_dir_all(swapped.join(own)).unwrap();
    for file in ["card.toml", "weights.safetensors"] {
        fs::copy(checkpoints().join(other).join(file), swapped.join(own).join(file)).unwrap();
    }
    let digest = |id: &str| {
        let card = fs::read_to_string(checkpoints().join(id).join("card.toml")).unwrap();
        card.split("weights_blake3 = \"").nth(1).unwrap()[..8].to_owned()
    };
    let refused = noisefloor(folder.path(), &swapped, &["decompress", "frame.nfl", "back.fits"]);
    let told = text(&refused);
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains(&digest(own)) && told.contains(&digest(other)), "{told}");
    // Without any: where they were looked for.
    let nowhere = folder.path().join("nowhere");
    let refused = noisefloor(folder.path(), &nowhere, &["decompress", "frame.nfl", "back.fits"]);
    let told = text(&refused);
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains(own) && told.contains("no such folder"), "{told}");
    assert!(!folder.path().join("back.fits").exists(), "half a file under the final name");
}

/// Samples of the only image of a FITS file of 16 bits, and its header.
fn pixels(path: &Path) -> (Vec<u16>, String) {
    let bytes = fs::read(path).unwrap();
    let end = bytes.chunks(80).position(|card| card.starts_with(b"END ")).unwrap() * 80;
    let data = &bytes[(end + 1).next_multiple_of(2880)..][..2 * HEIGHT * WIDTH];
    let samples = data.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]) ^ 0x8000);
    (samples.collect(), String::from_utf8_lossy(&bytes[..end]).into_owned())
}

/// One file is a preview, a near-lossless and a lossless copy, and says which.
#[test]
fn stages_are_decoded_cut_off_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| noisefloor(folder.path(), &checkpoints(), arguments);
    let good = |arguments: &[&str]| good(folder.path(), arguments);
    let path = |name: &str| folder.path().join(name);
    fs::write(path("frame.fits"), frame(1)).unwrap();
    let own = committed().into_iter().find(|own| own.process.as_deref() == Some("interval")).unwrap();
    good(&["compress", "--codec", &format!("net:checkpoint={}", own.id), "frame.fits", "-o", "frame.nfl"]);
    let facts =
        |name: &str| -> serde_json::Value { serde_json::from_str(&good(&["info", "--json", name])).unwrap() };
    let stages = facts("frame.nfl")["stages"].as_array().unwrap().clone();
    assert!(stages.len() > 1 && stages.last().unwrap()["bound_dn"] == 0, "{stages:?}");
    assert!(good(&["info", "frame.nfl"]).contains("stage 1 "));
    let (original, _) = pixels(&path("frame.fits"));
    let error = |name: &str| {
        let (found, header) = pixels(&path(name));
        (found.iter().zip(&original).map(|(a, b)| a.abs_diff(*b)).max().unwrap(), header)
    };
    for (within, key) in [("40dn", "bound_dn"), ("4dn", "bound_dn"), ("0.5sigma", "bound_sigma")] {
        let said = good(&["decompress", "--force", "--within", within, "frame.nfl", "-o", "near.fits"]);
        let asked: f64 = within.trim_end_matches(char::is_alphabetic).parse().unwrap();
        let stage = stages.iter().find(|stage| stage[key].as_f64().unwrap() <= asked).unwrap();
        let bound = stage["bound_dn"].as_u64().unwrap();
        let (largest, header) = error("near.fits");
        assert!(u64::from(largest) <= bound, "{within}: {largest}, {stage}");
        if bound == 0 {
            continue;
        }
        assert!(largest > 0 && said.contains(&format!("within {bound} dn")), "{said}");
        assert!(header.contains("NFBOUND") && header.contains("NOT the original"), "{header}");
        assert!(header.contains("OBJECT"), "{header}");
        good(&["fits", "verify", "near.fits"]);
        good(&["fits", "compare", "near.fits", "frame.fits"]);
        // The same from a file that ends there.
        let said = good(&["truncate", "--force", "--within", within, "frame.nfl", "-o", "cut.nfl"]);
        assert!(said.contains("NOT lossless"), "{said}");
        let size = |name: &str| fs::metadata(path(name)).unwrap().len();
        assert!(size("cut.nfl") < size("frame.nfl"));
        assert!(good(&["test", "cut.nfl"]).contains("NOT lossless"));
        assert_eq!(facts("cut.nfl")["cut"]["bound_dn"], bound);
        good(&["decompress", "--force", "cut.nfl", "-o", "cut.fits"]);
        assert!(fs::read(path("cut.fits")).unwrap() == fs::read(path("near.fits")).unwrap(), "{within}");
        let refused = run(&["decompress", "--within", "0.001dn", "cut.nfl", "-o", "no.fits"]);
        assert!(text(&refused).contains("it was cut"), "{}", text(&refused));
        let refused = run(&["decompress", "--delete", "cut.nfl", "-o", "no.fits"]);
        assert!(!refused.status.success() && path("cut.nfl").exists() && !path("no.fits").exists());
        let refused = run(&["truncate", "--within", within, "cut.nfl", "-o", "twice.nfl"]);
        assert!(text(&refused).contains("cut already"), "{}", text(&refused));
    }
    for arguments in [
        &["truncate", "--within", "0.001dn", "frame.nfl", "-o", "no.nfl"][..],
        &["truncate", "--within", "1e-3rel", "frame.nfl", "-o", "no.nfl"],
        &["decompress", "--within", "lots", "frame.nfl", "-o", "no.fits"],
    ] {
        assert!(!run(arguments).status.success() && !path("no.nfl").exists(), "{arguments:?}");
    }
    // Codecs without stages say so.
    good(&["compress", "frame.fits", "-o", "floor.nfl"]);
    let refused = run(&["decompress", "--within", "4dn", "floor.nfl", "-o", "no.fits"]);
    assert!(text(&refused).contains("no stages"), "{}", text(&refused));
    // Weights are not needed to say what a container is.
    let told = noisefloor(folder.path(), &path("nowhere"), &["info", "frame.nfl"]);
    assert!(told.status.success(), "{}", text(&told));
}

/// Whatever is written of samples that are not the original ones says so, in whatever way it is
/// asked for.
#[test]
fn parts_and_stacks_known_to_a_stage_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| noisefloor(folder.path(), &checkpoints(), arguments);
    let good = |arguments: &[&str]| good(folder.path(), arguments);
    let path = |name: &str| folder.path().join(name);
    // Three planes of signed samples: neither is the digest of the stack that of the file's bytes.
    let mut original = frame(3);
    let zero = original.windows(8).position(|word| word == b"BZERO   ").unwrap();
    original[zero..zero + 8].copy_from_slice(b"COMMENT ");
    fs::write(path("a.fits"), &original).unwrap();
    let own = committed().into_iter().find(|own| own.id.starts_with("vdm-tiny")).unwrap();
    good(&["compress", "--codec", &format!("net:checkpoint={}", own.id), "a.fits", "-o", "a.nfl"]);
    good(&["truncate", "--within", "4sigma", "a.nfl"]);
    let within = ["--within", "4sigma"];
    for (input, within) in [("a.nfl", &within[..]), ("a.cut.nfl", &[])] {
        let none: &[&str] = &[];
        for part in [none, &["--region", "3:9,4:30"], &["--stack", "0"], &["--salvage"]] {
            if part == ["--salvage"] && !within.is_empty() {
                continue;
            }
            let arguments = [&["decompress", "-f", input, "-o", "b.fits"], within, part].concat();
            assert!(good(&arguments).contains("within "), "{arguments:?}");
            let header = String::from_utf8_lossy(&fs::read(path("b.fits")).unwrap()).into_owned();
            assert!(header.contains("NFBOUND") && header.contains("NOT the original"), "{arguments:?}");
            assert!(good(&["info", "b.fits"]).contains("NOT lossless"), "{arguments:?}");
            if part.first() != Some(&"--region") {
                let said = good(&["fits", "compare", "b.fits", "a.fits"]);
                assert!(said.contains("within its bound"), "{arguments:?}: {said}");
            }
        }
    }
    // What is lost is not within the bound, and the header does not say so.
    let mut damaged = fs::read(path("a.cut.nfl")).unwrap();
    let at = damaged.len() - 300;
    damaged[at] ^= 1;
    fs::write(path("damaged.nfl"), damaged).unwrap();
    let found = run(&["decompress", "--salvage", "damaged.nfl", "-o", "c.fits"]);
    assert_eq!(found.status.code(), Some(1), "{}", text(&found));
    let header = String::from_utf8_lossy(&fs::read(path("c.fits")).unwrap()).into_owned();
    assert!(header.contains("HISTORY 1 tiles were lost; no bound holds for their pixels."));
    // One of another original is found out.
    let end = original.len() - 2880;
    original[end - 4000] ^= 1;
    fs::write(path("other.fits"), &original).unwrap();
    assert!(!run(&["fits", "compare", "b.fits", "other.fits"]).status.success());
    // A second bound does not count from the original.
    let said = good(&["compress", "--bound", "2dn", "b.fits", "-o", "b.nfb"]);
    assert!(said.contains("changed before, within"), "{said}");
    // What is cut is no input of a second run over the folder, and nothing is done twice.
    fs::create_dir(path("night")).unwrap();
    fs::rename(path("a.nfl"), path("night/a.nfl")).unwrap();
    good(&["truncate", "-r", "--within", "4sigma", "night"]);
    let said = good(&["truncate", "-r", "--skip-existing", "--within", "4sigma", "night"]);
    assert!(said.contains("1 skipped") && fs::read_dir(path("night")).unwrap().count() == 2, "{said}");
    let refused = run(&["truncate", "--within", "4dn", "b.nfb", "-o", "no.nfl"]);
    assert!(text(&refused).contains("one bound only"), "{}", text(&refused));
}

/// A stream that names weights by a path of another machine finds those of the same name here.
#[test]
fn weights_that_were_moved_are_found_by_their_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("frame.fits"), frame(1)).unwrap();
    let own = committed().into_iter().find(|own| own.id.starts_with("vdm-tiny")).unwrap();
    fs::create_dir_all(path("there").join(&own.id)).unwrap();
    for file in ["card.toml", "weights.safetensors"] {
        fs::copy(checkpoints().join(&own.id).join(file), path("there").join(&own.id).join(file)).unwrap();
    }
    let codec = format!("net:checkpoint={}", path("there").join(&own.id).display());
    let written =
        noisefloor(folder.path(), &path("nowhere"), &["compress", "--codec", &codec, "frame.fits", "a.nfl"]);
    assert!(written.status.success(), "{}", text(&written));
    fs::rename(path("there"), path("elsewhere")).unwrap();
    let refused = noisefloor(folder.path(), &path("nowhere"), &["test", "a.nfl"]);
    let told = text(&refused);
    let places =
        [&codec["net:checkpoint=".len()..], path("nowhere").join(&own.id).to_str().unwrap()].join(" or ");
    assert!(told.contains("NOISEFLOOR_CHECKPOINTS") && told.contains(&places), "{told}");
    let read = noisefloor(folder.path(), &path("elsewhere"), &["test", "a.nfl"]);
    assert!(read.status.success(), "{}", text(&read));
    let told = noisefloor(folder.path(), &path("elsewhere"), &["info", "a.nfl"]);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("decodes anywhere, with its checkpoint"), "{told}");
}
