"""`earnest demo`: a filled marketplace to look around in."""

import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from earnest.demo.personas import PERSONAS
from tests.server.running import PATIENCE, plain_environment

END = "Ctrl-C ends it"


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "earnest", "demo", "--port", "0"],
        env=plain_environment(TMPDIR=str(tmp_path), EARNEST_DATABASE="sqlite:////nowhere/real.db"),
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


@pytest.mark.usefixtures("curl")
def test_what_it_says_to_try_works_and_nothing_of_it_stays(demo: subprocess.Popen[str], tmp_path: Path) -> None:
    script = "\n".join(re.findall(r"^  ((?:K=|curl ).*)$", welcome(demo), re.MULTILINE))
    tried = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=True)  # noqa: S603, S607
    assert '"status":"open"' in tried.stdout
    assert '"external_id":"ida"' in tried.stdout
    assert '"available":70' in tried.stdout
    assert '{"now":"2026-05-01T00:00:00Z"}' in tried.stdout
    # What was allotted in April has been carried, and May's has come.
    kinds = re.findall(r"^ent_\w+,(\w+),(-?\d+),", tried.stdout, re.MULTILINE)
    assert kinds == [("allot", "70"), ("carry", "-70"), ("carry", "70"), ("allot", "70")]
    demo.send_signal(signal.SIGTERM)
    assert demo.wait(PATIENCE) == 0
    assert not list(tmp_path.glob("earnest-demo-*"))


def test_its_pages_are_there_and_one_click_signs_in(demo: subprocess.Popen[str]) -> None:
    url = re.findall(r"listens on (\S+)", welcome(demo))[0]
    with httpx.Client(base_url=url, follow_redirects=True) as browser:
        page = browser.get("/")
        assert "Look around as one of these people" in page.text
        token = re.findall(r'name="token" value="(\w+)"', page.text)[0]
        signed_in = browser.post("/demo/sign-in", data={"token": token, "email": PERSONAS[0].email})
        assert signed_in.url.path == "/work"
        assert PERSONAS[0].name in signed_in.text
