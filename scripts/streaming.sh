#!/usr/bin/env bash
# Measures training from a set of 40 GB: memory over time, how long steps wait for tiles, and how
# fast they are against the same images in memory.
#   scripts/streaming.sh [FOLDER]     work in FOLDER (default: a new one in TMPDIR); about 0.5 GB
#   STEPS=N                           steps of every run (300)
#   KILLS=N                           times that one run is killed (10)
#   NOISEFLOOR=PROGRAM                the program (default: target/release/noisefloor)
# Prints a table, and leaves FOLDER/memory-*.csv (seconds, resident MB) and the runs' logs.
#
# The set is made of 4 simulated exposures of HST ACS (17 MB each) on the disk: 2340 names lead to
# them as hard links, so that the program reads 40 GB of pixels while the disk holds 0.1 GB. A tile
# store of them lists its row groups 610 times, which gives 40 GB of tiles likewise. The system's
# cache holds such files, so the speed of a disk is not measured.
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(realpath "${NOISEFLOOR:-${CARGO_TARGET_DIR:-target}/release/noisefloor}")
repeat=$(realpath "${REPEAT_STORE:-${CARGO_TARGET_DIR:-target}/release/examples/repeat_store}")
experiments=$(realpath configs/experiments)
work=${1:-$(mktemp -d)}
steps=${STEPS:-300}
mkdir -p "$work"
cd "$work"

if [ ! -d small ]; then
  "$program" data simulate sim-hst-acs/full@train small --first 4 > entropy.txt
fi
if [ ! -d large ]; then
  mkdir large
  files=(small/*.fits)
  for i in $(seq -w 0 2339); do
    ln "${files[$((10#$i % ${#files[@]}))]}" "large/frame-$i.fits"
  done
fi
if [ ! -f large.parquet ]; then
  "$program" data pack small small.parquet --size 64 --force
  "$repeat" small.parquet large.parquet 610
fi

# command_of NAME SET STEPS SETTINGS...: the command of a run, in the array `command`.
command_of() {
  local name=$1 set=$2 count=$3
  shift 3
  command=("$program" train "$experiments/idf-tiny-hst.toml" --output "out-$name"
    --set name=streaming --set "data.train=['$set']" --set "stop.steps=$count"
    --set validation.every_steps=100000 --set 'data.hold_out=[]'
    --set "data.validation=['small/sim-hst-acs-001001.fits']" "$@")
}

# train NAME SET STEPS SETTINGS...: one run, with its resident memory every half second.
train() {
  local name=$1 resident
  command_of "$@"
  rm -rf "out-$name"
  "${command[@]}" 2> "$name.log" > "$name.out" &
  local child=$! began
  began=$(date +%s%N)
  while kill -0 "$child" 2> "$name.gone"; do
    resident=$(awk '/VmRSS/ { print $2 / 1000 }' "/proc/$child/status" 2> "$name.gone" || true)
    [ -z "$resident" ] || echo "$(($(date +%s%N) - began)) $resident" |
      awk '{ printf "%.1f,%.0f\n", $1 / 1e9, $2 }'
    sleep 0.5
  done > "memory-$name.csv"
  wait "$child"
}

# rate NAME: steps per second between the first and the last row of the log, which leaves out the
# start.
rate() {
  awk -F, 'NR == 2 { step = $1; at = $2 } { last = $1; end = $2 }
    END { printf "%.2f", (last - step) / (end - at) }' "out-$1"/*.run/train.csv
}

printf '%-10s %14s %16s %s\n' run 'steps a second' 'most MB resident' data
# In turn, since other work on the machine comes and goes.
for turn in 1 2 3; do
  for name in memory window store; do
    case $name in
      memory) set=small ;;
      window) set=large ;;
      store) set=large.parquet ;;
    esac
    train "$name" "$set" "$steps"
    printf '%-10s %14s %16s %s\n' "$name-$turn" "$(rate "$name")" \
      "$(sort -t, -k2 -n "memory-$name.csv" | tail -1 | cut -d, -f2)" \
      "$(grep -h '^noisefloor: data: \|^data: ' "$name.log" | sed 's/.*data: //')"
    cp "memory-$name.csv" "memory-$name-$turn.csv"
  done
done

# Killed at random moments, a run ends with the same weights.
settings=(--set data.draws_per_image=8 --set data.memory_mb=200)
train whole large 60 "${settings[@]}"
rm -rf out-parts
RANDOM=16
killed=0
command_of parts large 60 "${settings[@]}" --resume
for _ in $(seq "${KILLS:-10}"); do
  "${command[@]}" --save-every 0 2> parts.log > parts.out &
  child=$!
  sleep "$((RANDOM % 4)).$((RANDOM % 10))"
  if kill -9 "$child" 2> parts.gone; then killed=$((killed + 1)); fi
  wait "$child" || true
done 2> parts.shell
"${command[@]}" 2> parts.log > parts.out
grep -h 'going on' parts.log || true
cmp out-whole/*/weights.safetensors out-parts/*/weights.safetensors
echo "killed $killed times: the same weights"
