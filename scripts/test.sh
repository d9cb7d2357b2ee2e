#!/usr/bin/env bash
# All checks: formatting, lints with warnings denied, every test of every crate.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh
offer_peers
cargo fmt --all --check
cargo clippy --release --locked --workspace --all-targets -- -D warnings
cargo test --release --locked --workspace
