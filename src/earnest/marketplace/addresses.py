"""Where webhooks may go: URLs that can be meant, and addresses that belong to the public internet.

A server that calls wherever it is told must not be led into its own network. A URL is looked at when it is given, and
each address again when it is connected to, as a name may lead anywhere by then.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from socket import inet_aton, inet_ntoa
from urllib.parse import urlsplit

from earnest.marketplace.given import text

MOST_URL = 2_000

# Beside what Python counts as private, loopback, link-local, reserved and so on: what leads to others' special uses.
_SPECIAL = tuple(
    map(
        ip_network,
        (
            "100.64.0.0/10",  # carriers' own networks; some clouds' metadata
            "168.63.129.16/32",  # a cloud's own services, at an address that looks public
            "192.0.0.0/24",  # protocol assignments; another cloud's metadata
            "192.88.99.0/24",  # relays from IPv6
            "64:ff9b:1::/48",  # translation within a network
            "100::/64",  # discarded
            "2001::/23",  # protocol assignments, tunnels
            "2002::/16",  # tunnels to IPv4
            "3fff::/20",  # documentation
            "5f00::/16",  # routing within a network
        ),
    )
)
_TRANSLATED = ip_network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Say whether an IP address belongs to somebody on the public internet; False for what is none."""
    try:
        return _is_public(ip_address(address.partition("%")[0]))
    except ValueError:
        return False


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        # The IPv4 address inside is where it leads.
        if address.ipv4_mapped is not None:
            return _is_public(address.ipv4_mapped)
        if address in _TRANSLATED:
            return _is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
        if address.is_site_local:
            return False
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_unspecified
        and not any(address in network for network in _SPECIAL)
    )


def webhook_url(value: str, *, allow_private: bool) -> str:
    """Return a URL that webhooks can be sent to; raises ValueError for any other.

    With `allow_private`, for tests and development, it may be plain http and lead into one's own network.
    """
    text("url", value, MOST_URL)
    if not value.isascii() or not value.isprintable() or " " in value or "\\" in value:
        raise ValueError("url: expected a URL of printable ASCII characters, other characters encoded")
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"url: expected a URL, and this one can't be read: {error}") from None
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        raise ValueError(f"url: expected one that begins with {'http:// or ' if allow_private else ''}https://")
    if not host or port == 0:
        raise ValueError("url: expected one with a host, and any port but 0")
    if parts.username is not None or parts.password is not None:
        raise ValueError("url: expected one without a user and a password")
    if not allow_private and (_is_local(host) or not is_public(_numbers(host) or "9.9.9.9")):
        raise ValueError("url: expected a host on the public internet, not an address of a private network")
    return value


def _is_local(host: str) -> bool:
    """Say whether a name leads to the machine itself, wherever it is asked."""
    return host == "localhost" or host.endswith(".localhost")


def _numbers(host: str) -> str | None:
    """Return the address that a host is, in any of the forms that lead to one; None for a name."""
    try:
        return str(ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    try:
        # As in 127.1, 0x7f000001 and 2130706433.
        return inet_ntoa(inet_aton(host))
    except OSError:
        return None
