"""Where a result may be posted to: only to hosts that the operator has listed."""

from __future__ import annotations

from collections.abc import Collection

from pydantic import HttpUrl, TypeAdapter, ValidationError

from gatekeeper.domain.errors import InvalidRequest

MAX_LENGTH = 2000

_URL = TypeAdapter(HttpUrl)


def parse_url(text: str) -> str:
    """Give the URL in its normal form, which begins with its host as `host_of` gives it and a
    slash; raises ValueError.
    """
    try:
        url = _URL.validate_python(text)
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"]) from None
    if url.username is not None or url.password is not None:
        raise ValueError("leave user and password out; the signature says who calls")
    if url.fragment is not None:
        raise ValueError("a fragment (#...) is never sent; leave it out")
    return str(url)


def host_of(url: str) -> str:
    """Give what is listed of a URL in its normal form: `https://host`, and a port that isn't the
    scheme's own.
    """
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def parse_hosts(text: str) -> tuple[str, ...]:
    """Read a list of hosts as an operator writes it, `host`, `host:port` or `http://host:port` with
    commas between them; raises ValueError.
    """
    return tuple(dict.fromkeys(_parse_host(each.strip()) for each in text.split(",")))


def _parse_host(text: str) -> str:
    url = parse_url(text if "://" in text else f"https://{text}")
    if "*" in text or url != f"{host_of(url)}/":
        raise ValueError(f"{text!r} must be a host, as host, host:port or http://host:port")
    return host_of(url)


def check_callback(url: str | None, hosts: Collection[str]) -> None:
    """Raise InvalidRequest where the URL leads to a host that isn't listed."""
    if url is not None and host_of(url) not in hosts:
        reason = (
            f"StringX doesn't call {host_of(url)}; "
            "its operator lists the hosts that it calls in STRINGX_CALLBACK_HOSTS"
        )
        raise InvalidRequest("callback_url", reason)
