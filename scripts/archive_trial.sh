#!/usr/bin/env bash
# A trial of `noisefloor archive` on made-up frames: archived with one thread and with all, which
# also tells how long a run takes; then archived again while it is killed at random moments of that
# time, resumed, run once more, verified, and restored byte for byte.
#
#   scripts/archive_trial.sh FOLDER [SMALL] [LARGE] [KILLS]
#
# FOLDER is made, and removed at the end if all went well; it needs about 3 bytes of space for every
# byte of the frames. SMALL files of about 10 kB (20000 by default), LARGE frames of 8 Mpixel (200),
# and KILLS (10). NOISEFLOOR names the program, otherwise it is built; CODEC the codec, otherwise
# `archive` chooses.
set -euo pipefail
cd "$(dirname "$0")/.."

work=${1:?a folder to work in}
small=${2:-20000} large=${3:-200} kills=${4:-10}
codec=(${CODEC:+--codec "$CODEC"})
mkdir "$work"
if [[ -z ${NOISEFLOOR:-} ]]; then
    cargo build --release -p noisefloor
    NOISEFLOOR=${CARGO_TARGET_DIR:-target}/release/noisefloor
fi

python3 - "$work/in" "$small" "$large" <<'PYTHON'
import array, os, random, sys
folder, small, large = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
random.seed(1)
noise = array.array("h", (int(random.gauss(-31000, 12)) for _ in range(1 << 20)))
noise.byteswap()
noise = noise.tobytes()


def write(name, rows, columns):
    cards = ["SIMPLE  =                    T", "BITPIX  =                   16",
             "NAXIS   =                    2", f"NAXIS1  = {columns:20}", f"NAXIS2  = {rows:20}",
             "BZERO   =                32768", "BSCALE  =                    1",
             f"FRAME   = {random.getrandbits(40):20}", "END"]
    header = "".join(card.ljust(80) for card in cards).ljust(2880).encode()
    os.makedirs(os.path.dirname(name), exist_ok=True)
    with open(name, "wb") as out:
        out.write(header)
        left = 2 * rows * columns
        size = left
        while left:
            start = 2 * random.randrange(len(noise) // 2 - 1)
            piece = noise[start : start + min(left, random.randrange(2, 1 << 20, 2))]
            out.write(piece)
            left -= len(piece)
        out.write(bytes(-size % 2880))


for i in range(small):
    write(f"{folder}/{i // 1000:03}/small-{i:06}.fits", random.randrange(40, 90), random.randrange(40, 90))
for i in range(large):
    write(f"{folder}/large/frame-{i:04}.fits", 2048, 4096)
PYTHON

files=$(find "$work/in" -type f | wc -l)
bytes=$(find "$work/in" -type f -printf '%s\n' | awk '{s += $1} END {print s}')
echo "frames: $files files, $bytes bytes"

# measured NAME COMMAND...: seconds and the largest memory of a command.
measured() {
    python3 - "$@" <<'PYTHON'
import resource, subprocess, sys, time
start = time.time()
code = subprocess.call(sys.argv[2:])
print(f"{sys.argv[1]}: {time.time() - start:.1f} s, "
      f"{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MiB, exit {code}")
sys.exit(code)
PYTHON
}

for threads in 1 "$(nproc)"; do
    start=$(date +%s.%N)
    measured "archived, $threads threads" \
        "$NOISEFLOOR" --threads "$threads" archive "${codec[@]}" "$work/in" "$work/out"
    seconds=$(echo "$(date +%s.%N) $start" | awk '{print $1 - $2}')
    rm -r "$work/out"
done

# When to kill: sums of these are random moments of a whole run, in order.
moments=$(python3 - "$kills" "$seconds" <<'PYTHON'
import random, sys
kills, seconds = int(sys.argv[1]), float(sys.argv[2])
last = 0
for moment in sorted(random.uniform(0, 0.95 * seconds) for _ in range(kills)):
    print(f"{moment - last:.2f}")
    last = moment
PYTHON
)
killed=0
for seconds in $moments; do
    "$NOISEFLOOR" archive --quiet "${codec[@]}" "$work/in" "$work/out" &
    sleep "$seconds"
    if kill -9 $! 2>/dev/null; then killed=$((killed + 1)); fi
    wait $! 2>/dev/null || true
    receipts=$(cat "$work"/out/receipts/*.jsonl 2>/dev/null | wc -l)
    echo "killed after $seconds s, $receipts receipts"
done
echo "kills: $killed"
measured "resumed" "$NOISEFLOOR" archive "${codec[@]}" "$work/in" "$work/out"
measured "run once more" "$NOISEFLOOR" archive "${codec[@]}" "$work/in" "$work/out"
measured "verified" "$NOISEFLOOR" archive verify "$work/out"
measured "restored" "$NOISEFLOOR" archive restore "$work/out" "$work/again"
diff -r "$work/in" "$work/again" && echo "restored: byte for byte the frames"
left=$(find "$work/out" -name '.noisefloor-*' | wc -l)
outputs=$(find "$work/out" -name '*.nfl' | wc -l)
echo "outputs: $outputs, temporary files left: $left"
[[ $killed == "$kills" && $outputs == "$files" && $left == 0 ]]
rm -r "$work"
