#!/usr/bin/env bash
# All checks: line lengths, formatting, lints and documentation with warnings denied, every test of
# every crate, and the tests of the crates that read strangers' bytes once more with checks of
# overflow and debug assertions, and the Python package's (NOISEFLOOR_SKIP_PYTHON=1 leaves those
# out).
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh
scripts/check_text.sh crates
offer_peers
cargo fmt --all --check
if command -v cargo-deny >/dev/null; then
  cargo deny --locked check licenses bans sources
else
  say "SKIP: licences and sources of dependencies; cargo install cargo-deny checks them (deny.toml)."
fi
cargo clippy --release --locked --workspace --all-targets -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --release --locked --workspace --no-deps --quiet
cargo test --release --locked --workspace
cargo test --profile checked --locked -p nf-image -p nf-entropy -p nf-engine -p nf-codec -p nf-fits \
  -p nf-floor -p nf-noise
scripts/test_python.sh
