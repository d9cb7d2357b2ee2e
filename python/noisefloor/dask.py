"""Archives written by many processes and machines: the files of ``noisefloor archive`` as tasks of
Dask, with the same receipts and the same manifest.

>>> from dask.distributed import Client  # doctest: +SKIP
>>> with Client() as client:  # doctest: +SKIP
...     done = noisefloor.dask.archive("nights", "packed", client=client)

``noisefloor archive verify packed`` and ``restore`` take the result, and whichever of both runs
next does what is missing. See docs/archives.md.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias
from uuid import uuid4

from distributed import Client, KilledWorker, LocalCluster, as_completed, get_client

from . import _core
from ._errors import BackendError, RequestError

__all__ = ["Archived", "archive"]

#: Name, length, time and known output of a source.
_Task: TypeAlias = tuple[str, int, int, str | None]
#: What an archivist is made of: sources, archive, codec, force, most memory, profile, whether
#: containers carry it.
_Job: TypeAlias = tuple[str, str, str, bool, int | None, str | None, bool]


@dataclass(frozen=True)
class Archived:
    """What came of an archive."""

    #: Files archived by this run, and those that were proved done before.
    archived: int
    done_before: int
    #: Files that are no FITS or .npy files by their names.
    others: int
    #: Sources that were not deleted because they would not come back byte for byte.
    kept: int
    #: Bytes of the files archived by this run, and of their outputs.
    bytes_in: int
    bytes_out: int
    seconds: float
    #: Path and reason of every file that failed; the next run tries them again.
    failures: tuple[tuple[Path, str], ...] = field(repr=False)

    @property
    def failed(self) -> int:
        """Number of files that failed."""
        return len(self.failures)


def archive(
    sources: str | os.PathLike[str],
    archive: str | os.PathLike[str],
    codec: str = "floor",
    *,
    client: Client | None = None,
    profile: str | os.PathLike[str] | None = None,
    embed_profile: bool = False,
    delete: bool = False,
    force: bool = False,
    threads: int = 1,
    window: int = 1000,
    progress: bool = True,
    max_memory_bytes: int | None = None,
) -> Archived:
    """Archives every FITS and .npy file below a folder: one task for each, proved, with a receipt.

    The folders must have the same names on all workers. A file that fails is a row of the result
    and stops no other; workers may be killed, and so may this process: the next call goes on.

    :param sources: folder of sources.
    :param archive: folder of the archive; it is made if it is not there.
    :param codec: codec and options, such as ``"floor:level=fast"``.
    :param client: the cluster's; by default the current one, or else a cluster of this machine
        with a process for every processor, for the time of the call.
    :param profile: detector profile (docs/profiles.md) or a folder of profiles, on all workers; a
        copy of each that is needed lies in the archive.
    :param embed_profile: put the profile into every container that needs it instead.
    :param delete: delete each source that comes back byte for byte, after its receipt is on disk.
    :param force: replace outputs that have no receipt and do not hold their source.
    :param threads: threads that code one file.
    :param window: most tasks that the scheduler knows at a time.
    :param progress: whether the standard error is told how far it is.
    :param max_memory_bytes: most memory that one file may take; 8 GiB by default.
    :raises RequestError: if another process writes the archive, or the folders make no sense.
    :raises BackendError: if the cluster goes away; what has a receipt by then is done.
    """
    if window < 1 or threads < 1:
        raise RequestError(f"threads is {threads} and window {window}, expected at least 1")
    start = time.monotonic()
    places = (os.path.abspath(sources), os.path.abspath(archive))
    if embed_profile and profile is None:
        raise RequestError("embed_profile: expected a profile")
    known = None if profile is None else os.path.abspath(profile)
    job: _Job = (*places, codec, force, max_memory_bytes, known, embed_profile)
    spec = _core.Archivist(*job).spec()
    run = _core.Archive.begin(*places, spec, delete)
    with ExitStack() as stack:
        stack.callback(run.close)
        done_before, others, failed = run.found()
        tasks = run.tasks()
        told = stack.enter_context(_Progress(tasks, progress))
        told.failures(failed)
        if tasks:
            cluster = client or _current() or stack.enter_context(_local(stack))
            for rows in _rows(cluster, run, job, tasks, threads, window):
                told.failures(run.settle(rows))
                told.done(len(rows), run.sum())
        told.failures(run.finish())
        found = run.sum()
    return Archived(
        archived=found["archived"],
        done_before=done_before,
        others=others,
        kept=found["kept"],
        bytes_in=found["bytes_in"],
        bytes_out=found["bytes_out"],
        seconds=time.monotonic() - start,
        failures=tuple(told.failed),
    )


def _current() -> Client | None:
    try:
        return get_client()
    except ValueError:
        return None


def _local(stack: ExitStack) -> Client:
    """Processes of this machine: a file each, so that one that dies takes no other with it."""
    cluster = LocalCluster(threads_per_worker=1, dashboard_address=":0")
    return Client(stack.enter_context(cluster))


@lru_cache(maxsize=4)
def _archivist(job: _Job) -> _core.Archivist:
    return _core.Archivist(*job)


def _one(task: _Task, job: _Job, threads: int) -> str:
    """Archives a file, on a worker; the row, also where it failed."""
    return _archivist(job).row(task, threads)


def _rows(
    client: Client,
    run: _core.Archive,
    job: _Job,
    tasks: list[_Task],
    threads: int,
    window: int,
) -> Iterator[list[str]]:
    """The rows of all tasks, as they come."""
    waiting: dict[str, _Task] = {}
    left = iter(tasks)
    # Of this call: the scheduler would give the results of another one of the same names.
    call = uuid4().hex
    completed = as_completed(loop=client.loop, with_results=True, raise_errors=False)

    def submit(count: int) -> None:
        some = list(islice(left, count))
        keys = [f"noisefloor-{call}-{task[0]}" for task in some]
        waiting.update(zip(keys, some, strict=True))
        completed.update(client.map(_one, some, key=keys, job=job, threads=threads))

    submit(window)
    try:
        for batch in completed.batches():
            rows = []
            gone = None
            for future, result in batch:
                task = waiting.pop(future.key)
                if future.status == "finished":
                    rows.append(result)
                elif future.status == "error":
                    rows.append(run.failure(task, _reason(result)))
                else:
                    gone = f"the cluster lost the work on {task[0]} ({future.status})"
                # A result that lies on a worker is computed again when that worker dies.
                future.release()
            yield rows
            if gone is not None or client.status != "running":
                reason = gone or "the connection to the scheduler was lost"
                raise BackendError(f"{reason}; what has a receipt is done, run it again")
            submit(len(batch))
    finally:
        completed.clear()


def _reason(result: Any) -> str:
    """Why a task gave no row."""
    error = result[1] if isinstance(result, tuple) else result
    if isinstance(error, KilledWorker):
        return (
            "its worker was killed whenever it was tried; often that is memory, and with workers that"
            " come and go `distributed.scheduler.allowed-failures` should be larger"
        )
    return " ".join(f"{type(error).__name__}: {error}".split())


class _Progress:
    """How far it is: a bar on a terminal, a line a minute elsewhere; failures in any case."""

    _LOG_EVERY_S = 60.0
    _BAR = 20

    def __init__(self, tasks: list[_Task], shown: bool) -> None:
        self._files = len(tasks)
        self._bytes = sum(task[1] for task in tasks)
        self._files_done = 0
        self._shown = shown
        self._is_terminal = sys.stderr.isatty()
        self._start = self._told = time.monotonic()
        self.failed: list[tuple[Path, str]] = []

    def __enter__(self) -> _Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._erase()

    def failures(self, failures: list[tuple[Path, str]]) -> None:
        """Files that failed."""
        for path, reason in failures:
            self.failed.append((path, reason))
            if self._shown:
                self._erase()
                line = reason if str(path) in reason else f"{path}: {reason}"
                print("".join(c if c.isprintable() else " " for c in line), file=sys.stderr)

    def done(self, files: int, found: dict[str, int]) -> None:
        """So many files more; bytes of those that succeeded so far."""
        self._files_done += files
        now = time.monotonic()
        if not self._shown or (not self._is_terminal and now - self._told < self._LOG_EVERY_S):
            return
        self._told = now
        seconds = max(now - self._start, 1e-3)
        line = f"{self._files_done} of {self._files} files, {found['bytes_in'] / 1e6 / seconds:.1f} MB/s"
        if found["bytes_out"]:
            line += f", ratio {found['bytes_in'] / found['bytes_out']:.3f}"
        # Small files cost time by their number and large ones by their bytes.
        share = self._files_done / self._files / 2 + found["bytes_in"] / max(self._bytes, 1) / 2
        if 0 < share < 1:
            line += f", {seconds * (1 - share) / share:.0f} s left"
        if self._is_terminal:
            bar = "█" * round(self._BAR * share)
            print(f"\r\x1b[K{bar:░<{self._BAR}} {line}", end="", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def _erase(self) -> None:
        if self._shown and self._is_terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
