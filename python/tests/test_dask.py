"""Archives over Dask: what the program makes of the same files, and what is left when workers and
clients are killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import noisefloor
import numpy as np
import pytest

from .conftest import noise

dask = pytest.importorskip("noisefloor.dask", exc_type=ImportError)
distributed = pytest.importorskip("distributed")

PROGRAM = shutil.which("noisefloor")
needs_program = pytest.mark.skipif(PROGRAM is None, reason="noisefloor is not on the PATH")
# Of rows: what differs from run to run.
TIMES = ["seconds", "finished_unix_ms"]


@pytest.fixture(scope="module")
def client():
    with cluster() as workers, distributed.Client(workers) as client:
        yield client


def cluster():
    return distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0")


@pytest.fixture
def nights(tmp_path):
    """Thirty frames in three folders, a FITS file without pixels, a bad file, a file of text."""
    folder = tmp_path / "nights"
    for n in range(30):
        night = folder / f"night {n % 3}"
        night.mkdir(parents=True, exist_ok=True)
        np.save(night / f"{n}.npy", noise((180 + n, 300), seed=n))
    cards = ["SIMPLE  =                    T", "BITPIX  =                    8"]
    header = "".join(card.ljust(80) for card in [*cards, "NAXIS   =                    0", "END"])
    (folder / "empty.fits").write_bytes(header.encode().ljust(2880))
    (folder / "bad.fits").write_bytes(b"no FITS file")
    (folder / "log.txt").write_text("cloudy")
    return folder


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False)


def rows(archive):
    lines = (archive / "receipts" / "1-of-1.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def manifest(archive):
    parquet = pytest.importorskip("pyarrow.parquet")
    return parquet.read_table(archive / "manifest.parquet").drop(TIMES).to_pylist()


def same_as_the_program(nights, archive, codec="floor"):
    """The program makes the same archive of the same files, and believes this one."""
    other = archive.with_name("by the program")
    made = run("archive", nights, other, "--codec", codec)
    assert made.returncode == 1 and "31 archived" in made.stderr, made.stderr
    assert manifest(archive) == manifest(other)
    assert "31 files are what their receipts say" in run("archive", "verify", archive).stderr
    again = run("archive", nights, archive, "--codec", codec)
    assert "0 archived, 31 done before, 1 failed" in again.stderr
    restored = archive.with_name("restored")
    assert run("archive", "restore", archive, restored).returncode == 0
    for source in nights.rglob("*"):
        if source.is_file() and source.name not in ("bad.fits", "log.txt"):
            assert source.read_bytes() == (restored / source.relative_to(nights)).read_bytes()
    nothing_is_left(archive)


def nothing_is_left(archive):
    assert not [path for path in archive.rglob("*") if path.name.endswith(".part")]


def test_importing_the_package_imports_no_dask():
    code = "import sys, noisefloor; print({'dask', 'distributed'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@needs_program
def test_it_is_the_archive_of_the_program(client, nights, tmp_path, capsys):
    archive = tmp_path / "packed"
    done = dask.archive(nights, archive, client=client)
    assert (done.archived, done.done_before, done.others, done.failed) == (31, 0, 1, 1)
    ((path, reason),) = done.failures
    assert path == nights / "bad.fits" and "not a FITS file" in reason
    assert "bad.fits" in capsys.readouterr().err
    assert done.bytes_out < done.bytes_in and done.seconds > 0
    same_as_the_program(nights, archive)
    # What the program has proved is not done again.
    done = dask.archive(nights, tmp_path / "by the program", client=client, progress=False)
    assert (done.archived, done.done_before, done.failed) == (0, 31, 1)
    assert not capsys.readouterr().err
    # What has changed is.
    np.save(nights / "night 1" / "1.npy", noise((181, 300), seed=77))
    (nights / "bad.fits").unlink()
    done = dask.archive(nights, archive, client=client)
    assert (done.archived, done.done_before, done.failed) == (1, 30, 0)


def test_tasks_come_in_windows(client, nights, tmp_path):
    most = 0

    class Watched:
        """The client, as far as it is needed, that counts what is in flight."""

        loop, status = client.loop, client.status

        def map(self, *arguments, **options):
            nonlocal most
            futures = client.map(*arguments, **options)
            flight.extend(futures)
            most = max(most, sum(future.status == "pending" for future in flight))
            return futures

    flight = []
    done = dask.archive(nights, tmp_path / "packed", client=Watched(), window=4)
    assert done.archived == 31 and len(flight) == 32 and most <= 4


@needs_program
def test_a_killed_worker_costs_nothing(nights, tmp_path):
    archive = tmp_path / "packed"
    with cluster() as workers, distributed.Client(workers) as client:
        pids = list(client.run(os.getpid).values())

        def kill():
            receipts = archive / "receipts" / "1-of-1.jsonl"
            while not receipts.exists() or receipts.read_bytes().count(b"\n") < 3:
                time.sleep(0.01)
            os.kill(pids[0], signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        done = dask.archive(nights, archive, "floor:level=high", client=client, window=8)
        killer.join()
        assert (done.archived, done.failed) == (31, 1), done.failures
        after = set(client.run(os.getpid).values())
        assert pids[0] not in after
    same_as_the_program(nights, archive, "floor:level=high")


def test_a_file_that_kills_its_workers_is_a_row(nights, tmp_path):
    archive = tmp_path / "packed"
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as one:
        with distributed.Client(one) as client:
            # So that the first death is the last one.
            client.run_on_scheduler(lambda dask_scheduler: setattr(dask_scheduler, "allowed_failures", 0))
            client.run(exec, DEADLY, {})
            done = dask.archive(nights, archive, client=client, window=1)
            reasons = {path.name: reason for path, reason in done.failures}
            assert sorted(reasons) == ["10.npy", "bad.fits"]
            assert "worker was killed" in reasons["10.npy"]
            failed = [row for row in rows(archive) if row["source"] == "night 1/10.npy"]
            assert failed[-1]["error"] == reasons["10.npy"] and failed[-1]["source_bytes"] > 100
            # The next worker has no such fault.
            done = dask.archive(nights, archive, client=client)
            assert (done.archived, done.done_before, done.failed) == (1, 30, 1)


# On a worker: one file ends the process. As text, since workers cannot import the tests.
DEADLY = """
import os
from noisefloor import dask

one = dask._archivist

class Deadly:
    def __init__(self, job):
        self.job = job

    def row(self, task, threads):
        if task[0].endswith("10.npy"):
            os._exit(1)
        return one(self.job).row(task, threads)

dask._archivist = Deadly
"""


CLIENT = """
import sys
import noisefloor.dask
if __name__ == "__main__":
    noisefloor.dask.archive(sys.argv[1], sys.argv[2], "floor:level=high", window=4)
"""


@needs_program
def test_a_killed_client_costs_nothing(client, nights, tmp_path):
    archive = tmp_path / "packed"
    script = tmp_path / "client.py"
    script.write_text(CLIENT)
    killed = subprocess.Popen([sys.executable, script, nights, archive], stderr=subprocess.DEVNULL)
    receipts = archive / "receipts" / "1-of-1.jsonl"
    while not receipts.exists() or receipts.read_bytes().count(b"\n") < 5:
        assert killed.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    proved = sum(row["error"] is None for row in rows(archive))
    done = dask.archive(nights, archive, "floor:level=high", client=client)
    assert done.done_before >= 4 and done.done_before + done.archived == 31
    assert done.done_before == proved and done.failed == 1
    # Orphaned workers may have been at work for a moment.
    noisefloor.dask.archive(nights, archive, "floor:level=high", client=client, progress=False)
    same_as_the_program(nights, archive, "floor:level=high")


def test_two_clients_do_not_share_an_archive(client, nights, tmp_path):
    archive = tmp_path / "packed"
    from noisefloor import _core

    other = _core.Archive.begin(nights, archive, "floor", False)
    with pytest.raises(noisefloor.RequestError, match="another process works on shard 1/1"):
        dask.archive(nights, archive, client=client)
    other.close()
    assert dask.archive(nights, archive, client=client).archived == 31
    with pytest.raises(noisefloor.RequestError, match="closed"):
        other.tasks()


def test_sources_go_when_they_are_proved(client, nights, tmp_path):
    archive = tmp_path / "packed"
    done = dask.archive(nights, archive, client=client, delete=True)
    assert (done.archived, done.failed, done.kept) == (31, 1, 0)
    assert sorted(path.name for path in nights.rglob("*") if path.is_file()) == ["bad.fits", "log.txt"]


def test_wrong_arguments_are_told_before_anything_is_written(client, nights, tmp_path):
    archive = tmp_path / "packed"
    with pytest.raises(noisefloor.SpecError, match="no codec of that name"):
        dask.archive(nights, archive, "flor", client=client)
    with pytest.raises(noisefloor.RequestError, match="at least 1"):
        dask.archive(nights, archive, window=0, client=client)
    assert not archive.exists()
    with pytest.raises(OSError, match="absent"):
        dask.archive(tmp_path / "absent", archive, client=client)
    with pytest.raises(noisefloor.RequestError, match="the sources lie in the archive"):
        dask.archive(nights, nights, client=client)


def test_outputs_of_others_are_not_replaced(client, nights, tmp_path):
    archive = tmp_path / "packed"
    (archive / "night 0").mkdir(parents=True)
    (archive / "night 0" / "0.npy.nfl").write_bytes(b"precious")
    done = dask.archive(nights, archive, client=client)
    assert (done.archived, done.failed) == (30, 2)
    assert (archive / "night 0" / "0.npy.nfl").read_bytes() == b"precious"
    done = dask.archive(nights, archive, client=client, force=True)
    assert (done.archived, done.done_before) == (1, 30)


def test_the_same_call_works_under_a_scheduler_of_jobs(nights, tmp_path, monkeypatch):
    jobqueue = pytest.importorskip("dask_jobqueue")
    # What Slurm does, without Slurm: a job is a process of this machine.
    slurm = tmp_path / "bin"
    slurm.mkdir()
    (slurm / "sbatch").write_text('#!/bin/sh\nsh "$1" >/dev/null 2>&1 &\necho "Submitted batch job $!"\n')
    (slurm / "scancel").write_text('#!/bin/sh\nkill "$@" 2>/dev/null || true\n')
    for command in slurm.iterdir():
        command.chmod(0o755)
    monkeypatch.setenv("PATH", str(slurm), prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)
    options = {"dashboard_address": ":0"}
    with (
        jobqueue.SLURMCluster(cores=1, memory="2GB", scheduler_options=options) as cluster,
        distributed.Client(cluster) as client,
    ):
        cluster.scale(2)
        done = dask.archive(nights, tmp_path / "packed", client=client)
    assert (done.archived, done.failed) == (31, 1)


def test_a_cluster_that_goes_away_is_told(nights, tmp_path):
    archive = tmp_path / "packed"
    with cluster() as workers, distributed.Client(workers) as client:

        def close():
            while not (archive / "night 0").exists():
                time.sleep(0.01)
            workers.close()

        closer = threading.Thread(target=close)
        closer.start()
        with pytest.raises(noisefloor.BackendError, match="run it again"):
            dask.archive(nights, archive, "floor:level=max", client=client, progress=False)
        closer.join()
    with cluster() as workers, distributed.Client(workers) as client:
        assert dask.archive(nights, archive, client=client).failed == 1
