"""What the browser tests run on: found or missed aloud, and locked by hash with no address in the lock."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import browser

ROOT = Path(__file__).parent.parent
TESTS = """\
from tests.browser.conftest import browser

def test_with(browser):
    browser.new_page().goto("about:blank")

def test_without():
    pass
"""


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("PYTEST")}
    return subprocess.run(  # noqa: S603 - our own programs
        [sys.executable, *command], cwd=ROOT, env=clean | environment, capture_output=True, text=True, check=False
    )


def run_pytest(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A run of pytest of its own, with nothing but our plugins and a few tests."""
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (folder / "test_some.py").write_text(TESTS, encoding="utf-8")
    own = ["-c", str(folder / "pytest.ini"), "-p", "tests.left_out", "-p", "no:cacheprovider"]
    return run("-m", "pytest", *own, folder, **environment)


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    ended = run_pytest(tmp_path, EARNEST_CHROMIUM="/nowhere")
    assert ended.returncode == 0, ended.stdout
    assert "1 test was left out for want of a browser: no Chromium at /nowhere" in ended.stdout
    assert "\n  test_some.py\n" in ended.stdout
    assert "1 passed, 1 skipped" in ended.stdout


def test_on_ci_nothing_may_be_left_out(tmp_path: Path) -> None:
    ended = run_pytest(tmp_path, EARNEST_CHROMIUM="/nowhere", CI="true")
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED, ended.stdout
    assert "CI=true: nothing may be left out, so this run has failed." in ended.stdout


def test_what_cant_be_had_ends_the_tool_with_a_reason() -> None:
    ended = run("-m", "tools.browser", "install", EARNEST_CHROMIUM="/nowhere")
    assert (ended.returncode, ended.stdout) == (browser.UNAVAILABLE, "")
    assert ended.stderr == "no Chromium at /nowhere, where EARNEST_CHROMIUM points\n"


def test_nobody_but_root_installs_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("EARNEST_CHROMIUM", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(browser.BrowserMissingError, match="on Debian, as root: apt-get install chromium"):
        browser.install()


def test_axe_is_found_only_as_it_is_locked(tmp_path: Path) -> None:
    folder = tmp_path / "packages"
    with pytest.raises(browser.BrowserMissingError, match="axe isn't installed"):
        browser.find_axe(folder)
    (folder / browser.AXE).parent.mkdir(parents=True)
    (folder / browser.AXE).write_text("", encoding="utf-8")
    shutil.copy(browser.PACKAGES / browser.LOCK, folder)
    with pytest.raises(browser.BrowserMissingError, match="axe isn't installed"):
        browser.find_axe(folder)
    locked = json.loads((folder / browser.LOCK).read_text(encoding="utf-8"))
    locked["packages"].pop("")
    (folder / browser.INSTALLED).write_text(json.dumps(locked), encoding="utf-8")
    assert browser.find_axe(folder) == folder / browser.AXE
    locked["packages"]["node_modules/axe-core"]["version"] = "4.0.0"
    (folder / browser.INSTALLED).write_text(json.dumps(locked), encoding="utf-8")
    with pytest.raises(browser.BrowserMissingError, match="axe isn't installed"):
        browser.find_axe(folder)


def test_the_lock_has_a_hash_for_each_package_and_no_address() -> None:
    text = (browser.PACKAGES / browser.LOCK).read_text(encoding="utf-8")
    packages = [about for name, about in json.loads(text)["packages"].items() if name]
    assert packages
    assert all(about["integrity"].startswith("sha512-") for about in packages)
    assert "://" not in text


def test_what_playwrights_driver_lacks_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[str] = []

    def find_driver() -> None:
        if not installed:
            raise browser.BrowserMissingError("libatomic.so.1: cannot open shared object file")

    monkeypatch.setattr(browser, "find_driver", find_driver)
    monkeypatch.setattr(browser.debian, "install", installed.append)
    monkeypatch.setattr(browser, "find_chromium", lambda: Path("chromium"))
    monkeypatch.setattr(browser, "find_axe", lambda: Path("axe"))
    assert browser.install() == (Path("chromium"), Path("axe"))
    assert installed == ["libatomic1"]


def test_a_driver_that_does_not_run_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'no libatomic here' >&2\nexit 127\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(browser.BrowserMissingError, match="Playwright's driver doesn't run: no libatomic here"):
        browser.find()
