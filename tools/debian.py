"""Debian's packages, for what is missing on a machine: root may install them, others are told what to ask for.

`python -m tools.debian PROGRAM…` installs each program that isn't on PATH, from the package of its name; it exits with
3 where that can't be done.
"""

import os
import shutil
import subprocess
import sys

UNAVAILABLE = 3


class PackageError(Exception):
    """A package can't be installed here; says why, and what would help."""


def may_install() -> bool:
    """Whether packages can be installed here: by root, on Debian."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(package: str) -> None:
    """Installs a package of Debian. Raises PackageError."""
    if not may_install():
        raise PackageError(f"{package} is missing; on Debian, as root: apt-get install {package}")
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for task in (["update", "-qq"], ["install", "-qq", "-y", "--no-install-recommends", package]):
        try:
            subprocess.run(["apt-get", *task], env=quiet, stdout=sys.stderr, check=True)  # noqa: S603, S607
        except subprocess.CalledProcessError as failure:
            raise PackageError(f"apt-get {' '.join(task)} failed; {package} is not installed") from failure


def main() -> None:
    """The command line."""
    try:
        for program in sys.argv[1:]:
            if not shutil.which(program):
                install(program)
    except PackageError as why:
        sys.stderr.write(f"{why}\n")
        sys.exit(UNAVAILABLE)


if __name__ == "__main__":
    main()
