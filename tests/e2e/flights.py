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
        "carrier_length": (16, 0),
        "carrier_present": (16, 0),
        "carrier_unique": (16, 0),
        "name_present": (16, 0),
        "sixteen_carriers": (16, 0),
    },
    "flights.airports": {
        "dst_known": (1_458, 0),
        "faa_form": (1_458, 0),
        "faa_present": (1_458, 0),
        "faa_unique": (1_458, 0),
        "latitude_possible": (1_458, 0),
        "longitude_possible": (1_458, 0),
        "mostly_below_1000_m": (1_458, 0),
        "time_zone_present": (1_458, 3),
    },
    "flights.planes": {
        "engines_known": (3_322, 0),
        "mostly_jets": (3_322, 0),
        "seats_possible": (3_322, 0),
        "tailnum_form": (3_322, 0),
        "tailnum_unique": (3_322, 0),
        "year_possible": (3_322, 0),
        "year_present": (3_322, 70),
    },
    "flights.weather": {
        "dew_below_temp": (26_115, 0),
        "every_day_measured": (26_115, 0),
        "few_odd_temperatures": (26_115, 0),
        "gust_above_wind": (26_115, 0),
        "hour_unique": (26_115, 3),
        "humidity_possible": (26_115, 0),
        "instant_unique": (26_115, 0),
        "origin_known": (26_115, 0),
        "pressure_mostly_there": (26_115, 0),
        "wind_speed_possible": (26_115, 1),
    },
    "flights.flights": {
        "arrived_only_if_departed": (336_776, 0),
        "carrier_known": (336_776, 0),
        "delay_on_average": (336_776, 0),
        "departed": (336_776, 8_255),
        "destination_known": (336_776, 7_602),
        "distance_possible": (336_776, 0),
        "every_day_flown": (336_776, 0),
        "flight_unique": (336_776, 0),
        "hour_near_the_day": (336_776, 0),
        "left_new_york": (336_776, 0),
        "origin_known": (336_776, 0),
        "some_time_known": (336_776, 0),
        "tailnum_known": (336_776, 50_094),
        "tailnum_present": (336_776, 2_512),
        "three_origins": (336_776, 0),
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
