#!/usr/bin/env bash
# The main job: build, then bench every codec on frames, decoding and verifying every stream.
# Takes the same arguments as `noisefloor bench`; without any, the embedded suite of simulated frames runs.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh
# Without the feature `train`: nothing here needs the tensor library.
cargo build --release --locked --package noisefloor --no-default-features --features jpegxl,jpegls,jpeg2000
exec "${CARGO_TARGET_DIR:-target}/release/noisefloor" bench "$@"
