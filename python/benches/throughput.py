"""Throughput of the Python package against the same work in Rust: a frame of 16 Mpixel in memory,
coded and proved, and decoded. Both take turns, and the medians count. With one thread, processor
time is taken, which hardly depends on what else the machine does; with all, the time that passes.
Rows below 95 % are an error.

Both processes keep the memory that they free (the variables of glibc below): whether it comes fresh
from the system is chance otherwise, and worth up to 20 % of a decoding.

    python python/benches/throughput.py [ROUNDS]
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import noisefloor
import numpy as np

ROWS = COLUMNS = 4096
LEAST = 0.95
SPECS = ("floor:level=fast", "floor")
KEEP_MEMORY = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
}


def frame() -> np.ndarray:
    """A gradient with Poisson noise and a cosmic ray in every thousand pixels."""
    rng = np.random.default_rng(1)
    values = rng.poisson(np.linspace(200, 1500, ROWS)[:, None], (ROWS, COLUMNS)) + 1000
    values[rng.random(values.shape) < 1e-3] += 20_000
    return values.astype("<u2")


def rust(path: Path) -> subprocess.Popen:
    command = ["cargo", "bench", "-q", "-p", "nf-floor", "--bench", "container", "--no-run"]
    lines = subprocess.check_output([*command, "--message-format=json"], text=True).splitlines()
    built = [json.loads(line).get("executable") for line in lines]
    program = next(one for one in built if one)
    return subprocess.Popen(
        [program, path, str(ROWS), str(COLUMNS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def main() -> None:
    if not KEEP_MEMORY.items() <= os.environ.items():
        # They are read when a process begins.
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | KEEP_MEMORY)
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    array = frame()
    slow = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "frame")
        array.tofile(path)
        with rust(path) as other:

            def in_rust(what: str, spec: str, threads: int) -> float:
                other.stdin.write(f"{what} {spec} {threads}\n")
                other.stdin.flush()
                passed, processor = map(float, other.stdout.readline().split())
                return processor if threads == 1 else passed

            def in_python(what: str, spec: str, threads: int) -> float:
                clock = time.process_time if threads == 1 else time.perf_counter
                start = clock()
                if what == "encode":
                    coded[spec] = noisefloor.encode(array, spec, threads=threads or None)
                    return clock() - start
                again = noisefloor.decode(coded[spec], threads=threads or None)
                seconds = clock() - start
                assert np.array_equal(again, array)
                return seconds

            coded: dict[str, bytes] = {}
            print("codec            threads what    Rust MB/s  Python MB/s  ratio")
            for spec in SPECS:
                for threads in (1, 0):
                    for what in ("encode", "decode"):
                        # The first round of each warms up.
                        times = [
                            (in_rust(what, spec, threads), in_python(what, spec, threads))
                            for _ in range(rounds + 1)
                        ][1:]
                        of_rust, of_python = map(statistics.median, zip(*times, strict=True))
                        ratio = of_rust / of_python
                        speeds = [array.nbytes / 1e6 / seconds for seconds in (of_rust, of_python)]
                        row = f"{spec:<16} {threads or 'all':>7} {what}"
                        print(f"{row} {speeds[0]:>10.0f} {speeds[1]:>12.0f} {ratio:>6.3f}", flush=True)
                        if ratio < LEAST:
                            slow.append(row)
            other.stdin.close()
    if slow:
        sys.exit(f"below {LEAST:.0%}: {'; '.join(slow)}")


if __name__ == "__main__":
    main()
