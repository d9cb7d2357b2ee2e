//! Flags of fpack and funpack that mean something else here, or nothing, and what to write instead.

/// What to say of a flag that `noisefloor fits pack` or `unpack` does not know.
pub(crate) fn advice(flag: &str) -> Option<&'static str> {
    Some(match flag {
        "-T" => "fpack's -T is `noisefloor bench FILE`, which measures every codec",
        "-L" => "fpack's -L is `noisefloor fits list FILE`",
        "-C" => "fpack's -C has nothing to do here: sums are written whenever the header has room for them",
        "-H" => "fpack's -H is `--help`, and docs/archives.md",
        "-P" => "funpack's -P PREFIX is `--output-dir DIR`",
        "-Z" => "funpack's -Z is `noisefloor fits unpack -o - FILE`, and gzip behind it",
        "-E" => "funpack's -E is `noisefloor fits cutout 'FILE[HDU]' OUT`",
        "-R" => "fpack's -R FILE is `--json`, redirected",
        "-i" | "-i2f" => "fpack's -i2f, which makes integers floating-point numbers, has no counterpart here",
        "-n" => "fpack's -n NOISE has no counterpart; a negative `--quantise` is the step itself",
        "-z" | "-0" => "fpack's -q0 and -qz are `--quantise LEVEL` with `--dither 0` and `--dither 2`",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_fpack_that_are_not_ours_lead_on() {
        for flag in ["-T", "-L", "-C", "-P", "-Z", "-E", "-R"] {
            assert!(advice(flag).is_some_and(|advice| advice.contains(flag)), "{flag}");
        }
        assert_eq!(advice("--no-such"), None);
    }
}
