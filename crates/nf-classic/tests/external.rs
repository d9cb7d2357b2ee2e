//! External programs as codecs, with the tools that every Unix has.
#![cfg(unix)]

use nf_bounded::{Array, ArrayRegistry, QuantiseOptions, Samples, check, encode_within};
use nf_classic::{External, entries};
use nf_codec::{Codec, Error, Limits, Registry, Result};
use nf_image::{Image16, Shape};
use std::io::Write;

fn external(encode: &[&str], decode: &[&str], format: &str) -> External {
    let words = |command: &[&str]| command.iter().map(|&word| word.to_owned()).collect();
    External {
        summary: String::new(),
        encode: words(encode),
        decode: words(decode),
        format: format.to_owned(),
        suffix: None,
        timeout_s: Some(20),
        ..External::default()
    }
}

const COPY: [&str; 3] = ["cp", "{in}", "{out}"];

fn codec(external: &External) -> Box<dyn Codec> {
    external.codec("tool", true).expect("the description makes sense")
}

fn frame(shape: Shape) -> Image16 {
    Image16::from_fn(shape, |p, r, c| (40_000 * p + 257 * r + c) as u16)
}

fn failure(result: Result<impl Sized>) -> String {
    result.err().expect("it fails").to_string()
}

#[test]
fn pixels_survive_every_format() {
    for format in ["fits", "npy", "pgm", "raw"] {
        let codec = codec(&external(&COPY, &COPY, format));
        for shape in [Shape::frame(1, 1), Shape::frame(13, 17), Shape::new(3, 5, 7), Shape::frame(1, 9)] {
            let bytes = codec.encode(&frame(shape)).unwrap_or_else(|e| panic!("{format} {shape}: {e}"));
            assert!(bytes.len() as u64 <= codec.max_bytes(shape));
            let decoded = codec.decode(&bytes, shape, &Limits::default()).expect(format);
            assert_eq!(decoded, frame(shape), "{format} {shape}");
            let other = Shape::new(shape.planes, shape.width, shape.height + 1);
            assert!(codec.decode(&bytes, other, &Limits::default()).is_err(), "{format} {shape} as {other}");
            assert!(codec.decode(&bytes[..bytes.len() / 2], shape, &Limits::default()).is_err());
        }
        assert!(matches!(codec.encode(&frame(Shape::frame(0, 3))), Err(Error::Unsupported { .. })));
    }
}

#[test]
fn nothing_runs_unless_it_is_allowed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let trace = folder.path().join("trace");
    let touch = format!("touch {} {{in}} {{out}}", trace.display());
    let external = external(&["sh", "-c", &touch], &["sh", "-c", &touch], "raw");
    let refused = external.codec("tool", false).expect("the description makes sense");
    let shape = Shape::frame(2, 2);
    for error in
        [failure(refused.encode(&frame(shape))), failure(refused.decode(&[0; 8], shape, &Limits::default()))]
    {
        assert_eq!(error, "tool: an external program, which only runs with --allow-external");
    }
    assert!(!trace.exists());
    codec(&external).encode(&frame(shape)).expect("it writes an empty stream");
    assert!(trace.exists());
}

#[test]
fn failures_quote_the_program() {
    let shape = Shape::frame(2, 2);
    let complaining = external(&["sh", "-c", "echo no such option >&2; exit 3; : {in} {out}"], &COPY, "raw");
    let error = failure(codec(&complaining).encode(&frame(shape)));
    assert_eq!(error, "tool: 'sh' ended with exit status: 3: no such option");
    let missing = external(&["no-such-program-here", "{in}", "{out}"], &COPY, "raw");
    assert!(failure(codec(&missing).encode(&frame(shape))).contains("starting 'no-such-program-here'"));
    let idle = external(&["true", "{in}", "{out}"], &COPY, "raw");
    assert!(failure(codec(&idle).encode(&frame(shape))).contains("stream.coded"));
}

#[test]
fn a_program_that_hangs_is_stopped_with_its_children() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let survived = folder.path().join("survived");
    let script = format!("(sleep 3; touch {}) & wait; : {{in}} {{out}}", survived.display());
    let hanging = External { timeout_s: Some(1), ..external(&["sh", "-c", &script], &COPY, "raw") };
    let error = failure(codec(&hanging).encode(&frame(Shape::frame(2, 2))));
    assert_eq!(error, "tool: 'sh' was stopped after 1 s");
    std::thread::sleep(std::time::Duration::from_millis(2500));
    assert!(!survived.exists());
}

#[test]
fn files_that_are_too_long_are_not_read() {
    let endless = ["sh", "-c", "head -c 3000000 /dev/zero > {out}; : {in}"];
    let shape = Shape::frame(2, 2);
    let too_long = codec(&external(&endless, &endless, "raw"));
    assert!(matches!(too_long.encode(&frame(shape)), Err(Error::Backend { .. })));
    assert!(matches!(too_long.decode(&[0; 8], shape, &Limits::default()), Err(Error::Backend { .. })));
}

#[test]
fn the_table_is_checked() {
    let good = "[tool]\nformat='npy'\nencode=['a','{in}','{out}']\ndecode=['b','{in}','{out}']\n";
    assert_eq!(External::from_toml("x.toml", good).expect("a good table")["tool"].format, "npy");
    let cases = [
        (good.replace("npy", "png"), "expected fits, npy, pgm or raw"),
        (good.replace("'{out}'", "'out'"), "encode: expected a program and arguments with {in} and {out}"),
        (good.replace("'b',", "").replace("decode", "decoder"), "decoder"),
        (good.replace("tool", "'to ol'"), "expected a name"),
        (format!("{good}suffix='../x'"), "suffix"),
        (format!("{good}timeout_s=-1"), "timeout_s"),
    ];
    for (text, reason) in cases {
        let error = failure(External::from_toml("x.toml", &text));
        assert!(error.starts_with("x.toml is corrupt") && error.contains(reason), "{error}");
    }
}

#[test]
fn registries_take_programs_under_new_names_only() {
    let mut registry = Registry::new(entries());
    let copy = external(&COPY, &COPY, "raw");
    copy.clone().add_to(&mut registry, "copy", true).expect("the name is free");
    let built = registry.build(&"copy".parse().expect("a spec")).expect("it is known");
    let image = frame(Shape::frame(4, 4));
    assert_eq!(built.encode(&image).expect("it runs").len(), 32);
    assert!(registry.build(&"copy:level=3".parse().expect("a spec")).is_err());
    assert!(failure(copy.clone().add_to(&mut registry, "rice", true)).contains("already"));
    assert!(failure(copy.add_to(&mut registry, "copy", true)).contains("already"));
}

#[test]
fn the_programs_of_the_example_file_work_where_they_are_installed() {
    let text = include_str!("../../../configs/external/example.toml");
    // The tables as a suite holds them.
    let suite: toml::Table = text.parse().expect("it is TOML");
    let tables = toml::to_string(&suite["external"]).expect("it was TOML");
    let programs = External::from_toml("configs/external/example.toml", &tables).expect("it is legal");
    assert!(programs.len() >= 3);
    let image = frame(Shape::frame(64, 80));
    for (name, external) in programs {
        let codec = external.codec(&name, true).expect("the description makes sense");
        let decoded =
            codec.encode(&image).and_then(|bytes| codec.decode(&bytes, image.shape(), &Limits::default()));
        match decoded {
            Ok(decoded) => assert_eq!(decoded, image, "{name}"),
            Err(error) => skipped(&name, &error.to_string()),
        }
    }
}

/// Only what is not installed may fail.
fn skipped(name: &str, error: &str) {
    let absent = ["starting '", "ModuleNotFoundError"].iter().any(|sign| error.contains(sign));
    assert!(absent, "{error}");
    // Written to the handle itself: the harness shows it although the test passes.
    writeln!(std::io::stderr(), "SKIP {name}, which is not installed").expect("stderr is open");
}

/// SZ3 and SPERR, in the Python that the set-up script prepares for tests, or that of the system.
#[test]
fn the_peers_keep_the_bound_where_they_are_installed() {
    let text = include_str!("../../../configs/external/peers.toml");
    let suite: toml::Table = text.parse().expect("it is TOML");
    let tables = toml::to_string(&suite["external"]).expect("it was TOML");
    let programs = External::from_toml("configs/external/peers.toml", &tables).expect("it is legal");
    assert_eq!(programs.len(), 3);
    let python = std::env::var("NOISEFLOOR_PEER_PYTHON").ok().filter(|path| !path.is_empty());
    let whole: Vec<u16> = frame(Shape::frame(40, 50)).samples().iter().map(|x| x % 9001).collect();
    let real: Vec<f32> = whole.iter().map(|&x| f32::from(x) * 0.37 - 40.0).collect();
    let array = |samples: Samples| Array::new(vec![40, 50], samples).expect("40 x 50 samples");
    for (name, mut external) in programs {
        assert!(external.is_of_arrays());
        for command in [&mut external.encode, &mut external.decode, &mut external.version] {
            command[0] = python.clone().unwrap_or_else(|| command[0].clone());
        }
        let version = external.version_line(&name, true);
        assert_eq!(external.version_line(&name, false), None);
        let refused = ArrayRegistry::new([external.clone().array_entry(&name, false).expect("legal")]);
        let registry = ArrayRegistry::new([external.array_entry(&name, true).expect("legal")]);
        let spec = registry.of_spec(&nf_codec::Spec::new(&name)).expect("it has a loss of its own");
        for samples in [Samples::U16(whole.clone()), Samples::F32(real.clone())] {
            let array = array(samples);
            let bound = "3dn".parse().expect("it is one");
            let options = QuantiseOptions::default();
            let words = encode_within(&array, &bound, &options, &refused, &spec).expect_err("not allowed");
            assert!(words.to_string().contains("--allow-external"), "{words}");
            match encode_within(&array, &bound, &options, &registry, &spec) {
                Err(error) => skipped(&name, &error.to_string()),
                Ok(coded) => {
                    let decoded = coded.decoded();
                    check(&array, decoded, &coded.record.tolerance).expect("within the bound");
                    assert!(coded.record.exact_finite_samples() < 20, "{name}");
                    assert!(version.is_some(), "{name}");
                }
            }
        }
    }
}
