"""A folder of frames archived by a cluster: proved, with receipts, killed at any time without harm.

Here the cluster is a few processes of this machine. On Slurm it would be

    from dask_jobqueue import SLURMCluster
    cluster = SLURMCluster(cores=1, memory="4GB", walltime="4:00:00")
    cluster.scale(64)

and nothing else would change, as long as the folders have the same names on all machines.

    python examples/python/dask_archive.py
"""

import tempfile
from pathlib import Path

import noisefloor
import noisefloor.dask
import numpy as np
from distributed import Client, LocalCluster


def main() -> None:
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        nights, packed = Path(folder, "nights"), Path(folder, "packed")
        for night in ("2026-01-01", "2026-01-02"):
            (nights / night).mkdir(parents=True)
            for exposure in range(6):
                frame = rng.poisson(900, (256, 320)).astype("uint16")
                np.save(nights / night / f"{exposure}.npy", frame)

        with (
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
            Client(cluster) as client,
        ):
            done = noisefloor.dask.archive(nights, packed, client=client, progress=False)
            print(f"{done.archived} archived, ratio {done.bytes_in / done.bytes_out:.3f}")
            assert not done.failures

            # A file that came later is all that the next run has to do.
            np.save(nights / "2026-01-02" / "6.npy", frame)
            done = noisefloor.dask.archive(nights, packed, client=client, progress=False)
            print(f"{done.archived} archived, {done.done_before} done before")

        with noisefloor.open(packed / "2026-01-02" / "6.npy.nfl") as image:
            assert np.array_equal(image[...], frame)
        # And on the command line: noisefloor archive verify packed


if __name__ == "__main__":
    main()
