"""Rule types about time: how old, how late, how long, and whether without a gap."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

from gatekeeper.domain.batch import Range
from tests.reference.judged import CannotJudge, Judged, Parameters, RuleType
from tests.reference.values import EPOCH, is_beyond, microseconds

SECONDS = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400}


def _duration(parameters: Parameters, name: str) -> Fraction:
    """A parameter in microseconds; 0 where it is left out."""
    seconds = SECONDS[parameters.get("unit", "seconds")]
    return Fraction(str(parameters.get(name, 0))) * seconds * 1_000_000


def _times(judged: Judged, column: str) -> list[int]:
    return [microseconds(row[column]) for row in judged.rows if row[column] is not None]


def not_in_future(judged: Judged, parameters: Parameters) -> int:
    latest = microseconds(judged.now) + _duration(parameters, "grace")
    return sum(time > latest for time in _times(judged, parameters["column"]))


def freshness(judged: Judged, parameters: Parameters) -> int:
    now = microseconds(judged.now)
    past = [time for time in _times(judged, parameters["column"]) if time <= now]
    if not judged.rows:
        return 0
    return int(not past or now - max(past) > _duration(parameters, "max"))


def arrived_in_batch_window(judged: Judged, parameters: Parameters) -> int:
    if not isinstance(judged.batch, Range):
        raise CannotJudge("the batch is no range")
    start, end = _moment(judged.batch.start), _moment(judged.batch.end)
    end += _duration(parameters, "grace")
    return sum(not start <= time < end for time in _times(judged, parameters["column"]))


def _moment(bound: Any) -> Fraction:
    if not isinstance(bound, str):
        raise CannotJudge("the batch is no range of dates or times")
    return Fraction(microseconds(datetime.fromisoformat(bound)))


def lag_between(judged: Judged, parameters: Parameters) -> int:
    unit = SECONDS[parameters["unit"]] * 1_000_000
    pairs = [(row[parameters["start"]], row[parameters["end"]]) for row in judged.rows]
    return sum(
        is_beyond(Fraction(microseconds(end) - microseconds(start), unit), parameters)
        for start, end in pairs
        if start is not None and end is not None
    )


def no_date_gaps(judged: Judged, parameters: Parameters) -> int:
    every = parameters.get("every", "day")
    periods = {
        _period(EPOCH + timedelta(microseconds=t), every)
        for t in _times(judged, parameters["column"])
    }
    return sum(later - earlier > 1 for earlier, later in pairwise(sorted(periods)))


def _period(time: datetime, every: str) -> int:
    """Which of all the hours, days, weeks or months it is. A week begins on a Monday."""
    days = time.date().toordinal()
    match every:
        case "hour":
            return days * 24 + time.hour
        case "day":
            return days
        case "week":
            return (days - date.min.toordinal()) // 7
        case _:
            return time.year * 12 + time.month


RULE_TYPES: Mapping[str, RuleType] = {
    "arrived_in_batch_window": arrived_in_batch_window,
    "freshness": freshness,
    "lag_between": lag_between,
    "no_date_gaps": no_date_gaps,
    "not_in_future": not_in_future,
}
