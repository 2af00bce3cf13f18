"""A browser for tests: Debian's Chromium, Playwright's driver, and axe, which finds what keeps people out of a page.

`python -m tools.browser install` sees to all three; it exits with 3 where they can't be had. axe comes from npm, locked
by hash in tests/browser/package-lock.json; no script of a package is run.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tools import debian

UNAVAILABLE = 3
PACKAGES = Path(__file__).resolve().parent.parent / "tests" / "browser"
LOCK = "package-lock.json"
INSTALLED = Path("node_modules", ".package-lock.json")
"""What npm notes of the packages it has installed."""
AXE = Path("node_modules", "axe-core", "axe.min.js")
NPM_OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")


class BrowserMissingError(Exception):
    """A browser, or axe, can't be had here; says why, and what would help."""


def find_chromium() -> Path:
    """The program of Chromium: where EARNEST_CHROMIUM points, and only there if it is set, or else on PATH.

    Raises BrowserMissingError.
    """
    only = os.environ.get("EARNEST_CHROMIUM")
    found = shutil.which(only or "chromium")
    if found:
        return Path(found)
    raise BrowserMissingError(
        f"no Chromium at {only}, where EARNEST_CHROMIUM points"
        if only
        else "no Chromium on PATH; as root on Debian, `make test` installs it; else install it or set EARNEST_CHROMIUM"
    )


def find_driver() -> None:
    """Raises BrowserMissingError where Playwright's driver, a Node of its own, doesn't run."""
    try:
        subprocess.run([sys.executable, "-m", "playwright", "--version"], capture_output=True, text=True, check=True)
    except subprocess.CalledProcessError as failure:
        raise BrowserMissingError(f"Playwright's driver doesn't run: {failure.stderr.strip()}") from failure


def _packages(path: Path) -> dict[str, Any]:
    """The version and hash of each package that npm's lock, or its note of what is installed, names."""
    try:
        named = json.loads(path.read_text(encoding="utf-8"))["packages"]
    except (OSError, ValueError, KeyError):
        return {}
    return {name: (about.get("version"), about.get("integrity")) for name, about in named.items() if name}


def find_axe(folder: Path = PACKAGES) -> Path:
    """axe's JavaScript, of the version that is locked in a folder. Raises BrowserMissingError."""
    if (folder / AXE).is_file() and _packages(folder / INSTALLED) == _packages(folder / LOCK):
        return folder / AXE
    raise BrowserMissingError(f"axe isn't installed as {folder / LOCK} has it; `make test` installs it, by npm")


def find() -> tuple[Path, Path]:
    """The program of Chromium, and axe's JavaScript, with a driver that runs. Raises BrowserMissingError."""
    find_driver()
    return find_chromium(), find_axe()


def _install(package: str) -> None:
    try:
        debian.install(package)
    except debian.PackageError as why:
        raise BrowserMissingError(str(why)) from why


def install() -> tuple[Path, Path]:
    """The program of Chromium, and axe's JavaScript; what is missing is installed, packages of Debian only by root.

    Raises BrowserMissingError.
    """
    try:
        find_driver()
    except BrowserMissingError:
        # All that it needs and the smallest Debian hasn't.
        _install("libatomic1")
    try:
        find_chromium()
    except BrowserMissingError:
        if os.environ.get("EARNEST_CHROMIUM"):
            raise
        _install("chromium")
    try:
        find_axe()
    except BrowserMissingError:
        if not shutil.which("npm"):
            _install("npm")
        command = [shutil.which("npm") or "npm", "ci", *NPM_OPTIONS]
        try:
            subprocess.run(command, stdout=sys.stderr, cwd=PACKAGES, check=True)  # noqa: S603 - npm
        except subprocess.CalledProcessError as failure:
            raise BrowserMissingError(f"{' '.join(command)} failed") from failure
    return find()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="A browser for tests.")
    tasks = parser.add_subparsers(dest="task", required=True)
    tasks.add_parser("install", help="install what is missing, and print where Chromium and axe are")
    parser.parse_args()
    try:
        sys.stdout.write("".join(f"{path}\n" for path in install()))
    except BrowserMissingError as why:
        sys.stderr.write(f"{why}\n")
        sys.exit(UNAVAILABLE)


if __name__ == "__main__":
    main()
