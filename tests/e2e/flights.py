"""What the demo's gates find in the real data, and reading it from what the demo prints."""

from __future__ import annotations

import re

VERDICTS = {
    "flights.airlines": "pass",
    "flights.airports": "pass",
    "flights.planes": "warn",
    "flights.weather": "fail",
    "flights.flights": "fail",
}
# What each rule finds: the rows tested, and how many of them fail.
COUNTS = {
    "flights.airlines": {
        "carrier_present": (16, 0),
        "carrier_unique": (16, 0),
        "name_present": (16, 0),
    },
    "flights.airports": {
        "dst_known": (1_458, 0),
        "faa_present": (1_458, 0),
        "faa_unique": (1_458, 0),
        "latitude_possible": (1_458, 0),
    },
    "flights.planes": {
        "seats_possible": (3_322, 0),
        "tailnum_unique": (3_322, 0),
        "year_present": (3_322, 70),
    },
    "flights.weather": {
        "hour_unique": (26_115, 3),
        "humidity_possible": (26_115, 0),
        "origin_known": (26_115, 0),
        "wind_speed_possible": (26_115, 1),
    },
    "flights.flights": {
        "arrived_only_if_departed": (336_776, 0),
        "carrier_known": (336_776, 0),
        "departed": (336_776, 8_255),
        "destination_known": (336_776, 7_602),
        "origin_known": (336_776, 0),
        "tailnum_known": (336_776, 50_094),
        "tailnum_present": (336_776, 2_512),
    },
}

_GATE = re.compile(r"^(flights\.\w+)  ([A-Z]+)  gate (open|closed)$")
_CHECK = re.compile(r"^ (\w+) +(\w+) +([a-z_]+) +([\d,]+) +([\d,]+) +[\d.]+ +\d+ *$")


def read_verdicts(printed: str) -> dict[str, str]:
    """The verdict of each gate that was printed."""
    found = map(_GATE.match, printed.splitlines())
    return {gate[1]: gate[2].lower() for gate in found if gate}


def read_counts(printed: str) -> dict[str, dict[str, tuple[int, int]]]:
    """The rows tested and failed of each rule that was printed, by gate."""
    counts: dict[str, dict[str, tuple[int, int]]] = {}
    table = ""
    for line in printed.splitlines():
        if gate := _GATE.match(line):
            table = gate[1]
            counts[table] = {}
        elif check := _CHECK.match(line):
            tested, failed = (int(check[n].replace(",", "")) for n in (4, 5))
            counts[table][check[1]] = tested, failed
    return counts
