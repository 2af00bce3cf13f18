"""A request on its way to a use case: who asks, under which idempotency key, with what."""

from functools import lru_cache
from math import inf
from typing import Any, cast

import msgspec
from litestar import Request, Response
from litestar.datastructures import State
from litestar.exceptions.http_exceptions import RequestEntityTooLarge

from earnest.api import problems
from earnest.api.bearers import header, is_bound
from earnest.api.sent import Sent
from earnest.ledger.writer import Key
from earnest.marketplace import AsyncMarketplace
from earnest.marketplace.given import MOST_KEY
from earnest.marketplace.keys import Bearer
from earnest.marketplace.payments import Provider
from earnest.rules.outcome import Refused
from earnest.settings import Settings

_REPLAYED = {"Idempotency-Replayed": "true"}


class Call(Request[Bearer, Bearer, State]):
    """A request to the API. `authorize` (bearers.py) puts down who asks before anything is read."""

    _given_key: Key | None = None
    _whole: bytes | None = None

    @property
    def market(self) -> AsyncMarketplace:
        """The marketplace asked."""
        return cast(AsyncMarketplace, self.app.state.market)

    @property
    def bearer(self) -> Bearer:
        """Who asks."""
        return cast(Bearer, self.scope["user"])

    @property
    def settings(self) -> Settings:
        """The server's settings."""
        return cast(Settings, self.app.state.settings)

    @property
    def payments(self) -> Provider:
        """Who takes payments."""
        return cast(Provider, self.app.state.payments)

    async def body(self) -> bytes:
        """Return the body, which mostly comes in one piece; raises RequestEntityTooLarge, ClientGoneError."""
        if self._whole is not None:
            return self._whole
        most = self.route_handler.resolve_request_max_body_size() or inf
        announced = header(self.scope, b"content-length")
        if announced is not None and announced.isdecimal() and int(announced) > most:
            raise RequestEntityTooLarge
        pieces: list[bytes] = []
        size, more = 0, True
        while more:
            event = await self.receive()
            if event["type"] != "http.request":
                raise problems.ClientGoneError
            pieces.append(event["body"])
            size += len(event["body"])
            if size > most:
                raise RequestEntityTooLarge
            more = event["more_body"]
        self._whole = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return self._whole

    def keyed(self) -> Key | None:
        """Return the caller's idempotency key, in the scope of its API key; raises MalformedError for an unfit one."""
        value = header(self.scope, b"idempotency-key")
        if value is None:
            return None
        if not value.strip() or len(value) > MOST_KEY or not value.isprintable():
            raise problems.MalformedError("Idempotency-Key", f"a text of 1 to {MOST_KEY} printable characters")
        self._given_key = Key(value, self.bearer.key_id)
        return self._given_key

    async def json(self) -> Any:
        """Return the body as what its handler takes, strictly: no unknown fields, no "7" for 7."""
        handler = self.route_handler
        taken, read = handler.parsed_fn_signature.parameters["data"].annotation, handler.opt["body"]
        body = await self.body()
        try:
            decoded = _decoder(read or taken).decode(body)
            if decoded is None:
                raise problems.MalformedError("body", "a JSON object, or nothing at all")
            # Of the type that is taken, though its parts are still to be read.
            return decoded if read is None else taken(**msgspec.structs.asdict(decoded))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise problems.malformed(error, taken) from error
        except RecursionError as error:
            raise problems.MalformedError("body", "JSON that isn't nested as deep") from error

    async def sees(self, account_id: str) -> bool:
        """Say whether the caller's key may touch an account that a body or a query names."""
        return await is_bound(self.market, self.bearer.bound_to, account_id)

    def answer(self, answer: Any, status: int = 200) -> Response[Any]:
        """Answer with what a use case did, or why it was refused."""
        if isinstance(answer, Refused):
            return problems.respond(problems.refused(answer))
        replayed = self._given_key is not None and self._given_key.replayed
        return Sent(answer, status_code=status, headers=_REPLAYED if replayed else None)


@lru_cache(maxsize=256)
def _decoder(type_: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(type_)
