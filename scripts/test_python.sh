#!/usr/bin/env bash
# Tests of the Python package: a virtual environment in the cache, the package installed as the
# README says, pytest. NOISEFLOOR_SKIP_PYTHON=1 leaves them out.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh
if [ "${NOISEFLOOR_SKIP_PYTHON:-}" = 1 ]; then
  say "SKIP: the Python package (NOISEFLOOR_SKIP_PYTHON=1)."
  exit 0
fi
environment="$cache/python"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
  say "The Python package needs Python 3.11 or later. NOISEFLOOR_SKIP_PYTHON=1 leaves it out."
  exit 1
}
[ -x "$environment/bin/pip" ] || {
  python3 -m venv "$environment" 2>/dev/null ||
    { rm -rf "$environment" && apt_install python3-venv && python3 -m venv "$environment"; } || {
    say "No virtual environment could be made. NOISEFLOOR_SKIP_PYTHON=1 leaves these tests out."
    exit 1
  }
}
"$environment/bin/pip" index versions maturin >/dev/null 2>&1 || {
  say "SKIP: the Python package: no registry of Python packages answers."
  case ",${NOISEFLOOR_REQUIRE:-}," in *,python,*) exit 1 ;; esac
  exit 0
}
# The build shares what cargo has built for the other tests.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
cargo build --release --locked --quiet -p nf-hdf5
failed() {
  say "The Python package could not be installed: see above. Without a registry of Python packages"
  say "NOISEFLOOR_SKIP_PYTHON=1 leaves these tests out."
  exit 1
}
export PATH="$CARGO_TARGET_DIR/release:$PATH"
wheels="$(mktemp -d)"
trap 'rm -rf "$wheels"' EXIT
"$environment/bin/pip" wheel --quiet --no-deps --wheel-dir "$wheels" . || failed
wheel="$(echo "$wheels"/noisefloor-*.whl)"
"$environment/bin/pip" install --quiet --force-reinstall --no-deps "$wheel" || failed
"$environment/bin/pip" install --quiet "$wheel[test]" || failed
bytes="$(wc -c <"$wheel")"
say "The wheel has $bytes bytes."
[ "$bytes" -lt 5000000 ] || {
  say "The wheel has $bytes bytes, expected fewer than 5000000: see what its dependencies add."
  exit 1
}
"$environment/bin/python" -m pytest "$@"
# Once more with what only a larger build has.
"$environment/bin/pip" install --quiet --config-settings build-args="--features datasets" . || failed
"$environment/bin/python" -m pytest python/tests/test_datasets.py "$@"
