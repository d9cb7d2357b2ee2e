#!/usr/bin/env bash
# All checks: line lengths, formatting, lints with warnings denied, every test of
# every crate.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh
scripts/check_text.sh
offer_peers
cargo fmt --all --check
if command -v cargo-deny >/dev/null; then
  cargo deny --locked check licenses bans sources
else
  say "SKIP: licences and sources of dependencies; cargo install cargo-deny checks them (deny.toml)."
fi
cargo clippy --release --locked --workspace --all-targets -- -D warnings
cargo test --release --locked --workspace
