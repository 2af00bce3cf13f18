"""wrk, the load generator of the measures over HTTP: found, installed where that may be done, and run."""

import asyncio
import shutil
from pathlib import Path

import msgspec

from tools import debian

SCRIPT = Path(__file__).parent / "submit.lua"


class WrkMissingError(Exception):
    """wrk can't be had here; says what would help."""


class Load(msgspec.Struct, frozen=True):
    """What came of a slice of load: answers, those of them that were refused, requests without one, and times in ms."""

    answered: int
    seconds: float
    refused: int
    failed: int
    p50: float
    p99: float


def install() -> str:
    """Return wrk's program; on Debian, as root, the package is installed if it is missing. Raises WrkMissingError."""
    if not shutil.which("wrk"):
        try:
            debian.install("wrk")
        except debian.PackageError as why:
            raise WrkMissingError(str(why)) from why
    return shutil.which("wrk") or "wrk"


async def load(url: str, plan: Path, first: int, *, times: int, each: int, connections: int, seconds: int) -> Load:
    """Send proposals from the plan's given one on, by so many connections, for so long."""
    process = await asyncio.create_subprocess_exec(
        install(),
        *("--threads", "1", "--connections", str(connections), "--duration", str(seconds), "--timeout", "10"),
        *("--latency", "--script", str(SCRIPT), url, "--", str(plan), str(first), str(times), str(each)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate()
    assert process.returncode == 0, complained.decode()
    return msgspec.json.decode(said.decode().splitlines()[-1], type=Load)
