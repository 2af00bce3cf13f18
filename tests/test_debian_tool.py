"""Debian's packages for what is missing: by root only, and told what to ask for where that can't be."""

import os
from pathlib import Path

import pytest

from tools import debian


@pytest.fixture
def apt_get(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine of root's with nothing but an apt-get, which makes what it is told to install."""
    path = tmp_path / "apt-get"
    path.write_text(
        f'#!/bin/sh\necho "$DEBIAN_FRONTEND $*" >> {path}.log\nfor last in "$@"; do :; done\n'
        f'test "$1" = update || {{ : > "{tmp_path}/$last"; /bin/chmod +x "{tmp_path}/$last"; }}\n'
    )
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return path


def test_only_what_is_missing_is_installed(apt_get: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["debian", "apt-get", "curl", "curl"])
    debian.main()
    assert Path(f"{apt_get}.log").read_text().splitlines() == [
        "noninteractive update -qq",
        "noninteractive install -qq -y --no-install-recommends curl",
    ]


def test_what_may_not_be_installed_is_named(
    apt_get: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr("sys.argv", ["debian", "curl"])
    with pytest.raises(SystemExit) as ended:
        debian.main()
    assert ended.value.code == debian.UNAVAILABLE
    assert capsys.readouterr().err == "curl is missing; on Debian, as root: apt-get install curl\n"
    assert not Path(f"{apt_get}.log").exists()


def test_a_failure_of_apt_get_is_told(apt_get: Path) -> None:
    apt_get.write_text("#!/bin/sh\nexit 100\n")
    with pytest.raises(debian.PackageError, match=r"^apt-get update -qq failed; curl is not installed$"):
        debian.install("curl")
