"""`make demo`: a sandbox to try things out in."""

import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.running import PATIENCE, plain_environment

ROOT = Path(__file__).parents[2]
END = "Ctrl-C ends it"


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(  # noqa: S603 - our own
        [sys.executable, str(ROOT / "tools" / "demo.py")],
        env=plain_environment(PORT="0", TMPDIR=str(tmp_path)),
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    if process.poll() is None:
        process.terminate()
        process.wait()
    assert process.stdout is not None
    process.stdout.close()


def welcome(process: subprocess.Popen[str]) -> str:
    """What it says when it is ready."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
    assert ready, "it never became ready"
    said = ""
    while END not in said:
        line = process.stdout.readline()
        assert line, f"it ended after saying {said!r}"
        said += line
    return said


def test_what_it_says_to_try_works_and_nothing_of_it_stays(demo: subprocess.Popen[str], tmp_path: Path) -> None:
    script = "\n".join(re.findall(r"^  ((?:K=|curl ).*)$", welcome(demo), re.MULTILINE))
    tried = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=True)  # noqa: S603, S607
    assert '"external_id":"ana"' in tried.stdout
    assert '"available":70' in tried.stdout
    assert '{"now":"2024-02-01T00:00:00Z"}' in tried.stdout
    # What was allotted in January has been carried, and February's has come.
    kinds = re.findall(r"^ent_\w+,(\w+),(-?\d+),", tried.stdout, re.MULTILINE)
    assert kinds == [("allot", "70"), ("carry", "-70"), ("carry", "70"), ("allot", "70")]
    demo.send_signal(signal.SIGTERM)
    assert demo.wait(PATIENCE) == 0
    assert not list(tmp_path.glob("earnest-demo-*"))
