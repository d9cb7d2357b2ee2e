#!/usr/bin/env bash
# Runs the tests of the integer crates, golden streams included, as aarch64 programs under qemu: a
# stream written on one architecture must decode to the same pixels on the other. Arguments go to
# cargo test.
#
# Needs a cross compiler and qemu (Debian: gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user),
# and Rust's standard library for the target: rustup target add aarch64-unknown-linux-gnu, or any
# other toolchain that has it, named by CARGO and RUSTC. Debian's will do (rustc and cargo of the
# machine's architecture, libstd-rust-dev:arm64), also from within a chroot.
set -euo pipefail
cd "$(dirname "$0")/.."
target=aarch64-unknown-linux-gnu
export CARGO="${CARGO:-cargo}" RUSTC="${RUSTC:-rustc}"
for tool in "$CARGO" "$RUSTC" aarch64-linux-gnu-gcc qemu-aarch64; do
  command -v "$tool" >/dev/null || { echo "$tool is missing; see the head of $0" >&2; exit 1; }
done
[ -d "$("$RUSTC" --print sysroot)/lib/rustlib/$target/lib" ] || {
  echo "$RUSTC has no standard library for $target; see the head of $0" >&2
  exit 1
}
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L /usr/aarch64-linux-gnu"
"$CARGO" test --release --locked --target "$target" \
  --package nf-image --package nf-entropy --package nf-codec --package nf-floor "$@"
