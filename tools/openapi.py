#!/usr/bin/env python3
"""openapi.json and the examples in it: `python -m tools.openapi` writes both anew where anything has changed.

The examples are a story, src/earnest/api/examples.json: request after request to a sandbox of its own, each with its
answer. `{submit[id]}` in a request stands for what an earlier answer has there. Telling the story again gives the same
answers, as the clock stands and the ids come from one seed.
"""

import json
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from litestar import Litestar
from litestar.testing import TestClient

from earnest import AsyncMarketplace
from earnest.api.app import make
from earnest.api.document import written
from earnest.ledger.ids import Ids
from earnest.settings import Settings

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "openapi.json"
STORY = ROOT / "src" / "earnest" / "api" / "examples.json"
BEGINS = datetime(2026, 1, 5, 9, tzinfo=UTC)

Step = dict[str, Any]


def app(database: str, *, sandbox: bool = False) -> Litestar:
    """The API over a database that is opened when the API is started."""

    @asynccontextmanager
    async def open_market() -> AsyncIterator[AsyncMarketplace]:
        ids = Ids(Random(1))  # noqa: S311 - the same each time
        async with await AsyncMarketplace.open(database, ids=ids, sandbox_at=BEGINS) as market:
            yield market

    # Nothing of a sandbox shows in the answers but its clock.
    return make(Settings(database=database, sandbox=sandbox, payments="manual"), open_market)


def document() -> str:
    """The document of a server, as it is kept: of a real marketplace, without a sandbox's paths."""
    return written(app("sqlite:////nowhere").openapi_schema.to_schema())


def told(story: list[Step]) -> list[Step]:
    """The story again, with the answers that are given now; raises RuntimeError for a step that is refused."""
    with (
        tempfile.TemporaryDirectory() as folder,
        TestClient(app(f"sqlite:///{folder}/story.db", sandbox=True)) as client,
    ):
        key = client.blocking_portal.call(_key, client.app)
        known: dict[str, Any] = {}
        return [_step(client, key, step, known) for step in story]


async def _key(application: Any) -> str:
    made = await application.state.market.create_key(name="the marketplace", scope="operate")
    return str(made.secret)


def _step(client: TestClient[Litestar], key: str, step: Step, known: dict[str, Any]) -> Step:
    verb, path = step["request"].format_map(known).split()
    # Braces of JSON are no places to fill.
    body = _filled(step.get("body"), known)
    sent = None if body is None else json.dumps(body)
    answer = client.request(verb, path, content=sent, headers={"Authorization": f"Bearer {key}"})
    if not answer.is_success:
        raise RuntimeError(f"{step['request']}: {answer.text}")
    shown = known[step["operation"]] = _repeatable(answer.json())
    return {**{name: value for name, value in step.items() if name != "answer"}, "answer": shown}


def _filled(value: Any, known: dict[str, Any]) -> Any:
    if isinstance(value, str):
        return value.format_map(known)
    if isinstance(value, dict):
        return {name: _filled(each, known) for name, each in value.items()}
    return [_filled(each, known) for each in value] if isinstance(value, list) else value


def _repeatable(answer: Any) -> Any:
    """An answer without its secrets, and with the story's clock where the machine's shows."""
    if answer.get("secret") is not None:
        answer["secret"] = f"{answer['secret'].partition('_')[0]}_…"
    if answer.get("old_secret_until") is not None:
        answer["old_secret_until"] = "2026-01-06T09:00:00Z"  # noqa: S105 - a time
    return answer


def main() -> None:
    """Write what has changed, and say so."""
    story = json.dumps(told(json.loads(STORY.read_text(encoding="utf-8"))), indent=2, ensure_ascii=False) + "\n"
    for path, text in ((STORY, lambda: story), (DOCUMENT, document)):
        new = text()
        if not path.exists() or path.read_text(encoding="utf-8") != new:
            path.write_text(new, encoding="utf-8")
            sys.stdout.write(f"{path.relative_to(ROOT)} is written anew\n")


if __name__ == "__main__":
    main()
