#!/usr/bin/env bash
# Runs the tests of the integer crates, golden streams included, as aarch64 programs under qemu: a stream written on one
# architecture must decode to the same pixels on the other. Needs the Rust target (rustup target add aarch64-unknown-linux-gnu),
# a cross linker and qemu (Debian: gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user).
set -euo pipefail
cd "$(dirname "$0")/.."
target=aarch64-unknown-linux-gnu
. scripts/setup.sh
[ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ] || {
  say "The Rust target is missing: rustup target add $target"
  exit 1
}
need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
need qemu-aarch64 qemu-user
[ ${#missing[@]} -eq 0 ] || apt_install "${missing[@]}" libc6-dev-arm64-cross
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L /usr/aarch64-linux-gnu"
cargo test --release --locked --target "$target" --package nf-image --package nf-entropy --package nf-codec --package nf-floor
