//! What is said to people: nothing that a terminal would obey, and the name of what is at fault.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::process::{Command, Output};

fn noisefloor(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_noisefloor")).args(args).output().unwrap()
}

fn path_in(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).display().to_string()
}

/// Whatever a header or a name holds, a terminal does not obey it.
#[test]
fn control_characters_of_headers_and_names_are_not_printed() {
    let folder = tempfile::tempdir().unwrap();
    let lines = [
        "SIMPLE  = T",
        "BITPIX  = 16",
        "NAXIS   = 1",
        "NAXIS1  = 2",
        "EXTNAME = 'a\x1b[31m\rb\nc'",
        "BLANK   = 'x\x1b[2J'",
        "END",
    ];
    let mut bytes: Vec<u8> = lines.iter().flat_map(|line| format!("{line:<80}").into_bytes()).collect();
    bytes.resize(2880, b' ');
    bytes.resize(5760, 0);
    let input = path_in(&folder, "e\x1b[32m\nf\u{9b}2J.fits");
    fs::write(&input, &bytes).unwrap();
    let harmful = |bytes: &[u8]| {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
        text
    };
    for args in [vec!["info"], vec!["fits", "list"], vec!["test"], vec!["compress"], vec!["fits", "pack"]] {
        let output = noisefloor(&[&args[..], &[&input]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = harmful(&output.stdout) + &harmful(&output.stderr);
        assert!(text.contains("e [32m"), "{args:?}: {text:?}");
        if args == ["info"] {
            assert!(text.contains("[a [31m b c]") && text.contains("remark: BLANK"), "{text:?}");
        }
        assert!(text.lines().all(|line| !line.starts_with('f') && !line.starts_with('c')), "{text:?}");
    }
}
