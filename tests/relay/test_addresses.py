"""Nothing is sent into one's own network, whatever a URL or a name leads to."""

import asyncio
import socket
from typing import Any

import msgspec
import pytest

from earnest.marketplace.addresses import is_public, webhook_url
from earnest.relay.sending import PrivateAddressError, public_socket
from tests.relay.given import NEVER, QUICK, account, deliveries, opened, relaying, shown, subscribe
from tests.relay.receiver import Receiver, eventually

PRIVATE = (
    *("127.0.0.1", "127.8.9.10", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),  # noqa: S104
    *("169.254.169.254", "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192", "192.0.2.1", "198.18.0.1"),
    *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "192.88.99.1"),
    *("::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "fe80::1", "fe80::1%eth0", "fc00::1"),
    *("fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),
    *("64:ff9b:1::1", "2001::1", "100::1", "3fff::1", "5f00::1", "", "localhost", "1.1.1", "0x7f.0.0.1"),
)
PUBLIC = ("1.1.1.1", "8.8.8.8", "172.32.0.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808")


@pytest.mark.parametrize("address", PRIVATE)
def test_no_private_address_gets_a_socket(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(PrivateAddressError):
        public_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, 443)))


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_does(address: str) -> None:
    assert is_public(address)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    public_socket((family, socket.SOCK_STREAM, 0, "", (address, 443))).close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://example.com/", "begins with https://"),
        ("ftp://example.com/", "begins with https://"),
        ("example.com", "begins with https://"),
        ("https://", "a host"),
        ("https:///path", "a host"),
        ("https://example.com:0/", "any port but 0"),
        ("https://example.com:99999/", "can't be read"),
        ("https://[::1", "can't be read"),
        ("https://ana:secret@example.com/", "without a user"),
        ("https://ana@example.com/", "without a user"),
        ("https://10.0.0.1/", "not an address of a private network"),
        ("https://[::1]:8443/", "not an address of a private network"),
        ("https://exa mple.com/", "printable ASCII"),
        ("https://example.com/\n", "printable ASCII"),
        ("https://exämple.com/", "printable ASCII"),
        ("https://example.com\\@10.0.0.1/", "printable ASCII"),
        ("https://example.com/" + "a" * 2_000, "2,000 characters"),
        ("", "2,000 characters"),
        (7, "a text"),
    ],
)
def test_a_url_that_can_t_be_meant_is_told_so(url: Any, said: str) -> None:
    with pytest.raises(ValueError, match=r"^url: expected") as raised:
        webhook_url(url, allow_private=False)
    assert said in str(raised.value)


def test_private_addresses_and_plain_http_can_be_allowed() -> None:
    for url in ("http://127.0.0.1:8000/hooks", "https://10.0.0.1/", "http://receiver/"):
        assert webhook_url(url, allow_private=True) == url
    with pytest.raises(ValueError, match="http:// or https://"):
        webhook_url("ftp://127.0.0.1/", allow_private=True)


NOT_PUBLIC = "no address on the public internet"


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("127.0.0.1", NOT_PUBLIC),
        ("localhost", NOT_PUBLIC),
        ("[::ffff:127.0.0.1]", NOT_PUBLIC),
        ("moved.example", NOT_PUBLIC),
        ("2130706433", "can't be called"),
        ("127.1", "can't be called"),
    ],
)
def test_a_url_that_leads_into_one_s_own_network_is_not_called(
    database: str, host: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda name, *more, **others: look_up("127.0.0.1" if name == "moved.example" else name, *more, **others),
    )

    async def run() -> None:
        async with opened(database) as market, Receiver() as receiver:
            # As a name that led elsewhere when it was given, or a setting that has been changed.
            endpoint = await subscribe(market, receiver.url.replace("127.0.0.1", host).replace("http:", "https:"))
            await account(market)
            async with relaying(market, msgspec.structs.replace(QUICK, allow_private=False, pauses=(NEVER,))):
                [seen] = await eventually(lambda: deliveries(market, endpoint.id), lambda found: found[0].attempts)
            assert said in str(seen.error)
            assert (seen.status, seen.answered) == ("waiting", None)
            assert not receiver.came

    asyncio.run(run())


def test_plain_http_is_not_called_where_it_is_no_longer_allowed(database: str) -> None:
    async def run() -> None:
        async with opened(database) as market, Receiver() as receiver:
            endpoint = await subscribe(market, receiver.url)
            await account(market)
            async with relaying(market, msgspec.structs.replace(QUICK, allow_private=False, pauses=(NEVER,))):
                [seen] = await eventually(lambda: deliveries(market, endpoint.id), lambda found: found[0].attempts)
            assert seen.error == "plain http is not allowed here"
            assert (await shown(market, endpoint.id)).status == "failing"
            assert not receiver.came

    asyncio.run(run())


def test_proxies_of_the_environment_are_not_used(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    async def run() -> None:
        async with opened(database) as market, Receiver() as receiver, relaying(market):
            endpoint = await subscribe(market, receiver.url)
            await account(market)
            await eventually(lambda: deliveries(market, endpoint.id), lambda found: found[0].status == "delivered")

    asyncio.run(run())
