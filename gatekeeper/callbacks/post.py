"""Posting to a URL whose host is listed, and to nothing else.

Whoever asks chooses the URL, so the list of hosts is the wall. What a listed host's name leads to
is looked at all the same, once, and the connection goes to the very address that was looked at. It
may be a private one: most receivers have one; a certificate proves a name whatever it leads to; and
http is spoken only where the operator wrote so. It is never one that no receiver has: where clouds
keep their machines' credentials, link-local ones, and those that stand for many or for none.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError
from urllib3.util import Timeout, Url, parse_url

# The latter waits for an answer; of that only the status is read.
TIMEOUT = Timeout(connect=5.0, read=10.0)
MAX_ADDRESSES = 4

_SSL_PORT, _PORT = 443, 80
_NAT64 = IPv6Network("64:ff9b::/96")
_CREDENTIALS = {ip_address(each) for each in ("fd00:ec2::254", "100.100.100.200", "192.0.0.192")}
"""Where clouds keep credentials, beside the link-local addresses."""


class CallFailed(Exception):
    """The receiver didn't take what was posted; the message says why, and shows nothing of it."""


def post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Post to a URL in its normal form. A redirect isn't followed: like any other answer that isn't
    2xx, it is a failure. Raises CallFailed.
    """
    parsed = parse_url(url)
    status = _post_to_any(_resolve(parsed), parsed, body, headers)
    if not 200 <= status < 300:  # noqa: PLR2004 - success, as HTTP counts
        raise CallFailed(f"it answered {status}")


def _post_to_any(addresses: list[str], url: Url, body: bytes, headers: Mapping[str, str]) -> int:
    """Post to the first address that takes the connection, and give the answer's status."""
    refused = CallFailed("its name has no address")
    for address in addresses:
        try:
            return _post_to(address, url, body, headers)
        except (NewConnectionError, ConnectTimeoutError) as error:
            refused = CallFailed(f"it can't be reached: {type(error).__name__}")
        except HTTPError as error:
            raise CallFailed(f"it didn't answer: {type(error).__name__}") from None
    raise refused


def _post_to(address: str, url: Url, body: bytes, headers: Mapping[str, str]) -> int:
    with _pool(address, url) as pool:
        answer = pool.urlopen(
            "POST",
            url.request_uri,
            body=body,
            headers={"Host": url.netloc or "", **headers},
            redirect=False,
            retries=False,
            preload_content=False,
        )
        answer.close()
        return answer.status


def _pool(address: str, url: Url) -> urllib3.HTTPConnectionPool:
    """Give a pool that connects to the address; a certificate must be the host's all the same."""
    if url.scheme == "http":
        return urllib3.HTTPConnectionPool(address, url.port or _PORT, timeout=TIMEOUT)
    host = _bare(url)
    return urllib3.HTTPSConnectionPool(
        address,
        url.port or _SSL_PORT,
        timeout=TIMEOUT,
        server_hostname=host,
        assert_hostname=host,
    )


def _resolve(url: Url) -> list[str]:
    """Give the addresses that the host's name leads to; raises CallFailed where one may not be."""
    try:
        found = socket.getaddrinfo(_bare(url), None, type=socket.SOCK_STREAM)
    # The latter of a label that is too long.
    except (OSError, UnicodeError):
        raise CallFailed("its name isn't known") from None
    addresses = [str(place[0]) for *_, place in found]
    for address in addresses:
        if not is_allowed(address):
            raise CallFailed(f"its name leads to {address}, which is never called")
    return addresses[:MAX_ADDRESSES]


def _bare(url: Url) -> str:
    """Give the host as a name or an address, without the brackets of IPv6."""
    return (url.host or "").strip("[]")


def is_allowed(text: str) -> bool:
    """Whether a receiver may have the address, looked at as what it comes to in the end."""
    address = _plain(ip_address(text.partition("%")[0]))
    return address not in _CREDENTIALS and not (
        address.is_link_local or address.is_multicast or address.is_unspecified
    )


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Give the IPv4 address that stands in one of IPv6, where one does."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address
