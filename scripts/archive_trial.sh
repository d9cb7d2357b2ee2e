#!/usr/bin/env bash
# A trial of `noisefloor archive` on made-up frames: archived while it is killed at random moments,
# resumed, run once more, verified, and restored byte for byte; then measured with one thread and
# with all.
#
#   scripts/archive_trial.sh FOLDER [SMALL] [LARGE] [KILLS]
#
# FOLDER is made, and needs about 3 bytes of room for every byte of the frames. SMALL files of about
# 10 kB (20000 by default), LARGE frames of 8 Mpixel (200), and KILLS (10). NOISEFLOOR names the
# program, otherwise it is built.
set -euo pipefail
cd "$(dirname "$0")/.."

work=${1:?a folder to work in}
small=${2:-20000} large=${3:-200} kills=${4:-10}
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

killed=0
for _ in $(seq "$kills"); do
    "$NOISEFLOOR" archive --quiet "$work/in" "$work/out" &
    # From a hundredth of a second to about ten seconds, short ones as likely as long ones.
    sleep "$(python3 -c 'import random; print(10 ** random.uniform(-2, 1))')"
    if kill -9 $! 2>/dev/null; then killed=$((killed + 1)); fi
    wait $! 2>/dev/null || true
    receipts=$(cat "$work"/out/receipts/*.jsonl 2>/dev/null | wc -l)
    echo "killed, $receipts receipts"
done
echo "kills: $killed"
measured "resumed" "$NOISEFLOOR" archive "$work/in" "$work/out"
measured "run once more" "$NOISEFLOOR" archive "$work/in" "$work/out"
measured "verified" "$NOISEFLOOR" archive verify "$work/out"
measured "restored" "$NOISEFLOOR" archive restore "$work/out" "$work/again"
diff -r "$work/in" "$work/again" && echo "restored: byte for byte the frames"
left=$(find "$work/out" -name '.noisefloor-*' | wc -l)
outputs=$(find "$work/out" -name '*.nfl' | wc -l)
echo "outputs: $outputs, temporary files left: $left"
[[ $outputs == "$files" && $left == 0 ]]
rm -r "$work/again" "$work/out"

for threads in 1 "$(nproc)"; do
    measured "archived, $threads threads" "$NOISEFLOOR" --threads "$threads" archive "$work/in" "$work/out"
    rm -r "$work/out"
done
