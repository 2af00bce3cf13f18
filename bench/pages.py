"""The pages as `earnest demo` serves them: how long each takes at the server, and how large it is."""

import re
import select
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

import httpx

from bench.row import Row
from earnest.demo.personas import PERSONAS, Persona

MOST_MILLISECONDS = 50
MOST_BYTES = 60_000
MOST_FILLING_SECONDS = 10
TIMES = 15
MOST_KINDS = 80
PATIENCE_SECONDS = 60
_ID = re.compile(r"_[0-9a-f]{32}(_\d+)?|=[^&]+")


def measure_pages() -> Iterator[Row]:
    """Yield how soon the demo answers, and the slowest and the largest page of each of its people."""
    began = perf_counter()
    with _demo() as url:
        seconds = perf_counter() - began
        yield Row(
            "the demo, filled and listening",
            round(seconds, 1),
            " s",
            f"{MOST_FILLING_SECONDS} s",
            seconds <= MOST_FILLING_SECONDS,
        )
        floor = _milliseconds(httpx.Client(base_url=url), "/healthz")
        for persona in PERSONAS:
            with httpx.Client(base_url=url, follow_redirects=True) as browser:
                _sign_in(browser, persona)
                yield from _of(browser, persona, floor)


def _of(browser: httpx.Client, persona: Persona, floor: float) -> Iterator[Row]:
    paths = _reached(browser)
    taken = {path: _milliseconds(browser, path) for path in paths}
    slowest = max(taken, key=lambda path: taken[path])
    yield Row(
        f"{persona.email.partition('@')[0]}: slowest of {len(paths)}",
        round(taken[slowest], 1),
        " ms",
        f"{MOST_MILLISECONDS} ms",
        taken[slowest] <= MOST_MILLISECONDS,
        taken[slowest] / floor,
    )
    print(f"  {_ID.sub('_…', slowest)}")
    largest = max(paths, key=lambda path: paths[path])
    yield Row(
        f"{persona.email.partition('@')[0]}: largest",
        round(paths[largest] / 1000, 1),
        " kB",
        f"{MOST_BYTES // 1000} kB",
        paths[largest] <= MOST_BYTES,
    )
    print(f"  {_ID.sub('_…', largest)}")


@contextmanager
def _demo() -> Iterator[str]:
    """Have the demo listen, and give its address."""
    with subprocess.Popen(
        [sys.executable, "-m", "earnest", "demo", "--port", "0"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            while True:
                ready, _, _ = select.select([process.stdout], [], [], PATIENCE_SECONDS)
                line = process.stdout.readline() if ready else ""
                assert line, "the demo didn't come to listen"
                found = re.search(r"listens on (\S+)", line)
                if found:
                    yield found[1]
                    return
        finally:
            process.terminate()


def _sign_in(browser: httpx.Client, persona: Persona) -> None:
    token = re.findall(r'name="token" value="(\w+)"', browser.get("/sign-in").text)[0]
    answer = browser.post("/demo/sign-in", data={"token": token, "email": persona.email})
    assert answer.status_code == 200, answer.text


def _reached(browser: httpx.Client) -> dict[str, int]:
    """Return the pages that links lead to, one of each kind, and their sizes in bytes."""
    sizes: dict[str, int] = {}
    waiting, seen = ["/"], set[str]()
    while waiting and len(sizes) < MOST_KINDS:
        path = waiting.pop(0)
        kind = _ID.sub("", path)
        if kind in seen or not path.startswith("/") or path.startswith(("/static", "/schema", "/v1")):
            continue
        seen.add(kind)
        answer = browser.get(path)
        assert answer.status_code < 500, f"{path}: {answer.status_code}"
        if answer.headers["content-type"].startswith("text/html"):
            sizes[path] = len(answer.content)
            waiting += [link.replace("&amp;", "&") for link in re.findall(r'href="(/[^"]*)"', answer.text)]
    return sizes


def _milliseconds(browser: httpx.Client, path: str) -> float:
    """Return the median of several requests, one after the other, with the connection kept."""
    taken = []
    for _ in range(TIMES):
        began = perf_counter()
        browser.get(path)
        taken.append(1000 * (perf_counter() - began))
    return statistics.median(taken)
