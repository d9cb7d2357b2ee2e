#!/usr/bin/env bash
# The main job: builds the program, compresses one frame with it, and benchmarks every codec on
# simulated frames, decoding and comparing every stream. With arguments, those of `noisefloor
# bench`, only the benchmark runs.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh

# What a first build takes, libjxl included; README.md says the same.
build_cpu_minutes=33
program="${CARGO_TARGET_DIR:-target}/release/noisefloor"
if [ ! -x "$program" ]; then
  cores=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
  say "Building noisefloor. The first build takes about $((build_cpu_minutes / cores + 1)) minutes on" \
    "the $cores cores of this machine ($build_cpu_minutes CPU-minutes); later builds take seconds."
fi
# Without the feature `train`: nothing here needs the tensor library.
cargo build --release --locked --package noisefloor --no-default-features \
  --features jpegxl,jpegls,jpeg2000

if [ $# -eq 0 ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  say
  say "A simulated exposure of a space telescope, compressed and restored:"
  "$program" data simulate sim-hst-acs "$work" --first 1 # also prints the entropy of the frame
  frame=$(find "$work" -name '*.fits' | head -1)
  "$program" compress "$frame" "$work/frame.nfl"
  "$program" decompress "$work/frame.nfl" "$work/again.fits"
  cmp "$frame" "$work/again.fits"
  say "The restored file equals the original, byte for byte."
  say
  say "Every codec on 11 simulated frames of known entropy, decoded and compared (a minute or two):"
fi
"$program" bench "$@"
