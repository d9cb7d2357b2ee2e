//! Many files in one command: the grammar that `compress`, `decompress`, `fits pack` and `fits
//! unpack` share, and what proves files without writing.
#![allow(clippy::unwrap_used)]

use nf_fits::{FitsFile, npy, write_image};
use nf_image::{Image16, Shape};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

fn run(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_noisefloor")).args(args).current_dir(folder).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn succeeds(folder: &Path, args: &[&str]) -> String {
    let output = run(folder, args);
    assert!(output.status.success(), "{args:?}: {}", said(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Exit code 1 and these words; nothing was written.
fn refuses(folder: &Path, args: &[&str], words: &str) {
    let before = names(folder);
    let output = run(folder, args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {}", said(&output));
    assert!(said(&output).contains(words), "{args:?}: '{words}' is not in: {}", said(&output));
    assert_eq!(names(folder), before, "{args:?}");
}

/// All files at any depth.
fn names(folder: &Path) -> Vec<String> {
    let pattern = folder.join("**/*").display().to_string();
    let files = glob(&pattern);
    files.iter().map(|file| file.strip_prefix(folder).unwrap().display().to_string()).collect()
}

fn glob(pattern: &str) -> Vec<std::path::PathBuf> {
    glob::glob(pattern).unwrap().map(Result::unwrap).filter(|path| path.is_file()).collect()
}

fn frame(seed: u32) -> Image16 {
    let mut state = seed;
    Image16::from_fn(Shape::frame(40, 50), |_, row, column| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (900 + row + column) as u16 + (state >> 28) as u16
    })
}

/// `night/a.fits`, `night/deep/b.fits`, `night/c.npy` and a file of another kind.
fn night() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir_all(path("night/deep")).unwrap();
    fs::write(path("night/a.fits"), write_image(&frame(1), None).unwrap()).unwrap();
    fs::write(path("night/deep/b.fits"), write_image(&frame(2), None).unwrap()).unwrap();
    fs::write(path("night/c.npy"), npy::write(&frame(3))).unwrap();
    fs::write(path("night/log.txt"), "seeing 0.8").unwrap();
    folder
}

fn same(folder: &Path, a: &str, b: &str) -> bool {
    fs::read(folder.join(a)).unwrap() == fs::read(folder.join(b)).unwrap()
}

#[test]
fn a_tree_goes_there_and_back() {
    let folder = night();
    let path = folder.path();
    succeeds(path, &["compress", "-q", "-c", "rice", "-r", "night", "--output-dir", "packed"]);
    succeeds(path, &["test", "-r", "packed"]);
    succeeds(path, &["decompress", "-r", "packed", "--output-dir", "again"]);
    succeeds(path, &["fits", "pack", "-q", "-r", "night", "--output-dir", "fz"]);
    succeeds(path, &["fits", "unpack", "-r", "fz", "--output-dir", "unpacked"]);
    for name in ["a.fits", "deep/b.fits"] {
        assert!(same(path, &format!("night/{name}"), &format!("again/{name}")), "{name}");
        assert!(same(path, &format!("night/{name}"), &format!("unpacked/{name}")), "{name}");
    }
    assert!(same(path, "night/c.npy", "again/c.npy"));
    assert!(path.join("packed/deep/b.fits.nfl").exists() && path.join("fz/deep/b.fits.fz").exists());
    assert!(!path.join("packed/log.txt.nfl").exists());
}

#[test]
fn names_are_made_and_patterns_and_skips_hold() {
    let folder = night();
    let path = folder.path();
    succeeds(path, &["compress", "-c", "rice", "night/a.fits", "night/c.npy"]);
    assert!(path.join("night/a.fits.nfl").exists() && path.join("night/c.npy.nfl").exists());
    let failed = run(path, &["compress", "-c", "rice", "night/**/*.fits"]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(said(&failed).contains("exists already") && path.join("night/deep/b.fits.nfl").exists());
    // Twice is as good as once, whatever the shell makes of `night/*`.
    let all = ["night/a.fits", "night/a.fits.nfl", "night/c.npy", "night/deep/b.fits"];
    succeeds(path, &[&["compress", "--skip-existing", "-c", "rice"][..], &all].concat());
    succeeds(path, &["decompress", "--force", "night/a.fits.nfl"]);
    // A container of the old form has no ending inside: its kind gives it one.
    fs::rename(path.join("night/c.npy.nfl"), path.join("night/c.nfl")).unwrap();
    fs::remove_file(path.join("night/c.npy")).unwrap();
    succeeds(path, &["decompress", "night/c.nfl"]);
    assert!(path.join("night/c.npy").exists());
}

#[test]
fn every_name_is_looked_at_before_the_first_file_is_written() {
    let folder = night();
    let path = folder.path();
    refuses(path, &["compress", "night/a.fits", "night/absent.fits"], "absent.fits");
    refuses(path, &["compress", "night/a.fits", "night/c.npy", "night"], "-r takes");
    refuses(path, &["fits", "pack", "night/a.fits", "absent.fits"], "absent.fits");
    refuses(path, &["compress", "night/a.fits", "night"], "--output-dir writes into it");
    refuses(path, &["compress", "-o", "night", "night/a.fits"], "--output-dir writes into it");
    refuses(path, &["compress", "-o", "x.nfl", "night/a.fits", "night/c.npy"], "--output names one file");
    refuses(path, &["compress", "--delete", "-o", "-", "night/a.fits"], "it is kept");
    refuses(path, &["compress", "--json", "-o", "-", "night/a.fits"], "--json");
    refuses(path, &["decompress", "-r", "0:2,0:3", "night/a.fits"], "--region");
    refuses(path, &["fits", "pack", "-q", "4", "night/a.fits"], "--quantise");
    fs::copy(path.join("night/a.fits"), path.join("night/a.fits.gz")).unwrap();
    refuses(path, &["compress", "-f", "night/a.fits", "night/a.fits.gz"], "would become this file");
    // `compress A B` never takes a frame for an output.
    fs::copy(path.join("night/a.fits"), path.join("b.fits")).unwrap();
    succeeds(path, &["compress", "-f", "-c", "rice", "night/a.fits", "b.fits"]);
    assert!(same(path, "night/a.fits", "b.fits") && path.join("b.fits.nfl").exists());
}

#[test]
fn the_old_form_works_and_says_what_is_preferred() {
    let folder = night();
    let path = folder.path();
    for args in [
        &["compress", "-c", "rice", "night/a.fits", "a.nfl"][..],
        &["decompress", "a.nfl", "a.fits"],
        &["fits", "pack", "night/a.fits", "b.fits.fz"],
        &["fits", "unpack", "b.fits.fz", "b.fits"],
    ] {
        let output = run(path, args);
        assert!(output.status.success() && said(&output).contains("-o OUT"), "{args:?}: {}", said(&output));
    }
    assert!(same(path, "night/a.fits", "a.fits") && same(path, "night/a.fits", "b.fits"));
    let quiet = run(path, &["compress", "-q", "-c", "rice", "night/a.fits", "c.nfl"]);
    assert_eq!(said(&quiet), "");
}

#[test]
fn rows_tell_sizes_and_digests() {
    let folder = night();
    let path = folder.path();
    fs::write(path.join("night/bad.fits"), "no FITS").unwrap();
    let files = ["night/a.fits", "night/bad.fits", "night/c.npy"];
    let output = run(path, &[&["compress", "--json", "-q", "-c", "rice"][..], &files].concat());
    assert_eq!(output.status.code(), Some(1));
    let rows: Vec<Value> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|row| serde_json::from_str(row).unwrap())
        .collect();
    assert_eq!(rows.len(), 3);
    assert!(rows[1]["error"].as_str().unwrap().contains("SIMPLE"));
    for (row, name, seed) in [(&rows[0], "night/a.fits", 1), (&rows[2], "night/c.npy", 3)] {
        let bytes = fs::read(path.join(name)).unwrap();
        assert_eq!(row["input"], name);
        assert_eq!(row["input_bytes"], bytes.len());
        assert_eq!(row["input_blake3"], blake3::hash(&bytes).to_string());
        assert_eq!(row["restored_blake3"], row["input_blake3"]);
        assert_eq!(row["stacks"][0]["digest"], frame(seed).digest().to_string());
        let coded = fs::metadata(path.join(format!("{name}.nfl"))).unwrap().len();
        assert_eq!(row["output_bytes"], coded);
        assert_eq!(row["bits_per_pixel"].as_f64().unwrap(), 8.0 * coded as f64 / 2000.0);
        assert!(row["seconds"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn inputs_go_only_when_their_outputs_are_proved() {
    let folder = night();
    let path = folder.path();
    let before = fs::read(path.join("night/a.fits")).unwrap();
    succeeds(path, &["compress", "-c", "rice", "--delete", "night/a.fits", "night/deep/b.fits"]);
    assert!(!path.join("night/a.fits").exists());
    succeeds(path, &["decompress", "--delete", "night/a.fits.nfl"]);
    assert!(!path.join("night/a.fits.nfl").exists());
    assert!(fs::read(path.join("night/a.fits")).unwrap() == before);
    // As another kind of file, it would not be the original.
    refuses(path, &["decompress", "--delete", "night/deep/b.fits.nfl", "-o", "b.npy"], "it is kept");
    assert_eq!(run(path, &["compress", "--no-verify", "--delete", "night/a.fits"]).status.code(), Some(2));
}

#[test]
fn pipes_stand_wherever_files_do() {
    let folder = night();
    let path = folder.path();
    let through = |args: &[&str], input: &[u8]| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_noisefloor"))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let feed = std::thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output().unwrap();
        feed.join().unwrap().unwrap();
        assert!(output.status.success(), "{args:?}");
        output.stdout
    };
    let bytes = fs::read(path.join("night/a.fits")).unwrap();
    let container = through(&["compress", "-c", "rice", "-"], &bytes);
    assert!(through(&["decompress", "-"], &container) == bytes);
    let packed = through(&["fits", "pack", "-"], &bytes);
    assert!(through(&["fits", "unpack", "-"], &packed) == bytes);
    through(&["test", "-"], &container);
    through(&["fits", "list", "-"], &packed);
    refuses(path, &["compress", "-", "night/a.fits"], "only input");
}

#[test]
fn damage_is_found_without_writing() {
    let folder = night();
    let path = folder.path();
    succeeds(path, &["compress", "-q", "-c", "rice", "-r", "night"]);
    succeeds(path, &["fits", "pack", "-q", "night/a.fits"]);
    let files = ["night/a.fits.nfl", "night/deep/b.fits.nfl", "night/a.fits.fz", "night/a.fits"];
    succeeds(path, &[&["test"][..], &files].concat());
    succeeds(path, &[&["fits", "verify"][..], &files].concat());
    let before = names(path);
    for name in ["night/a.fits.nfl", "night/a.fits.fz"] {
        let mut bytes = fs::read(path.join(name)).unwrap();
        let at = match FitsFile::from_bytes(bytes.clone()) {
            Ok(file) => file.hdus()[1].data_range().end as usize - 5,
            Err(_) => bytes.len() / 2,
        };
        bytes[at] ^= 4;
        fs::write(path.join(name), bytes).unwrap();
    }
    for verb in [&["test"][..], &["verify"], &["fits", "verify"]] {
        let output = run(path, &[verb, &files].concat());
        assert_eq!(output.status.code(), Some(1), "{verb:?}");
        assert!(said(&output).contains("2 of 4 files are damaged"), "{verb:?}: {}", said(&output));
    }
    let rows = run(path, &[&["test", "--json"][..], &files].concat());
    let intact: Vec<bool> = String::from_utf8_lossy(&rows.stdout)
        .lines()
        .map(|row| serde_json::from_str::<Value>(row).unwrap()["intact"].as_bool().unwrap())
        .collect();
    assert_eq!(intact, [false, true, false, true]);
    assert_eq!(names(path), before);
}

#[test]
fn what_is_intact_can_be_had_and_what_is_lost_is_told() {
    let folder = night();
    let path = folder.path();
    succeeds(path, &["compress", "-q", "-c", "raw", "--tile", "10x25", "night/a.fits", "-o", "a.nfl"]);
    let info: Value = serde_json::from_str(&succeeds(path, &["info", "--json", "a.nfl"])).unwrap();
    assert_eq!(info["stacks"][0]["tiles"], 8);
    // `raw` stores a tile as it is: the third of eight begins after two of 500 bytes.
    let mut bytes = fs::read(path.join("a.nfl")).unwrap();
    let index = 20 + 32 + 8 * 12;
    let third = bytes.len() - index - 8 * 500 + 2 * 500;
    bytes[third + 100] ^= 1;
    fs::write(path.join("a.nfl"), &bytes).unwrap();
    refuses(path, &["decompress", "a.nfl", "-o", "b.fits"], "--salvage writes what is intact");
    let args = ["decompress", "--salvage", "--fill", "7", "--json", "-q", "a.nfl", "-o", "b.fits"];
    let output = run(path, &args);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("1 of 8 tiles are lost"), "{}", said(&output));
    let salvaged = FitsFile::open(path.join("b.fits")).unwrap().image(0).unwrap().read().unwrap();
    let whole = frame(1);
    for row in 0..40 {
        for column in 0..50 {
            let at = row * 50 + column;
            let is_lost = (10..20).contains(&row) && column < 25;
            let expected = if is_lost { 7 } else { whole.samples()[at] };
            assert_eq!(salvaged.samples()[at], expected, "row {row}, column {column}");
        }
    }
    // An intact one is salvaged as if it were decompressed.
    succeeds(path, &["compress", "-q", "-c", "raw", "night/a.fits", "-o", "c.nfl"]);
    succeeds(path, &["decompress", "--salvage", "c.nfl", "-o", "c.fits"]);
    assert!(same(path, "night/a.fits", "c.fits"));
    succeeds(path, &["decompress", "--salvage", "c.nfl", "-o", "c.npy"]);
    assert_eq!(run(path, &["decompress", "--salvage", "--delete", "c.nfl"]).status.code(), Some(2));
}

#[test]
fn the_habits_of_fpack_are_answered() {
    let folder = night();
    let path = folder.path();
    let algorithm = |file: &str| {
        let row: Value = serde_json::from_str(&succeeds(path, &["fits", "list", "--json", file])).unwrap();
        row["hdus"][1]["algorithm"].as_str().unwrap().to_owned()
    };
    for (flags, expected) in [
        (&["-r"][..], "RICE_1"),
        (&["-g"], "GZIP_1"),
        (&["-g2"], "GZIP_2"),
        (&["-d"], "NOCOMPRESS"),
        (&["-w", "-g1"], "GZIP_1"),
        (&["--to", "floor", "-1"], "FLOOR_1"),
    ] {
        let args = [&["fits", "pack", "-F", "-Y", "-t", "50,10"][..], flags].concat();
        let args = if flags.contains(&"-w") { [&["fits", "pack", "-F"][..], flags].concat() } else { args };
        succeeds(path, &[&args[..], &["-O", "a.fits.fz", "night/a.fits"]].concat());
        assert!(algorithm("a.fits.fz").starts_with(expected), "{flags:?}: {}", algorithm("a.fits.fz"));
    }
    let piped = run(path, &["fits", "pack", "-S", "night/a.fits"]);
    assert!(piped.status.success() && piped.stdout.starts_with(b"SIMPLE"));
    for (flag, words) in [("-T", "noisefloor bench"), ("-L", "noisefloor fits list"), ("-C", "sums")] {
        let output = run(path, &["fits", "pack", flag, "night/a.fits"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(said(&output).contains(words), "{flag}: {}", said(&output));
    }
    refuses(path, &["fits", "pack", "-3", "night/a.fits"], "--to floor");
}

#[test]
fn directives_in_headers_are_followed_or_refused_aloud() {
    let folder = night();
    let path = folder.path();
    let plain = fs::read(path.join("night/a.fits")).unwrap();
    let with = |cards: &[&str]| {
        let mut bytes = plain.clone();
        let end = bytes.chunks(80).position(|card| card.starts_with(b"END ")).unwrap() * 80;
        for (i, card) in cards.iter().chain(&["END"]).enumerate() {
            bytes[end + 80 * i..end + 80 * (i + 1)].copy_from_slice(format!("{card:<80}").as_bytes());
        }
        fs::write(path.join("d.fits"), &bytes).unwrap();
        bytes
    };
    let original = with(&["FZALGOR = 'GZIP_2  '", "FZTILE  = '(50,20) '", "FZQVALUE= 4.0"]);
    let output = run(path, &["fits", "pack", "d.fits"]);
    assert!(output.status.success(), "{}", said(&output));
    for words in ["GZIP_2, as its FZALGOR asks", "as its FZTILE asks", "FZQVALUE: not followed"] {
        assert!(said(&output).contains(words), "'{words}' is not in: {}", said(&output));
    }
    let list = succeeds(path, &["fits", "list", "d.fits.fz"]);
    assert!(list.contains("GZIP_2 in 2 tiles of 50 x 20"), "{list}");
    succeeds(path, &["fits", "unpack", "d.fits.fz", "-o", "e.fits"]);
    assert!(fs::read(path.join("e.fits")).unwrap() == original);
    // What the command line says counts more, aloud.
    let output = run(path, &["fits", "pack", "-f", "--to", "rice", "d.fits"]);
    assert!(said(&output).contains("its FZALGOR, GZIP_2, is not followed"), "{}", said(&output));
    with(&["FZALGOR = 'NONE    '"]);
    let output = run(path, &["fits", "pack", "-f", "d.fits"]);
    assert!(said(&output).contains("left as it is: its FZALGOR is NONE"), "{}", said(&output));
    with(&["FZALGOR = 'BEST    '"]);
    let output = run(path, &["fits", "pack", "-f", "d.fits"]);
    assert!(said(&output).contains("'BEST', is no algorithm"), "{}", said(&output));
}

#[test]
fn shells_and_man_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for shell in ["bash", "zsh", "fish"] {
        assert!(succeeds(path, &["completions", shell]).contains("noisefloor"), "{shell}");
    }
    succeeds(path, &["man", "pages"]);
    for page in ["noisefloor.1", "noisefloor-compress.1", "noisefloor-fits-pack.1"] {
        let page = fs::read_to_string(path.join("pages").join(page)).unwrap();
        assert!(page.contains(".TH") && !page.contains('\x1b'));
    }
    succeeds(path, &["man", "pages"]);
}

/// Help fits a screen, and has an example.
#[test]
fn help_is_one_screen_with_an_example() {
    for verb in [
        &["compress"][..],
        &["decompress"],
        &["test"],
        &["archive"],
        &["archive", "verify"],
        &["archive", "restore"],
        &["fits", "pack"],
        &["fits", "unpack"],
        &["fits", "list"],
        &["completions"],
        &["man"],
    ] {
        let help = succeeds(Path::new("."), &[verb, &["-h"]].concat());
        assert!(help.lines().count() <= 52, "{verb:?}: {} lines", help.lines().count());
        assert!(help.contains("Example: noisefloor"), "{verb:?}");
        assert!(!help.contains('\x1b'), "{verb:?}");
    }
}
