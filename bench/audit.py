"""One audit in a process of its own; prints what it took as a line of JSON."""

import asyncio
import json
import resource
import sys
from time import perf_counter

from earnest.ledger.audit import audit
from earnest.ledger.ledger import Ledger


async def main(url: str) -> None:
    """Audit a ledger, and print what it took."""
    ledger = await Ledger.open(url)
    began = perf_counter()
    found = await audit(ledger)
    figures = {
        "seconds": round(perf_counter() - began, 2),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "accounts": found.accounts,
        "entries": found.entries,
        "differences": [str(each) for each in found.differences],
    }
    await ledger.close()
    json.dump(figures, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
