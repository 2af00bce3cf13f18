"""The page for integrators: its marketplace runs against a server as the page starts it, and prints what it says."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from earnest.api.statuses import TITLE
from earnest.marketplace.keys import SCOPES
from earnest.settings import Settings
from tests.server.running import Serve, command, plain_environment, running

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "integrate.md").read_text(encoding="utf-8")
DOCUMENT = json.loads((ROOT / "openapi.json").read_text(encoding="utf-8"))


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    with running(tmp_path) as start:
        yield start


def blocks(language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return [block for of, block in found if of == language]


def test_the_marketplace_of_the_page_does_what_it_says(database: str, serve: Serve, tmp_path: Path) -> None:
    start, create = (block.strip() for block in blocks(""))
    variable, *words = shlex.split(start.replace("sqlite:///sandbox.db", database))
    assert words[:2] == ["earnest", "serve"]
    assert words[-2:] == ["--database", database]
    name, _, value = variable.partition("=")
    server = serve(database, *words[2:-2], **{name: value}, key=False)
    _, *words = shlex.split(create.replace("sqlite:///sandbox.db", database))
    key = subprocess.run(command(*words), capture_output=True, text=True, check=True, env=plain_environment()).stdout  # noqa: S603
    program = tmp_path / "marketplace.py"
    program.write_text("\n\n".join(blocks("python")), encoding="utf-8")
    ended = subprocess.run(  # noqa: S603 - the page's own
        [sys.executable, program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=plain_environment(MARKET_URL=server.url, MARKET_KEY=key.strip()),
    )
    assert ended.stdout.splitlines() == "".join(blocks("text")).splitlines(), ended.stderr
    assert ended.returncode == 0
    assert server.stop() == 0


def test_the_marketplace_is_as_long_as_it_says() -> None:
    lines = [line for line in blocks("python")[0].splitlines() if line]
    assert "some 60 lines" in PAGE
    assert len(lines) <= 65


def test_the_problem_of_the_page_is_one_that_is_answered() -> None:
    [shown] = blocks("json")
    [known] = DOCUMENT["components"]["responses"]["InsufficientConnects"]["content"].values()
    assert json.loads(shown) == known["examples"]["insufficient_connects"]["value"]


def test_what_the_page_names_is_there() -> None:
    named = set(re.findall(r"`(?:[A-Z]+ )?(/v1/[^`?]*)`", PAGE))
    paths = {re.sub(r"\{[^}]*\}", "ID", path) for path in DOCUMENT["paths"]} | {"/v1/sandbox/clock"}
    assert len(named) >= 4
    assert {re.sub(r"\{[^}]*\}|ext:[^/]*", "ID", path) for path in named} <= paths
    for setting in re.findall(r"EARNEST_([A-Z_]+)", PAGE):
        assert setting.lower() in Settings.__struct_fields__
    assert {f"`{code}`" in PAGE for code in ("malformed", "busy", "unavailable", "key_reused")} == {True}
    assert {"malformed", "busy", "unavailable", "key_reused"} <= {str(code) for code in TITLE}
    assert tuple(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == SCOPES
