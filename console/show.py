"""Showing a run and its checks on a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gatekeeper.configuration.changes import Change

COLOURS = {"pass": "green", "warn": "yellow", "fail": "red", "error": "magenta"}
MESSAGE_LENGTH = 200

# A pipe or a log has room for the whole table.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)


def show_run(run: dict[str, Any], checks: Sequence[dict[str, Any]]) -> None:
    """Print the verdict, then every check."""
    verdict = run["verdict"] or run["state"]
    gate = {True: "open", False: "closed", None: "not judged"}[run["open"]]
    title = Text.assemble(
        (run["table"], "bold"),
        "  ",
        (verdict.upper(), f"bold {_colour(verdict)}"),
        f"  gate {gate}",
    )
    console.print(title)
    if checks:
        console.print(_table(checks))
    if run["message"]:
        console.print(Text(f"  {_printable(run['message'])}", "magenta"))
    for check in checks:
        if check["outcome"] == "error" and check["message"] != run["message"]:
            said = _printable(check["message"][:MESSAGE_LENGTH])
            console.print(Text(f"  {check['rule']}: {said}", "magenta"))


def _printable(text: str) -> str:
    """Give the text without what steers a terminal: a warehouse's words may hold its data."""
    return "".join(each if each.isprintable() or each == "\n" else "\ufffd" for each in text)


SIGNS = {"add": ("+", "green"), "change": ("~", "yellow"), "remove": ("-", "red")}


def show_changes(changes: Sequence[Change], *, applied: bool) -> None:
    """Print what applying a configuration changed, or would change."""
    for change in changes:
        sign, colour = SIGNS[change.action]
        console.print(Text(f"{sign} {change.path}", colour), soft_wrap=True)
        if change.action == "change":
            for field in {**change.before, **change.after}:
                old, new = change.before.get(field), change.after.get(field)
                console.print(Text(f"    {field}: {_word(old)} -> {_word(new)}"), soft_wrap=True)
    done = "applied" if applied else "would be applied"
    console.print(f"{len(changes)} changes {done}")


def _word(value: Any) -> str:
    return "(default)" if value is None else json.dumps(value, ensure_ascii=False)


def _table(checks: Sequence[dict[str, Any]]) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="dim")
    for name in ("check", "rule type", "outcome"):
        table.add_column(name, overflow="fold")
    for name in ("tested", "failed", "%", "ms"):
        table.add_column(name, justify="right", no_wrap=True)
    for check in checks:
        percent, seconds = check["percent_failed"], check["duration_seconds"]
        table.add_row(
            check["rule"],
            check["type"],
            Text(check["outcome"], _colour(check["outcome"])),
            _number(check["rows_tested"]),
            _number(check["rows_failed"]),
            "" if percent is None else f"{percent:.2f}",
            "" if seconds is None else f"{seconds * 1000:.0f}",
        )
    return table


def _number(count: int | None) -> str:
    return "" if count is None else f"{count:,}"


def _colour(word: str) -> str:
    return COLOURS.get(word, "white")


def show_dead_letters(letters: Sequence[tuple[str, str, str]]) -> None:
    """Print where each letter is, its key, and why it was put aside."""
    table = Table("where", "key", "reason", box=None, pad_edge=False)
    for letter in letters:
        table.add_row(*(Text(_printable(part[:MESSAGE_LENGTH])) for part in letter))
    if letters:
        console.print(table)
    count = len(letters)
    console.print(f"{count} dead letter{'' if count == 1 else 's'} not put back")
