"""Every error a caller can cause or must act on; each edge translates them once.

The message is written for whoever asked: it names the field or the thing, and the remedy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class GatekeeperError(Exception):
    """Something StringX can explain."""


class InvalidRequest(GatekeeperError):
    """The request can't be taken as it is; `field` says where."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class UnknownGate(GatekeeperError):
    """No gate has that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no gate is called {name!r}; GET /api/v1/gates lists those there are")


class AmbiguousGate(InvalidRequest):
    """Several warehouses have a gate of that name."""

    def __init__(self, name: str, warehouses: list[str]) -> None:
        choices = ", ".join(warehouses)
        super().__init__("warehouse", f"{name!r} is in several; name one of {choices}")


class NoVerdictYet(GatekeeperError):
    """The gate was never judged."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no run of {name!r} has finished yet; POST /api/v1/runs asks for one")


class NothingToBacktest(GatekeeperError):
    """The gate has judged no batch that could be judged again."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} has judged nothing yet that could be judged again; "
            "POST /api/v1/runs asks it to"
        )


class UnknownBacktest(GatekeeperError):
    """No backtest has that id."""

    def __init__(self, backtest_id: object) -> None:
        super().__init__(f"there is no backtest {backtest_id}")


class UnknownRun(GatekeeperError):
    """No run has that id."""

    def __init__(self, run_id: object) -> None:
        super().__init__(f"there is no run {run_id}")


class GateHasNoRules(GatekeeperError):
    """A gate without rules can't judge, so it is never asked to."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the gate {name!r} has no enabled rule, so it can't judge; add one")


class UnknownRules(InvalidRequest):
    """The gate has no enabled rules of these names."""

    def __init__(self, table: str, names: Sequence[str]) -> None:
        listed = ", ".join(map(repr, names))
        remedy = f"GET /api/v1/gates/{table} lists those there are"
        super().__init__("rules", f"{table!r} has no enabled rule {listed}; {remedy}")


class IdempotencyConflict(GatekeeperError):
    """An idempotency key came back with another body."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"the Idempotency-Key {key!r} was used before with another body; use a new key"
        )


class StoreUnavailable(GatekeeperError):
    """The store can't be reached; nothing was accepted."""

    def __init__(self) -> None:
        super().__init__("the store can't be reached; nothing was accepted, so try again")


class SchemaRegistryUnavailable(GatekeeperError):
    """The schema registry can't be reached or can't answer: no record's fault, so wait for it."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the schema registry can't be asked: {reason}")


class UnknownReference(GatekeeperError):
    """A reference in a warehouse's connection leads nowhere or outside what is allowed."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a configuration: where (a path in it) and what."""

    path: str
    reason: str

    def __str__(self) -> str:
        """Give the path and the reason in a line."""
        return f"{self.path}: {self.reason}"


class InvalidConfiguration(GatekeeperError):
    """A configuration was refused whole; `problems` lists everything that is wrong with it."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class RunnerError(GatekeeperError):
    """The plan could not be measured. `transient` says whether another attempt may do better."""

    def __init__(self, message: str, *, transient: bool) -> None:
        super().__init__(message)
        self.transient = transient


class RunnerStopped(RunnerError):
    """The runner was asked to stop before the plan was measured: nobody's failure."""

    def __init__(self) -> None:
        super().__init__("the runner was stopped while it judged", transient=True)


class AttemptReleased(GatekeeperError):
    """The run was given back to the queue for another attempt."""

    def __init__(self, attempt: int, reason: str) -> None:
        super().__init__(f"attempt {attempt} was given up: {reason}")
        self.attempt = attempt
