"""How a text is written: whether it can be read as a type, whether it has a format.

Taken apart by Python's own parsers and by hand; there is no regular expression here.
"""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date
from ipaddress import IPv4Address
from typing import NoReturn

from tests.reference.judged import Parameters, Row, RuleType, count_rows
from tests.reference.values import written

BLANKS = " \t\n\r\f\v"
DIGITS = frozenset(string.digits)
HEX = frozenset(string.hexdigits)
WORD = frozenset(string.ascii_letters + string.digits + "!#$%&'*+/=?^_`{|}~-")
LABEL = frozenset(string.ascii_letters + string.digits + "-")


def _of(text: str, alphabet: frozenset[str]) -> bool:
    """One character or more, all of the alphabet."""
    return bool(text) and alphabet.issuperset(text)


def _unsigned(text: str) -> str:
    return text[1:] if text[:1] in ("+", "-") else text


def _is_integer(text: str) -> bool:
    stripped = text.strip(BLANKS)
    return _of(_unsigned(stripped), DIGITS) and -(2**63) <= int(stripped) < 2**63


def _is_numeric(text: str) -> bool:
    mantissa, e, exponent = text.strip(BLANKS).lower().partition("e")
    whole, _, fraction = _unsigned(mantissa).partition(".")
    digits = DIGITS.issuperset(whole + fraction) and whole + fraction != ""
    return digits and (not e or (_of(_unsigned(exponent), DIGITS) and len(exponent) <= 4))


def _is_date(text: str) -> bool:
    if [at for at, character in enumerate(text) if character not in DIGITS] != [4, 7]:
        return False
    with suppress(ValueError):
        return bool(date.fromisoformat(text)) and len(text) == 10
    return False


def _is_timestamp(text: str) -> bool:
    stripped = text.strip(BLANKS)
    day, rest = stripped[:10], stripped[10:]
    if not _is_date(day) or rest == "":
        return _is_date(day)
    return rest[0] in " T" and _is_time(_without_zone(rest[1:]))


def _without_zone(text: str) -> str:
    """A time of day without its zone; with what can be none left on."""
    if text[-1:] in ("Z", "z"):
        return text[:-1].removesuffix(" ")
    for sign in "+-":
        time, found, zone = text.partition(sign)
        hours, minutes = zone[:2], zone[2:].removeprefix(":")
        whole = len(hours) == 2 and len(minutes) in (0, 2) and not zone.endswith(":")
        if found and whole and _is_below(hours, 15) and (not minutes or _is_below(minutes, 60)):
            return time.removesuffix(" ")
    return text


def _is_time(text: str) -> bool:
    clock, point, fraction = text.partition(".")
    parts = clock.split(":")
    if point and not (len(parts) == 3 and _of(fraction, DIGITS) and len(fraction) <= 9):
        return False
    limits = [24, 60, 60][: len(parts)]
    return len(parts) in (2, 3) and all(map(_is_below, parts, limits))


def _is_below(text: str, limit: int) -> bool:
    """Two digits, less than the limit."""
    return _of(text, DIGITS) and len(text) == 2 and int(text) < limit


def _is_uuid(text: str) -> bool:
    parts = text.split("-")
    return [len(part) for part in parts] == [8, 4, 4, 4, 12] and all(_of(p, HEX) for p in parts)


def _is_json(text: str) -> bool:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(constant)

    with suppress(ValueError):
        json.loads(text, parse_constant=refuse)
        return True
    return False


def _is_host(text: str, labels: int = 1) -> bool:
    parts = text.split(".")
    return len(parts) >= labels and all(
        _of(part, LABEL) and len(part) <= 63 and part[0] != "-" != part[-1] for part in parts
    )


def _is_email(text: str) -> bool:
    local, at, domain = text.rpartition("@")
    return bool(at) and all(_of(part, WORD) for part in local.split(".")) and _is_host(domain, 2)


def _is_url(text: str) -> bool:
    scheme, found, rest = text.partition("://")
    if not found or scheme.lower() not in ("http", "https") or not scheme.isascii():
        return False
    end = min((rest.index(mark) for mark in "/?#" if mark in rest), default=len(rest))
    host, colon, port = rest[:end].partition(":")
    told = not colon or (_of(port, DIGITS) and len(port) <= 5)
    return _is_host(host) and told and not set(BLANKS) & set(rest[end:])


def _is_iban(text: str) -> bool:
    capitals = frozenset(string.ascii_uppercase)
    if not (15 <= len(text) <= 34 and _of(text[:2], capitals) and _of(text[2:4], DIGITS)):
        return False
    moved = text[4:] + text[:4]
    return _of(text, capitals | DIGITS) and int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def _is_ipv4(text: str) -> bool:
    with suppress(ValueError):
        return bool(str(IPv4Address(text)))
    return False


def _is_e164(text: str) -> bool:
    return text[:1] == "+" and _of(text[1:], DIGITS) and 3 <= len(text) <= 16 and text[1] != "0"


TYPES: Mapping[str, Callable[[str], bool]] = {
    "integer": _is_integer,
    "numeric": _is_numeric,
    "date": lambda text: _is_date(text.strip(BLANKS)),
    "timestamp": _is_timestamp,
    "uuid": _is_uuid,
    "json": _is_json,
}
FORMATS: Mapping[str, Callable[[str], bool]] = {
    "email": _is_email,
    "url": _is_url,
    "uuid": _is_uuid,
    "iban": _is_iban,
    "ipv4": _is_ipv4,
    "iso_date": _is_date,
    "e164": _is_e164,
}


def _castable_to(row: Row, parameters: Parameters) -> bool:
    value = row[parameters["column"]]
    return value is not None and not TYPES[parameters["type"]](written(value))


def _in_format(row: Row, parameters: Parameters) -> bool:
    value = row[parameters["column"]]
    return value is not None and not FORMATS[parameters["format"]](written(value))


RULE_TYPES: Mapping[str, RuleType] = {
    "castable_to": count_rows(_castable_to),
    "in_format": count_rows(_in_format),
}
