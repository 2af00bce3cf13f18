"""Sites to visit: a server on a demo that is filled once for a whole run of pytest, and copied."""

import asyncio
import fcntl
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from earnest import AsyncMarketplace
from earnest.demo.history import START, fill, ids
from tests.server.running import Running, running

FILLED = "demo.db"


def filled_demo(folder: Path) -> Path:
    """The file of a filled demo in a folder; whichever process of a run asks first fills it, and others wait."""
    path = folder / FILLED
    with (folder / f"{FILLED}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            part = path.with_suffix(".part")
            part.unlink(missing_ok=True)
            # A thread of its own, as this one has a loop running once it has a browser.
            with ThreadPoolExecutor(1) as thread:
                thread.submit(asyncio.run, _fill(part)).result()
            assert not part.with_name(f"{part.name}-wal").exists(), "closed, all of it is in the one file"
            part.rename(path)
    return path


async def _fill(path: Path) -> None:
    async with await AsyncMarketplace.open(f"sqlite:///{path}", ids=ids(), sandbox_at=START) as market:
        await fill(market)


@contextmanager
def site_on_copy(demo: Path, folder: Path) -> Iterator[Running]:
    """Serves a copy of a demo, in a folder that is its own."""
    copy = folder / "site.db"
    shutil.copy(demo, copy)
    with running(folder) as serve:
        yield serve(f"sqlite:///{copy}", "--sandbox", key=False, EARNEST_DEMO="true", EARNEST_MAIL="console")
