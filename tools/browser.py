#!/usr/bin/env python3
"""A browser for tests: Debian's Chromium, and axe, which looks for what keeps people out of a page.

`tools/browser.py install` sees to both; it exits with 3 where they can't be had. axe comes from npm, locked by hash in
tests/browser/package-lock.json; no script of a package is run.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

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
    """The program of Chromium, and axe's JavaScript. Raises BrowserMissingError."""
    return find_chromium(), find_axe()


def _apt_install(package: str) -> None:
    apt = shutil.which("apt-get")
    if os.geteuid() != 0 or not apt:
        raise BrowserMissingError(f"{package} is missing; on Debian, as root: apt-get install {package}")
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for task in (["update", "-qq"], ["install", "-qq", "-y", "--no-install-recommends", package]):
        _run([apt, *task], env=quiet)


def _run(command: list[str], **options: Any) -> None:
    """Runs a program that has to succeed; what it says goes to standard error."""
    try:
        subprocess.run(command, stdout=sys.stderr, check=True, **options)  # noqa: S603 - apt-get and npm
    except subprocess.CalledProcessError as failure:
        raise BrowserMissingError(f"{' '.join(command)} failed") from failure


def install() -> tuple[Path, Path]:
    """The program of Chromium, and axe's JavaScript; what is missing is installed, packages of Debian only by root.

    Raises BrowserMissingError.
    """
    try:
        find_chromium()
    except BrowserMissingError:
        if os.environ.get("EARNEST_CHROMIUM"):
            raise
        _apt_install("chromium")
    try:
        find_axe()
    except BrowserMissingError:
        if not shutil.which("npm"):
            _apt_install("npm")
        _run([shutil.which("npm") or "npm", "ci", *NPM_OPTIONS], cwd=PACKAGES)
    return find()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="A browser for tests.")
    tasks = parser.add_subparsers(dest="task", required=True)
    tasks.add_parser("install", help="install Chromium and axe if they are missing, and print where they are")
    parser.parse_args()
    try:
        sys.stdout.write("".join(f"{path}\n" for path in install()))
    except BrowserMissingError as why:
        sys.stderr.write(f"{why}\n")
        sys.exit(UNAVAILABLE)


if __name__ == "__main__":
    main()
