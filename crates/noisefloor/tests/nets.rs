//! The committed weights as a user meets them: frames through the container, written and read by two processes.
#![allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const HEIGHT: usize = 157;
const WIDTH: usize = 203;

/// A stack whose extents are odd, as a FITS file: sky with a slope, noise, most of which planes share as the groups of a ramp do, a star, a saturated
/// column and a dead pixel.
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

/// Every committed checkpoint, with the name of its net and the planes that it takes.
fn committed() -> Vec<(String, String, usize)> {
    let folders = fs::read_dir(checkpoints()).unwrap().map(|entry| entry.unwrap().path());
    let ids = folders.filter(|folder| folder.join("card.toml").is_file()).map(|folder| {
        let card = fs::read_to_string(folder.join("card.toml")).unwrap();
        let net = card.split("net = \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let planes = card.split("planes = ").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
        (folder.file_name().unwrap().to_str().unwrap().to_owned(), net, planes)
    });
    let mut ids: Vec<_> = ids.collect();
    ids.sort();
    ids
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

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn odd_frames_come_back_in_another_process_by_every_committed_net() {
    let folder = tempfile::tempdir().unwrap();
    let committed = committed();
    for net in ["pixelcnnpp", "idf", "l3c"] {
        assert!(committed.iter().any(|(_, found, _)| found == net), "no weights of {net}: {committed:?}");
    }
    assert!(committed.iter().any(|&(_, _, planes)| planes == 3), "no weights for stacks: {committed:?}");
    for (id, _, planes) in &committed {
        let original = frame(*planes);
        fs::write(folder.path().join("frame.fits"), &original).unwrap();
        let codec = format!("net:checkpoint={id},tile=64");
        let arguments = ["compress", "--force", "--codec", &codec, "frame.fits", "frame.nfl"];
        let written = noisefloor(folder.path(), &checkpoints(), &arguments);
        assert!(written.status.success() && text(&written).contains("verified"), "{}", text(&written));
        let read = noisefloor(folder.path(), &checkpoints(), &["decompress", "frame.nfl", "back.fits"]);
        assert!(read.status.success(), "{id}: {}", text(&read));
        let back = folder.path().join("back.fits");
        // Threads share out batches of tiles; the bytes know nothing of it.
        let container = fs::read(folder.path().join("frame.nfl")).unwrap();
        for threads in ["1", "3"] {
            let again = command(folder.path(), &checkpoints(), &[&arguments[..], &["--no-verify"]].concat())
                .env("RAYON_NUM_THREADS", threads)
                .output()
                .unwrap();
            assert!(again.status.success(), "{id}: {}", text(&again));
            assert!(
                fs::read(folder.path().join("frame.nfl")).unwrap() == container,
                "{id}, {threads} threads"
            );
        }
        assert!(fs::read(&back).unwrap() == original, "{id}: another file came back");
        fs::remove_file(back).unwrap();
        let coded = fs::metadata(folder.path().join("frame.nfl")).unwrap().len() as f64;
        let bits = 8.0 * coded / (planes * HEIGHT * WIDTH) as f64;
        // The noise has an entropy of 5.2 bits, that of a plane of its own in a stack 4. Nets of stacks know one instrument each.
        let most = if *planes > 1 { 12.0 } else { 8.0 };
        assert!((4.0..most).contains(&bits), "{id}: {bits} bits per pixel");
    }
}

#[test]
fn other_weights_are_refused_and_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("frame.fits"), frame(1)).unwrap();
    let committed = committed();
    let of = |net: &str| &committed.iter().find(|(_, found, planes)| found == net && *planes == 1).unwrap().0;
    // Both of one net, if there are two such, so that nothing but the weights differs.
    let ids: Vec<&String> = committed
        .iter()
        .filter(|(id, net, planes)| net == "pixelcnnpp" && id.contains("-tiny-") && *planes == 1)
        .map(|(id, ..)| id)
        .collect();
    let (own, other) = match ids[..] {
        [own, other, ..] => (own, other),
        _ => (of("idf"), of("l3c")),
    };
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
    assert!(told.contains(own.as_str()) && told.contains("no such folder"), "{told}");
    assert!(!folder.path().join("back.fits").exists(), "half a file under the final name");
}
