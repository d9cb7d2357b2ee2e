"""The stubs say what the compiled module has, and all of the package is typed."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _mypy():
    pytest.importorskip("mypy")


def run(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", *arguments], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_mypy_strict():
    run("mypy", "--config-file", "pyproject.toml")


def test_stubtest():
    run("mypy.stubtest", "noisefloor._core")
