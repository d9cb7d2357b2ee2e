#!/usr/bin/env bash
# The main job: build, then bench every codec on frames, decoding and verifying every stream. Takes
# the same arguments as `noisefloor bench`; without any, the embedded suite of simulated frames
# runs.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh
cargo build --release --locked --package noisefloor
exec "${CARGO_TARGET_DIR:-target}/release/noisefloor" bench "$@"
