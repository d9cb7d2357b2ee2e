#!/usr/bin/env bash
# Runs every fuzz target for SECONDS_EACH (default 60). Needs a nightly toolchain and cargo-fuzz:
#   rustup toolchain install nightly && cargo install cargo-fuzz
set -euo pipefail
cd "$(dirname "$0")/.."
corpus="$PWD/fuzz/corpus"
NOISEFLOOR_SEEDS="$corpus/fits_file" cargo test --release -p nf-fits --test mutations -- --ignored seeds
for target in $(cargo +nightly fuzz list); do
  echo "fuzzing $target for ${SECONDS_EACH:-60} s"
  cargo +nightly fuzz run --release "$target" -- -max_total_time="${SECONDS_EACH:-60}" -rss_limit_mb=2048 -timeout=20
done
