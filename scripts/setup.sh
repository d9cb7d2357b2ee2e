#!/usr/bin/env bash
# Set-up shared by demo.sh and test.sh: finds what is missing and installs it by name where it may.
# Sourced, not run. Idempotent. Nothing is fetched but Debian/Ubuntu packages (and, for the tests
# only, Python packages for the independent peers).

cache="${NOISEFLOOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/noisefloor}"
mkdir -p "$cache"
# libjxl is built once for all clones of this user.
export NF_LIBJXL_PREFIX="${NF_LIBJXL_PREFIX:-$cache/libjxl}"

say() { printf '%s\n' "$*" >&2; }

# apt_install PACKAGE...: installs Debian packages where that is allowed; otherwise says what to do.
apt_install() {
  local sudo=""
  if ! command -v apt-get >/dev/null; then
    say "Please install: $* (names of Debian packages), then run this again."
    return 1
  fi
  if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      sudo="sudo -n"
    else
      say "Please run: sudo apt-get install -y $*"
      return 1
    fi
  fi
  say "Installing $* ..."
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >/dev/null 2>&1 ||
    { $sudo apt-get update >/dev/null 2>&1 &&
      $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >/dev/null; } ||
    { say "Could not install $*. Please run: sudo apt-get update && sudo apt-get install -y $*"; return 1; }
}

# need COMMAND PACKAGE: makes sure that a command exists.
missing=()
need() { command -v "$1" >/dev/null || missing+=("$2"); }

need_rust() {
  [ -f "$HOME/.cargo/env" ] && . "$HOME/.cargo/env"
  command -v cargo >/dev/null || {
    say "Rust is missing. Install it from https://rustup.rs, then run this again."
    exit 1
  }
}

need_build_tools() {
  need cc build-essential
  need c++ build-essential
  need make build-essential
  need cmake cmake
  if [ ${#missing[@]} -gt 0 ]; then
    apt_install $(printf '%s\n' "${missing[@]}" | sort -u) || exit 1
  fi
}

# Independent readers and writers that the tests compare with, and a browser. The tests say SKIP
# where one is absent; what is there from now on is required (NOISEFLOOR_REQUIRE), so that no test
# passes by absence.
offer_peers() {
  local required="${NOISEFLOOR_REQUIRE:-}"
  command -v fpack >/dev/null && command -v funpack >/dev/null || apt_install libcfitsio-bin ||
    say "Going on without cfitsio: the tests that compare with it will say SKIP."
  command -v h5dump >/dev/null || apt_install hdf5-tools ||
    say "Going on without h5dump: the test that reads HDF5 files with it will say SKIP."
  command -v chromium >/dev/null || apt_install chromium ||
    say "Going on without Chromium: the test that opens a report in a browser will say SKIP."
  local python="$cache/peers/bin/python3"
  if ! "$python" -c 'import astropy, imagecodecs' 2>/dev/null; then
    { { python3 -m venv "$cache/peers" 2>/dev/null || { apt_install python3-venv && python3 -m venv "$cache/peers"; }; } &&
      "$cache/peers/bin/pip" install --quiet 'numpy<3' 'astropy<8' 'imagecodecs>=2025.3' >&2; } ||
      say "Going on without astropy and imagecodecs: the tests that compare with them will say SKIP."
  fi
  # SZ3 3.4, for configs/external/peers.toml.
  "$python" -c 'import pysz' 2>/dev/null || "$cache/peers/bin/pip" install --quiet --no-deps 'pysz==1.1.0' >&2 ||
    say "Going on without pysz: the test that runs SZ3 3.4 will say SKIP."
  # Another reader of Parquet, for the manifest of archives.
  "$python" -c 'import pyarrow' 2>/dev/null || "$cache/peers/bin/pip" install --quiet 'pyarrow<27' >&2 ||
    say "Going on without pyarrow: the test that reads a manifest with it will say SKIP."
  # The hub's own client, which shares its cache.
  "$python" -c 'import huggingface_hub' 2>/dev/null || "$cache/peers/bin/pip" install --quiet 'huggingface_hub>=1,<2' >&2 ||
    say "Going on without huggingface_hub: the tests that share a cache with it will say SKIP."
  "$python" -c 'import astropy, huggingface_hub, imagecodecs, pyarrow, pysz' 2>/dev/null && command -v fpack >/dev/null &&
    command -v funpack >/dev/null && required="$required,peers"
  command -v chromium >/dev/null && required="$required,browser"
  [ -e "${NOISEFLOOR_DATA:-../shared/data}/MANIFEST.json" ] && required="$required,frames"
  export NOISEFLOOR_REQUIRE="${required#,}"
  say "Required by the tests: ${NOISEFLOOR_REQUIRE:-nothing from outside}."
  [ -x "$python" ] && export NOISEFLOOR_PEER_PYTHON="${NOISEFLOOR_PEER_PYTHON:-$python}"
  return 0
}

need_rust
need_build_tools
