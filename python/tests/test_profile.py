"""Frames coded with the profile of their detector."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import noisefloor

GOLDEN = Path(__file__).parents[2] / "crates/nf-floor/tests/golden/profiles"
PROFILE = GOLDEN / "pattern.nfp"


def frame() -> np.ndarray:
    """A frame of the detector of the profile."""
    with noisefloor.open(GOLDEN / "embedded-v2.nfl") as image:
        return np.asarray(image[...]).reshape(70, 90)


def test_profiles_are_named_by_what_they_coded() -> None:
    data = noisefloor.encode(frame(), "floor:level=high", profile=PROFILE)
    assert len(data) * 2 < len(noisefloor.encode(frame(), "floor:level=high"))
    identity = noisefloor.add_profile(PROFILE)
    assert identity in noisefloor.info(data)["codec"]
    assert (noisefloor.decode(data) == frame()).all()


def test_a_profile_lies_beside_the_file_or_is_asked_for(tmp_path: Path) -> None:
    data = noisefloor.encode(frame(), profile=PROFILE)
    (tmp_path / "frame.nfl").write_bytes(data)
    code = (
        "import noisefloor, sys\n"
        "try:\n"
        "    with noisefloor.open(sys.argv[1]) as image: print(image[...].sum())\n"
        "except noisefloor.Error as error: print(error)\n"
    )

    def run() -> str:
        command = [sys.executable, "-c", code, str(tmp_path / "frame.nfl")]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert "detector profile" in run()
    shutil.copy(PROFILE, tmp_path / "camera.nfp")
    assert int(run()) == int(frame().sum())
    # A name without a folder, too.
    command = [sys.executable, "-c", code, "frame.nfl"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert int(done.stdout) == int(frame().sum())


def test_a_container_carries_its_profile(tmp_path: Path) -> None:
    data = noisefloor.encode(frame(), profile=PROFILE, embed_profile=True)
    assert noisefloor.info(data)["embedded_profile_bytes"] == PROFILE.stat().st_size
    (tmp_path / "frame.nfl").write_bytes(data)
    # In a process that knows no profile.
    code = "import noisefloor, sys; print(noisefloor.open(sys.argv[1])[...].sum())"
    command = [sys.executable, "-c", code, str(tmp_path / "frame.nfl")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) == int(frame().sum())
    with pytest.raises(noisefloor.Error):
        noisefloor.encode(frame(), embed_profile=True)


def test_a_folder_gives_the_profile_that_fits(tmp_path: Path) -> None:
    for name in ["pattern", "ramp", "flats"]:
        shutil.copy(GOLDEN / f"{name}.nfp", tmp_path)
    data = noisefloor.encode(frame(), profile=tmp_path)
    assert "profile=camera." in noisefloor.info(data)["codec"]
    assert (noisefloor.decode(data) == frame()).all()
    # What no profile helps needs none, and what none can be of is coded without.
    noise = np.random.default_rng(3).poisson(400, (70, 90)).astype(np.uint16)
    for array in [noise, noise[:50].repeat(2, axis=0)]:
        assert noisefloor.info(noisefloor.encode(array, profile=tmp_path))["codec"] == "floor"
    with pytest.raises(noisefloor.Error, match="100 x 90"):
        noisefloor.encode(noise[:50].repeat(2, axis=0), profile=PROFILE)


def test_other_files_and_codecs_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.nfp"
    other.write_bytes(b"no profile")
    with pytest.raises(noisefloor.Error):
        noisefloor.add_profile(other)
    with pytest.raises(OSError):
        noisefloor.add_profile(tmp_path / "missing.nfp")
    with pytest.raises(noisefloor.SpecError):
        noisefloor.encode(frame(), "rice", profile=PROFILE)
