"""The commands of the README, and the Python of the README and the pages, run as they stand."""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from earnest.marketplace import UseCases
from earnest.marketplace.use_case import UseCase

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MARKETPLACE = (ROOT / "docs" / "marketplace.md").read_text(encoding="utf-8")
# What sets the project up is run by whoever runs these tests.
SET_UP = "make install"


def commands() -> list[str]:
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    return [block for language, block in blocks if not language and SET_UP not in block]


def test_the_commands_run_in_their_order(tmp_path: Path) -> None:
    assert len(commands()) >= 4
    earnest = f"{shlex.quote(sys.executable)} -m earnest"
    for block in commands():
        script = block.replace("/tmp/", f"{tmp_path}/").replace(".venv/bin/earnest", earnest)  # noqa: S108
        ended = subprocess.run(["bash", "-euc", script], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603, S607
        assert (ended.returncode, ended.stderr) == (0, ""), block
        assert ("earnest" in block) == bool(ended.stdout)


# A block of Python, and what it prints: in comments behind its prints, or in a block of text of its own.
PYTHON = re.compile(r"^```python\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?", re.DOTALL | re.MULTILINE)


def run_python(page: str, capsys: pytest.CaptureFixture[str], leave_out: str | None = None) -> int:
    """Run a page's Python, block after block, and compare what each prints; return how many there were."""
    names: dict[str, object] = {}
    blocks = [block for block in PYTHON.findall(page) if leave_out is None or leave_out not in block[0]]
    for code, text in blocks:
        exec(compile(code, "page", "exec"), names)  # noqa: S102
        shown = text.splitlines() if text else re.findall(r"print\(.*\)  # (.*)", code)
        assert capsys.readouterr().out.splitlines() == shown, code
    return len(blocks)


def test_the_readmes_python_prints_what_it_says(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_python(README, capsys) == 2


def test_the_marketplaces_python_prints_what_it_says(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_python(MARKETPLACE, capsys) > 12


def test_the_marketplaces_python_prints_the_same_on_postgresql(
    capsys: pytest.CaptureFixture[str], new_postgres_database: Callable[..., str]
) -> None:
    page = MARKETPLACE.replace("sqlite:///earnest.db", new_postgres_database())
    assert run_python(page, capsys, leave_out="import sqlite3") > 12


def test_every_use_case_has_its_line() -> None:
    lines = re.findall(r"^\| `(\w+)` \| .*\. \|$", MARKETPLACE, re.MULTILINE)
    assert sorted(lines) == sorted(name for name, part in vars(UseCases).items() if isinstance(part, UseCase))


def test_the_links_lead_somewhere() -> None:
    for page in (ROOT / "README.md", *ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert target.startswith("https://") or (page.parent / target).exists(), f"{page.name}: {target}"
