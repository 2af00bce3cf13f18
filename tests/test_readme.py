"""The README's commands and its Python run as they stand."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
# What sets the project up is run by whoever runs these tests.
SET_UP = "make install"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_the_commands_run_in_their_order(tmp_path: Path) -> None:
    commands = [block for block in blocks("") if SET_UP not in block]
    assert len(commands) >= 4
    earnest = f"{shlex.quote(sys.executable)} -m earnest"
    for block in commands:
        script = block.replace("/tmp/", f"{tmp_path}/").replace(".venv/bin/earnest", earnest)  # noqa: S108
        ended = subprocess.run(["bash", "-euc", script], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603, S607
        assert (ended.returncode, ended.stderr) == (0, ""), block
        assert ("earnest" in block) == bool(ended.stdout)


def test_the_python_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = blocks("python")
    exec(compile(block, "README.md", "exec"), {})  # noqa: S102
    assert capsys.readouterr().out.split() == re.findall(r"print\(.*\) +# (.*)", block) != []


def test_the_links_lead_somewhere() -> None:
    for page in (ROOT / "README.md", *ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert target.startswith("https://") or (page.parent / target).exists(), f"{page.name}: {target}"
