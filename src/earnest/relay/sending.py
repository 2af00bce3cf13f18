"""Sending one event to one endpoint: signed, to a public address, and judged by its answer."""

import asyncio
import logging
import re
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver, ResolveResult
from standardwebhooks import Webhook

from earnest.ledger.packing import instant, micros
from earnest.ledger.rows import DeliveryRow, EndpointRow
from earnest.marketplace.addresses import is_public
from earnest.marketplace.showing import event_id
from earnest.relay.terms import Terms

MOST_BODY = 4_096
"""Bytes of an answer's body that are read, so that its connection can be used again; nobody looks at them."""

BODY_SECONDS = 1.0
MOST_ERROR = 200
KEPT_SECONDS = 1.0
"""How long a connection is kept that nothing is sent over: shorter than receivers keep theirs."""

GONE = 410
BUSY = (429, 503)

_log = logging.getLogger("earnest.relay")
_encode = msgspec.json.Encoder().encode


class Answer(msgspec.Struct, frozen=True):
    """What came of an attempt. `retry_after` is how many seconds a busy receiver asked to be left alone.

    After one that is final there is no sense in another, though the receiver doesn't have it.
    """

    status: int | None = None
    error: str | None = None
    retry_after: float | None = None
    is_final: bool = False

    @property
    def is_success(self) -> bool:
        """Whether the receiver has it."""
        return self.status is not None and 200 <= self.status < 300


class PrivateAddressError(OSError):
    """The address to be connected to is none on the public internet."""


class Carrier(Protocol):
    """What carries the events of one endpoint to where they go."""

    async def send(self, endpoint: EndpointRow, row: DeliveryRow, now: datetime) -> Answer:
        """Send an event, and return what came of it; nothing but the end of this task is raised."""

    async def close(self) -> None:
        """Let go of what it holds."""


class Sender:
    """Sends to one endpoint, with threads and connections of its own, so that none waits for another's."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._names = Names()
        connector = aiohttp.TCPConnector(
            limit=terms.at_once,
            resolver=self._names,
            socket_factory=None if terms.allow_private else public_socket,
            keepalive_timeout=KEPT_SECONDS,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            # The whole is timed below; the library would round it up.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            auto_decompress=False,
            read_bufsize=MOST_BODY,
            trust_env=False,
        )

    async def send(self, endpoint: EndpointRow, row: DeliveryRow, now: datetime) -> Answer:
        """Send an event, and return what came of it; nothing but the end of this task is raised."""
        try:
            async with asyncio.timeout(self._terms.timeout):
                return await self._post(endpoint, row, now)
        except TimeoutError:
            return Answer(error=f"no answer within {self._terms.timeout:g} seconds")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(error=_said(error))
        except Exception as error:
            # Whatever is wrong with this one, the others go out.
            _log.exception("an event could not be sent: %s", event_id(row))
            return Answer(error=_said(error))

    async def _post(self, endpoint: EndpointRow, row: DeliveryRow, now: datetime) -> Answer:
        if not self._terms.allow_private and not endpoint.url.startswith("https://"):
            return Answer(error="plain http is not allowed here")
        body = body_of(row)
        post = self._session.post(
            endpoint.url, data=body, headers=headers_of(endpoint, row, body, now), allow_redirects=False
        )
        async with post as response:
            if response.status != GONE:
                await _read(response)
            return judge(response.status, response.headers, now)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._session.close()
        await self._names.close()


async def _read(response: aiohttp.ClientResponse) -> None:
    """Read the body, if it is small and comes soon; hang up otherwise. What was answered holds either way."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            left = MOST_BODY
            while left > 0 and (read := await response.content.read(left)):
                left -= len(read)
            if not response.content.at_eof():
                response.close()
    except (TimeoutError, aiohttp.ClientError, OSError):
        response.close()


def body_of(row: DeliveryRow) -> bytes:
    """Return what is sent: the kind, when it was recorded, and the data."""
    payload = msgspec.Raw(row.payload.encode())
    return _encode({"type": row.kind, "timestamp": instant(row.recorded_at), "data": payload})


def headers_of(endpoint: EndpointRow, row: DeliveryRow, body: bytes, now: datetime) -> dict[str, str]:
    """Return the headers of Standard Webhooks: signed with the secret, and with the old one until that ends."""
    secrets = [endpoint.secret]
    if endpoint.old_secret is not None and micros(now) < (endpoint.old_secret_until or 0):
        secrets.append(endpoint.old_secret)
    id_ = event_id(row)
    return {
        "content-type": "application/json",
        "user-agent": "Earnest-Webhooks",
        "accept-encoding": "identity",
        "webhook-id": id_,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(id_, now, body.decode()) for secret in secrets),
    }


def judge(status: int, headers: Mapping[str, str], now: datetime) -> Answer:
    """Return what an HTTP answer means."""
    if 200 <= status < 300:
        return Answer(status)
    if 300 <= status < 400:
        return Answer(status, f"answered {status}, and redirects are not followed")
    return Answer(status, f"answered {status}", _asked(headers.get("Retry-After"), now) if status in BUSY else None)


def _asked(retry_after: str | None, now: datetime) -> float | None:
    """Return how many seconds a Retry-After asks for, None where it can't be read."""
    if retry_after is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", retry_after.strip()):
        return float(retry_after)
    try:
        at = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    # A date without a zone is meant in UTC.
    return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds())


def public_socket(address: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
    """Make a socket for an address that is about to be connected to; raises PrivateAddressError for a private one.

    Whatever a name led to before, and will lead to: this is the address it is about.
    """
    family, type_, proto, _, where = address
    if not is_public(str(where[0])):
        raise PrivateAddressError(f"{where[0]} is no address on the public internet")
    return socket.socket(family, type_, proto)


def _said(error: Exception) -> str:
    """Return in a line why an attempt failed."""
    if isinstance(error, aiohttp.InvalidURL):
        said = "the URL can't be called"
    elif isinstance(error, aiohttp.ServerDisconnectedError):
        said = "the connection was closed without an answer"
    elif isinstance(error, aiohttp.ClientConnectorDNSError):
        said = "the host's name can't be looked up"
    elif isinstance(error, aiohttp.ClientConnectorError):
        said = f"no connection: {error.os_error.strerror or error.os_error}"
    else:
        said = f"{type(error).__name__}: {error}"
    return said.encode("ascii", "replace").decode().replace("\0", "?")[:MOST_ERROR]


class Names(AbstractResolver):
    """Looks up names in a thread of its own: a name server that gives no answer holds up this endpoint only."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(1, "earnest-names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return a host's addresses; raises OSError."""

        def look_up() -> list[ResolveResult]:
            return [
                ResolveResult(
                    hostname=host,
                    host=str(where[0]),
                    port=port,
                    family=found,
                    proto=proto,
                    flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                )
                for found, _, proto, _, where in socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
            ]

        return await asyncio.get_running_loop().run_in_executor(self._threads, look_up)

    async def close(self) -> None:
        """Wait for nobody."""
        self._threads.shutdown(wait=False, cancel_futures=True)
