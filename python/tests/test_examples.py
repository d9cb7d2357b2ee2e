"""The examples run, and the Python code of the documents does."""

import pathlib
import re
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples" / "python").glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example(example, tmp_path):
    command = [sys.executable, "-W", "error::UserWarning", example]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout, "it shows something"


@pytest.mark.parametrize("document", ["README.md", "docs/python.md"])
def test_code_of_documents(document, tmp_path, monkeypatch):
    """Every block of Python runs, one after another, in a folder with a night of frames."""
    from .conftest import night

    monkeypatch.chdir(tmp_path)
    night(tmp_path)
    profile = ROOT / "crates/nf-floor/tests/golden/profiles/pattern.nfp"
    (tmp_path / "profiles").mkdir()
    for name in ("kast-blue.nfp", "profiles/kast-blue.nfp"):
        shutil.copy(profile, tmp_path / name)
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / document).read_text(), re.M | re.S)
    assert blocks, "there are some"
    names: dict[str, object] = {"__name__": "document"}
    for block in blocks:
        exec(compile(block, document, "exec"), names)  # noqa: S102
