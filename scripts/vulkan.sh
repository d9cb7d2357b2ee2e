#!/usr/bin/env bash
# Nets on a device through Vulkan, held against the processor: row nets that code, then every net in
# training.
#   scripts/vulkan.sh              with the installed driver, else with Mesa's software driver
#   scripts/vulkan.sh --software   with Mesa's software driver
#   scripts/vulkan.sh --coding     only what codes, which builds in a few minutes
#   scripts/vulkan.sh --fetch      only fetches that driver
# Not part of scripts/test.sh: the GPU crates cost some 30 CPU-minutes; they are built in target/gpu
# (NF_GPU_TARGET).
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh

prefix="$cache/vulkan"

# Debian's software driver and the loader, unpacked beside our other things: nothing on the system
# changes and nobody need be root. Mesa 22 is ten times slower than Mesa 25, which Debian 12 has in
# its backports.
fetch_driver() {
  [ -f "$prefix/usr/share/vulkan/icd.d/lvp_icd.json" ] && return
  command -v apt-get >/dev/null || { say "Please install a Vulkan driver, such as Mesa's lavapipe, and run this again."; exit 1; }
  . /etc/os-release
  local suite="${VERSION_CODENAME:?}" key=/usr/share/keyrings/debian-archive-keyring.gpg
  [ "$suite" = bookworm ] && suite=bookworm-backports
  local work="$cache/vulkan-fetch"
  mkdir -p "$work/lists/partial" "$work/archives/partial"
  printf "deb [signed-by=$key] http://deb.debian.org/debian %s main\n" "$VERSION_CODENAME" "$suite" | sort -u >"$work/sources.list"
  local options=(-o "Dir::State::lists=$work/lists" -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::Cache::archives=$work/archives" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o Debug::NoLocking=1)
  say "Fetching mesa-vulkan-drivers from $suite ..."
  apt-get "${options[@]}" update >/dev/null
  apt-get "${options[@]}" install -y --no-install-recommends --download-only -t "$suite" mesa-vulkan-drivers libvulkan1 >/dev/null
  for package in "$work"/archives/*.deb; do dpkg -x "$package" "$work/root"; done
  mv -T "$work/root" "$prefix"
  rm -rf "$work"
}

installed() {
  [ -n "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ] || compgen -G '/usr/share/vulkan/icd.d/*.json' >/dev/null ||
    compgen -G '/etc/vulkan/icd.d/*.json' >/dev/null
}

if [ "${1:-}" = --software ] || [ "${1:-}" = --fetch ] || ! installed; then
  fetch_driver
  [ "${1:-}" = --fetch ] && exit
  libraries=("$prefix"/usr/lib/*-linux-gnu)
  export LD_LIBRARY_PATH="${libraries[0]}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  export VK_DRIVER_FILES="$prefix/usr/share/vulkan/icd.d/lvp_icd.json"
  export VK_ICD_FILENAMES="$VK_DRIVER_FILES" # the older name of the same
fi

need_rust
need_build_tools
target="${NF_GPU_TARGET:-target/gpu}"
export NOISEFLOOR_DEVICE=vulkan
cargo test --release --locked -p nf-models --features gpu --target-dir "$target" --lib -- --nocapture gpu::
[ "${1:-}" = --coding ] && exit
# The same packages and features in both commands, so that nothing is compiled twice.
build=(--release --locked -p nf-models -p nf-train -p noisefloor --no-default-features --features vulkan
  --target-dir "$target")
# Crates that write kernels, which the device then runs: compiled for a short build.
for crate in cubecl-{core,ir,opt,runtime,server,spirv,std,wgpu} burn-cubecl wgpu-{core,hal} naga; do
  build+=(--config "profile.release.package.$crate.opt-level=1")
done
for crate in cubek-{attention,convolution,interpolate,matmul,pool,quant,random,reduce,std,tile} pliron-spirv; do
  build+=(--config "profile.release.package.$crate.opt-level=0")
done
cargo test "${build[@]}" --test device -- --nocapture --test-threads 1
